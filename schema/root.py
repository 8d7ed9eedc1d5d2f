"""The root fields that belong to no module: any node, and who is asking."""

import strawberry

from db import tenants as tables
from execution import argument
from loaders.events import EventById
from loaders.tenants import tenants
from resolvers import nodes, viewer
from schema.events import Event
from schema.fields import batched, column, computed, currency, node_id
from schema.module import Module
from schema.scalars import CurrencyCode
from schema.shared import Node


@strawberry.type(description="A company whose data this is. Requests see one tenant: that of their key.")
class Tenant:
    id: strawberry.ID = node_id(tenants)
    name: str = column(tables.Tenant.name, "The name that the deployment knows it by.")
    currency: CurrencyCode = currency(tables.Tenant.currency, "The currency of amounts where none is given.")
    timezone: str = column(
        tables.Tenant.timezone, "IANA name, such as Europe/Berlin: for reports; the graph itself speaks UTC."
    )


@strawberry.type(description="Who is asking: the tenant, the principal and what it may do.")
class Viewer:
    tenant: Tenant = batched("The tenant of the request's key.", viewer.tenant)
    principal: str = computed("The name of the key, or the subject of the token.", viewer.name)
    permissions: list[str] = computed("What the key or token may do, such as orders:read; sorted.", viewer.permissions)


@strawberry.type
class Query:
    node: Node | None = batched(
        "Anything by its id. Null where there is nothing with this id for this tenant.",
        nodes.node,
        argument("id", strawberry.ID, "Any id that the graph gave, such as ord_0193e0…"),
    )
    nodes: list[Node | None] = batched(
        "Several things by their ids, in the order of the ids; null for each that isn't there.",
        nodes.nodes,
        argument("ids", list[strawberry.ID], "Up to 100 of the ids that the graph gives, of any types."),
        size=lambda args, _rows: min(len(args["ids"]), nodes.MAX_NODES) if isinstance(args.get("ids"), list) else 1,
    )
    viewer: Viewer = batched("Who is asking: the tenant, the principal and what it may do.", viewer.viewer)


MODULE = Module("root", Query, nodes=(EventById,), types=(Event,))
