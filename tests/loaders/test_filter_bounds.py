"""A filter is bounded by all that it is, whether or not something is compared, before any SQL is made (attack 3)."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.fair_store import FairStore
from loaders.catalog import products
from loaders.inventory import levels
from loaders.kit import filter_prices, filters, statements
from loaders.kit.filters import MAX_DEPTH, MAX_LEAVES, MAX_NODES, MAX_VALUES, RELATED, normalise
from loaders.kit.search import search_text
from loaders.partners import partners
from loaders.sales import lines, lots, orders, shipments
from tests.support.cpu import least_cpu, within
from tests.support.filters import says_nothing

NOTHING: dict[str, Any] = {}
NONE = {"lineItems": {"none": NOTHING}}


def refusal(where: Any) -> BadInput:
    refusals: list[BadInput] = []

    def refuse() -> None:
        with pytest.raises(BadInput) as caught:
            normalise(orders.filters, where)
        refusals.append(caught.value)

    assert least_cpu(refuse) < within(0.02)
    return refusals[0]


REFUSED: dict[str, tuple[Any, tuple[str | int, ...]]] = {
    "empty conditions": ({"or": [NOTHING] * 251}, ("or",)),
    "empty ones in lists": ({"or": [{"or": [NOTHING] * 500}] * 20}, ("or", 0, "or")),
    "small lists of them": ({"and": [{"and": [NOTHING] * 50}] * 20}, ("and", 4, "and")),
    "a list of a million": ({"and": [NOTHING] * 1_000_000}, ("and",)),
    "subqueries": ({"or": [NONE] * 300}, ("or",)),
    "twelve subqueries": ({"or": [NONE] * 12}, ("or", 11, "lineItems")),
    "comparisons of what lines tell": (
        {"or": [{name: {"eq": True}} for name in ("waiting", "readyToShip") * 6]},
        ("or", 11, "readyToShip"),
    ),
    "of how far orders are": ({"and": [{"reservationStatus": {"ne": "FULL"}}] * 12}, ("and", 11, "reservationStatus")),
    "subqueries in lists": ({"or": [{"or": [NONE] * 5}] * 10}, ("or", 2, "or", 1, "lineItems")),
    "all three of one": (
        {"and": [{"lineItems": dict.fromkeys(("some", "every", "none"), NOTHING)}] * 5},
        ("and", 4, "lineItems"),
    ),
    "values of many lists": (
        {"and": [{"number": {"notIn": ["x"] * 500}}] * 3},
        ("and", 2, "number", "notIn"),
    ),
    "values of more lists": (
        {"and": [{"number": {"in": ["x"] * 100}}] * 11},
        ("and", 10, "number", "in"),
    ),
    "contains": ({"number": {"contains": "x" * 501}}, ("number", "contains")),
    "contains much": ({"not": {"number": {"contains": "x" * 250_000}}}, ("not", "number", "contains")),
    "startsWith": ({"number": {"startsWith": "x" * 501}}, ("number", "startsWith")),
    "eq": ({"number": {"eq": "x" * 501}}, ("number", "eq")),
    "ne": ({"number": {"ne": "x" * 250_000}}, ("number", "ne")),
    "in": ({"number": {"in": ["x", "x" * 501]}}, ("number", "in", 1)),
    "a part of another type": ({"customer": {"eq": "x" * 250_000}}, ("customer", "eq")),
    "deep": (
        {"not": {"not": {"or": [{"lineItems": {"some": {"sku": {"eq": "x" * 501}}}}]}}},
        ("not", "not", "or", 0, "lineItems", "some", "sku", "eq"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_attack_3_what_is_too_much_is_refused_where_it_stands(name: str) -> None:
    where, path = REFUSED[name]
    assert refusal(where).path == path


@pytest.mark.parametrize(
    "where",
    [
        {"and": [NOTHING] * 250},
        {"and": [{"number": {"ne": f"x{n}"}} for n in range(100)]},
        {"and": [{"number": {"in": ["x"] * 500}}] * 2},
        {"or": [NONE] * 11},
        {"number": {"contains": "x" * 500, "eq": "x" * 500}},
    ],
    ids=["empty", "comparisons", "values", "subqueries", "texts"],
)
def test_what_just_fits_makes_its_statement_soon(where: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 ms on a quiet machine; here others work beside it."""
    shape, values = normalise(orders.filters, where)
    written: list[str] = []

    def write() -> None:
        monkeypatch.setattr(statements, "_statements", FairStore(statements.CAPACITY))
        written.append(statements.statement("fits", partial(filters.condition, orders.filters, shape)).sql)

    assert least_cpu(write, 3) < within(0.04)
    assert len(written[0]) < statements.LONGEST
    assert len(values) <= MAX_LEAVES


def test_the_longest_search_and_one_that_is_longer() -> None:
    assert search_text("ab " * 166) == "ab " * 166

    def refuse() -> None:
        with pytest.raises(BadInput, match="At most 500 characters can be looked for, and this has 250,000"):
            search_text("a" * 250_000)

    assert least_cpu(refuse) < within(0.005)


TEXT = st.sampled_from(["x", "%", "x" * 500])
COMPARISON = st.dictionaries(st.sampled_from(["eq", "ne", "contains"]), TEXT, max_size=3) | st.fixed_dictionaries(
    {"in": st.lists(TEXT, max_size=40)}
)


def _within(below: Any) -> Any:
    some = st.dictionaries(st.sampled_from(["some", "every", "none"]), st.just(NOTHING), max_size=3)
    said = below.filter(lambda where: not says_nothing(where))
    return st.fixed_dictionaries(
        {},
        optional={
            "and": st.lists(below, max_size=30),
            "or": st.lists(said, max_size=30) | st.builds(lambda each: [each] * 60, said),
            "not": below,
            "lineItems": some,
            "number": COMPARISON,
        },
    )


def _counted(where: Any) -> tuple[int, int, int]:
    """The nodes, comparisons and listed values of a filter, counted in another way."""
    nodes = comparisons = listed = 0
    for name, given_ in where.items():
        if name in ("and", "or"):
            below = [_counted(each) for each in given_]
            nodes += len(given_)
        elif name == "not":
            below, nodes = [_counted(given_)], nodes + 1
        elif name == "lineItems":
            below, nodes = [], nodes + RELATED * len(given_)
        else:
            below, nodes, comparisons = [], nodes + len(given_), comparisons + len(given_)
            listed += sum(len(each) for each in given_.values() if isinstance(each, list))
        nodes += sum(each[0] for each in below)
        comparisons += sum(each[1] for each in below)
        listed += sum(each[2] for each in below)
    return nodes, comparisons, listed


def _depth(where: Any) -> int:
    below = [each for name in ("and", "or") for each in where.get(name, ())]
    below += [where["not"]] if "not" in where else []
    below += list(where.get("lineItems", {}).values())
    return 1 + max(map(_depth, below), default=0)


def _has_long(where: Any) -> bool:
    """Whether a text is looked for that is too long to be."""
    if isinstance(where, dict):
        return len(where.get("contains", "")) > 500 or any(map(_has_long, where.values()))
    return isinstance(where, list) and any(map(_has_long, where))


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.just(NOTHING), _within, max_leaves=12))
def test_attack_3_whatever_is_accepted_is_small(where: Any) -> None:
    nodes, comparisons, listed = _counted(where)
    fits = nodes <= MAX_NODES and comparisons <= MAX_LEAVES and listed <= MAX_VALUES and _depth(where) <= MAX_DEPTH
    try:
        _, values = normalise(orders.filters, where)
    except BadInput as error:
        refused = error.message
    else:
        refused = ""
        assert len(values) == comparisons
    assert refused == "" if fits and not _has_long(where) else refused != ""


@pytest.mark.parametrize(
    "where, price",
    [
        (None, 0),
        ({}, 0),
        ({"number": {"eq": "x"}}, 2),
        ({"or": [{"number": {"eq": "x"}}, {"number": {"ne": "x"}}]}, 5),
        (NONE, 2 + filter_prices.RELATED_PRICE),
        ({"lineItems": {"every": {"sku": {"contains": "zzz"}}}}, 4 + 2 * filter_prices.RELATED_PRICE),
        ({"readyToShip": {"eq": True}}, 2 + filter_prices.RELATED_PRICE),
        ({"not": {"shipmentStatus": {"eq": "FULL", "ne": "NONE"}}}, 4 + 2 * filter_prices.RELATED_PRICE),
        ({"warehouse": {"in": ["x"] * 500}}, 2 + filter_prices.RELATED_PRICE),
        ({"waiting": "not a comparison"}, 1),
        ("not a filter", 0),
        ([NONE] * 3, 3 * (2 + filter_prices.RELATED_PRICE)),
    ],
)
def test_attack_4_a_filter_has_a_price(where: Any, price: int) -> None:
    assert filter_prices.price(where, orders.filters) == price


def test_what_reads_another_table_says_so_by_itself() -> None:
    """Eight conditions of a clerk's lists ran a subquery for each order, at the price of a column."""
    assert lots  # whose module adds one to orders
    found = {
        f"{entity.typename}.{name}"
        for entity in (orders, lines, partners, products, shipments, levels)
        for name, by in entity.filters.items()
        if isinstance(by, filters.Filter) and by.subquery
    }
    assert found == {
        "LineItem.sku",
        "Order.lot",
        "Order.readyToShip",
        "Order.reservationStatus",
        "Order.shipmentStatus",
        "Order.waiting",
        "Order.warehouse",
        "Product.available",
        "StockLevel.available",
        "StockLevel.warehouse",
    }


def test_attack_4_the_price_is_known_soon_whatever_it_is() -> None:
    where = {"or": [{"or": [NONE] * 500}] * 500}
    assert filter_prices.price(where, orders.filters) > 1_000
    assert least_cpu(lambda: filter_prices.price(where, orders.filters)) < within(0.02)
