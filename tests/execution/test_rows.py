"""Rows by column, and objects that several parents share."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import strawberry

from execution import Batch, ExtensibleSchema, Shared
from execution.fields import Table
from execution.levels import MANY
from tests.support.sample import Context, batched


class Record(tuple[Any, ...]):
    """A row as a driver has it: its values in order, and by their names."""

    __slots__ = ()
    names = ("a", "b")

    def keys(self) -> tuple[str, ...]:
        return self.names

    def __getitem__(self, name: Any) -> Any:
        return super().__getitem__(self.names.index(name) if isinstance(name, str) else name)


class Turned(Record):
    __slots__ = ()
    names = ("b", "a")


def batch(rows: Sequence[Any], *, table: bool) -> Batch:
    return Batch(rows, {}, None, None, Table(rows) if table else None)  # type: ignore[arg-type]  # nothing is selected


@pytest.mark.parametrize("table", [False, True], ids=["by name", "turned round"])
@pytest.mark.parametrize("make", [Record, lambda row: {"a": row[0], "b": row[1]}], ids=["records", "dictionaries"])
def test_a_column_has_a_value_of_each_row(make: Callable[[Any], Any], *, table: bool) -> None:
    rows = batch([make((1, "x")), make((2, None))], table=table)
    assert [list(rows.column(name)) for name in ("a", "b", "a")] == [[1, 2], ["x", None], [1, 2]]
    with pytest.raises(KeyError if table or make is not Record else ValueError):
        rows.column("c")


def test_rows_of_several_statements_are_refused() -> None:
    with pytest.raises(ValueError, match="different columns"):
        Table([Record((1, 2)), Turned((2, 1))]).column("a")
    with pytest.raises(ValueError, match="longer"):
        Table([Record((1, 2)), Record((1, 2, 3)), Record((1, 2))]).column("a")


def test_each_parent_has_the_value_of_its_key_or_none() -> None:
    assert Shared([2, None, 1, 3, 2], {1: "one", 2: "two", 3: None}).each() == ["two", None, "one", None, "two"]


completed: list[int] = []


def _names(asked: Batch) -> list[str]:
    completed.append(len(asked.sources))
    return [f"keeper {source}" for source in asked.sources]


@strawberry.type
class Keeper:
    name: str = batched(_names, final=True)


@strawberry.type
class Animal:
    # Of five keys one isn't found, and one is None.
    keeper: Keeper | None = batched(lambda asked: Shared(asked.column("keeper"), {0: 10, 1: 11, 2: 12}))
    badge: int | None = batched(lambda asked: Shared(asked.column("keeper"), {0: 7, 2: 8}), final=True)
    badges: list[int] = batched(lambda asked: Shared(asked.column("at"), {0: [7], 1: []}))
    strictly: Keeper = batched(lambda asked: Shared(asked.column("keeper"), {0: 10, 1: 11, 2: 12}))


@strawberry.type
class Query:
    animals: list[Animal | None] = batched(
        lambda _asked: [[{"keeper": (0, 1, 2, 3, None)[number % 5], "at": number % 2} for number in range(2 * MANY)]]
    )


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_what_parents_share_is_completed_once(*, breadth_first: bool) -> None:
    schema = ExtensibleSchema(Query, breadth_first=breadth_first)
    completed.clear()
    answer = await schema.execute("{ animals { keeper { name } } }", context_value=Context())
    keepers: list[Any] = [{"keeper": {"name": f"keeper {number}"}} for number in (10, 11, 12)]
    assert answer.errors is None
    assert answer.data == {"animals": [*keepers, {"keeper": None}, {"keeper": None}] * (2 * MANY // 5)}
    assert completed == ([3] if breadth_first else [1] * (2 * MANY * 3 // 5))


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_a_parent_whose_shared_object_is_missing_is_null_where_it_may_not_be(*, breadth_first: bool) -> None:
    schema = ExtensibleSchema(Query, breadth_first=breadth_first)
    answer = await schema.execute("{ animals { strictly { name } } }", context_value=Context())
    assert answer.data is not None
    assert [animal is None for animal in answer.data["animals"]] == [False, False, False, True, True] * (2 * MANY // 5)
    paths = [error.path for error in answer.errors or ()]
    assert paths == [["animals", number, "strictly"] for number in range(2 * MANY) if number % 5 > 2]


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_leaves_and_lists_may_be_shared_too(*, breadth_first: bool) -> None:
    schema = ExtensibleSchema(Query, breadth_first=breadth_first)
    answer = await schema.execute("{ animals { badge badges } }", context_value=Context())
    assert answer.errors is None
    assert answer.data == {
        "animals": [
            {"badge": (7, None, 8, None, None)[number % 5], "badges": [[7], []][number % 2]}
            for number in range(2 * MANY)
        ]
    }
