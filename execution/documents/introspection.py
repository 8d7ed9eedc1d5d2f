"""How much introspection brings: the numbers of a schema's types, fields and arguments."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import GraphQLInputObjectType, GraphQLSchema, is_abstract_type
from graphql.type import SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef

META = {"__typename": TypeNameMetaFieldDef, "__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
"""The fields that types have and their definitions don't name."""

LOOKS = frozenset({"__schema", "__type"})
"""Those of them that look at the schema."""


class Introspection(NamedTuple):
    """A schema's sizes: the largest of each list, and for those of all types together how many they have on average."""

    largest: Mapping[tuple[str, str], int]
    average: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, schema: GraphQLSchema) -> "Introspection":
        """The sizes of a schema, counted once."""
        return _counted(schema)

    def size(self, parent: str, name: str, above: str | None) -> int:
        """How many values a field of an introspection type brings; ``above`` is ``types`` for what is asked of all."""
        place = (parent, name)
        return (self.average if above == "types" and place in self.average else self.largest).get(place, 1)


@lru_cache(maxsize=8)
def _counted(schema: GraphQLSchema) -> Introspection:
    types: list[Any] = list(schema.type_map.values())
    outputs = [each for each in types if hasattr(each, "fields") and not isinstance(each, GraphQLInputObjectType)]
    fields = [field for each in outputs for field in each.fields.values()]
    lists = {
        ("__Type", "fields"): [each.fields for each in outputs],
        ("__Type", "inputFields"): [each.fields for each in types if isinstance(each, GraphQLInputObjectType)],
        ("__Type", "interfaces"): [each.interfaces for each in types if hasattr(each, "interfaces")],
        ("__Type", "possibleTypes"): [schema.get_possible_types(each) for each in types if is_abstract_type(each)],
        ("__Type", "enumValues"): [each.values for each in types if hasattr(each, "values")],
        ("__Field", "args"): [each.args for each in fields],
        ("__Directive", "args"): [each.args for each in schema.directives],
        ("__Schema", "types"): [types],
        ("__Schema", "directives"): [schema.directives],
    }
    among = {"__Type": len(types), "__Field": max(1, len(fields))}
    return Introspection(
        {place: max(map(len, found), default=0) for place, found in lists.items()},
        {place: -(-sum(map(len, found)) // among[place[0]]) for place, found in lists.items() if place[0] in among},
    )
