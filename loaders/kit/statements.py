"""SQL made once: statements are built from the models, compiled by SQLAlchemy, and kept as text.

Building and compiling a SELECT takes SQLAlchemy about as long as PostgreSQL needs to answer it, so
each shape of statement is made once per process; a request only brings the values.
"""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from sqlalchemy import BindParameter, ColumnElement, bindparam, literal_column
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg, PGDialect_asyncpg
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

from core.fair_store import FairStore
from execution.steps import in_turns, stepped, turn_if_stepped

EVERY, SELECT = 50, 25
"""Columns that are compiled in one step, some two milliseconds; and as how many a SELECT counts."""


class _TurnTakingCompiler(PGCompiler_asyncpg):
    """A compiler that gives others turns: the groups of orders by many measures took it 75 ms."""

    _done = 0

    def visit_column(self, *args: Any, **kwargs: Any) -> Any:
        self._next(1)
        return super().visit_column(*args, **kwargs)

    def visit_select(self, *args: Any, **kwargs: Any) -> Any:
        self._next(SELECT)  # what it is made of is gathered before any of its columns is met
        return super().visit_select(*args, **kwargs)  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy

    def _next(self, work: int) -> None:
        self._done += work
        if self._done > EVERY:
            self._done = work
            turn_if_stepped()


class _Dialect(PGDialect_asyncpg):
    statement_compiler = _TurnTakingCompiler


_DIALECT = _Dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
CAPACITY = 32_000_000
"""Bytes of all the statements that are kept."""

FACTOR = 7
"""Bytes that a statement takes for each character of its text, with its key and its parameters' names (measured:
tests/loaders/test_statements.py)."""

LONGEST = 20_000
"""Characters of a text beyond which it isn't kept: making it again is the least that it takes."""


class Statement(NamedTuple):
    """SQL text with ``$1``-style parameters, and their names in order."""

    sql: str
    names: tuple[str, ...]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """The parameters' values in order."""
        return [given[name] for name in self.names]


_statements: FairStore[Hashable, Statement] = FairStore(CAPACITY)
_making: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
"""By shape: what is made in turns, several would make at once."""


def known(key: Hashable) -> Statement | None:
    """The statement of a shape, if it was made already."""
    return _statements.get(key)


def statement(key: Hashable, build: Callable[[], ClauseElement], owner: Hashable = None) -> Statement:
    """The compiled statement of a shape; ``build`` makes it where it isn't known yet.

    All share what is kept, and it counts for the ``owner`` (the tenant) that asked for it first: one that invents
    shapes loses its own.
    """
    found = _statements.get(key)
    if found is not None:
        return found
    compiled: Any = build().compile(dialect=_DIALECT)
    made = Statement(str(compiled), tuple(compiled.positiontup))
    if len(made.sql) <= LONGEST:
        _statements.put(owner, key, made, 1_000 + FACTOR * len(made.sql))
    return made


async def statement_in_turns(key: Hashable, build: Callable[[], ClauseElement], owner: Hashable = None) -> Statement:
    """As ``statement``, with turns for others while one is made."""
    async with _making.setdefault(key, asyncio.Lock()):
        return await in_turns(stepped(lambda _turn: statement(key, build, owner)))


def value(name: str, type_: TypeEngine[Any]) -> BindParameter[Any]:
    """A parameter that a request fills."""
    return bindparam(name, type_=type_, required=True)


def constant(given: str | int) -> ColumnElement[Any]:
    """A constant of ours as part of the SQL's text, where SQLAlchemy would make it a parameter."""
    return literal_column(str(given) if isinstance(given, int) else f"'{given}'")
