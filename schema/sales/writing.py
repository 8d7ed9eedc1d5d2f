"""Orders and their line items, as they are changed."""

import strawberry

from core.sales import INVALID_TRANSITION, OrderAction, OrderStatus, ReturnDisposition
from execution import extends
from loaders import sales as loaders
from schema.commands import UserError, changed, error_type, listed, mutation, user_errors
from schema.fields import fact, referred
from schema.inputs import enum_type
from schema.inventory import StockPayload
from schema.sales.reading import Order
from services import sales as services

enum_type(ReturnDisposition)


@error_type("The order's state doesn't allow the action.", INVALID_TRANSITION)
class InvalidTransitionError(UserError):
    status: OrderStatus = fact("The order's current state.", "status")
    available_actions: list[OrderAction] = fact("The actions that its state allows now.", "available_actions")


@strawberry.type(description="The created or changed order, or the problems.")
class OrderPayload:
    order: Order | None = referred(changed("The order as it is now"), loaders.OrderById, "order_id")
    user_errors: list[UserError] = user_errors()


@extends(StockPayload)
class StockPayloadOrders:
    waiting_orders: list[Order] | None = listed(
        changed("The orders that lack goods now which takeReserved took from them; none where it took none"),
        loaders.OrderById,
        "waiting_order_ids",
    )


@strawberry.type
class Mutation:
    order_create: OrderPayload | None = mutation(
        "Creates an order, as a draft or confirmed at once. Its lines get their prices, and it gets its number.",
        services.OrderCreate,
        services.create,
        "orders:write",
    )
    order_update: OrderPayload | None = mutation(
        "Changes a draft in all that it says, and of a confirmed order the note, the addresses and the external id.",
        services.OrderUpdate,
        services.update,
        "orders:write",
    )
    order_confirm: OrderPayload | None = mutation(
        "Reserves stock for every line item, or nothing. With allowBackorder, as much as is available.",
        services.OrderConfirm,
        services.confirm,
        "orders:write",
    )
    order_ship: OrderPayload | None = mutation(
        "Ships what is reserved. An order with nothing left to ship becomes CLOSED.",
        services.OrderShip,
        services.ship,
        "orders:fulfil",
    )
    order_cancel: OrderPayload | None = mutation(
        "Cancels what hasn't been shipped, and releases its stock. The order's amounts stay as ordered.",
        services.OrderCancel,
        services.cancel,
        "orders:write",
    )
    order_reserve: OrderPayload | None = mutation(
        "Releases goods of a confirmed order for others, or reserves what it lacks as far as it is available.",
        services.OrderReserve,
        services.reserve_order,
        "orders:write",
    )
    order_return: OrderPayload | None = mutation(
        "Takes back what was shipped. Only restocked goods are available again.",
        services.OrderReturn,
        services.take_back,
        "orders:fulfil",
    )
