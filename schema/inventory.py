"""Stock: where goods are, how many, and every move that brought them there."""

from typing import Any

import strawberry

from core.inventory import INSUFFICIENT_STOCK, STALE_STOCK, LocationKind
from db import inventory as tables
from execution import argument, extends, number
from loaders import inventory as loaders
from loaders.catalog import ProductById, products
from resolvers import inventory as resolvers
from resolvers.relations import through
from schema.catalog import Product, ProductWhere
from schema.commands import ERRORS, UserError, changed, error_type, listed, mutation, user_errors
from schema.fields import batched, choice, column, computed, fact, many, moment, node_id, node_type, one, referred, same
from schema.inputs import enum_type, input_type, order_input, where_extension, where_input
from schema.module import Module
from schema.scalars import DateTime, Decimal
from schema.shared import (
    Connection,
    Node,
)
from services import inventory as services

enum_type(LocationKind)
StockLevelWhere = where_input(loaders.levels, "stock levels")
StockLevelOrderBy = order_input(loaders.levels, "stock levels")
StockMoveWhere = where_input(loaders.moves, "stock moves")


@node_type(loaders.warehouses, "A site with locations in it.")
class Warehouse(Node):
    id: strawberry.ID = node_id(loaders.warehouses)
    code: str = column(tables.Warehouse.code, "The tenant's own key of the warehouse; unique.")
    name: str = column(tables.Warehouse.name, "Its name as people read it; not unique.")
    locations: Connection["Location"] = many("Its locations, by code.", loaders.LocationsOfWarehouse, "id")


@node_type(loaders.locations, "A place that goods are at, come from or go to.")
class Location(Node):
    id: strawberry.ID = node_id(loaders.locations)
    code: str = column(tables.Location.code, "The tenant's own key of the location; unique over all warehouses.")
    name: str = column(tables.Location.name, "Its name as people read it; not unique.")
    kind: LocationKind = choice(
        tables.Location.kind, LocationKind, "A shelf of the tenant's own, or a place that goods come from or go to."
    )
    warehouse: Warehouse | None = one(
        tables.Location.warehouse_id, loaders.WarehouseById, "Where it is; null for places outside."
    )
    stock_levels: Connection["StockLevel"] = many(
        "How many of what are there.", loaders.LevelsOfLocation, "id", where=StockLevelWhere, order=StockLevelOrderBy
    )


@node_type(loaders.levels, "How many of a product are at a location.")
class StockLevel(Node):
    id: strawberry.ID = node_id(loaders.levels)
    product: Product = one(tables.StockLevel.product_id, ProductById, "What it is that is there.")
    location: Location = one(tables.StockLevel.location_id, loaders.LocationById, "Where it is.")
    on_hand: Decimal = column(tables.StockLevel.on_hand, "How many are there, in the product's unit.")
    reserved: Decimal = column(tables.StockLevel.reserved, "How many of them are promised to orders.")
    available: Decimal = column(
        tables.StockLevel.available,
        "onHand - reserved, how many are there that no order was promised, at a location whose goods can be sold"
        " (INTERNAL); 0 at any other.",
    )
    incoming: Decimal = column(tables.StockLevel.incoming, "How many are announced and not there yet.")
    updated_at: DateTime = moment(tables.StockLevel.updated_at, "When it was last changed.")


@node_type(
    loaders.moves,
    "One line of the stock ledger: goods moved from one location to another. Never changed, never deleted.",
)
class StockMove(Node):
    id: strawberry.ID = node_id(loaders.moves)
    product: Product = one(tables.StockMove.product_id, ProductById, "What was moved.")
    source: Location = one(tables.StockMove.source_id, loaders.LocationById, "Where it left.")
    destination: Location = one(tables.StockMove.destination_id, loaders.LocationById, "Where it came to.")
    quantity: Decimal = column(tables.StockMove.quantity, "How many, in the product's unit; always positive.")
    reason: str = column(tables.StockMove.reason, "Why they were moved, in a word or a sentence.")
    occurred_at: DateTime = moment(tables.StockMove.occurred_at, "When the goods were moved.")
    principal: str = column(tables.StockMove.principal, "Who did it: the name of the key, or the subject of the token.")


def _sum(description: str, name: str) -> Any:
    return computed(description, through(loaders.StockOfProduct, "id", name, missing="0"), ["id"])


def _apart(description: str, name: str) -> Any:
    return computed(description, through(loaders.StockApart, "id", name, missing="0"), ["id"])


@strawberry.type(
    description="A product's stock over all locations whose goods can be sold, and beside it what can't be sold now."
)
class ProductStock:
    on_hand: Decimal = _sum("How many are there, in the product's unit.", "on_hand")
    reserved: Decimal = _sum("How many of them are promised to orders.", "reserved")
    available: Decimal = _sum("onHand - reserved: how many are there that no order was promised.", "available")
    incoming: Decimal = _sum("How many are announced and not there yet.", "incoming")
    quarantined: Decimal = _apart("How many are in quarantine: not in onHand, and nobody may sell them.", "quarantined")
    in_transit: Decimal = _apart(
        "How many are between two places: not in onHand, and not to be sold yet.", "in_transit"
    )
    levels: Connection[StockLevel] = many(
        "The levels that the sums are made of.", loaders.LevelsOfProduct, "id", where=StockLevelWhere
    )


@extends(Product)
class ProductInventory:
    stock: ProductStock = same("How many there are, over all locations and in each.", "id", permission="stock:read")


ProductWhereInventory = where_extension(products, ProductWhere, "available")


@strawberry.type(
    description="A place where the books contradict themselves. There should be none; what makes one is a fault of ours,"
    " or a hand in the database."
)
class StockDifference:
    rule: str = fact("Which rule of the books is broken, as people call it.", "rule")
    product: Product | None = referred("The product that it is about.", ProductById, "product_id")
    location: Location | None = referred(
        "The location that it is about; null where it is about none.", loaders.LocationById, "location_id"
    )
    expected: Decimal | None = fact(
        "What should be there, by moves and orders; null where it isn't a number.", "expected"
    )
    actual: Decimal | None = fact("What the books say instead; null where it isn't a number.", "actual")


@strawberry.type
class Query:
    stock_differences: list[StockDifference] = batched(
        "Recomputes balances, reservations and orders' progress from moves and orders, and lists every difference: an"
        " empty list is good news. Reads all of the tenant's stock and orders.",
        resolvers.stock_differences,
        argument("first", int, "At most so many differences, 0 to 500.", 100),
        permission="stock:verify",
        size=lambda args, _rows: number(args.get("first"), 100, resolvers.MAX_DIFFERENCES),
    )
    warehouses: Connection[Warehouse] = many("The tenant's warehouses, by code.", loaders.Warehouses)
    stock_levels: Connection[StockLevel] = many(
        "How many of what are where.", loaders.StockLevels, where=StockLevelWhere, order=StockLevelOrderBy
    )
    stock_moves: Connection[StockMove] = many(
        "The stock ledger, newest first.", loaders.StockMoves, where=StockMoveWhere
    )


@error_type("More is wanted than is available of a product, or reserved for a line.", INSUFFICIENT_STOCK)
class InsufficientStockError(UserError):
    product: Product = referred("The product of which there isn't enough.", ProductById, "product_id")
    requested: Decimal = fact("How many are wanted in all, in the product's unit.", "requested")
    available: Decimal = fact("How many can be had for this, in the product's unit.", "available")


@error_type("The stock isn't what the caller saw. Count again, and say what is there now.", STALE_STOCK)
class StaleStockError(UserError):
    expected: Decimal = fact("How many the caller saw before the count, in the product's unit.", "expected")
    actual: Decimal = fact("How many are there now, in the product's unit.", "actual")


# Lines carry no "Input" in the contract's names.
for line in (services.StockAdjustLine, services.StockSetLine, services.StockTransferLine):
    input_type(line, line.__name__)


@strawberry.type(description="A warehouse after it was made, or why it wasn't.")
class WarehousePayload:
    warehouse: Warehouse | None = referred(changed("The warehouse"), loaders.WarehouseById, "warehouse_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="A location after it was made, or why it wasn't.")
class LocationPayload:
    location: Location | None = referred(changed("The location"), loaders.LocationById, "location_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="Balances after they were changed, and the moves that did it.")
class StockPayload:
    stock_levels: list[StockLevel] | None = listed(
        changed("The balances that the lines are about, each once"),
        loaders.StockLevelById,
        "stock_level_ids",
    )
    moves: list[StockMove] | None = listed(changed("What was moved"), loaders.StockMoveById, "move_ids")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    warehouse_create: WarehousePayload | None = mutation(
        "Makes a warehouse, without locations.",
        services.WarehouseCreate,
        services.create_warehouse,
        "warehouses:write",
    )
    location_create: LocationPayload | None = mutation(
        "Makes a location in a warehouse.",
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
        "Sets balances to a counted quantity, if they still are what the caller saw.",
        services.StockSet,
        services.set_counted,
        "stock:adjust",
    )
    stock_transfer: StockPayload | None = mutation(
        "Moves goods between locations.", services.StockTransfer, services.transfer, "stock:adjust"
    )


MODULE = Module(
    "inventory",
    Query,
    requires=("catalog",),
    mutation=Mutation,
    types=(*ERRORS, InsufficientStockError, StaleStockError),
    extends=(ProductInventory, ProductWhereInventory),
    nodes=(
        loaders.WarehouseById,
        loaders.LocationById,
        loaders.StockLevelById,
        loaders.StockMoveById,
    ),
)
