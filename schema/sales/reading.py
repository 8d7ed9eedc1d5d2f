"""Orders and their line items, as they are read."""

import strawberry

from core.inventory import AllocationRule
from core.progress import Progress
from core.sales import OrderAction, OrderStatus
from db import sales as tables
from execution import extends
from loaders import sales as loaders
from loaders.catalog import ProductById, products
from loaders.partners import PartnerById, partners
from loaders.pricing import PriceListById
from loaders.sales.taxes import TaxesOfOrder
from loaders.taxes import TaxById
from resolvers import sales as resolvers
from resolvers.taxes import of_documents
from schema.aggregates import aggregate
from schema.catalog import Product, ProductWhere
from schema.events import Event, timeline
from schema.fields import (
    NUMBER,
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
    referred,
)
from schema.groups import groups
from schema.inputs import enum_type, input_type, order_input, where_extension, where_input
from schema.inventory import StockDifference, StockMove
from schema.parties import Party
from schema.partners import Partner, PartnerWhere
from schema.pricing import PriceList
from schema.sales.numbers import LineItemAggregate, LineItemGroups, OrderAggregate, OrderGroups
from schema.scalars import CurrencyCode, DateTime, Decimal
from schema.shared import (
    PAGE_OF_LIST,
    Connection,
    Money,
    Node,
)
from schema.taxes import Tax, TaxTotal
from services import sales as services
from services.taxes.taxing import MAX_KINDS

enum_type(OrderAction)


LineItemWhere = where_input(loaders.lines, "line items")
LineItemOrderBy = order_input(loaders.lines, "line items")
OrderWhere = where_input(loaders.orders, "orders")
OrderOrderBy = order_input(loaders.orders, "orders")
LineItemWhereOrder = where_extension(loaders.lines, LineItemWhere, "orderWhere")
ProductWhereLines = where_extension(products, ProductWhere, "lineItems")
PartnerWhereOrders = where_extension(partners, PartnerWhere, "orders")
OrderRef = input_type(services.OrderRef)


@node_type(loaders.orders, "What a customer ordered: when, which lines, at what cost, and how much of it is done.")
class Order(Node):
    id: strawberry.ID = node_id(loaders.orders)
    number: str = column(tables.Order.number, "The number that people use; unique in the tenant.")
    status: OrderStatus = choice(
        tables.Order.status,
        OrderStatus,
        "From DRAFT over CONFIRMED to CLOSED or CANCELLED; only the mutations change it.",
    )
    customer: Partner = one(tables.Order.customer_id, PartnerById, "The partner that ordered.")
    currency: CurrencyCode = currency(tables.Order.currency, "The currency of all its amounts.")
    subtotal: Money = money(
        tables.Order.subtotal, tables.Order.currency, "The sum of the lines before tax: of their net.", total=True
    )
    tax_total: Money = money(
        tables.Order.tax_total,
        tables.Order.currency,
        "The sum of its taxes; 0 where its lines bear none.",
        total=True,
    )
    taxes: list[TaxTotal] = batched(
        "Its taxes by category and rate, each rounded once. Lines without a tax are in none of them.",
        of_documents(TaxesOfOrder, "prices_include_tax"),
        needs=("id", "currency", "prices_include_tax"),
        size=MAX_KINDS,
    )
    prices_include_tax: bool = column(
        tables.Order.prices_include_tax,
        "Whether the unit prices and totals of its lines include tax; its subtotal never does.",
    )
    total: Money = money(
        tables.Order.total, tables.Order.currency, "subtotal + taxTotal: what the customer pays.", total=True
    )
    placed_at: DateTime = moment(tables.Order.placed_at, "When the customer ordered.")
    external_id: str | None = column(tables.Order.external_id, "Its key in another system; unique where given.")
    note: str | None = column(
        tables.Order.note, "A free text about the order, covered by search; null where there is none."
    )
    allocation: AllocationRule | None = choice(
        tables.Order.allocation,  # type: ignore[arg-type]  # null: as the tenant's are
        AllocationRule,
        "How its stock is chosen; null: by the tenant's rule.",
    )
    price_list: PriceList | None = one(
        tables.Order.price_list_id,
        PriceListById,
        "The price list that priced its lines where they gave no price; null for list prices.",
    )
    version: int = column(
        tables.Order.version, "Rises with every change of the order or any part of it; for expectedVersion."
    )
    created_at: DateTime = moment(
        tables.Order.created_at, "When it was first stored here; placedAt is when the customer ordered."
    )
    updated_at: DateTime = moment(tables.Order.updated_at, "When it was last changed.")
    shipping_address: Party | None = batched(
        "Where its goods go, as it was when the order was confirmed; of a draft: as it is now. Null where nobody said so.",
        resolvers.address("shipping_address"),
        needs=("shipping_address", "status", "customer_id"),
    )
    billing_address: Party | None = batched(
        "Whom its invoices are addressed to, as it was when the order was confirmed; of a draft: as it is now. Null where"
        " nobody said so.",
        resolvers.address("billing_address"),
        needs=("billing_address", "status", "customer_id"),
    )
    reservation_status: Progress = computed(
        "How much of the order is reserved or shipped, cancelled quantities left out. Derived from the line items.",
        resolvers.reservation,
        ["id"],
    )
    shipment_status: Progress = computed(
        "How much of the order is shipped, cancelled quantities left out. Derived from the line items.",
        resolvers.shipment,
        ["id"],
    )
    return_status: Progress = computed(
        "How much of what was shipped came back. Derived from the line items.", resolvers.returned, ["id"]
    )
    available_actions: list[OrderAction] = computed(
        "What the order's state allows now, by the same rules that the mutations use.",
        resolvers.actions,
        ["id", "status"],
    )
    line_items: "LineItemConnection" = many(
        "Its lines, by position where no order is given.",
        loaders.LinesOfOrder,
        "id",
        where=LineItemWhere,
        order=LineItemOrderBy,
    )
    events: Connection[Event] = timeline()


@node_type(loaders.lines, "One line of an order: a product and its quantity.")
class LineItem(Node):
    id: strawberry.ID = node_id(loaders.lines)
    position: int = column(tables.LineItem.position, "Its place in the order, from 1.")
    order: Order = one(tables.LineItem.order_id, loaders.OrderById, "The order that it belongs to.")
    product: Product = one(tables.LineItem.product_id, ProductById, "The product that was ordered.")
    description: str = column(
        tables.LineItem.description, "The text for the customer; the product's name where none was given."
    )
    quantity: Decimal = column(tables.LineItem.quantity, "How many were ordered, in the product's unit.")
    unit: str = fact("The unit that it was ordered in: the product's own, or one of its others.", "unit")
    unit_quantity: Decimal = fact(
        "How many of unit were ordered: exactly quantity, by the ratio of then.", "unit_quantity", width=NUMBER
    )
    unit_price: Money = money(
        tables.LineItem.unit_price,
        tables.LineItem.currency,
        "The price of one unit: before tax, unless the order's prices include it.",
    )
    total: Money = money(
        tables.LineItem.total,
        tables.LineItem.currency,
        "unitQuantity x unitPrice, rounded half up to the currency's minor digits.",
        total=True,
    )
    tax: Tax | None = one(tables.LineItem.tax_id, TaxById, "The tax that it bears; null for none.")
    net: Money = money(
        tables.LineItem.net,
        tables.LineItem.currency,
        "Its total, or what of it isn't tax where the order's prices include tax.",
        total=True,
    )
    reserved_quantity: Decimal = column(
        tables.LineItem.reserved, "How many are reserved for this line now, in the product's unit."
    )
    shipped_quantity: Decimal = column(tables.LineItem.shipped, "How many were shipped, in the product's unit.")
    returned_quantity: Decimal = column(
        tables.LineItem.returned, "How many of the shipped ones came back, in the product's unit."
    )
    released_quantity: Decimal = column(
        tables.LineItem.released,
        "How many of those that aren't reserved were released for others (orderReserve) or taken away: they wait for goods that"
        " arrive, behind others unless said otherwise.",
    )
    cancelled_quantity: Decimal = column(
        tables.LineItem.cancelled, "How many were cancelled before they were shipped, in the product's unit."
    )


@strawberry.type(name="OrderConnection", description=PAGE_OF_LIST)
class OrderConnection(Connection[Order]):
    aggregate: OrderAggregate = aggregate()
    groups: OrderGroups = groups(loaders.orders, "orders", unit=False)


@strawberry.type(name="LineItemConnection", description=PAGE_OF_LIST)
class LineItemConnection(Connection[LineItem]):
    aggregate: LineItemAggregate = aggregate()
    groups: LineItemGroups = groups(loaders.lines, "line items", unit=True)


@extends(Product)
class ProductSales:
    line_items: LineItemConnection = many(
        "The order lines with this product, of all orders; oldest first where no order is given.",
        loaders.LinesOfProduct,
        "id",
        where=LineItemWhere,
        order=LineItemOrderBy,
    )


@extends(Partner)
class PartnerSales:
    orders: OrderConnection = many(
        "Its orders, newest first where no order is given.",
        loaders.OrdersOfPartner,
        "id",
        where=OrderWhere,
        order=OrderOrderBy,
    )


@extends(StockMove)
class StockMoveSales:
    line_item: LineItem | None = referred(
        "The order line that caused the move; null for other moves.", loaders.LineItemById, "line_item_id"
    )


@extends(StockDifference)
class StockDifferenceSales:
    order: Order | None = referred("The order concerned; null where there is none.", loaders.OrderById, "order_id")
    line_item: LineItem | None = referred(
        "The line item concerned; null where there is none.", loaders.LineItemById, "line_item_id"
    )


@strawberry.type
class Query:
    order: Order | None = lookup(
        "An order by one of its keys; null where there is none.",
        OrderRef,
        {"id": loaders.OrderById, "number": loaders.OrderByNumber, "externalId": loaders.OrderByExternalId},
    )
    orders: OrderConnection = many(
        "The tenant's orders, newest first where no order is given.",
        loaders.Orders,
        where=OrderWhere,
        order=OrderOrderBy,
        search="number, externalId or note",
    )
    line_items: LineItemConnection = many(
        "The tenant's line items, of all orders; the newest first where no order is given.",
        loaders.Lines,
        where=LineItemWhere,
        order=LineItemOrderBy,
    )
