"""The registry: which modules there are, and the schema that the installed ones make."""

from collections.abc import Iterable
from importlib import import_module
from itertools import chain

from graphql import GraphQLField
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from core.errors import ErpError
from core.modules import MODULES
from execution import ExtensibleSchema
from execution.fields import declared
from loaders.kit.many import Many
from schema.module import Module
from schema.scalars import SCALARS

ALWAYS = ("root", "feed")
"""What belongs to no module."""


class UnknownModule(ErpError):
    code = "CONFIGURATION"


class Graph(ExtensibleSchema):
    """The schema of a set of modules. ``nodes`` maps the prefix of an id to the loader of its row."""

    nodes: dict[str, type]


def installed(names: Iterable[str] = MODULES) -> list[Module]:
    """The modules with these names, lower ones first. Raises ``UnknownModule`` where one is not known
    or misses one that it builds on."""
    wanted = set(names)
    if unknown := sorted(wanted - set(MODULES)):
        raise UnknownModule(f"There is no module {', '.join(unknown)}: there are {', '.join(MODULES)}.")
    modules: list[Module] = [import_module(f"schema.{name}").MODULE for name in MODULES if name in wanted]
    for module in modules:
        if missing := [name for name in module.requires if name not in wanted]:
            raise UnknownModule(f"Module {module.name} needs {', '.join(missing)} as well.")
    return modules


def build(
    names: Iterable[str] = MODULES,
    *,
    breadth_first: bool = True,
) -> Graph:
    """The schema of these modules, for one executor or the other."""
    modules = [import_module(f"schema.{name}").MODULE for name in ALWAYS] + installed(names)
    mutations = tuple(module.mutation for module in modules if module.mutation is not None)
    subscriptions = tuple(module.subscription for module in modules if module.subscription is not None)
    graph = Graph(
        query=merge_types("Query", tuple(module.query for module in modules)),
        mutation=merge_types("Mutation", mutations) if mutations else None,
        subscription=merge_types("Subscription", subscriptions),
        types=[type_ for module in modules for type_ in module.types],
        extend=[added for module in modules for added in module.extends],
        breadth_first=breadth_first,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    graph.nodes = {loader.entity.prefix: loader for module in modules for loader in module.nodes}
    return graph


def relations(graph: Graph) -> set[type[Many]]:
    """The relations to many of which the graph's prices may know how many rows they have as a rule."""
    fields = chain.from_iterable(
        getattr(each, "fields", {}).values() for each in graph.graphql_schema.type_map.values()
    )
    found = {batch.usual for field in fields if isinstance(field, GraphQLField) and (batch := declared(field))}
    many = {each for each in found if isinstance(each, type) and issubclass(each, Many)}
    # One whose rows have their parent in another table (a receipt's moves) has no column to count them by.
    return {each for each in many if each.key in each.entity.model.__table__.columns}
