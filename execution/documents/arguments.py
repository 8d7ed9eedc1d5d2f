"""A field's arguments as they were given, by the variables: not coerced."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import FieldNode, IntValueNode, ListValueNode, NullValueNode, ObjectValueNode, VariableNode

from execution.fields import Args

Variables = Mapping[str, Any]


def arguments(node: FieldNode) -> Callable[[Variables], Args] | Args:
    """Values, or a function from the variables to them."""
    readers = {each.name.value: (plain(each.value), _has_variable(each.value)) for each in node.arguments or ()}
    if not any(varies for _, varies in readers.values()):
        return {name: reader({}) for name, (reader, _) in readers.items()}
    return lambda variables: {name: reader(variables) for name, (reader, _) in readers.items()}


def plain(node: Any) -> Callable[[Variables], Any]:
    """A function from the variables to a literal's value. Texts and other leaves are None: no price is made of them."""
    if isinstance(node, VariableNode):
        return lambda variables: variables.get(node.name.value)
    if isinstance(node, ListValueNode):
        items = [plain(each) for each in node.values]
        return lambda variables: [item(variables) for item in items]
    if isinstance(node, ObjectValueNode):
        fields = {each.name.value: plain(each.value) for each in node.fields}
        return lambda variables: {name: each(variables) for name, each in fields.items()}
    if isinstance(node, NullValueNode):
        return lambda _variables: None
    value: Any = int(node.value[:10]) if isinstance(node, IntValueNode) else getattr(node, "value", None)
    return lambda _variables: value


def _has_variable(node: Any) -> bool:
    if isinstance(node, VariableNode):
        return True
    inner = [each.value for each in getattr(node, "fields", ())] + list(getattr(node, "values", ()))
    return any(map(_has_variable, inner))
