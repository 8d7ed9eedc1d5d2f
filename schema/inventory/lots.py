"""Lots: goods of a product that are told apart, and serial numbers, which are lots of one."""

import strawberry

from core.inventory import LOT_EXPIRED
from db import inventory as tables
from execution import extends
from loaders.catalog import ProductById
from loaders.inventory import lots as loaders
from schema.catalog import Product
from schema.commands import UserError, changed, error_type, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import column, fact, many, moment, node_id, node_type, one, referred
from schema.inputs import order_input, where_input
from schema.inventory.reading import (
    StockLevel,
    StockLevelConnection,
    StockLevelWhere,
    StockMove,
    StockMoveWhere,
    StockPosition,
)
from schema.scalars import Date, DateTime, Decimal
from schema.shared import Connection, Node
from services import inventory as services

LotWhere = where_input(loaders.lots, "lots")
LotOrderBy = order_input(loaders.lots, "lots")


@node_type(
    loaders.lots,
    "Goods of a product that were made together; of a product tracked by SERIAL a single one. Created when its first goods come.",
)
class Lot(Node):
    id: strawberry.ID = node_id(loaders.lots)
    code: str = column(tables.Lot.code, "The code on the goods, or the serial number; unique in the product.")
    product: Product = one(tables.Lot.product_id, ProductById, "The product that it is a lot of.")
    expires_on: Date | None = fact(
        "The last day that its goods may be sold, where the tenant is; null: they don't expire.", "expires_on"
    )
    blocked: bool = column(tables.Lot.blocked, "Whether its goods may not be sold, whatever the day.")
    on_hand: Decimal = fact(
        "How many are there, over all locations of the tenant's own: also in quarantine, and on the way.", "on_hand"
    )
    stock_levels: StockLevelConnection = many(
        "The balances of its goods, location by location.", loaders.LevelsOfLot, "id", where=StockLevelWhere
    )
    moves: Connection[StockMove] = many(
        "Where its goods came from and went to, newest first.", loaders.MovesOfLot, "id", where=StockMoveWhere
    )
    version: int = column(tables.Lot.version, "Rises with every change; for expectedVersion.")
    created_at: DateTime = moment(tables.Lot.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.Lot.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


@error_type("The lot is expired or blocked: its goods can be returned, moved or written off, not sold.", LOT_EXPIRED)
class LotExpiredError(UserError):
    lot: Lot = referred("The lot whose goods may not be sold.", loaders.LotById, "lot_id")


_LOT = "The lot of these goods; null where the product isn't tracked."


@extends(StockLevel)
class StockLevelLot:
    lot: Lot | None = one(tables.StockLevel.lot_id, loaders.LotById, _LOT)


@extends(StockMove)
class StockMoveLot:
    lot: Lot | None = one(tables.StockMove.lot_id, loaders.LotById, _LOT)


@extends(StockPosition)
class StockPositionLot:
    lot: Lot | None = one(tables.StockLevel.lot_id, loaders.LotById, _LOT)


@extends(Product)
class ProductLots:
    lots: Connection[Lot] = many(
        "Its lots, by their last day where no order is given.",
        loaders.LotsOfProduct,
        "id",
        where=LotWhere,
        order=LotOrderBy,
    )


@strawberry.type
class LotQuery:
    lots: Connection[Lot] = many(
        "The tenant's lots, by their last day where no order is given.", loaders.Lots, where=LotWhere, order=LotOrderBy
    )


@strawberry.type(description="The changed lot, or the problems.")
class LotPayload:
    lot: Lot | None = referred(changed("The lot as it is now"), loaders.LotById, "lot_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class LotMutation:
    lot_update: LotPayload | None = mutation(
        "Changes the last day of a lot, or blocks it. Goods that may be sold again go to the orders that wait for them.",
        services.LotUpdate,
        services.update_lot,
        "stock:adjust",
    )
