"""Fields, arguments and types that there aren't, by names that people expect: ``createOrder`` where ``orderCreate`` is meant,
``orders { number }`` where it is ``orders { nodes { number } }``. Where nothing is like a name, the message lists those that there are.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    KnownArgumentNamesRule,
    KnownTypeNamesRule,
    NamedTypeNode,
    get_named_type,
    is_required_argument,
)
from graphql.pyutils import did_you_mean, suggestion_list

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_QUOTED = re.compile(r"'(\w+)'")

LETTERS = 2
"""Letters that a type's name may have more or fewer than the one that is meant."""

LISTED = 30
"""Names that are listed where none is like the one that was sent; the query's root and an order have some more."""

NEARBY = 3
"""Places below that are suggested for a name."""

LONGEST = 60
"""Characters of a name that somebody may have expected; a longer one is nobody's."""


class FieldsOnCorrectType(FieldsOnCorrectTypeRule):
    """graphql-core's rule suggests names with a few letters changed; this one those with the same words, too, and fields below."""

    def report_error(self, error: GraphQLError) -> None:
        """An error, with what may be meant where graphql-core finds nothing that has a word of it."""
        parent, nodes = self.context.get_parent_type(), error.nodes or ()
        said, _, near = error.message.partition(" Did you mean ")
        helped = self.context.hide_suggestions or near.startswith("to use")
        if not helped and isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType)):
            [name] = [node.name.value for node in nodes if isinstance(node, FieldNode)]
            further = _on_a_page(name, parent.fields) or akin(name, parent.fields) or _below(name, parent.fields)
            error = GraphQLError(said + instead(name, _QUOTED.findall(near), further, list(parent.fields)), nodes)
        super().report_error(error)


class KnownArgumentNames(KnownArgumentNamesRule):
    """graphql-core's rule; this one lists the arguments that there are, and looks within them for the name."""

    def enter_argument(self, arg_node: ArgumentNode, *args: Any) -> None:
        """Report an argument that the field doesn't take."""
        definition, parent = self.context.get_field_def(), self.context.get_parent_type()
        if self.context.get_argument() or not definition or not parent:
            return
        name, field = arg_node.name.value, args[3][-1].name.value
        message = f"Unknown argument '{name}' on field '{parent}.{field}'."
        if not self.context.hide_suggestions:
            near = suggestion_list(name, list(definition.args)) if len(name) <= LONGEST else []
            message += instead(name, near, below(name, definition.args), list(definition.args), "It takes")
        self.context.report_error(GraphQLError(message, arg_node))


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


def instead(name: str, near: Sequence[str], further: Sequence[str], names: Sequence[str], has: str = "It has") -> str:
    """What may be meant by a name: of those that are spelled alike (``near``) if one is it but for a slip, else what somebody may have
    looked for (``further``); and all names where there is neither.
    """
    if any(_is_slip(name, each) for each in near):
        return did_you_mean(near)
    meant = did_you_mean([*further, *(each for each in near if each not in further)])
    return meant if further else meant + listed(names, has)


def _is_slip(name: str, other: str) -> bool:
    """Whether they have a word in common, or most letters. By the number of changes ``foo`` is as near to ``lot`` as ``nmae`` to ``name``."""
    letters = set(name)
    return bool(_words(name) & _words(other)) or 4 * len(letters & set(other)) >= 3 * len(letters)


def listed(names: Sequence[str], has: str = "It has") -> str:
    """A sentence with these names, behind another one."""
    if not names:
        return f" {has} none."
    shown, more = names[:LISTED], len(names) - LISTED
    last = f"{more} more" if more > 0 else shown[-1]
    return f" {has} {' and '.join(filter(None, (', '.join(shown if more > 0 else shown[:-1]), last)))}."


def below(name: str, inputs: Mapping[str, Any]) -> list[str]:
    """Of these arguments or input fields those that are objects with a field of this name, as they are written."""
    found = [
        f"{key}: {{{name}: …}}"
        for key, each in inputs.items()
        if name in getattr(get_named_type(each.type), "fields", ())
    ]
    return found[:NEARBY]


def _below(name: str, fields: Mapping[str, Any]) -> list[str]:
    """Of these fields those whose objects have a field of this name, as they are written."""
    found = [
        f"{key} {{ {name} }}"
        for key, each in fields.items()
        if name in getattr(get_named_type(each.type), "fields", ())
        and not any(map(is_required_argument, each.args.values()))
    ]
    return found[:NEARBY]


def _on_a_page(name: str, fields: Mapping[str, Any]) -> list[str]:
    """The field of a page's rows, of an edge's row: where they have this name, it was meant for them."""
    return _below(name, {key: fields[key] for key in ("nodes", "node") if key in fields})
