"""docs/tour.md: eighteen queries that run on the demo as it stands, with the statements that it says."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.context import Principal, RequestContext
from db.runtime.engine import Database
from execution import Trace
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
    17: 23,
    18: 18,
}
NUMBERS = {"One": 1, "Four": 4, "Five": 5, "Six": 6}


NOTHING = {
    "11": [".nodes"],
    "12": [".orderCreate.userErrors"],
    "18": [f".{field}.userErrors" for field in ("productUpsert", "stockAdjust", "orderCreate", "orderShip")],
}
"""Where an answer is empty on purpose: an id that isn't there, an order without complaints."""


@pytest.fixture(scope="module")
async def database(server: TestServer) -> AsyncIterator[Database]:
    async with server.with_demo() as target:
        opened = Database(target)
        await opened.open()
        yield opened
        await opened.close()


def test_there_are_eighteen() -> None:
    assert [int(number) for number, _ in STOPS] == [*range(1, 19)]


async def run(database: Database, text: str) -> tuple[Any, int]:
    """What a stop's query shows, and the statements that it took."""
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
    assert context.trace is not None
    return result.data, context.trace.report()["totals"]["statements"]


@pytest.mark.parametrize("number, text", STOPS, ids=[number for number, _ in STOPS])
async def test_each_runs_and_shows_something(database: Database, number: str, text: str) -> None:
    data, ran = await run(database, text)
    assert empty(data) == NOTHING.get(number, [])
    assert ran == STATEMENTS[int(number)]
    if said := re.search(r"(One|Four|Five|Six) statements?", text):
        assert NUMBERS[said[1]] == ran


async def test_18_what_expires_first_is_sent_first_and_its_customer_is_known(database: Database) -> None:
    """Also when it is sent a second time: then nothing happens again."""
    for _ in range(2):
        data, _ran = await run(database, STOPS[17][1])
        found = [
            (
                line["lot"]["code"],
                line["quantity"],
                line["lot"]["onHand"],
                [(each["quantity"], each["destination"]["code"]) for each in line["lot"]["moves"]["nodes"]],
                [
                    (each["quantity"], each["shipment"]["order"]["customer"]["code"])
                    for each in line["lot"]["shipmentLines"]["nodes"]
                ],
            )
            for line in data["orderShip"]["shipment"]["lines"]
        ]
        assert sorted(found) == [
            ("T-1", "4", "0", [("4", "CUSTOMERS"), ("4", "BER-A")], [("4", "F10004")]),
            ("T-2", "1", "5", [("1", "CUSTOMERS"), ("6", "BER-A")], [("1", "F10004")]),
        ]


def empty(value: Any, path: str = "") -> list[str]:
    """Where an answer has nothing to show."""
    if isinstance(value, dict):
        return [place for key, each in value.items() for place in empty(each, f"{path}.{key}")]
    if isinstance(value, list) and value:
        return [place for each in value for place in empty(each, path)]
    return [path] if value is None or value == [] else []
