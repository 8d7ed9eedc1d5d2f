"""Work on one document that is done in steps, so that the loop has its turns in between.

A document of 400 tokens can select 1,800 fields through a fragment that it spreads 48 times: to price them takes 13 ms and
to plan them 26, in which nobody else was served.
"""

import asyncio
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")

Steps = Generator[None, None, T]
"""What yields wherever others may have a turn, and returns its result."""

Turn = Callable[[], None]
"""What a function calls wherever others may have a turn."""

EVERY = 100
"""Fields, nodes or tokens that are looked at in one step: some two milliseconds."""


def at_once(steps: Steps[T]) -> T:
    """The result, with no turn for anybody."""
    results: list[T] = []
    for _ in _kept(steps, results):
        pass
    return results[0]


async def in_turns(steps: Steps[T]) -> T:
    """The result, with a turn for others after each step."""
    results: list[T] = []
    for _ in _kept(steps, results):
        await asyncio.sleep(0)
    return results[0]


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


def turn_if_stepped() -> None:
    """A turn for others, where this is done within ``stepped``; elsewhere nothing. For what is called by a library, which hands on
    nothing of ours.
    """
    turn = _turn.get()
    if turn is not None:
        turn()


def stepped(work: Callable[[Turn], T]) -> Steps[T]:
    """The steps of a function that can't yield, since what calls it is a library's: it has a stack of its own, which is left
    at its turns (docs/decisions/0076-turns-within-graphql-core.md).
    """

    def turn() -> None:
        getcurrent().parent.switch()

    def begun() -> T:
        _turn.set(turn)  # the stack has variables of its own
        return work(turn)

    inside = greenlet(begun)
    try:
        result: T = inside.switch()
        while not inside.dead:
            yield
            inside.parent = getcurrent()
            result = inside.switch()
        return result
    finally:
        if not inside.dead:  # nobody waits for it any more
            inside.throw()


def _kept(steps: Steps[T], results: list[T]) -> Steps[None]:
    results.append((yield from steps))
