"""A small schema that has a bit of everything, and nothing of any domain: for the executors' tests."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, NewType, NoReturn, Optional

import strawberry
from strawberry.schema.config import StrawberryConfig

from execution import Batch, BatchField, BreadthFirstExecutor, ExtensibleSchema, Shared, argument, extends
from execution.fields import Resolve


@dataclass
class Context:
    """A request's. ``log`` is what resolvers note: the order in which things happen."""

    batches: dict[Any, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)


Even = NewType("Even", int)


def _even(value: Any) -> int:
    if not isinstance(value, int) or value % 2:
        raise ValueError(f"{value} is not even")
    return value


@strawberry.enum
class Colour(Enum):
    RED = "r"
    GREEN = "g"


@strawberry.input
class Box:
    wide: int = 3
    high: int | None = None
    colours: list[Colour] = strawberry.field(default_factory=lambda: [Colour.RED])


@strawberry.interface
class Named:
    name: str


def explode(text: str = "boom") -> NoReturn:
    raise ValueError(text)


def batched(resolve: Resolve, **options: Any) -> Any:
    """A batch field, of a type that mypy takes for any."""
    return BatchField(resolve, **options)


def _labels(batch: Batch) -> list[str]:
    return [f"label {source.name}" for source in batch.sources]


def _level(batch: Batch) -> list[int]:
    """How many objects the batch has: what the two executors differ in."""
    return [len(batch.sources)] * len(batch.sources)


async def _doubled(batch: Batch) -> list[int]:
    await asyncio.sleep(0)
    return [source.number * 2 * batch.args["by"] for source in batch.sources]


def _friends(batch: Batch) -> list[list["Cat"]]:
    return [
        [Cat(name=f"{source.name}{index}", number=index) for index in range(source.number)] for source in batch.sources
    ]


def _failing(batch: Batch) -> Sequence[Any]:
    raise RuntimeError("all failed")


def _some_failing(batch: Batch) -> list[Any]:
    return [ValueError(f"no {source.name}") if source.number % 2 else source.name for source in batch.sources]


SHARED: list["Dog"] = []


def _owner(batch: Batch) -> Shared:
    """Every source's owner is the same object; the third has none."""
    return Shared([None if source.number == 3 else 0 for source in batch.sources], {0: SHARED[0]})


@strawberry.type
class Cat(Named):
    number: int = 0

    @strawberry.field
    def plain(self) -> str:
        return f"plain {self.name}"

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(0)
        return f"slow {self.name}"

    @strawberry.field
    def explode(self) -> str | None:
        explode(f"boom {self.name}")

    @strawberry.field
    def strict(self) -> str:
        if self.number % 2:
            explode(f"odd {self.number}")
        return self.name

    @strawberry.field
    def missing(self) -> str:
        return None

    @strawberry.field
    def where(self, info: strawberry.Info) -> str:
        return str(info.path.as_list())

    label: str = batched(_labels)
    level: int = batched(_level)
    doubled: int = batched(_doubled, arguments=[argument("by", int, "Times.", 1)])
    friends: list["Cat"] = batched(_friends)
    failing: str | None = batched(_failing)
    failing_strictly: str = batched(_failing)
    partly: str | None = batched(_some_failing)
    partly_strictly: str = batched(_some_failing)
    nothing: str | None = batched(lambda batch: [None] * len(batch.sources), final=True)
    nothing_strictly: str = batched(lambda batch: [None] * len(batch.sources), final=True)
    owner: Optional["Dog"] = batched(_owner)
    owner_strictly: "Dog" = batched(_owner)


@strawberry.type
class Dog(Named):
    number: int = 0
    bark: str = "woof"

    @strawberry.field
    async def explode(self) -> str | None:
        await asyncio.sleep(0)
        explode(f"bark {self.name}")

    label: str = batched(_labels)
    level: int = batched(_level)
    cats: list[Cat] = batched(_friends)


SHARED.append(Dog(name="Rex", number=2))


@extends(Dog)
class DogAge:
    age: int = batched(lambda batch: [source.number + 10 for source in batch.sources])


@strawberry.type
class Stone:
    weight: int = 7


Pet = Annotated[Cat | Dog, strawberry.union("Pet")]
Thing = Annotated[Cat | Dog | Stone, strawberry.union("Thing")]


def cats() -> list[Cat]:
    return [Cat(name=f"cat{index}", number=index) for index in range(4)]


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str:
        return f"hello {name}"

    @strawberry.field
    def maybe(self, name: str | None = strawberry.UNSET) -> str:
        return "left out" if name is strawberry.UNSET else str(name)

    @strawberry.field
    def box(self, box: Box) -> str:
        return f"{box.wide} {box.high} {[colour.name for colour in box.colours]}"

    @strawberry.field
    def boxes(self, boxes: list[Box] | None = None) -> int:
        return -1 if boxes is None else len(boxes)

    @strawberry.field
    def colour(self, like: Colour = Colour.GREEN) -> Colour:
        return like

    @strawberry.field
    def wrong_colour(self) -> Colour | None:
        return "blue"

    @strawberry.field
    def even(self, number: Even) -> Even | None:
        return Even(number + 1) if number > 10 else number

    @strawberry.field
    def evens(self) -> list[Even | None]:
        return [Even(number) for number in range(4)]

    @strawberry.field
    def cats(self) -> list[Cat]:
        return cats()

    @strawberry.field
    async def kittens(self) -> list[Cat] | None:
        await asyncio.sleep(0)
        return cats()

    @strawberry.field
    def litters(self) -> list[list[Cat] | None] | None:
        return [cats()[:2], None, [], cats()[2:]]

    @strawberry.field
    def gaps(self) -> list[Cat | None]:
        return [cats()[0], None, cats()[1]]

    @strawberry.field
    def strict_gaps(self) -> list[Cat] | None:
        return [cats()[0], None]

    @strawberry.field
    def faulty(self) -> list[Cat | None]:
        return [cats()[0], ValueError("in the list"), cats()[1]]

    @strawberry.field
    def no_list(self) -> list[int] | None:
        return 5

    @strawberry.field
    def text_as_list(self) -> list[str] | None:
        return "abc"

    @strawberry.field
    def from_tuple(self) -> list[int]:
        return (1, 2, 3)

    @strawberry.field
    def generated(self) -> list[int]:
        return (number for number in range(3))

    @strawberry.field
    def wrong_number(self) -> int | None:
        return "x"

    @strawberry.field
    def large(self) -> int | None:
        return 2**31

    @strawberry.field
    def pets(self) -> list[Pet]:
        return [*cats()[:2], Dog(name="Rex", number=1), *cats()[2:], Dog(name="Bo", number=2)]

    @strawberry.field
    def pet(self, *, dog: bool) -> Pet | None:
        return Dog(name="Rex") if dog else Cat(name="Tom")

    @strawberry.field
    def named(self) -> list[Named | None]:
        return [Cat(name="Tom", number=1), None, Dog(name="Rex", number=2), Cat(name="Kit", number=3)]

    @strawberry.field
    def strangers(self) -> list[Pet | None]:
        return [Cat(name="Tom"), Stone(), 5]

    @strawberry.field
    def explode(self) -> str | None:
        explode()

    @strawberry.field
    def explode_strictly(self) -> str:
        explode()

    @strawberry.field
    def returned(self) -> str | None:
        return ValueError("returned")

    dog: Dog = batched(lambda _batch: [SHARED[0]])
    all_cats: list[Cat] = batched(lambda _batch: [cats()])
    any_pet: list[Thing | None] = batched(lambda _batch: [[*cats(), None, SHARED[0], Stone()]])


@strawberry.type
class Step:
    number: int

    @strawberry.field
    async def seen(self, info: strawberry.Info[Context, None]) -> list[str]:
        await asyncio.sleep(0)
        info.context.log.append(f"seen {self.number}")
        return list(info.context.log)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def step(self, info: strawberry.Info[Context, None], number: int) -> Step | None:
        info.context.log.append(f"start {number}")
        await asyncio.sleep(0.001 / (number + 1))
        if number == 13:
            explode("unlucky")
        info.context.log.append(f"end {number}")
        return Step(number=number)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def kittens(self, count: int) -> AsyncIterator[Cat]:
        for number in range(count):
            yield Cat(name=f"kitten{number}", number=number)

    @strawberry.subscription
    async def failing(self) -> AsyncIterator[int]:
        yield 1
        explode("in the stream")


def build(*, breadth_first: bool, **options: Any) -> ExtensibleSchema:
    """The schema, for one executor or the other."""
    even = strawberry.scalar(name="Even", serialize=_even, parse_value=_even)
    return ExtensibleSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extend=[DogAge],
        breadth_first=breadth_first,
        config=StrawberryConfig(scalar_map={Even: even}),
        **options,
    )


def handed_over() -> int:
    """How often the breadth-first executor gave up on an operation."""
    return sum(BreadthFirstExecutor.handed_over.values())
