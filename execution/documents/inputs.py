"""What is wrong with an input, in words that say what to do, and the path to it: for literals and variables alike.

graphql-core finds that something is wrong. Its words name Python's values and one missing field at a time, and what a
scalar refuses in a literal has no location; so an input that it refused is walked again, for all that is wrong with it.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson
from graphql import (
    SKIP,
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    StringValueNode,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    print_ast,
    type_from_ast,
)
from graphql.pyutils import Undefined, did_you_mean, suggestion_list
from graphql.utilities.validate_input_value import validate_input_literal

from execution.documents.misnamed import LONGEST, akin, below, instead
from execution.documents.places import Path, variable_places
from execution.steps import turn_if_stepped
from execution.variables import VALUES

MOST = 50
"""Problems of an input that are reported; and levels that are looked at."""

SHOWN = 80
"""Characters of a value that a message repeats."""

HINTED = 5
"""Names of an input that are compared with those that there are, each in a millisecond: 9,800 of them held a process for seconds."""

_EXPECTED = {
    "Int": "A whole number between -2147483648 and 2147483647 is expected, such as 20",
    "Float": "A number is expected, such as 1.5",
    "String": 'Text is expected, in quotes, such as "abc"',
    "ID": "An id is expected, in quotes",
    "Boolean": "true or false is expected, without quotes",
}


class Wrong(NamedTuple):
    """Something wrong: what, the path to it within the input, and its node where the input is a literal."""

    message: str
    path: Path
    node: Any = None


class _Reader(Protocol):
    """How an input is read: as a literal's nodes, or as values from JSON."""

    def is_null(self, given: Any) -> bool: ...
    def is_open(self, given: Any) -> bool: ...
    def items(self, given: Any) -> Sequence[Any] | None: ...
    def fields(self, given: Any) -> Mapping[str, Any] | None: ...
    def shown(self, given: Any) -> str: ...
    def name(self, given: Any) -> str: ...
    def refusal(self, given: Any, type_: Any) -> str | None: ...


class _Literals:
    def is_null(self, given: Any) -> bool:
        return isinstance(given, NullValueNode)

    def is_open(self, given: Any) -> bool:
        return isinstance(given, VariableNode)

    def items(self, given: Any) -> Sequence[Any] | None:
        return given.values if isinstance(given, ListValueNode) else None

    def fields(self, given: Any) -> Mapping[str, Any] | None:
        if not isinstance(given, ObjectValueNode):
            return None
        return {field.name.value: field.value for field in given.fields}

    def shown(self, given: Any) -> str:
        return print_ast(given)

    def name(self, given: Any) -> str:
        return str(getattr(given, "value", ""))

    def refusal(self, given: Any, type_: Any) -> str | None:
        read = type_.coerce_input_literal or (lambda node: type_.parse_literal(node, None))
        return _refused(lambda: read(given))


class _Values:
    def is_null(self, given: Any) -> bool:
        return given is None

    def is_open(self, given: Any) -> bool:  # noqa: ARG002 - a value has no variables in it
        return False

    def items(self, given: Any) -> Sequence[Any] | None:
        return given if isinstance(given, list) else None

    def fields(self, given: Any) -> Mapping[str, Any] | None:
        return given if isinstance(given, dict) else None

    def shown(self, given: Any) -> str:
        try:
            return orjson.dumps(given).decode()
        except TypeError:  # a number that JSON had and orjson doesn't write
            return str(given)

    def name(self, given: Any) -> str:
        return given if isinstance(given, str) else ""

    def refusal(self, given: Any, type_: Any) -> str | None:
        if is_enum_type(type_):  # which would compare it with all names
            return _refused(lambda: type_.coerce_input_value(given, hide_suggestions=True))
        return _refused(lambda: type_.coerce_input_value(given))


def _refused(read: Any) -> str | None:
    """What a leaf's reading says against its value; empty where it has no words of ours, None where it takes it."""
    try:
        return "" if read() is Undefined else None
    except GraphQLError as error:
        return error.message
    except Exception:
        return ""


def wrong_literal(node: ValueNode, type_: Any, *, helps: bool) -> list[Wrong]:
    """All that is wrong with a literal of this type. ``helps``: whether the words may name what the schema has."""
    return _Walk(_Literals(), helps=helps).all(type_, node)


def wrong_value(given: Any, type_: Any, *, helps: bool) -> list[Wrong]:
    """The same of a variable's value."""
    return _Walk(_Values(), helps=helps).all(type_, given)


class _Walk:
    """One walk over an input along its type."""

    def __init__(self, reader: _Reader, *, helps: bool) -> None:
        self.reader = reader
        self.helps = helps
        self.found: list[Wrong] = []
        self.hinted = self.seen = 0

    def all(self, type_: Any, given: Any) -> list[Wrong]:
        self._value(type_, given, ())
        return self.found[:MOST]

    def _report(self, message: str, path: Path, given: Any) -> None:
        self.found.append(Wrong(message, path, given))

    def _value(self, type_: Any, given: Any, path: Path) -> None:
        reader = self.reader
        self.seen += 1
        if self.seen % VALUES == 0:
            turn_if_stepped()
        if len(path) > MOST or len(self.found) >= MOST or reader.is_open(given):
            return
        if reader.is_null(given):
            if is_non_null_type(type_):
                self._report("null can't stand here: give a value.", path, given)
            return
        if is_non_null_type(type_):
            type_ = type_.of_type
        if is_list_type(type_):
            items = reader.items(given)
            if items is None:
                # GraphQL takes a single value for a list of one.
                self._value(type_.of_type, given, path)
            else:
                for index, item in enumerate(items):
                    self._value(type_.of_type, item, (*path, index))
        elif is_input_object_type(type_):
            self._object(type_, given, path)
        else:
            self._leaf(type_, given, path)

    # ---------------------------------------------------------------- objects

    def _object(self, type_: Any, given: Any, path: Path) -> None:
        fields = self.reader.fields(given)
        if fields is None:
            self._report(self._not_an_object(type_, given), path, given)
            return
        for name, value in fields.items():
            if len(self.found) >= MOST:
                return
            if name not in type_.fields:
                of = f"{type_.name} has no field" if self.helps else "There is no field"
                self._report(f"{of} '{name}'.{self._instead(name, type_.fields)}", (*path, name), value)
        known = {name: value for name, value in fields.items() if name in type_.fields}
        missing = [name for name, field in type_.fields.items() if name not in known and is_required_input_field(field)]
        if missing:
            what = f"{_listed(missing, 'and')} must be given" if self.helps else "Something that must be given"
            is_missing = f"{'is' if len(missing) == 1 else 'are'} missing" if self.helps else "is missing"
            self._report(f"{what}, and {is_missing}." if self.helps else f"{what} {is_missing}.", path, given)
        if type_.is_one_of and not self._is_one(type_, known, path, given):
            return
        for name, value in known.items():
            self._value(type_.fields[name].type, value, (*path, name))

    def _instead(self, name: str, fields: Mapping[str, Any]) -> str:
        """What of an input's fields may be meant, or which ones there are, while it isn't asked too often."""
        self.hinted += 1
        if not self.helps or self.hinted > HINTED:
            return ""
        near = suggestion_list(name, list(fields)) if len(name) <= LONGEST else []
        return instead(name, near, below(name, fields) or akin(name, fields), list(fields))

    def _hint(self, name: str, names: list[str]) -> str:
        """What of these names may be meant, while it isn't asked too often."""
        self.hinted += 1
        is_asked = self.helps and self.hinted <= HINTED and len(name) <= LONGEST
        return did_you_mean(suggestion_list(name, names)) if is_asked else ""

    def _is_one(self, type_: Any, known: Mapping[str, Any], path: Path, given: Any) -> bool:
        """Whether a @oneOf input has one of its keys, and a value for it."""
        one = f"exactly one of {_listed(list(type_.fields), 'or')}" if self.helps else "exactly one key"
        if len(known) != 1:
            what = f"{_listed(list(known), 'and')} are given" if known else "none is given"
            self._report(f"Give {one}: {what}.", path, given)
            return False
        [(name, value)] = known.items()
        if self.reader.is_null(value):
            self._report(f"Give {one}, and not as null: {name} is null.", (*path, name), value)
            return False
        return True

    def _not_an_object(self, type_: Any, given: Any) -> str:
        shown = self._shown(given)
        if not self.helps:
            return f"An object is expected, in braces; this is {shown}."
        operator = "eq" if self.reader.items(given) is None else "in"
        if operator in type_.fields:
            return f"{type_.name} is an object of comparisons: write {{{operator}: {shown}}} in place of {shown}."
        if type_.is_one_of:
            first = next((name for name in type_.fields if name != "id"), "id")
            keys = _listed(list(type_.fields), "or")
            return f"An object with exactly one of {keys} is expected, such as {{{first}: …}}; this is {shown}."
        name = self.reader.name(given)
        for field, each in type_.fields.items():
            if name and name in getattr(get_named_type(each.type), "values", ()):
                return f"An object is expected, in braces: write {{{field}: {shown}}} in place of {shown}."
        names = _listed(list(type_.fields), "and")
        return f"An object is expected, in braces: {type_.name} has the fields {names}; this is {shown}."

    # ---------------------------------------------------------------- leaves

    def _leaf(self, type_: Any, given: Any, path: Path) -> None:
        refusal = self.reader.refusal(given, type_)
        if refusal is None:
            return
        shown = self._shown(given)
        if is_enum_type(type_):
            message = self._not_in_enum(type_, given, shown)
        elif type_.name in _EXPECTED:
            message = f"{_EXPECTED[type_.name]}; this is {shown}."
        else:
            message = f"{refusal.rstrip('.') or 'This value is not expected'}; this is {shown}."
        self._report(message, path, given)

    def _not_in_enum(self, type_: Any, given: Any, shown: str) -> str:
        if not self.helps:
            return f"This is none of the values that can stand here: {shown}."
        name = self.reader.name(given)
        values = list(type_.values)
        if isinstance(given, StringValueNode) and name in values:
            return f"Write {name} without quotes: it is a value of {type_.name}."
        found = next((value for value in values if value == name.upper()), None)
        hint = did_you_mean([found]) if found else self._hint(name, values)
        return f"{type_.name} has no value {shown}.{hint} There are {_listed(values, 'and')}."

    def _shown(self, given: Any) -> str:
        text = " ".join(self.reader.shown(given).split())
        return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _listed(names: Sequence[str], word: str) -> str:
    """``a, b and c``."""
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), names[-1])))


# ---------------------------------------------------------------- the rule, and the look at variables


class _Enough(Exception):
    """It is known that an input is refused."""


class ValuesOfCorrectType(ValuesOfCorrectTypeRule):
    """graphql-core's rule, with our words, the location of each value and the path to it (``argumentPath``)."""

    start: Path = ()
    variable: str = ""
    """Whose default is looked at, where no argument is."""

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        self.start = (node.name.value,)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        self.start, self.variable = (), node.variable.name.value

    def is_valid_value_node(self, node: ValueNode, input_type: Any) -> Any:
        if input_type:
            refused: list[Wrong] = []
            helps = not self.context.hide_suggestions

            def note(error: GraphQLError, path: list[str | int]) -> None:
                refused.append(Wrong(error.message, tuple(path)))
                raise _Enough

            # Whether something is wrong: for words that help it is walked again. To go on took 142 ms of 140 names that there
            # aren't, since the whole input is written for each.
            with contextlib.suppress(_Enough):
                validate_input_literal(node, input_type, note, None, None, hide_suggestions=True)
            if not refused:
                return SKIP
            start = self.start or variable_places(self.context.document).get(self.variable, (self.variable,))
            for each in wrong_literal(node, input_type, helps=helps) or refused:
                extensions = {"argumentPath": [*start, *each.path]}
                self.report_error(GraphQLError(each.message, each.node or node, extensions=extensions))
        return SKIP


def unfit_variables(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, given: Mapping[str, Any], *, helps: bool
) -> list[GraphQLError]:
    """All that is wrong with the variables of a valid operation, each with the path to it: that of the argument which
    the variable is used in (``argumentPath``), and that in the variables (``variablePath``).
    """
    operation = next(
        each
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
        and (operation_name is None or (each.name is not None and each.name.value == operation_name))
    )
    places: dict[str, Path] = {}
    errors = []
    for definition in operation.variable_definitions or ():
        name, type_ = definition.variable.name.value, type_from_ast(schema, definition.type)
        for wrong in _unfit(definition, name, type_, given, helps=helps):
            places = places or variable_places(document)
            at = f" at {'.'.join(map(str, wrong.path))}" if wrong.path else ""
            extensions = {
                "argumentPath": [*places.get(name, (name,)), *wrong.path],
                "variablePath": [name, *wrong.path],
            }
            errors.append(GraphQLError(f"${name}{at}: {wrong.message}", definition, extensions=extensions))
    return errors[:MOST]


def _unfit(
    definition: VariableDefinitionNode, name: str, type_: Any, given: Mapping[str, Any], *, helps: bool
) -> list[Wrong]:
    if name in given:
        return wrong_value(given[name], type_, helps=helps)
    if is_non_null_type(type_) and definition.default_value is None:
        return [Wrong(f"This must be given among the variables; it is of type {print_ast(definition.type)}.", ())]
    return []
