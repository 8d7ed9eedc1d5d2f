"""How a tenant's stock is chosen for orders."""

import strawberry

from core.inventory import AllocationRule
from db import inventory as tables
from loaders import inventory as loaders
from resolvers import inventory as resolvers
from schema.commands import UserError, changed, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import batched, choice, column, moment, node_id, node_type, referred
from schema.inputs import enum_type
from schema.scalars import DateTime
from schema.shared import Connection, Node
from services import inventory as services

enum_type(AllocationRule)


@node_type(loaders.policies, "How a tenant's stock is chosen for orders that don't say it themselves.")
class AllocationPolicy(Node):
    id: strawberry.ID = node_id(loaders.policies)
    rule: AllocationRule = choice(
        tables.AllocationPolicy.rule, AllocationRule, "The rule. Which warehouses come first, Warehouse.rank says."
    )
    version: int = column(tables.AllocationPolicy.version, "Rises with every change; for expectedVersion.")
    updated_at: DateTime = moment(tables.AllocationPolicy.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


@strawberry.type(description="How stock is chosen from now on, or the problems.")
class AllocationPolicyPayload:
    allocation_policy: AllocationPolicy | None = referred(
        changed("The policy as it is now"), loaders.PolicyById, "allocation_policy_id"
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class AllocationQuery:
    allocation_policy: AllocationPolicy | None = batched(
        "How the stock of orders is chosen that don't say it themselves; null: by WHOLE_FIRST, and no warehouse is preferred.",
        resolvers.allocation_policy,
        permission="stock:read",
    )


@strawberry.type
class AllocationMutation:
    allocation_update: AllocationPolicyPayload | None = mutation(
        "Sets how the stock of orders is chosen, and which warehouses come first. What is reserved stays so.",
        services.AllocationUpdate,
        services.set_allocation,
        "warehouses:write",
    )
