"""An operation's variables, read along their types by functions that are made once for each type.

graphql-core finds its way along the types anew for each value, and looks at every field that an input may have: for an order of five
lines that was a tenth of the server's time. What isn't as it should be in any way is left to it: so it alone says what is wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    assert_valid_schema,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.pyutils import Undefined
from graphql.utilities.coerce_input_value import coerce_default_value

from execution.steps import Turn, in_turns, stepped

DEEPEST = 100
"""Levels of a value that are read here; graphql-core takes twice as many."""

SINGLE = frozenset({str, int, float, bool, dict})
"""What stands for a list of one."""

VALUES = 1_000
"""Values that are looked at in one step: up to two milliseconds."""


class Unfit(Exception):
    """A value isn't of its type."""


class Many(Exception):
    """There are more values than are read in one step."""


class Looked:
    """How many values were looked at since others had their turn."""

    __slots__ = ("_turn", "_values")

    def __init__(self, turn: Turn | None) -> None:
        self._turn = turn
        self._values = 0

    def add(self, values: int) -> None:
        """So many come next; a turn comes before them where it is time for one."""
        self._values += values
        if self._values > VALUES and self._turn is not None:
            self._values = values
            self._turn()


Read = Callable[[Any, int, Looked], Any]
"""What a value from JSON comes to that stands so deep in its variable. Raises whatever it does for one that doesn't fit."""


class _Variable(NamedTuple):
    signature: GraphQLVariableSignature
    read: Read
    default: Any
    """What it is where it isn't given; ``Undefined``: nothing."""
    required: bool


class _Field(NamedTuple):
    name: str
    out_name: str
    read: Read
    required: bool
    default: Any


class Given(dict[str, Any]):
    """Variables, with what they were read as."""

    __slots__ = ("read",)

    def __init__(self, given: Mapping[str, Any], read: VariableValues) -> None:
        super().__init__(given)
        self.read = read


@dataclass(frozen=True, slots=True)
class Entry:
    """What an operation of a document is executed with, besides what differs from request to request."""

    operation: OperationDefinitionNode
    fragment_definitions: dict[str, FragmentDefinitionNode]
    fragments: dict[str, FragmentDetails]
    variables: Sequence[_Variable]

    def read(self, given: Mapping[str, Any], turn: Turn | None = None) -> VariableValues | None:
        """The values of the variables; None where any doesn't fit. ``turn`` is called wherever others may have one."""
        looked = Looked(turn)
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        try:
            for signature, read, default, required in self.variables:
                name = signature.name
                if name in given:
                    value = given[name]
                    sources[name] = VariableValueSource(signature, value)
                    coerced[name] = read(value, 0, looked)
                elif required:
                    return None
                else:
                    sources[name] = VariableValueSource(signature)
                    if default is not Undefined:
                        coerced[name] = default
        except Many:
            raise
        except Exception:
            return None  # whatever a scalar has against its value, graphql-core will hear and tell
        return VariableValues(sources, coerced)

    async def read_in_turns(self, given: Mapping[str, Any]) -> VariableValues | None:
        """As ``read``, with a turn for others wherever there are many: five hundred conditions of as many numbers held the loop for
        10 ms. The few that most requests have are read at once, since steps take 10 µs of their own.
        """
        try:
            return self.read(given, _many)
        except Many:
            return await in_turns(stepped(lambda turn: self.read(given, turn)))


def _many() -> None:
    raise Many


def entry_of(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Entry | None:
    """The entry into an operation, kept with its document; None where there is something about it that only graphql-core knows."""
    kept: dict[Any, Entry | None] = document.__dict__.setdefault("_entries", {})
    key = (schema, name)
    if key not in kept:
        entry = _entry(schema, document, name)
        if entry is None:
            return None  # of names that there aren't, any number can be asked for
        kept[key] = entry
    return kept[key]


def _entry(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Entry | None:
    assert_valid_schema(schema)
    every = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    named = [each for each in every if name is None or (each.name is not None and each.name.value == name)]
    definitions = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    if len(named) != 1 or any(each.variable_definitions for each in definitions.values()):
        return None
    variables = []
    for node in named[0].variable_definitions or ():
        signature = get_variable_signature(schema, node)
        if isinstance(signature, GraphQLError):
            return None
        default = coerce_default_value(signature) if node.default_value else Undefined
        if isinstance(default, list | dict):
            return None  # each request has its own
        required = default is Undefined and is_non_null_type(signature.type)
        variables.append(_Variable(signature, _reader(schema, signature.type), default, required))
    fragments = {key: FragmentDetails(each, None) for key, each in definitions.items()}
    return Entry(named[0], definitions, fragments, variables)


def _reader(schema: GraphQLSchema, type_: Any) -> Read:
    """What reads values of a type."""
    nullable = not is_non_null_type(type_)
    of = type_ if nullable else type_.of_type
    if is_list_type(of):
        return _list_reader(_reader(schema, of.of_type), nullable=nullable)
    if is_input_object_type(of):
        return _object_reader(schema, of, nullable=nullable)
    return _leaf_reader(of, nullable=nullable)


def _leaf_reader(type_: Any, *, nullable: bool) -> Read:
    coerce = type_.coerce_input_value

    def read(given: Any, _depth: int, _looked: Looked) -> Any:
        if given is None:
            if nullable:
                return None
            raise Unfit
        value = coerce(given)
        if value is Undefined:
            raise Unfit
        return value

    return read


def _list_reader(item: Read, *, nullable: bool) -> Read:
    def read(given: Any, depth: int, looked: Looked) -> Any:
        if given.__class__ is list and depth < DEEPEST:
            below = depth + 1
            looked.add(len(given))
            return [item(each, below, looked) for each in given]
        if given is None and nullable:
            return None
        if given.__class__ not in SINGLE or depth >= DEEPEST:
            raise Unfit
        return [item(given, depth + 1, looked)]

    return read


def _object_reader(schema: GraphQLSchema, type_: Any, *, nullable: bool) -> Read:
    def read(given: Any, depth: int, looked: Looked) -> Any:
        if given is None and nullable:
            return None
        if given.__class__ is not dict or depth >= DEEPEST:
            raise Unfit
        below, known, values = depth + 1, 0, {}
        looked.add(len(given))
        for name, out, field, required, default in _fields(schema, type_):
            if name in given:
                known += 1
                values[out] = field(given[name], below, looked)
            elif required:
                raise Unfit
            elif default is not Undefined:
                values[out] = default
        if known != len(given) or (type_.is_one_of and not _is_one(given, values)):
            raise Unfit
        return type_.out_type(values)

    return read


def _is_one(given: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return len(given) == len(values) == 1 and next(iter(values.values())) is not None


def _fields(schema: GraphQLSchema, type_: Any) -> Sequence[_Field]:
    """An input's fields. Made when the first value comes, since inputs may hold themselves; kept with the schema."""
    made: dict[str, Sequence[_Field]] = schema.__dict__.setdefault("_input_fields", {})
    found = made.get(type_.name)
    if found is None:
        found = made[type_.name] = [
            _Field(
                name,
                each.out_name or name,
                _reader(schema, each.type),
                is_required_input_field(each),
                coerce_default_value(each),
            )
            for name, each in type_.fields.items()
        ]
    return found
