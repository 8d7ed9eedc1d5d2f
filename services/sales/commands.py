"""What can be asked of orders."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from core.sales import ReturnDisposition
from services.catalog import ProductRef
from services.kit.command import (
    MAX_LINES,
    Command,
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
    Version,
)
from services.partners import PartnerRef


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
    """A line to be ordered: a product, how many of it, and at which price."""

    product: ProductRef
    """What is ordered, by one of its keys."""
    quantity: Quantity
    """How many, in the product's unit: more than zero, at most six decimals."""
    unit_price: Price | None = None
    """The price of one unit in the order's currency, before tax, at most six decimals. The product's list price where left out."""
    description: LongText | None = None
    """What the customer reads; the product's name where left out."""


Lines = Annotated[list[LineItem], Field(min_length=1, max_length=MAX_LINES)]


class OrderCreate(Command):
    """An order to be created, as a draft or confirmed at once."""

    customer: PartnerRef
    """The partner that orders, by one of its keys; one of kind CUSTOMER."""
    currency: Currency | None = None
    """The currency of all amounts; the tenant's where left out."""
    placed_at: datetime | None = None
    """When the customer ordered; now, where left out."""
    number: Label | None = None
    """Its number, if it has one already; the next of the tenant's series where left out."""
    external_id: Label | None = None
    """Its key in another system; unique."""
    note: LongText | None = None
    """A free text, at most 10,000 characters."""
    line_items: Lines
    """Its lines, in this order: 1 to 500."""
    confirm: bool = False
    """Create and confirm at once: all of it, or nothing."""
    allow_backorder: bool = False
    """May a line wait for stock that is not there yet? It is reserved when goods arrive, first come first served."""
    warehouse: Annotated[UUID, Id("wh")] | None = None
    """Only stock of this warehouse, now and for what waits; left out: that of all."""


class OnOrder(Command):
    """Something about an order that there is."""

    order: OrderRef
    """The order, by one of its keys."""
    expected_version: Version | None = None
    """Only if the record still is of this version; else VERSION_CONFLICT. Left out: whatever it is."""


class OrderUpdate(OnOrder):
    """A change of an order's note, or of a draft's lines."""

    note: LongText | None = None
    """The new note; null for none. Stays as it is where left out."""
    line_items: Lines = Field(default_factory=list)
    """New lines in place of all of a draft's, 1 to 500. They stay as they are where left out."""


class OrderConfirm(OnOrder):
    """A draft to be promised to its customer. What isn't given is as the draft has it."""

    changes = True

    allow_backorder: bool = False
    """May a line wait for stock that is not there yet? It is reserved when goods arrive, first come first served. As the
    draft says, where left out; not null."""
    warehouse: Annotated[UUID, Id("wh")] | None = None
    """Only stock of this warehouse, now and for what waits; null: that of all. As the draft says, where left out."""


class LineQuantity(Input):
    """A quantity of a line of the order."""

    line_item: Annotated[UUID, Id("lin")]
    """The id of a line of this order (lin_…)."""
    quantity: Quantity
    """How many, in the product's unit: more than zero, at most six decimals."""


class OrderShip(OnOrder):
    """Goods of an order that leave."""

    line_items: Annotated[list[LineQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """What leaves. All that is reserved, where left out."""


class OrderCancel(OnOrder):
    """What of an order is called off."""

    line_items: Annotated[list[LineQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """What is called off; what waits for goods goes first. All that hasn't left, where left out."""
    reason: Title | None = None
    """Why; kept in the order's events."""


class ReturnLine(LineQuantity):
    """A quantity of a line that came back. One line may be named again with another disposition."""

    disposition: ReturnDisposition
    """What becomes of the goods: sold again, kept apart or thrown away."""
    location: Annotated[UUID, Id("loc")] | None = None
    """Where it goes. Left out: to where it was shipped from, to quarantine, or to where losses go, by disposition."""


class OrderReturn(OnOrder):
    """What of an order came back."""

    line_items: Annotated[list[ReturnLine], Field(min_length=1, max_length=MAX_LINES)]
    """What came back: 1 to 500 entries."""
