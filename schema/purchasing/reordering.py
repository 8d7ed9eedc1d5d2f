"""When products are ordered again, and what is to be ordered now."""

import strawberry

from core.reordering import ReplenishmentProblem
from db import purchasing as tables
from execution import POINT, ByRows, argument, extends, number
from loaders import partners
from loaders import purchasing as loaders
from loaders.catalog import ProductById
from loaders.inventory import LocationById, WarehouseById
from loaders.kit.usual import RowsOf
from loaders.partners import PartnerById
from resolvers import purchasing as resolvers
from schema.catalog import Product
from schema.events import Event, timeline
from schema.fields import batched, column, fact, many, moment, money, node_id, node_type, one, referred
from schema.inputs import enum_type
from schema.inventory import Location, Warehouse
from schema.partners import Partner, PartnerRef
from schema.scalars import Date, DateTime, Decimal
from schema.shared import Connection, Money, Node

EACH_RULE = 17 * POINT
"""For each rule of the tenant balances, drafts and waiting orders are read, whatever comes of it: 63 to 67 us, measured with 848 and
with 2,800 rules of 1,400 products and 120,000 order lines, where an object takes 4 us."""

UNKNOWN_RULES = 1_000
"""So many a tenant is taken to have until somebody has looked."""

enum_type(ReplenishmentProblem)


@node_type(loaders.rules, "When a product is ordered again for a warehouse, and up to how many.")
class ReorderRule(Node):
    id: strawberry.ID = node_id(loaders.rules)
    product: Product = one(tables.ReorderRule.product_id, ProductById, "The product to order.")
    warehouse: Warehouse = one(
        tables.ReorderRule.warehouse_id, WarehouseById, "Where it is needed: one rule for a product and warehouse."
    )
    location: Location = one(tables.ReorderRule.location_id, LocationById, "Where the goods are to come.")
    point: Decimal = column(
        tables.ReorderRule.point, "It is ordered when fewer than this are projected, in the product's unit."
    )
    target: Decimal = column(tables.ReorderRule.target, "It is ordered up to this, in the product's unit.")
    supplier: Partner | None = one(
        tables.ReorderRule.supplier_id,
        PartnerById,
        "The partner to order from; null: the supplier with the smallest priority, then the cheapest.",
    )
    active: bool = column(tables.ReorderRule.active, "Whether it proposes anything.")
    version: int = column(tables.ReorderRule.version, "Rises with every change; for expectedVersion.")
    created_at: DateTime = moment(tables.ReorderRule.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.ReorderRule.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


@extends(Product)
class ProductReordering:
    reorder_rules: Connection[ReorderRule] = many(
        "When it is ordered again: a rule for each warehouse that needs it.", loaders.RulesOfProduct, "id"
    )


@strawberry.type(description="What a rule would have ordered now. Worked out each time, never stored.")
class ReplenishmentProposal:
    rule: ReorderRule = referred("The rule that proposes it.", loaders.ReorderRuleById, "rule_id")
    supplier: Partner | None = referred(
        "The partner to order from; null where nobody is known to deliver it.", PartnerById, "supplier_id"
    )
    available: Decimal = fact(
        "How many can be sold in the warehouse and aren't reserved, in the product's unit.", "available"
    )
    waiting: Decimal = fact(
        "How many orders wait for, in the product's unit. What waits for any warehouse counts for the first one that has a rule"
        " for the product, in the order of their ranks.",
        "waiting",
    )
    incoming: Decimal = fact(
        "How many confirmed purchase orders are to bring to the warehouse, in the product's unit.", "incoming"
    )
    drafted: Decimal = fact("How many drafts of purchase orders have for it, in the product's unit.", "drafted")
    projected: Decimal = fact("available - waiting + incoming + drafted.", "projected")
    quantity: Decimal = fact(
        "How many to order, in unit: up to the target, then up to the supplier's minimum and multiple.", "quantity"
    )
    unit: str = fact("The unit that it is ordered in.", "unit")
    unit_price: Money | None = money(
        tables.ProductSupplier.price,
        tables.ProductSupplier.currency,
        "The supplier's price of one unit, before tax; null where there is none.",
    )
    expected_on: Date | None = fact(
        "The day when it would come, ordered today; null where the supplier's time isn't known.", "expected_on"
    )
    reason: str = fact("Why it is proposed, for people; in English.", "reason")
    problem: ReplenishmentProblem | None = fact(
        "What keeps it from becoming a line of a draft: replenish leaves it out then. Null where nothing does.",
        "problem",
    )


@strawberry.type
class ReorderQuery:
    replenishment_proposals: list[ReplenishmentProposal] = batched(
        "What is to be ordered again now, by sku: what rules find short of their point. Drafts and orders that wait count.",
        resolvers.proposals(
            {
                "id": PartnerById,
                "code": partners.PartnerByCode,
                "externalId": partners.PartnerByExternalId,
                "email": partners.PartnerByEmail,
            }
        ),
        argument("first", int, "How many proposals at most, 0 to 500.", 100),
        argument("warehouse", strawberry.ID | None, "Only for this warehouse: its id (wh_…)."),
        argument("supplier", PartnerRef | None, "Only from this supplier, by one of its keys."),
        permission="purchasing:read",
        size=lambda args, _rows: number(args.get("first"), 100, resolvers.MAX_PROPOSALS),
        besides=ByRows(RowsOf(tables.ReorderRule.__tablename__), EACH_RULE, UNKNOWN_RULES),
    )
