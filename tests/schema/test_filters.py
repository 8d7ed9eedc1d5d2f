"""Filters, compared with what they mean in plain Python, over hand-made rows with nulls and odd letters."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ids
from tests.support.filters import holds, says_nothing, subqueries
from tests.support.graph import Asker
from tests.support.oddments import Oddments

Rows = dict[str, list[dict[str, Any]]]

FIELDS = {
    "products": ("ProductWhere", "prod"),
    "partners": ("PartnerWhere", "par"),
    "orders": ("OrderWhere", "ord"),
    "stockLevels": ("StockLevelWhere", "stl"),
    "stockMoves": ("StockMoveWhere", "mov"),
}


def seen(data: Oddments) -> Rows:
    """The rows under the names and in the forms of the filters: ids as text, the rest as Python has it."""
    stock: dict[Any, Decimal] = defaultdict(Decimal)
    own = {place["id"] for place in data["locations"] if place["kind"] == "INTERNAL"}
    for level in data["stock_levels"]:
        stock[level["product_id"]] += (level["on_hand"] - level["reserved"]) * (level["location_id"] in own)
    products, partners = (
        {row["id"]: _product(row, stock) for row in data["products"]},
        {row["id"]: _partner(row) for row in data["partners"]},
    )
    orders = {row["id"]: _order(row, partners[row["customer_id"]]) for row in data["orders"]}
    for row in data["line_items"]:
        line = _line(row, orders[row["order_id"]], products[row["product_id"]])
        orders[row["order_id"]]["lineItems"].append(line)
        orders[row["order_id"]]["lines"].append(row)
        products[row["product_id"]]["lineItems"].append(line)
    for order in orders.values():
        lines = order.pop("lines")
        for name, done in (("reservationStatus", ("reserved", "shipped")), ("shipmentStatus", ("shipped",))):
            part = sum(line.get(each, 0) for line in lines for each in done)
            wanted = sum(line["quantity"] - line.get("cancelled", 0) for line in lines)
            order[name] = "NONE" if part <= 0 else "PARTIAL" if part < wanted else "FULL"
    for row in data["orders"]:
        partners[row["customer_id"]]["orders"].append(orders[row["id"]])
    return {
        "products": [*products.values()],
        "partners": [*partners.values()],
        "orders": [*orders.values()],
        "stockLevels": [
            {
                "id": ids.encode("stl", row["id"]),
                "product": ids.encode("prod", row["product_id"]),
                "location": ids.encode("loc", row["location_id"]),
                "onHand": row["on_hand"],
                "available": (row["on_hand"] - row["reserved"]) * (row["location_id"] in own),
            }
            for row in data["stock_levels"]
        ],
        "stockMoves": [
            {
                "id": ids.encode("mov", row["id"]),
                "product": ids.encode("prod", row["product_id"]),
                "source": ids.encode("loc", row["source_id"]),
                "destination": ids.encode("loc", row["destination_id"]),
                "occurredAt": row["occurred_at"],
            }
            for row in data["stock_moves"]
        ],
    }


def _product(row: dict[str, Any], stock: Mapping[Any, Decimal]) -> dict[str, Any]:
    return {
        "id": ids.encode("prod", row["id"]),
        "sku": row["sku"],
        "name": row["name"],
        "active": row["active"],
        "listPrice": row["list_price"],
        "createdAt": row["created_at"],
        "available": stock[row["id"]],
        "lineItems": [],
    }


def _partner(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": ids.encode("par", row["id"]),
        "code": row["code"],
        "name": row["name"],
        "country": row["country"],
        "createdAt": row["created_at"],
        "orders": [],
    }


def _order(row: dict[str, Any], customer: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": ids.encode("ord", row["id"]),
        "number": row["number"],
        "status": row["status"],
        "customer": customer["id"],
        "customerWhere": customer,
        "currency": row["currency"],
        "total": row["subtotal"] + row["tax_total"],
        "placedAt": row["placed_at"],
        "externalId": row["external_id"],
        "lineItems": [],
        "lines": [],
    }


def _line(row: dict[str, Any], order: dict[str, Any], product: dict[str, Any]) -> dict[str, Any]:
    return {
        "product": product["id"],
        "productWhere": product,
        "order": order["id"],
        "orderWhere": order,
        "sku": product["sku"],
        "quantity": row["quantity"],
        "total": row["total"],
        "openQuantity": row["quantity"] - row.get("shipped", 0) - row.get("cancelled", 0),
    }


async def matching(ask: Asker, data: Oddments, field: str, where: Mapping[str, Any]) -> set[str]:
    """The ids that the graph finds. All rows fit on a page, and the count agrees."""
    query = f"""query ($where: {FIELDS[field][0]}) {{ {field}(first: 250, where: $where) {{
        nodes {{ id }} totalCount {{ value exact }} }} }}"""
    found = (await ask(query, data.tenant, {"where": written(where)})).good[field]
    assert found["totalCount"] == {"value": len(found["nodes"]), "exact": True}
    return {row["id"] for row in found["nodes"]}


def written(value: Any) -> Any:
    """A filter's Python values as JSON has them."""
    if isinstance(value, Mapping):
        return {key: written(each) for key, each in value.items()}
    if isinstance(value, list):
        return [written(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


# ---------------------------------------------------------------- what can be asked for

ID, TEXT, NUMBER, TIME, FLAG, STATUS, PROGRESS = "ID", "TEXT", "NUMBER", "TIME", "FLAG", "STATUS", "PROGRESS"
EQUAL, ORDERED, LISTED = ("eq", "ne"), ("gt", "gte", "lt", "lte"), ("in", "notIn")
OPERATIONS = {
    ID: (*EQUAL, *LISTED, "isNull"),
    TEXT: (*EQUAL, *LISTED, "contains", "startsWith", "isNull"),
    NUMBER: (*EQUAL, *ORDERED, "isNull"),
    TIME: ("eq", *ORDERED, "isNull"),
    FLAG: ("eq",),
    STATUS: (*EQUAL, *LISTED),
    PROGRESS: (*EQUAL, *LISTED),
}
KINDS = {
    "products": {
        "id": ID,
        "sku": TEXT,
        "name": TEXT,
        "active": FLAG,
        "listPrice": NUMBER,
        "createdAt": TIME,
        "available": NUMBER,
    },
    "partners": {"id": ID, "code": TEXT, "name": TEXT, "country": TEXT, "createdAt": TIME},
    "orders": {
        "id": ID,
        "number": TEXT,
        "status": STATUS,
        "customer": ID,
        "total": NUMBER,
        "placedAt": TIME,
        "externalId": TEXT,
        "currency": TEXT,
        "reservationStatus": PROGRESS,
        "shipmentStatus": PROGRESS,
    },
    "stockLevels": {"product": ID, "location": ID, "onHand": NUMBER, "available": NUMBER},
    "stockMoves": {"product": ID, "source": ID, "destination": ID, "occurredAt": TIME},
    "lineItems": {
        "product": ID,
        "order": ID,
        "sku": TEXT,
        "quantity": NUMBER,
        "total": NUMBER,
        "openQuantity": NUMBER,
    },
}
RELATED = {
    "products": {"lineItems": "lineItems"},
    "partners": {"orders": "orders"},
    "orders": {"lineItems": "lineItems", "customerWhere": "partners"},
    "lineItems": {"orderWhere": "orders", "productWhere": "products"},
}
"""The filters of a list on related rows, and of which list those are. Names that end in Where are of one row."""

MOST = 12
"""Conditions on related rows that a filter may have: each counts for twenty, and 250 may be in it."""

NOWHERE = {
    ID: None,
    TEXT: "nowhere",
    NUMBER: Decimal("0.000001"),
    TIME: datetime(1999, 1, 1, tzinfo=UTC),
    FLAG: True,
    STATUS: "DRAFT",
    PROGRESS: "FULL",
}
PIECES = [*"%_\\aAlL-0 ", "ä", "Ä", "😀", "לו", "本", "k", "00", "SK", "wool", "'", "\t"]


def operand(kind: str, operation: str, values: list[Any]) -> st.SearchStrategy[Any]:
    if operation == "isNull":
        return st.booleans()
    if operation in ("contains", "startsWith"):
        whole = st.sampled_from([value for value in values if value] or ["a"])
        return st.one_of(
            st.sampled_from(PIECES),
            whole,
            whole.map(lambda text: text[:3]),
            whole.map(str.swapcase).filter(str.isascii),
        )
    one = st.sampled_from(values)
    return st.lists(one, max_size=4) if operation in LISTED else one


Tree = st.SearchStrategy[dict[str, Any]]


def comparisons(name: str, kind: str, rows: list[dict[str, Any]]) -> Tree:
    """One filter with one or two of its operations, on values that the rows have and one that none has."""
    values = [*{value for row in rows if (value := row[name]) is not None}]
    if NOWHERE[kind] is not None:
        values.append(NOWHERE[kind])
    values.sort()
    chosen = st.lists(st.sampled_from(OPERATIONS[kind]), min_size=1, max_size=2, unique=True)
    return chosen.flatmap(
        lambda operations: st.fixed_dictionaries(
            {operation: operand(kind, operation, values) for operation in operations}
        ).map(lambda comparison: {name: comparison})
    )


def leaves_of(field: str, rows: Rows, depth: int) -> list[Tree]:
    """The single conditions on a field's rows, and on rows related to them, so many steps away."""
    here = [line for order in rows["orders"] for line in order["lineItems"]] if field == "lineItems" else rows[field]
    found = [comparisons(name, kind, here) for name, kind in KINDS[field].items()]
    for name, other in RELATED.get(field, {}).items() if depth else ():
        inner = st.one_of(*leaves_of(other, rows, depth - 1), st.just({}))
        if not name.endswith("Where"):
            chosen = st.sampled_from(["some", "every", "none"])
            inner = st.dictionaries(chosen, st.one_of(st.none(), inner), min_size=1, max_size=2)
        found.append(inner.map(lambda given, name=name: {name: given}))  # type: ignore[misc]  # a default binds it
    return found


def wheres(field: str, rows: Rows) -> Tree:
    """Whole trees of conditions on a field's rows."""
    leaf = st.one_of(*leaves_of(field, rows, 3), st.just({}), st.just({"and": None}))
    return st.recursive(
        leaf,
        lambda below: st.one_of(
            st.builds(lambda members: {"and": members}, st.lists(below, max_size=3)),
            st.builds(
                lambda members: {"or": members},
                st.lists(below.filter(lambda member: not says_nothing(member)), max_size=3),
            ),
            st.builds(lambda member: {"not": member}, below),
            st.builds(lambda one, other: {**one, **other}, below, leaf),
        ),
        max_leaves=6,
    ).filter(lambda where: subqueries(where) <= MOST)


Trees = tuple[Rows, dict[str, Tree]]


@pytest.fixture(scope="module")
def trees(oddments: Oddments) -> Trees:
    rows = seen(oddments)
    return rows, {field: wheres(field, rows) for field in FIELDS}


@pytest.mark.parametrize("field", [*FIELDS])
@settings(max_examples=150)
@given(data=st.data())
async def test_every_filter_finds_what_it_means(
    ask: Asker, oddments: Oddments, trees: Trees, field: str, data: st.DataObject
) -> None:
    rows, strategies = trees
    where = data.draw(strategies[field])
    assert await matching(ask, oddments, field, where) == {row["id"] for row in rows[field] if holds(where, row)}
