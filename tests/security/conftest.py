"""``stage``: a victim and attackers on a database of their own, which no test changes but by the twins' commands."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLSchema

from execution.documents import store
from execution.documents.turns import checked
from tests.security.attack import ID
from tests.security.stage import Stage, numbered_one_by_one, staged
from tests.support.postgres import TestServer


@pytest.fixture(scope="session")
async def stage(server: TestServer) -> AsyncIterator[Stage]:
    async with staged(server) as made:
        yield made


@pytest.fixture(autouse=True)
def one_by_one() -> Iterator[None]:
    with numbered_one_by_one():
        yield


@pytest.fixture(scope="session", autouse=True)
def validated_once() -> Iterator[None]:
    """Twins send the same documents but for ids, and each test of a walk the same as the one before it: what was valid is
    valid. That was a third of what the walks take.
    """
    valid = set[tuple[Any, ...]]()

    def remembering(schema: GraphQLSchema, node: DocumentNode, rules: Any, turn: Any, **more: Any) -> list[Any]:
        assert node.loc is not None
        key = (id(schema), id(rules), ID.sub(r"\1", node.loc.source.body))
        if key in valid:
            return []
        found = checked(schema, node, rules, turn, **more)
        if not found:
            valid.add(key)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "checked", remembering)
        yield
