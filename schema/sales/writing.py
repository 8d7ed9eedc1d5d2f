"""Orders and their line items, as they are changed."""

from enum import Enum

import strawberry

from loaders import sales as loaders
from schema.catalog import ProductRef
from schema.commands import UserError, changed, expected_version, given, mutation, retry_key, user_errors
from schema.fields import column, one
from schema.partners import PartnerRef
from schema.sales.reading import Order, OrderAction, OrderRef, OrderStatus
from schema.scalars import CurrencyCode, DateTime, Decimal
from schema.shared import op
from services import sales as services

_QUANTITY = "How many, in the product's unit: more than zero, at most six decimals."
_ORDER = "The order, by one of its keys."
_BACKORDER = (
    "May a line wait for stock that is not there yet? It is reserved when goods arrive, first come first served."
)
_WAREHOUSE = "Only stock of this warehouse, now and for what waits; left out: that of all."


@strawberry.enum(description="What becomes of goods that come back.")
class ReturnDisposition(Enum):
    RESTOCK = strawberry.enum_value("RESTOCK", description="Into stock, to be sold again.")
    QUARANTINE = strawberry.enum_value("QUARANTINE", description="Kept apart until somebody has looked at them.")
    SCRAP = strawberry.enum_value("SCRAP", description="Thrown away: they go to where losses go.")


@strawberry.input(description="A line to be ordered: a product, how many of it, and at which price.")
class LineItemInput:
    product: ProductRef = given("What is ordered, by one of its keys.")
    quantity: Decimal = given(_QUANTITY)
    unit_price: Decimal | None = op(
        "The price of one unit in the order's currency, before tax, at most six decimals. The product's list price"
        " where left out."
    )
    description: str | None = op("What the customer reads; the product's name where left out.")


@strawberry.input(description="A quantity of a line of the order.")
class LineQuantityInput:
    line_item: strawberry.ID = given("The id of a line of this order (lin_…).")
    quantity: Decimal = given(_QUANTITY)


@strawberry.input(
    description="A quantity of a line that came back. One line may be named again with another disposition."
)
class ReturnLineInput:
    line_item: strawberry.ID = given("The id of a line of this order (lin_…).")
    quantity: Decimal = given(_QUANTITY)
    disposition: ReturnDisposition = given("What becomes of the goods: sold again, kept apart or thrown away.")
    location: strawberry.ID | None = op(
        "Where it goes. Left out: to where it was shipped from, to quarantine, or to where losses go, by disposition."
    )


@strawberry.input(description="An order to be made, as a draft or confirmed at once.")
class OrderCreateInput:
    customer: PartnerRef = given("Who orders, by one of its keys; a partner of kind CUSTOMER.")
    currency: CurrencyCode | None = op("The currency of all amounts; the tenant's where left out.")
    placed_at: DateTime | None = op("When the customer ordered; now, where left out.")
    number: str | None = op("Its number, if it has one already; the next of the tenant's series where left out.")
    external_id: str | None = op("Its key in another system; unique.")
    note: str | None = op("A free text, at most 10,000 characters.")
    line_items: list[LineItemInput] = given("Its lines, in this order: 1 to 500.")
    confirm: bool = strawberry.field(default=False, description="Create and confirm at once: all of it, or nothing.")
    allow_backorder: bool = strawberry.field(default=False, description=_BACKORDER)
    warehouse: strawberry.ID | None = op(_WAREHOUSE)
    idempotency_key: str | None = retry_key()


@strawberry.input(description="A change of an order's note, or of a draft's lines.")
class OrderUpdateInput:
    order: OrderRef = given(_ORDER)
    note: str | None = op("The new note; null for none. Stays as it is where left out.")
    line_items: list[LineItemInput] | None = op(
        "New lines in place of all of a draft's, 1 to 500. They stay as they are where left out."
    )
    expected_version: int | None = expected_version()
    idempotency_key: str | None = retry_key()


@strawberry.input(description="A draft to be promised to its customer.")
class OrderConfirmInput:
    order: OrderRef = given(_ORDER)
    allow_backorder: bool | None = op(f"{_BACKORDER} As the draft says, where left out; not null.")
    warehouse: strawberry.ID | None = op(
        "Only stock of this warehouse, now and for what waits; null: that of all. As the draft says, where left out."
    )
    expected_version: int | None = expected_version()
    idempotency_key: str | None = retry_key()


@strawberry.input(description="Goods of an order that leave.")
class OrderShipInput:
    order: OrderRef = given(_ORDER)
    line_items: list[LineQuantityInput] | None = op("What leaves. All that is reserved, where left out.")
    expected_version: int | None = expected_version()
    idempotency_key: str | None = retry_key()


@strawberry.input(description="What of an order is called off.")
class OrderCancelInput:
    order: OrderRef = given(_ORDER)
    line_items: list[LineQuantityInput] | None = op(
        "What is called off; what waits for goods goes first. All that hasn't left, where left out."
    )
    reason: str | None = op("Why; kept in the order's events.")
    expected_version: int | None = expected_version()
    idempotency_key: str | None = retry_key()


@strawberry.input(description="What of an order came back.")
class OrderReturnInput:
    order: OrderRef = given(_ORDER)
    line_items: list[ReturnLineInput] = given("What came back: 1 to 500 entries.")
    expected_version: int | None = expected_version()
    idempotency_key: str | None = retry_key()


@strawberry.type(description="The order's state doesn't allow the action.")
class InvalidTransitionError(UserError):
    status: OrderStatus = column("The state that the order is in.", "status")
    available_actions: list[OrderAction] = column("What can be done with it now.", "available_actions")


@strawberry.type(description="An order after it was made or changed, or why it wasn't.")
class OrderPayload:
    order: Order | None = one(changed("The order as it is now"), loaders.OrderById, "order_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    order_create: OrderPayload | None = mutation(
        "Makes an order, a draft or confirmed at once. Its lines are priced, its number taken.",
        services.OrderCreate,
        services.create,
        OrderCreateInput,
        "orders:write",
    )
    order_update: OrderPayload | None = mutation(
        "Changes an order's note, or the lines of a draft.",
        services.OrderUpdate,
        services.update,
        OrderUpdateInput,
        "orders:write",
    )
    order_confirm: OrderPayload | None = mutation(
        "Reserves the stock of every line item, or nothing. With allowBackorder, what is there.",
        services.OrderConfirm,
        services.confirm,
        OrderConfirmInput,
        "orders:write",
    )
    order_ship: OrderPayload | None = mutation(
        "Sends what is reserved. An order of which nothing is left to ship is closed.",
        services.OrderShip,
        services.ship,
        OrderShipInput,
        "orders:fulfil",
    )
    order_cancel: OrderPayload | None = mutation(
        "Calls off what hasn't left, and releases its stock. The order's amounts stay those of what was ordered.",
        services.OrderCancel,
        services.cancel,
        OrderCancelInput,
        "orders:write",
    )
    order_return: OrderPayload | None = mutation(
        "Takes back what was shipped. Only what is restocked is available again.",
        services.OrderReturn,
        services.take_back,
        OrderReturnInput,
        "orders:fulfil",
    )
