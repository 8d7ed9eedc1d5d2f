"""The root fields that belong to no module: any node, and who is asking."""

from typing import Any

import strawberry

from db import tenants as tables
from execution import argument
from loaders.events import EventById
from loaders.tenants import TenantById, tenants
from resolvers import commands, nodes, viewer
from schema.commands import ERRORS, UserError, changed, mutation, user_errors
from schema.events import Event
from schema.fields import batched, column, computed, currency, node_id, referred
from schema.module import Module
from schema.parties import Party, party
from schema.scalars import CurrencyCode
from schema.shared import Node
from services.kit import keeping
from services.platform import profile


@strawberry.type(description="A company with data of its own. A request sees one tenant: that of its key.")
class Tenant:
    id: strawberry.ID = node_id(tenants)
    name: str = column(tables.Tenant.name, "The name that the deployment knows it by.")
    currency: CurrencyCode = currency(tables.Tenant.currency, "The currency of amounts that are given without one.")
    timezone: str = column(
        tables.Tenant.timezone, "The IANA name, such as Europe/Berlin, for reports; the graph itself uses UTC."
    )
    address: Party | None = party(
        "Its name and address, as they stand on what it sends; null where nobody said so.", "address"
    )


@strawberry.type(description="The caller of the request: its tenant, its principal, its roles and permissions.")
class Viewer:
    tenant: Tenant = batched("The tenant of the request's key.", viewer.tenant)
    principal: str = computed("The name of the key, or the subject of the token.", viewer.name)
    roles: list[str] = computed(
        "The roles of the key or token that this server knows, such as clerk; sorted. What they allow is in permissions.",
        viewer.roles,
    )
    permissions: list[str] = computed(
        "The permissions of the key or token, such as orders:read; sorted.", viewer.permissions
    )


@strawberry.type
class Query:
    node: Node | None = batched(
        "Any object by its id; null where the tenant has none with this id.",
        nodes.node,
        argument("id", strawberry.ID, "An id from the graph, such as ord_0193e0…"),
    )
    nodes: list[Node | None] = batched(
        "Several objects by their ids, in the order of the ids; null for each id that the tenant doesn't have.",
        nodes.nodes,
        argument("ids", list[strawberry.ID], "Up to 100 ids from the graph, of any types."),
        size=lambda args, _rows: min(len(args["ids"]), nodes.MAX_NODES) if isinstance(args.get("ids"), list) else 1,
    )
    viewer: Viewer = batched(
        "The caller of the request: its tenant, its principal, its roles and permissions.", viewer.viewer
    )


@strawberry.type(description="The tenant after it was changed, or the problems.")
class TenantPayload:
    tenant: Tenant | None = referred(changed("The tenant"), TenantById, "tenant_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="A record after it was renamed or archived, or why it wasn't.")
class RecordPayload:
    record: Node | None = batched(
        changed("The record"), commands.record, needs=[f"{prefix}_record_id" for prefix in ("prod", "par", "wh", "loc")]
    )
    user_errors: list[UserError] = user_errors()


def needed(given: Any) -> str | None:
    """What changing the record that an input names needs."""
    kept = keeping.kept_as(given.get("id"))
    return kept and kept.permission


@strawberry.type
class Mutation:
    rename: RecordPayload | None = mutation(
        "Changes the key of a record; the old one goes on finding it. Needs what changing the record needs.",
        keeping.Rename,
        keeping.rename,
        needed,
    )
    archive: RecordPayload | None = mutation(
        "Takes a record out of use, or back into it. Needs what changing the record needs.",
        keeping.Archive,
        keeping.archive,
        needed,
    )
    tenant_update: TenantPayload | None = mutation(
        "Changes what the tenant says of itself.", profile.TenantUpdate, profile.update_tenant, "tenant:write"
    )


MODULE = Module("root", Query, mutation=Mutation, nodes=(EventById,), types=(Event, *ERRORS))
