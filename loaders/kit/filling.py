"""Periods without rows, listed among the groups of a list: between the days of its filter, or its first and last row."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, DateTime, Select, Text, Uuid, case, cast, func, literal_column, null, select, true

from core.errors import BadInput
from loaders.kit.dimensions import Dimension
from loaders.kit.filters import REFERRED, Shape
from loaders.kit.measures import Measure
from loaders.kit.periods import STEPS, ZONE, days, interval, kept, trunc
from loaders.kit.statements import constant, value

MOST = 1_000
"""Periods of a list that are listed."""

MOMENT = timedelta(microseconds=1)


def check(by: tuple[Dimension, ...]) -> None:
    """Refuse to fill what has no period, or several."""
    if sum(each.kind == "period" for each in by) != 1:
        raise BadInput("Only periods are filled: by needs one.", path=("fill",))


def bounds(shape: Shape, values: tuple[Any, ...], path: tuple[str, ...]) -> dict[str, Any]:
    """The values of the SQL's parameters: from when to when the filter lets rows through, by the comparisons that all rows
    must meet.
    """
    found = list(conditions(shape, iter(values), path))
    later = [_moved(given, MOMENT) if name == "gt" else given for name, given in found if name in ("gt", "gte", "eq")]
    earlier = [
        _moved(given, -MOMENT) if name == "lt" else given for name, given in found if name in ("lt", "lte", "eq")
    ]
    named = [given for name, given in found if name == "within"]
    return {
        "fill_from": max(later, default=None),
        "fill_through": min(earlier, default=None),
        "fill_days": named[0] if named else "||",
    }


def _moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment


def conditions(shape: Shape, values: Iterator[Any], path: tuple[str, ...] | None) -> Iterator[tuple[str, Any]]:
    """The comparisons of the value that a path leads to, as far as every row must meet them. Takes all of the shape's values."""
    kind, *rest = shape
    if kind == "is":
        given = next(values)
        if path == (rest[0],) and (isinstance(given, datetime | str)):
            yield rest[1], given
    elif kind == "and":
        for part in rest:
            yield from conditions(part, values, path)
    elif kind == REFERRED:
        yield from conditions(rest[1], values, path[1:] if path and path[0] == rest[0] else None)
    else:
        for part in rest if kind in ("or", "not") else rest[1:]:
            yield from conditions(part, values, None)


def empty(
    cells: Any,
    lists: Any,
    places: list[str],
    by: Sequence[Dimension],
    parts: Mapping[str, tuple[Measure, str, Any]],
) -> Select[Any]:
    """Cells without rows: for each list and each of its other keys one for every period. ``lists`` are the lists that there
    are, by their key; None where there is but one.
    """
    [(place, dimension)] = [each for each in enumerate(by) if each[1].kind == "period"]
    unit, name = str(dimension.variant), places[place]
    ends = [func.min(cells.c[name]).label("first"), func.max(cells.c[name]).label("last")]
    if lists is None:
        spans = select(*ends).subquery("spans")
    else:
        mine = select(cells.c.key, *ends).group_by(cells.c.key).subquery("mine")
        spans = (
            select(lists.c.key, mine.c.first, mine.c.last)
            .select_from(lists.outerjoin(mine, mine.c.key == lists.c.key))
            .subquery("spans")
        )
    source: Any = spans
    others = [each for each in places if each != name]
    keys = [] if lists is None else ["key"]
    if others:
        apart = select(*(cells.c[each] for each in (*keys, *others))).distinct().subquery("apart")
        source = spans.join(apart, apart.c.key == spans.c.key if keys else true())
    found = _periods(unit, spans.c.first, spans.c.last).lateral("filled")
    columns = {each: (apart.c[each] if each in others else found.c.start) for each in places}
    chosen = [*(spans.c[key] for key in keys), *(columns[each].label(each) for each in places)]
    nothing = [
        cast(constant(0) if function == "count" else null(), cells.c[part].type).label(part)
        for part, (_, function, _) in parts.items()
    ]
    units = [cast(null(), column.type).label(column.name) for column in cells.c if column.name.startswith("unit_")]
    kinds = [
        constant(0).label("kind"),
        cast(null(), Uuid).label("value"),
        cast(constant(0), BigInteger).label("rows"),
    ]
    kinds = kinds if "kind" in cells.c else []
    # One more than are let through: of as many for each list one has more.
    most: Any = literal_column(str(MOST + 1))
    if lists is not None:
        most = most * select(func.count()).select_from(lists).scalar_subquery()
    return select(*chosen, *units, *kinds, *nothing).select_from(source.join(found, true())).limit(most)


def _periods(unit: str, first: Any, last: Any) -> Select[Any]:
    """When the periods between two moments begin, one more than may be listed. Of local times, which are then told apart by
    what they are in time: a day that a zone left out is none.
    """
    moment = DateTime(timezone=True)
    begin, end = days(value("fill_days", Text()))
    infinite: list[Any] = [literal_column(f"timestamptz '{each}infinity'") for each in ("-", "")]
    given: Any = func.greatest(value("fill_from", moment), func.nullif(begin, infinite[0]))
    until: Any = func.least(value("fill_through", moment), func.nullif(end, infinite[1]) - interval("1 microsecond"))
    # Without rows and days there is nothing between; and the least of null and a moment is the moment.
    begins, ends = (
        case((each.is_not(None), kept(each))) for each in (func.coalesce(given, first), func.coalesce(until, last))
    )
    start, stop = trunc(unit, begins), ends
    if unit == "HOUR":
        steps = select(func.generate_series(start, stop, interval(STEPS[unit])).label("step"))
        steps = steps.limit(literal_column(str(2 * MOST + 2)))
        each = trunc(unit, steps.subquery("steps").c.step)
    else:
        local = [func.timezone(ZONE, at) for at in (start, stop)]
        steps = select(
            func.generate_series(
                func.date_trunc(constant(unit.lower()), local[0]), local[1], interval(STEPS[unit])
            ).label("step")
        )
        steps = steps.limit(literal_column(str(MOST + 1)))
        each = trunc(unit, func.timezone(ZONE, steps.subquery("steps").c.step, type_=moment))
    return select(each.label("start")).distinct()
