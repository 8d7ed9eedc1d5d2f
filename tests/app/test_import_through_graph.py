"""A real shop's month, imported, and its numbers read again through the graph."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.settings import CHECKOUT
from db.runtime.engine import Database, Target
from services.imports import import_orders
from services.platform import tenants
from tests.support.graph import Asker

FILE = CHECKOUT.parent / "shared" / "data" / "online_retail_2010-12.csv.gz"

COUNTS = """{
  orders { totalCount { value exact } }
  products { totalCount { value exact } }
  partners { totalCount { value exact } }
}"""
ORDERS = """query ($after: String) {
  orders(first: 250, after: $after, orderBy: {field: NUMBER}) {
    nodes {
      id status shipmentStatus availableActions
      total { amount currency }
      lineItems(first: 250) { totalCount { value } nodes { quantity shippedQuantity } pageInfo { hasNextPage endCursor } }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
MORE = """query ($id: ID!, $after: String) {
  order(by: {id: $id}) {
    lineItems(first: 250, after: $after) { nodes { quantity shippedQuantity } pageInfo { hasNextPage endCursor } }
  }
}"""


@pytest.mark.skipif(not FILE.exists(), reason=f"the data set is not there: {FILE}")
async def test_the_numbers_of_the_month(fresh: Target, tmp_path: Path) -> None:
    tenant = await tenants.create(fresh, "shop", "GBP", "Europe/London")
    file = tmp_path / FILE.name
    shutil.copy(FILE, file)
    await import_orders(fresh, "shop", file, CHECKOUT / "examples" / "import" / "online-retail.toml")
    database = Database(fresh)
    await database.open()
    ask = Asker(database)

    async def all_lines(order: Any) -> list[Any]:
        page = order["lineItems"]
        lines = [*page["nodes"]]
        while page["pageInfo"]["hasNextPage"]:
            after = {"id": order["id"], "after": page["pageInfo"]["endCursor"]}
            page = (await ask(MORE, tenant, after)).good["order"]["lineItems"]
            lines += page["nodes"]
        assert len(lines) == order["lineItems"]["totalCount"]["value"]
        return lines

    counts = (await ask(COUNTS, tenant)).good
    assert {name: found["totalCount"] for name, found in counts.items()} == {
        "orders": {"value": 1_629, "exact": True},
        "products": {"value": 2_745, "exact": True},
        "partners": {"value": 886, "exact": True},
    }
    orders: list[Any] = []
    after = None
    while after is not None or not orders:
        page = (await ask(ORDERS, tenant, {"after": after})).good["orders"]
        orders += page["nodes"]
        after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
    lines = [line for order in orders for line in await all_lines(order)]
    assert len(orders) == 1_629
    assert len(lines) == 41_683
    assert sum(Decimal(line["quantity"]) for line in lines) == 362_316
    assert sum(Decimal(order["total"]["amount"]) for order in orders) == Decimal("823746.14")
    assert {order["total"]["currency"] for order in orders} == {"GBP"}
    # History: closed, all of it gone, and nothing to do but take it back.
    assert {order["status"] for order in orders} == {"CLOSED"}
    assert {order["shipmentStatus"] for order in orders} == {"FULL"}
    assert {tuple(order["availableActions"]) for order in orders} == {("RETURN",)}
    assert all(line["quantity"] == line["shippedQuantity"] for line in lines)
    stock = (await ask("{ stockLevels { totalCount { value } } stockMoves { totalCount { value } } }", tenant)).good
    assert {found["totalCount"]["value"] for found in stock.values()} == {0}
    await database.close()
