"""What a literal names."""

from collections.abc import Iterator
from typing import Any

from graphql import EnumValueNode, VariableNode


def named(node: Any) -> Iterator[str]:
    """The names that a literal has in it: of enums and of objects' fields; and ``$`` for a variable."""
    if isinstance(node, VariableNode):
        yield "$"
    elif isinstance(node, EnumValueNode):
        yield node.value
    for each in getattr(node, "fields", ()):
        yield each.name.value
        yield from named(each.value)
    for each in getattr(node, "values", ()):
        yield from named(each)
