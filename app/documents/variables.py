"""How much variables may be, found before graphql-core coerces them: it looks at each value, and in each object at all
the fields that its type has, 0.5 µs each.
"""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLSchema, OperationDefinitionNode, get_named_type, type_from_ast

from app.settings import Settings
from execution import DocumentLimitExceeded


def widest(schema: GraphQLSchema) -> int:
    """How many fields an input has at the most."""
    inputs = (each for each in schema.type_map.values() if isinstance(each, GraphQLInputObjectType))
    return max((len(each.fields) for each in inputs), default=0)


def check_size(variables: Mapping[str, Any] | None, settings: Settings) -> int:
    """How many values there are in variables, each of which may be an empty input. Raises ``DocumentLimitExceeded`` for too many
    values or levels, or too long a list, of whatever types they are. The walk ends where they are over a limit: a list's length
    counts before what is in it.
    """
    nodes, depth, level = 0, 0, [variables] if variables else []
    while level:
        depth += 1
        if depth > settings.limit_nesting + 1:
            raise DocumentLimitExceeded("levels in its variables", settings.limit_nesting, None)
        below: list[Any] = []
        for each in level:
            nodes += len(each)
            if nodes > settings.limit_nodes:
                raise DocumentLimitExceeded("values in its variables", settings.limit_nodes, None)
            if isinstance(each, list) and len(each) > settings.limit_list:
                path = _path_to(each, variables)
                raise DocumentLimitExceeded("entries in a list", settings.limit_list, len(each), path)
            items = each.values() if isinstance(each, dict) else each
            below += [item for item in items if isinstance(item, (dict, list)) and item]
        level = below
    return nodes


def _path_to(found: list[Any], given: Any) -> list[str | int] | None:
    """Where a list is; so many values have been looked at before as are walked through here."""
    waiting: list[tuple[list[str | int], Any]] = [([], given)]
    for path, each in waiting:
        if each is found:
            return path
        entries = each.items() if isinstance(each, dict) else enumerate(each)
        waiting += [([*path, key], item) for key, item in entries if isinstance(item, (dict, list)) and item]
    return None


def check_weight(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any], settings: Settings
) -> None:
    """Raises ``DocumentLimitExceeded`` for variables that are much work to coerce. What is no variable of the operation isn't
    coerced, and ``check_size`` has bounded the rest.
    """
    weight = 0
    for definition in operation.variable_definitions or ():
        given = variables.get(definition.variable.name.value)
        if isinstance(given, (dict, list)):
            waiting = [(get_named_type(type_from_ast(schema, definition.type)), given)]
            while waiting:
                type_, each = waiting.pop()
                weight += len(each)
                if isinstance(each, list):
                    waiting += [(type_, item) for item in each if isinstance(item, (dict, list))]
                elif isinstance(type_, GraphQLInputObjectType):
                    weight += len(type_.fields)
                    waiting += [
                        (get_named_type(type_.fields[name].type), item)
                        for name, item in each.items()
                        if isinstance(item, (dict, list)) and name in type_.fields
                    ]
                if weight > settings.limit_nodes:
                    raise DocumentLimitExceeded(
                        "values in its variables, or fields that these may have", settings.limit_nodes, None
                    )
