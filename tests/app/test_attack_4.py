"""Attack 4, as the siege found it: documents whose filters take long to validate, plan and make SQL of."""

import asyncio
from itertools import count
from typing import Any, ClassVar

import httpx
import pytest
from sqlalchemy import Select, literal, select

from core.fair_store import FairStore
from execution.documents.store import Documents
from loaders.kit import statements
from loaders.kit.base import Loader
from tests.siege.attacks import COUNTS, EVERY
from tests.support.cpu import within
from tests.support.graph import schema as graph
from tests.support.stalls import least_stall


def aliases(field: str) -> str:
    return " ".join(f"a{index}: {field}" for index in range(20))


def page(index: int) -> str:
    every = ['{lineItems: {every: {sku: {contains: "zzz"}}}}'] * (index % 5 + 1)
    return f"a{index}: orders(first: {index}, where: {{or: [{', '.join(every)}]}}) {{ nodes {{ id }} }}"


FOUND = {
    "4b": f"{{ {aliases(EVERY)} }}",
    "4c": f"{{ partners(first: 10) {{ nodes {{ {aliases(COUNTS)} }} }} }}",
    "shapes": f"{{ {' '.join(map(page, range(8)))} }}",
}


@pytest.mark.parametrize("name", FOUND)
async def test_finding_10_the_loop_has_its_turn(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each try has a document and statements that are new."""
    numbers = count()

    async def first_time() -> None:
        monkeypatch.setattr(statements, "_statements", FairStore(statements.CAPACITY))
        answer = (await client.post("/graphql", json={"query": f"{FOUND[name]}#{next(numbers)}"})).json()
        assert "errors" not in answer

    longest, _ = await least_stall(first_time)
    assert longest <= within(25)


async def test_finding_10_a_turn_is_given_before_a_statement_is_made() -> None:
    done: list[str] = []

    class Reader:
        tenant = None

    class Context:
        reader, trace = Reader(), None
        loaders: ClassVar[dict[Any, Any]] = {}

    def build() -> Select[tuple[int]]:
        done.append("built")
        return select(literal(1))

    loader = Loader(Context(), ())  # type: ignore[arg-type]  # as much of a context as it needs
    for _ in range(2):
        asyncio.get_running_loop().call_soon(done.append, "turn")
        await loader.made("test_finding_10", build)
        done.append("there")
    # The second one is known: nobody waits for it.
    assert done == ["turn", "built", "there", "there"]


@pytest.mark.parametrize("fields, turns", [(10, 0), (250, 2 + 5)])
async def test_finding_10_a_long_document_gives_turns(fields: int, turns: int) -> None:
    """After each hundred tokens that are parsed, and each hundred nodes that are validated."""
    documents, seen = Documents(graph()._schema), 0
    text = "{" + " __typename" * fields + "}"

    async def other() -> None:
        nonlocal seen
        while True:
            await asyncio.sleep(0)
            seen += 1

    beside = asyncio.create_task(other())
    await asyncio.sleep(0)
    for expected in (turns, turns):  # it is kept, and nobody waits for it again
        assert (await documents.read(text)).errors == []
        assert seen == expected
    beside.cancel()
