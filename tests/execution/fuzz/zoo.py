"""A schema in which much fails: every shape of list, interfaces of two depths, unions, and resolvers of every
kind that fail by a rule. For what an ERP's schema rarely does: nulls that travel, errors at odd places.

What a field gives is worked out of its object's number, the field's own and the place in the list,
so that it is the same at every run and under either executor.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Annotated, Any, Optional
from zlib import crc32

import hypothesis.strategies as st
import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError
from hypothesis_graphql import nodes

from execution import Batch, BatchField, ExtensibleSchema, Shared, argument
from tests.execution.fuzz import cases as generated
from tests.execution.fuzz.compare import Case, Comparison
from tests.execution.fuzz.reshape import Arguments
from tests.execution.fuzz.views import views
from tests.support.sample import batched

SHAPES = (
    *("Optional[{}]", "{}"),
    *("Optional[list[Optional[{}]]]", "Optional[list[{}]]", "list[Optional[{}]]", "list[{}]"),
    *("Optional[list[Optional[list[Optional[{}]]]]]", "Optional[list[Optional[list[{}]]]]"),
    *("Optional[list[list[Optional[{}]]]]", "Optional[list[list[{}]]]"),
    *("list[Optional[list[Optional[{}]]]]", "list[Optional[list[{}]]]", "list[list[Optional[{}]]]", "list[list[{}]]"),
)
TARGETS = ("int", "Cat", "Being", "Animal", "Pet", "Rock", "Mood")
STYLES = ("plain", "slow", "batch", "late")
RARELY = 29
"""One value in so many is null, and one fails."""


@dataclass
class Context:
    """A request's."""

    batches: dict[Any, Any] = field(default_factory=dict)


@strawberry.enum
class Mood(Enum):
    CALM = "calm"
    WILD = "wild"


@strawberry.input
class Box:
    wide: int = 3
    high: int | None = None
    moods: list[Mood] = strawberry.field(default_factory=lambda: [Mood.WILD])


@strawberry.input(one_of=True)
class Choice:
    number: int | None = strawberry.UNSET
    mood: Mood | None = strawberry.UNSET


class Refusal(GraphQLError):
    """An error that has extensions of its own."""


# ---------------------------------------------------------------- values by rule


def lot(*parts: int) -> int:
    return crc32(repr(parts).encode())


def made(target: str, depth: int, number: int, salt: int, failing: str) -> Any:
    """A value of ``depth`` lists. ``failing`` is where errors may stand: nowhere, in leaves, or anywhere."""
    drawn = lot(number, salt, depth)
    case = drawn % RARELY
    if case == 0:
        return None
    if (case == 1 and failing == "anywhere") or (case == 1 and failing == "leaves" and depth == 0):
        return failure(number, salt)
    if depth:
        if case == 2 and failing == "anywhere":
            return 5  # no list
        length = drawn // RARELY % 4
        items = (made(target, depth - 1, number * 5 + index, salt + 1, failing) for index in range(length))
        return tuple(items) if case == 3 and failing == "anywhere" else list(items)
    return single(target, (number * 3 + salt) % 10_000, wrong=case == 4 and failing != "nowhere")


def failure(number: int, salt: int) -> Exception:
    if number % 2:
        return ValueError(f"{number} and {salt}")
    return Refusal(f"refused {number}", extensions={"code": f"CODE_{salt}"})


def single(target: str, number: int, *, wrong: bool) -> Any:
    if target == "int":
        return "no number" if wrong else number
    if target == "Mood":
        return "no mood" if wrong else list(Mood)[number % 2]
    types = {"Cat": (Cat,), "Rock": (Rock,), "Pet": (Cat, Dog), "Animal": (Cat, Dog), "Being": (Cat, Dog, Rock)}[target]
    chosen: Any = Rock if wrong and target in {"Pet", "Animal"} else types[number % len(types)]
    return chosen(n=number)


# ---------------------------------------------------------------- fields by rule


def number_of(source: Any) -> int:
    return 0 if source is None else int(source.n)


def slowly(value: Any, way: int) -> Any:
    """A list as one of things to wait for, or as an asynchronous generator; most as they are."""
    if not isinstance(value, list) or way > 1:
        return value

    async def later(item: Any) -> Any:
        await asyncio.sleep(0)
        return item

    async def generate() -> AsyncIterator[Any]:
        for item in value:
            yield await later(item)

    return [later(item) for item in value] if way else generate()


def resolver(target: str, depth: int, salt: int, style: str) -> Any:
    """A resolver of a style; ``None`` is its source at the root."""
    leaf = target in {"int", "Mood"}

    def value(source: Any, failing: str) -> Any:
        return made(target, depth, number_of(source), salt, failing)

    def plain(root: Any) -> Any:
        given = value(root, "anywhere")
        if isinstance(given, Exception) and salt % 2:
            raise given
        return given

    async def slow(root: Any) -> Any:
        for _ in range(lot(number_of(root), salt) % 3):
            await asyncio.sleep(0)
        return slowly(plain(root), lot(number_of(root), salt) % 5)

    def batch(batch: Batch) -> list[Any]:
        return [value(source, "leaves" if leaf and not depth else "nowhere") for source in batch.sources]

    async def late(batched: Batch) -> list[Any]:
        await asyncio.sleep(0)
        return batch(batched)

    if style in {"plain", "slow"}:
        return strawberry.field(resolver=plain if style == "plain" else slow)
    return BatchField(batch if style == "batch" else late)


def grown(fields: int, start: int) -> Callable[[type], type]:
    """Adds so many fields by rule to a class, of shapes, targets and styles in turn, beginning with ``start``."""

    def grow(cls: type) -> type:
        for turn in range(start, start + fields):
            shape = SHAPES[turn % len(SHAPES)]
            target = TARGETS[(turn + turn // len(SHAPES)) % len(TARGETS)]
            style = STYLES[(turn + turn // len(TARGETS)) % len(STYLES)]
            name = f"{style}_{target.lower()}{turn}"
            cls.__annotations__[name] = shape.format(target)
            setattr(cls, name, resolver(target, shape.count("list"), turn, style))
        return cls

    return grow


def told(args: dict[str, Any]) -> str:
    return repr(sorted((name, value) for name, value in args.items() if value is not strawberry.UNSET))


ARGUMENTS = (
    argument("by", int, "", 2),
    argument("more", list[int] | None, "", [1, 2]),
    argument("mood", Mood | None, "", Mood.CALM),
    argument("box", Box | None, ""),
    argument("choice", Choice | None, ""),
)


async def _fails(_batch: Batch) -> Sequence[Any]:
    raise Refusal("all of them", extensions={"code": "BATCH"})


def keepers(batch: Batch) -> Shared:
    keys = [source.n % 4 if source.n % 7 else None for source in batch.sources]
    return Shared(keys, {key: KEEPERS[key] for key in keys if key is not None})


@strawberry.type
class Keeper:
    """Whom several animals have in common. All that it has comes in batches, so it is completed once."""

    n: strawberry.Private[int]
    badge: int = batched(lambda batch: [source.n or None for source in batch.sources], final=True)
    age: int | None = batched(lambda batch: [failure(source.n, 0) if source.n < 2 else 40 for source in batch.sources])
    broken: int | None = batched(_fails)
    boss: Optional["Keeper"] = batched(lambda batch: keepers(batch).each())


KEEPERS = [Keeper(n=number) for number in range(4)]


@strawberry.interface
@grown(5, 0)
class Being:
    n: int

    @strawberry.field
    def where(self, info: strawberry.Info) -> list[str]:
        return [str(key) for key in info.path.as_list()]

    keeper: Keeper | None = batched(keepers)
    told: str = batched(lambda batch: [told(batch.args)] * len(batch.sources), arguments=ARGUMENTS)


@strawberry.interface
@grown(5, 5)
class Animal(Being):
    keeper_strictly: Keeper = batched(keepers)

    @strawberry.field
    def scaled(
        self, by: int = 2, more: list[int] | None = None, mood: Mood = Mood.WILD, box: Box | None = strawberry.UNSET
    ) -> str:
        return told({"by": by, "more": more, "mood": mood, "box": box})


@strawberry.type
@grown(20, 10)
class Cat(Animal):
    broken: int | None = batched(_fails)
    broken_strictly: int = batched(_fails)


@strawberry.type
@grown(20, 30)
class Dog(Animal):
    broken_strictly: int = batched(_fails)
    final: int | None = batched(lambda batch: [source.n % 3 or None for source in batch.sources], final=True)
    final_strictly: int = batched(lambda batch: [source.n % 9 or None for source in batch.sources], final=True)


@strawberry.type
@grown(14, 50)
class Rock(Being):
    pass


Pet = Annotated[Cat | Dog, strawberry.union("Pet")]


@strawberry.type
@grown(56, 64)
class Query:
    pass


def build(breadth_first: bool) -> ExtensibleSchema:
    """The schema, for one executor or the other."""
    return ExtensibleSchema(query=Query, types=[Cat, Dog, Rock], breadth_first=breadth_first)


async def ask(
    schema: ExtensibleSchema, document: DocumentNode, operation: str | None, variables: dict[str, Any]
) -> ExecutionResult:
    return await schema.execute_document(document, variables, context=Context(), operation=operation)


def comparison() -> Comparison:
    return Comparison(build, ask)


def strategy(reshapings: int = 2) -> st.SearchStrategy[list[Case]]:
    """Cases over this schema."""
    schema = build(breadth_first=True)._schema
    scalars = {"Int": st.integers(-3, 9).map(nodes.Int)}
    return generated.cases(schema, views(schema, 24, 3, 2), scalars, tame, reshapings)


def tame(_type: str, _name: str, given: Arguments, random: Random) -> Arguments:
    """Arguments are all optional here; some are left out."""
    return {key: value for key, value in given.items() if random.random() < 0.6}


def cases(examples: int) -> list[Case]:
    return generated.collect(strategy(), examples)
