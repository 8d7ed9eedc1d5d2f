"""What can be asked of orders."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from core.inventory import AllocationRule
from core.sales import ReturnDisposition
from services.catalog import ProductRef, TaxRef
from services.kit.command import (
    MAX_LINES,
    Caption,
    Command,
    Count,
    Currency,
    Id,
    Input,
    Key,
    Label,
    LongText,
    Price,
    Quantity,
    Ref,
    Title,
    Unit,
    Version,
)
from services.partners import PartnerRef, PriceListRef
from services.sales.addresses import OrderAddress

NEVER = datetime.max.replace(tzinfo=UTC)
"""Stands for a time that is left out where null isn't taken."""


class OrderRef(Ref):
    """Names one order by one of its keys."""

    prefix = "ord"

    id: Annotated[UUID, Id("ord")] | None = None
    """By the order's id (ord_…)."""
    number: Key | None = None
    """By the number that people use, exactly as stored."""
    external_id: Key | None = None
    """By its key in another system, exactly as stored."""


class LineItem(Input):
    """A line to order: a product, its quantity and its price."""

    product: ProductRef
    """The product to order, by one of its keys."""
    quantity: Quantity
    """How many, in unit: more than zero, at most six decimals."""
    unit: Unit | None = None
    """One of the product's units; its own where left out. The quantity in the product's own unit must come out exactly, to six
    decimals."""
    unit_price: Price | None = None
    """The price of one unit in the order's currency, at most six decimals: before tax, unless the order's prices include it. Left
    out: that of the order's price list, else the product's list price; both are of the product's own unit, and a carton of twelve
    costs twelve times as much."""
    description: Caption | None = None
    """The text for the customer. Left out or blank: the product's name."""
    tax: TaxRef | None = None
    """The tax that it bears. Left out: the product's, or the one that takes its place for the customer; null for none."""


Lines = Annotated[list[LineItem], Field(min_length=1, max_length=MAX_LINES)]


class OrderCreate(Command):
    """An order to create, as a draft or confirmed at once."""

    customer: PartnerRef
    """The partner that orders, by one of its keys; its kinds must include CUSTOMER."""
    currency: Currency | None = None
    """The currency of all amounts. Left out: the tenant's."""
    price_list: PriceListRef | None = None
    """The price list for lines without a price: in use, and in the order's currency. Left out: the customer's, where it is so;
    null: list prices."""
    prices_include_tax: bool | None = None
    """Whether the lines' prices include tax. Left out: as the price list says, else false."""
    placed_at: datetime | None = None
    """When the customer ordered. Left out: now."""
    number: Label | None = None
    """Its number, if it already has one. Left out: the next of the tenant's series."""
    external_id: Label | None = None
    """Its key in another system; unique."""
    note: LongText | None = None
    """A free text, at most 10,000 characters."""
    line_items: Lines
    """Its lines, in this order; 1 to 500."""
    shipping_address: OrderAddress | None = None
    """Where its goods go. Left out: the customer's default at the time when it is confirmed."""
    billing_address: OrderAddress | None = None
    """Whom its invoices are addressed to. Left out: the customer's default at the time when it is confirmed."""
    confirm: bool = False
    """Create and confirm at once: all of it, or nothing."""
    allow_backorder: bool = False
    """Whether lines may wait for stock that hasn't arrived yet. It is reserved when goods arrive, first come, first served."""
    warehouse: Annotated[UUID, Id("wh")] | None = None
    """Take stock of this warehouse only, now and for lines that wait. Left out: of all warehouses."""
    allocation: AllocationRule | None = None
    """How its stock is chosen, now and for lines that wait. Left out: by the tenant's rule."""
    hold: Annotated[UUID, Id("hld")] | None = None
    """The id of a hold (hld_…) that becomes this order's stock: its lines take what is held first, and what they don't need
    is let go. With confirm only."""


class OrderCommand(Command):
    """A command about an existing order."""

    order: OrderRef
    """The order, by one of its keys."""
    expected_version: Version | None = None
    """Carry out only if the record still has this version, else VERSION_CONFLICT. Left out: at any version."""


class LineChange(Input):
    """A change of one line of a confirmed order; its stock follows in the same transaction."""

    line_item: Annotated[UUID, Id("lin")] | None = None
    """The line to change. Left out: a new one."""
    product: ProductRef | None = None
    """The product of a new line."""
    quantity: Count
    """The new quantity, in unit, not less than was shipped; zero cancels what is left of the line."""
    unit: Unit | None = None
    """The unit of quantity. For a new line one of the product's, its own where left out. For a line that was ordered in another
    unit than the product's own it must be one of these two, and the line stays in its unit."""
    unit_price: Price | None = None
    """The new price of one unit, unless some of it was shipped; it replaces the line's discount, if there is one. Left out:
    as it is, discount included, or the list's for a new line."""
    description: Caption | None = None
    """The text for the customer. Left out: as it is, or the product's name for a new line."""


class OrderUpdate(OrderCommand):
    """A change of an order. Fields that are left out stay as they are."""

    is_change = True

    customer: PartnerRef = Field(default_factory=PartnerRef)
    """The new customer, by one of its keys; of a draft only. Addresses that were chosen by a code of the old one are its defaults
    then."""
    currency: Currency = ""
    """The new currency; of a draft only, and together with lineItems, whose prices are in it."""
    placed_at: datetime = NEVER
    """When the customer ordered; of a draft only."""
    external_id: Label | None = None
    """Its key in another system, unique; null for none."""
    note: LongText | None = None
    """The new note; null for none."""
    shipping_address: OrderAddress | None = None
    """Where its goods go; null: the customer's default."""
    billing_address: OrderAddress | None = None
    """Whom its invoices are addressed to; null: the customer's default."""
    line_items: Lines = Field(default_factory=list)
    """New lines that replace all lines of a draft, 1 to 500. Left out: the lines stay as they are."""
    changes: Annotated[list[LineChange], Field(max_length=MAX_LINES)] = Field(default_factory=list)
    """Lines of a confirmed order to add, change or cancel: all of them, or none. Not together with lineItems."""


class OrderConfirm(OrderCommand):
    """A draft to confirm. Fields that are left out are as the draft has them."""

    is_change = True

    allow_backorder: bool = False
    """Whether lines may wait for stock that hasn't arrived yet. It is reserved when goods arrive, first come, first served.
    Left out: as the draft has it; not null."""
    warehouse: Annotated[UUID, Id("wh")] | None = None
    """Take stock of this warehouse only, now and for lines that wait; null: of all warehouses. Left out: as the draft has it."""


class LinePart(Input):
    """A part of a line of the order."""

    line_item: Annotated[UUID, Id("lin")]
    """The id of a line of this order (lin_…)."""
    quantity: Quantity
    """How many, in the product's unit: more than zero, at most six decimals."""


class LotQuantity(Input):
    """How many of one lot are to leave."""

    lot: Key
    """The code of the lot, or the serial number, exactly as stored."""
    quantity: Quantity
    """How many, in the product's unit: more than zero, at most six decimals."""


class LineQuantity(LinePart):
    """A quantity of a line of the order."""

    quantity: Count
    """How many, in the product's unit: more than zero, or for orderReserve zero as well; at most six decimals."""
    location: Annotated[UUID, Id("loc")] | None = None
    """For orderShip: the location that they leave from (loc_…), reserved there or available. Left out: where they are
    reserved. A line may be listed again with another location."""
    lots: Annotated[list[LotQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """For orderShip: the lots that leave, reserved or available; their sum is quantity. Left out: those that are reserved."""


class OrderShip(OrderCommand):
    """The goods of an order to ship."""

    line_items: Annotated[list[LineQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """The quantities to ship. Left out: all that is reserved."""
    carrier: Title | None = None
    """The carrier of the goods; null where nobody knows."""
    tracking_number: Label | None = None
    """The carrier's number of the shipment; null where there is none."""
    note: LongText | None = None
    """A free text for the shipment, at most 10,000 characters."""
    shipped_at: datetime | None = None
    """When the goods left. Left out: now."""


class OrderCancel(OrderCommand):
    """The goods of an order to cancel."""

    line_items: Annotated[list[LineQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """The quantities to cancel, of a line first those that wait for goods. Left out: all that wasn't shipped."""
    reason: Title | None = None
    """The reason, stored in the order's events."""


class OrderReserve(OrderCommand):
    """Goods of a confirmed order to release for others, or to reserve again."""

    line_items: Annotated[list[LineQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """Lines, each once, and how much of each is reserved from now on: what is above is released, what is below is reserved as
    far as it is available. Left out: all lines, and all that hasn't left."""
    behind_others: bool = True
    """Whether what is released waits behind those that wait already. False: it keeps its place among them."""


class ReturnLine(LinePart):
    """A quantity of a line that came back. A line may be listed again with another disposition."""

    disposition: ReturnDisposition
    """What happens to the goods: sold again, kept apart or thrown away."""
    location: Annotated[UUID, Id("loc")] | None = None
    """The location for the goods. Left out: by disposition, the one that they were shipped from, quarantine, or the one for losses."""
    lot: Key | None = None
    """The code of the lot, or the serial number, as it was shipped: needed where the product is tracked, and refused where it
    isn't. A line may be listed again with another lot."""


class OrderReturn(OrderCommand):
    """The goods of an order that came back."""

    line_items: Annotated[list[ReturnLine], Field(min_length=1, max_length=MAX_LINES)]
    """The quantities that came back; 1 to 500 entries."""


class ShipmentCommand(Command):
    """A command about an existing shipment."""

    shipment: Annotated[UUID, Id("shp")]
    """The id of the shipment (shp_…)."""
    expected_version: Version | None = None
    """Carry out only if the shipment still has this version, else VERSION_CONFLICT. Left out: at any version."""


class ShipmentUpdate(ShipmentCommand):
    """A change of what is written about a shipment. Fields that are left out stay as they are."""

    carrier: Title | None = None
    """The carrier of the goods; null for none."""
    tracking_number: Label | None = None
    """The carrier's number of the shipment; null for none."""
    note: LongText | None = None
    """A free text, at most 10,000 characters; null for none."""


class ShipmentCancel(ShipmentCommand):
    """A shipment that was a mistake, while nothing of it was returned."""

    reason: Title | None = None
    """The reason, stored in the events."""
