"""Statements are compiled once, and the store of them is bounded."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable, Hashable
from typing import Any

import pytest
from sqlalchemy import ARRAY, Integer, Text, Uuid, select

from core import ids
from core.fair_store import FairStore
from db.catalog import Product
from loaders.catalog import products
from loaders.kit import filters, statements
from loaders.kit.statements import EVERY, Statement, constant, statement, statement_in_turns, value

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


def _wide(name: str) -> Callable[[], Any]:
    columns = [(Product.sku + constant(f"{name}{index}")).label(f"c{index}") for index in range(2 * EVERY)]
    return lambda: select(*columns)


async def test_one_of_many_columns_is_made_in_turns_and_the_same() -> None:
    turns = [0]

    async def others() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    await asyncio.sleep(0)
    before = turns[0]
    made = await statement_in_turns("wide, in turns", _wide("a"))
    assert turns[0] - before >= 2
    beside.cancel()
    assert made == statement("wide, at once", _wide("a"))


async def test_several_that_want_the_same_wait_for_the_first(few: FairStore[Hashable, Statement]) -> None:
    few.capacity = 1_000_000
    built = []

    def build() -> Any:
        built.append(1)
        return _wide("b")()

    made = await asyncio.gather(*(statement_in_turns("wide", build) for _ in range(3)))
    assert (built, len({id(each) for each in made})) == ([1], 1)
    assert len(few) == 1


async def test_where_the_first_leaves_the_next_makes_it(few: FairStore[Hashable, Statement]) -> None:
    few.capacity = 1_000_000
    first, second = [asyncio.create_task(statement_in_turns("wide", _wide("c"))) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).sql.startswith("SELECT")
    assert first.cancelled()
    assert len(few) == 1


def test_arrays_are_one_parameter() -> None:
    made = statement("array", lambda: select(Product.id).where(Product.sku == value("keys", ARRAY(Text())).any_()))
    assert made.names == ("keys",)
    assert made.sql.count("$1") == 1
