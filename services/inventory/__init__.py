"""Stock: warehouses and locations, changes by hand, and the engine that owns every move and balance."""

from services.inventory.changes import (
    StockAdjust,
    StockAdjustLine,
    StockSet,
    StockSetLine,
    StockTransfer,
    StockTransferLine,
    adjust,
    set_counted,
    transfer,
)
from services.inventory.places import LocationCreate, WarehouseCreate, create_location, create_warehouse

__all__ = [
    "LocationCreate",
    "StockAdjust",
    "StockAdjustLine",
    "StockSet",
    "StockSetLine",
    "StockTransfer",
    "StockTransferLine",
    "WarehouseCreate",
    "adjust",
    "create_location",
    "create_warehouse",
    "set_counted",
    "transfer",
]
