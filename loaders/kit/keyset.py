"""The order of a list, and places in it: sorts, and the rows beyond a cursor."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, DateTime, Text, Uuid, and_, cast, or_, tuple_

from core.errors import BadInput
from core.paging import decode_cursor, wrong_cursor
from loaders.kit.entity import ASC, DESC, Entity, Order, Sort
from loaders.kit.search import relevance
from loaders.kit.statements import value

MAX_SORTS = 3
RELEVANCE = "RELEVANCE"
MAX_INTEGER = 2**31 - 1

_ENDS = {"-infinity": datetime.min.replace(tzinfo=UTC), "infinity": datetime.max.replace(tzinfo=UTC)}
"""The first and the last possible moment: asyncpg stores them as the ends of time, and reads those as them."""


def checked_order(entity: Entity[Any], given: Any, search: str | None, default: Order | None) -> Order:
    """The order that an ``orderBy`` asks for, or the one of a list that asks for none. Raises ``BadInput``."""
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


def sort_of(entity: Entity[Any], name: str) -> Sort:
    """What a name in an order sorts by."""
    if name == RELEVANCE:
        return Sort(relevance(entity.search, "search"))
    return entity.sorts[name]


def as_text(by: Any) -> ColumnElement[Any]:
    """A sort value as it goes into a cursor: text that the database reads back as the same value."""
    return cast(by, Text)


def decode_position(entity: Entity[Any], fingerprint: str, cursor: str, order: Order) -> tuple[Any, ...]:
    """The sort values and the id of a cursor, as the driver takes them."""
    *texts, identifier = decode_cursor(fingerprint, cursor, len(order) + 1)
    try:
        values = [
            each if each is None else _read(sort_of(entity, name), each)
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
        moment = _ENDS.get(given) or datetime.fromisoformat(given)
        if moment.tzinfo is None:
            raise ValueError(given)
        return moment.astimezone(UTC)
    if isinstance(kind, Date):
        return date.fromisoformat(given)
    if isinstance(kind, Uuid):
        return UUID(given)
    number = kind.python_type(given)
    sound = (
        abs(number) <= MAX_INTEGER if isinstance(number, int) else number.is_finite() and abs(number.adjusted()) < 40
    )
    if not sound:
        raise ValueError(given)
    return number


def after_position(
    entity: Entity[Any],
    name: str,
    place: tuple[Any, ...],
    sorts: Sequence[Sort],
    directions: Sequence[str],
    *,
    later: bool,
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
    return sort.by < bound  # type: ignore[no-any-return]  # SQLAlchemy's expressions are Any
