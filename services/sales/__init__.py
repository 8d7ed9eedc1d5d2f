"""Orders: created, confirmed, shipped, cancelled, returned."""

from services import catalog, taxes
from services.inventory import stock
from services.kit.upkeep import Upkeep
from services.sales import orders, rollups
from services.sales.commands import (
    OrderCancel,
    OrderConfirm,
    OrderCreate,
    OrderRef,
    OrderReserve,
    OrderReturn,
    OrderShip,
    OrderUpdate,
    ShipmentCancel,
    ShipmentUpdate,
)
from services.sales.drafts import create
from services.sales.editing import update
from services.sales.fulfilment import cancel, confirm, take_back
from services.sales.holds import StockHold, hold
from services.sales.previewing import OrderPreview, preview
from services.sales.promises import holders, serve
from services.sales.reserving import displace, reserve_order, still_waiting
from services.sales.shipments import cancel_shipment, update_shipment
from services.sales.shipping import ship

HOOKS = (
    stock.ON_ARRIVAL.add(serve),
    stock.HOLDERS.add(holders),
    stock.DISPLACED.add(stock.Displaced(displace, still_waiting)),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("line_items", "order lines")),
    catalog.FINER.add(orders.FINER),
    taxes.BORNE_BY.add(catalog.Counted("line_items", "order lines")),
)

UPKEEP = (Upkeep("rollups", 300, rollups.keep_up, "Worked out {:,} spans of rollups."),)

__all__ = [
    "HOOKS",
    "UPKEEP",
    "OrderCancel",
    "OrderConfirm",
    "OrderCreate",
    "OrderPreview",
    "OrderRef",
    "OrderReserve",
    "OrderReturn",
    "OrderShip",
    "OrderUpdate",
    "ShipmentCancel",
    "ShipmentUpdate",
    "StockHold",
    "cancel",
    "cancel_shipment",
    "confirm",
    "create",
    "hold",
    "preview",
    "reserve_order",
    "ship",
    "take_back",
    "update",
    "update_shipment",
]
