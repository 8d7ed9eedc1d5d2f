"""The price of an operation, before anything of it runs: what its answer may hold at most, and what working it out takes.

An object costs a point and a leaf a tenth, times the objects of the level above; what a field is worth besides, and how
many values it brings, is said where it is declared (``BatchField``). A price is worked out once per document; variables
that decide a size are put in per request. It is never less than what is delivered.

What reads a whole list and shows none of its rows, such as a sum, is priced by the rows, once for all lists of its level:
these have no row in common.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple, TypeVar

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from execution.documents.arguments import Variables, arguments, plain
from execution.documents.introspection import LOOKS, META, Introspection
from execution.documents.named import named
from execution.fields import POINT, UNKNOWN, Args, BatchField, ByRows, Kept, cost_of, declared
from execution.steps import EVERY, Steps

T = TypeVar("T")

MUTATION = 50
"""What a command costs besides what its payload reads."""

Amount = int | Callable[[Variables], int]
"""A number, or one that depends on the variables."""

USUAL = "@usual"
"""Stands among the variables for how many rows relations have as a rule (``BatchField.usual``); no variable is called so."""

ROWS = 8
"""Rows that are read, and not shown, for an object's price: 0.45 µs each, where an object takes 4."""

UNKNOWN_LIST = 100_000
"""Taken for the rows of a list of which nobody knows how many it has."""


class Given(dict[str, Any]):
    """A request's variables, with what was worked out of them: each size once. Sizes multiply through the levels, and
    to find the dearest list of an answer about 500 lines took 100 ms.
    """

    def __init__(self, *given: Variables) -> None:
        super().__init__()
        for each in given:
            self.update(each)
        self.known: dict[Any, int] = {}


@dataclass(slots=True)
class Part:
    """One field of an operation: how many values it brings for each object above it, and what each costs. In tenths."""

    path: str
    size: Amount
    each: int
    """What a value costs, with all below it that doesn't depend on variables."""
    besides: Amount
    """What the field costs besides, however many values it brings."""
    leaf: bool = False
    looks: bool = False
    """Whether it is ``__schema`` or ``__type``."""
    below: list["Part"] = field(default_factory=list)
    """The objects below."""
    varying: list["Part"] = field(default_factory=list)
    """What is below and depends on variables."""

    def total(self, variables: Variables) -> int:
        """The price of it for one object above."""
        size = self.size if isinstance(self.size, int) else self.size(variables)
        besides = self.besides if isinstance(self.besides, int) else self.besides(variables)
        return size * (self.each + sum(part.total(variables) for part in self.varying)) + besides

    def shares(self, variables: Variables, times: int = 1) -> Iterator[tuple[int, str]]:
        """What each field comes to with its leaves, and its path."""
        size = self.size if isinstance(self.size, int) else self.size(variables)
        inner = sum(part.total(variables) for part in self.below)
        yield times * (self.total(variables) - size * inner), self.path
        for part in self.below:
            yield from part.shares(variables, times * size)


class Level(NamedTuple):
    """Where a field stands: what is known of the objects that have it."""

    times: Amount = 1
    """How many objects there are."""
    rows: Amount = 1
    """How many rows the connection above offers to its parts."""
    whole: Amount = 0
    """How many rows all lists of the connection above have together, page or no page."""
    kept: Kept | None = None
    """How many are read instead, where what they add up to is kept."""
    given: Any = None
    """The arguments of that connection."""
    lacking: Callable[[Variables], Sequence[str]] | None = None
    """What isn't kept, where that was asked already."""


class Reading(NamedTuple):
    """What a field takes that reads all rows of its level's lists, by its path. In tenths."""

    path: str
    tenths: Callable[[Variables], int]
    lacking: Callable[[Variables], Sequence[str]] | None = None
    """What isn't kept of what it asks for, where sums of its lists are kept at all."""


class Dearest(NamedTuple):
    """What costs most of an operation."""

    path: str
    """In the answer."""
    points: int
    reads: bool = False
    """Whether the points are for rows that are read and not shown."""
    lacking: Sequence[str] = ()
    """What isn't kept of what it asks for."""


@dataclass(slots=True)
class Price:
    """The price of an operation."""

    parts: list[Part]
    readings: list[Reading]
    fixed: int
    """What doesn't depend on variables, in tenths."""
    varying: list[Part]
    defaults: Variables
    introspection: int = 0
    """What its looks at the schema cost, in points."""

    def __call__(self, variables: Variables) -> int:
        """The points for a request with these variables."""
        if not self.varying and not self.readings:
            return -(-self.fixed // POINT)
        given = Given(self.defaults, variables)
        tenths = self.fixed + sum(part.total(given) for part in self.varying)
        return -(-(tenths + sum(reading.tenths(given) for reading in self.readings)) // POINT)

    def dearest(self, variables: Variables) -> Dearest:
        """What costs most."""
        given = Given(self.defaults, variables)
        shares: list[tuple[int, str, Reading | None]] = [
            (*share, None) for part in self.parts for share in part.shares(given)
        ]
        shares += [(reading.tenths(given), reading.path, reading) for reading in self.readings]
        tenths, path, reading = max(shares, key=lambda share: share[:2], default=(0, "", None))
        lacking = reading.lacking(given) if reading is not None and reading.lacking is not None else ()
        return Dearest(path, -(-tenths // POINT), reading is not None, lacking)


class Pricing:
    """Prices the operations of a document."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.schema = schema
        self.fragments = fragments
        self.introspection = Introspection.of(schema)
        self.readings: list[Reading] = []
        self._priced = 0

    def price(self, operation: OperationDefinitionNode) -> Steps[Price]:
        """The price of an operation of a valid document, in steps."""
        root = self.schema.get_root_type(operation.operation)
        defaults = {
            each.variable.name.value: plain(each.default_value)({})
            for each in operation.variable_definitions or ()
            if each.default_value is not None
        }
        self.readings = []
        parts = yield from self._parts([operation.selection_set], root, "", Level(), None)
        if operation.operation is OperationType.MUTATION:
            for part in parts:
                part.besides = _sum(part.besides, MUTATION * POINT)
        varying = [part for part in parts if _varies(part)]
        fixed = sum(part.total({}) for part in parts if not _varies(part))
        looks = -(-sum(part.total({}) for part in parts if part.looks) // POINT)
        return Price(parts, self.readings, fixed, varying, defaults, looks)

    def _parts(
        self, sets: Sequence[SelectionSetNode], parent: Any, path: str, level: Level, above: str | None
    ) -> Steps[list[Part]]:
        """What is selected of one object: fields with one place in the answer are one field."""
        merged: dict[tuple[str, str], tuple[Any, list[FieldNode]]] = {}
        for on, node in self._fields(sets, parent):
            merged.setdefault(((node.alias or node.name).value, on.name), (on, []))[1].append(node)
        parts = []
        for (key, _), (on, nodes) in merged.items():
            part = yield from self._part(on, nodes, f"{path}.{key}" if path else key, level, above)
            if part is not None:
                parts.append(part)
        return parts

    def _fields(self, sets: Sequence[SelectionSetNode], parent: Any) -> Iterator[tuple[Any, FieldNode]]:
        for selections in sets:
            for node in selections.selections:
                if isinstance(node, FieldNode):
                    yield parent, node
                    continue
                fragment: Any = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
                on = fragment.type_condition
                yield from self._fields([fragment.selection_set], self.schema.get_type(on.name.value) if on else parent)

    def _part(
        self, parent: Any, nodes: list[FieldNode], path: str, level: Level, above: str | None
    ) -> Steps[Part | None]:
        self._priced += 1
        if self._priced % EVERY == 0:
            yield
        name = nodes[0].name.value
        definition = META.get(name)
        if definition is None and isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            definition = parent.fields.get(name)
        if definition is None:
            return None
        batch = declared(definition)
        args = arguments(nodes[0])
        besides: Amount = 0
        if batch is not None and batch.besides is not None:
            besides = _called(batch.besides, args, level.rows)
        if batch is not None and batch.reads:
            if level.kept is not None:
                names = frozenset(self._names([node.selection_set for node in nodes]))
                lacking = _asked(level.kept.lacking, level, args, names)
                level = level._replace(whole=_kept(level.kept, level, args, names), kept=None, lacking=lacking)
            self.readings.append(Reading(path, _read(batch.reads, level.whole), level.lacking))
        size = self._size(parent, name, definition, args, level.rows, above)
        below: Any = get_named_type(definition.type)
        part = Part(path, size, cost_of(definition), besides, leaf=is_leaf_type(below), looks=name in LOOKS)
        if not part.leaf:
            level = _below(batch, args, level)
            level = level._replace(times=_product(level.times, size))
            sets = [node.selection_set for node in nodes if node.selection_set is not None]
            above = "types" if name == "types" or (name == "fields" and above == "types") else name
            inner = yield from self._parts(sets, below, path, level, above)
            part.below = [each for each in inner if not each.leaf]
            part.varying = [each for each in inner if _varies(each)]
            part.each += sum(each.total({}) for each in inner if not _varies(each))
        return part

    def _names(self, sets: Sequence[SelectionSetNode | None]) -> Iterator[str]:
        """The names of all fields in these, and all that their arguments name."""
        for selections in filter(None, sets):
            for node in selections.selections:
                if isinstance(node, FieldNode):
                    yield node.name.value
                    for each in node.arguments or ():
                        yield from named(each.value)
                inner: Any = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
                yield from self._names([inner.selection_set])

    def _size(
        self, parent: Any, name: str, definition: GraphQLField, args: Any, rows: Amount, above: str | None
    ) -> Amount:
        """How many values a field brings for an object above."""
        batch = declared(definition)
        if batch is not None and batch.size is not None:
            return _called(batch.size, args, rows)
        if parent.name.startswith("__"):
            return self.introspection.size(parent.name, name, above)
        if is_list_type(get_nullable_type(definition.type)) and not is_leaf_type(get_named_type(definition.type)):
            return UNKNOWN
        return 1


def _varies(part: Part) -> bool:
    return bool(part.varying) or not (isinstance(part.size, int) and isinstance(part.besides, int))


def _sum(amount: Amount, more: int) -> Amount:
    return amount + more if isinstance(amount, int) else lambda variables: amount(variables) + more


def _called(function: Any, args: Callable[[Variables], Args] | Args, rows: Amount) -> Amount:
    """A declared size or price, as far as it is known without the variables."""
    if isinstance(function, ByRows):
        return _by_rows(function, args)
    if not callable(function):
        return int(function)
    if isinstance(args, Mapping) and isinstance(rows, int):
        return int(function(args, rows))
    # Which it is, is looked at here: to ask an abstract class for each request took a tenth of an operation's price.
    read: Callable[[Variables], Args] = (lambda _: args) if isinstance(args, Mapping) else args

    def later(variables: Variables) -> int:
        known = variables.known if isinstance(variables, Given) else {}
        if later not in known:
            known[later] = int(function(read(variables), rows if isinstance(rows, int) else rows(variables)))
        return known[later]

    return later


def _usually(relation: Hashable, most: Amount) -> Amount:
    """How many rows a relation brings as a rule, and no more than ``most``."""

    def size(variables: Variables) -> int:
        at_most = most if isinstance(most, int) else most(variables)
        return min(at_most, int(variables.get(USUAL, {}).get(relation, at_most)))

    return size


def _by_rows(of: ByRows, args: Callable[[Variables], Args] | Args) -> Amount:
    """What so many rows cost as are named, else as there are, or are taken to be."""

    def price(variables: Variables) -> int:
        named = None
        if of.named is not None:
            named = of.named(args if isinstance(args, Mapping) else args(variables))
        return of.tenths * int(variables.get(USUAL, {}).get(of.rows, of.unknown) if named is None else named)

    return price


def _product(one: Amount, other: Amount) -> Amount:
    if isinstance(one, int) and isinstance(other, int):
        return one * other

    def later(variables: Variables) -> int:
        known = variables.known if isinstance(variables, Given) else {}
        if later not in known:
            factors = (each if isinstance(each, int) else each(variables) for each in (one, other))
            known[later] = prod(factors)
        return known[later]

    return later


def _whole(keys: tuple[Hashable, Hashable], times: Amount) -> Amount:
    """How many rows so many lists have together: as many as each has as a rule, and no more than there are."""

    def rows(variables: Variables) -> int:
        usual = variables.get(USUAL, {})
        each, every = (int(usual.get(key, UNKNOWN_LIST)) for key in keys)
        return min(each * (times if isinstance(times, int) else times(variables)), every)

    return rows


def _below(batch: BatchField | None, args: Any, level: Level) -> Level:
    """What is known of the rows that a field offers to what is below it."""
    if batch is not None and batch.rows is not None:
        offered = _called(batch.rows, args, level.rows)
        if batch.usual is not None:
            offered = _usually(batch.usual, offered)
        level = level._replace(rows=offered)
    if batch is not None and batch.whole is not None:
        level = level._replace(whole=_whole(batch.whole, level.times), kept=batch.kept, given=args, lacking=None)
    return level


def _kept(kept: Kept, level: Level, args: Any, names: frozenset[str]) -> Amount:
    """How many rows are read of what is kept, where that serves; of the lists otherwise."""
    asked = _asked(kept.rows, level, args, names)

    def rows(variables: Variables) -> int:
        whole = level.whole if isinstance(level.whole, int) else level.whole(variables)
        found = asked(variables)
        return whole if found is None else min(whole, found)

    return rows


def _asked(what: Callable[..., T], level: Level, args: Any, names: frozenset[str]) -> Callable[[Variables], T]:
    """What a list's ``Kept`` says of a field, by the variables."""

    def found(variables: Variables) -> T:
        above, own = (each if isinstance(each, Mapping) else each(variables) for each in (level.given, args))
        return what(variables.get(USUAL, {}), above, own, names)

    return found


def _read(tenths: int, whole: Amount) -> Callable[[Variables], int]:
    """What it takes to read a whole level's lists."""
    return lambda variables: -(-tenths * (whole if isinstance(whole, int) else whole(variables)) // ROWS)
