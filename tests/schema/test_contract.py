"""The schema says at least what the contract says."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    print_ast,
)

from tests.support.graph import schema

CONTRACT = Path(__file__).parents[1] / "data" / "contract.graphql"
BESIDE = Path(__file__).parents[2].parent / "shared" / "graph.graphql"
"""A copy outside of the checkout, where there is one; ERPGRAPH_CONTRACT names another."""

LOOSENED = {
    "OrderConfirmInput.allowBackorder": ("Boolean! = false", "Boolean"),
    "ProductUpsertInput.name": ("String!", "String"),
    "PartnerUpsertInput.name": ("String!", "String"),
}
"""Where the contract was changed on purpose since such copies were handed out: what they say, and what it says now."""

Said = dict[str, Any]


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    """The schema as clients read it: printed, and read again."""
    return build_schema(schema().as_str())


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


HALVES = pytest.mark.parametrize("half", ["query_type", "mutation_type"], ids=["reading", "writing"])


def reached(contract: GraphQLSchema, half: str) -> Iterator[GraphQLNamedType]:
    """All types that a query, or a mutation, can reach: its answers and its arguments."""
    waiting: list[Any] = [getattr(contract, half)]
    seen: set[str] = set()
    while waiting:
        type_: Any = get_named_type(waiting.pop())
        if type_.name in seen:
            continue
        seen.add(type_.name)
        yield type_
        for field in getattr(type_, "fields", {}).values():
            waiting += [field.type, *(argument.type for argument in getattr(field, "args", {}).values())]
        if isinstance(type_, GraphQLInterfaceType):
            waiting += contract.get_possible_types(type_)


def default(given: Any) -> str:
    """An argument's or input field's type and default, as it is written."""
    written = given.ast_node.default_value
    return f"{given.type}" if written is None else f"{given.type} = {print_ast(written)}"


def said(type_: GraphQLNamedType) -> Said:
    """Everything that a type promises, flat: ``Query.products(first)`` and the like to what it is."""
    name, found = type_.name, {type_.name: type(type_).__name__}
    if isinstance(type_, GraphQLEnumType):
        return found | {f"{name}.{value}": "value" for value in type_.values}
    if isinstance(type_, GraphQLInputObjectType):
        found |= {f"{name} oneOf": str(type_.is_one_of)}
        return found | {f"{name}.{key}": default(field) for key, field in type_.fields.items()}
    if isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType)):
        found |= {f"{name} implements {interface.name}": "yes" for interface in type_.interfaces}
        for key, field in type_.fields.items():
            found[f"{name}.{key}"] = str(field.type)
            for argument, given in field.args.items():
                found[f"{name}.{key}({argument})"] = default(given)
    return found


@HALVES
def test_the_schema_has_all_of_each_half_of_the_contract(
    contract: GraphQLSchema, ours: GraphQLSchema, half: str
) -> None:
    promised: Said = {}
    kept: Said = {}
    for type_ in reached(contract, half):
        promised |= said(type_)
        mine = ours.get_type(type_.name)
        kept |= said(mine) if mine is not None else {}
    assert {key: kept.get(key) for key in promised} == promised
    assert len(promised) > 450  # the walk itself saw the whole


def test_a_copy_beside_the_checkout_promises_nothing_else(contract: GraphQLSchema) -> None:
    path = Path(os.environ.get("ERPGRAPH_CONTRACT", BESIDE))
    if not path.exists():
        pytest.skip(f"There is no copy at {path}.")
    outside = build_schema(path.read_text())
    promised: Said = {}
    kept: Said = {}
    for half in ("query_type", "mutation_type"):
        for type_ in reached(outside, half):
            promised |= said(type_)
            mine = contract.get_type(type_.name)
            kept |= said(mine) if mine is not None else {}
    assert {key: (form, kept.get(key)) for key, form in promised.items() if kept.get(key) != form} == LOOSENED


@HALVES
def test_what_the_schema_has_beyond_the_contract_is_optional(
    contract: GraphQLSchema, ours: GraphQLSchema, half: str
) -> None:
    required = []
    for type_ in reached(contract, half):
        promised = said(type_)
        for key, form in said(ours.get_type(type_.name) or type_).items():
            # A field that isn't in the contract asks nothing of those who know the contract only.
            is_given = key.endswith(")") and key.partition("(")[0] in promised
            is_given |= isinstance(type_, GraphQLInputObjectType)
            required += [key] if is_given and key not in promised and form.endswith("!") else []
    assert required == []


def test_both_executors_serve_the_same_schema() -> None:
    assert schema().as_str() == schema(breadth_first=False).as_str()
