"""To many: the pages of a connection, a limit per parent, in one statement for a whole level; two where few overflow."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Uuid,
    any_,
    func,
    select,
    true,
)
from sqlalchemy.types import TypeEngine

from core.errors import BadInput
from core.paging import Page, digest, encode_cursor
from core.paging import page as checked_page
from loaders.kit import filters
from loaders.kit.base import Loader
from loaders.kit.entity import ASC, Order, Sort
from loaders.kit.keyset import after_position, as_text, checked_order, decode_position, sort_of
from loaders.kit.measures import Join
from loaders.kit.one import TENANT
from loaders.kit.search import matches, search_text
from loaders.kit.statements import constant, value

LIMIT = value("limit", Integer())
WHOLE = 20
"""From this page size on all of the parents' rows are read, and sliced in Python. That spares row_number(): a quarter of the
time of 824 stock levels. Of smaller pages too many rows would be read in vain."""

SLICE = 4_000
"""Rows that are given to their parents in one step: some three milliseconds."""

Way = Callable[[Select[Any], Sequence[Any]], Select[Any]]
_key = itemgetter("key")


class Query(NamedTuple):
    """Everything that the arguments of a connection say, checked and hashable."""

    page: Page
    shape: filters.Shape
    values: tuple[Any, ...]
    order: Order
    search: str | None
    fingerprint: str
    after: tuple[Any, ...] | None
    before: tuple[Any, ...] | None

    @property
    def whole(self) -> "Query":
        """The same list, whatever page of it was asked for, and in which order."""
        return self._replace(page=WHOLE_LIST, order=(), fingerprint="", after=None, before=None)


WHOLE_LIST = Page(0, backward=False, after=None, before=None)


class Connection:
    """One parent's page: its rows, loaded only if asked for, and how to go on from it.

    It refers to the loader's class, not to the loader, which keeps its pages: such a cycle would keep the rows.
    """

    __slots__ = ("has_more", "key", "loader", "query", "rows")

    def __init__(
        self, loader: "type[Many]", query: Query, key: Any, rows: Sequence[Any] = (), *, has_more: bool = False
    ) -> None:
        self.loader = loader
        self.query = query
        self.key = key
        self.rows = rows
        self.has_more = has_more

    @property
    def has_next(self) -> bool:
        """Whether rows follow. Going backward there are some if the page ends before a cursor."""
        return self.query.before is not None if self.query.page.backward else self.has_more

    @property
    def has_previous(self) -> bool:
        return self.has_more if self.query.page.backward else self.query.after is not None

    def cursor(self, row: Any) -> str:
        """The cursor of one of this page's rows."""
        sort_values = tuple(row[f"sort{index}"] for index in range(len(self.query.order)))
        return encode_cursor(self.query.fingerprint, (*sort_values, row["sort_id"].hex))


class Many(Loader):
    """A page of rows for each key; with ``key = None`` one page of the whole table.

    ``key`` is the column that refers to the parent. ``condition`` narrows the rows for every use.
    ``small_fanout`` says that a parent never has many rows (hundreds at most): then all of the level's are read at once
    and cut into pages here, or there by their numbers. ``default`` is an order of this relation's own where none is
    asked for; ``()`` is by id. ``unique`` is a sort by which no two rows of a parent are equal: no tie is to be
    broken there, and an index without the id gives the order. ``counted``: how many rows its table has is looked at, for the
    price of what reads all of them.
    """

    key: ClassVar[str | None] = None
    small_fanout: ClassVar[bool] = False
    counted: ClassVar[bool] = False
    default: ClassVar[Order | None] = None
    unique: ClassVar[str | None] = None
    key_type: ClassVar[TypeEngine[Any]] = Uuid()
    rollups: ClassVar[Sequence[Any]] = ()
    """Cells that its sums may come from (``loaders.kit.rollups``), the fewest first."""

    @classmethod
    def query(cls, args: Mapping[str, Any]) -> Query:
        """Check a connection's arguments. ``BadInput`` carries the path to the argument at fault."""
        entity = cls.entity
        page = _page(args)
        search = _search(args.get("search"))
        order = checked_order(entity, args.get("orderBy"), search, cls.default)
        try:
            shape, values = filters.normalise(entity.filters, args.get("where"))
        except BadInput as error:
            raise error.below("where") from None
        fingerprint = digest(cls.__name__, shape, values, order, search)
        places = {}
        for name, cursor in (("after", page.after), ("before", page.before)):
            try:
                places[name] = None if cursor is None else decode_position(entity, fingerprint, cursor, order)
            except BadInput as error:
                raise error.below(name) from None
        return Query(page, shape, values, order, search, fingerprint, places["after"], places["before"])

    @classmethod
    def permissions(cls, query: Query) -> Iterator[str]:
        """What one needs for a query besides seeing the rows: what its filter tells of others."""
        return filters.permissions(cls.entity.filters, query.shape)

    async def load_all(self, keys: list[Any]) -> dict[Any, Connection]:
        """The page of each key."""
        query: Query = self.arguments
        groups = await self._by_parent(keys, await self._rows(keys))
        pages = {}
        for key, rows in groups.items():
            more = len(rows) > query.page.limit
            page = rows[: query.page.limit] if more else rows
            pages[key] = Connection(type(self), query, key, page[::-1] if query.page.backward else page, has_more=more)
        return pages

    async def _by_parent(self, keys: list[Any], rows: list[Any]) -> dict[Any, list[Any]]:
        if self.key is None:
            return {keys[0]: rows}
        groups: dict[Any, list[Any]] = {key: [] for key in keys}
        for start in range(0, len(rows), SLICE):
            if start:
                await asyncio.sleep(0)
            # A parent's rows come together: one look-up for all of them, as a UUID takes long to hash.
            for key, group in groupby(rows[start : start + SLICE] if len(rows) > SLICE else rows, _key):
                groups[key] += group
        return groups

    async def _rows(self, keys: list[Any]) -> list[Any]:
        """The rows of all pages, and of each at least one more, where there is one."""
        limit = self.arguments.page.limit + 1
        if self.key is None:
            return await self._read(self._sole, keys, limit)
        if not self.small_fanout:
            return await self._read(self._lateral, keys, limit)
        if len(keys) == 1 or limit > WHOLE:
            most = limit * len(keys)
            rows = await self._read(self._whole, keys, most)
            # A sole parent's page is whole. Of several, one with many may have kept out the others'.
            if len(rows) < most or len(keys) == 1:
                return rows
        return await self._read(self._numbered, keys, limit)

    async def _read(self, way: Way, keys: list[Any], limit: int) -> list[Any]:
        query: Query = self.arguments
        shape = (type(self), way.__name__, self.columns, self.narrowed, *self._shape())
        made = await self.made(shape, partial(self.build, way))
        given = self._values(query) | {"keys": keys, "limit": limit}
        return await self.fetch(made, given, len(keys), one_plan=query.shape == ("and",) and query.search is None)

    def _shape(self) -> tuple[Any, ...]:
        """What of the query decides the SQL."""
        query: Query = self.arguments
        places = tuple(place and tuple(each is None for each in place) for place in (query.after, query.before))
        return (query.shape, query.order, query.search is None, query.page.backward, places)

    def _values(self, query: Query) -> dict[str, Any]:
        given = filters.parameters(query.values)
        given["search"] = query.search
        for name, place in (("after", query.after), ("before", query.before)):
            given |= {f"{name}{index}": each for index, each in enumerate(place or ())}
        return given

    def build(self, way: Way) -> Select[Any]:
        """The statement; ``way`` makes pages of a level's rows."""
        query: Query = self.arguments
        model: Any = self.entity.model
        columns = [self.entity.column(name) for name in self.columns if not name.startswith("@")]
        sorts = [sort_of(self.entity, name) for name, _ in query.order]
        if "@cursor" in self.columns:
            columns += [as_text(sort.by).label(f"sort{index}") for index, sort in enumerate(sorts)]
            columns.append(model.id.label("sort_id"))
        # Rows may be wanted for their number alone: { nodes { __typename } }, { pageInfo { hasNextPage } }.
        rows = select(*columns or [constant(1).label("row")]).where(
            model.tenant_id == TENANT, *self.conditions(query, sorts)
        )
        joins = [join for sort in sorts for join in sort.joins]
        if joins:
            rows = rows.select_from(joined(model, joins))
        backward = query.page.backward
        directions = [direction for _, direction in query.order]
        # The tie-break goes with the first sort, so that one index serves both directions.
        if self.unique not in {name for name, _ in query.order}:
            sorts.append(Sort(model.id))
            directions.append((directions or [ASC])[0])
        order = [
            sort.by.asc() if (direction == ASC) != backward else sort.by.desc()
            for sort, direction in zip(sorts, directions, strict=True)
        ]
        return way(rows, order)

    # ---------------------------------------------------------------- from all rows to pages. Those of one level may
    # come in more than one way, so they all have their columns in the same order, the parent's key last.

    def _sole(self, rows: Select[Any], order: Sequence[Any]) -> Select[Any]:
        """One page of the whole table."""
        return rows.order_by(*order).limit(LIMIT)

    def _lateral(self, rows: Select[Any], order: Sequence[Any]) -> Select[Any]:
        """A limit per parent for a whole level: each parent's page by index, no row too many."""
        keys = parents(self.key_type)
        page = rows.order_by(*order).limit(LIMIT).where(self.of_parent(keys.c.key)).correlate(keys).lateral("page")
        return select(*page.c, keys.c.key.label("key")).select_from(keys.join(page, true()))

    def _numbered(self, rows: Select[Any], order: Sequence[Any]) -> Select[Any]:
        """A limit per parent by numbering all rows of the level's parents. The rows leave the window
        in its order, so there is no second sort."""
        parent = self._parent()
        place = func.row_number().over(partition_by=parent, order_by=order)
        page = self._of_parents(rows).add_columns(parent.label("key"), place.label("place")).subquery("page")
        return select(*(column for column in page.c if column.name != "place")).where(page.c.place <= LIMIT)

    def _whole(self, rows: Select[Any], order: Sequence[Any]) -> Select[Any]:
        """All rows of the level's parents, up to a limit for all together."""
        parent = self._parent()
        return self._of_parents(rows).add_columns(parent.label("key")).order_by(parent, *order).limit(LIMIT)

    def _of_parents(self, rows: Select[Any]) -> Select[Any]:
        return rows.where(self.of_level())

    def of_level(self) -> ColumnElement[bool]:
        """Whether a row is one of the level's parents'."""
        clause: ColumnElement[bool] = self._parent() == any_(value("keys", ARRAY(self.key_type)))
        return clause

    def of_parent(self, key: Any) -> ColumnElement[bool]:
        """Whether a row is the parent's with this key."""
        clause: ColumnElement[bool] = self._parent() == key
        return clause

    def _parent(self) -> Any:
        return getattr(self.entity.model, str(self.key))

    def conditions(self, query: Query, sorts: Sequence[Sort]) -> list[ColumnElement[bool]]:
        conditions = [*self.visible(), *self.condition()]
        if query.shape != ("and",):
            conditions.append(filters.condition(self.entity.filters, query.shape, narrowed=self.narrowed))
        if query.search is not None:
            conditions.append(matches(self.entity.search, "search"))
        directions = [direction for _, direction in query.order]
        for name, place, later in (("after", query.after, True), ("before", query.before, False)):
            if place is not None:
                conditions.append(after_position(self.entity, name, place, sorts, directions, later=later))
        return conditions

    def condition(self) -> Sequence[ColumnElement[bool]]:
        """What is true of every row of this relation besides its parent; nothing, as a rule."""
        return ()


def joined(model: Any, joins: Iterable[Join]) -> Any:
    """A table with those to one that are needed besides, each once."""
    source: Any = model
    for table, on in dict.fromkeys(joins):
        source = source.join(table, on) if source is not model else model.__table__.join(table, on)
    return source


def parents(type_: TypeEngine[Any]) -> Any:
    """The level's keys as a table with one column, ``key``."""
    return func.unnest(value("keys", ARRAY(type_))).table_valued("key", name="parents").render_derived()


def _page(args: Mapping[str, Any]) -> Page:
    return checked_page(args.get("first"), args.get("after"), args.get("last"), args.get("before"))


def _search(given: str | None) -> str | None:
    try:
        return search_text(given)
    except BadInput as error:
        raise error.below("search") from None
