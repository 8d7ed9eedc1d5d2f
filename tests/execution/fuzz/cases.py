"""Generated cases: hypothesis-graphql's documents over a schema, reshaped."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import hypothesis.strategies as st
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis_graphql import queries

from tests.execution.fuzz.compare import Case
from tests.execution.fuzz.reshape import Reshaper, Tame

Scalars = Mapping[str, st.SearchStrategy[ValueNode]]


def documents(shown: Sequence[GraphQLSchema], scalars: Scalars) -> st.SearchStrategy[list[DocumentNode]]:
    """One to three documents, each of one of these views of a schema."""
    strategies = [queries(view, custom_scalars=dict(scalars), print_ast=_whole) for view in shown]
    return st.lists(st.sampled_from(strategies).flatmap(_whole), min_size=1, max_size=3)


def _whole(given: Any) -> Any:
    return given


def fields_of(document: DocumentNode) -> list[FieldNode]:
    """The fields that a generated document selects."""
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]


def together(parts: list[DocumentNode]) -> DocumentNode:
    """One document of several: the fields of the second and third under aliases of their own."""
    selections = [
        FieldNode(
            name=node.name,
            alias=NameNode(value=f"{node.name.value}_{index}") if index else None,
            arguments=node.arguments,
            selection_set=node.selection_set,
        )
        for index, part in enumerate(parts)
        for node in fields_of(part)
    ]
    whole = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=(),
        selection_set=SelectionSetNode(selections=tuple(selections)),
    )
    return DocumentNode(definitions=(whole,))


def cases(
    schema: GraphQLSchema,
    shown: Sequence[GraphQLSchema],
    scalars: Scalars,
    tame: Tame,
    reshapings: int,
) -> st.SearchStrategy[list[Case]]:
    """Cases of one generated document, reshaped in so many ways."""

    def reshape(parts: list[DocumentNode], seed: int) -> list[Case]:
        document = together(parts)
        turns = [Random(f"{seed} {turn}") for turn in range(reshapings)]
        return [Reshaper(schema, random, tame).case(document) for random in turns]

    return st.builds(reshape, documents(shown, scalars), st.integers(0, 2**32))


def collect(strategy: st.SearchStrategy[list[Case]], examples: int) -> list[Case]:
    """The cases of so many examples, the same at every run."""
    found: list[Case] = []

    @settings(max_examples=examples, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def generate(given_cases: list[Case]) -> None:
        found.extend(given_cases)

    generate()
    return found
