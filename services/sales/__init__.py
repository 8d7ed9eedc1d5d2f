"""Orders: created, confirmed, shipped, cancelled, returned."""

from services import catalog
from services.inventory import stock
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
from services.sales.promises import holders, serve

HOOKS = (
    stock.ON_ARRIVAL.add(serve),
    stock.HOLDERS.add(holders),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("line_items", "order lines")),
)

__all__ = [
    "HOOKS",
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
