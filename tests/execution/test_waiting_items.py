"""Lists whose items have to be waited for, and asynchronous generators: from resolvers that know no batches."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry

from execution import ExtensibleSchema


@dataclass
class Context:
    batches: dict[Any, Any] = field(default_factory=dict)


@strawberry.type
class Thing:
    number: int


async def later(number: int) -> int:
    await asyncio.sleep(0)
    if number == 2:
        raise ValueError("two")
    return number


async def thing(number: int) -> Thing:
    return Thing(number=await later(number))


@strawberry.type
class Query:
    @strawberry.field
    def numbers(self) -> list[int | None]:
        return [later(1), 5, later(2)]

    @strawberry.field
    def things(self) -> list[Thing]:
        return [thing(1), Thing(number=3)]

    @strawberry.field
    def nested(self) -> list[list[Thing]]:
        return [[thing(1)], [], [Thing(number=3), thing(4)]]

    @strawberry.field
    def counted(self) -> list[int]:
        return count(2)

    @strawberry.field
    def failing(self) -> list[int] | None:
        return count(3)


async def count(end: int) -> AsyncIterator[int]:
    for number in range(end):
        yield await later(number)


@pytest.mark.parametrize("breadth_first", [True, False])
async def test_items_are_waited_for(*, breadth_first: bool) -> None:
    schema = ExtensibleSchema(Query, breadth_first=breadth_first)
    document = "{ numbers things { number } nested { number } counted failing }"
    answer: Any = await schema.execute(document, context_value=Context())
    assert answer.data == {
        "numbers": [1, 5, None],
        "things": [{"number": 1}, {"number": 3}],
        "nested": [[{"number": 1}], [], [{"number": 3}, {"number": 4}]],
        "counted": [0, 1],
        "failing": None,
    }
    assert sorted((error.message, error.path) for error in answer.errors) == [
        ("two", ["failing"]),
        ("two", ["numbers", 2]),
    ]
