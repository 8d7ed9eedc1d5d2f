"""What rows are put together by: dimensions, declared once with their entity."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, DateTime, Integer, Numeric, cast, func, literal_column

from core.errors import BadInput
from core.money import decimal_text
from loaders.kit.measures import Join
from loaders.kit.periods import ZONE, trunc
from loaders.kit.statements import value

MOST_LIMITS = 20
"""Limits of bands."""

PARTS = {"HOUR_OF_DAY": "hour", "DAY_OF_WEEK": "isodow", "MONTH_OF_YEAR": "month"}

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Value(NamedTuple):
    """A value of a row, or the id of the record that it refers to: by which name a group's key has it."""

    key: str
    by: Any
    description: str
    joins: tuple[Join, ...] = ()
    permission: str | None = None


@dataclass(frozen=True)
class Dimensions:
    """All that an entity's rows can be put together by. ``values`` by their names in the graph's enum; ``time`` is when
    they were, and ``moment`` the filter on it, by the names that lead to it. ``bands`` are numbers by their names in a key.
    ``ranked`` are the measures that groups can be compared by, and what these are of a group.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    time: Value | None = None
    moment: tuple[str, ...] = ()
    bands: Mapping[str, Value] = field(default_factory=dict)
    ranked: Mapping[str, str] = field(default_factory=dict)


class Dimension(NamedTuple):
    """One that groups were asked by: ``kind`` and ``variant`` make the SQL, ``limits`` are the values of bands."""

    kind: str
    key: str
    variant: str | int
    limits: tuple[Any, ...] = ()

    @property
    def shape(self) -> tuple[Any, ...]:
        return (self.kind, self.key, self.variant)


def read(given: Mapping[str, Any], of: Dimensions) -> Dimension:
    """What an entry of ``by`` says. Raises ``BadInput``."""
    ((name, said),) = given.items()
    time = of.time.key if of.time else None
    if name == "field":
        return Dimension("value", of.values[name_of(said)].key, name_of(said))
    if name == time:
        return Dimension("period", name, name_of(said))
    if name == f"{time}Part":
        return Dimension("part", name, name_of(said))
    return Dimension("age" if name == "age" else "band", name, len(said), _rising(name, said))


def name_of(choice: Any) -> str:
    """The name that an enum's member has in the graph."""
    return str(getattr(choice, "value", choice))


def _rising(name: str, limits: Sequence[Any]) -> tuple[Any, ...]:
    if not 1 <= len(limits) <= MOST_LIMITS:
        raise BadInput(f"1 to {MOST_LIMITS} limits can be given.", path=(name,))
    for index, (one, other) in enumerate(pairwise(limits)):
        if one >= other:
            raise BadInput("Limits are given in rising order.", path=(name, index + 1))
    return tuple(limits)


def source(dimension: Dimension, of: Dimensions) -> Value:
    """What of a row it is about."""
    if dimension.kind == "value":
        return of.values[str(dimension.variant)]
    if dimension.kind == "band":
        return of.bands[dimension.key]
    if of.time is None:
        raise KeyError(dimension.key)
    return of.time


def expression(dimension: Dimension, of: Dimensions, place: int) -> Any:
    """The SQL that is the same for all rows of a group. ``place`` is the dimension's among those asked for."""
    by = source(dimension, of).by
    if dimension.kind == "value":
        return by
    if dimension.kind == "period":
        return trunc(str(dimension.variant), by)
    if dimension.kind == "part":
        return cast(func.extract(PARTS[str(dimension.variant)], func.timezone(ZONE, by)), Integer)
    if dimension.kind == "band":
        return func.width_bucket(by, value(f"limits{place}", ARRAY(Numeric())), type_=Integer())
    # The number of moments that are so many days ago, and not before the row's: the younger, the more.
    moments = value(f"limits{place}", ARRAY(DateTime(timezone=True)))
    younger: Any = func.width_bucket(by, moments, type_=Integer())
    return literal_column(str(len(dimension.limits)), Integer()) - younger


def parameters(dimensions: Sequence[Dimension], now: datetime | None, start: int = 0) -> dict[str, Any]:
    """The values of the SQL's parameters, but for the time zone. ``now`` is there where an age is asked for, ``start`` the
    place of the first of these dimensions.
    """
    found: dict[str, Any] = {}
    for place, dimension in enumerate(dimensions, start):
        if dimension.kind == "band":
            found[f"limits{place}"] = list(dimension.limits)
        elif dimension.kind == "age" and now is not None:
            # A moment is so many days ago from that very moment on: what is not before the next one is younger.
            edges = (_ago(now, days) for days in reversed(dimension.limits))
            found[f"limits{place}"] = [edge + timedelta(microseconds=1) if edge < _LAST else edge for edge in edges]
    return found


def _ago(now: datetime, days: int) -> datetime:
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return _FIRST if days > 0 else _LAST


# ---------------------------------------------------------------- what a group's key says


def key(dimension: Dimension, place: int, edges: Collection[str]) -> Callable[[Mapping[str, Any]], Any]:
    """What tells a dimension's value in the key of a group, of one of its rows: made once for all groups. ``edges`` are what is
    asked for of periods.
    """
    column = f"d{place}"
    if dimension.kind == "period":
        asked = [(name, f"{column}_{name}") for name in edges]
        return lambda row: {"unit": dimension.variant} | {name: _written(row[of]) for name, of in asked}
    if dimension.kind in ("age", "band"):
        limits = (None, *(decimal_text(Decimal(limit)) for limit in dimension.limits), None)
        return lambda row: {"from": limits[row[column]], "below": limits[row[column] + 1]}
    return itemgetter(column)


def _written(edge: date) -> Any:
    """A day as the answer has it; a moment is written by its field."""
    return edge if isinstance(edge, datetime) else edge.isoformat()
