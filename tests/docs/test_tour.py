"""docs/tour.md: seventeen queries that run on the demo as it stands, with the statements that it says."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.context import Principal, RequestContext
from db.runtime.engine import Database
from execution import Trace
from services import demo
from services.platform import tenants
from tests.support.graph import executed, schema
from tests.support.postgres import TestServer

TOUR = (Path(__file__).parents[2] / "docs" / "tour.md").read_text()
STOPS = re.findall(r"^## (\d+)\. .*?$(.*?)(?=^## |\Z)", TOUR, re.DOTALL | re.MULTILINE)
STATEMENTS = {
    1: 1,
    2: 1,
    3: 5,
    4: 1,
    5: 1,
    6: 1,
    7: 2,
    8: 6,
    9: 4,
    10: 4,
    11: 2,
    12: 2,
    13: 8,
    14: 7,
    15: 7,
    16: 5,
    17: 8,
}
NUMBERS = {"One": 1, "Four": 4, "Five": 5, "Six": 6}


NOTHING = {"11": [".nodes"], "12": [".orderCreate.userErrors"]}
"""Where an answer is empty on purpose: an id that isn't there, an order without complaints."""


@pytest.fixture(scope="module")
async def database(server: TestServer) -> AsyncIterator[Database]:
    async with server.fresh() as target:
        await demo.load(target, demo.Size.SMALL)
        opened = Database(target)
        await opened.open()
        yield opened
        await opened.close()


def test_there_are_seventeen() -> None:
    assert [int(number) for number, _ in STOPS] == [*range(1, 18)]


@pytest.mark.parametrize("number, text", STOPS, ids=[number for number, _ in STOPS])
async def test_each_runs_and_shows_something(database: Database, number: str, text: str) -> None:
    [query] = re.findall(r"```graphql\n(.*?)```", text, re.DOTALL)
    variables = [json.loads(found) for found in re.findall(r"```json\n(.*?)```", text, re.DOTALL)] or [{}]
    tenant, graph = await tenants.find(database.target, "larkspur"), schema()
    reader = database.reader(tenant)
    context = RequestContext(
        Principal(tenant, "tour", roles=("admin",)), reader, graph.nodes, trace=Trace(), database=database
    )
    result = await executed(graph, query, context, variables[0])
    await context.reader.close()
    assert result.errors is None
    assert empty(result.data) == NOTHING.get(number, [])
    assert context.trace is not None
    ran = context.trace.report()["totals"]["statements"]
    assert ran == STATEMENTS[int(number)]
    if said := re.search(r"(One|Four|Five|Six) statements?", text):
        assert NUMBERS[said[1]] == ran


def empty(value: Any, path: str = "") -> list[str]:
    """Where an answer has nothing to show."""
    if isinstance(value, dict):
        return [place for key, each in value.items() for place in empty(each, f"{path}.{key}")]
    if isinstance(value, list) and value:
        return [place for each in value for place in empty(each, path)]
    return [path] if value is None or value == [] else []
