"""To many: the pages of a connection, a limit per parent, in one statement for a whole level."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    cast,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from core.errors import BadInput
from core.paging import Page, decode_cursor, digest, encode_cursor, wrong_cursor
from core.paging import page as checked_page
from loaders import filters
from loaders.base import Context, Loader
from loaders.entity import Entity, Sort
from loaders.one import TENANT
from loaders.statements import constant, statement, value

MAX_SORTS = 3
ASC, DESC = "ASC", "DESC"
Order = tuple[tuple[str, str], ...]
"""Names of sorts with their directions, the first counting most."""
RELEVANCE = "RELEVANCE"
MAX_INTEGER = 2**31 - 1


class Query(NamedTuple):
    """Everything that the arguments of a connection say, checked and hashable."""

    page: Page
    shape: filters.Shape
    values: tuple[Any, ...]
    order: Order
    search: str | None
    mark: str
    after: tuple[Any, ...] | None
    before: tuple[Any, ...] | None


class Connection:
    """One parent's page: its rows, loaded only if asked for, and how to go on from it."""

    __slots__ = ("context", "has_more", "key", "loader", "query", "rows")

    def __init__(self, loader: "type[Many]", context: Context, query: Query, key: Any) -> None:
        self.loader = loader
        self.context = context
        self.query = query
        self.key = key
        self.rows: list[Any] = []
        self.has_more = False

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
        return encode_cursor(self.query.mark, (*sort_values, row["sort_id"].hex))


class Many(Loader):
    """A page of rows for each key; with ``key = None`` one page of the whole table.

    ``key`` is the column that refers to the parent. ``condition`` narrows the rows for every use.
    ``few`` says that a parent never has many rows (hundreds at most): then all of the level's are read and
    numbered at once, which is half as fast again as a subquery for each parent. ``default`` is an order of
    this relation's own where none is asked for; ``()`` is by id.
    """

    key: ClassVar[str | None] = None
    few: ClassVar[bool] = False
    default: ClassVar[Order | None] = None
    key_type: ClassVar[TypeEngine[Any]] = Uuid()

    @classmethod
    def query(cls, args: Mapping[str, Any]) -> Query:
        """Check a connection's arguments. ``BadInput`` carries the path to the argument at fault."""
        entity = cls.entity
        page = _page(args)
        search = _search(args.get("search"))
        order = _order(entity, args.get("orderBy"), search, cls.default)
        try:
            shape, values = filters.normalise(entity.filters, args.get("where"))
        except BadInput as error:
            raise error.below("where") from None
        mark = digest(cls.__name__, shape, values, order, search)
        places = {}
        for name, cursor in (("after", page.after), ("before", page.before)):
            try:
                places[name] = None if cursor is None else _place(entity, mark, cursor, order)
            except BadInput as error:
                raise error.below(name) from None
        return Query(page, shape, values, order, search, mark, places["after"], places["before"])

    async def batch_load_fn(self, keys: list[Any]) -> list[Any]:
        """``(rows, has_more)`` for each key."""
        query: Query = self.arguments
        made = statement((type(self), self.columns, *self._shape()), self.build)
        given = self._values(query)
        if self.key is not None:
            given["keys"] = keys
        rows = await self.fetch(made, given, len(keys))
        if self.key is None:
            return [self._cut(rows)]
        groups = {key: list(group) for key, group in groupby(rows, itemgetter("key"))}
        return [self._cut(groups.get(key, [])) for key in keys]

    def _cut(self, rows: list[Any]) -> tuple[list[Any], bool]:
        """The statement reads one row more than the page, to see whether there is one."""
        page: Page = self.arguments.page
        more = len(rows) > page.limit
        if more:
            rows = rows[: page.limit]
        return (rows[::-1] if page.backward else rows), more

    def _shape(self) -> tuple[Any, ...]:
        """What of the query decides the SQL."""
        query: Query = self.arguments
        places = tuple(place and tuple(each is None for each in place) for place in (query.after, query.before))
        return (query.shape, query.order, query.search is None, query.page.backward, places)

    def _values(self, query: Query) -> dict[str, Any]:
        given = filters.parameters(query.values)
        given |= {"limit": query.page.limit + 1, "search": query.search}
        for name, place in (("after", query.after), ("before", query.before)):
            given |= {f"{name}{index}": each for index, each in enumerate(place or ())}
        return given

    def build(self) -> Select[Any]:
        query: Query = self.arguments
        model: Any = self.entity.model
        columns = [self.entity.column(name) for name in self.columns if not name.startswith("@")]
        sorts = [_sort(self.entity, name) for name, _ in query.order]
        if "@cursor" in self.columns:
            columns += [_as_text(sort.by).label(f"sort{index}") for index, sort in enumerate(sorts)]
            columns.append(model.id.label("sort_id"))
        # Rows may be wanted for their number alone: { nodes { __typename } }, { pageInfo { hasNextPage } }.
        rows = select(*columns or [constant(1).label("row")]).where(
            model.tenant_id == TENANT, *self.conditions(query, sorts)
        )
        backward = query.page.backward
        directions = [direction for _, direction in query.order]
        # The tie-break goes with the first sort, so that one index serves both directions.
        order = [
            sort.by.asc() if (direction == ASC) != backward else sort.by.desc()
            for sort, direction in zip([*sorts, Sort(model.id)], [*directions, (directions or [ASC])[0]], strict=True)
        ]
        limit = value("limit", Integer())
        if self.key is None:
            return rows.order_by(*order).limit(limit)
        return self._numbered(rows, order, limit) if self.few else self._lateral(rows.order_by(*order).limit(limit))

    def _lateral(self, rows: Select[Any]) -> Select[Any]:
        """A limit per parent for a whole level: each parent's page by index, no row too many."""
        keys = parents(self.key_type)
        page = rows.where(self._parent() == keys.c.key).correlate(keys).lateral("page")
        return select(keys.c.key.label("key"), *page.c).select_from(keys.join(page, true()))

    def _numbered(self, rows: Select[Any], order: Sequence[Any], limit: Any) -> Select[Any]:
        """A limit per parent by numbering all rows of the level's parents. The rows leave the window
        in its order, so there is no second sort."""
        parent = self._parent()
        place = func.row_number().over(partition_by=parent, order_by=order)
        found = rows.where(parent == any_(value("keys", ARRAY(self.key_type))))
        page = found.add_columns(parent.label("key"), place.label("place")).subquery("page")
        return select(*(column for column in page.c if column.name != "place")).where(page.c.place <= limit)

    def _parent(self) -> Any:
        return getattr(self.entity.model, str(self.key))

    def conditions(self, query: Query, sorts: Sequence[Sort]) -> list[ColumnElement[bool]]:
        conditions = list(self.condition())
        if query.shape != ("and",):
            conditions.append(filters.condition(self.entity.filters, query.shape))
        if query.search is not None:
            conditions.append(filters.matches(self.entity.search, "search"))
        directions = [direction for _, direction in query.order]
        for name, place, later in (("after", query.after, True), ("before", query.before, False)):
            if place is not None:
                conditions.append(_beyond(self.entity, name, place, sorts, directions, later=later))
        return conditions

    def condition(self) -> Sequence[ColumnElement[bool]]:
        """What is true of every row of this relation besides its parent; nothing, as a rule."""
        return ()


class Counts(Loader):
    """How many rows a connection has, counted up to a cap. ``arguments`` is (loader, query, cap)."""

    async def batch_load_fn(self, keys: list[Any]) -> list[Any]:
        loader, query, cap = self.arguments
        many = loader(self.context, (), query)
        shape = (query.shape, query.search is None)
        made = statement((Counts, loader, *shape), partial(self.build, many))
        given = filters.parameters(query.values) | {"search": query.search, "cap": cap + 1}
        if many.key is not None:
            given["keys"] = keys
        rows = await self.fetch(made, given, len(keys))
        if many.key is None:
            return [rows[0]["count"]]
        counts = {row["key"]: row["count"] for row in rows}
        return [counts[key] for key in keys]

    async def fetch(self, statement: Any, given: dict[str, Any], keys: int) -> list[Any]:
        self.entity = self.arguments[0].entity  # type: ignore[misc]
        return await super().fetch(statement, given, keys)

    def build(self, many: Many) -> Select[Any]:
        query: Query = many.arguments
        model: Any = many.entity.model
        everywhere = query._replace(after=None, before=None)
        rows = select(constant(1)).select_from(model)
        rows = rows.where(model.tenant_id == TENANT, *many.conditions(everywhere, ()))
        rows = rows.limit(value("cap", Integer()))
        if many.key is None:
            return select(func.count().label("count")).select_from(rows.subquery())
        keys = parents(many.key_type)
        found = rows.where(getattr(model, many.key) == keys.c.key).correlate(keys).subquery()
        counted = select(func.count()).select_from(found).scalar_subquery()
        return select(keys.c.key.label("key"), counted.label("count"))


def parents(type_: TypeEngine[Any]) -> Any:
    """The level's keys as a table with one column, ``key``."""
    return func.unnest(value("keys", ARRAY(type_))).table_valued("key", name="parents").render_derived()


def _page(args: Mapping[str, Any]) -> Page:
    return checked_page(args.get("first"), args.get("after"), args.get("last"), args.get("before"))


def _search(given: str | None) -> str | None:
    try:
        return filters.search_query(given) if given else None
    except BadInput as error:
        raise error.below("search") from None


def _order(entity: Entity, given: Any, search: str | None, default: Order | None) -> Order:
    if not given:
        if search is not None:
            return ((RELEVANCE, DESC),)
        return entity.default if default is None else default
    if len(given) > MAX_SORTS:
        raise BadInput(f"At most {MAX_SORTS} sorts.", path=("orderBy",))
    order = tuple((_name(each["field"]), _name(each["direction"])) for each in given)
    for index, (name, _) in enumerate(order):
        if name == RELEVANCE and search is None:
            raise BadInput("RELEVANCE needs a search.", path=("orderBy", index, "field"))
        if name in {earlier for earlier, _ in order[:index]}:
            raise BadInput(f"{name} is sorted by twice.", path=("orderBy", index, "field"))
    return order


def _name(choice: Any) -> str:
    return str(getattr(choice, "value", choice))


def _sort(entity: Entity, name: str) -> Sort:
    if name == RELEVANCE:
        # As numeric: a float's text would not come back from a cursor as the same number.
        rank = func.ts_rank(entity.search, filters.tsquery("search"))
        return Sort(func.round(cast(rank, Numeric), constant(6), type_=Numeric()))
    return entity.sorts[name]


def _as_text(by: Any) -> ColumnElement[Any]:
    """A sort value as it goes into a cursor: text that the database reads back as the same value."""
    return cast(by, Text)


def _place(entity: Entity, mark: str, cursor: str, order: Order) -> tuple[Any, ...]:
    """The sort values and the id of a cursor, as the driver takes them."""
    *texts, identifier = decode_cursor(mark, cursor, len(order) + 1)
    try:
        values = [
            each if each is None else _read(_sort(entity, name), each)
            for each, (name, _) in zip(texts, order, strict=True)
        ]
        return (*values, UUID(identifier))
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        raise wrong_cursor() from None


def _read(sort: Sort, given: str) -> Any:
    """A sort value of a cursor. Raises for one that the database never wrote and might not take."""
    kind = sort.by.type
    if isinstance(kind, Text):
        given.encode()  # half of a surrogate pair can't be
        return given
    if isinstance(kind, DateTime):
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            raise ValueError(given)
        return moment.astimezone(UTC)
    number = kind.python_type(given)
    sound = (
        abs(number) <= MAX_INTEGER if isinstance(number, int) else number.is_finite() and abs(number.adjusted()) < 40
    )
    if not sound:
        raise ValueError(given)
    return number


def _beyond(
    entity: Entity, name: str, place: tuple[Any, ...], sorts: Sequence[Sort], directions: Sequence[str], *, later: bool
) -> ColumnElement[bool]:
    """The rows after (``later``) or before a place in the order."""
    model: Any = entity.model
    every = [*sorts, Sort(model.id)]
    ways = [*directions, (directions or [ASC])[0]]
    rising = [(way == ASC) == later for way in ways]
    bounds = [value(f"{name}{index}", sort.by.type) for index, sort in enumerate(every)]
    if len(set(rising)) == 1 and not any(sort.nullable for sort in sorts):
        # One comparison of rows, which an index on the same columns answers.
        mine, theirs = tuple_(*(sort.by for sort in every)), tuple_(*bounds)
        return mine > theirs if rising[0] else mine < theirs
    clauses: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for sort, up, bound, at in zip(every, rising, bounds, place, strict=True):
        step = _step(sort, bound, up=up, null=at is None)
        if step is not None:
            clauses.append(and_(*equal, step))
        equal.append(sort.by.is_(None) if at is None else sort.by == bound)
    return or_(*clauses)


def _step(sort: Sort, bound: Any, *, up: bool, null: bool) -> ColumnElement[bool] | None:
    """Strictly beyond one sort value. PostgreSQL sorts nulls as if they were the largest."""
    if null:
        return None if up else sort.by.is_not(None)
    if up:
        return or_(sort.by > bound, sort.by.is_(None)) if sort.nullable else sort.by > bound
    return sort.by < bound  # type: ignore[no-any-return]
