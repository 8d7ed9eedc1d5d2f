"""Limits on a document, found in time linear in its text, before validation, which isn't.

A few hundred bytes of fragments can stand for more fields than there are atoms; overlapping fields make
validation compare each with each. So a document is measured first: fragments once each, by numbers
alone, and only what turns out small enough is walked as it stands for.
"""

from collections.abc import Iterable, Iterator, Sequence
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
    VariableNode,
)


@dataclass(frozen=True)
class Limits:
    """How much a document may be. ``tokens`` and ``characters`` are of its text; ``fields``, ``overlaps`` and
    ``usages`` of what all of its definitions together stand for, fragments put in place, since validation looks at each
    of them; the others of each operation.
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
    overlaps: int = 8_000
    """Comparisons that validation makes of fields with the same place in the answer. Fields with arguments, which are
    compared as well, count for more than one; so do fragments that are spread beside each other."""
    operations: int = 20
    fragments: int = 50
    definitions: int = 100
    """Variables that are defined."""
    usages: int = 500
    """Uses of variables."""
    values: int = 300
    """Literals: in arguments, in lists and objects there, and as defaults."""


SPREAD = 4
"""Comparisons that two fragments beside each other count for, besides those of their fields: 20 µs for each two."""


class DocumentLimitExceeded(Exception):
    """A document that is over a limit: which one, what it is, and what the document has; and ``path``, where in the
    variables that is, for what is there."""

    def __init__(self, limit: str, maximum: int, actual: int | None, path: Sequence[str | int] | None = None) -> None:
        number = "more" if actual is None or actual > 10**6 else f"{actual:,}"
        super().__init__(f"The document has too many {limit}: at most {maximum:,} are allowed, and it has {number}.")
        self.limit = limit
        self.maximum = maximum
        self.actual = actual
        self.path = path


class Size(NamedTuple):
    """What a selection set stands for."""

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    top: int = 0
    """Fields at its own level."""
    spreads: int = 0
    """Fragments put in place, inline ones as well."""
    usages: int = 0
    """Uses of variables."""

    def beside(self, other: "Size") -> "Size":
        return Size(
            self.fields + other.fields,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.top + other.top,
            self.spreads + other.spreads,
            self.usages + other.usages,
        )


def check(document: DocumentNode, limits: Limits) -> int:
    """How many fields a document stands for, fragments put in place. Raises ``DocumentLimitExceeded`` for one over a limit, and
    ``GraphQLError`` for fragments that spread themselves.
    """
    guard = _Guard(document, limits)
    selections = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            guard.operation(definition)
            selections.append(definition.selection_set)
        elif isinstance(definition, FragmentDefinitionNode):
            # Validation looks at those that nobody spreads as well.
            guard.selections(definition.selection_set)
            selections.append(definition.selection_set)
    # By now it is known that they stand for little.
    guard.overlaps(selections)
    return guard.total.fields


class _Guard:
    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self.limits = limits
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.sizes: dict[str, Size | None] = {}
        self.total = Size()
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        self._limit("operations", limits.operations, len(operations))
        self._limit("fragments", limits.fragments, len(self.fragments))
        defined = sum(len(each.variable_definitions or ()) for each in operations)
        self._limit("variables", limits.definitions, defined)
        self.values = 0
        for operation in operations:
            for variable in operation.variable_definitions or ():
                self._count(variable.default_value)
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
        self.total = self.total.beside(size)
        self._limit("fields", limits.fields, self.total.fields)
        self._limit("fragments put in place", limits.fields, self.total.spreads)
        self._limit("uses of variables", limits.usages, self.total.usages)
        return size

    def overlaps(self, selections: list[SelectionSetNode]) -> None:
        pairs = 0
        for each in selections:
            pairs += self._overlaps(each, self.limits.overlaps - pairs)
            self._limit("fields that overlap", self.limits.overlaps, pairs)

    def _limit(self, name: str, maximum: int, actual: int) -> None:
        if actual > maximum:
            raise DocumentLimitExceeded(name, maximum, actual)

    def _directives(self, node: Any) -> None:
        directives = getattr(node, "directives", None) or ()
        self._limit("directives at one place", self.limits.directives, len(directives))

    def _count(self, *values: Any) -> int:
        """Count the literals in these; how many of them are variables."""
        found = list(_within(values))
        self.values += len(found)
        self._limit("values", self.limits.values, self.values)
        return sum(isinstance(each, VariableNode) for each in found)

    def _usages(self, field: FieldNode) -> int:
        """How many variables a field uses itself."""
        places: list[Any] = [field, *(field.directives or ())]
        arguments = [argument.value for place in places for argument in place.arguments or ()]
        return self._count(*arguments) if arguments else 0

    def _size(self, selections: SelectionSetNode | None, nested: int = 0) -> Size:
        """What a selection set stands for: a fragment is measured once, however often it is spread."""
        if nested > self.limits.depth * 4:  # of inline fragments within each other, which add no level
            raise DocumentLimitExceeded("levels", self.limits.depth, None)
        total = Size()
        for node in selections.selections if selections else ():
            self._directives(node)
            if isinstance(node, FieldNode):
                below = self._size(node.selection_set, nested + 1)
                usages = below.usages + self._usages(node)
                aliases = below.aliases + (node.alias is not None)
                total = total.beside(Size(below.fields + 1, below.depth + 1, aliases, 1, below.spreads, usages))
            elif isinstance(node, InlineFragmentNode):
                total = total.beside(self._size(node.selection_set, nested + 1)).beside(Size(spreads=1))
            elif isinstance(node, FragmentSpreadNode):
                total = total.beside(self._fragment(node.name.value, nested)).beside(Size(spreads=1))
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

    def _overlaps(self, selections: SelectionSetNode, most: int) -> int:
        """Pairs of fields with one place in the answer. Walks what the selections stand for, as far as they stand for
        no more than ``most``.
        """
        pairs, levels = 0, [[selections]]
        while levels and pairs <= most:
            merged: dict[str, list[FieldNode]] = {}
            spread: set[str] = set()
            for field in self._fields(levels.pop(), spread):
                merged.setdefault((field.alias or field.name).value, []).append(field)
            pairs += SPREAD * len(spread) * (len(spread) - 1)
            for same in merged.values():
                if len(same) > 1:
                    pairs += sum(map(_weight, same)) * (len(same) - 1)
                below = [field.selection_set for field in same if field.selection_set is not None]
                if below:
                    levels.append(below)
        return pairs

    def _fields(self, sets: list[SelectionSetNode], spread: set[str]) -> Iterator[FieldNode]:
        """The fields of selections that are merged, and the names of the fragments between them."""
        for each in sets:
            for node in each.selections:
                if isinstance(node, FieldNode):
                    yield node
                elif isinstance(node, InlineFragmentNode):
                    yield from self._fields([node.selection_set], spread)
                elif isinstance(node, FragmentSpreadNode) and node.name.value in self.fragments:
                    spread.add(node.name.value)
                    yield from self._fields([self.fragments[node.name.value].selection_set], spread)


def _within(values: Iterable[Any]) -> Iterator[Any]:
    """The literals and variables that these are, and all that is in them."""
    waiting = [each for each in values if each is not None]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += getattr(node, "values", None) or ()
        waiting += [field.value for field in getattr(node, "fields", None) or ()]


def _weight(field: FieldNode) -> int:
    """How many comparisons a field counts for, beside another one: its arguments are compared one by one."""
    return 1 + sum(1 for _ in _within(argument.value for argument in field.arguments or ()))
