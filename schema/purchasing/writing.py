"""Suppliers' terms and purchase orders, as they are changed."""

import strawberry

from core.purchasing import OVER_QUANTITY, PurchaseAction, PurchaseStatus
from core.sales import INVALID_TRANSITION
from db import purchasing as tables
from execution import Args, ByRows
from loaders import purchasing as loaders
from loaders.kit.usual import RowsOf
from resolvers import commands
from schema.commands import UserError, changed, error_type, mutation, user_errors
from schema.fields import batched, fact, referred
from schema.purchasing.reading import ProductSupplier, PurchaseOrder
from schema.purchasing.receipts import Receipt
from schema.purchasing.reordering import EACH_RULE, UNKNOWN_RULES, ReorderRule
from schema.scalars import Decimal
from services import purchasing as services
from services.kit.command import MAX_LINES


@error_type("More of a line came, or is to go back, than is left of it.", OVER_QUANTITY)
class OverQuantityError(UserError):
    requested: Decimal = fact("How many the command names of the line in all, in the product's unit.", "requested")
    left: Decimal = fact("How many are left of it for this, tolerance included, in the product's unit.", "left")


@error_type("The purchase order's state doesn't allow the action.", INVALID_TRANSITION, record="purchase_order")
class PurchaseTransitionError(UserError):
    status: PurchaseStatus = fact("The purchase order's current state.", "status")
    available_actions: list[PurchaseAction] = fact("The actions that its state allows now.", "available_actions")


@strawberry.type(description="The created or changed purchase order, or the problems.")
class PurchaseOrderPayload:
    purchase_order: PurchaseOrder | None = referred(
        changed("The purchase order as it is now"), loaders.PurchaseOrderById, "purchase_order_id"
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="How a supplier delivers a product from now on, or the problems.")
class ProductSupplierPayload:
    product_supplier: ProductSupplier | None = referred(
        changed("The terms as they are now, null too where they were taken away"),
        loaders.ProductSupplierById,
        "product_supplier_id",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="The receipt of what came, and the purchase order after it, or the problems.")
class ReceiptPayload:
    receipt: Receipt | None = referred(changed("What came"), loaders.ReceiptById, "receipt_id")
    purchase_order: PurchaseOrder | None = referred(
        changed("The purchase order as it is now"), loaders.PurchaseOrderById, "purchase_order_id"
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="The reorder rule as it is from now on, or the problems.")
class ReorderRulePayload:
    reorder_rule: ReorderRule | None = referred(
        changed("The rule as it is now"), loaders.ReorderRuleById, "reorder_rule_id"
    )
    user_errors: list[UserError] = user_errors()


TWICE = 2 * EACH_RULE
"""Proposals are worked out, and again once nobody can change what they follow from."""


def _named(args: Args) -> int | None:
    """How many rules a run names, and reads alone; None where it reads all."""
    given = args.get("input")
    rules = given.get("rules") if isinstance(given, dict) else None
    return len(rules) if isinstance(rules, list) else None


def _drafts(_args: Args, rows: int) -> int:
    """How many drafts a run may make: one for each rule that it names, else one for each proposal that it takes."""
    return rows or MAX_LINES


@strawberry.type(
    description="Drafts of purchase orders: one for each supplier and location, and currency of prices; or the problems."
)
class ReplenishPayload:
    purchase_orders: list[PurchaseOrder] | None = batched(
        "The drafts, none where nothing is needed; null where the command was rejected, or with the error DONE_NOT_READ where it"
        " was carried out.",
        commands.listed(loaders.PurchaseOrderById, "purchase_order_ids"),
        needs=["purchase_order_ids"],
        permission="purchasing:read",
        size=_drafts,
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    product_supplier_upsert: ProductSupplierPayload | None = mutation(
        "Sets how a supplier delivers a product, and at what price. Does nothing where it already is so.",
        services.ProductSupplierUpsert,
        services.upsert_supplier,
        "purchasing:write",
    )
    purchase_order_create: PurchaseOrderPayload | None = mutation(
        "Creates a purchase order, as a draft or confirmed at once. Lines without a price get the supplier's.",
        services.PurchaseOrderCreate,
        services.create,
        "purchasing:write",
    )
    purchase_order_update: PurchaseOrderPayload | None = mutation(
        "Changes a purchase order's note and expected day, and the lines of a draft.",
        services.PurchaseOrderUpdate,
        services.update,
        "purchasing:write",
    )
    purchase_order_confirm: PurchaseOrderPayload | None = mutation(
        "Orders it: its goods are incoming from now on.",
        services.PurchaseOrderConfirm,
        services.confirm,
        "purchasing:write",
    )
    purchase_order_cancel: PurchaseOrderPayload | None = mutation(
        "Cancels what hasn't come: it isn't incoming any more.",
        services.PurchaseOrderCancel,
        services.cancel,
        "purchasing:write",
    )
    purchase_order_receive: ReceiptPayload | None = mutation(
        "Takes in what came: it is in stock, and orders that wait for it get it. A purchase order with nothing left to come"
        " becomes CLOSED.",
        services.PurchaseOrderReceive,
        services.receive,
        "purchasing:receive",
    )
    purchase_order_return: PurchaseOrderPayload | None = mutation(
        "Sends received goods back to the supplier: they leave stock. The purchase order isn't opened again.",
        services.PurchaseOrderReturn,
        services.send_back,
        "purchasing:receive",
    )
    reorder_rule_upsert: ReorderRulePayload | None = mutation(
        "Sets when a product is ordered again for a warehouse. Does nothing where it already is so.",
        services.ReorderRuleUpsert,
        services.upsert_rule,
        "purchasing:write",
    )
    replenish: ReplenishPayload | None = mutation(
        "Creates drafts of what is proposed now. Once more, it creates none, because drafts count.",
        services.Replenish,
        services.replenish,
        "purchasing:write",
        besides=ByRows(RowsOf(tables.ReorderRule.__tablename__), TWICE, UNKNOWN_RULES, _named),
    )
