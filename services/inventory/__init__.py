"""Stock: warehouses and locations, changes by hand, and the engine that owns every move and balance."""

from services import catalog
from services.inventory import changes, holding, lots, stock
from services.inventory.changes import adjust, set_counted, transfer
from services.inventory.commands import (
    StockAdjust,
    StockAdjustLine,
    StockSet,
    StockSetLine,
    StockTransfer,
    StockTransferLine,
)
from services.inventory.lots import LotUpdate, update_lot
from services.inventory.places import (
    KEPT_PLACES,
    LocationCreate,
    WarehouseCreate,
    WarehouseUpdate,
    create_location,
    create_warehouse,
    update_warehouse,
)
from services.inventory.policy import AllocationUpdate, set_allocation
from services.kit.keeping import KEPT
from services.kit.upkeep import Upkeep

HOOKS = (
    catalog.IN_STOCK.add(
        "EXISTS (SELECT FROM stock_levels s WHERE s.tenant_id = $1 AND s.product_id = p.id AND s.on_hand > 0)"
    ),
    *(KEPT.add(each) for each in KEPT_PLACES),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("stock_moves", "stock moves")),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("reservations", "reservations")),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("stock_hold_lines", "holds")),
    *(catalog.FINER.add(each) for each in changes.FINER),
    *(catalog.TRACKED.add(each) for each in lots.STANDING),
    catalog.ON_TRACKING.add(lots.RETRACK),
    stock.HOLDERS.add(holding.holders),
    stock.ON_END.add(holding.let_go),
)

UPKEEP = (Upkeep("holds", 300, holding.keep_up, "Let go of {:,} holds whose time was over."),)

__all__ = [
    "HOOKS",
    "UPKEEP",
    "AllocationUpdate",
    "LocationCreate",
    "LotUpdate",
    "StockAdjust",
    "StockAdjustLine",
    "StockSet",
    "StockSetLine",
    "StockTransfer",
    "StockTransferLine",
    "WarehouseCreate",
    "WarehouseUpdate",
    "adjust",
    "create_location",
    "create_warehouse",
    "set_allocation",
    "set_counted",
    "transfer",
    "update_lot",
    "update_warehouse",
]
