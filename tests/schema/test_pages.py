"""Pages: walked in either direction they give the whole list in its order, whatever the sort and the size."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ids
from tests.support.filters import fold
from tests.support.graph import Asker
from tests.support.oddments import Oddments

Row = dict[str, Any]
Order = Sequence[tuple[str, str]]


class Listed(NamedTuple):
    """A field, its table, the prefix of its ids, and what each sort sorts by."""

    field: str
    table: str
    prefix: str
    order: str
    sorts: dict[str, Callable[[Row], Any]]


def by(column: str) -> Callable[[Row], Any]:
    return lambda row: row[column]


LISTS = [
    Listed(
        "products",
        "products",
        "prod",
        "ProductOrderBy",
        {
            "SKU": by("sku"),
            "NAME": lambda row: fold(row["name"]),
            "LIST_PRICE": by("list_price"),
            "CREATED_AT": by("created_at"),
            "UPDATED_AT": by("updated_at"),
        },
    ),
    Listed(
        "partners",
        "partners",
        "par",
        "PartnerOrderBy",
        {"CODE": by("code"), "NAME": lambda row: fold(row["name"]), "CREATED_AT": by("created_at")},
    ),
    Listed(
        "orders",
        "orders",
        "ord",
        "OrderOrderBy",
        {
            "NUMBER": by("number"),
            "PLACED_AT": by("placed_at"),
            "TOTAL": lambda row: row["subtotal"] + row["tax_total"],
            "CREATED_AT": by("created_at"),
            "UPDATED_AT": by("updated_at"),
        },
    ),
    Listed(
        "stockLevels",
        "stock_levels",
        "stl",
        "StockLevelOrderBy",
        {
            "ON_HAND": by("on_hand"),
            "AVAILABLE": by("available"),
            "UPDATED_AT": by("updated_at"),
        },
    ),
]
LINES = Listed(
    "lineItems", "line_items", "lin", "LineItemOrderBy", {"POSITION": by("position"), "QUANTITY": by("quantity")}
)


def rows_of(oddments: Oddments, listed: Listed) -> list[Row]:
    """The list's rows. Of a balance only what is at a place whose goods can be sold is available."""
    own = {place["id"] for place in oddments["locations"] if place["kind"] == "INTERNAL"}
    rows = oddments[listed.table]
    if listed.table != "stock_levels":
        return rows
    return [row | {"available": (row["on_hand"] - row["reserved"]) * (row["location_id"] in own)} for row in rows]


def ordered(rows: Sequence[Row], listed: Listed, order: Order) -> list[str]:
    """The ids of rows in their order: nulls largest, and the id, in the first sort's direction, last of all."""
    rows = sorted(rows, key=by("id"), reverse=order[0][1] == "DESC")
    for name, direction in reversed(order):
        keys = {row["id"]: listed.sorts[name](row) for row in rows}
        nulls_last = {key: (value is None, value or 0) for key, value in keys.items()}
        rows.sort(key=lambda row, keys=nulls_last: keys[row["id"]], reverse=direction == "DESC")  # type: ignore[misc]  # mypy takes a default for an argument
    return [ids.encode(listed.prefix, row["id"]) for row in rows]


def given_order(order: Order) -> list[dict[str, str]]:
    return [{"field": name, "direction": direction} for name, direction in order]


def orders_of(listed: Listed) -> st.SearchStrategy[list[tuple[str, str]]]:
    """One to three sorts, in mixed directions."""
    sort = st.tuples(st.sampled_from([*listed.sorts]), st.sampled_from(["ASC", "DESC"]))
    return st.lists(sort, min_size=1, max_size=3, unique_by=lambda given: given[0])


def query_of(listed: Listed) -> str:
    return f"""query ($order: [{listed.order}!], $first: Int, $after: String, $last: Int, $before: String) {{
      list: {listed.field}(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {{
        edges {{ cursor node {{ id }} }} nodes {{ id }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""


async def page(ask: Asker, data: Oddments, listed: Listed, order: Order, **arguments: Any) -> tuple[list[str], Any]:
    """The ids of a page, and its pageInfo. Its parts must agree."""
    answer = await ask(query_of(listed), data.tenant, {"order": given_order(order), **arguments})
    found = answer.good["list"]
    assert [edge["node"] for edge in found["edges"]] == found["nodes"]
    cursors = [edge["cursor"] for edge in found["edges"]]
    info = found["pageInfo"]
    assert (info["startCursor"], info["endCursor"]) == (cursors[0], cursors[-1]) if cursors else (None, None)
    return [row["id"] for row in found["nodes"]], info


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: listed.field)
@settings(max_examples=25)
@given(data=st.data())
async def test_all_pages_are_the_whole_list_forward_and_backward(
    ask: Asker, oddments: Oddments, listed: Listed, data: st.DataObject
) -> None:
    order, size = data.draw(orders_of(listed)), data.draw(st.integers(1, 7))
    expected = ordered(rows_of(oddments, listed), listed, order)
    forward: list[str] = []
    place: dict[str, str] = {}
    while True:
        part, info = await page(ask, oddments, listed, order, first=size, **place)
        forward += part
        assert info["hasPreviousPage"] == bool(place)
        assert info["hasNextPage"] == (len(forward) < len(expected))
        if not info["hasNextPage"]:
            break
        place = {"after": info["endCursor"]}
    backward: list[str] = []
    place = {}
    while True:
        part, info = await page(ask, oddments, listed, order, last=size, **place)
        backward = part + backward
        assert info["hasNextPage"] == bool(place)
        assert info["hasPreviousPage"] == (len(backward) < len(expected))
        if not info["hasPreviousPage"]:
            break
        place = {"before": info["startCursor"]}
    assert forward == expected
    assert backward == expected


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: listed.field)
@settings(max_examples=40)
@given(data=st.data())
async def test_a_window_between_two_cursors(
    ask: Asker, oddments: Oddments, listed: Listed, data: st.DataObject
) -> None:
    order, size = data.draw(orders_of(listed)), data.draw(st.integers(1, 7))
    everything = await ask(query_of(listed), oddments.tenant, {"order": given_order(order), "first": 250})
    cursors = [edge["cursor"] for edge in everything.good["list"]["edges"]]
    expected = ordered(rows_of(oddments, listed), listed, order)
    start, end = data.draw(st.integers(0, len(expected) - 1)), data.draw(st.integers(0, len(expected) - 1))
    window = expected[start + 1 : end]
    ends = {"after": cursors[start], "before": cursors[end]}
    found, info = await page(ask, oddments, listed, order, first=size, **ends)
    assert found == window[:size]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (True, len(window) > size)
    found, info = await page(ask, oddments, listed, order, last=size, **ends)
    assert found == window[-size:]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (len(window) > size, True)


@pytest.mark.parametrize("listed", LISTS, ids=lambda listed: listed.field)
async def test_every_sort_alone_is_defined_and_ties_are_broken_by_id(
    ask: Asker, oddments: Oddments, listed: Listed
) -> None:
    for name in listed.sorts:
        for direction in ("ASC", "DESC"):
            order = [(name, direction)]
            found, _ = await page(ask, oddments, listed, order, first=250)
            assert found == ordered(rows_of(oddments, listed), listed, order)


async def test_the_default_orders(ask: Asker, oddments: Oddments) -> None:
    defaults = {
        "products": [("SKU", "ASC")],
        "partners": [("CODE", "ASC")],
        "orders": [("PLACED_AT", "DESC")],
    }
    for listed in LISTS[:3]:
        expected = ordered(rows_of(oddments, listed), listed, defaults[listed.field])
        for order in ("", "orderBy: []", "orderBy: null"):
            query = f"{{ list: {listed.field}(first: 250 {order}) {{ nodes {{ id }} }} }}"
            found = (await ask(query, oddments.tenant)).good["list"]["nodes"]
            assert [row["id"] for row in found] == expected
    moves = (await ask("{ stockMoves(first: 250) { nodes { id } } }", oddments.tenant)).good["stockMoves"]["nodes"]
    newest = sorted(oddments["stock_moves"], key=lambda row: (row["occurred_at"], row["id"]), reverse=True)
    assert [row["id"] for row in moves] == [ids.encode("mov", row["id"]) for row in newest]


async def test_twenty_rows_by_default_and_at_most_two_hundred_and_fifty(ask: Asker, larkspur: Any) -> None:
    for arguments, count in (
        ("first: null", 20),
        ("last: null", 20),
        ("first: 250", 200),
        ("last: 250", 200),
        ("first: 1", 1),
    ):
        query = f"{{ orders({arguments}) {{ nodes {{ id }} pageInfo {{ hasNextPage }} }} }}"
        assert len((await ask(query, larkspur)).good["orders"]["nodes"]) == count
    found = (await ask("{ orders { nodes { lineItems { nodes { id } } } } }", larkspur)).good["orders"]["nodes"]
    assert len(found) == 20
    assert max(len(order["lineItems"]["nodes"]) for order in found) <= 20


async def test_before_alone_is_the_page_that_ends_there(ask: Asker, oddments: Oddments) -> None:
    listed, order = LISTS[2], [("NUMBER", "ASC")]
    expected = ordered(oddments["orders"], listed, order)
    everything = await ask(query_of(listed), oddments.tenant, {"order": given_order(order), "first": 250})
    cursor = everything.good["list"]["edges"][10]["cursor"]
    found, info = await page(ask, oddments, listed, order, before=cursor)
    assert found == expected[:10]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (False, True)


# ---------------------------------------------------------------- pages inside pages

NESTED = """query ($order: [LineItemOrderBy!], $first: Int, $after: String, $last: Int, $before: String) {
  orders(first: 250, orderBy: { field: NUMBER }) { nodes { id
    lineItems(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage } totalCount { value } } } } }"""


def lines_of(data: Oddments, order: Order) -> dict[str, list[str]]:
    """Each order's lines in their order."""
    return {
        ids.encode("ord", parent["id"]): ordered(
            [line for line in data["line_items"] if line["order_id"] == parent["id"]], LINES, order
        )
        for parent in data["orders"]
    }


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
@settings(max_examples=20)
@given(order=orders_of(LINES), size=st.integers(0, 3))
async def test_the_limit_is_per_parent(ask: Asker, oddments: Oddments, *, first: bool, order: Order, size: int) -> None:
    variables = {"order": given_order(order), "first" if first else "last": size}
    found = (await ask(NESTED, oddments.tenant, variables)).good["orders"]["nodes"]
    expected = lines_of(oddments, order)
    assert len(found) == 16
    for parent in found:
        lines, page_ = expected[parent["id"]], parent["lineItems"]
        assert [row["id"] for row in page_["nodes"]] == (lines[:size] if first else lines[-size:] if size else [])
        more = size < len(lines)
        info = page_["pageInfo"]
        assert (info["hasNextPage"], info["hasPreviousPage"]) == ((more, False) if first else (False, more))
        assert page_["totalCount"]["value"] == len(lines)


@settings(max_examples=10)
@given(order=orders_of(LINES))
async def test_a_cursor_goes_on_within_its_parent(ask: Asker, oddments: Oddments, order: Order) -> None:
    parents = (await ask(NESTED, oddments.tenant, {"order": given_order(order), "first": 1})).good["orders"]["nodes"]
    expected = lines_of(oddments, order)
    query = """query ($id: ID!, $order: [LineItemOrderBy!], $first: Int, $after: String) {
      order(by: { id: $id }) { lineItems(orderBy: $order, first: $first, after: $after) { nodes { id } } } }"""
    for parent in parents:
        for edge in parent["lineItems"]["edges"]:
            variables = {"id": parent["id"], "order": given_order(order), "first": 5, "after": edge["cursor"]}
            rest = (await ask(query, oddments.tenant, variables)).good["order"]["lineItems"]
            assert [row["id"] for row in rest["nodes"]] == expected[parent["id"]][1:]


async def test_a_cursor_marks_the_same_place_in_every_parents_list(ask: Asker, oddments: Oddments) -> None:
    order = [("POSITION", "ASC")]
    parents = (await ask(NESTED, oddments.tenant, {"order": given_order(order), "first": 3})).good["orders"]["nodes"]
    [second] = [parent["lineItems"]["edges"][1] for parent in parents[7:8]]
    variables = {"order": given_order(order), "first": 3, "after": second["cursor"]}
    after = (await ask(NESTED, oddments.tenant, variables)).good["orders"]["nodes"]
    positions = {ids.encode("lin", line["id"]): (line["position"], line["id"].hex) for line in oddments["line_items"]}
    place = positions[second["node"]["id"]]
    for parent in after:
        expected = [line for line in lines_of(oddments, order)[parent["id"]] if positions[line] > place]
        assert [row["id"] for row in parent["lineItems"]["nodes"]] == expected


async def test_pages_inside_pages_inside_pages(ask: Asker, oddments: Oddments) -> None:
    query = """{ partners(first: 250) { nodes { id orders(first: 2, orderBy: { field: NUMBER }) { nodes { id number
      lineItems(last: 1) { nodes { position } } } } } } }"""
    numbers: dict[Any, list[tuple[str, int]]] = {partner["id"]: [] for partner in oddments["partners"]}
    for index, row in enumerate(oddments["orders"]):
        numbers[row["customer_id"]].append((row["number"], index % 4))
    for partner in (await ask(query, oddments.tenant)).good["partners"]["nodes"]:
        mine = numbers[ids.decode("par", partner["id"])][:2]
        assert [
            (order["number"], [line["position"] for line in order["lineItems"]["nodes"]])
            for order in partner["orders"]["nodes"]
        ] == [(number, [lines] if lines else []) for number, lines in mine]
