"""Makes of a plain generated document one that uses all of the language.

hypothesis-graphql selects fields and gives them literal arguments. Here literals move into
variables, parts of selections into inline and named fragments, fields get aliases, are repeated
and merged, and are skipped and included by variables.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInputType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    NameNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    print_ast,
    value_from_ast_untyped,
)

from tests.execution.fuzz.compare import Case

Arguments = dict[str, ValueNode]
Tame = Callable[[str, str, Arguments, Random], Arguments]
"""Chooses among the arguments generated for a field: ``tame(type, field, arguments, random)``."""

SWITCHES = ("on", "off", "maybe")
"""Names of the variables that skip and include."""


@dataclass
class Reshaper:
    """Reshapes one document. All chance comes from ``random``.

    Selections of an object type, wherever in the document, are set in again elsewhere (``grafts``),
    so that documents get deeper than they were generated. ``room`` is how many fields that may bring.
    """

    schema: GraphQLSchema
    random: Random
    tame: Tame
    room: int = 25
    grafts: dict[str, list[list[FieldNode]]] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def case(self, document: DocumentNode) -> Case:
        """The document anew; with two sets of variables, sometimes: the switches one way and the other."""
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        self._gather(operation.selection_set, self.schema.query_type)
        body = self._selections(operation.selection_set.selections, self.schema.query_type)
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self.definitions.items())
        text = f"query Asked{f'({declared})' if declared else ''} {body}"
        others = ["query Other { __typename }"] if self._chance(0.1) else []
        text = "\n".join(self.random.sample([text, *self.fragments, *others], 1 + len(self.fragments) + len(others)))
        variables = [self.values]
        if any(name in self.values for name in SWITCHES) and self._chance(0.4):
            flipped = {name: not self.values[name] for name in SWITCHES if name in self.values}
            variables.append(self.values | flipped)
        return Case(text, variables, "Asked" if others else None)

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    # ---------------------------------------------------------------- selections

    def _selections(self, nodes: Sequence[Any], parent: Any, *, grafted: bool = False) -> str:
        parts: list[str] = []
        late: list[str] = []
        for node in nodes:
            if isinstance(node, InlineFragmentNode):
                condition: Any = self.schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                inner = self._selections(node.selection_set.selections, condition)
                parts.append(self._fragment(condition, inner))
            else:
                first, *rest = self._field(node, parent)
                parts.append(first)
                late += rest
        parts += late if grafted else [*late, *self._graft(parent)]
        if self._chance(0.15):
            parts.insert(self.random.randint(0, len(parts)), self.random.choice(["__typename", "called: __typename"]))
        if self._chance(0.15):
            parts.append(self._other_type(parent))
        if self._chance(0.2):
            start = self.random.randrange(len(parts))
            end = self.random.randint(start + 1, len(parts))
            parts[start:end] = [self._fragment(parent, f"{{ {' '.join(parts[start:end])} }}")]
        return f"{{ {' '.join(parts)} }}"

    def _gather(self, selection_set: SelectionSetNode, parent: Any) -> None:
        fields = [
            node for node in selection_set.selections if isinstance(node, FieldNode) and node.name.value != "__typename"
        ]
        if fields and is_object_type(parent):
            self.grafts.setdefault(parent.name, []).append(fields)
        for node in selection_set.selections:
            if isinstance(node, InlineFragmentNode) and node.type_condition:
                self._gather(node.selection_set, self.schema.get_type(node.type_condition.name.value))
            elif isinstance(node, FieldNode) and node.selection_set:
                self._gather(node.selection_set, get_named_type(parent.fields[node.name.value].type))

    def _graft(self, parent: Any) -> list[str]:
        possible = self.schema.get_possible_types(parent) if is_abstract_type(parent) else [parent]
        types = [each for each in possible if each.name in self.grafts and each is not self.schema.query_type]
        if not types or self.room <= 0 or self._chance(0.4):
            return []
        chosen = self.random.choice(types)
        nodes = max(self.random.choices(self.grafts[chosen.name], k=2), key=lambda fields: sum(map(size, fields)))
        self.room -= sum(map(size, nodes))
        if self.room < 0:
            return []
        # Under aliases of their own: the same field may be here already, with other arguments.
        named = [
            FieldNode(
                name=node.name,
                alias=NameNode(value=f"a{next(self.numbers)}"),
                arguments=node.arguments,
                selection_set=node.selection_set,
            )
            for node in nodes
        ]
        return [self._fragment(chosen, self._selections(named, chosen, grafted=True))]

    def _field(self, node: FieldNode, parent: Any) -> list[str]:
        """The field; and what is to stand further down, where it is repeated."""
        name = node.name.value
        if name == "__typename":
            return [name]
        alias = f"{node.alias.value}: " if node.alias else self._alias() if self._chance(0.15) else ""
        head = f"{alias}{self._called(node, parent)}"
        if node.selection_set is None:
            again = [f"{self._alias()}{self._called(node, parent)}"] if self._chance(0.05) else []
            return [f"{head}{self._switch()}", *(again or ([head] if self._chance(0.05) else []))]
        below: Any = get_named_type(parent.fields[name].type)
        nodes = list(node.selection_set.selections)
        if len(nodes) > 1 and self._chance(0.15):
            cut = self.random.randrange(1, len(nodes))
            halves = (nodes[:cut], nodes[cut:])
            return [f"{head}{self._switch()} {self._selections(half, below)}" for half in halves]
        fields = [f"{head}{self._switch()} {self._selections(nodes, below)}"]
        if self._chance(0.05):
            fields.append(f"{self._alias()}{self._called(node, parent)} {self._selections(nodes[:2], below)}")
        return fields

    def _alias(self) -> str:
        return f"a{next(self.numbers)}: "

    def _switch(self, probability: float = 0.08) -> str:
        """A directive, mostly none."""
        if not self._chance(probability):
            return ""
        condition = self.random.choice(["true", "false", *SWITCHES, *SWITCHES])
        if condition in SWITCHES:
            self.definitions[condition] = "Boolean!"
            self.values.setdefault(condition, self._chance(0.5))
            condition = f"${condition}"
        return f" @{self.random.choice(['skip', 'include'])}(if: {condition})"

    def _fragment(self, condition: Any, body: str) -> str:
        """A selection as an inline or a named fragment, sometimes spread twice."""
        switch = self._switch(0.2)
        if self._chance(0.5):
            return f"... on {condition}{switch} {body}"
        name = f"F{next(self.numbers)}"
        self.fragments.append(f"fragment {name} on {condition} {body}")
        return f"...{name}{switch}" + (f" ...{name}{self._switch(0.2)}" if self._chance(0.2) else "")

    def _other_type(self, parent: Any) -> str:
        """A fragment about another type that an object here may be of: an interface, or one that has it."""
        if is_abstract_type(parent):
            others = list(self.schema.get_possible_types(parent))
        else:
            others = [*getattr(parent, "interfaces", ()), parent]
        other: Any = self.random.choice(others)
        simple = [
            name for name, each in other.fields.items() if is_leaf_type(get_nullable_type(each.type)) and not each.args
        ]
        leaf = f" {self._alias()}{self.random.choice(simple)}" if simple else ""
        return f"... on {other}{self._switch(0.1)} {{ {self._alias()}__typename{leaf} }}"

    # ---------------------------------------------------------------- arguments

    def _called(self, node: FieldNode, parent: Any) -> str:
        """The field's name with its arguments."""
        name = node.name.value
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        given = self.tame(parent.name, name, given, self.random)
        definition = parent.fields[name]
        texts = [f"{key}: {self._value(definition.args[key].type, value)}" for key, value in given.items()]
        return f"{name}({', '.join(texts)})" if texts else name

    def _value(self, type_: GraphQLInputType, value: ValueNode, *, one_of: bool = False, top: bool = True) -> str:
        if self._chance(0.25 if top else 0.08) and not (one_of and isinstance(value, NullValueNode)):
            return self._variable(type_, value, one_of=one_of)
        bare: Any = get_nullable_type(type_)
        if isinstance(value, ListValueNode) and is_list_type(bare):
            return f"[{', '.join(self._value(bare.of_type, item, top=False) for item in value.values)}]"
        if isinstance(value, ObjectValueNode) and is_input_object_type(bare):
            fields = {each.name.value: each.value for each in value.fields}
            if bare.is_one_of and self._chance(0.95):
                # hypothesis-graphql knows nothing of @oneOf.
                fields = dict(self._one(fields))
            texts = [
                f"{name}: {self._value(bare.fields[name].type, each, one_of=bare.is_one_of, top=False)}"
                for name, each in fields.items()
            ]
            return f"{{{', '.join(texts)}}}"
        return print_ast(value)

    def _one(self, fields: Arguments) -> list[tuple[str, ValueNode]]:
        given = [(name, value) for name, value in fields.items() if not isinstance(value, NullValueNode)]
        return [self.random.choice(given or list(fields.items()))]

    def _variable(self, type_: GraphQLInputType, value: ValueNode, *, one_of: bool) -> str:
        """The value in a variable; where it may, by the variable's default, or left out."""
        name = f"v{next(self.numbers)}"
        strict = is_non_null_type(type_) or one_of
        declared = str(get_nullable_type(type_))
        lot = self.random.random()
        if lot < 0.15 and not isinstance(value, NullValueNode):
            self.definitions[name] = f"{declared}{'!' if strict else ''} = {print_ast(value)}"
            return f"${name}"
        self.definitions[name] = declared + ("!" if strict else "")
        if lot < 0.9 or strict:
            self.values[name] = value_from_ast_untyped(value)
        return f"${name}"


def size(node: Any) -> int:
    """How many fields a selection has, those below it too."""
    below = node.selection_set.selections if node.selection_set else ()
    return isinstance(node, FieldNode) + sum(map(size, below))
