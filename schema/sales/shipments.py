"""Shipments: goods that left together for an order."""

import strawberry

from core.sales import ShipmentStatus
from db import sales as tables
from execution import extends
from loaders import sales as loaders
from loaders.inventory import LocationById
from resolvers.relations import everything
from schema.commands import UserError, changed, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import batched, choice, column, many, moment, node_id, node_type, one, referred
from schema.inputs import enum_type, order_input, where_input
from schema.inventory import Location
from schema.parties import Party, party
from schema.sales.reading import LineItem, Order
from schema.sales.writing import OrderPayload
from schema.scalars import DateTime, Decimal
from schema.shared import Connection, Node
from services import sales as services
from services.kit.command import MAX_LINES

enum_type(ShipmentStatus)
ShipmentWhere = where_input(loaders.shipments, "shipments")
ShipmentOrderBy = order_input(loaders.shipments, "shipments")


@node_type(loaders.shipment_lines, "What left of one line of an order, from one location.")
class ShipmentLine:
    line_item: LineItem = one(tables.ShipmentLine.line_item_id, loaders.LineItemById, "The line of the order.")
    quantity: Decimal = column(tables.ShipmentLine.quantity, "How many left, in the product's unit.")
    location: Location = one(tables.ShipmentLine.location_id, LocationById, "The location that they left from.")


@node_type(loaders.shipments, "Goods that left together for an order.")
class Shipment(Node):
    id: strawberry.ID = node_id(loaders.shipments)
    number: str = column(
        tables.Shipment.number,
        "The number that people use: the order's with a count, such as SO-2026-000087-1; unique.",
    )
    status: ShipmentStatus = choice(tables.Shipment.status, ShipmentStatus, "Whether it stands or was cancelled.")
    order: Order = one(tables.Shipment.order_id, loaders.OrderById, "The order that it serves.")
    address: Party | None = party(
        "Where it went: the order's shipping address as it was when the goods left; null where there was none.",
        "address",
    )
    carrier: str | None = column(tables.Shipment.carrier, "The carrier of the goods; null where nobody said it.")
    tracking_number: str | None = column(
        tables.Shipment.tracking_number, "The carrier's number of the shipment; null where there is none."
    )
    note: str | None = column(tables.Shipment.note, "A free text; null where there is none.")
    shipped_at: DateTime = moment(tables.Shipment.shipped_at, "When the goods left.")
    lines: list[ShipmentLine] = batched(
        "What left, in the order of the order's lines: an entry for each location that goods of a line left from.",
        everything(loaders.LinesOfShipment, "id"),
        needs=["id"],
        size=MAX_LINES,
    )
    version: int = column(tables.Shipment.version, "Rises with every change of the shipment; for expectedVersion.")
    created_at: DateTime = moment(tables.Shipment.created_at, "When it was stored; shippedAt is when the goods left.")
    updated_at: DateTime = moment(tables.Shipment.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


@extends(Order)
class OrderShipments:
    shipments: Connection[Shipment] = many(
        "What has left for it, newest first where no order is given.",
        loaders.ShipmentsOfOrder,
        "id",
        where=ShipmentWhere,
        order=ShipmentOrderBy,
    )


@extends(OrderPayload)
class OrderPayloadShipment:
    shipment: Shipment | None = referred(
        "The shipment that orderShip created; null after other commands, and where nothing was shipped.",
        loaders.ShipmentById,
        "shipment_id",
    )


@strawberry.type
class ShipmentQuery:
    shipments: Connection[Shipment] = many(
        "The tenant's shipments, newest first where no order is given.",
        loaders.Shipments,
        where=ShipmentWhere,
        order=ShipmentOrderBy,
    )


@strawberry.type(description="The changed shipment, or the problems.")
class ShipmentPayload:
    shipment: Shipment | None = referred(changed("The shipment as it is now"), loaders.ShipmentById, "shipment_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class ShipmentMutation:
    shipment_update: ShipmentPayload | None = mutation(
        "Changes what is written about a shipment.",
        services.ShipmentUpdate,
        services.update_shipment,
        "orders:fulfil",
    )
    shipment_cancel: ShipmentPayload | None = mutation(
        "Cancels a shipment that was a mistake, while nothing of it was returned: its goods are back where they left from,"
        " and reserved for the order again.",
        services.ShipmentCancel,
        services.cancel_shipment,
        "orders:fulfil",
    )
