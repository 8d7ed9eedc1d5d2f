"""Connections put into groups: one statement for a whole level, the groups of each parent in their order, and the rest.

*Cells* are rows that have the parent, all dimensions and all units in common. Only they are made of the table; ranks, the
rest and the total are worked out from cells. For measures that count different values there are cells of another kind, one
for each value: they have no parts, and the values are counted at the end, for what they are then put together to.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    CHAR,
    BigInteger,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    func,
    null,
    select,
    union_all,
)

from execution.steps import turn_if_stepped
from loaders.kit import dimensions as by_
from loaders.kit import filling, filters
from loaders.kit.aggregates import (
    FUNCTIONS,
    chosen,
    functions_of,
    parts,
    units_of,
    whole_rows,
    whole_values,
)
from loaders.kit.base import Loader
from loaders.kit.entity import DESC, Entity
from loaders.kit.grouped import TOTAL, Together
from loaders.kit.grouping import EDGES, KEY, REST, SHARE, Grouping, Place
from loaders.kit.many import Many, Query, parents
from loaders.kit.measures import Counted, Distinct, Join, Measure, Sums
from loaders.kit.periods import kept, period
from loaders.kit.rollups import MONTH, MOST_DAYS, ROWS, TIMES, Arm, Chosen, choose
from loaders.kit.rollups import Cells as CellsOfSpans
from loaders.kit.statements import constant, value

OUTER = 10
"""The places of the dimensions of outer groups begin here, in the names of parameters."""

FIRST = value("first_groups", Integer())


class Groups(Loader):
    """The groups of a connection: a dictionary of them, of the rest and of the total. ``arguments`` is (loader, query,
    grouping)."""

    row = None

    async def load_all(self, keys: list[Any]) -> dict[Any, Any]:
        """The groups of each key, also of those without rows."""
        loader, query, grouping = self.arguments
        many = loader(self, (), query)
        inside = bool(grouping.within)
        nulls = tuple(inside and None in each for each in zip(*keys, strict=True)) if inside else ()
        measures, functions = _measures(many.entity, grouping, self.columns)
        by = (*grouping.within, *grouping.by)
        cells = await choose(self, loader, query, measures, functions_of(functions), by, grouping.zone)
        shape = (
            *(Groups, loader, self.narrowed, self.columns, query.shape, query.search is None, nulls, *grouping.shape),
            cells and cells.shape,
        )
        made = await self.made(shape, partial(self.build, many, cells, nulls))
        rows: dict[Any, list[Any]] = {key: [] for key in keys}
        given = self._values(query, grouping) | (cells.values if cells else {})
        if inside:
            given |= {f"shown{index}": list(each) for index, each in enumerate(zip(*keys, strict=True))}
        given["keys"] = list({key[0] for key in keys}) if inside and many.key is not None else keys
        for row in await self.fetch(made, given, len(keys)):
            rows[keys[row["key"] - 1] if inside else () if many.key is None else row["key"]].append(row)
        together = Together(grouping, measures, self.columns)
        return await together.groups(
            rows, lambda key: Place(loader, query, grouping, key if inside or many.key is None else (key,))
        )

    def build(self, many: Many, cells: Chosen | None, nulls: Sequence[bool]) -> Select[Any]:
        """The statement: of rows alone, or of cells and of those rows that they don't have."""
        _, query, grouping = self.arguments
        if cells is None:
            return _Statement(many, grouping, self.columns, nulls).whole()
        arms = [_Statement(many, grouping, self.columns, nulls, arm) for arm in cells.rows(many)]
        relation: Any = cells.rollup.relation
        arms.append(_Statement(relation(self, (), query), grouping, self.columns, nulls))
        return arms[0].whole(*arms[1:])

    def _values(self, query: Query, grouping: Grouping) -> dict[str, Any]:
        given = whole_values(query) | filters.parameters(grouping.having_values, "h")
        given |= by_.parameters(grouping.by, grouping.now) | by_.parameters(grouping.within, grouping.now, OUTER)
        if grouping.fill:
            moment = self.arguments[0].entity.dimensions.moment
            given |= filling.bounds(query.shape, query.values, moment)
        units = {"in_currency": grouping.currency, "in_unit": grouping.unit}
        return given | units | {"zone": grouping.zone, "first_groups": grouping.first}


def _measures(
    entity: Entity[Any], grouping: Grouping, columns: Sequence[str]
) -> tuple[dict[str, Measure], frozenset[str]]:
    """The measures that are asked for or ranked by, and the functions of them, as they stand among the columns."""
    ranked = grouping.ranked_by()
    measures = chosen(entity, (*columns, *(name for name in ranked if name not in columns)))
    sums = {"@sum"} if any(isinstance(entity.measures[name], Sums) for name in ranked) else set[str]()
    return measures, FUNCTIONS.intersection(columns) | sums


def _text(each: Any) -> Any:
    """A value for a comparison in which nulls are equal: as text, and null as one that no text may have."""
    return func.coalesce(cast(each, Text), func.chr(constant(1)))


def _compared_in(measure: Measure, by: Any) -> Any:
    """Whether numbers are in the unit that groups are compared in."""
    [unit] = measure.units
    given = value(f"in_{unit.name}", Text())
    # A currency as it is stored: compared as text, it would be made one in every row.
    return by == (cast(given, by.type) if isinstance(by.type, CHAR) else given)


def _in_one_unit(measure: Measure) -> tuple[Measure, str, Any]:
    """The part of a cell that groups are ranked by."""
    [unit] = measure.units
    return measure, "sum", measure.parts(frozenset({"sum"}))["sum"].filter(_compared_in(measure, unit.by))


def _different(cells: Any) -> Any:
    """How many different values a cell of them stands for: one, where it says which, or so many."""
    return func.coalesce(cells.c.rows, case((cells.c.value.is_not(None), constant(1)), else_=constant(0)))


class _Statement:
    """The making of a statement."""

    def __init__(
        self,
        many: Many,
        grouping: Grouping,
        columns: Sequence[str],
        nulls: Sequence[bool] = (),
        arm: Arm = ROWS,
    ) -> None:
        self.many, self.grouping, self.entity = many, grouping, many.entity
        self.measures, functions = _measures(self.entity, grouping, columns)
        self.added = {name: each for name, each in self.measures.items() if not isinstance(each, Distinct)}
        self.apart = [name for name, each in self.measures.items() if isinstance(each, Distinct)]
        # What groups are only ranked by is summed in the one unit that they are compared in, so that cells needn't be apart by it.
        self.unseen = [name for name, each in self.added.items() if isinstance(each, Sums) and name not in columns]
        self.parts = parts({name: each for name, each in self.added.items() if name not in self.unseen}, functions)
        self.parts |= {f"{name}_sum": _in_one_unit(self.added[name]) for name in self.unseen}
        self.units = units_of(each for name, each in self.added.items() if name not in self.unseen)
        self.beyond = REST in columns or grouping.fill
        self.whole_wanted = grouping.whole(columns, self.measures)
        self.shown_ranks = self._ranks() if SHARE in columns else []
        self.edges = {EDGES[name] for name in columns if name in EDGES}
        self.by = [by_.expression(each, self.entity.dimensions, place) for place, each in enumerate(grouping.by)]
        self.places = [f"d{place}" for place in range(len(self.by))]
        key = None if many.key is None else getattr(self.entity.model, many.key)
        self.lists = None if key is None else parents(many.key_type)
        self.keys = [] if key is None else [key.label("key")]
        self.joins: list[Join] = [*arm.joins]
        self.conditions = arm.conditions
        if grouping.within:
            self._inside(key, nulls)

    def _inside(self, key: Any, nulls: Sequence[bool]) -> None:
        """Of the rows those of the groups that these are groups of, whose places among them are the keys of the lists."""
        of, outer = self.entity.dimensions, self.grouping.within
        values = [by_.expression(each, of, OUTER + place) for place, each in enumerate(outer)]
        every = values if key is None else [key, *values]
        columns = [column(f"p{index}", each.type) for index, each in enumerate(every)]
        given = (value(f"shown{index}", ARRAY(each.type)) for index, each in enumerate(every))
        shown: Any = func.unnest(*given).table_valued(*columns, with_ordinality="place", name="shown").render_derived()
        equal = [
            _text(each) == _text(shown.c[f"p{index}"]) if nulls[index] else each == shown.c[f"p{index}"]
            for index, each in enumerate(every)
        ]
        self.joins += [join for each in outer for join in by_.source(each, of).joins]
        self.joins.append(Join(shown, and_(*equal)))
        self.keys = [shown.c.place.label("key")]
        self.lists = select(shown.c.place.label("key")).subquery("lists")

    def whole(self, *others: "_Statement") -> Select[Any]:
        """Groups, the rest and the total, the periods with their ends: of these rows, and of those of other statements."""
        cells = union_all(*(each for arm in (self, *others) for each in arm.all_cells())).cte("cells")
        if self.grouping.fill:
            empty = filling.empty(cells, self.lists, self.places, self.grouping.by, self.parts)
            cells = union_all(select(*cells.c), empty).cte("filled_cells")
        self.cells = cells
        turn_if_stepped()
        placed = self._placed()
        one_each = not (others or self.apart or self.beyond or self.grouping.fill)
        groups: Any = self._as_they_are(placed) if one_each else self._groups(placed)
        turn_if_stepped()
        if self.whole_wanted:
            groups = union_all(groups, self._total())
        turn_if_stepped()
        every = groups.subquery("every")
        periods = [
            named.label(f"d{place}_{name}")
            for place, each in enumerate(self.grouping.by)
            if each.kind == "period"
            for name, named in period(str(each.variant), every.c[f"d{place}"]).items()
            if name in self.edges
        ]
        # The hour that year 1 begins in may begin in the year before, by a local time of before time zones: it can't be written.
        begun = {f"d{place}" for place, each in enumerate(self.grouping.by) if each.kind == "period"}
        columns = [kept(each).label(each.name) if each.name in begun else each for each in every.c]
        return select(*columns, *periods)

    def _as_they_are(self, placed: Any) -> Select[Any]:
        """Groups whose cells are apart by their units alone: nothing of them is left to be put together."""
        parts_ = [
            measure.leaves(function, placed.c[name]).label(name) for name, (measure, function, _) in self.parts.items()
        ]
        names = [*(["key"] if self.keys else []), "place", *self.places, *(f"unit_{unit.name}" for unit in self.units)]
        columns = [*(placed.c[name] for name in names), *(placed.c[name] for name in self.shown_ranks)]
        return select(*columns, *parts_).where(placed.c.place <= FIRST)

    def _groups(self, placed: Any) -> Select[Any]:
        """Groups, and behind the last that is shown those beyond it, together."""
        ranks = [func.max(placed.c[name]).label(name) for name in self.shown_ranks]
        if not self.beyond:
            columns = [placed.c.place, *(placed.c[name] for name in self.places)]
            return self._merged(placed, columns, ranks).where(placed.c.place <= FIRST)
        place = func.least(placed.c.place, FIRST + constant(1), type_=Integer())
        shown = [case((placed.c.place <= FIRST, placed.c[name])).label(name) for name in self.places]
        return self._merged(placed, [place.label("place"), *shown], [*ranks, func.max(placed.c.place).label("groups")])

    def _total(self) -> Select[Any]:
        """What all rows come to, with the same columns."""
        nothing = [cast(null(), self.cells.c[name].type).label(name) for name in self.places]
        rest = [cast(null(), Numeric).label(name) for name in self.shown_ranks]
        rest += [cast(null(), Integer).label("groups")] if self.beyond else []
        return self._merged(self.cells, [constant(TOTAL).label("place"), *nothing], rest, grouped=False)

    # ---------------------------------------------------------------- cells

    def all_cells(self) -> list[Select[Any]]:
        """Those of sums, and those of each measure that counts different values."""
        return [self._cells(), *(self._values(*each) for each in enumerate(self.apart, 1))]

    def _base(self, *measures: Measure) -> Select[Any]:
        """The rows of the list, with the tables that dimensions and these measures are about."""
        joins = [join for each in self.grouping.by for join in by_.source(each, self.entity.dimensions).joins]
        joins += [join for measure in measures for join in measure.tables]
        return whole_rows(self.many, [*joins, *self.joins], self.conditions)

    def _dimensions(self) -> list[Any]:
        return [*self.keys, *(by.label(name) for by, name in zip(self.by, self.places, strict=True))]

    def _cells(self) -> Select[Any]:
        columns = [*self._dimensions(), *(unit.by.label(f"unit_{unit.name}") for unit in self.units)]
        parts_ = [column.label(name) for name, (_, _, column) in self.parts.items()]
        empty = [constant(0).label("kind"), cast(null(), Uuid).label("value"), func.count().label("rows")]
        empty = empty if self.apart else []
        together = self._together(columns)
        return self._base(*self.added.values()).add_columns(*columns, *empty, *parts_).group_by(*together)

    def _together(self, columns: Sequence[Any]) -> list[Any]:
        """What to put rows together by for these columns. Cells of months are few by when they begin, and to tell the period of each
        of them took as long as all else: it is told of what they were put together to.
        """
        periods = [str(each.variant) for each in self.grouping.by if each.kind in TIMES]
        by_month = isinstance(self.many, CellsOfSpans) and self.many.by_month
        if not (by_month and periods and all(MOST_DAYS[each] >= MONTH for each in periods)):
            return [*columns]
        time: Any = self.entity.dimensions.time
        times = [name for name, each in zip(self.places, self.grouping.by, strict=True) if each.kind in TIMES]
        return [*(each for each in columns if each.name not in times), time.by]

    def _values(self, kind: int, name: str) -> Select[Any]:
        """A cell for each different value of a measure, in each group."""
        measure = self.measures[name]
        columns, given = self._dimensions(), measure.by.label("value")
        units = [cast(null(), unit.by.type).label(f"unit_{unit.name}") for unit in self.units]
        found = [constant(kind).label("kind"), given, cast(null(), BigInteger).label("rows")]
        counted = isinstance(measure, Counted)
        if isinstance(measure, Counted):
            found[1:] = [cast(null(), Uuid).label("value"), func.sum(measure.by).label("rows")]
        nothing = [cast(null(), column.type).label(part) for part, (_, _, column) in self.parts.items()]
        return (
            self._base(measure)
            .add_columns(*columns, *units, *found, *nothing)
            .group_by(*self._together(columns), *([] if counted else [given]))
        )

    # ---------------------------------------------------------------- ranks

    def _ranks(self) -> list[str]:
        return [f"rank_{name}" for name in self.grouping.ranked_by()]

    def _placed(self) -> Any:
        """Cells with their group's place among those that having lets through."""
        cells, names = self.cells, [*(["key"] if self.keys else []), *self.places]
        group = [cells.c[name] for name in names]
        ranks = [self._rank(name, group).label(f"rank_{name}") for name in self.grouping.ranked_by()]
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

    def _rank(self, name: str, group: Sequence[Any]) -> Any:
        """What groups are compared by: the sum in one unit, the number of rows or of different values."""
        measure, cells = self.measures[name], self.cells
        if isinstance(measure, Distinct):
            mine = cells.c.kind == constant(self.apart.index(name) + 1)
            return func.coalesce(func.sum(_different(cells)).filter(mine).over(partition_by=group), constant(0))
        found: Any = func.sum(cells.c[f"{name}_{'sum' if isinstance(measure, Sums) else 'count'}"])
        if isinstance(measure, Sums) and name not in self.unseen:
            found = found.filter(_compared_in(measure, cells.c[f"unit_{measure.units[0].name}"]))
        return found.over(partition_by=group)

    def _merged(self, cells: Any, places: list[Any], more: list[Any], *, grouped: bool = True) -> Select[Any]:
        """Cells put together, by group and unit."""
        units = [cells.c[f"unit_{unit.name}"] for unit in self.units]
        keys = [cells.c.key] if self.keys else []
        columns = []
        for name, (measure, function, _) in self.parts.items():
            merge = getattr(func, function if function in ("min", "max") else "sum")
            columns.append(measure.leaves(function, merge(cells.c[name])).label(name))
        values, kinds = [], [cells.c.kind] if self.apart else []
        if self.apart:
            known = func.coalesce(func.sum(cells.c.rows), constant(0))
            different = cast(func.count(cells.c.value.distinct()) + known, BigInteger)
            values = [cells.c.kind.label("kind"), different.label("different")]
        found = select(*keys, *places, *units, *values, *more, *columns)
        return found.group_by(*keys, *(places if grouped else []), *units, *kinds)
