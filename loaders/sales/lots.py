"""Lots as orders see them: which are reserved for a line, and whom their goods went to."""

from typing import Any

from sqlalchemy import exists, select

from db.inventory import Reservation
from db.sales import Order, Shipment, ShipmentLine
from loaders.kit import filters
from loaders.kit.all import All
from loaders.kit.entity import Entity
from loaders.kit.many import Many
from loaders.kit.one import TENANT
from loaders.kit.statements import constant
from loaders.sales import orders, shipment_lines

reservations = Entity(Reservation, "LineItemHold", "rsv", "stock:read")


def _shipped_with(condition: Any) -> Any:
    """Orders for which goods that fulfil a condition left, in shipments that stand."""
    its = (Shipment.tenant_id == TENANT) & (Shipment.id == ShipmentLine.shipment_id)
    rows = select(ShipmentLine.id).join(Shipment, its & (Shipment.status == constant("SHIPPED")))
    mine = (ShipmentLine.tenant_id == TENANT) & (Shipment.order_id == Order.id)
    return exists(rows.where(mine, condition).correlate(Order))


orders.filters["lot"] = filters.identifier(
    ShipmentLine.lot_id,
    "lot",
    "By the id of a lot of which goods left for it, in shipments that stand (lot_…): whom a lot went to.",
    _shipped_with,
    "stock:read",
)


class LinesOfLot(Many):
    """What of a lot went to whom."""

    entity = shipment_lines
    key = "lot_id"

    def condition(self) -> list[Any]:
        stands = select(Shipment.id).where(
            Shipment.tenant_id == TENANT,
            Shipment.id == ShipmentLine.shipment_id,
            Shipment.status == constant("SHIPPED"),
        )
        return [exists(stands.correlate(ShipmentLine))]


class HoldsOfLine(All):
    entity = reservations
    key = "line_item_id"
    order = ("location_id", "lot_id")
