"""What can be asked of suppliers' terms and of purchase orders."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.catalog import Money, ProductRef, TaxRef
from services.kit.command import (
    MAX_LINES,
    Caption,
    Change,
    Command,
    Count,
    Currency,
    Day,
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
from services.partners import PartnerRef

MOST_DAYS = 3_650
"""Days from order to receipt: ten years. A longer time is a slip."""

NOWHERE = UUID(int=0)
"""Stands for a place that isn't given."""


class PurchaseOrderRef(Ref):
    """Names one purchase order by one of its keys."""

    prefix = "pur"

    id: Annotated[UUID, Id("pur")] | None = None
    """By the purchase order's id (pur_…)."""
    number: Key | None = None
    """By the number that people use, exactly as stored."""
    external_id: Key | None = None
    """By its key in another system, exactly as stored."""


class ProductSupplierUpsert(Change):
    """How a supplier delivers a product. Fields that are left out stay as they are; a new supplier gets their defaults."""

    product: ProductRef
    """The product that is delivered, by one of its keys."""
    supplier: PartnerRef
    """The partner that delivers it, by one of its keys; its kinds must include SUPPLIER."""
    supplier_sku: Label | None = None
    """The supplier's key of the product; null for none."""
    unit: Unit = ""
    """The unit that it is ordered in: the product's own, which it is for a new supplier, or one of its others. Quantities and the
    price are of this unit."""
    minimum: Count = Decimal(0)
    """The smallest quantity that is ordered, in unit; 0 for a new supplier."""
    multiple: Quantity = Decimal(1)
    """It is ordered in multiples of this, in unit; 1 for a new supplier."""
    lead_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] = 0
    """Days from order to receipt; 0 for a new supplier."""
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Which supplier of a product comes first: the one with the smallest; 0 for a new supplier."""
    price: Money | None = None
    """What the supplier asks for one unit, before tax; null where nobody knows. Lines in its currency that say no price get it."""
    active: bool = True
    """False takes the supplier away from the product."""


class PurchaseLine(Input):
    """A line to order from a supplier."""

    product: ProductRef
    """The product to order, by one of its keys."""
    quantity: Quantity
    """How many, in unit: more than zero, at most six decimals."""
    unit: Unit | None = None
    """The unit of the quantity: one of the product's; its own where left out. In the latter it must come out exactly, to six
    decimals."""
    unit_price: Price | None = None
    """The price of one unit before tax, at most six decimals. Left out: the one of the supplier's price list for
    all lines of the product, else of its terms, worked out for the unit where that comes out exactly."""
    description: Caption | None = None
    """The text for the supplier. Left out or blank: the product's name."""
    tax: TaxRef | None = None
    """The tax that it bears. Left out: what becomes of its product's tax for the supplier; null for none."""
    expected_on: Day | None = None
    """When it is expected. Left out: the order's day, or by the supplier's lead time."""
    over_receipt: Count | None = None
    """How many more than ordered may come, in the product's unit. Left out: by the tenant's percentage when it is confirmed."""


PurchaseLines = Annotated[list[PurchaseLine], Field(min_length=1, max_length=MAX_LINES)]


class PurchaseOrderCreate(Command):
    """A purchase order to create, as a draft or confirmed at once."""

    supplier: PartnerRef
    """The partner that delivers, by one of its keys; its kinds must include SUPPLIER."""
    currency: Currency | None = None
    """The currency of all amounts. Left out: the tenant's."""
    location: Annotated[UUID, Id("loc")]
    """Where the goods are to come: the id of a location (loc_…) of kind INTERNAL or QUARANTINE."""
    ordered_at: datetime | None = None
    """When it is ordered. Left out: now."""
    expected_on: Day | None = None
    """When its goods are expected. Left out: the last day of its lines, by the supplier's lead times."""
    number: Label | None = None
    """Its number, if it already has one. Left out: the next of the tenant's series, such as PO-2026-000001."""
    external_id: Label | None = None
    """Its key in another system; unique."""
    note: LongText | None = None
    """A free text, at most 10,000 characters."""
    lines: PurchaseLines
    """Its lines, in this order; 1 to 500."""
    confirm: bool = False
    """Create and confirm at once: all of it, or nothing."""


class PurchaseOrderCommand(Command):
    """A command about an existing purchase order."""

    purchase_order: PurchaseOrderRef
    """The purchase order, by one of its keys."""
    expected_version: Version | None = None
    """Carry out only if the record still has this version, else VERSION_CONFLICT. Left out: at any version."""


class PurchaseOrderUpdate(PurchaseOrderCommand):
    """A change of a purchase order. Fields that are left out stay as they are."""

    is_change = True

    note: LongText | None = None
    """The new note; null for none."""
    expected_on: Day | None = None
    """When its goods are expected; null where nobody knows. Lines that were expected on the order's day follow it."""
    lines: PurchaseLines = Field(default_factory=list)
    """New lines that replace all lines of a draft, 1 to 500. Left out: the lines stay as they are."""


class PurchaseOrderConfirm(PurchaseOrderCommand):
    """A draft to order from its supplier."""


class PurchaseQuantity(Input):
    """A quantity of a line of the purchase order."""

    line: Annotated[UUID, Id("pul")]
    """The id of a line of this order (pul_…)."""
    quantity: Quantity
    """How many, in the product's unit: more than zero, at most six decimals."""


class PurchaseOrderCancel(PurchaseOrderCommand):
    """The goods of a purchase order to cancel, all that hasn't come or some of it."""

    lines: Annotated[list[PurchaseQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """The quantities to cancel. Left out: all that hasn't come."""
    reason: Title | None = None
    """The reason, stored in the order's events."""


class ReceiveLine(PurchaseQuantity):
    """What came of a line. A line may be listed again with another lot or location."""

    quantity: Quantity
    """How many, in unit: more than zero, at most six decimals."""
    unit: Unit | None = None
    """The unit of the quantity: one of the product's; its own where left out. The line's unit is worth what it was when ordered."""
    location: Annotated[UUID, Id("loc")] | None = None
    """Where they are: the id of a location (loc_…). Left out: the order's location."""
    lot: Label | None = None
    """The code of the lot, or the serial number: needed where the product is tracked, and refused where it isn't. One that is new is
    created."""
    expires_on: Day | None = None
    """The last day that goods of a new lot may be sold; null for none."""


class PurchaseOrderReceive(PurchaseOrderCommand):
    """The goods of a purchase order that came."""

    lines: Annotated[list[ReceiveLine], Field(min_length=1, max_length=MAX_LINES)]
    """What came: 1 to 500 entries. Those of one line are summed first."""
    reference: Label | None = None
    """The number of the supplier's delivery note. One that was received for this order before is refused (DUPLICATE)."""


class PurchaseReturnLine(PurchaseQuantity):
    """What goes back of a line, and from where. A line may be listed again with another lot or location."""

    quantity: Quantity
    """How many, in unit: more than zero, at most six decimals."""
    unit: Unit | None = None
    """The unit of the quantity: one of the product's; its own where left out. The line's unit is worth what it was when ordered."""
    location: Annotated[UUID, Id("loc")]
    """Where the goods leave: the id of a location (loc_…). Only what is available there can go back."""
    lot: Label | None = None
    """The code of the lot, or the serial number: needed where the product is tracked, and refused where it isn't. It may be expired or
    blocked."""


class PurchaseOrderReturn(PurchaseOrderCommand):
    """Received goods that go back to their supplier."""

    lines: Annotated[list[PurchaseReturnLine], Field(min_length=1, max_length=MAX_LINES)]
    """What goes back: 1 to 500 entries. Those of one line are summed first."""
    reason: Title | None = None
    """Why they go back; their moves carry it. Left out: "return to supplier"."""


class ReorderRuleUpsert(Change):
    """A reorder rule to create or change, by its product and warehouse. Fields that are left out stay as they are; a new rule
    gets their defaults."""

    product: ProductRef
    """The product to order, by one of its keys."""
    warehouse: Annotated[UUID, Id("wh")]
    """The id of the warehouse that needs it (wh_…)."""
    location: Annotated[UUID, Id("loc")] = NOWHERE
    """Where the goods are to come: the id of an INTERNAL location of the warehouse (loc_…). A new rule needs one."""
    point: Count = Decimal(0)
    """It is ordered when fewer than this are projected, in the product's unit. A new rule needs one."""
    target: Count = Decimal(0)
    """It is ordered up to this, in the product's unit; at least the point. A new rule needs one."""
    supplier: PartnerRef | None = None
    """The partner to order from, by one of its keys; null: the product's first supplier."""
    active: bool = True
    """Whether the rule proposes anything; true for a new rule."""


class Replenish(Command):
    """Proposals to put into drafts of purchase orders, all or some of them."""

    warehouse: Annotated[UUID, Id("wh")] | None = None
    """Only for this warehouse: its id (wh_…)."""
    supplier: PartnerRef | None = None
    """Only from this supplier, by one of its keys."""
    rules: Annotated[list[Annotated[UUID, Id("ror")]], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """Only by these rules: their ids (ror_…), 1 to 500. Left out: by all, 500 proposals at a time."""
