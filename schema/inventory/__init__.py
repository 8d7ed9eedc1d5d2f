"""Stock: where goods are, how many, and every move that brought them there."""

import strawberry
from strawberry.tools import merge_types

from loaders import inventory as loaders
from loaders.inventory.lots import LotById
from schema.commands import ERRORS, UserError, changed, listed, mutation, user_errors
from schema.fields import referred
from schema.inputs import input_type
from schema.inventory.allocation import AllocationMutation, AllocationQuery
from schema.inventory.errors import InsufficientStockError, StaleStockError
from schema.inventory.lots import (
    LotExpiredError,
    LotMutation,
    LotQuery,
    ProductLots,
    StockLevelLot,
    StockMoveLot,
    StockPositionLot,
)
from schema.inventory.reading import (
    Location,
    ProductInventory,
    ProductWhereInventory,
    Query,
    StockDifference,
    StockLevel,
    StockMove,
    StockMoveWhere,
    Warehouse,
)
from schema.module import Module
from services import inventory as services

# Lines carry no "Input" in the contract's names.
for line in (services.StockAdjustLine, services.StockSetLine, services.StockTransferLine):
    input_type(line, line.__name__)


@strawberry.type(description="The created warehouse, or the problems.")
class WarehousePayload:
    warehouse: Warehouse | None = referred(changed("The warehouse"), loaders.WarehouseById, "warehouse_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="The created location, or the problems.")
class LocationPayload:
    location: Location | None = referred(changed("The location"), loaders.LocationById, "location_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="The changed balances and the moves that changed them, or the problems.")
class StockPayload:
    stock_levels: list[StockLevel] | None = listed(
        changed("The balances that the lines name, each once"),
        loaders.StockLevelById,
        "stock_level_ids",
    )
    moves: list[StockMove] | None = listed(
        changed("The moves that the command stored"), loaders.StockMoveById, "move_ids"
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    warehouse_create: WarehousePayload | None = mutation(
        "Creates a warehouse, without locations.",
        services.WarehouseCreate,
        services.create_warehouse,
        "warehouses:write",
    )
    warehouse_update: WarehousePayload | None = mutation(
        "Changes a warehouse's name or address. Does nothing where it already has these values.",
        services.WarehouseUpdate,
        services.update_warehouse,
        "warehouses:write",
    )
    location_create: LocationPayload | None = mutation(
        "Creates a location in a warehouse.",
        services.LocationCreate,
        services.create_location,
        "warehouses:write",
    )
    stock_adjust: StockPayload | None = mutation(
        "Changes balances by differences. Goods that arrive go to the orders that wait for them, oldest first.",
        services.StockAdjust,
        services.adjust,
        "stock:adjust",
    )
    stock_set: StockPayload | None = mutation(
        "Sets balances to a counted quantity, if they are still what the caller saw.",
        services.StockSet,
        services.set_counted,
        "stock:adjust",
    )
    stock_transfer: StockPayload | None = mutation(
        "Moves goods between locations.", services.StockTransfer, services.transfer, "stock:adjust"
    )


MODULE = Module(
    "inventory",
    merge_types("Query", (Query, AllocationQuery, LotQuery)),
    requires=("catalog",),
    mutation=merge_types("Mutation", (Mutation, AllocationMutation, LotMutation)),
    types=(*ERRORS, InsufficientStockError, StaleStockError, LotExpiredError),
    extends=(ProductInventory, ProductWhereInventory, ProductLots, StockLevelLot, StockMoveLot, StockPositionLot),
    nodes=(
        loaders.WarehouseById,
        loaders.LocationById,
        loaders.StockLevelById,
        loaders.StockMoveById,
        loaders.PolicyById,
        LotById,
    ),
)

__all__ = ["MODULE", "Location", "StockDifference", "StockLevel", "StockMove", "StockMoveWhere", "Warehouse"]
