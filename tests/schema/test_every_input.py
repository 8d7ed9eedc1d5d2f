"""G9: at every position of every input a bad value is refused with a code, locations and the path to it."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pytest
from graphql import (
    GraphQLError,
    OperationType,
    get_location,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_required_input_field,
)

from app.errors.formatting import formatted
from execution import node_at
from tests.support.graph import Asker, documents, schema

BAD = {
    "Int": "three",
    "String": 5,
    "ID": True,
    "Boolean": "yes",
    "Decimal": 1.5,
    "DateTime": "yesterday",
    "CurrencyCode": "eur",
    "Date": "2026-02-30",
    "TimeZone": "Berlin+2",
}
GOOD: dict[str, Any] = {
    "Int": 1,
    "String": "a",
    "ID": "a",
    "Boolean": True,
    "Decimal": "1",
    "DateTime": "2026-11-01T09:30:00Z",
    "CurrencyCode": "EUR",
    "Date": "2026-11-01",
    "TimeZone": "Europe/Berlin",
}


class Enum(str):
    """Written without quotes in a literal."""

    __slots__ = ()


class Position(NamedTuple):
    """A place for a value: the root field, its kind, its arguments with ``value`` there, the path, the leaf's type."""

    operation: str
    field: str
    path: tuple[str | int, ...]
    type: Any
    required: tuple[tuple[str, Any], ...]

    def arguments(self, value: Any) -> dict[str, Any]:
        name, *steps = self.path
        root: Any = schema()._schema.get_root_type(_OPERATIONS[self.operation])
        argument = root.fields[self.field].args[name]
        return {**dict(self.required), str(name): nested(argument.type, steps, value)}


def nested(type_: Any, steps: list[Any], value: Any) -> Any:
    """A good value of the type, but for the ``value`` at the end of the steps."""
    if not steps:
        return value
    type_ = get_nullable_type(type_)
    step, *rest = steps
    if is_list_type(type_):
        return [*[good(type_.of_type)] * step, nested(type_.of_type, rest, value)]
    return {**(good(type_) if not type_.is_one_of else {}), step: nested(type_.fields[step].type, rest, value)}


def good(type_: Any) -> Any:
    """The least value of a type."""
    type_ = get_nullable_type(type_)
    if is_list_type(type_):
        return [good(type_.of_type)]
    if is_enum_type(type_):
        return Enum(next(iter(type_.values)))
    if not is_input_object_type(type_):
        return GOOD[type_.name]
    if type_.is_one_of:
        return {"id": GOOD["ID"]}
    return {name: good(field.type) for name, field in type_.fields.items() if is_required_input_field(field)}


# Of a type that takes any value none is bad.
ANY = {"JSON"}

_OPERATIONS = {"query": OperationType.QUERY, "mutation": OperationType.MUTATION}


def positions() -> Iterator[Position]:
    """Every leaf that is an argument of a root field or a field of an input; of a list its second element."""
    seen: set[tuple[str, str]] = set()
    for operation, kind in _OPERATIONS.items():
        root = schema()._schema.get_root_type(kind)
        assert root is not None
        for name, field in root.fields.items():
            required = tuple(
                (other, good(argument.type))
                for other, argument in field.args.items()
                if argument.type is not get_nullable_type(argument.type)
            )
            for argument, declared in field.args.items():
                for path, leaf in leaves(declared.type, (argument,), seen):
                    yield Position(operation, name, path, leaf, required)


def leaves(type_: Any, path: tuple[Any, ...], seen: set[tuple[str, str]]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    type_ = get_nullable_type(type_)
    if is_list_type(type_):
        yield from leaves(type_.of_type, (*path, 1), seen)
    elif not is_input_object_type(type_):
        if type_.name not in ANY:
            yield path, type_
    else:
        for name, field in type_.fields.items():
            if (type_.name, name) not in seen:
                seen.add((type_.name, name))
                yield from leaves(field.type, (*path, name), seen)


def literal(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return orjson.dumps(value).decode()


def bad(type_: Any) -> Any:
    return Enum("NOPE") if is_enum_type(type_) else BAD[type_.name]


EVERY = list(positions())


def test_there_are_many() -> None:
    assert len(EVERY) > 120
    assert {each.type.name for each in EVERY} >= {*BAD}


def test_g9_as_a_literal() -> None:
    for each in EVERY:
        arguments = ", ".join(f"{name}: {literal(given)}" for name, given in each.arguments(bad(each.type)).items())
        text = f"{each.operation} {{ {each.field}({arguments}) {{ __typename }} }}"
        document = documents(schema()).examined(text)
        [error] = formatted(document.errors, "", "GRAPHQL_VALIDATION_FAILED")
        operation: Any = document.node.definitions[0]
        field = operation.selection_set.selections[0]
        found = node_at(field, each.path)
        place = get_location(found.loc.source, found.loc.start)
        assert error["locations"] == [{"line": place.line, "column": place.column}], text
        assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED", "argumentPath": [*each.path]}, text
        assert literal(bad(each.type)) in error["message"], error


async def test_g9_as_a_variable() -> None:
    """The argument is the variable; and the leaf alone is."""
    for each in EVERY:
        name, *steps = each.path
        root = schema()._schema.get_root_type(_OPERATIONS[each.operation])
        assert root is not None
        type_ = root.fields[each.field].args[str(name)].type
        given = each.arguments(bad(each.type))
        others = "".join(f", {other}: {literal(value)}" for other, value in given.items() if other != name)
        text = f"{each.operation} ($v: {type_}) {{ {each.field}({name}: $v{others}) {{ __typename }} }}"
        [error] = formatted(await refused(text, {"v": given[str(name)]}), "")
        assert error["locations"] == [{"line": 1, "column": len(each.operation) + 3}], text
        assert error["extensions"] == {
            "code": "BAD_USER_INPUT",
            "argumentPath": [*each.path],
            "variablePath": ["v", *steps],
        }, text


async def refused(text: str, variables: dict[str, Any]) -> list[GraphQLError]:
    document = documents(schema()).get(text)
    assert not document.errors, (text, document.errors)
    result = await schema().execute_document(document.node, variables)
    assert result.data is None
    return result.errors or []


IDS = [
    each
    for each in EVERY
    # A preview answers with problems, as a command does: tests/schema/writing/test_previews.py.
    if each.type.name == "ID" and each.operation == "query" and each.field != "orderPreview"
]


@pytest.mark.parametrize("value", ["nonsense", "xxx_00000000000070008000000000000000", "a\0b"])
async def test_g9_ids_that_are_none(ask: Asker, larkspur: UUID, value: str) -> None:
    """What the types allow and a look-up doesn't: the literal's place, the element of the list."""
    for each in IDS:
        arguments = ", ".join(f"{name}: {literal(given)}" for name, given in each.arguments(value).items())
        text = f"{{ {each.field}({arguments}) {{ __typename }} }}"
        answer = await ask(text.replace('"a"', '"prod_00000000000070008000000000000000"'), larkspur)
        [error] = formatted(answer.errors, "")
        assert error["path"] == [each.field]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        if 1 in each.path and each.field != "nodes":
            # The element before it is another one's id in most lists: then that is named first.
            assert error["extensions"]["argumentPath"] in ([*each.path], [*each.path[:-1], 0]), text
        else:
            assert error["extensions"]["argumentPath"] == [*each.path], text
        assert error["locations"][0]["column"] > len(each.field) + 3
        assert answer.ran == []
