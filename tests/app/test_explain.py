"""``extensions.plan``: what ran, in a shape that the explorer may rely on."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.asgi import create_app
from app.settings import load
from db.runtime.engine import Database, Target
from services.platform import keys, tenants

QUERY = "{ orders(first: 3) { nodes { number customer { name } lineItems(first: 2) { nodes { quantity product { sku } } } } } }"


@pytest.fixture
async def client(small_demo: Target) -> AsyncIterator[httpx.AsyncClient]:
    [tenant, *_] = await tenants.every(small_demo)
    key = await keys.create(small_demo, tenant.id, "explain")
    database = Database(small_demo)
    await database.open()
    transport = httpx.ASGITransport(create_app(load(), database))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as opened:
        yield opened
    await database.close()


async def test_the_plan_tells_levels_batches_and_totals(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/graphql", json={"query": QUERY}, headers={"X-Explain": "1"})).json()
    plan = answer["extensions"]["plan"]
    levels = [(level["path"], level["type"], level["fields"], level["objects"]) for level in plan["levels"]]
    assert levels[:5] == [
        ("", "Query", ["orders"], 1),
        ("orders", "OrderConnection", ["nodes"], 1),
        ("orders.nodes", "Order", ["number", "customer", "lineItems"], 3),
        (
            "orders.nodes.customer",
            "Partner",
            ["name"],
            len({order["customer"]["name"] for order in answer["data"]["orders"]["nodes"]}),
        ),
        ("orders.nodes.lineItems", "LineItemConnection", ["nodes"], 3),
    ]
    batches = [
        (level["path"], batch["loader"], batch["keys"]) for level in plan["levels"] for batch in level["batches"]
    ]
    customers = levels[3][3]
    products = {
        line["product"]["sku"] for order in answer["data"]["orders"]["nodes"] for line in order["lineItems"]["nodes"]
    }
    assert batches == [
        ("", "Orders", 1),
        ("orders.nodes", "PartnerById", customers),
        ("orders.nodes", "LinesOfOrder", 3),
        ("orders.nodes.lineItems.nodes", "ProductById", len(products)),
    ]
    assert {*plan["levels"][0]["batches"][0]} == {"loader", "keys", "rows", "statement", "milliseconds"}
    assert plan["totals"]["statements"] == 4
    assert {*plan["totals"]} == {
        "statements",
        "rows",
        "sqlMilliseconds",
        "pythonMilliseconds",
        "serialisationMilliseconds",
        "bytes",
    }
    assert sum(batch["milliseconds"] for level in plan["levels"] for batch in level["batches"]) == pytest.approx(
        plan["totals"]["sqlMilliseconds"]
    )


async def test_without_the_header_there_is_no_plan(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/graphql", json={"query": QUERY})).json()
    assert {*answer["extensions"]} == {"cost"}


async def test_a_statement_of_the_plan_holds_no_values(client: httpx.AsyncClient) -> None:
    query = '{ orders(where: {number: {eq: "SO-secret"}}) { nodes { id } } }'
    answer = (await client.post("/graphql", json={"query": query}, headers={"X-Explain": "1"})).json()
    assert "SO-secret" not in str(answer["extensions"])
