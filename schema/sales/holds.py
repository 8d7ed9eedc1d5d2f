"""Holds: stock kept for somebody for a while."""

import strawberry

from core.sales import HoldStatus
from db import inventory as tables
from execution import argument
from loaders import sales as orders
from loaders.catalog import ProductById
from loaders.inventory import LocationById
from loaders.sales import holds as loaders
from resolvers import sales as resolvers
from resolvers.relations import everything
from schema.catalog import Product
from schema.commands import UserError, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import batched, choice, column, moment, node_id, node_type, one, referred
from schema.inputs import enum_type
from schema.inventory import Location
from schema.sales.reading import Order
from schema.scalars import DateTime, Decimal
from schema.shared import Connection, Node
from services import sales as services
from services.kit.command import MAX_LINES

enum_type(HoldStatus)


@node_type(loaders.hold_lines, "What is held of one product at one location.")
class StockHoldLine:
    product: Product = one(tables.StockHoldLine.product_id, ProductById, "The product that is held.")
    location: Location = one(tables.StockHoldLine.location_id, LocationById, "The location of the goods.")
    quantity: Decimal = column(tables.StockHoldLine.quantity, "How many are held, in the product's unit.")


@node_type(loaders.holds, "Stock that is kept for somebody for a while, such as a basket.")
class StockHold(Node):
    id: strawberry.ID = node_id(loaders.holds)
    reference: str = column(
        tables.StockHold.reference,
        "Whose it is, in the caller's words, such as a basket's number; unique among holds that stand.",
    )
    expires_at: DateTime = moment(tables.StockHold.expires_at, "When it ends by itself, by the database's clock.")
    status: HoldStatus = choice(
        tables.StockHold.status,
        HoldStatus,
        "Whether it stands, ended or became an order. EXPIRED from the moment expiresAt on.",
    )
    order: Order | None = one(
        tables.StockHold.order_id, orders.OrderById, "The order that it became; null where it became none."
    )
    lines: list[StockHoldLine] = batched(
        "What is held: an entry for each location that goods of a product are kept at. Empty once it has ended.",
        everything(loaders.LinesOfHold, "id"),
        needs=["id"],
        size=MAX_LINES,
    )
    version: int = column(tables.StockHold.version, "Rises with every change of the hold.")
    created_at: DateTime = moment(tables.StockHold.created_at, "When it was created.")
    updated_at: DateTime = moment(tables.StockHold.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


@strawberry.type
class HoldQuery:
    stock_hold: StockHold | None = batched(
        "A hold by its reference; null where none with it stands.",
        resolvers.hold,
        argument("reference", str, "Whose it is, as it was given to stockHold."),
        permission="stock:read",
    )


@strawberry.type(description="The created, changed or released hold, or the problems.")
class StockHoldPayload:
    hold: StockHold | None = referred(
        "The hold as it is now; null where the command was rejected, where there was nothing to let go, or with the error"
        " DONE_NOT_READ where it was carried out.",
        loaders.HoldById,
        "hold_id",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class HoldMutation:
    stock_hold: StockHoldPayload | None = mutation(
        "Keeps stock for a while under a reference, changes what is kept or until when, or lets it go.",
        services.StockHold,
        services.hold,
        "orders:write",
    )
