"""What lists add up to: the fold of the very list, exactly, whatever its filter, at the root and of every parent."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Forbidden
from core.permissions import EVERYTHING, ROLES
from db.runtime.engine import Target
from services.platform import tenants
from tests.schema.test_filters import Trees, seen, wheres, written
from tests.support import numbers
from tests.support.graph import Asker
from tests.support.numbers import ASKED, SHOWN, fold
from tests.support.oddments import Oddments

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])


def asked(field: str, list_: str | None = None, arguments: str = "first: 250, where: $where") -> str:
    """A list with all of its rows, and what it adds up to."""
    return f"{list_ or field}({arguments}) {{ nodes {{ {SHOWN[field]} }} aggregate {{ {ASKED[field]} }} }}"


ORDERS, LINES, LEVELS = (asked(field) for field in ASKED)
QUERIES = {
    "orders": f"query ($where: OrderWhere) {{ {ORDERS} partners {{ nodes {{ {ORDERS} }} }} }}",
    "lineItems": f"""query ($where: LineItemWhere) {{
        orders(first: 250) {{ nodes {{ {LINES} }} }} products(first: 250) {{ nodes {{ {LINES} }} }} }}""",
    "stockLevels": f"""query ($where: StockLevelWhere) {{
        {LEVELS} warehouses {{ nodes {{ locations {{ nodes {{ {LEVELS} }} }} }} }}
        products {{ nodes {{ stock {{ {asked("stockLevels", "levels")} }} }} }} }}""",
}


def lists(found: Any) -> Iterator[dict[str, Any]]:
    """Every list with an aggregate in an answer."""
    if isinstance(found, list):
        for each in found:
            yield from lists(each)
    elif isinstance(found, dict):
        if "aggregate" in found:
            yield found
        for each in found.values():
            yield from lists(each)


@pytest.fixture(scope="session")
async def mixed(world: Target) -> Oddments:
    return await numbers.load(world)


@pytest.fixture(scope="module")
def trees(mixed: Oddments) -> Trees:
    rows = seen(mixed)
    return rows, {field: wheres(field, rows) for field in QUERIES}


@pytest.mark.parametrize("field", [*QUERIES])
@settings(max_examples=8)
@given(data=st.data())
async def test_an_aggregate_is_the_fold_of_its_list(
    ask: Asker, mixed: Oddments, trees: Trees, field: str, data: st.DataObject
) -> None:
    where = written(data.draw(trees[1][field]))
    found = (await ask(QUERIES[field], mixed.tenant, {"where": where}, breadth_first=data.draw(st.booleans()))).good
    every = list(lists(found))
    assert len(every) > 6
    for each in every:
        assert each["aggregate"] == fold(field, each["nodes"])


@EXECUTORS
@pytest.mark.parametrize("field", [*QUERIES])
async def test_several_currencies_and_units_stay_apart(
    ask: Asker, mixed: Oddments, field: str, *, breadth_first: bool
) -> None:
    found = (await ask(QUERIES[field], mixed.tenant, breadth_first=breadth_first)).good
    every = [each["aggregate"] for each in lists(found)]
    assert {each["count"] == 0 for each in every} == {True, False}
    if field == "stockLevels":
        assert [each["unit"] for each in every[0]["onHand"]] == [*numbers.UNITS]
    if field == "orders":
        assert [each["currency"] for each in every[0]["total"]] == [*numbers.CURRENCIES]
    assert all(each["aggregate"] == fold(field, each["nodes"]) for each in lists(found))


@EXECUTORS
async def test_the_demo_adds_up(ask: Asker, larkspur: UUID, *, breadth_first: bool) -> None:
    """All of its orders, page by page, and what the graph says of them at once."""
    query = f"""query ($after: String) {{ orders(first: 80, after: $after) {{
        nodes {{ {SHOWN["orders"]} }} pageInfo {{ hasNextPage endCursor }} aggregate {{ {ASKED["orders"]} }} }} }}"""
    nodes: list[Any] = []
    after = None
    told = []
    while True:
        page = (await ask(query, larkspur, {"after": after}, breadth_first=breadth_first)).good["orders"]
        nodes += page["nodes"]
        told.append(page["aggregate"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(told) > 1
    assert told == [fold("orders", nodes)] * len(told)


async def test_no_page_and_no_order_reach_it(ask: Asker, mixed: Oddments) -> None:
    first = "aggregate { count total { sum { amount } } }"
    pages = ["first: 1", "first: 250", "last: 2", "first: 0", "orderBy: [{field: TOTAL, direction: DESC}], first: 3"]
    query = " ".join(f"a{index}: orders({page}) {{ {first} }}" for index, page in enumerate(pages))
    answer = await ask(f"{{ {query} }}", mixed.tenant)
    assert [*answer.good.values()] == [answer.good["a0"]] * len(pages)
    assert len(answer.ran) == 1  # the same list, so the same statement


async def test_a_search_is_part_of_the_list(ask: Asker, mixed: Oddments) -> None:
    query = f"{{ {asked('orders', arguments='first: 250, search: $text')} }}"
    found = (await ask(f"query ($text: String) {query}", mixed.tenant, {"text": "door"})).good["orders"]
    assert 0 < len(found["nodes"]) < 16
    assert found["aggregate"] == fold("orders", found["nodes"])


@EXECUTORS
async def test_of_nothing_there_is_nothing(ask: Asker, world: Target, *, breadth_first: bool) -> None:
    name = f"empty {breadth_first}"
    tenant = await tenants.create(world, name, "EUR")
    query = f"{{ {asked('orders', arguments='first: 1')} {asked('stockLevels', arguments='first: 1')} }}"
    found = (await ask(query, tenant, breadth_first=breadth_first)).good
    assert found == {field: {"nodes": [], "aggregate": fold(field, [])} for field in ("orders", "stockLevels")}
    assert found["orders"]["aggregate"]["placedAt"] == {"count": 0, "min": None, "max": None}


async def test_a_partner_sees_sums_of_its_own(ask: Asker, mixed: Oddments) -> None:
    partner = mixed["partners"][1]["id"]
    query = f"{{ {asked('orders', arguments='first: 250')} products {{ nodes {{ {asked('lineItems', arguments='first: 250')} }} }} }}"
    everybody = (await ask(query, mixed.tenant)).good
    for breadth_first in (True, False):
        found = (
            await ask(
                query,
                mixed.tenant,
                breadth_first=breadth_first,
                partner=partner,
                permissions=frozenset(ROLES["partner"]),
            )
        ).good
        assert 0 < found["orders"]["aggregate"]["count"] < everybody["orders"]["aggregate"]["count"]
        assert found["orders"]["aggregate"]["customerCount"] == 1
        for field, list_ in (
            ("orders", found["orders"]),
            *(("lineItems", row["lineItems"]) for row in found["products"]["nodes"]),
        ):
            assert list_["aggregate"] == fold(field, list_["nodes"])


@EXECUTORS
async def test_a_refused_measure_leaves_the_rest(ask: Asker, mixed: Oddments, *, breadth_first: bool) -> None:
    may = EVERYTHING - {"partners:read"}
    query = "{ orders { aggregate { count %s total { currency } } } }"
    answer = await ask(
        query % "customerCount", mixed.tenant, permissions=may, propagate=False, breadth_first=breadth_first
    )
    allowed = (await ask(query % "", mixed.tenant)).good["orders"]["aggregate"]
    assert answer.data == {"orders": {"aggregate": {**allowed, "customerCount": None}}}
    [error] = answer.errors
    assert error.path == ["orders", "aggregate", "customerCount"]
    assert isinstance(error.original_error, Forbidden)
    assert [ran.sql.count("customer_id") for ran in answer.ran] == [0]
    alone = await ask(
        "{ orders { aggregate { customerCount } } }", mixed.tenant, permissions=may, breadth_first=breadth_first
    )
    assert (alone.data, len(alone.errors), alone.ran) == (None, 1, [])


@EXECUTORS
async def test_a_level_takes_one_statement_whatever_is_asked(
    ask: Asker, larkspur: UUID, *, breadth_first: bool
) -> None:
    for size in (2, 20):
        query = f"""{{ partners(first: {size}) {{ nodes {{ orders(first: 0) {{ aggregate {{ {ASKED["orders"]} }} }} }} }}
            products(first: {size}) {{ nodes {{ lineItems {{ aggregate {{ {ASKED["lineItems"]} }} }} }} }} }}"""
        answer = await ask(query, larkspur, breadth_first=breadth_first)
        assert len(answer.good["partners"]["nodes"]) == size
        assert len(answer.ran) == 4


async def test_only_what_is_asked_for_is_worked_out(ask: Asker, mixed: Oddments) -> None:
    query = "{ orders { aggregate { count total { sum { amount } } } } }"
    [ran] = (await ask(query, mixed.tenant)).ran
    assert [name for name in ("subtotal", "min(", "max(", "customer_id", "placed_at") if name in ran.sql] == []
    [ran] = (await ask("{ products(first: 1) { nodes { id lineItems { aggregate { count } } } } }", mixed.tenant)).ran[
        1:
    ]
    assert "JOIN" not in ran.sql
