"""Where in a document an input stands: paths to literals and variables within arguments, and back."""

from collections.abc import Iterator, Sequence
from typing import Any

from graphql import DocumentNode, ListValueNode, ObjectValueNode, VariableNode

Path = tuple[str | int, ...]


def variable_places(document: DocumentNode) -> dict[str, Path]:
    """The path within its argument at which each variable is used first."""
    places: dict[str, Path] = {}
    waiting: list[Any] = list(document.definitions)[::-1]
    while waiting:
        node = waiting.pop()
        for argument in getattr(node, "arguments", None) or ():
            for path, value in _within(argument.value, (argument.name.value,)):
                if isinstance(value, VariableNode):
                    places.setdefault(value.name.value, path)
        waiting += list(getattr(node, "directives", None) or ())[::-1]
        if getattr(node, "selection_set", None):
            waiting += list(node.selection_set.selections)[::-1]
    return places


def node_at(node: Any, path: Sequence[str | int]) -> Any:
    """The literal at a path within the arguments of a field; the nearest one around it where a variable or nothing is
    there; None for an argument that isn't given.
    """
    return _followed(node, path)[0]


def variable_at(node: Any, path: Sequence[str | int]) -> Path | None:
    """The path within the variables to what stands at a path within the arguments of a field; None where that is no
    variable's.
    """
    found, rest = _followed(node, path)
    return (found.name.value, *rest) if isinstance(found, VariableNode) else None


def _followed(node: Any, path: Sequence[str | int]) -> tuple[Any, Sequence[str | int]]:
    """The literal that a path leads to, as far as literals go, and the rest of the path."""
    name, *steps = path
    found = next((each.value for each in node.arguments or () if each.name.value == name), None)
    for index, step in enumerate(steps):
        if isinstance(found, ObjectValueNode):
            below = next((each.value for each in found.fields if each.name.value == step), None)
        elif isinstance(found, ListValueNode) and isinstance(step, int) and step < len(found.values):
            below = found.values[step]
        else:
            # A single value stands for a list of one.
            below = found if step == 0 and not isinstance(found, VariableNode) else None
        if below is None:
            return found, steps[index:]
        found = below
    return found, ()


def path_to(node: Any, wanted: Any) -> Path | None:
    """The path to a node within the arguments of a field."""
    for argument in node.arguments or ():
        for path, value in _within(argument.value, (argument.name.value,)):
            if value is wanted:
                return path
    return None


def _within(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """A literal and all that is in it, with the paths."""
    waiting: list[tuple[Path, Any]] = [(path, value)]
    while waiting:
        at, each = waiting.pop()
        yield at, each
        if isinstance(each, ObjectValueNode):
            waiting += [((*at, field.name.value), field.value) for field in reversed(each.fields)]
        elif isinstance(each, ListValueNode):
            waiting += [((*at, index), item) for index, item in reversed(list(enumerate(each.values)))]
