"""Who delivers what, and purchase orders, as they are read."""

import strawberry

from core.progress import Progress
from core.purchasing import PurchaseAction, PurchaseStatus
from db import purchasing as tables
from execution import extends
from loaders import purchasing as loaders
from loaders.catalog import ProductById
from loaders.inventory import LocationById
from loaders.partners import PartnerById
from loaders.taxes import TaxById
from resolvers import purchasing as resolvers
from resolvers.relations import through
from resolvers.taxes import of_documents
from schema.catalog import Product
from schema.events import Event, timeline
from schema.fields import (
    batched,
    choice,
    column,
    computed,
    currency,
    fact,
    lookup,
    many,
    moment,
    money,
    node_id,
    node_type,
    one,
)
from schema.inputs import enum_type, input_type, order_input, where_input
from schema.inventory import Location
from schema.partners import Partner
from schema.scalars import CurrencyCode, Date, DateTime, Decimal
from schema.shared import Connection, Money, Node
from schema.taxes import Tax, TaxTotal
from services import purchasing as services
from services.taxes.taxing import MAX_KINDS

enum_type(PurchaseStatus)
enum_type(PurchaseAction)
PurchaseLineWhere = where_input(loaders.lines, "lines of purchase orders")
PurchaseLineOrderBy = order_input(loaders.lines, "lines of purchase orders")
PurchaseOrderWhere = where_input(loaders.orders, "purchase orders")
PurchaseOrderOrderBy = order_input(loaders.orders, "purchase orders")
PurchaseOrderRef = input_type(services.PurchaseOrderRef)


@node_type(loaders.suppliers, "A partner that delivers a product, and on what terms.")
class ProductSupplier(Node):
    id: strawberry.ID = node_id(loaders.suppliers)
    product: Product = one(tables.ProductSupplier.product_id, ProductById, "The product that is delivered.")
    supplier: Partner = one(tables.ProductSupplier.supplier_id, PartnerById, "The partner that delivers it.")
    supplier_sku: str | None = column(
        tables.ProductSupplier.supplier_sku, "The supplier's key of the product; null where unknown."
    )
    unit: str = column(tables.ProductSupplier.unit, "The unit that it is ordered in: one of the product's.")
    minimum: Decimal = column(tables.ProductSupplier.minimum, "The smallest quantity that is ordered, in unit.")
    multiple: Decimal = column(tables.ProductSupplier.multiple, "It is ordered in multiples of this, in unit.")
    lead_days: int = column(tables.ProductSupplier.lead_days, "Days from order to receipt.")
    priority: int = column(
        tables.ProductSupplier.priority, "Which supplier comes first: the smallest, then the cheapest."
    )
    price: Money | None = money(
        tables.ProductSupplier.price,
        tables.ProductSupplier.currency,
        "The price that the supplier asks for one unit, before tax; null where unknown.",
    )
    version: int = column(tables.ProductSupplier.version, "Rises with every change; for expectedVersion.")
    created_at: DateTime = moment(tables.ProductSupplier.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.ProductSupplier.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


@node_type(loaders.orders, "What the tenant orders from a supplier.")
class PurchaseOrder(Node):
    id: strawberry.ID = node_id(loaders.orders)
    number: str = column(tables.PurchaseOrder.number, "The number that people use; unique in the tenant.")
    status: PurchaseStatus = choice(
        tables.PurchaseOrder.status,
        PurchaseStatus,
        "From DRAFT over CONFIRMED to CLOSED or CANCELLED; only the mutations change it.",
    )
    supplier: Partner = one(tables.PurchaseOrder.supplier_id, PartnerById, "The partner that delivers.")
    currency: CurrencyCode = currency(tables.PurchaseOrder.currency, "The currency of all its amounts.")
    subtotal: Money = money(
        tables.PurchaseOrder.subtotal,
        tables.PurchaseOrder.currency,
        "The sum of the lines' totals, before tax.",
        total=True,
    )
    tax_total: Money = money(
        tables.PurchaseOrder.tax_total,
        tables.PurchaseOrder.currency,
        "The sum of its taxes; 0 where its lines bear none.",
        total=True,
    )
    taxes: list[TaxTotal] = batched(
        "Its taxes by category and rate, each rounded once. Lines without a tax are in none of them.",
        of_documents(loaders.TaxesOfPurchase),
        needs=("id", "currency"),
        size=MAX_KINDS,
    )
    total: Money = money(
        tables.PurchaseOrder.total,
        tables.PurchaseOrder.currency,
        "subtotal + taxTotal: what the supplier asks.",
        total=True,
    )
    location: Location = one(tables.PurchaseOrder.location_id, LocationById, "Where its goods are to come.")
    ordered_at: DateTime = moment(tables.PurchaseOrder.ordered_at, "When it was ordered.")
    expected_on: Date | None = fact("The day when its goods are expected; null where nobody knows.", "expected_on")
    external_id: str | None = column(tables.PurchaseOrder.external_id, "Its key in another system; unique where given.")
    note: str | None = column(
        tables.PurchaseOrder.note, "A free text about the order, covered by search; null where there is none."
    )
    receipt_status: Progress = computed(
        "How much of what is wanted has come. Derived from the lines.",
        through(loaders.ProgressOfPurchase, "id", "receipt", missing="NONE"),
        ["id"],
    )
    available_actions: list[PurchaseAction] = computed(
        "What its state allows now, by the same rules that the mutations use.", resolvers.actions, ["id", "status"]
    )
    version: int = column(
        tables.PurchaseOrder.version, "Rises with every change of the order or any part of it; for expectedVersion."
    )
    created_at: DateTime = moment(tables.PurchaseOrder.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.PurchaseOrder.updated_at, "When it was last changed.")
    lines: Connection["PurchaseLine"] = many(
        "Its lines, by position where no order is given.",
        loaders.LinesOfPurchaseOrder,
        "id",
        where=PurchaseLineWhere,
        order=PurchaseLineOrderBy,
    )
    events: Connection[Event] = timeline()


@node_type(loaders.lines, "One line of a purchase order: a product and its quantity.")
class PurchaseLine(Node):
    id: strawberry.ID = node_id(loaders.lines)
    position: int = column(tables.PurchaseLine.position, "Its place in the order, from 1.")
    purchase_order: PurchaseOrder = one(
        tables.PurchaseLine.purchase_order_id, loaders.PurchaseOrderById, "The purchase order that it belongs to."
    )
    product: Product = one(tables.PurchaseLine.product_id, ProductById, "The product that was ordered.")
    description: str = column(
        tables.PurchaseLine.description, "The text for the supplier; the product's name where none was given."
    )
    quantity: Decimal = column(tables.PurchaseLine.quantity, "How many were ordered, in unit.")
    unit: str = column(tables.PurchaseLine.unit, "The unit that they are ordered in: one of the product's.")
    base_quantity: Decimal = column(
        tables.PurchaseLine.base_quantity, "How many were ordered, in the product's own unit."
    )
    unit_price: Money = money(
        tables.PurchaseLine.unit_price, tables.PurchaseLine.currency, "The price of one unit, before tax."
    )
    total: Money = money(
        tables.PurchaseLine.total,
        tables.PurchaseLine.currency,
        "quantity x unitPrice, rounded half up to the currency's minor digits.",
        total=True,
    )
    tax: Tax | None = one(tables.PurchaseLine.tax_id, TaxById, "The tax that it bears; null for none.")
    expected_on: Date | None = fact(
        "The day when it is expected: the order's where it has none of its own; null where nobody knows.", "expected_on"
    )
    over_receipt: Decimal = column(
        tables.PurchaseLine.over_receipt,
        "How many more than ordered may come, in the product's unit. By the tenant's percentage it is worked out again when the"
        " order is confirmed.",
    )
    received_quantity: Decimal = column(tables.PurchaseLine.received, "How many have come, in the product's unit.")
    returned_quantity: Decimal = column(
        tables.PurchaseLine.returned, "How many of those went back, in the product's unit."
    )
    cancelled_quantity: Decimal = column(
        tables.PurchaseLine.cancelled, "How many were cancelled before they came, in the product's unit."
    )


@extends(Product)
class ProductPurchasing:
    suppliers: Connection[ProductSupplier] = many(
        "The partners that deliver it: the smallest priority first, then the cheapest.",
        loaders.SuppliersOfProduct,
        "id",
    )
    purchase_lines: Connection[PurchaseLine] = many(
        "The lines that it was ordered with from suppliers; oldest first where no order is given.",
        loaders.PurchaseLinesOfProduct,
        "id",
        where=PurchaseLineWhere,
        order=PurchaseLineOrderBy,
    )


@extends(Partner)
class PartnerPurchasing:
    supplies: Connection[ProductSupplier] = many(
        "The products that it delivers, and on what terms.", loaders.SuppliesOfPartner, "id"
    )
    purchase_orders: Connection[PurchaseOrder] = many(
        "What was ordered from it, newest first where no order is given.",
        loaders.PurchaseOrdersOfPartner,
        "id",
        where=PurchaseOrderWhere,
        order=PurchaseOrderOrderBy,
    )


@strawberry.type
class PurchaseQuery:
    purchase_order: PurchaseOrder | None = lookup(
        "A purchase order by one of its keys; null where there is none.",
        PurchaseOrderRef,
        {
            "id": loaders.PurchaseOrderById,
            "number": loaders.PurchaseOrderByNumber,
            "externalId": loaders.PurchaseOrderByExternalId,
        },
    )
    purchase_orders: Connection[PurchaseOrder] = many(
        "The tenant's purchase orders, newest first where no order is given.",
        loaders.PurchaseOrders,
        where=PurchaseOrderWhere,
        order=PurchaseOrderOrderBy,
        search="number, externalId or note",
    )
    purchase_lines: Connection[PurchaseLine] = many(
        "The lines of all purchase orders, the earliest expected first where no order is given.",
        loaders.PurchaseLines,
        where=PurchaseLineWhere,
        order=PurchaseLineOrderBy,
    )
