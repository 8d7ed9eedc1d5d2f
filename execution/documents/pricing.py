"""The price of an operation, before anything of it runs: how many objects it may read.

Every field to an object costs one for each object that it may bring: a page as many as are asked for,
times those of the level above. It is worked out once per document; variables that decide the size of
a page are put in per request.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

MUTATION = 50
"""What a command costs besides what its payload reads."""

UNKNOWN = 100
"""Taken for the size of a list that a variable of another kind decides."""

Price = Callable[[Mapping[str, Any]], int]
Size = int | str


class Pricing:
    """Prices the operations of a document. ``page`` is the size of a page that asks for none, ``most`` the
    largest that there is: a field refuses a larger one, so nobody has to pay for it.
    """

    def __init__(self, schema: GraphQLSchema, page: int, most: int) -> None:
        self.schema = schema
        self.page = page
        self.most = most

    def price(self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Price:
        """A function from the request's variables to the operation's price."""
        root = self.schema.get_root_type(operation.operation)
        defaults = {
            each.variable.name.value: _literal(each.default_value)
            for each in operation.variable_definitions or ()
            if each.default_value is not None
        }
        price = self._selections(operation.selection_set, root, fragments)
        if operation.operation is OperationType.MUTATION:
            fixed = MUTATION * len(operation.selection_set.selections)
            return lambda variables: fixed + self._value(price, {**defaults, **variables})
        if isinstance(price, int):
            return lambda _variables: price
        return lambda variables: self._value(price, {**defaults, **variables})

    def _selections(self, selections: SelectionSetNode | None, parent: Any, fragments: Mapping[str, Any]) -> Any:
        """The price of a selection for one object: a number, or a sum of products in which variables stand."""
        parts = [self._node(node, parent, fragments) for node in (selections.selections if selections else ())]
        if all(isinstance(part, int) for part in parts):
            return sum(parts)
        return ("+", tuple(parts))

    def _node(self, node: Any, parent: Any, fragments: Mapping[str, Any]) -> Any:
        if isinstance(node, InlineFragmentNode):
            on = node.type_condition
            return self._selections(
                node.selection_set, self.schema.get_type(on.name.value) if on else parent, fragments
            )
        if isinstance(node, FragmentSpreadNode):
            fragment = fragments[node.name.value]
            on_type = self.schema.get_type(fragment.type_condition.name.value)
            return self._selections(fragment.selection_set, on_type, fragments)
        return self._field(node, parent, fragments)

    def _field(self, node: FieldNode, parent: Any, fragments: Mapping[str, Any]) -> Any:
        field = (
            parent.fields.get(node.name.value)
            if isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType))
            else None
        )
        if field is None:
            return 0
        below: Any = get_named_type(field.type)
        if is_leaf_type(below):
            return 0
        inside = self._selections(node.selection_set, below, fragments)
        size = self._size(node, field)
        if size is None:
            # The parts of a page, and what they hold, were counted with the field that led to the page.
            return inside if below.name.endswith(PARTS) or parent.name.endswith(PARTS) else _sum(1, inside)
        return _product(size, _sum(1, inside))

    def _size(self, node: FieldNode, field: Any) -> Size | None:
        """How many objects a field brings: a number, the name of a variable, or None for one."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if "ids" in field.args:
            ids = given.get("ids")
            return len(ids.values) if isinstance(ids, ListValueNode) else UNKNOWN
        if not {"first", "last"} <= set(field.args):
            return None
        for name in ("first", "last"):
            value = given.get(name)
            if isinstance(value, VariableNode):
                return value.name.value
            if isinstance(value, IntValueNode):
                return max(0, min(int(value.value[:9]), self.most))
        return self.page

    def _value(self, price: Any, variables: Mapping[str, Any]) -> int:
        if isinstance(price, int):
            return price
        if price[0] == "+":
            return sum(self._value(part, variables) for part in price[1])
        _, size, inside = price
        if isinstance(size, str):
            given = variables.get(size)
            size = self.page if given is None else given if isinstance(given, int) else self.most
            size = max(0, min(size, self.most))
        total: int = size * self._value(inside, variables)
        return total


PARTS = ("Connection", "Edge", "PageInfo", "Money")
"""Types that are parts of what was priced with the field that led to them."""


def _literal(node: Any) -> Any:
    return int(node.value[:9]) if isinstance(node, IntValueNode) else None


def _sum(*parts: Any) -> Any:
    return sum(parts) if all(isinstance(part, int) for part in parts) else ("+", parts)


def _product(size: Size, price: Any) -> Any:
    return size * price if isinstance(size, int) and isinstance(price, int) else ("*", size, price)
