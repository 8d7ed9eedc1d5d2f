"""Stock: warehouses and locations, changes by hand, and the engine that owns every move and balance."""

from services.inventory.changes import StockAdjust, StockSet, StockTransfer, adjust, set_counted, transfer
from services.inventory.places import LocationCreate, WarehouseCreate, create_location, create_warehouse

__all__ = [
    "LocationCreate",
    "StockAdjust",
    "StockSet",
    "StockTransfer",
    "WarehouseCreate",
    "adjust",
    "create_location",
    "create_warehouse",
    "set_counted",
    "transfer",
]
