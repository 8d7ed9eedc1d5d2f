"""Fields and types that there aren't, by names that people expect: ``createOrder`` where ``orderCreate`` is meant."""

import re
from collections.abc import Iterable
from typing import Any

from graphql import (
    FieldNode,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    KnownTypeNamesRule,
    NamedTypeNode,
)
from graphql.pyutils import did_you_mean

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

LETTERS = 2
"""Letters that a type's name may have more or fewer than the one that is meant."""

LONGEST = 60
"""Characters of a name that somebody may have expected; a longer one is nobody's."""


class FieldsOnCorrectType(FieldsOnCorrectTypeRule):
    """graphql-core's rule suggests names with a few letters changed; this one those with the same words, too."""

    def report_error(self, error: GraphQLError) -> None:
        """An error, with what may be meant where graphql-core finds nothing like it."""
        parent, nodes = self.context.get_parent_type(), error.nodes or ()
        helped = self.context.hide_suggestions or not error.message.endswith("'.")
        if not helped and isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType)):
            [name] = [node.name.value for node in nodes if isinstance(node, FieldNode)]
            error = GraphQLError(error.message + did_you_mean(akin(name, parent.fields)), nodes)
        super().report_error(error)


class KnownTypeNames(KnownTypeNamesRule):
    """graphql-core's rule, which compares a name letter by letter with those of all types. Twenty such names
    took a second.
    """

    def enter_named_type(self, node: NamedTypeNode, *args: Any) -> None:
        """Have it compared with those alone that begin alike and are about as long."""
        name = node.name.value
        if name not in self.existing_types_map:
            self.type_names = [
                each
                for each in self.existing_types_map
                if each[0].lower() == name[0].lower() and abs(len(each) - len(name)) <= LETTERS
            ]
            super().enter_named_type(node, *args)


def akin(name: str, names: Iterable[str]) -> list[str]:
    """Those of the names that have most words of a name, in any order, and fewest others; none where none has any."""
    wanted = _words(name) if len(name) <= LONGEST else frozenset()
    near = {each: (len(wanted & words), -len(words)) for each in names if (words := _words(each)) & wanted}
    best = max(near.values(), default=None)
    return [each for each, found in near.items() if found == best]


def _words(name: str) -> frozenset[str]:
    """A name's words, in the singular."""
    return frozenset(word.lower().removesuffix("s") for word in _WORD.findall(name))
