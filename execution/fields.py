"""The field that is resolved once for a whole level: declared in a Strawberry type like any other.

A ``BatchField`` has one function, ``resolve(batch)``, that gets every object of a level at once and
returns their values in the same order. That one declaration serves the breadth-first executor,
which calls it once per level, and graphql-core's own executor, for which ``execution.reference``
gathers the objects that it meets one by one.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from graphql import GraphQLField, get_named_type, is_leaf_type
from graphql.pyutils import Undefined
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.types.unset import UNSET

BACKREF = "strawberry-definition"

POINT = 10
"""Tenths of a point: an object costs one point, and a leaf a tenth, unless their fields say otherwise."""
LEAF = 1

UNKNOWN = 100
"""Taken for the size of a list that says nothing of it."""

Args = Mapping[str, Any]
Number = Callable[[Args, int], int]
"""A number by a field's arguments, as they were given, and by how many rows the field above it offers."""


class Kept(NamedTuple):
    """What is kept of a list's sums. Both are given what ``Documents.price`` was told, the arguments of a list and those of what sums it
    up, and all that is named below: fields, and what their arguments name. ``$`` is there for a variable.
    """

    rows: Callable[[Mapping[Any, Any], Args, Args, frozenset[str]], int | None]
    """How many rows are read of it; None where it doesn't serve."""
    lacking: Callable[[Mapping[Any, Any], Args, Args, frozenset[str]], list[str]]
    """What isn't kept of all that is named, by those names."""


class Table:
    """A level's rows by column. They are turned round once for all of the level's fields, by ``zip``: a cell so takes a
    third of the time that it takes by its name.
    """

    __slots__ = ("_columns", "_rows")

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows
        self._columns: dict[str, Sequence[Any]] | None = None

    def column(self, name: str) -> Sequence[Any]:
        if self._columns is None:
            names = tuple(self._rows[0].keys())
            if tuple(self._rows[-1].keys()) != names:
                raise ValueError("The rows of a level have different columns.")
            self._columns = dict(zip(names, zip(*self._rows, strict=True), strict=True))
        return self._columns[name]


class Asked(Protocol):
    """A field of a query, as a resolver sees it: its plan (``execution.plan``), or what the reference executor has of one."""

    key: str
    definition: GraphQLField

    def columns(self, typename: str | None = None) -> tuple[str, ...]:
        """The columns that the sub-selection needs, of an object type where there may be several."""
        ...


class Batch(NamedTuple):
    """All objects of a level, and what is asked of them.

    ``sources`` are the parent objects; ``args`` the coerced arguments under their GraphQL names;
    ``context`` the request's context; ``field`` the plan, which knows the sub-selection. ``table`` is there
    where it pays.
    """

    sources: Sequence[Any]
    args: dict[str, Any]
    context: Any
    field: Asked
    table: Table | None = None

    def column(self, name: str) -> Sequence[Any]:
        """One value of each source. They must be rows: they have ``keys()`` and ``row[name]``, and either are
        dictionaries or have the same keys in the same order and are iterated by value, as a driver's records.
        """
        if self.table is None or isinstance(self.sources[0], dict):
            return [source[name] for source in self.sources]
        return self.table.column(name)

    def columns(self, typename: str | None = None) -> tuple[str, ...]:
        """The columns that the sub-selection needs of the rows that this field returns.

        ``typename`` chooses the object type where the field's type is an interface or a union.
        """
        return self.field.columns(typename)


class Shared(NamedTuple):
    """The values of a level whose parents share them, for a resolver to return instead of a list.

    ``keys`` has each parent's key, ``found`` a value for each of these keys and no others; a key may be missing or have
    None, and is null then. An object that several parents refer to is completed once.
    """

    keys: Sequence[Hashable]
    found: Mapping[Any, Any]

    def each(self) -> list[Any]:
        """Each parent's value."""
        return list(map(self.found.get, self.keys))


Values = Sequence[Any] | Shared
Resolve = Callable[[Batch], Values | Awaitable[Values]]


class ByRows(NamedTuple):
    """A price by how many rows there are, whatever is shown of them: ``tenths`` of a point for each. ``rows``: what of, under
    which ``Documents.price`` may be told how many that are; ``unknown`` are taken where it isn't. ``named``: how many the arguments
    name, where only those are read.
    """

    rows: Hashable
    tenths: int
    unknown: int
    named: Callable[[Args], int | None] | None = None


class BatchField(StrawberryField):
    """A field with a resolver for whole levels.

    ``needs``: the columns of the parent's row that the resolver reads.
    ``passes``: the values are made of the parent's row, so what the sub-selection needs, the
    parent's row needs as well.
    ``final``: the values are leaves in their serialised form (or None); no further check is made.
    ``permission``: what the request's context must grant, by its method ``require(permission)``, which
    raises where it doesn't; asked before the resolver is called.
    ``cost``: what each value costs in tenths of a point, where that isn't ten for an object and one for a leaf.
    ``size``: how many values it brings for an object, where it is a list: at most.
    ``rows``: how many rows it offers to the lists of the objects that it leads to, such as the nodes of a page.
    ``usual``: what of: ``Documents.price`` may be told under it how many rows these are for a parent, as a rule.
    ``besides``: what it costs besides, in tenths of a point, however many values it brings.
    ``whole``: what of: ``Documents.price`` may be told under the first how many rows a parent's whole list has as a rule,
    and under the second how many there are in all.
    ``reads``: that it reads all rows of the list that it is a part of: tenths of a point for a few of them
    (``execution.documents.pricing.ROWS``).
    ``kept``: what sums of its list read instead, where they are kept already.
    ``width``: about how many characters its leaves have as JSON, where they are all alike; others are measured.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        needs: Iterable[str] = (),
        passes: bool = False,
        final: bool = False,
        permission: str | None = None,
        cost: int | None = None,
        size: int | Number | None = None,
        rows: Number | None = None,
        usual: Any = None,
        besides: Number | ByRows | None = None,
        whole: tuple[Hashable, Hashable] | None = None,
        reads: int = 0,
        kept: Kept | None = None,
        width: int | None = None,
        arguments: Iterable[StrawberryArgument] = (),
        name: str | None = None,
        description: str | None = None,
        deprecation_reason: str | None = None,
        metadata: dict[Any, Any] | None = None,
    ) -> None:
        super().__init__(
            graphql_name=name,
            description=description,
            deprecation_reason=deprecation_reason,
            metadata=metadata,
        )
        self.resolve_batch = resolve
        self.needs = frozenset(needs)
        self.passes = passes
        self.final = final
        self.permission = permission
        self.cost = cost
        self.size = size
        self.rows = rows
        self.usual = usual
        self.besides = besides
        self.whole = whole
        self.reads = reads
        self.kept = kept
        self.width = width
        self.arguments = list(arguments)
        # Not part of the class's constructor: rows are never instances of their Strawberry class.
        self.init = False

    def __copy__(self) -> "BatchField":
        # Strawberry copies the fields of a generic type for each of its concrete types.
        new = BatchField(
            self.resolve_batch,
            needs=self.needs,
            passes=self.passes,
            final=self.final,
            permission=self.permission,
            cost=self.cost,
            size=self.size,
            rows=self.rows,
            usual=self.usual,
            besides=self.besides,
            whole=self.whole,
            reads=self.reads,
            kept=self.kept,
            width=self.width,
            arguments=self.arguments,
            name=self.graphql_name,
            description=self.description,
            deprecation_reason=self.deprecation_reason,
            metadata=dict(self.metadata),
        )
        new.python_name = self.python_name
        new.type_annotation = self.type_annotation
        new.origin = self.origin
        return new


def filled(definition: GraphQLField, args: dict[str, Any]) -> dict[str, Any]:
    """A batch field's arguments, where null is as good as left out: one with a default has that."""
    for name, value in args.items():
        default = definition.args[name].default_value if value is None else None
        if default is not None and default is not Undefined:
            args = args | {name: default}
    return args


def number(given: Any, default: int, most: int) -> int:
    """A number that a client gave, as a price takes it: what isn't one is refused later, and costs the most."""
    if given is None:
        return default
    return max(0, min(int(given), most)) if isinstance(given, int | float) and abs(given) < 10**9 else most


def declared(definition: GraphQLField) -> BatchField | None:
    """The batch field that a field of the schema was declared by, if it was."""
    found = definition.extensions.get(BACKREF)
    return found if isinstance(found, BatchField) else None


def cost_of(definition: GraphQLField) -> int:
    """What each value of a field costs, in tenths of a point."""
    batch = declared(definition)
    if batch is not None and batch.cost is not None:
        return batch.cost
    return LEAF if is_leaf_type(get_named_type(definition.type)) else POINT


def argument(name: str, annotation: object, description: str, default: object = UNSET) -> StrawberryArgument:
    """An argument of a ``BatchField``: ``annotation`` is the Python type, ``default`` its default."""
    return StrawberryArgument(
        python_name=name,
        graphql_name=name,
        type_annotation=StrawberryAnnotation(annotation),
        description=description,
        default=default,
    )
