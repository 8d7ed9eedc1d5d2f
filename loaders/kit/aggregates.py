"""What connections add up to, for a whole level in one statement: the rows that the list has, page or no page."""

import asyncio
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Select, and_, func, select, union_all

from loaders.kit import filters
from loaders.kit.base import Loader
from loaders.kit.entity import Entity
from loaders.kit.many import Many, Query, joined
from loaders.kit.measures import ALL, Cells, Distinct, Functions, Join, Measure, Read, Unit
from loaders.kit.one import TENANT
from loaders.kit.rollups import ROWS, Arm, Chosen, choose

FUNCTIONS = frozenset({"@count", "@sum", "@avg", "@min", "@max"})
"""Stand among the columns for what of the measures is asked for: of all of them alike."""

TURN = 500
"""Cells that are put together before others have their turn on the loop."""


class Turns:
    """Others' turns on the loop while cells are put together: a thousand groups of all measures took a tenth of a second."""

    def __init__(self) -> None:
        self._done = 0

    async def after(self, cells: int) -> None:
        """So many were put together."""
        self._done += cells
        if self._done > TURN:
            self._done = 0
            await asyncio.sleep(0)


class Aggregates(Loader):
    """What a connection's rows add up to: a dictionary of its measures. ``arguments`` is (loader, query)."""

    row = None

    async def load_all(self, keys: list[Any]) -> dict[Any, Any]:
        """The measures of each key, also of those without rows."""
        loader, query = self.arguments
        many = loader(self, (), query)
        rolled = await self._rolled(loader, query)
        shape = (
            Aggregates,
            loader,
            self.narrowed,
            self.columns,
            query.shape,
            query.search is None,
            rolled and rolled.shape,
        )
        made = await self.made(shape, partial(self.build, many, rolled))
        given = whole_values(query) | {"keys": keys} | (rolled.values if rolled else {})
        cells: dict[Any, list[Any]] = {key: [] for key in keys}
        for row in await self.fetch(made, given, len(keys)):
            cells[() if many.key is None else row["key"]].append(row)
        return await put_together(chosen(many.entity, self.columns), cells, functions_of(self.columns))

    async def _rolled(self, loader: type[Many], query: Query) -> Chosen | None:
        measures = chosen(loader.entity, self.columns)
        if any(isinstance(each, Distinct) for each in measures.values()):
            return None  # they are counted list by list
        return await choose(self, loader, query, measures, functions_of(self.columns))

    def build(self, many: Many, rolled: Chosen | None) -> Any:
        """The statement: of rows alone, or of cells and of those rows that they don't have."""
        if rolled is None:
            return self._cells(many)
        relation: Any = rolled.rollup.relation
        cells = relation(self, (), many.arguments)
        return union_all(*(self._cells(many, arm) for arm in rolled.rows(many)), self._cells(cells))

    def _cells(self, many: Many, arm: Arm = ROWS) -> Select[Any]:
        measures = chosen(many.entity, self.columns)
        keys = [] if many.key is None else [getattr(many.entity.model, many.key).label("key")]
        units = units_of(measures.values())
        joins = [join for measure in measures.values() for join in _plain(measure)]
        columns = [*keys, *(unit.by.label(f"unit_{unit.name}") for unit in units)]
        cells = [
            measure.leaves(function, column).label(name)
            for name, (measure, function, column) in parts(measures, FUNCTIONS.intersection(self.columns)).items()
        ] or [func.count().label("rows")]
        found = whole_rows(many, [*joins, *arm.joins], arm.conditions).add_columns(*columns, *cells).group_by(*columns)
        apart = {name: measure for name, measure in measures.items() if isinstance(measure, Distinct)}
        return _with_distinct(many, found, apart, keys) if apart else found


def _plain(measure: Measure) -> Sequence[Join]:
    return () if isinstance(measure, Distinct) else measure.tables


def chosen(entity: Entity[Any], columns: Iterable[str]) -> dict[str, Measure]:
    """The measures among what is asked for."""
    return {name: entity.measures[name] for name in columns if name in entity.measures}


def units_of(measures: Iterable[Measure]) -> list[Unit]:
    """All units of some measures, each once."""
    return list(dict.fromkeys(unit for measure in measures for unit in measure.units))


def functions_of(columns: Iterable[str]) -> Functions:
    """The functions among what is asked for."""
    return frozenset(name[1:] for name in columns if name in FUNCTIONS)


def parts(measures: Mapping[str, Measure], functions: Iterable[str]) -> dict[str, tuple[Measure, str, Any]]:
    """The columns of cells that these measures are put together from: by their names, with what they are of."""
    wanted = functions_of(functions)
    return {
        f"{name}_{function}": (measure, function, column)
        for name, measure in measures.items()
        for function, column in measure.parts(wanted).items()
    }


def whole_rows(many: Many, joins: Iterable[Join] = (), besides: Iterable[Any] = ()) -> Select[Any]:
    """The rows of a list, or of all of a level's: as its pages have them, by the very same conditions, and those ``besides``."""
    model: Any = many.entity.model
    conditions = [model.tenant_id == TENANT, *many.conditions(many.arguments, ()), *besides]
    if many.key is not None:
        conditions.append(many.of_level())
    return select().select_from(joined(model, joins)).where(*conditions)


def whole_values(query: Query) -> dict[str, Any]:
    """The values of the conditions of ``whole_rows``, but for the level's keys."""
    return filters.parameters(query.values) | {"search": query.search}


def _with_distinct(many: Many, found: Select[Any], apart: Mapping[str, Measure], keys: list[Any]) -> Select[Any]:
    """Beside each cell how many different values its list has: by two groupings, of the pairs and then of the lists,
    which take two thirds of the time of count(DISTINCT).
    """
    cells = found.subquery("cells")
    source: Any = cells
    columns: list[Any] = list(cells.c)
    for name, measure in apart.items():
        value = measure.by.label("value")
        pairs = whole_rows(many, measure.tables).add_columns(*keys, value).group_by(*keys, value).subquery()
        counted = func.count(pairs.c.value).label(name)
        if not keys:
            columns.append(select(counted).select_from(pairs).scalar_subquery().label(name))
            continue
        each = select(pairs.c.key, counted).group_by(pairs.c.key).subquery(f"distinct_{name}")
        source = source.outerjoin(each, and_(each.c.key == cells.c.key))
        columns.append(each.c[name])
    return select(*columns).select_from(source)


async def put_together(
    measures: Mapping[str, Measure], cells: Mapping[Any, Sequence[Any]], functions: Functions = ALL
) -> dict[Hashable, Any]:
    """What the cells of each list come to. Of very many others have their turn in between."""
    turns = Turns()
    found = await aggregated(readers_of(measures, functions), list(cells.values()), turns)
    return dict(zip(cells, found, strict=True))


def readers_of(measures: Mapping[str, Measure], functions: Functions) -> dict[str, Read]:
    """What tells what lists of cells come to, by the measures' names."""
    return {name: measure.reader(name, functions) for name, measure in measures.items()}


async def aggregated(readers: Mapping[str, Read], lists: Sequence[Cells], turns: Turns) -> list[dict[str, Any]]:
    """The measures of each list of cells: of a portion of the lists at a time, with others' turns in between."""
    if not readers:
        return [{} for _ in lists]
    found: list[dict[str, Any]] = []
    for portion in _portions(lists, TURN // len(readers)):
        columns = [read(portion) for read in readers.values()]
        found += [dict(zip(readers, values, strict=True)) for values in zip(*columns, strict=True)]
        await turns.after(sum(map(len, portion)) * len(readers))
    return found


def _portions(lists: Sequence[Cells], most: int) -> Iterator[Sequence[Cells]]:
    """The lists, so many together that they have somewhat more than that many cells."""
    portion: list[Cells] = []
    cells = 0
    for each in lists:
        portion.append(each)
        cells += len(each)
        if cells > most:
            yield portion
            portion, cells = [], 0
    if portion:
        yield portion
