"""Stock: where goods are, how many, and every move that brought them there."""

from enum import Enum
from typing import Any, Optional

import strawberry

from execution import argument, extends
from loaders import inventory as loaders
from loaders.catalog import ProductById
from resolvers import inventory as resolvers
from resolvers.relations import through
from schema.catalog import Product, ProductRef, ProductWhere
from schema.commands import ERRORS, UserError, changed, given, listed, mutation, retry_key, user_errors
from schema.fields import batched, column, computed, many, moment, node_id, node_type, one, same
from schema.module import Module
from schema.scalars import DateTime, Decimal
from schema.shared import (
    DIRECTION,
    SORTED_BY,
    Connection,
    DateTimeFilter,
    DecimalFilter,
    IDFilter,
    Node,
    SortDirection,
    op,
)
from services import inventory as services


@strawberry.enum(description="What a location is. Goods come from and go to places that aren't shelves, too.")
class LocationKind(Enum):
    INTERNAL = strawberry.enum_value("INTERNAL", description="A place of the tenant's own, whose goods can be sold.")
    SUPPLIER = strawberry.enum_value("SUPPLIER", description="Where received goods come from; it has no stock.")
    CUSTOMER = strawberry.enum_value("CUSTOMER", description="Where shipped goods go; it has no stock.")
    TRANSIT = strawberry.enum_value("TRANSIT", description="Between two places of the tenant's own.")
    QUARANTINE = strawberry.enum_value("QUARANTINE", description="The tenant's own goods that nobody may sell.")
    LOSS = strawberry.enum_value("LOSS", description="Where lost and scrapped goods go, and found ones come from.")


@strawberry.input(description="Conditions on stock levels; all that are given must hold.")
class StockLevelWhere:
    and_: list["StockLevelWhere"] | None = op("All of these conditions hold; an empty list always does.", "and")
    or_: list["StockLevelWhere"] | None = op(
        "At least one of these holds; an empty list matches nothing, and none of them may be without a condition.", "or"
    )
    not_: Optional["StockLevelWhere"] = op("What this says isn't true: a row whose value is null passes, too.", "not")
    product: IDFilter | None = op("By the id of the product (prod_…).")
    location: IDFilter | None = op("By the id of the location (loc_…).")
    on_hand: DecimalFilter | None = op("By how many are there, in the product's unit.")
    available: DecimalFilter | None = op("By how many are there, can be sold and are not promised to orders.")


@strawberry.enum(description="What stock levels can be sorted by.")
class StockLevelOrderField(Enum):
    ON_HAND = strawberry.enum_value("ON_HAND", description="How many are there, whatever the unit.")
    AVAILABLE = strawberry.enum_value(
        "AVAILABLE", description="How many are there, can be sold and are not promised to orders, whatever the unit."
    )
    UPDATED_AT = strawberry.enum_value("UPDATED_AT", description="When it was last changed.")


@strawberry.input(description="What stock levels are sorted by, and in which direction.")
class StockLevelOrderBy:
    field: StockLevelOrderField = strawberry.field(description=SORTED_BY)
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=DIRECTION)


@strawberry.input(description="Conditions on stock moves; all that are given must hold.")
class StockMoveWhere:
    and_: list["StockMoveWhere"] | None = op("All of these conditions hold; an empty list always does.", "and")
    or_: list["StockMoveWhere"] | None = op(
        "At least one of these holds; an empty list matches nothing, and none of them may be without a condition.", "or"
    )
    not_: Optional["StockMoveWhere"] = op("What this says isn't true: a row whose value is null passes, too.", "not")
    product: IDFilter | None = op("By the id of the product (prod_…).")
    source: IDFilter | None = op("By the id of the location that the goods left.")
    destination: IDFilter | None = op("By the id of the location that the goods came to.")
    occurred_at: DateTimeFilter | None = op("By when the goods were moved.")


@node_type(loaders.warehouses, "A site with locations in it.")
class Warehouse(Node):
    id: strawberry.ID = node_id("wh")
    code: str = column("The tenant's own key of the warehouse; unique.", "code")
    name: str = column("Its name as people read it; not unique.", "name")
    locations: Connection["Location"] = many("Its locations, by code.", loaders.LocationsOfWarehouse, "id")


@node_type(loaders.locations, "A place that goods are at, come from or go to.")
class Location(Node):
    id: strawberry.ID = node_id("loc")
    code: str = column("The tenant's own key of the location; unique over all warehouses.", "code")
    name: str = column("Its name as people read it; not unique.", "name")
    kind: LocationKind = column("A shelf of the tenant's own, or a place that goods come from or go to.", "kind")
    warehouse: Warehouse | None = one("Where it is; null for places outside.", loaders.WarehouseById, "warehouse_id")
    stock_levels: Connection["StockLevel"] = many(
        "How many of what are there.", loaders.LevelsOfLocation, "id", where=StockLevelWhere, order=StockLevelOrderBy
    )


@node_type(loaders.levels, "How many of a product are at a location.")
class StockLevel(Node):
    id: strawberry.ID = node_id("stl")
    product: Product = one("What it is that is there.", ProductById, "product_id")
    location: Location = one("Where it is.", loaders.LocationById, "location_id")
    on_hand: Decimal = column("How many are there, in the product's unit.", "on_hand")
    reserved: Decimal = column("How many of them are promised to orders.", "reserved")
    available: Decimal = column(
        "onHand - reserved, how many are there that no order was promised, at a location whose goods can be sold"
        " (INTERNAL); 0 at any other.",
        "available",
    )
    incoming: Decimal = column("How many are announced and not there yet.", "incoming")
    updated_at: DateTime = moment("When it was last changed.", "updated_at")


@node_type(
    loaders.moves,
    "One line of the stock ledger: goods moved from one location to another. Never changed, never deleted.",
)
class StockMove(Node):
    id: strawberry.ID = node_id("mov")
    product: Product = one("What was moved.", ProductById, "product_id")
    source: Location = one("Where it left.", loaders.LocationById, "source_id")
    destination: Location = one("Where it came to.", loaders.LocationById, "destination_id")
    quantity: Decimal = column("How many, in the product's unit; always positive.", "quantity")
    reason: str = column("Why they were moved, in a word or a sentence.", "reason")
    occurred_at: DateTime = moment("When the goods were moved.", "occurred_at")
    principal: str = column("Who did it: the name of the key, or the subject of the token.", "principal")


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


@extends(ProductWhere)
class ProductWhereInventory:
    available: DecimalFilter | None = op("By how many are there and not reserved, over all locations.")


@strawberry.type(
    description="A place where the books contradict themselves. There should be none; what makes one is a fault of ours,"
    " or a hand in the database."
)
class StockDifference:
    rule: str = column("Which rule of the books is broken, as people call it.", "rule")
    product: Product | None = one("The product that it is about.", ProductById, "product_id")
    location: Location | None = one(
        "The location that it is about; null where it is about none.", loaders.LocationById, "location_id"
    )
    expected: Decimal | None = column(
        "What should be there, by moves and orders; null where it isn't a number.", "expected"
    )
    actual: Decimal | None = column("What the books say instead; null where it isn't a number.", "actual")


@strawberry.type
class Query:
    stock_differences: list[StockDifference] = batched(
        "Recomputes balances, reservations and orders' progress from moves and orders, and lists every difference: an"
        " empty list is good news. Reads all of the tenant's stock and orders.",
        resolvers.stock_differences,
        argument("first", int, "At most so many differences, 0 to 500.", 100),
        permission="stock:verify",
    )
    warehouses: Connection[Warehouse] = many("The tenant's warehouses, by code.", loaders.Warehouses)
    stock_levels: Connection[StockLevel] = many(
        "How many of what are where.", loaders.StockLevels, where=StockLevelWhere, order=StockLevelOrderBy
    )
    stock_moves: Connection[StockMove] = many(
        "The stock ledger, newest first.", loaders.StockMoves, where=StockMoveWhere
    )


@strawberry.type(description="More is wanted than is available of a product, or reserved for a line.")
class InsufficientStockError(UserError):
    product: Product = one("The product of which there isn't enough.", ProductById, "product_id")
    requested: Decimal = column("How many are wanted in all, in the product's unit.", "requested")
    available: Decimal = column("How many can be had for this, in the product's unit.", "available")


@strawberry.type(description="The stock isn't what the caller saw. Count again, and say what is there now.")
class StaleStockError(UserError):
    expected: Decimal = column("How many the caller saw before the count, in the product's unit.", "expected")
    actual: Decimal = column("How many are there now, in the product's unit.", "actual")


@strawberry.input(description="A warehouse to be made; locations are added to it afterwards.")
class WarehouseCreateInput:
    code: str = given("The tenant's own key of the warehouse; unique.")
    name: str = given("Its name as people read it; not unique.")
    idempotency_key: str | None = retry_key()


@strawberry.input(description="A location to be made in a warehouse that is there.")
class LocationCreateInput:
    warehouse: strawberry.ID = given("The id of the warehouse that it is in.")
    code: str = given("The tenant's own key of the location; unique over all warehouses.")
    name: str = given("Its name as people read it; not unique.")
    kind: LocationKind = strawberry.field(
        default=LocationKind.INTERNAL,
        description="A shelf of the tenant's own, or a place that goods come from or go to.",
    )
    idempotency_key: str | None = retry_key()


@strawberry.input(description="By how much the balance of a product at a location changes.")
class StockAdjustLine:
    product: ProductRef = given("The product, by one of its keys.")
    location: strawberry.ID = given("Where they are: the id of a location (loc_…).")
    delta: Decimal = given("How many more, or, negative, less: not zero, at most six decimals.")


@strawberry.input(description="Differences to balances: what was found, what is lost.")
class StockAdjustInput:
    lines: list[StockAdjustLine] = given("1 to 500 differences: all, or none.")
    reason: str = given("Why, in a word or a sentence; the moves carry it.")
    idempotency_key: str | None = retry_key()


@strawberry.input(description="How many of a product were counted at a location.")
class StockSetLine:
    product: ProductRef = given("The product, by one of its keys.")
    location: strawberry.ID = given("Where they are: the id of a location (loc_…).")
    on_hand: Decimal = given("How many are there; not less than are reserved.")
    expected_on_hand: Decimal | None = op("What the caller saw before the count; null: whatever it is now.")


@strawberry.input(description="Balances as they were counted, to be put in the place of those in the books.")
class StockSetInput:
    lines: list[StockSetLine] = given("1 to 500 balances: all, or none.")
    reason: str = given("Why, in a word or a sentence; the moves carry it.")
    idempotency_key: str | None = retry_key()


@strawberry.input(description="A quantity of a product to be moved.")
class StockTransferLine:
    product: ProductRef = given("The product, by one of its keys.")
    quantity: Decimal = given("How many, in the product's unit: more than zero, at most six decimals.")


@strawberry.input(description="Goods to be moved from one location to another.")
class StockTransferInput:
    lines: list[StockTransferLine] = given("1 to 500 quantities: all, or none.")
    source: strawberry.ID = given("The id of the location that they leave.")
    destination: strawberry.ID = given("The id of the location that they come to.")
    reason: str | None = op("Why, in a word or a sentence; the moves carry it.")
    idempotency_key: str | None = retry_key()


@strawberry.type(description="A warehouse after it was made, or why it wasn't.")
class WarehousePayload:
    warehouse: Warehouse | None = one(changed("The warehouse"), loaders.WarehouseById, "warehouse_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="A location after it was made, or why it wasn't.")
class LocationPayload:
    location: Location | None = one(changed("The location"), loaders.LocationById, "location_id")
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
        WarehouseCreateInput,
        "warehouses:write",
    )
    location_create: LocationPayload | None = mutation(
        "Makes a location in a warehouse.",
        services.LocationCreate,
        services.create_location,
        LocationCreateInput,
        "warehouses:write",
    )
    stock_adjust: StockPayload | None = mutation(
        "Changes balances by differences. Goods that arrive go to the orders that wait for them, oldest first.",
        services.StockAdjust,
        services.adjust,
        StockAdjustInput,
        "stock:adjust",
    )
    stock_set: StockPayload | None = mutation(
        "Sets balances to a counted quantity, if they still are what the caller saw.",
        services.StockSet,
        services.set_counted,
        StockSetInput,
        "stock:adjust",
    )
    stock_transfer: StockPayload | None = mutation(
        "Moves goods between locations.", services.StockTransfer, services.transfer, StockTransferInput, "stock:adjust"
    )


MODULE = Module(
    "inventory",
    Query,
    requires=("catalog",),
    mutation=Mutation,
    types=(*ERRORS, InsufficientStockError, StaleStockError),
    extends=(ProductInventory, ProductWhereInventory),
    nodes={
        "wh": loaders.WarehouseById,
        "loc": loaders.LocationById,
        "stl": loaders.StockLevelById,
        "mov": loaders.StockMoveById,
    },
)
