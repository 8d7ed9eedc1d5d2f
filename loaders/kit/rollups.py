"""Sums from cells that are kept for spans of time, and from rows where there are none, or not the right ones any more.

A list that has rollups says so (``Many.rollups``). Cells are a list of their own, with the same measures, dimensions and filters by the
same names, so the statement for them is made as that for rows is. Which spans are right is read in the request's own snapshot
(docs/decisions/0058-rollups-from-the-log.md): the answer is what rows alone would give, always.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import inf
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import ARRAY, DateTime, Uuid, and_, any_, cast, column, func, literal_column, or_

from loaders.kit import filters
from loaders.kit.base import Loader
from loaders.kit.dimensions import Dimension
from loaders.kit.filling import conditions
from loaders.kit.many import Many, Query
from loaders.kit.measures import Functions, Join, Sums
from loaders.kit.statements import value

MONTH = 31
MOST_DAYS = {"DAY": 1, "WEEK": 1, "DAY_OF_WEEK": 1, "MONTH": MONTH, "MONTH_OF_YEAR": MONTH, "QUARTER": 92, "YEAR": 366}
"""How many days a span may have at most to be in one of these periods and parts alone."""

NEVER = frozenset({"HOUR", "HOUR_OF_DAY"})
"""Those that a day has several of."""

TIMES = ("period", "part")
"""The kinds of dimensions that are told by the time."""

_COMPARED = frozenset({"gt", "gte", "lt", "lte", "within"})
_MOMENT = DateTime(timezone=True)


@dataclass(frozen=True)
class Rollup:
    """Cells that stand for a list's rows. ``clean`` is SQL for the spans of tenant ``$1`` whose cells are right, by ``kind``.
    ``relation`` are the cells as a list; ``beside`` is the condition on rows that are in no cell, whatever their time. ``long`` is the
    kind of spans that are longer than months.
    """

    kind: str
    clean: str
    relation: type["Cells"]
    beside: Any
    long: str | None = None


class Cells(Many):
    """Cells of the spans that were chosen."""

    by_month: ClassVar[bool] = True
    """Whether most of the spans are months, or longer."""

    def condition(self) -> Sequence[Any]:
        return (self.entity.model.span_id == any_(value("spans", ARRAY(Uuid()))),)


Stretch = tuple[datetime | None, datetime | None]
"""From when until when; None: from the first or until the last."""


class Arm(NamedTuple):
    """Rows that cells don't have: the tables that these are told by, and the condition on them."""

    joins: tuple[Join, ...] = ()
    conditions: tuple[Any, ...] = ()


ROWS = Arm()
"""All rows of a list."""


class Chosen(NamedTuple):
    """The cells to read, and of which times rows are read: those that the spans leave out, and what is ``beside`` in them."""

    rollup: Rollup
    spans: list[Any]
    missing: list[Stretch]
    covered: list[tuple[datetime, datetime]]

    @property
    def shape(self) -> tuple[str, int]:
        """What of it decides the SQL."""
        return self.rollup.kind, _places(len(self.missing))

    @property
    def values(self) -> dict[str, Any]:
        """The values of the SQL's parameters."""
        found: dict[str, Any] = {"spans": self.spans}
        for place, end in enumerate(ENDS):
            found[f"covered_{end}"] = [stretch[place] for stretch in self.covered]
        for number in range(_places(len(self.missing))):
            stretch = self.missing[number] if number < len(self.missing) else (NEVER_WAS, NEVER_WAS)
            found |= {f"missing_{end}{number}": at for end, at in zip(ENDS, stretch, strict=True)}
        return found

    def rows(self, many: Many) -> list[Arm]:
        """What of a list's rows the cells don't have: what the spans leave out, if anything, and what is beside them."""
        time: Any = many.entity.dimensions.time
        during, covered = _covered(time.by)
        arms = [Arm((*time.joins, Join(during, and_(covered, self.rollup.beside))))]
        if self.missing:
            arms.append(Arm(time.joins, (_missing(time.by, _places(len(self.missing))),)))
        return arms


ENDS = ("from", "until")
NEVER_WAS = datetime(1, 1, 2, tzinfo=UTC)

MOST = 128
"""Stretches without cells. Where there are more, spans between some of them are given up."""


def _places(stretches: int) -> int:
    """For how many stretches a statement is made: few statements serve all numbers of them."""
    return 1 << (stretches - 1).bit_length() if stretches else 0


def _ends(by: Any, begin: Any, until: Any) -> Any:
    """Whether a time is in a stretch."""
    infinite = (cast(literal_column(f"'{sign}infinity'"), _MOMENT) for sign in ("-", ""))
    begin, until = (func.coalesce(each, end) for each, end in zip((begin, until), infinite, strict=True))
    return and_(by >= begin, by < until)


def _covered(by: Any) -> tuple[Any, Any]:
    """The stretches that have cells, as a table to join rows with, and on what."""
    ends = [value(f"covered_{end}", ARRAY(_MOMENT)) for end in ENDS]
    columns = [column("begin", _MOMENT), column("until", _MOMENT)]
    during: Any = func.unnest(*ends).table_valued(*columns, name="covered").render_derived()
    return during, _ends(by, during.c.begin, during.c.until)


def _missing(by: Any, places: int) -> Any:
    """Whether a time is in one of the stretches that have none. Each is written out, so that the planner sees how little they are:
    joined with a table of them, it read all of a million orders to find none.
    """
    return or_(*(_ends(by, *(value(f"missing_{end}{number}", _MOMENT) for end in ENDS)) for number in range(places)))


async def choose(
    loader: Loader,
    relation: type[Many],
    query: Query,
    names: Iterable[str],
    functions: Functions,
    by: Sequence[Dimension] = (),
    zone: str = "",
) -> Chosen | None:
    """What serves these sums, or None where rows have to be read; ``loader.told`` says which, or why not.

    ``names`` are those of the measures, ``by`` the dimensions, ``zone`` is where periods begin.
    """
    if not relation.rollups or not loader.rolled or loader.narrowed:
        return None
    found = next((each for each in relation.rollups if serves(each, query, [*names], functions, by)), None)
    if found is None:
        loader.source = "rows: no rollup has all of it"
        return None
    reader = loader.reader
    sql = f"SELECT id, starts_at, ends_at, first_day, last_day, timezone FROM ({found.clean}) s WHERE kind = ANY($2) ORDER BY 2, 3 DESC"
    kinds = [found.kind, *([found.long] if found.long and _most_days(by) > MONTH else [])]
    spans = [*_inside(await reader.fetch(sql, reader.tenant, kinds), relation, query, by, zone)]
    loader.source = f"{found.kind}: {len(spans)} spans" if spans else f"rows: {found.kind} has no span of these days"
    return _cut(found, spans, [*_asked(spans, relation, query)]) if spans else None


def serves(rollup: Rollup, query: Query, names: Sequence[str], functions: Functions, by: Sequence[Dimension]) -> bool:
    """Whether cells have all that is asked for."""
    cells = rollup.relation.entity
    sums = any(isinstance(cells.measures.get(name), Sums) for name in names)
    return (
        query.search is None
        and all(name in cells.measures for name in names)
        and not (sums and functions & {"min", "max"})
        and all(_has(each, cells.dimensions.values) for each in by)
        and _filtered(cells.filters, query.shape)
        and _by_comparisons(query, cells.dimensions.moment)
    )


def _has(dimension: Dimension, values: Mapping[str, Any]) -> bool:
    if dimension.kind == "value":
        return dimension.variant in values
    return dimension.kind in TIMES and dimension.variant not in NEVER


def _filtered(known: Mapping[str, Any], shape: filters.Shape) -> bool:
    """Whether cells can be filtered by all that a shape names."""
    kind, *parts = shape
    if kind in ("and", "or", "not"):
        return all(_filtered(known, part) for part in parts)
    if parts[0] not in known:
        return False
    return kind == "is" or _filtered(known[parts[0]].filters, parts[1])


def _by_comparisons(query: Query, moment: tuple[str, ...]) -> bool:
    """Whether the time is compared only so that every row has to meet it, and a span is wholly within it or not."""
    found = [name for name, _ in conditions(query.shape, iter(query.values), moment)]
    return len(found) == _leaves(query.shape, moment) and _COMPARED.issuperset(found)


def _leaves(shape: filters.Shape, path: tuple[str, ...] | None) -> int:
    kind, *parts = shape
    if kind == "is":
        return int(path == (parts[0],))
    if kind in ("and", "or", "not"):
        return sum(_leaves(part, path) for part in parts)
    return _leaves(parts[1], path[1:] if path and path[0] == parts[0] else None)


def _most_days(by: Sequence[Dimension]) -> float:
    """How many days a span may have at most, to be in one group alone."""
    return min((MOST_DAYS[str(each.variant)] for each in by if each.kind in TIMES), default=inf)


def _inside(
    spans: Iterable[Mapping[str, Any]], relation: type[Many], query: Query, by: Sequence[Dimension], zone: str
) -> Iterator[Mapping[str, Any]]:
    """Those that the filter has the whole of and no other: the longer ones first, without their parts."""
    moment = relation.entity.dimensions.moment
    found = [*conditions(query.shape, iter(query.values), moment)]
    most = _most_days(by)
    until: datetime | None = None
    for span in spans:
        if most < inf and span["timezone"] != zone:
            return
        if (span["last_day"] - span["first_day"]).days >= most:
            continue
        if (until is None or span["starts_at"] >= until) and all(_within(span, *each) for each in found):
            until = span["ends_at"]
            yield span


def _within(span: Mapping[str, Any], name: str, given: Any) -> bool:
    if name == "within":
        first, last, zone = given.split("|")
        if zone not in ("", span["timezone"]):
            return False
        return (not first or date.fromisoformat(first) <= span["first_day"]) and (
            not last or span["last_day"] <= date.fromisoformat(last)
        )
    if name in ("lt", "lte"):
        return bool(span["ends_at"] <= given)
    return bool(span["starts_at"] > given if name == "gt" else span["starts_at"] >= given)


def _asked(spans: Sequence[Mapping[str, Any]], relation: type[Many], query: Query) -> Iterator[tuple[bool, datetime]]:
    """From when, and until when (``True``), there may be rows at all, where the filter says so. Of days that no span is of nobody
    knows how long they are: two days more for them.
    """
    first, last = spans[0], spans[-1]
    for name, given in conditions(query.shape, iter(query.values), relation.entity.dimensions.moment):
        if name == "within":
            begin, through, _ = given.split("|")
            if begin:
                days = (first["first_day"] - date.fromisoformat(begin)).days
                yield False, first["starts_at"] - timedelta(days=days + 2 if days else 0)
            if through:
                days = (date.fromisoformat(through) - last["last_day"]).days
                yield True, last["ends_at"] + timedelta(days=days + 2 if days else 0)
        elif name == "lte":
            yield True, given + timedelta(microseconds=1)
        else:
            yield name == "lt", given


def _cut(rollup: Rollup, spans: Sequence[Mapping[str, Any]], asked: Sequence[tuple[bool, datetime]]) -> Chosen:
    """``asked``: see there. What is missing ends there."""
    missing: list[Stretch] = []
    covered: list[tuple[datetime, datetime]] = []
    last: datetime | None = max((at for until, at in asked if not until), default=None)
    for span in spans:
        begin, end = span["starts_at"], span["ends_at"]
        if covered and begin == last:
            covered[-1] = (covered[-1][0], end)
        else:
            if last is None or last < begin:
                missing.append((last, begin))
            covered.append((begin, end))
        last = end
    until = min((at for until, at in asked if until), default=None)
    if until is None or last is None or last < until:
        missing.append((last, until))
    if len(missing) > MOST:
        given_up = sorted(covered, key=lambda stretch: stretch[1] - stretch[0])[: len(missing) - MOST]
        kept_ = [span for span in spans if not any(begin <= span["starts_at"] < end for begin, end in given_up)]
        return _cut(rollup, kept_, asked)
    return Chosen(rollup, [span["id"] for span in spans], missing, covered)
