"""Questions of a command that don't depend on one another's answers, asked in one statement (docs/decisions/0072-fewer-round-trips-for-a-command.md)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from services.kit.later import moved
from services.kit.work import UnitOfWork


class Asked(NamedTuple):
    """A query with so many columns, whose ``$1`` is the tenant. Others may refer to its answer by its ``name``."""

    name: str
    sql: str
    width: int
    values: Sequence[Any] = ()


async def together(work: UnitOfWork, *asked: Asked) -> list[list[Any]]:
    """The rows of each of these, as tuples. Locks are taken by the one that takes them, before whatever refers to it looks."""
    parts = tuple((each.name, each.sql, each.width, len(each.values)) for each in asked)
    rows = await work.rows(_joined(parts), *(value for each in asked for value in each.values))
    found: list[list[Any]] = [[] for _ in asked]
    ends = [1]
    for each in asked:
        ends.append(ends[-1] + each.width)
    for row in rows:
        place = row[0]
        found[place].append(row[ends[place] : ends[place + 1]])
    return found


@lru_cache(maxsize=100)
def _joined(asked: tuple[tuple[str, str, int, int], ...]) -> str:
    """All rows of the first, then those of the next: each with a number before it, and nothing in the columns of the others."""
    steps, taken = [], 0
    for name, sql, _, count in asked:
        steps.append(f"{name} AS ({moved(sql, taken)})")
        taken += count
    [first, *others] = [name for name, *_ in asked]
    # The columns have the types of the first SELECT, which so has them all.
    selects = [f"SELECT 0, * FROM {first}{''.join(f' LEFT JOIN {name} ON false' for name in others)}"]
    for place, name in enumerate(others, start=1):
        columns = [f"{other}.*" if other == name else ", ".join(["NULL"] * width) for other, _, width, _ in asked]
        selects.append(f"SELECT {place}, {', '.join(columns)} FROM {name}")
    return f"WITH {', '.join(steps)} {' UNION ALL '.join(selects)}"
