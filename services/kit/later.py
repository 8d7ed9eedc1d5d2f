"""Writes whose answer nobody waits for: they go out in one statement with what a command stores at its end.

A round trip takes its time whatever is in it, and those under the locks of products hold up others
(docs/decisions/0070-writes-that-wait.md).
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import asyncpg

from db.runtime.writer import Writer

_PARAMETER = re.compile(r"\$(\d+)")


class Later(NamedTuple):
    """A write that can wait until the end of its command, or until the command asks for something.

    ``steps`` are common table expressions, with names that no other write of the command has; ``answer`` is an expression of
    what they leave, which ``done`` is told. ``$1`` is the tenant, the ``values`` follow. ``heard`` makes of a row that was
    there already what the command answers; of another's it leaves the error as it is.
    """

    steps: str
    answer: str
    values: Sequence[Any]
    done: Callable[[Any], None] = lambda _: None
    heard: Callable[[Exception], Exception] = lambda error: error


async def run(writer: Writer, writes: Sequence[Later]) -> None:
    """Run these writes, one after the other."""
    for each in writes:
        await _run(writer, f"WITH {each.steps} SELECT {each.answer}", each.values, [each])


async def run_with(writer: Writer, writes: Sequence[Later], steps: tuple[str, ...], last: str, *values: Any) -> None:
    """Run an INSERT with common table expressions and these values, and the writes in the same statement.

    Not where tables are spread over servers: which of a statement's writes comes first isn't said, and a foreign key may be
    looked at there before the statement's end. Nor where two have the same steps, whose names would be met twice.
    """
    if writer.spread or len({each.steps for each in writes}) < len(writes):
        await run(writer, writes)
        writes = ()
    sql = _joined(steps, last, len(values), tuple((each.steps, each.answer, len(each.values)) for each in writes))
    await _run(writer, sql, [*values, *(value for each in writes for value in each.values)], writes)


async def _run(writer: Writer, sql: str, values: Sequence[Any], writes: Sequence[Later]) -> None:
    try:
        rows = await writer.rows(sql, *values)
    except asyncpg.UniqueViolationError as error:
        for each in writes:
            heard = each.heard(error)
            if heard is not error:
                raise heard from None
        raise
    for each, answer in zip(writes, rows[0] if writes else (), strict=True):
        each.done(answer)


@lru_cache(maxsize=100)
def _joined(steps: tuple[str, ...], last: str, taken: int, writes: tuple[tuple[str, str, int], ...]) -> str:
    """The statement ``last``, which has so many parameters besides the tenant, with writes that have so many each."""
    answers = []
    for step, answer, count in writes:
        steps = (*steps, moved(step, taken))
        answers.append(moved(answer, taken))
        taken += count
    begun = f"WITH {', '.join(steps)} " if steps else ""
    return f"{begun}{last}{' RETURNING ' if answers else ''}{', '.join(answers)}"


def moved(sql: str, by: int) -> str:
    """SQL whose parameters have numbers higher by so many, but for the tenant's."""
    return _PARAMETER.sub(lambda found: "$1" if found[1] == "1" else f"${int(found[1]) + by}", sql)
