"""Views of a schema: each has a few of every type's fields, all together have them all.

hypothesis-graphql chooses fields by how many selections are possible below them. In a graph where
everything leads everywhere that number is so large that, to keep documents small, it hardly ever goes
down. With a few fields of each type it goes down six levels, and is quicker.
"""

from random import Random

from graphql import (
    FieldDefinitionNode,
    GraphQLSchema,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    build_schema,
    get_named_type,
    is_leaf_type,
    parse,
    print_ast,
    print_schema,
)

Composite = ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode
Shown = dict[str, set[str]]
"""The fields of a view, by type."""


def views(schema: GraphQLSchema, number: int, leaves: int, others: int) -> list[GraphQLSchema]:
    """So many views, with so many leaf fields and other fields of each type; of the root one and twice as many.

    Every field is in one of them, if ``number`` times ``leaves`` (and ``others``) is as many as a type has.
    """
    document = parse(print_schema(schema))
    types = [node for node in document.definitions if isinstance(node, Composite)]
    orders = {node.name.value: _shuffled(node, schema) for node in types}
    counts = dict.fromkeys(orders, (leaves, others)) | {"Query": (1, 2 * others)}
    shown = [
        {
            name: {*_turn(plain, view, counts[name][0]), *_turn(rest, view, counts[name][1])}
            for name, (plain, rest) in orders.items()
        }
        for view in range(number)
    ]
    return [_view(document.definitions, each) for each in shown]


def _shuffled(node: Composite, schema: GraphQLSchema) -> tuple[list[str], list[str]]:
    fields = list(node.fields or ())
    Random(node.name.value).shuffle(fields)
    definitions = schema.type_map[node.name.value].fields  # type: ignore[attr-defined]  # the schema's types are known
    plain = [each.name.value for each in fields if is_leaf_type(get_named_type(definitions[each.name.value].type))]
    return plain, [each.name.value for each in fields if each.name.value not in plain]


def _turn(names: list[str], view: int, count: int) -> list[str]:
    return [names[(view * count + index) % len(names)] for index in range(count)] if names else []


def _view(definitions: object, shown: Shown) -> GraphQLSchema:
    texts = []
    for node in definitions:  # type: ignore[attr-defined]  # the schema's types are known
        if isinstance(node, Composite):
            # What an interface shows, its types show as well.
            names = set().union(shown[node.name.value], *(shown[each.name.value] for each in node.interfaces or ()))
            texts.append(_with_fields(node, [each for each in node.fields or () if each.name.value in names]))
        else:
            texts.append(print_ast(node))
    return build_schema("\n".join(texts), assume_valid=True)


def _with_fields(node: Composite, fields: list[FieldDefinitionNode]) -> str:
    interfaces = " & ".join(each.name.value for each in node.interfaces or ())
    kind = "type" if isinstance(node, ObjectTypeDefinitionNode) else "interface"
    head = f"{kind} {node.name.value}" + (f" implements {interfaces}" if interfaces else "")
    return f"{head} {{ {' '.join(print_ast(each) for each in fields)} }}"
