"""A name that there isn't, wherever it stands, is answered with those that there are, and with none where the key may not read the schema."""

import re
from collections.abc import Iterator

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType

from execution import Documents
from execution.documents.inputs import wrong_value
from execution.documents.misnamed import LISTED
from tests.support.graph import schema

NOBODYS = "zzqq"
"""A name that is like none of ours."""

TYPES = schema()._schema.type_map


def _named(type_: type) -> list[str]:
    return sorted(name for name, each in TYPES.items() if isinstance(each, type_) and not name.startswith("__"))


def _listed(message: str) -> list[str]:
    """The names behind "It has" or "It takes"."""
    [(_, names)] = re.findall(r" It (has|takes) (.*)\.$", message)
    return re.split(", | and ", names)


def _messages(document: str, *, hidden: bool = False) -> list[str]:
    """What is said of a document's unknown names. Its fragment isn't used, so that types need no place in the query."""
    errors = Documents(schema()._schema).examined(f"{{ __typename }} {document}", hide_suggestions=hidden).errors
    return [error.message for error in errors if f"'{NOBODYS}'" in error.message]


def _as_listed(names: list[str]) -> list[str]:
    more = len(names) - LISTED
    return names or ["none"] if more <= 0 else [*names[:LISTED], f"{more} more"]


@pytest.mark.parametrize("name", _named(GraphQLObjectType))
def test_a_field(name: str) -> None:
    fields = list(TYPES[name].fields)  # type: ignore[attr-defined]  # it is an object
    document = f"fragment F on {name} {{ {NOBODYS} }}"
    [message] = _messages(document)
    assert _listed(message) == _as_listed(fields)
    assert _messages(document, hidden=True) == [f"Cannot query field '{NOBODYS}' on type '{name}'."]


def _fields() -> Iterator[tuple[str, str, list[str]]]:
    for name in _named(GraphQLObjectType):
        for key, field in TYPES[name].fields.items():  # type: ignore[attr-defined]  # it is an object
            yield name, key, list(field.args)


def test_an_argument() -> None:
    tried = 0
    for name, key, names in _fields():
        if names:
            document = f"fragment F on {name} {{ {key}({NOBODYS}: 1) }}"
            [message] = _messages(document)
            assert _listed(message) == _as_listed(names), (name, key)
            tried += 1
    assert tried > 100


@pytest.mark.parametrize("name", _named(GraphQLInputObjectType))
def test_a_field_of_an_input(name: str) -> None:
    type_ = TYPES[name]
    [wrong] = [each for each in wrong_value({NOBODYS: 1}, type_, helps=True) if NOBODYS in each.message]
    assert (_listed(wrong.message), wrong.path) == (_as_listed(list(type_.fields)), (NOBODYS,))  # type: ignore[attr-defined]  # it is an input
    [wrong] = [each for each in wrong_value({NOBODYS: 1}, type_, helps=False) if NOBODYS in each.message]
    assert wrong.message == f"There is no field '{NOBODYS}'."
