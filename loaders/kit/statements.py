"""SQL made once: statements are built from the models, compiled by SQLAlchemy, and kept as text.

Building and compiling a SELECT takes SQLAlchemy about as long as PostgreSQL needs to answer it, so
each shape of statement is made once per process; a request only brings the values.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, bindparam, literal_column
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
_CAPACITY = 2_000


class Statement(NamedTuple):
    """SQL text with ``$1``-style parameters, and their names in order."""

    sql: str
    names: tuple[str, ...]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """The parameters' values in order."""
        return [given[name] for name in self.names]


_statements: OrderedDict[Hashable, Statement] = OrderedDict()


def statement(key: Hashable, build: Callable[[], ClauseElement]) -> Statement:
    """The compiled statement of a shape; ``build`` makes it where it isn't known yet.

    The least recently used are forgotten past a bound. They are cheap to make again, so a client
    that invents shapes costs others a compilation, not their place.
    """
    found = _statements.get(key)
    if found is not None:
        _statements.move_to_end(key)
        return found
    compiled: Any = build().compile(dialect=_DIALECT)
    made = Statement(str(compiled), tuple(compiled.positiontup))
    _statements[key] = made
    if len(_statements) > _CAPACITY:
        _statements.popitem(last=False)
    return made


def value(name: str, type_: TypeEngine[Any]) -> BindParameter[Any]:
    """A parameter that a request fills."""
    return bindparam(name, type_=type_, required=True)


def constant(given: str | int) -> ColumnElement[Any]:
    """A constant of ours as part of the SQL's text, where SQLAlchemy would make it a parameter."""
    return literal_column(str(given) if isinstance(given, int) else f"'{given}'")
