"""Orders: created, confirmed, shipped, cancelled, returned."""

from services.sales.commands import (
    OrderCancel,
    OrderConfirm,
    OrderCreate,
    OrderRef,
    OrderReturn,
    OrderShip,
    OrderUpdate,
)
from services.sales.drafts import create, update
from services.sales.fulfilment import cancel, confirm, ship, take_back

__all__ = [
    "OrderCancel",
    "OrderConfirm",
    "OrderCreate",
    "OrderRef",
    "OrderReturn",
    "OrderShip",
    "OrderUpdate",
    "cancel",
    "confirm",
    "create",
    "ship",
    "take_back",
    "update",
]
