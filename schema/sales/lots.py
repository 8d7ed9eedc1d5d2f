"""Lots as orders see them: which are reserved for a line, and whom their goods went to."""

from db import inventory as stock
from db import sales as tables
from execution import extends
from loaders import sales as orders
from loaders.inventory import LocationById
from loaders.inventory.lots import LotById
from loaders.sales import lots as loaders
from resolvers.relations import everything
from schema.fields import batched, column, many, node_type, one
from schema.inputs import where_extension
from schema.inventory import Location
from schema.inventory.lots import Lot
from schema.sales.reading import LineItem, OrderWhere
from schema.sales.shipments import Shipment, ShipmentLine
from schema.scalars import Decimal
from schema.shared import Connection

HELD_AT = 20
"""Locations and lots that a line's goods are usually at, at most."""


@node_type(
    loaders.reservations, "What is reserved for a line at one location, and of one lot where the product is tracked."
)
class LineItemHold:
    location: Location = one(stock.Reservation.location_id, LocationById, "The location of the goods.")
    lot: Lot | None = one(stock.Reservation.lot_id, LotById, "Their lot; null where the product isn't tracked.")
    quantity: Decimal = column(stock.Reservation.quantity, "How many, in the product's unit.")


@extends(LineItem)
class LineItemHolds:
    holds: list[LineItemHold] = batched(
        "What is reserved for it now, where and of which lot.",
        everything(loaders.HoldsOfLine, "id"),
        needs=["id"],
        size=HELD_AT,
        permission="stock:read",
    )


@extends(ShipmentLine)
class ShipmentLineLot:
    lot: Lot | None = one(
        tables.ShipmentLine.lot_id, LotById, "The lot of the goods; null where the product wasn't tracked."
    )
    shipment: Shipment = one(tables.ShipmentLine.shipment_id, orders.ShipmentById, "The shipment that it belongs to.")


@extends(Lot)
class LotSales:
    shipment_lines: Connection[ShipmentLine] = many(
        "What of it left for which orders, oldest first, in shipments that stand: with shipment.order.customer, whom to notify where"
        " it is recalled.",
        loaders.LinesOfLot,
        "id",
    )


OrderWhereLot = where_extension(orders.orders, OrderWhere, "lot")
