"""Relations of few rows: a level's are read at once and cut into pages, or numbered where that could miss some."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from core import ids
from core.ids import new_id
from db.runtime.engine import Target
from tests.support import oddments as hand_made
from tests.support.graph import Asker
from tests.support.oddments import Oddments

LINES = {"A": 45, "B": 45, "C": 3, "D": 0}
"""How many lines each order has."""


@pytest.fixture(scope="module")
async def long_orders(world: Target) -> Oddments:
    now, product, customer = datetime(2026, 1, 2, tzinfo=UTC), new_id(), new_id()
    orders: list[dict[str, Any]] = [
        {"id": new_id(), "number": number, "customer_id": customer, "currency": "EUR", "placed_at": now}
        for number in LINES
    ]
    lines = [
        {
            "id": new_id(),
            "order_id": order["id"],
            "position": position,
            "product_id": product,
            "description": "one of many",
            "quantity": Decimal(1),
            "currency": "EUR",
            "unit_price": Decimal(1),
            "total": Decimal(1),
        }
        for order in orders
        # From the last to the first, and an order after the other in turn: nothing comes sorted by chance.
        for position in range(LINES[order["number"]], 0, -1)
    ]
    return await hand_made.stored(
        world,
        "long-orders",
        {
            "products": [{"id": product, "sku": "P", "name": "P"}],
            "partners": [{"id": customer, "code": "C", "name": "C"}],
            "orders": orders,
            "line_items": sorted(lines, key=lambda line: -line["position"]),
        },
    )


QUERY = """query ($numbers: [String!], $first: Int, $last: Int) {
  orders(first: 250, where: { number: { in: $numbers } }, orderBy: { field: NUMBER }) { nodes { number
    lineItems(first: $first, last: $last) { nodes { position } pageInfo { hasNextPage hasPreviousPage } } } } }"""


@pytest.mark.parametrize("way", ["first", "last"])
@pytest.mark.parametrize(
    "numbers, size, read",
    [
        # One parent: as many rows as its page has, and one.
        ("A", 20, [21]),
        ("A", 5, [6]),
        # All that there are are fewer than the pages may have: read at once.
        ("ACD", 24, [48]),
        ("ABCD", 50, [93]),
        # They may be more: A's 45 and C's 3 fill what 2 pages of 23 and one row each can have.
        ("AC", 23, [48, 27]),
        ("AB", 20, [42, 42]),
        # Small pages are numbered at once.
        ("AC", 19, [23]),
        ("ABCD", 5, [15]),
    ],
)
async def test_each_parent_has_its_page(
    ask: Asker, long_orders: Oddments, numbers: str, size: int, read: list[int], way: str
) -> None:
    """The numbered statement reads of each parent what its page has, and one more."""
    answer = await ask(QUERY, long_orders.tenant, {"numbers": list(numbers), way: size})
    forward = way == "first"
    assert answer.good["orders"]["nodes"] == [
        {
            "number": number,
            "lineItems": {
                "nodes": [{"position": place} for place in places(LINES[number], size, forward=forward)],
                "pageInfo": {
                    "hasNextPage": forward and LINES[number] > size,
                    "hasPreviousPage": not forward and LINES[number] > size,
                },
            },
        }
        for number in numbers
    ]
    assert [ran.rows for ran in answer.ran] == [len(numbers), *read]


def places(count: int, size: int, *, forward: bool) -> list[int]:
    every = list(range(1, count + 1))
    return every[:size] if forward else every[-size:]


async def test_a_level_may_have_rows_of_either_way(ask: Asker, long_orders: Oddments) -> None:
    """The same relation under two fields, whose parents are loaded one after the other."""
    query = """query { a: orders(first: 1, orderBy: { field: NUMBER }) { nodes { ...lines } }
      b: orders(first: 3, orderBy: { field: NUMBER }) { nodes { ...lines } } }
      fragment lines on Order { number lineItems(first: 20) { edges { cursor node { id position description } } } }"""
    answer = await ask(query, long_orders.tenant)
    one, three = answer.good["a"]["nodes"], answer.good["b"]["nodes"]
    assert [ran.rows for ran in answer.ran] == [2, 21, 4, 42, 24]
    assert three[0] == one[0]
    rows = {ids.encode("lin", row["id"]): row for row in long_orders["line_items"]}
    for order, count in zip(three, (20, 20, 3), strict=True):
        found = [edge["node"] for edge in order["lineItems"]["edges"]]
        assert [node["position"] for node in found] == list(range(1, count + 1))
        assert {node["description"] for node in found} == {"one of many"}
        assert len({rows[node["id"]]["order_id"] for node in found}) == 1


LEVELS = """query ($id: ID!, $after: String) { product(by: { id: $id }) {
  stock { levels(first: 1, after: $after) { edges { cursor node { location { code } } } } } } }"""


async def page(ask: Asker, tenant: UUID, product: str, after: str | None) -> Any:
    answer = await ask(LEVELS, tenant, {"id": product, "after": after})
    return answer.good["product"]["stock"]["levels"]["edges"]


async def test_a_products_levels_are_in_the_order_of_their_locations(ask: Asker, oddments: Oddments) -> None:
    """At once and page by page; the rows were stored in another order."""
    code = {row["id"]: row["code"] for row in oddments["locations"] if row["kind"] == "INTERNAL"}
    for row in oddments["products"]:
        levels = [level for level in oddments["stock_levels"] if level["product_id"] == row["id"]]
        expected = [code[place] for place in sorted(level["location_id"] for level in levels) if place in code]
        product, found, after = ids.encode("prod", row["id"]), [], None
        while edges := await page(ask, oddments.tenant, product, after):
            found += [edge["node"]["location"]["code"] for edge in edges]
            after = edges[-1]["cursor"]
        assert found == expected


async def test_a_levels_cursor_with_odd_values_in_it(ask: Asker, oddments: Oddments) -> None:
    """Its sort values are UUIDs: of the location, and of the lot where there is one."""
    product = ids.encode("prod", oddments["products"][1]["id"])
    [edge] = await page(ask, oddments.tenant, product, None)
    mark, place, lot, identifier = json.loads(base64.urlsafe_b64decode(edge["cursor"] + "=="))
    odds: tuple[Any, ...] = ("", "x", "0" * 31, "\ud800", 5, True, [], {}, 1.5)
    for sort in [*((odd, lot) for odd in odds), *((place, odd) for odd in odds)]:
        made = json.dumps([mark, *sort, identifier]).encode()
        after = base64.urlsafe_b64encode(made).decode().rstrip("=")
        answer = await ask(LEVELS, oddments.tenant, {"id": product, "after": after})
        assert answer.refusal == (["product", "stock", "levels"], ("after",))
