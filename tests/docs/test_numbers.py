"""docs/numbers.md: each of its queries is answered on the demo's data, in no more statements than it has lists."""

import re
from uuid import UUID

import pytest

from tests.support.command import ROOT
from tests.support.graph import Asker

TEXT = (ROOT / "docs" / "numbers.md").read_text()
QUERIES = re.findall(r"```graphql\n(.+?)\n```", TEXT, re.DOTALL)


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
