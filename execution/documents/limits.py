"""Limits on a document, found in time linear in its text, before validation, which isn't.

A few hundred bytes of fragments can stand for more fields than there are atoms; overlapping fields make
validation compare each with each. So a document is measured first: fragments once each, by numbers
alone, and only what turns out small enough is walked as it stands for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)


@dataclass(frozen=True)
class Limits:
    """How much a document may be. ``tokens`` and ``characters`` are of its text; the others of what each
    operation stands for, fragments put in place.
    """

    characters: int = 15_000
    tokens: int = 1_000
    depth: int = 20
    fields: int = 2_000
    aliases: int = 50
    root_fields: int = 20
    mutations: int = 10
    directives: int = 5
    """On one field, fragment or operation."""
    overlaps: int = 20_000
    """Comparisons that validation makes of fields with the same place in the answer."""


class TooMuch(Exception):
    """A document that is over a limit: which one, what it is, and what the document has."""

    def __init__(self, limit: str, maximum: int, actual: int | None) -> None:
        told = "more" if actual is None or actual > 10**6 else f"{actual:,}"
        super().__init__(f"The document has too many {limit}: at most {maximum:,} are allowed, and it has {told}.")
        self.limit = limit
        self.maximum = maximum
        self.actual = actual


class Size(NamedTuple):
    """What a selection set stands for."""

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    top: int = 0
    """Fields at its own level."""

    def beside(self, other: "Size") -> "Size":
        return Size(
            self.fields + other.fields,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.top + other.top,
        )


def check(document: DocumentNode, limits: Limits) -> None:
    """Raises ``TooMuch`` for a document over a limit, and ``GraphQLError`` for fragments that spread themselves."""
    guard = _Guard(document, limits)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            guard.operation(definition)
        elif isinstance(definition, FragmentDefinitionNode):
            # Validation looks at those that nobody spreads as well.
            guard.selections(definition.selection_set)


class _Guard:
    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self.limits = limits
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.sizes: dict[str, Size | None] = {}
        for definition in document.definitions:
            self._directives(definition)

    def operation(self, operation: OperationDefinitionNode) -> None:
        size, limits = self.selections(operation.selection_set), self.limits
        mutates = operation.operation is OperationType.MUTATION
        self._limit(
            "mutations" if mutates else "root fields", limits.mutations if mutates else limits.root_fields, size.top
        )

    def selections(self, selections: SelectionSetNode) -> Size:
        size, limits = self._size(selections), self.limits
        self._limit("levels", limits.depth, size.depth)
        self._limit("aliases", limits.aliases, size.aliases)
        self._limit("fields", limits.fields, size.fields)
        self._limit("fields that overlap", limits.overlaps, self._overlaps(selections))
        return size

    def _limit(self, name: str, maximum: int, actual: int) -> None:
        if actual > maximum:
            raise TooMuch(name, maximum, actual)

    def _directives(self, node: Any) -> None:
        self._limit("directives at one place", self.limits.directives, len(getattr(node, "directives", None) or ()))

    def _size(self, selections: SelectionSetNode | None, nested: int = 0) -> Size:
        """What a selection set stands for: a fragment is measured once, however often it is spread."""
        if nested > self.limits.depth * 4:  # of inline fragments within each other, which add no level
            raise TooMuch("levels", self.limits.depth, None)
        total = Size()
        for node in selections.selections if selections else ():
            self._directives(node)
            if isinstance(node, FieldNode):
                below = self._size(node.selection_set, nested + 1)
                total = total.beside(
                    Size(below.fields + 1, below.depth + 1, below.aliases + (node.alias is not None), 1)
                )
            elif isinstance(node, InlineFragmentNode):
                total = total.beside(self._size(node.selection_set, nested + 1))
            elif isinstance(node, FragmentSpreadNode):
                total = total.beside(self._fragment(node.name.value, nested))
        return total

    def _fragment(self, name: str, nested: int) -> Size:
        if name not in self.sizes:
            self.sizes[name] = None  # being measured
            fragment = self.fragments.get(name)
            self.sizes[name] = self._size(fragment.selection_set if fragment else None, nested + 1)
        size = self.sizes[name]
        if size is None:
            raise GraphQLError(f"Cannot spread fragment '{name}' within itself.", self.fragments[name])
        return size

    def _overlaps(self, selections: SelectionSetNode) -> int:
        """Pairs of fields with one place in the answer. Walks what the document stands for, which by now is
        known to be little.
        """
        pairs, levels = 0, [[selections]]
        while levels:
            merged: dict[str, list[SelectionSetNode | None]] = {}
            for field in self._fields(levels.pop()):
                merged.setdefault((field.alias or field.name).value, []).append(field.selection_set)
            for below in merged.values():
                pairs += len(below) * (len(below) - 1)
                levels.append([each for each in below if each is not None])
        return pairs

    def _fields(self, sets: list[SelectionSetNode]) -> Iterator[FieldNode]:
        for each in sets:
            for node in each.selections:
                if isinstance(node, FieldNode):
                    yield node
                elif isinstance(node, InlineFragmentNode):
                    yield from self._fields([node.selection_set])
                elif isinstance(node, FragmentSpreadNode) and node.name.value in self.fragments:
                    yield from self._fields([self.fragments[node.name.value].selection_set])
