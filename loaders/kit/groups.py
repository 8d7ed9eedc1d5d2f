"""Connections put into groups: one statement for a whole level, the groups of each parent in their order, and the rest.

*Cells* are rows that have the parent, all dimensions and all units in common. Only they are made of the table; ranks, the
rest and the total are worked out from cells. For measures that count different values there are cells of another kind, one
for each value: they have no parts, and the values are counted at the end, for what they are then put together to.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Integer, Numeric, Select, Text, Uuid, case, cast, func, null, select, union_all

from core.errors import BadInput
from loaders.kit import dimensions as by_
from loaders.kit import filters
from loaders.kit.aggregates import FUNCTIONS, Turns, chosen, parts, units_of, whole_rows, whole_values
from loaders.kit.base import Loader
from loaders.kit.dimensions import Dimension
from loaders.kit.entity import DESC, Entity, Order
from loaders.kit.keyset import MAX_SORTS
from loaders.kit.many import Many, Query
from loaders.kit.measures import EXACT, Distinct, Measure, Sums
from loaders.kit.statements import constant, value

KEY = "KEY"
FIRST = value("first_groups", Integer())
TOTAL, SIX = 0, Decimal("0.000001")


class Grouping(NamedTuple):
    """Everything that the arguments of ``groups`` say, checked and hashable. ``having`` is a filter's shape and values."""

    by: tuple[Dimension, ...]
    having: filters.Shape
    having_values: tuple[Any, ...]
    order: Order
    first: int
    currency: str
    unit: str
    zone: str
    now: datetime | None

    @property
    def shape(self) -> tuple[Any, ...]:
        """What of it decides the SQL."""
        return (tuple(each.shape for each in self.by), self.having, self.order)

    def ranked_by(self) -> tuple[str, ...]:
        """The measures that groups are sorted or chosen by."""
        names = [name for name, _ in self.order if name != KEY] + [part[1] for part in self.having[1:]]
        return tuple(dict.fromkeys(names))


MAX_DIMENSIONS = 3
MAX_GROUPS = 1_000


def grouping(entity: Entity[Any], args: Mapping[str, Any], currency: str, zone: str, now: datetime) -> Grouping:
    """Check the arguments of ``groups``. ``BadInput`` carries the path to the one at fault."""
    if not 1 <= args["first"] <= MAX_GROUPS:
        raise BadInput(f"first must be between 1 and {MAX_GROUPS:,}.", path=("first",))
    dimensions = _by(entity, args["by"])
    compared = {name: filters.decimal(null(), "") for name in entity.dimensions.ranked}
    try:
        having, values = filters.normalise(compared, args.get("having"))
    except BadInput as error:
        raise error.below("having") from None
    return Grouping(
        dimensions,
        having,
        values,
        _order(entity, args.get("orderBy") or ()),
        args["first"],
        currency,
        args.get("unit") or "pcs",
        zone,
        now if any(each.kind == "age" for each in dimensions) else None,
    )


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


class Groups(Loader):
    """The groups of a connection: a dictionary of them, of the rest and of the total. ``arguments`` is (loader, query,
    grouping)."""

    row = None

    async def load_all(self, keys: list[Any]) -> dict[Any, Any]:
        """The groups of each key, also of those without rows."""
        loader, query, grouping = self.arguments
        many = loader(self, (), query)
        build = _Statement(many, grouping, self.columns)
        shape = (Groups, loader, self.narrowed, self.columns, query.shape, query.search is None, *grouping.shape)
        made = await self.made(shape, build.whole)
        rows: dict[Any, list[Any]] = {key: [] for key in keys}
        for row in await self.fetch(made, self._values(query, grouping) | {"keys": keys}, len(keys)):
            rows[() if many.key is None else row["key"]].append(row)
        turns = Turns()
        return {
            key: await _together(grouping, build.measures, self.columns, found, turns) for key, found in rows.items()
        }

    def _values(self, query: Query, grouping: Grouping) -> dict[str, Any]:
        given = whole_values(query) | filters.parameters(grouping.having_values, "h")
        given |= by_.parameters(grouping.by, grouping.now)
        units = {"in_currency": grouping.currency, "in_unit": grouping.unit}
        return given | units | {"zone": grouping.zone, "first_groups": grouping.first}


class _Statement:
    """The making of a statement."""

    def __init__(self, many: Many, grouping: Grouping, columns: Sequence[str]) -> None:
        self.many, self.grouping, self.entity = many, grouping, many.entity
        ranked = grouping.ranked_by()
        self.measures = chosen(self.entity, (*columns, *(name for name in ranked if name not in columns)))
        self.added = {name: each for name, each in self.measures.items() if not isinstance(each, Distinct)}
        self.apart = [name for name, each in self.measures.items() if isinstance(each, Distinct)]
        sums = {"@sum"} if any(isinstance(self.entity.measures[name], Sums) for name in ranked) else set[str]()
        self.parts = parts(self.added, FUNCTIONS.intersection(columns) | sums)
        self.units = units_of(self.added.values())
        self.by = [by_.expression(each, self.entity.dimensions, place) for place, each in enumerate(grouping.by)]
        self.places = [f"d{place}" for place in range(len(self.by))]
        self.keys = [] if many.key is None else [getattr(self.entity.model, many.key).label("key")]

    def whole(self) -> Select[Any]:
        """Groups, the rest and the total, the periods with their ends."""
        self.cells = union_all(self._cells(), *(self._values(*each) for each in enumerate(self.apart, 1))).cte("cells")
        placed = self._placed()
        place = func.least(placed.c.place, FIRST + constant(1), type_=Integer())
        shown = [case((placed.c.place <= FIRST, placed.c[name])).label(name) for name in self.places]
        ranks = [func.max(placed.c[name]).label(name) for name in self._ranks()]
        groups = self._merged(
            placed, [place.label("place"), *shown], [func.max(placed.c.place).label("groups"), *ranks]
        )
        nothing = [cast(null(), column.type).label(column.name) for column in shown]
        rest = [cast(null(), Integer).label("groups"), *(cast(null(), Numeric).label(name) for name in self._ranks())]
        total = self._merged(self.cells, [constant(TOTAL).label("place"), *nothing], rest, grouped=False)
        every = union_all(groups, total).subquery("every")
        periods = [
            column.label(f"d{place}_{name}")
            for place, each in enumerate(self.grouping.by)
            if each.kind == "period"
            for name, column in by_.period(str(each.variant), every.c[f"d{place}"]).items()
        ]
        return select(*every.c, *periods)

    # ---------------------------------------------------------------- cells

    def _base(self, *measures: Measure) -> Select[Any]:
        """The rows of the list, with the tables that dimensions and these measures are about."""
        joins = [join for each in self.grouping.by for join in by_.source(each, self.entity.dimensions).joins]
        return whole_rows(self.many, [*joins, *(join for measure in measures for join in measure.tables)])

    def _dimensions(self) -> list[Any]:
        return [*self.keys, *(by.label(name) for by, name in zip(self.by, self.places, strict=True))]

    def _cells(self) -> Select[Any]:
        columns = [*self._dimensions(), *(unit.by.label(f"unit_{unit.name}") for unit in self.units)]
        parts_ = [column.label(name) for name, (_, _, column) in self.parts.items()]
        empty = [constant(0).label("kind"), cast(null(), Uuid).label("value"), func.count().label("rows")]
        return self._base(*self.added.values()).add_columns(*columns, *empty, *parts_).group_by(*columns)

    def _values(self, kind: int, name: str) -> Select[Any]:
        """A cell for each different value of a measure, in each group."""
        measure = self.measures[name]
        columns, given = self._dimensions(), measure.by.label("value")
        units = [cast(null(), unit.by.type).label(f"unit_{unit.name}") for unit in self.units]
        found = [constant(kind).label("kind"), given, cast(null(), BigInteger).label("rows")]
        nothing = [cast(null(), column.type).label(part) for part, (_, _, column) in self.parts.items()]
        return self._base(measure).add_columns(*columns, *units, *found, *nothing).group_by(*columns, given)

    # ---------------------------------------------------------------- ranks

    def _ranks(self) -> list[str]:
        return [f"rank_{name}" for name in self.grouping.ranked_by()]

    def _placed(self) -> Any:
        """Cells with their group's place among those that having lets through."""
        cells, names = self.cells, [*(["key"] if self.keys else []), *self.places]
        group = [cells.c[name] for name in names]
        ranks = [self._rank(name).over(partition_by=group).label(f"rank_{name}") for name in self.grouping.ranked_by()]
        valued = select(*cells.c, *ranks).cte("valued")
        order: list[Any] = []
        for name, direction in self.grouping.order:
            if name == KEY:
                columns = [valued.c[place] for place in self.places]
                order += [column.desc() if direction == DESC else column.asc() for column in columns]
            else:
                rank = valued.c[f"rank_{name}"]
                order.append((rank.desc() if direction == DESC else rank.asc()).nulls_last())
        order += [valued.c[place].asc() for place in self.places]
        place = func.dense_rank().over(partition_by=[valued.c.key] if self.keys else None, order_by=order)
        having = {name: filters.decimal(valued.c[f"rank_{name}"], "") for name in self.grouping.ranked_by()}
        chosen_ = filters.condition(having, self.grouping.having, mark="h")
        return select(*valued.c, place.label("place")).where(chosen_).cte("placed")

    def _rank(self, name: str) -> Any:
        """What groups are compared by: the sum in one unit, the number of rows or of different values."""
        measure, cells = self.measures[name], self.cells
        if isinstance(measure, Distinct):
            return func.count(cells.c.value).filter(cells.c.kind == constant(self.apart.index(name) + 1))
        if isinstance(measure, Sums):
            [unit] = measure.units
            return func.sum(cells.c[f"{name}_sum"]).filter(
                cells.c[f"unit_{unit.name}"] == value(f"in_{unit.name}", Text())
            )
        return func.sum(cells.c[f"{name}_count"])

    def _merged(self, cells: Any, places: list[Any], more: list[Any], *, grouped: bool = True) -> Select[Any]:
        """Cells put together, by group and unit."""
        units = [cells.c[f"unit_{unit.name}"] for unit in self.units]
        keys = [cells.c.key] if self.keys else []
        columns = []
        for name, (measure, function, _) in self.parts.items():
            merge = getattr(func, function if function in ("min", "max") else "sum")
            columns.append(measure.leaves(function, merge(cells.c[name])).label(name))
        different: Any = func.count(cells.c.value.distinct()) if self.apart else constant(0)
        values = [cells.c.kind.label("kind"), different.label("different")]
        found = select(*keys, *places, *units, *values, *more, *columns)
        return found.group_by(*keys, *(places if grouped else []), *units, cells.c.kind)


# ---------------------------------------------------------------- from rows to groups


async def _together(
    grouping: Grouping, measures: Mapping[str, Measure], columns: Sequence[str], rows: Sequence[Any], turns: Turns
) -> dict[str, Any]:
    """The groups of one list, of the rows of the statement that are its."""
    apart = [name for name, measure in measures.items() if isinstance(measure, Distinct)]
    wanted = {name: measure for name, measure in measures.items() if name in columns}
    places: dict[int, list[dict[str, Any]]] = {}
    different: dict[int, dict[str, int]] = {}
    for row in rows:
        if row["kind"]:
            different.setdefault(row["place"], {})[apart[row["kind"] - 1]] = row["different"]
        else:
            places.setdefault(row["place"], []).append(dict(row))
        await turns.after(1)

    def aggregate(place: int) -> dict[str, Any]:
        cells = places.get(place, [])
        if cells:
            cells[0] |= dict.fromkeys(apart, 0) | different.get(place, {})
        return {name: measure.value(name, cells) for name, measure in wanted.items()}

    shares = _Shares(grouping, measures, places.get(TOTAL, []))
    nodes = []
    for place in sorted(each for each in places if TOTAL < each <= grouping.first):
        first = places[place][0]
        key = {each.key: by_.key(each, first, index) for index, each in enumerate(grouping.by)}
        nodes.append({"key": key, "aggregate": aggregate(place), "rank": place, **shares.of(first)})
        await turns.after(len(places[place]) * len(wanted))
    count = max((row["groups"] for row in rows if row["groups"] is not None), default=0)
    beyond = count - len(nodes)
    other = {"groupCount": beyond, "aggregate": aggregate(grouping.first + 1)} if beyond else None
    return {
        "nodes": nodes,
        "groupCount": count,
        "other": other,
        "total": aggregate(TOTAL),
        "timeZone": grouping.zone,
    }


class _Shares:
    """What part of the whole list groups have, by the first sort that isn't by key; of different values there is none,
    since two groups may have the same."""

    def __init__(self, grouping: Grouping, measures: Mapping[str, Measure], total: Sequence[Mapping[str, Any]]) -> None:
        self.name = next((name for name, _ in grouping.order if name != KEY), None)
        self.whole = Decimal(0)
        self.before = Decimal(0)
        measure = measures[self.name] if self.name else None
        if isinstance(measure, Distinct):
            self.name = None
        elif isinstance(measure, Sums):
            [unit] = measure.units
            wanted = {"currency": grouping.currency, "unit": grouping.unit}[unit.name]
            cells = [cell for cell in total if cell[f"unit_{unit.name}"] == wanted]
            self.whole = sum((Decimal(cell[f"{self.name}_sum"] or 0) for cell in cells), Decimal(0))
        elif self.name:
            self.whole = Decimal(sum(cell[f"{self.name}_count"] for cell in total))

    def of(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        if self.name is None or not self.whole:
            return {"share": None, "cumulativeShare": None}
        number = row[f"rank_{self.name}"]
        if number is not None:
            self.before = EXACT.add(self.before, Decimal(number))
        return {
            "share": None if number is None else self._part(Decimal(number)),
            "cumulativeShare": self._part(self.before),
        }

    def _part(self, number: Decimal) -> str:
        return f"{EXACT.quantize(EXACT.divide(number, self.whole), SIX).normalize():f}"
