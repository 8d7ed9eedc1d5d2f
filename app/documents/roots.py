"""What an operation asks for at its root, before it is executed."""

import re
from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

FEEDS = frozenset({"changes", "eventFeed"})
"""The fields that read the log of commits: up to where that is complete has to be known before a snapshot is taken."""


def reads_feed(document: DocumentNode, operation: str | None) -> bool:
    """Whether an operation of a valid document reads the log of commits."""
    known: dict[str | None, bool] = document.__dict__.setdefault("_reads_feed", {})
    found = known.get(operation)
    if found is None:
        found = known[operation] = not FEEDS.isdisjoint(roots(document, operation))
    return found


def roots(document: DocumentNode, operation: str | None) -> Iterator[str]:
    """The names of the root fields, those of fragments included."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    waiting: list[SelectionSetNode] = [
        each.selection_set
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
        and (operation is None or (each.name is not None and each.name.value == operation))
    ]
    seen: set[str] = set()
    while waiting:
        for each in waiting.pop().selections:
            if isinstance(each, FieldNode):
                yield each.name.value
            elif isinstance(each, FragmentSpreadNode):
                if each.name.value not in seen:
                    seen.add(each.name.value)
                    waiting.append(fragments[each.name.value].selection_set)
            else:
                waiting.append(each.selection_set)  # type: ignore[attr-defined]  # an inline fragment


def variable_of_after(operation: OperationDefinitionNode, text: str) -> str:
    """The variable that a subscription's root field has as ``after``, and that is used nowhere else; empty where none is."""
    for each in operation.selection_set.selections:
        if isinstance(each, FieldNode):
            for argument in each.arguments or ():
                if argument.name.value == "after" and isinstance(argument.value, VariableNode):
                    name = argument.value.name.value
                    # Once where it is defined, and once here.
                    return name if len(re.findall(rf"\${name}\b", text)) == 2 else ""
    return ""
