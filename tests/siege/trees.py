"""A document as a tree that can be changed, and its way from and to GraphQL's text.

Arguments are plain JSON; their types decide how they are written. What is long, and what a ``Style`` says, goes out as
variables and fragments.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    parse,
    value_from_ast_untyped,
)
from graphql.type import SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef

from app.settings import Settings

META = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef, "__typename": TypeNameMetaFieldDef}

LIMITS = {name: each.default for name, each in Settings.model_fields.items() if name.startswith("limit_")}
"""What the server's limits are, where nothing else is set."""

MOST: int = LIMITS["limit_fields"]
"""Fields of a tree: as many as an operation may have."""

ROOM: int = LIMITS["limit_variables"] + 40_000
"""Bytes of all arguments of a tree: a little more than a request may have."""


@dataclass(slots=True)
class Node:
    """A field, or with ``on`` an inline fragment on a type."""

    name: str = ""
    alias: str = ""
    on: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    condition: str = ""
    """``skip`` or ``include``, with a variable of its own."""
    children: list["Node"] = field(default_factory=list)

    def copy(self) -> "Node":
        """A tree of its own. Its arguments' values are shared, since nothing changes them in place."""
        children = [each.copy() for each in self.children]
        return Node(self.name, self.alias, self.on, {**self.arguments}, self.condition, children)

    def size(self) -> int:
        return 1 + sum(each.size() for each in self.children)

    def all(self) -> Iterator["Node"]:
        yield self
        for each in self.children:
            yield from each.all()


@dataclass(frozen=True)
class Style:
    """How a tree is written: whether what stands there twice becomes a fragment, from how many characters on an
    argument becomes a variable, and how many operations the document has.
    """

    fragments: bool = False
    variables: int = 120
    operations: int = 1
    comment: int = 0


@dataclass
class Tree:
    """An operation."""

    kind: str
    roots: list[Node]
    style: Style = Style()

    def copy(self) -> "Tree":
        return Tree(self.kind, [each.copy() for each in self.roots], self.style)

    def fits(self) -> bool:
        """Whether it is no larger than a request may be, as far as the tree tells."""
        nodes = [node for root in self.roots for node in root.all()]
        if not nodes or len(nodes) > MOST or sum(bool(node.alias) for node in nodes) > LIMITS["limit_aliases"]:
            return False
        return sum(weight(node.arguments) for node in nodes if node.arguments) <= ROOM


def weight(given: Any) -> int:
    """Bytes of a value, as JSON; past all bounds where it is too deep for that."""
    try:
        return len(orjson.dumps(given))
    except TypeError:
        return ROOM + 1


def definition(parent: Any, name: str) -> Any:
    """A field of a type; None where there is none."""
    return META.get(name) or getattr(parent, "fields", {}).get(name)


def walk(schema: GraphQLSchema, tree: Tree) -> Iterator[tuple[list[Node], Any, int]]:
    """Every list of selections, with the type that it is on and its depth."""
    root = schema.query_type if tree.kind == "query" else schema.mutation_type
    waiting: list[tuple[list[Node], Any, int]] = [(tree.roots, root, 0)]
    while waiting:
        nodes, type_, depth = waiting.pop()
        yield nodes, type_, depth
        for node in nodes:
            if node.children:
                found = definition(type_, node.name)
                below = schema.get_type(node.on) if node.on else found and get_named_type(found.type)
                waiting.append((node.children, below, depth + 1))


class Writer:
    """Writes one tree."""

    def __init__(self, schema: GraphQLSchema, style: Style) -> None:
        self.schema = schema
        self.style = style
        self.variables: dict[str, Any] = {}
        self.declared: list[str] = []
        self.fragments: dict[tuple[str, str], str] = {}

    def document(self, tree: Tree) -> dict[str, Any]:
        """The request's body."""
        root = self.schema.query_type if tree.kind == "query" else self.schema.mutation_type
        selections = self.selections(tree.roots, root)
        head = f"({','.join(self.declared)})" if self.declared else ""
        names = [f"q{index}" for index in range(self.style.operations)]
        text = " ".join(f"{tree.kind} {name}{head}{selections}" for name in names)
        text += "".join(f" fragment {name} on {of}{inner}" for (of, inner), name in self.fragments.items())
        body: dict[str, Any] = {"query": f"{text} #{self.style.comment}"}
        if self.variables:
            body["variables"] = self.variables
        if len(names) > 1:
            body["operationName"] = names[0]
        return body

    def selections(self, nodes: list[Node], parent: Any) -> str:
        text = "{" + " ".join(self.node(node, parent) for node in nodes or [Node("__typename")]) + "}"
        if not self.style.fragments or len(text) < 30 or parent is None or not hasattr(parent, "fields"):
            return text
        name = self.fragments.setdefault((parent.name, text), f"f{len(self.fragments)}")
        return f"{{...{name}}}"

    def node(self, node: Node, parent: Any) -> str:
        condition = ""
        if node.condition:
            condition = f"@{node.condition}(if:${self._variable(node.condition == 'include', 'Boolean!')})"
        if node.on:
            return f"...on {node.on}{condition}{self.selections(node.children, self.schema.get_type(node.on))}"
        found = definition(parent, node.name)
        arguments = ",".join(
            f"{name}:{self._argument(given, found.args[name].type if found and name in found.args else None)}"
            for name, given in node.arguments.items()
        )
        text = (f"{node.alias}:" if node.alias else "") + node.name + (f"({arguments})" if arguments else "")
        below = get_named_type(found.type) if found else None
        leaf = found is not None and not hasattr(below, "fields") and not hasattr(below, "types")
        return text + condition + ("" if leaf else self.selections(node.children, below))

    def _argument(self, given: Any, type_: Any) -> str:
        if type_ is None or weight(given) < self.style.variables:
            return literal(given, type_)
        return "$" + self._variable(given, str(type_))

    def _variable(self, given: Any, type_: str) -> str:
        name = f"v{len(self.variables)}"
        self.variables[name] = given
        self.declared.append(f"${name}:{type_}")
        return name


def literal(given: Any, type_: Any) -> str:
    """A value as it stands in a document."""
    type_ = get_nullable_type(type_) if type_ is not None else None
    if isinstance(given, list):
        item = type_.of_type if is_list_type(type_) else type_
        return "[" + ",".join(literal(each, item) for each in given) + "]"
    if isinstance(given, dict):
        fields: Mapping[str, Any] = type_.fields if is_input_object_type(type_) else {}
        inner = (
            f"{name}:{literal(each, fields[name].type if name in fields else None)}" for name, each in given.items()
        )
        return "{" + ",".join(inner) + "}"
    named = type_ and get_named_type(type_)
    return str(given) if is_enum_type(named) and isinstance(given, str) else json.dumps(given)


def written(schema: GraphQLSchema, tree: Tree) -> dict[str, Any]:
    """The body of a request for the tree."""
    return Writer(schema, tree.style).document(tree)


def read(text: str, variables: Mapping[str, Any] | None = None) -> Tree | None:
    """The tree of a document's first operation; None for one that is too large or refers to itself."""
    document = parse(text)
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    operation = _first(document)
    if operation is None or operation.operation.value == "subscription":
        return None
    reader = _Reader(fragments, dict(variables or {}))
    try:
        return Tree(operation.operation.value, reader.nodes(operation.selection_set))
    except (OverflowError, RecursionError):
        return None


def _first(document: DocumentNode) -> OperationDefinitionNode | None:
    return next((each for each in document.definitions if isinstance(each, OperationDefinitionNode)), None)


class _Reader:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: dict[str, Any]) -> None:
        self.fragments = fragments
        self.variables = variables
        self.count = 0

    def nodes(self, selections: SelectionSetNode | None) -> list[Node]:
        found: list[Node] = []
        for each in selections.selections if selections else ():
            self.count += 1
            if self.count > MOST:
                raise OverflowError
            if isinstance(each, FragmentSpreadNode):
                fragment = self.fragments[each.name.value]
                found.append(Node(on=fragment.type_condition.name.value, children=self.nodes(fragment.selection_set)))
            elif isinstance(each, InlineFragmentNode):
                on = each.type_condition.name.value if each.type_condition else ""
                inner = self.nodes(each.selection_set)
                found += [Node(on=on, children=inner)] if on else inner
            elif isinstance(each, FieldNode):
                found.append(self._field(each))
        return found

    def _field(self, node: FieldNode) -> Node:
        arguments = {
            each.name.value: value_from_ast_untyped(each.value, self.variables) for each in node.arguments or ()
        }
        conditions = [each.name.value for each in node.directives or () if each.name.value in ("skip", "include")]
        return Node(
            node.name.value,
            node.alias.value if node.alias else "",
            arguments={name: given for name, given in arguments.items() if _plain(given)},
            condition=conditions[0] if conditions else "",
            children=self.nodes(node.selection_set),
        )


def _plain(given: Any) -> bool:
    try:
        orjson.dumps(given)
    except TypeError:
        return False
    return True


def is_object(type_: Any) -> bool:
    """Whether selections can be made on it, and it is no interface or union."""
    return isinstance(type_, GraphQLObjectType)
