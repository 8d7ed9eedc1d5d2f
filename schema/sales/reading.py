"""Orders and their line items, as they are read."""

from enum import Enum
from typing import Optional

import strawberry

from execution import extends
from loaders import sales as loaders
from loaders.catalog import ProductById
from loaders.partners import PartnerById
from resolvers import sales as resolvers
from schema.catalog import Product
from schema.events import Event, timeline
from schema.fields import column, computed, lookup, many, moment, money, node_id, node_type, one
from schema.inventory import StockDifference, StockMove
from schema.partners import Partner
from schema.scalars import CurrencyCode, DateTime, Decimal
from schema.shared import (
    DIRECTION,
    SORTED_BY,
    Connection,
    DateTimeFilter,
    DecimalFilter,
    IDFilter,
    Money,
    Node,
    SortDirection,
    StringFilter,
    op,
)


@strawberry.enum(description="The state of an order. How far its lines are is told by the progress fields.")
class OrderStatus(Enum):
    DRAFT = strawberry.enum_value("DRAFT", description="Being put together; holds no stock.")
    CONFIRMED = strawberry.enum_value("CONFIRMED", description="Promised; stock is reserved.")
    CLOSED = strawberry.enum_value("CLOSED", description="All that was not cancelled has been shipped.")
    CANCELLED = strawberry.enum_value("CANCELLED", description="Called off before anything was shipped.")


@strawberry.enum(description="How far reserving, shipping or taking back is, over all lines of an order.")
class Progress(Enum):
    NONE = strawberry.enum_value("NONE", description="Nothing yet, or nothing is wanted.")
    PARTIAL = strawberry.enum_value("PARTIAL", description="Some of it, and not all.")
    FULL = strawberry.enum_value("FULL", description="All of it.")


@strawberry.enum(description="Something that can be done with an order.")
class OrderAction(Enum):
    UPDATE = strawberry.enum_value("UPDATE", description="orderUpdate: its note, and a draft's lines.")
    CONFIRM = strawberry.enum_value("CONFIRM", description="orderConfirm: its stock is reserved.")
    SHIP = strawberry.enum_value("SHIP", description="orderShip: something is reserved that hasn't left.")
    CANCEL = strawberry.enum_value("CANCEL", description="orderCancel: something hasn't left that can be called off.")
    RETURN = strawberry.enum_value("RETURN", description="orderReturn: something has left that didn't come back.")


@strawberry.input(description="Conditions on line items; all that are given must hold.")
class LineItemWhere:
    and_: list["LineItemWhere"] | None = op("All of these conditions hold; an empty list always does.", "and")
    or_: list["LineItemWhere"] | None = op(
        "At least one of these holds; an empty list matches nothing, and none of them may be without a condition.", "or"
    )
    not_: Optional["LineItemWhere"] = op("What this says isn't true: a row whose value is null passes, too.", "not")
    product: IDFilter | None = op("By the id of the product (prod_…).")
    sku: StringFilter | None = op("By the tenant's own key of the product.")
    quantity: DecimalFilter | None = op("By how many were ordered, in the product's unit.")


@strawberry.enum(description="What line items can be sorted by.")
class LineItemOrderField(Enum):
    POSITION = strawberry.enum_value("POSITION", description="The line's place in its order, from 1.")
    QUANTITY = strawberry.enum_value("QUANTITY", description="How many were ordered, whatever the unit.")


@strawberry.input(description="What line items are sorted by, and in which direction.")
class LineItemOrderBy:
    field: LineItemOrderField = strawberry.field(description=SORTED_BY)
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=DIRECTION)


@strawberry.input(description="Conditions on the line items of an order.")
class LineItemListFilter:
    some: LineItemWhere | None = op("At least one line fulfils these.")
    every: LineItemWhere | None = op("All lines fulfil these; an order without lines does.")
    none: LineItemWhere | None = op("No line fulfils these; an order without lines passes.")


@strawberry.input(description="Compares an order's status.")
class OrderStatusFilter:
    eq: OrderStatus | None = op("The order is in this state.")
    ne: OrderStatus | None = op("The order is in any other state.")
    in_: list[OrderStatus] | None = op("The order is in one of these states; an empty list matches nothing.", "in")
    not_in: list[OrderStatus] | None = op("The order is in none of these states.")


@strawberry.input(description="Conditions on orders; all that are given must hold.")
class OrderWhere:
    and_: list["OrderWhere"] | None = op("All of these conditions hold; an empty list always does.", "and")
    or_: list["OrderWhere"] | None = op(
        "At least one of these holds; an empty list matches nothing, and none of them may be without a condition.", "or"
    )
    not_: Optional["OrderWhere"] = op("What this says isn't true: a row whose value is null passes, too.", "not")
    id: IDFilter | None = op("By the order's id (ord_…).")
    number: StringFilter | None = op("By the number that people use, such as SO-2026-000087.")
    status: OrderStatusFilter | None = op("By the state that it is in.")
    customer: IDFilter | None = op("By the id of the partner who ordered (par_…).")
    total: DecimalFilter | None = op("By the total's amount, whatever its currency.")
    placed_at: DateTimeFilter | None = op("By the time the customer ordered.")
    external_id: StringFilter | None = op("By its key in another system, such as a shop's.")
    line_items: LineItemListFilter | None = op("Orders by what their line items are.")


@strawberry.enum(description="What orders can be sorted by.")
class OrderOrderField(Enum):
    NUMBER = strawberry.enum_value("NUMBER", description="The number, character by character in Unicode's order.")
    PLACED_AT = strawberry.enum_value("PLACED_AT", description="The time the customer ordered.")
    TOTAL = strawberry.enum_value("TOTAL", description="The total's amount, whatever its currency.")
    CREATED_AT = strawberry.enum_value("CREATED_AT", description="The time it was first stored.")
    UPDATED_AT = strawberry.enum_value("UPDATED_AT", description="The time of the last change.")
    RELEVANCE = strawberry.enum_value("RELEVANCE", description="How well it fits the search; only with search.")


@strawberry.input(description="What orders are sorted by, and in which direction.")
class OrderOrderBy:
    field: OrderOrderField = strawberry.field(description=SORTED_BY)
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=DIRECTION)


@strawberry.input(one_of=True, description="Names one order by one of its keys.")
class OrderRef:
    id: strawberry.ID | None = op("By the order's id (ord_…).")
    number: str | None = op("By the number that people use, exactly as stored.")
    external_id: str | None = op("By its key in another system, exactly as stored.")


@node_type(loaders.orders, "What a customer ordered: who, when, which lines, what it costs, and how far it is.")
class Order(Node):
    id: strawberry.ID = node_id("ord")
    number: str = column("The number that people use; unique in the tenant.", "number")
    status: OrderStatus = column(
        "From DRAFT over CONFIRMED to CLOSED, or CANCELLED; the mutations change it.", "status"
    )
    customer: Partner = one("Who ordered.", PartnerById, "customer_id")
    currency: CurrencyCode = column("The currency of all its amounts.", "currency")
    subtotal: Money = money("The sum of the lines' totals, before tax.", "subtotal", total=True)
    tax_total: Money = money("The tax on the subtotal. Taxes aren't computed yet: 0.", "tax_total", total=True)
    total: Money = money("subtotal + taxTotal: what the customer pays.", "total", total=True)
    placed_at: DateTime = moment("When the customer ordered.", "placed_at")
    external_id: str | None = column("Its key in another system; unique where given.", "external_id")
    note: str | None = column("A free text about the order, searched by search; null where there is none.", "note")
    version: int = column("Rises with every change of the order or any part of it; for expectedVersion.", "version")
    created_at: DateTime = moment("When it was first stored here; placedAt is when the customer ordered.", "created_at")
    updated_at: DateTime = moment("When it was last changed.", "updated_at")
    reservation_status: Progress = computed(
        "How much of what is wanted is held or has left. Derived from the line items.", resolvers.reservation, ["id"]
    )
    shipment_status: Progress = computed(
        "How much of what is wanted has left. Derived from the line items.", resolvers.shipment, ["id"]
    )
    return_status: Progress = computed(
        "How much of what has left came back. Derived from the line items.", resolvers.returned, ["id"]
    )
    available_actions: list[OrderAction] = computed(
        "What the order's state allows now, from the table that the mutations use.", resolvers.actions, ["id", "status"]
    )
    line_items: Connection["LineItem"] = many(
        "Its lines, by position where no order is given.",
        loaders.LinesOfOrder,
        "id",
        where=LineItemWhere,
        order=LineItemOrderBy,
    )
    events: Connection[Event] = timeline()


@node_type(loaders.lines, "One line of an order: a product and how many of it.")
class LineItem(Node):
    id: strawberry.ID = node_id("lin")
    position: int = column("Its place in the order, from 1.", "position")
    order: Order = one("The order that it is a line of.", loaders.OrderById, "order_id")
    product: Product = one("What was ordered.", ProductById, "product_id")
    description: str = column("What the customer read; the product's name where nothing else was given.", "description")
    quantity: Decimal = column("How many were ordered, in the product's unit.", "quantity")
    unit_price: Money = money("The price of one unit, before tax.", "unit_price")
    total: Money = money("quantity x unitPrice, rounded half up to the currency's minor digits.", "total", total=True)
    reserved_quantity: Decimal = column(
        "How many are held in stock for this line now, in the product's unit.", "reserved"
    )
    shipped_quantity: Decimal = column("How many have left, in the product's unit.", "shipped")
    returned_quantity: Decimal = column("How many of those that left came back, in the product's unit.", "returned")
    cancelled_quantity: Decimal = column(
        "How many were called off before they left, in the product's unit.", "cancelled"
    )


@extends(Product)
class ProductSales:
    line_items: Connection[LineItem] = many(
        "The lines that it was ordered with, of all orders; the oldest first where no order is given.",
        loaders.LinesOfProduct,
        "id",
        where=LineItemWhere,
        order=LineItemOrderBy,
    )


@extends(Partner)
class PartnerSales:
    orders: Connection[Order] = many(
        "What it ordered, newest first where no order is given.",
        loaders.OrdersOfPartner,
        "id",
        where=OrderWhere,
        order=OrderOrderBy,
    )


@extends(StockMove)
class StockMoveSales:
    line_item: LineItem | None = one(
        "The order line that it was made for; null for other moves.", loaders.LineItemById, "line_item_id"
    )


@extends(StockDifference)
class StockDifferenceSales:
    order: Order | None = one("The order that it is about; null where it is about none.", loaders.OrderById, "order_id")
    line_item: LineItem | None = one(
        "The line that it is about; null where it is about none.", loaders.LineItemById, "line_item_id"
    )


@strawberry.type
class Query:
    order: Order | None = lookup(
        "An order by one of its keys; null where there is none.",
        "ord",
        OrderRef,
        {"id": loaders.OrderById, "number": loaders.OrderByNumber, "externalId": loaders.OrderByExternalId},
    )
    orders: Connection[Order] = many(
        "The tenant's orders, newest first where no order is given.",
        loaders.Orders,
        where=OrderWhere,
        order=OrderOrderBy,
        search="number, externalId or note",
    )
