"""What of a schema is deprecated, and which of it an operation uses: by schema coordinates, such as ``Order.note``,
``Query.orders(search:)``, ``OrderStatus.OLD`` and ``OrderInput.note``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    type_from_ast,
    visit,
)

Uses = Callable[[Mapping[str, Any]], list[str]]
"""From a request's variables to the coordinates of what is deprecated and used, sorted."""


class Deprecations:
    """``reasons``: why, by the coordinate of what is deprecated."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.reasons = {coordinate: reason for coordinate, reason in _all(schema) if reason is not None}

    def uses(self, document: DocumentNode, operation: OperationDefinitionNode) -> Uses:
        """What an operation of a valid document uses; its variables may use more."""
        finder = _Finder(TypeInfo(self.schema))
        for node in _reached(document, operation):
            visit(node, TypeInfoVisitor(finder.info, finder))
        inside = finder.met & self.reasons.keys()
        open_ = self._open(operation)
        if not open_:
            found = sorted(inside)
            return lambda _variables: found
        return lambda variables: sorted(
            inside.union(*(self._given(type_, variables.get(name)) for name, type_ in open_.items()))
        )

    def _open(self, operation: OperationDefinitionNode) -> dict[str, Any]:
        """The variables whose values may use something deprecated, and their types."""
        types = {
            each.variable.name.value: get_named_type(type_from_ast(self.schema, each.type))
            for each in operation.variable_definitions or ()
        }
        return {name: type_ for name, type_ in types.items() if self._is_concerned(type_)}

    def _is_concerned(self, type_: Any) -> bool:
        """Whether values of an input type may use something deprecated, however deep."""
        seen: set[str] = set()
        waiting = [type_]
        while waiting:
            each = waiting.pop()
            if each.name in seen:
                continue
            seen.add(each.name)
            if not self.reasons.keys().isdisjoint(f"{each.name}.{name}" for name in _parts(each)):
                return True
            if isinstance(each, GraphQLInputObjectType):
                waiting += [get_named_type(field.type) for field in each.fields.values()]
        return False

    def _given(self, type_: Any, value: Any) -> set[str]:
        """What the value of a variable uses."""
        found = set()
        waiting = [(type_, value)]
        while waiting:
            kind, each = waiting.pop()
            if isinstance(each, list):
                waiting += [(kind, item) for item in each]
            elif isinstance(kind, GraphQLEnumType):
                found.add(f"{kind.name}.{each}")
            elif isinstance(kind, GraphQLInputObjectType) and isinstance(each, dict):
                known = {name: item for name, item in each.items() if name in kind.fields}
                found.update(f"{kind.name}.{name}" for name in known)
                waiting += [(get_named_type(kind.fields[name].type), item) for name, item in known.items()]
        return found & self.reasons.keys()


class _Finder(Visitor):
    """Collects the coordinates of all that it meets."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.met: set[str] = set()
        self._field = ""

    def enter_field(self, node: Any, *_: object) -> None:
        parent = self.info.get_parent_type()
        if parent is not None:
            self._field = f"{parent.name}.{node.name.value}"
            self.met.add(self._field)

    def enter_argument(self, node: Any, *_: object) -> None:
        # A field's arguments come before what is selected below it.
        directive = self.info.get_directive()
        owner = self._field if directive is None else f"@{directive.name}"
        self.met.add(f"{owner}({node.name.value}:)")

    def enter_object_field(self, node: Any, *_: object) -> None:
        parent: Any = get_named_type(self.info.get_parent_input_type())
        self.met.add(f"{parent.name}.{node.name.value}")

    def enter_enum_value(self, node: Any, *_: object) -> None:
        type_: Any = get_named_type(self.info.get_input_type())
        self.met.add(f"{type_.name}.{node.value}")


def _reached(document: DocumentNode, operation: OperationDefinitionNode) -> Iterable[Node]:
    """An operation, and the fragments that it uses."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    reached: dict[str, Node] = {"": operation}
    waiting: list[Any] = [operation]
    while waiting:
        node = waiting.pop()
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in reached:
                reached[name] = fragments[name]
                waiting.append(fragments[name])
        elif node.selection_set is not None:
            waiting += node.selection_set.selections
    return reached.values()


def _parts(type_: Any) -> Mapping[str, Any]:
    """The values of an enum, the fields of any other type."""
    parts: Mapping[str, Any] = getattr(type_, "values", None) or getattr(type_, "fields", None) or {}
    return parts


def _all(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """All that can be deprecated, and the reason where it is."""
    for type_ in schema.type_map.values():
        for name, part in _parts(type_).items():
            yield f"{type_.name}.{name}", part.deprecation_reason
            if isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType)):
                for argument, given in part.args.items():
                    yield f"{type_.name}.{name}({argument}:)", given.deprecation_reason
    for directive in schema.directives:
        for argument, given in directive.args.items():
            yield f"@{directive.name}({argument}:)", given.deprecation_reason
