"""Cells that are put together hold up nobody: others have their turn in between."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from loaders.kit.aggregates import TURN, put_together
from loaders.kit.base import FREED, let_go
from loaders.kit.dimensions import Dimension
from loaders.kit.grouped import Together
from loaders.kit.grouping import Grouping, Place
from loaders.kit.many import SLICE, Many
from loaders.kit.measures import Measure, rows


class Lines(Many):
    """Rows with parents."""

    key = "order_id"


async def turns_of(work: Any) -> int:
    """How many turns another task has while this runs."""
    seen = 0

    async def other() -> None:
        nonlocal seen
        while True:
            await asyncio.sleep(0)
            seen += 1

    beside = asyncio.create_task(other())
    await asyncio.sleep(0)
    await work
    beside.cancel()
    return seen


@pytest.mark.parametrize("rows, turns", [(FREED, 0), (3 * FREED, 2)])
async def test_what_was_loaded_is_freed_in_steps(rows: int, turns: int) -> None:
    """12,500 rows that were freed with their request held the loop for 6 ms."""

    class Loaded:
        def __init__(self, known: dict[Any, Any]) -> None:
            self._known = known

    class Page(NamedTuple):
        rows: list[object]

    loaders: dict[Any, Any] = {
        "ones": Loaded(dict.fromkeys(range(rows // 2))),
        "many": Loaded({0: Page([object()] * (rows // 2 - 1))}),
    }
    assert await turns_of(let_go(loaders)) == turns
    assert not loaders


@pytest.mark.parametrize("rows, turns", [(SLICE, 0), (SLICE + 1, 1), (3 * SLICE, 2)])
async def test_many_rows_find_their_parents_in_steps(rows: int, turns: int) -> None:
    """12,500 rows held the loop for 8 ms."""
    loader = object.__new__(Lines)
    found: dict[Any, list[Any]] = {}

    async def give() -> None:
        found.update(await loader._by_parent([*range(10)], [{"key": row * 10 // rows} for row in range(rows)]))

    assert await turns_of(give()) == turns
    assert [len(each) for each in found.values()] == [
        sum(row * 10 // rows == key for row in range(rows)) for key in range(10)
    ]


@pytest.mark.parametrize("lists, turns", [(TURN, 0), (3 * TURN, 2)])
async def test_sums_of_many_lists_give_turns(lists: int, turns: int) -> None:
    cells = {number: [{"count_count": 1}] for number in range(lists)}
    assert await turns_of(put_together({"count": rows()}, cells)) == turns


@pytest.mark.parametrize("groups, turns", [(TURN // 3, 0), (2 * TURN, 3)])
async def test_many_groups_give_turns(groups: int, turns: int) -> None:
    """One for the rows, one for what is put together of them, and one for the groups that are made of it."""
    by = Dimension("value", "currency", "CURRENCY")
    grouping = Grouping((by,), (), (), (), groups, "EUR", "pcs", "UTC", datetime.now(UTC))
    place: Any = Place(None, None, grouping, ())  # type: ignore[arg-type]  # neither is asked
    measures: dict[str, Measure] = {"count": rows()}
    found = [
        {"place": place, "kind": 0, "groups": groups, "d0": str(place), "count_count": 1, "rank_count": Decimal(1)}
        for place in range(1, groups + 1)
    ]
    together = Together(grouping, measures, ["count"])
    assert await turns_of(together.groups({(): found}, lambda _: place)) == turns
