"""Receipts: goods of a purchase order that came in one delivery."""

import strawberry

from db import purchasing as tables
from execution import extends
from loaders import purchasing as loaders
from loaders.inventory import LocationById, moves
from resolvers.relations import everything
from schema.events import Event, timeline
from schema.fields import batched, column, many, moment, node_id, node_type, one, referred
from schema.inputs import where_extension
from schema.inventory import Location, StockMove, StockMoveWhere
from schema.purchasing.reading import PurchaseLine, PurchaseOrder
from schema.scalars import DateTime, Decimal
from schema.shared import Connection, Node
from services.kit.command import MAX_LINES


@node_type(loaders.receipt_lines, "What came of one line of a purchase order, to one location.")
class ReceiptLine:
    purchase_line: PurchaseLine = one(
        tables.ReceiptLine.purchase_line_id, loaders.PurchaseLineById, "The line of the purchase order."
    )
    quantity: Decimal = column(tables.ReceiptLine.quantity, "How many came, in the product's unit.")
    location: Location = one(tables.ReceiptLine.location_id, LocationById, "The location that they came to.")


@node_type(loaders.receipts, "Goods of a purchase order that came in one delivery. Never changed.")
class Receipt(Node):
    id: strawberry.ID = node_id(loaders.receipts)
    number: str = column(
        tables.Receipt.number,
        "The number that people use: the purchase order's with a count, such as PO-2026-000087-1; unique.",
    )
    purchase_order: PurchaseOrder = one(
        tables.Receipt.purchase_order_id, loaders.PurchaseOrderById, "The purchase order that they were ordered by."
    )
    reference: str | None = column(
        tables.Receipt.reference, "The number of the supplier's delivery note; null where there is none."
    )
    received_at: DateTime = moment(tables.Receipt.received_at, "When they were booked.")
    principal: str = column(
        tables.Receipt.principal, "The principal that did it: the name of the key, or the subject of the token."
    )
    lines: list[ReceiptLine] = batched(
        "What came, in the order of the input: an entry for each location that goods of a line came to.",
        everything(loaders.LinesOfReceipt, "id"),
        needs=["id"],
        size=MAX_LINES,
    )
    moves: Connection[StockMove] = many(
        "The moves that brought them into stock.", loaders.MovesOfReceipt, "id", where=StockMoveWhere
    )
    events: Connection[Event] = timeline()


@extends(PurchaseOrder)
class PurchaseOrderReceipts:
    receipts: Connection[Receipt] = many("What has come of it, newest first.", loaders.ReceiptsOfPurchaseOrder, "id")


StockMoveWhereReceipt = where_extension(moves, StockMoveWhere, "receipt")


@extends(StockMove)
class StockMovePurchasing:
    receipt: Receipt | None = referred(
        "The receipt that the move belongs to; null for other moves.", loaders.ReceiptOfMove, "id"
    )
    purchase_line: PurchaseLine | None = referred(
        "The line of a purchase order that caused the move; null for other moves.", loaders.PurchaseLineOfMove, "id"
    )
