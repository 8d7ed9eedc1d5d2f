"""In a level of many objects the leaves are read while the field beside them waits; and never do two fields wait at once."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry

from execution import Batch, ExtensibleSchema, Trace, argument
from tests.support.patience import PATIENCE
from tests.support.sample import batched


@dataclass
class Context:
    """``log`` is what ran, in turn. ``read`` is set when the leaf was read; ``waits``: whether ``slow`` waits for that,
    and ``never``: that it waits for good."""

    waits: bool = False
    never: bool = False
    trace: Trace | None = None
    log: list[str] = field(default_factory=list)
    read: asyncio.Event = field(default_factory=asyncio.Event)


class Stop(BaseException):
    """Not an error of a field: the end of everything, as a cancellation is."""


def number(batch: Batch) -> list[int]:
    batch.context.log.append("number")
    batch.context.read.set()
    return list(batch.sources)


def stops(batch: Batch) -> list[int]:
    raise Stop


async def slow(batch: Batch) -> list[str]:
    batch.context.log.append("slow")
    try:
        if batch.context.waits:
            await batch.context.read.wait()
        if batch.context.never:
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        batch.context.log.append("cancelled")
        raise
    batch.context.log.append("slow ends")
    return [f"slow {source}" for source in batch.sources]


async def other(batch: Batch) -> list[str]:
    batch.context.log.append("other")
    return [f"other {source}" for source in batch.sources]


@strawberry.type
class Thing:
    slow: str = batched(slow)
    other: str = batched(other)
    number: int = batched(number)
    stops: int = batched(stops)


@strawberry.type
class Query:
    things: list[Thing] = batched(
        lambda batch: [range(batch.args["first"])], arguments=[argument("first", int, "How many.", 2)]
    )


SCHEMA = ExtensibleSchema(Query)
TWO = [{"other": f"other {index}", "number": index, "slow": f"slow {index}"} for index in range(2)]


async def run(document: str, context: Context) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await SCHEMA.execute(document, context_value=context)


async def test_leaves_are_read_while_a_field_waits() -> None:
    """If not, this would never end. The answer has its keys in the document's order all the same."""
    context = Context(waits=True)
    result = await run("{ things { other number slow } }", context)
    assert result.errors is None
    assert [list(thing.items()) for thing in result.data["things"]] == [list(thing.items()) for thing in TWO]
    # The first that waits is ``other``; nothing stands between it and its end but leaves.
    assert context.log == ["other", "number", "slow", "slow ends"]


async def test_while_the_first_that_waits_does() -> None:
    context = Context(waits=True)
    result = await run("{ things { slow number other } }", context)
    assert (result.errors, result.data) == (None, {"things": TWO})
    assert context.log == ["slow", "number", "slow ends", "other"]


@pytest.mark.parametrize("first, trace", [(1, None), (2, Trace())], ids=["one object", "under a trace"])
async def test_in_turn(first: int, trace: Trace | None) -> None:
    context = Context(trace=trace)
    result = await run(f"{{ things(first: {first}) {{ slow number other }} }}", context)
    assert (result.errors, result.data) == (None, {"things": TWO[:first]})
    assert context.log == ["slow", "slow ends", "number", "other"]


async def test_what_ends_everything_ends_the_field_that_waits() -> None:
    context = Context(waits=True)
    with pytest.raises(Stop):
        await run("{ things { slow stops } }", context)
    assert context.log == ["slow", "cancelled"]


async def test_a_request_that_is_cancelled_leaves_nothing_running() -> None:
    context = Context(never=True)
    running = asyncio.create_task(run("{ things { slow number } }", context))
    await context.read.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert context.log == ["slow", "number", "cancelled"]


def test_without_an_event_loop_everything_is_in_turn() -> None:
    context = Context()
    result = SCHEMA.execute_sync("{ things { slow number other } }", context_value=context)
    assert (result.errors, result.data) == (None, {"things": TWO})
    assert context.log == ["slow", "slow ends", "number", "other"]
