"""docs/numbers.md: each of its queries is answered on the demo's data, in no more statements than it has lists."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from db.runtime.engine import Database
from services import demo
from services.platform import tenants
from tests.support.command import ROOT
from tests.support.graph import Asker
from tests.support.postgres import TestServer

TEXT = (ROOT / "docs" / "numbers.md").read_text()
QUERIES = re.findall(r"```graphql\n(.+?)\n```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
async def demo_data(server: TestServer) -> AsyncIterator[tuple[Asker, UUID]]:
    async with server.fresh() as target:
        await demo.load(target, demo.Size.SMALL)
        database = Database(target)
        await database.open()
        try:
            yield Asker(database), await tenants.find(target, "larkspur")
        finally:
            await database.close()


def test_there_are_some() -> None:
    assert len(QUERIES) >= 6


@pytest.mark.parametrize("query", QUERIES)
async def test_each_query_has_an_answer(demo_data: tuple[Asker, UUID], query: str) -> None:
    ask, tenant = demo_data
    answer = await ask(query, tenant)
    assert [*answer.good]
    assert all(answer.good.values())
    assert 0 < len(answer.ran) <= 4
    assert sum(ran.rows for ran in answer.ran) > 0
