"""Orders and their line items, as they are changed."""

import strawberry

from core.sales import INVALID_TRANSITION, OrderAction, OrderStatus, ReturnDisposition
from loaders import sales as loaders
from schema.commands import UserError, changed, error_type, mutation, user_errors
from schema.fields import fact, referred
from schema.inputs import enum_type
from schema.sales.reading import Order
from services import sales as services

enum_type(ReturnDisposition)


@error_type("The order's state doesn't allow the action.", INVALID_TRANSITION)
class InvalidTransitionError(UserError):
    status: OrderStatus = fact("The state that the order is in.", "status")
    available_actions: list[OrderAction] = fact("What can be done with it now.", "available_actions")


@strawberry.type(description="An order after it was made or changed, or why it wasn't.")
class OrderPayload:
    order: Order | None = referred(changed("The order as it is now"), loaders.OrderById, "order_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    order_create: OrderPayload | None = mutation(
        "Makes an order, a draft or confirmed at once. Its lines are priced, its number taken.",
        services.OrderCreate,
        services.create,
        "orders:write",
    )
    order_update: OrderPayload | None = mutation(
        "Changes an order's note, or the lines of a draft.",
        services.OrderUpdate,
        services.update,
        "orders:write",
    )
    order_confirm: OrderPayload | None = mutation(
        "Reserves the stock of every line item, or nothing. With allowBackorder, what is there.",
        services.OrderConfirm,
        services.confirm,
        "orders:write",
    )
    order_ship: OrderPayload | None = mutation(
        "Sends what is reserved. An order of which nothing is left to ship is closed.",
        services.OrderShip,
        services.ship,
        "orders:fulfil",
    )
    order_cancel: OrderPayload | None = mutation(
        "Calls off what hasn't left, and releases its stock. The order's amounts stay those of what was ordered.",
        services.OrderCancel,
        services.cancel,
        "orders:write",
    )
    order_return: OrderPayload | None = mutation(
        "Takes back what was shipped. Only what is restocked is available again.",
        services.OrderReturn,
        services.take_back,
        "orders:fulfil",
    )
