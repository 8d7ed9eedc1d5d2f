"""What a ``where`` argument says, split into its shape (which makes the SQL) and its values.

Two requests with the same shape run the same prepared statement, whatever they look for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Numeric,
    Text,
    Uuid,
    and_,
    any_,
    false,
    func,
    not_,
    or_,
    true,
)
from sqlalchemy.sql.selectable import SelectBase
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import TypeEngine

from core import ids
from core.choices import Choice
from core.errors import BadInput
from core.text import NAME, composed
from loaders.kit import periods
from loaders.kit.statements import value

MAX_DEPTH = 10
MAX_LEAVES = 100
MAX_LIST = 500
MAX_VALUES = 1_000
"""Values of all of a filter's lists together."""

MAX_NODES = 250
"""Conditions and comparisons of a filter, with or without anything in them: each becomes SQL, 0.05 to 0.1 ms of work for
a shape that is new."""

RELATED = 20
"""Nodes that some, every or none counts for, and a comparison of what other rows tell: a subquery, which takes 0.8 ms to
make and has PostgreSQL read another table."""

MAX_TEXT = NAME
"""Characters of a text to compare with or to look for, as many as the longest that can be compared has (a name)."""

_EMPTY = {"contains": "contains", "startsWith": "begins with"}

Shape = tuple[Any, ...]
Clause = ColumnElement[bool]

_OPERATORS: dict[str, Callable[[Any, Any], Clause]] = {
    # "Not equal" is the complement of "equal": a null isn't equal to anything.
    "eq": lambda column, bound: column == bound,
    "ne": lambda column, bound: column.is_distinct_from(bound),
    "in": lambda column, bound: column == any_(bound),
    "notIn": lambda column, bound: (column == any_(bound)).is_not(true()),
    "gt": lambda column, bound: column > bound,
    "gte": lambda column, bound: column >= bound,
    "lt": lambda column, bound: column < bound,
    "lte": lambda column, bound: column <= bound,
    # On folded text, and with the database's own folding of what is looked for: there is one way to fold.
    "contains": lambda column, bound: column.like(func.text_containing(bound)),
    "startsWith": lambda column, bound: column.like(func.text_starting(bound)),
    "isNull": lambda column, bound: column.is_(None) == bound,
}


class Filter:
    """A filterable thing: the SQL expression it compares, the parameters' type, and how a value is
    read. ``read`` raises ``BadInput`` for one that can't be. ``within`` leads from a comparison of
    another table's column to a condition on this one; ``subquery`` is whether another table is read. ``permission`` is
    what one needs to compare it: where a filter tells of rows that the list itself doesn't show. ``kind`` and
    ``description`` are for the graph, which takes the input's field from them; ``choices`` are the names that a filter of
    an enum compares."""

    def __init__(
        self,
        by: Any,
        type_: TypeEngine[Any],
        read: Callable[[Any], Any] = lambda given: given,
        within: Callable[[Clause], Clause] = lambda clause: clause,
        permission: str | None = None,
        *,
        kind: str = "text",
        description: str = "",
        choices: type[Choice] | None = None,
        folded: Any = None,
    ) -> None:
        self.by = by
        self.folded = func.text_folded(by) if folded is None else folded
        self.type = type_
        self.read = read
        self.within = within
        self.subquery = _has_subquery(within(true()), by.expression)
        self.permission = permission
        self.kind = kind
        self.description = description
        self.choices = choices

    def normalise(self, operation: str, given: Any) -> Any:
        """The value of one comparison, as the database driver takes it."""
        if given is None:
            raise BadInput("null can't be compared with: use isNull, or leave the comparison out.")
        if operation in ("in", "notIn"):
            if len(given) > MAX_LIST:
                raise BadInput(f"At most {MAX_LIST} values can be listed.")
            return tuple(self._item(index, each) for index, each in enumerate(given))
        if operation == "isNull":
            return given
        if operation == "within":
            return periods.days_value(given)
        if operation in ("contains", "startsWith"):
            given = limited(given, MAX_TEXT)
            if not given:
                raise BadInput(f"Every text {_EMPTY[operation]} an empty one: leave the comparison out.")
            return text_value(given)
        return self.read(limited(given, MAX_TEXT))

    def _item(self, index: int, given: Any) -> Any:
        try:
            return self.read(limited(given, MAX_TEXT))
        except BadInput as error:
            raise error.below(index) from None

    def clause(self, operation: str, name: str) -> Clause:
        """The SQL of one comparison with the parameter of this name."""
        if operation == "within":
            return self.within(periods.within(self.by, value(name, Text())))
        type_: TypeEngine[Any] = self.type
        if operation in ("in", "notIn"):
            type_ = ARRAY(type_)
        elif operation == "isNull":
            type_ = Boolean()
        by = self.folded if operation in _EMPTY else self.by
        return self.within(_OPERATORS[operation](by, value(name, type_)))


def _has_subquery(*clauses: Any) -> bool:
    """Whether another table is read for it: seen in the SQL, so that no declaration can forget to say so."""
    return any(isinstance(part, SelectBase) for clause in clauses for part in iterate(clause))


class Filtered(Protocol):
    """An entity, as filters see it."""

    @property
    def typename(self) -> str: ...

    @property
    def own(self) -> Any: ...

    @property
    def filters(self) -> "Mapping[str, AnyFilter]": ...

    @property
    def declared(self) -> tuple[str, ...]: ...


class Related(NamedTuple):
    """A filter on rows of another entity: ``finds(condition)`` makes the SQL for "there is one that meets it". ``many`` is
    what people call several of them. ``permission`` is what one needs to see them, where the list shows nothing of them."""

    entity: Filtered
    finds: Callable[[Clause], Clause]
    many: str
    description: str
    permission: str | None = None

    @property
    def filters(self) -> "Mapping[str, AnyFilter]":
        return self.entity.filters


class Referred(Related):
    """The same for the one row that each row refers to. Its name ends in ``Where``."""


AnyFilter = Filter | Related
REFERRED = "Where"
"""Ends the names of filters on a row that is referred to; and stands in a shape where others have their quantifier."""


def limited(given: Any, most: int) -> Any:
    """The same, where it isn't a text that is too long: looked at before anything else is."""
    if isinstance(given, str) and len(given) > most:
        raise BadInput(f"At most {most} characters can be looked for, and this has {len(given):,}.")
    return given


def text_value(given: str) -> str:
    """Text that PostgreSQL can take, in the form in which all text is stored."""
    try:
        return composed(given)
    except ValueError as error:
        raise BadInput(str(error)) from None


def identifier(
    by: Any,
    prefix: str,
    description: str,
    within: Callable[[Clause], Clause] = lambda clause: clause,
    permission: str | None = None,
) -> Filter:
    return Filter(
        by, Uuid(), lambda given: ids.decode(prefix, given), within, permission, kind="id", description=description
    )


def text(
    by: Any,
    description: str,
    within: Callable[[Clause], Clause] = lambda clause: clause,
    permission: str | None = None,
    folded: Any = None,
) -> Filter:
    """Text. ``folded`` is the column that has it without regard to case; without one it is folded row by row."""
    return Filter(by, Text(), text_value, within, permission, kind="text", description=description, folded=folded)


def decimal(by: Any, description: str, permission: str | None = None) -> Filter:
    return Filter(by, Numeric(), permission=permission, kind="decimal", description=description)


def moment(by: Any, description: str) -> Filter:
    return Filter(by, DateTime(timezone=True), kind="moment", description=description)


def day(by: Any, description: str) -> Filter:
    return Filter(by, Date(), date.fromisoformat, kind="day", description=description)


def boolean(by: Any, description: str) -> Filter:
    return Filter(by, Boolean(), kind="boolean", description=description)


def choice(by: Any, choices: type[Choice], description: str, **options: Any) -> Filter:
    """An enum, stored as its name."""
    return Filter(by, Text(), str, kind="choice", description=description, choices=choices, **options)


def normalise(filters: Mapping[str, AnyFilter], where: Mapping[str, Any] | None) -> tuple[Shape, tuple[Any, ...]]:
    """The shape of a ``where`` and its values in order. ``BadInput`` carries the path of what is wrong."""
    reading = _Reading()
    return reading.condition(filters, where or {}, 1), tuple(reading.values)


@dataclass(slots=True)
class _Reading:
    """The reading of one filter: its values so far, and how much it is. A list's length counts before what is in it is
    looked at.
    """

    values: list[Any] = field(default_factory=list)
    nodes: int = 0
    listed: int = 0

    def condition(self, filters: Mapping[str, Any], where: Mapping[str, Any], depth: int) -> Shape:
        if depth > MAX_DEPTH:
            raise BadInput(f"Filters may be nested {MAX_DEPTH} levels deep, not more.")
        parts: list[Shape] = []
        for name, given in where.items():
            # A null where a whole condition may stand is the same as leaving it out.
            if given is None:
                continue
            try:
                parts += self._part(filters, name, given, depth)
            except BadInput as error:
                raise error.below(name) from None
        return ("and", *parts)

    def _part(self, filters: Mapping[str, Any], name: str, given: Any, depth: int) -> Iterator[Shape]:
        if name in ("and", "or"):
            self._count(len(given))
            parts = [self._within(index, filters, each, depth) for index, each in enumerate(given)]
            if name == "or":
                _refuse_empty(parts)
            yield (name, *parts)
        elif name == "not":
            self._count(1)
            yield ("not", self.condition(filters, given, depth + 1))
        elif isinstance(filters[name], Referred):
            self._count(RELATED)
            inner = self.condition(filters[name].filters, given, depth + 1)
            if not _says_nothing(inner):  # as if it had been left out
                yield (REFERRED, name, inner)
        elif isinstance(filters[name], Related):
            for quantifier, condition in given.items():
                if condition is not None:
                    self._count(RELATED)
                    yield (quantifier, name, self._within(quantifier, filters[name].filters, condition, depth))
        else:
            for operation, operand in given.items():
                self._compare(filters[name], operation, operand)
                yield ("is", name, operation)

    def _compare(self, by: Filter, operation: str, operand: Any) -> None:
        """Note one comparison's value."""
        if len(self.values) == MAX_LEAVES:
            raise BadInput(f"A filter may have {MAX_LEAVES} comparisons, not more.")
        self._count(RELATED if by.subquery else 1)
        try:
            if isinstance(operand, list):
                self.listed += len(operand)
                if self.listed > MAX_VALUES and len(operand) <= MAX_LIST:
                    raise BadInput(f"All lists of a filter together may have {MAX_VALUES:,} values, not more.")
            self.values.append(by.normalise(operation, operand))
        except BadInput as error:
            raise error.below(operation) from None

    def _count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise BadInput(
                f"A filter may have {MAX_NODES} conditions and comparisons, not more; some, every and none, and comparisons"
                f" of what other records tell, count for {RELATED} each."
            )

    def _within(self, step: str | int, filters: Mapping[str, Any], where: Mapping[str, Any], depth: int) -> Shape:
        """The shape of a condition inside another one; what is wrong with it is found through ``step``."""
        try:
            return self.condition(filters, where, depth + 1)
        except BadInput as error:
            raise error.below(step) from None


def _refuse_empty(alternatives: list[Shape]) -> None:
    """Refuse an alternative without a condition: every row would do, and the others be void. Often a variable in it
    was null.
    """
    for index, alternative in enumerate(alternatives):
        if _says_nothing(alternative):
            raise BadInput("There is no condition in this alternative, so every row would do.", path=(index,))


def _says_nothing(shape: Shape) -> bool:
    return shape[0] == "and" and all(map(_says_nothing, shape[1:]))


def permissions(filters: Mapping[str, Any], shape: Shape) -> Iterator[str]:
    """What one needs to ask for a shape, besides seeing the list."""
    kind, *parts = shape
    if kind == "is":
        if filters[parts[0]].permission is not None:
            yield filters[parts[0]].permission
    elif kind in ("and", "or", "not"):
        for part in parts:
            yield from permissions(filters, part)
    else:
        name, within = parts
        if filters[name].permission is not None:
            yield filters[name].permission
        yield from permissions(filters[name].filters, within)


def condition(filters: Mapping[str, AnyFilter], shape: Shape, *, narrowed: bool = False, mark: str = "w") -> Clause:
    """The SQL of a shape. Its parameters are named ``w0``, ``w1``, … in the order of the values. ``narrowed``: of related
    rows those only that a business partner may see.
    """
    names = (f"{mark}{index}" for index in range(MAX_LEAVES + 1))
    return _clause(filters, shape, names, narrowed=narrowed)


def parameters(values: tuple[Any, ...], mark: str = "w") -> dict[str, Any]:
    """The values of a normalised ``where``, under the names that ``condition`` gives them."""
    return {f"{mark}{index}": given for index, given in enumerate(values)}


def _clause(filters: Mapping[str, Any], shape: Shape, names: Iterator[str], *, narrowed: bool) -> Clause:
    kind, *rest = shape
    if kind == "and":
        return and_(true(), *(_clause(filters, part, names, narrowed=narrowed) for part in rest))
    if kind == "or":
        return or_(false(), *(_clause(filters, part, names, narrowed=narrowed) for part in rest))
    if kind == "not":
        return _clause(filters, rest[0], names, narrowed=narrowed).is_not(true())
    if kind == "is":
        clause: Clause = filters[rest[0]].clause(rest[1], next(names))
        return clause
    related: Related = filters[rest[0]]
    inner = _clause(related.filters, rest[1], names, narrowed=narrowed)
    own = related.entity.own if narrowed else None
    if kind == "every":
        return not_(related.finds(_own(own, inner.is_not(true()))))
    found = related.finds(_own(own, inner))
    return not_(found) if kind == "none" else found


def _own(own: Clause | None, condition: Clause) -> Clause:
    return condition if own is None else and_(own, condition)
