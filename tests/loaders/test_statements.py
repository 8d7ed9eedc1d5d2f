"""Statements are compiled once, and the store of them is bounded."""

import gc
import tracemalloc
from collections.abc import Hashable

import pytest
from sqlalchemy import ARRAY, Integer, Text, Uuid, select

from core import ids
from core.fair_store import FairStore
from db.catalog import Product
from loaders.catalog import products
from loaders.kit import filters, statements
from loaders.kit.statements import Statement, constant, statement, value

OPERATORS = ("eq", "ne", "contains", "startsWith")


def test_a_shape_is_built_once() -> None:
    built = []

    def build() -> object:
        built.append(1)
        return select(Product.sku).where(Product.id == value("key", Uuid())).limit(value("limit", Integer()))

    made = [statement(("once", ids.new_id().version), build) for _ in range(3)]  # type: ignore[arg-type]  # any clause will do
    assert (built, len({id(each) for each in made})) == ([1], 1)
    assert "$1" in made[0].sql
    assert "$2" in made[0].sql
    assert {*made[0].names} == {"key", "limit"}
    assert made[0].values({"key": "k", "limit": 5, "other": 6}) == [
        {"key": "k", "limit": 5}[name] for name in made[0].names
    ]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> FairStore[Hashable, Statement]:
    """A store for some statements."""
    store: FairStore[Hashable, Statement] = FairStore(100_000)
    monkeypatch.setattr(statements, "_statements", store)
    return store


def test_one_that_invents_shapes_loses_its_own(few: FairStore[Hashable, Statement]) -> None:
    kept = statement("kept", lambda: select(constant(1)), "a")
    for number in range(300):
        statement(("flood", number), lambda: select(constant(2)), "b")
    assert statement("kept", lambda: select(constant(3)), "b") is kept
    assert few.size <= 100_000 // 5 + 1_100
    assert few.get(("flood", 0)) is None
    assert few.get(("flood", 299)) is not None


def test_attack_3_what_is_kept_takes_no_more_than_it_counts_for(few: FairStore[Hashable, Statement]) -> None:
    few.capacity = 1_000_000

    def asked(number: int) -> None:
        where = {"or": [{"sku": {OPERATORS[number >> 2 * place & 3]: "a"}} for place in range(20 + number % 60)]}
        shape, _ = filters.normalise(products.filters, where)
        statement(("size", shape), lambda: filters.condition(products.filters, shape), number % 7)

    asked(0)
    tracemalloc.start()
    try:
        for number in range(1, 100):
            asked(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 10 < len(few) < 99
    assert 10_000 < grown < few.size <= few.capacity


def test_attack_3_a_text_that_is_too_long_is_not_kept(few: FairStore[Hashable, Statement]) -> None:
    made = statement("long", lambda: select(constant("x" * 20_000)))
    assert len(made.sql) > 20_000
    assert (len(few), few.size) == (0, 0)


def test_arrays_are_one_parameter() -> None:
    made = statement("array", lambda: select(Product.id).where(Product.sku == value("keys", ARRAY(Text())).any_()))
    assert made.names == ("keys",)
    assert made.sql.count("$1") == 1
