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
from tests.support.filters import holds, says_nothing
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
    skus = {row["id"]: row["sku"] for row in data["products"]}
    lines: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in data["line_items"]:
        product = row["product_id"]
        line = {"product": ids.encode("prod", product), "sku": skus[product], "quantity": row["quantity"]}
        lines[row["order_id"]].append(line)
    return {
        "products": [
            {
                "id": ids.encode("prod", row["id"]),
                "sku": row["sku"],
                "name": row["name"],
                "active": row["active"],
                "listPrice": row["list_price"],
                "createdAt": row["created_at"],
                "available": stock[row["id"]],
            }
            for row in data["products"]
        ],
        "partners": [
            {
                "id": ids.encode("par", row["id"]),
                "code": row["code"],
                "name": row["name"],
                "country": row["country"],
                "createdAt": row["created_at"],
            }
            for row in data["partners"]
        ],
        "orders": [
            {
                "id": ids.encode("ord", row["id"]),
                "number": row["number"],
                "status": row["status"],
                "customer": ids.encode("par", row["customer_id"]),
                "total": row["subtotal"] + row["tax_total"],
                "placedAt": row["placed_at"],
                "externalId": row["external_id"],
                "lineItems": lines[row["id"]],
            }
            for row in data["orders"]
        ],
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

ID, TEXT, NUMBER, TIME, FLAG, STATUS = "ID", "TEXT", "NUMBER", "TIME", "FLAG", "STATUS"
EQUAL, ORDERED, LISTED = ("eq", "ne"), ("gt", "gte", "lt", "lte"), ("in", "notIn")
OPERATIONS = {
    ID: (*EQUAL, *LISTED, "isNull"),
    TEXT: (*EQUAL, *LISTED, "contains", "startsWith", "isNull"),
    NUMBER: (*EQUAL, *ORDERED, "isNull"),
    TIME: ("eq", *ORDERED, "isNull"),
    FLAG: ("eq",),
    STATUS: (*EQUAL, *LISTED),
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
    },
    "stockLevels": {"product": ID, "location": ID, "onHand": NUMBER, "available": NUMBER},
    "stockMoves": {"product": ID, "source": ID, "destination": ID, "occurredAt": TIME},
    "lineItems": {"product": ID, "sku": TEXT, "quantity": NUMBER},
}
NOWHERE = {
    ID: None,
    TEXT: "nowhere",
    NUMBER: Decimal("0.000001"),
    TIME: datetime(1999, 1, 1, tzinfo=UTC),
    FLAG: True,
    STATUS: "DRAFT",
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


def wheres(field: str, rows: Rows) -> Tree:
    """Whole trees of conditions on a field's rows."""
    here = [line for order in rows["orders"] for line in order["lineItems"]] if field == "lineItems" else rows[field]
    leaves = [comparisons(name, kind, here) for name, kind in KINDS[field].items()]
    if field == "orders":
        inner = st.one_of(st.none(), wheres("lineItems", rows))
        chosen = st.dictionaries(st.sampled_from(["some", "every", "none"]), inner, min_size=1, max_size=2)
        leaves.append(chosen.map(lambda given: {"lineItems": given}))
    leaf = st.one_of(*leaves, st.just({}), st.just({"and": None}))
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
    )


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
