"""Stock: where goods are, how many, and every move that brought them there."""

from typing import Any

import strawberry

from core.inventory import LocationKind
from core.paging import DEFAULT_PAGE, MAX_PAGE
from db import inventory as tables
from execution import POINT, Args, BatchField, argument, extends, number
from loaders import inventory as loaders
from loaders.catalog import ProductById, products
from loaders.kit.filter_prices import RELATED_PRICE, price
from loaders.kit.usual import whole
from resolvers import aggregates, relations
from resolvers import inventory as resolvers
from resolvers.columns import stored
from resolvers.relations import through
from schema.aggregates import QuantityAggregate, aggregate, counted, summed
from schema.catalog import Product, ProductWhere
from schema.fields import (
    batched,
    choice,
    column,
    computed,
    fact,
    guarded,
    many,
    moment,
    node_id,
    node_type,
    one,
    page_rows,
    referred,
    same,
)
from schema.inputs import enum_type, order_input, where_extension, where_input
from schema.parties import Party, party
from schema.scalars import DateTime, Decimal
from schema.shared import (
    PAGE_OF_LIST,
    Connection,
    IDFilter,
    Node,
)

enum_type(LocationKind)
StockLevelWhere = where_input(loaders.levels, "stock levels")
StockLevelOrderBy = order_input(loaders.levels, "stock levels")
StockMoveWhere = where_input(loaders.moves, "stock moves")


@node_type(loaders.warehouses, "A site with locations in it.")
class Warehouse(Node):
    id: strawberry.ID = node_id(loaders.warehouses)
    code: str = column(tables.Warehouse.code, "The tenant's own key of the warehouse; unique.")
    name: str = column(tables.Warehouse.name, "Its name as people read it; not unique.")
    rank: int | None = column(
        tables.Warehouse.rank,
        "Its place among the warehouses that orders are served from, from 1; null: after those that have one.",
    )
    address: Party | None = party("Where it is; null where nobody said so.", "address")
    archived_at: DateTime | None = moment(
        tables.Warehouse.archived_at, "Since when it is out of use; null while it is in use."
    )
    version: int = column(tables.Warehouse.version, "Rises with every change; for expectedVersion.")
    locations: Connection["Location"] = many("Its locations, by code.", loaders.LocationsOfWarehouse, "id")


@node_type(loaders.locations, "A place that holds goods, or that goods come from or go to.")
class Location(Node):
    id: strawberry.ID = node_id(loaders.locations)
    code: str = column(tables.Location.code, "The tenant's own key of the location; unique over all warehouses.")
    name: str = column(tables.Location.name, "Its name as people read it; not unique.")
    kind: LocationKind = choice(
        tables.Location.kind,
        LocationKind,
        "Whether it holds the tenant's own goods, or goods only come from it or go to it.",
    )
    warehouse: Warehouse | None = one(
        tables.Location.warehouse_id, loaders.WarehouseById, "The warehouse that it is in; null for places outside."
    )
    archived_at: DateTime | None = moment(
        tables.Location.archived_at, "Since when it is out of use; null while it is in use."
    )
    version: int = column(tables.Location.version, "Rises with every change; for expectedVersion.")
    stock_levels: "StockLevelConnection" = many(
        "The products there, and how many of each.",
        loaders.LevelsOfLocation,
        "id",
        where=StockLevelWhere,
        order=StockLevelOrderBy,
    )


@node_type(loaders.levels, "How many of a product are at a location.")
class StockLevel(Node):
    id: strawberry.ID = node_id(loaders.levels)
    product: Product = one(tables.StockLevel.product_id, ProductById, "The product that is there.")
    location: Location = one(tables.StockLevel.location_id, loaders.LocationById, "The location of these goods.")
    on_hand: Decimal = column(tables.StockLevel.on_hand, "How many are there, in the product's unit.")
    reserved: Decimal = column(tables.StockLevel.reserved, "How many of them are promised to orders.")
    available: Decimal = column(
        tables.StockLevel.available,
        "onHand - reserved, the number not promised to any order, at a location whose goods can be sold"
        " (INTERNAL) and of a lot that is neither expired nor blocked; else 0.",
    )
    incoming: Decimal = column(tables.StockLevel.incoming, "How many are announced and haven't arrived yet.")
    updated_at: DateTime = moment(tables.StockLevel.updated_at, "When it was last changed.")


@strawberry.type(description="Sums over stock levels.")
class StockLevelAggregate:
    count: int = counted(loaders.levels, "count", "The number of levels.")
    product_count: int = counted(loaders.levels, "productCount", "The number of different products.")
    on_hand: list[QuantityAggregate] = summed(loaders.levels, "onHand", "How many are there, in each unit.")
    reserved: list[QuantityAggregate] = summed(
        loaders.levels, "reserved", "How many of them are promised to orders, in each unit."
    )
    available: list[QuantityAggregate] = summed(
        loaders.levels, "available", "How many can be sold and are not promised to any order, in each unit."
    )


@strawberry.type(name="StockLevelConnection", description=PAGE_OF_LIST)
class StockLevelConnection(Connection[StockLevel]):
    aggregate: StockLevelAggregate = aggregate()


@node_type(
    loaders.moves,
    "One line of the stock ledger: goods moved from one location to another. Never changed, never deleted.",
)
class StockMove(Node):
    id: strawberry.ID = node_id(loaders.moves)
    product: Product = one(tables.StockMove.product_id, ProductById, "What was moved.")
    source: Location = one(tables.StockMove.source_id, loaders.LocationById, "The location that the goods left.")
    destination: Location = one(
        tables.StockMove.destination_id, loaders.LocationById, "The location that the goods came to."
    )
    quantity: Decimal = column(tables.StockMove.quantity, "How many, in the product's unit; always positive.")
    reason: str = column(tables.StockMove.reason, "Why the goods were moved, in a word or a sentence.")
    occurred_at: DateTime = moment(tables.StockMove.occurred_at, "When the goods were moved.")
    principal: str = column(
        tables.StockMove.principal, "The principal that did it: the name of the key, or the subject of the token."
    )


def _sum(description: str, name: str) -> Any:
    return computed(description, through(loaders.StockOfProduct, "id", name, missing="0"), ["id"])


def _apart(description: str, name: str) -> Any:
    return computed(description, through(loaders.StockApart, "id", name, missing="0"), ["id"])


@strawberry.type(
    description="A product's stock over all locations whose goods can be sold, and separately the goods that can't be sold now."
)
class ProductStock:
    on_hand: Decimal = _sum("How many are there, in the product's unit.", "on_hand")
    reserved: Decimal = _sum("How many of them are promised to orders.", "reserved")
    available: Decimal = _sum(
        "onHand - reserved, without what is expired or blocked: how many can be promised to orders.", "available"
    )
    expired: Decimal = _sum(
        "How many of those on hand belong to lots that are expired or blocked; they aren't available.", "expired"
    )
    incoming: Decimal = _sum("How many are announced and haven't arrived yet.", "incoming")
    quarantined: Decimal = _apart("How many are in quarantine: not in onHand, and nobody may sell them.", "quarantined")
    in_transit: Decimal = _apart("How many are between two places: not in onHand, and not for sale yet.", "in_transit")
    levels: StockLevelConnection = many(
        "The stock levels that add up to these sums.", loaders.LevelsOfProduct, "id", where=StockLevelWhere
    )


@strawberry.type(description="Goods that came from places of one kind, and went there.")
class StockFlow:
    kind: LocationKind = fact("The kind of the other places: CUSTOMER for what was shipped and what came back.", "kind")
    inbound: Decimal = fact("How many came, in the product's unit.", "inbound")
    outbound: Decimal = fact("How many went, in the product's unit.", "outbound")


@strawberry.type(
    description="Stock at the beginning of a time and at its end, and what came and went: opening + all inbound - all outbound"
    " = closing."
)
class ProductMovement:
    opening: Decimal = fact("How many were there at the beginning, in the product's unit.", "opening")
    closing: Decimal = fact("How many were there at the end.", "closing")
    flows: list[StockFlow] = batched(
        "What came and went, by the kind of the other places. Moves between places of the stock itself are left out.",
        stored("flows"),
        size=len(LocationKind),
    )
    turnover: Decimal | None = fact(
        "What was shipped, less what came back, divided by the mean of the stock over the time; six decimals. Null where"
        " there was no stock.",
        "turnover",
    )
    last_shipped_at: DateTime | None = computed(
        "When any were last shipped, before the end; null where never.", aggregates.moment("lastShippedAt"), width=22
    )


LEDGER = 5
"""Points for what a product's moves over a time take; the time that they really take is charged afterwards."""


@extends(Product)
class ProductInventory:
    movement: ProductMovement = batched(
        "What came and went over a time, at all locations whose goods can be sold together.",
        resolvers.movement,
        argument("from", DateTime, "The first moment of it."),
        argument("to", DateTime | None, "The first moment after it; now where left out."),
        needs=["id"],
        permission="stock:read",
        cost=(1 + LEDGER) * POINT,
    )
    stock: ProductStock = same("How many are in stock, over all locations and in each.", "id", permission="stock:read")


ProductWhereInventory = where_extension(products, ProductWhere, "available")


@strawberry.type(
    description="A place where the books contradict themselves. There should be none: the cause is a fault of this program,"
    " or a manual change in the database."
)
class StockDifference:
    rule: str = fact("The rule of the books that is broken, in words.", "rule")
    product: Product | None = referred("The product concerned.", ProductById, "product_id")
    location: Location | None = referred(
        "The location concerned; null where there is none.", loaders.LocationById, "location_id"
    )
    expected: Decimal | None = fact(
        "The value that follows from moves and orders; null where it isn't a number.", "expected"
    )
    actual: Decimal | None = fact("The value that the books have instead; null where it isn't a number.", "actual")


@strawberry.type(description="How many of a product were at a location at a time.")
class StockPosition:
    product: Product = one(tables.StockLevel.product_id, ProductById, "The product that was there.")
    location: Location = one(tables.StockLevel.location_id, loaders.LocationById, "Where it was.")
    on_hand: Decimal = column(tables.StockLevel.on_hand, "How many were there, in the product's unit.")


@strawberry.type(description="Sums over stock positions.")
class StockPositionAggregate:
    count: int = counted(loaders.positions, "count", "The number of positions.")
    on_hand: list[QuantityAggregate] = summed(loaders.positions, "onHand", "How many were there, in each unit.")


@strawberry.type(name="StockPositionConnection", description=PAGE_OF_LIST)
class StockPositionConnection(Connection[StockPosition]):
    aggregate: StockPositionAggregate = aggregate()


def _past(args: Args, _above: int) -> int:
    """What reading the ledger takes, and what narrows it."""
    where = {name: args.get(name) for name in ("productWhere", "location")}
    return POINT * (RELATED_PRICE + price(where, loaders.positions.filters))


def _positions() -> Any:
    """Stock in the past: a connection with arguments of its own."""
    arguments = [
        argument("at", DateTime, "The time; moves at it and later aren't counted."),
        argument("first", int | None, f"How many from the start: 0 to {MAX_PAGE}, {DEFAULT_PAGE} where left out."),
        argument("after", str | None, "Only what follows the row with this cursor."),
        argument("productWhere", ProductWhere | None, "Only of these products. Needs catalog:read."),
        argument("location", IDFilter | None, "Only at these locations: their ids (loc_…)."),
    ]
    return BatchField(
        relations.many(loaders.LevelsAt),
        arguments=arguments,
        cost=0,  # its parts have prices of their own
        rows=page_rows,
        whole=whole(loaders.LevelsAt),
        besides=_past,
        **guarded(
            "How many of what were where at a time in the past, by product and location; only what wasn't zero. From the"
            " ledger, exactly.",
            "stock:read",
        ),
    )


@strawberry.type
class Query:
    stock_positions: StockPositionConnection = _positions()
    stock_differences: list[StockDifference] = batched(
        "Recomputes balances, reservations and orders' progress from moves and orders, and lists every difference: an"
        " empty list is good news. Reads all of the tenant's stock and orders.",
        resolvers.stock_differences,
        argument("first", int, "How many differences at most, 0 to 500.", 100),
        permission="stock:verify",
        size=lambda args, _rows: number(args.get("first"), 100, resolvers.MAX_DIFFERENCES),
    )
    warehouses: Connection[Warehouse] = many("The tenant's warehouses, by code.", loaders.Warehouses)
    stock_levels: StockLevelConnection = many(
        "How many of each product are at each location.",
        loaders.StockLevels,
        where=StockLevelWhere,
        order=StockLevelOrderBy,
    )
    stock_moves: Connection[StockMove] = many(
        "The stock ledger, newest first.", loaders.StockMoves, where=StockMoveWhere
    )
