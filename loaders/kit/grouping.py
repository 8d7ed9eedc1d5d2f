"""What the arguments of ``groups`` say, checked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import null

from core.errors import BadInput
from loaders.kit import dimensions as by_
from loaders.kit import filling, filters
from loaders.kit.dimensions import Dimension
from loaders.kit.entity import Entity, Order
from loaders.kit.keyset import MAX_SORTS
from loaders.kit.many import Many, Query
from loaders.kit.measures import Distinct, Measure

KEY = "KEY"
"""Stands in an order of groups for their dimensions."""

REST, WHOLE, SHARE = "@rest", "@whole", "@share"
"""Stand among the columns for what is asked of groups besides themselves: how many there are beyond the first and what these come to,
what all rows come to, and what part of it each has.
"""

EDGES = {"@start": "start", "@end": "end", "@date": "date"}
"""Stand among them for what is asked of periods, by the names that these have it by. Only that is worked out: the end of a month took
PostgreSQL as long as all else of its group.
"""

PARTS = frozenset({REST, WHOLE, SHARE, *EDGES})


class Grouping(NamedTuple):
    """Everything that the arguments of ``groups`` say, checked and hashable. ``having`` is a filter's shape and values.

    ``within`` are the dimensions of the groups that these are groups of, with whether their keys may be null: of one group
    within another the outer one's first. ``depth``: of how many.
    """

    by: tuple[Dimension, ...]
    having: filters.Shape
    having_values: tuple[Any, ...]
    order: Order
    first: int
    currency: str
    unit: str
    zone: str
    now: datetime
    fill: bool = False
    within: tuple[Dimension, ...] = ()
    depth: int = 0

    @property
    def shape(self) -> tuple[Any, ...]:
        """What of it decides the SQL."""
        by, within = (tuple(each.shape for each in dimensions) for dimensions in (self.by, self.within))
        return (by, within, self.having, self.order, self.fill)

    def shared_by(self, measures: Mapping[str, Measure]) -> str | None:
        """The measure of which groups have a part of the whole: the first sort that isn't by key. Of different values there is none,
        since two groups may have the same.
        """
        name = next((name for name, _ in self.order if name != KEY), None)
        return None if name is None or isinstance(measures[name], Distinct) else name

    def whole(self, columns: Iterable[str], measures: Mapping[str, Measure]) -> bool:
        """Whether what all rows come to is wanted."""
        return WHOLE in columns or (SHARE in columns and self.shared_by(measures) is not None)

    def ranked_by(self) -> tuple[str, ...]:
        """The measures that groups are sorted or chosen by."""
        names = [name for name, _ in self.order if name != KEY] + [part[1] for part in self.having[1:]]
        return tuple(dict.fromkeys(names))


MAX_DIMENSIONS = 3
MAX_GROUPS = 1_000


MAX_DEPTH = 2
"""Groups within groups within groups of a list."""


class Place(NamedTuple):
    """Where groups stand: all that the rows of their list have in common, for groups within them."""

    loader: type[Many]
    query: Query
    grouping: Grouping
    key: tuple[Any, ...]
    """The key of the list, where there are several, and the values of the dimensions of outer groups from the outermost on."""


def grouping(entity: Entity[Any], args: Mapping[str, Any], currency: str, zone: str, now: datetime) -> Grouping:
    """Check the arguments of ``groups``. ``BadInput`` carries the path to the one at fault."""
    if not 1 <= args["first"] <= MAX_GROUPS:
        raise BadInput(f"first must be between 1 and {MAX_GROUPS:,}.", path=("first",))
    dimensions = _by(entity, args["by"])
    try:
        having, values = filters.normalise(_compared(tuple(entity.dimensions.ranked)), args.get("having"))
    except BadInput as error:
        raise error.below("having") from None
    if args.get("fill"):
        filling.check(dimensions)
    try:
        unit = filters.text_value(filters.limited(args.get("unit") or "pcs", filters.MAX_TEXT))
    except BadInput as error:
        raise error.below("unit") from None
    return Grouping(
        dimensions,
        having,
        values,
        _order(entity, args.get("orderBy") or ()),
        args["first"],
        currency,
        unit,
        zone,
        now,
        bool(args.get("fill")),
    )


@cache
def _compared(names: tuple[str, ...]) -> dict[str, Any]:
    """What groups are filtered by: numbers. Only their names count here."""
    return {name: filters.decimal(null(), "") for name in names}


def inner_grouping(entity: Entity[Any], args: Mapping[str, Any], outer: Grouping) -> Grouping:
    """Check the arguments of groups within a group. Currency, unit and time zone are the outer ones'."""
    if outer.depth == MAX_DEPTH:
        raise BadInput("Groups can be within groups twice, not more.")
    within = (*outer.within, *outer.by)
    inner = grouping(entity, {**args, "unit": outer.unit}, outer.currency, outer.zone, outer.now)
    for index, each in enumerate(inner.by):
        if each.key in {earlier.key for earlier in within}:
            raise BadInput("This dimension is in the group's key already.", path=("by", index))
    return inner._replace(within=within, depth=outer.depth + 1)


def _by(entity: Entity[Any], given: Sequence[Mapping[str, Any]]) -> tuple[Dimension, ...]:
    if not 1 <= len(given) <= MAX_DIMENSIONS:
        raise BadInput(f"1 to {MAX_DIMENSIONS} dimensions can be given.", path=("by",))
    found: list[Dimension] = []
    for index, each in enumerate(given):
        try:
            dimension = by_.read(each, entity.dimensions)
        except BadInput as error:
            raise error.below("by", index) from None
        if dimension.key in {earlier.key for earlier in found}:
            raise BadInput("This dimension is given twice.", path=("by", index))
        found.append(dimension)
    return tuple(found)


def _order(entity: Entity[Any], given: Sequence[Mapping[str, Any]]) -> Order:
    if len(given) > MAX_SORTS:
        raise BadInput(f"At most {MAX_SORTS} sorts.", path=("orderBy",))
    names = {upper(name): name for name in entity.dimensions.ranked} | {KEY: KEY}
    order: list[tuple[str, str]] = []
    for index, each in enumerate(given):
        name = names[by_.name_of(each["field"])]
        if name in {earlier for earlier, _ in order}:
            raise BadInput("This is sorted by twice.", path=("orderBy", index, "field"))
        order.append((name, by_.name_of(each["direction"])))
    return tuple(order)


def upper(name: str) -> str:
    """A measure's name as an enum has it: openTotal, OPEN_TOTAL."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()
