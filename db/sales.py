"""Orders and their line items."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import (
    BY_TRIGGER,
    CURRENCY,
    ERASED,
    KEY_TEXT,
    TSVECTOR,
    Amount,
    Base,
    Quantity,
    TenantRow,
    Versioned,
    no_nan,
    personal,
    search_index,
    tenant_args,
    tenant_fk,
    tenant_index,
)
from db.inventory import ALLOCATION_RULES, Reservation, StockHold, StockMove

ORDER_STATUSES = ("DRAFT", "CONFIRMED", "CLOSED", "CANCELLED")
SHIPMENT_STATUSES = ("SHIPPED", "CANCELLED")

THEIRS = "customer_id = $2"
"""The condition that a row is of the partner's orders."""

_NAMED = "(SELECT p.name FROM products p WHERE p.tenant_id = line_items.tenant_id AND p.id = line_items.product_id)"
"""A line says what it is of, and no longer for whom."""


def _address(column: str) -> str:
    """An address without who and where; the country stays, taxes hang on it."""
    party = _party(f"{column} -> 'party'")
    return f"CASE WHEN {column} ? 'party' THEN jsonb_build_object('party', {party}) END"


def _party(party: str) -> str:
    return f"jsonb_build_object('name', '{ERASED}', 'country', coalesce({party} ->> 'country', 'ZZ'))"


class Order(TenantRow, Versioned, Base):
    __tablename__ = "orders"

    number: Mapped[str] = mapped_column(KEY_TEXT)
    # Text with a check, not an enum type: enum_eq isn't leakproof, so under row-level security
    # an enum comparison could not use an index.
    status: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'DRAFT'"))
    customer_id: Mapped[UUID]
    currency: Mapped[str] = mapped_column(CURRENCY)
    subtotal: Mapped[Decimal] = mapped_column(Amount(), server_default=text("0"))
    tax_total: Mapped[Decimal] = mapped_column(Amount(), server_default=text("0"))
    total: Mapped[Decimal] = mapped_column(Amount(), Computed("subtotal + tax_total", persisted=True))
    placed_at: Mapped[datetime]
    external_id: Mapped[str | None] = mapped_column(KEY_TEXT)
    note: Mapped[str | None] = mapped_column(info=personal(THEIRS))
    # Backorder policy, warehouse restriction, and the time since which lines wait for goods.
    allow_backorder: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    warehouse_id: Mapped[UUID | None]
    allocation: Mapped[str | None] = mapped_column(KEY_TEXT)
    # What its lines were priced by where they gave no price; null: list prices.
    price_list_id: Mapped[UUID | None]
    # Whether its lines' prices and totals include tax; its subtotal never does.
    prices_include_tax: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    confirmed_at: Mapped[datetime | None]
    # What services.sales.addresses keeps: a code of the customer's addresses, an address, or both once it is confirmed. Null: the
    # customer's default, while it is a draft.
    shipping_address: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, info=personal(THEIRS, _address("shipping_address"))
    )
    billing_address: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, info=personal(THEIRS, _address("billing_address"))
    )
    # Without regard to case and in one form: what contains and startsWith compare. By a trigger, as search is.
    number_key: Mapped[str | None] = mapped_column(KEY_TEXT, info=BY_TRIGGER)
    external_key: Mapped[str | None] = mapped_column(KEY_TEXT, info=BY_TRIGGER)
    search: Mapped[str] = mapped_column(TSVECTOR, deferred=True, info=BY_TRIGGER)

    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "number"),
        UniqueConstraint("tenant_id", "external_id"),
        UniqueConstraint("tenant_id", "id", "customer_id"),
        tenant_fk("customer_id", "partners"),
        tenant_fk("warehouse_id", "warehouses"),
        tenant_fk("price_list_id", "price_lists"),
        no_nan("subtotal", "tax_total"),
        CheckConstraint(f"status IN {ORDER_STATUSES}", name="status"),
        CheckConstraint(f"allocation IN {ALLOCATION_RULES}", name="allocation"),
        tenant_index("ix_orders_placed", "placed_at", "id"),
        tenant_index("ix_orders_customer", "customer_id", "placed_at", "id"),
        tenant_index("ix_orders_status", "status", "placed_at", "id"),
        tenant_index("ix_orders_total", "total", "id"),
        tenant_index("ix_orders_created", "created_at", "id"),
        tenant_index("ix_orders_updated", "updated_at", "id"),
        search_index("ix_orders_words", "number_key", "external_key"),
    )


class LineItem(TenantRow, Base):
    """One line of an order. ``reserved``, ``shipped`` and the rest are kept by the stock engine."""

    __tablename__ = "line_items"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "order_id", "position"),
        ForeignKeyConstraint(
            ["tenant_id", "order_id", "customer_id"],
            ["orders.tenant_id", "orders.id", "orders.customer_id"],
            ondelete="CASCADE",
        ),
        tenant_fk("product_id", "products"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        CheckConstraint("net >= 0 AND net <= total AND net <> 'NaN'", name="net"),
        CheckConstraint(
            "(unit IS NULL) = (unit_quantity IS NULL) AND unit_quantity > 0 AND unit_quantity <> 'NaN'", name="unit"
        ),
        tenant_fk("tax_id", "taxes"),
        CheckConstraint("reserved >= 0 AND shipped >= 0 AND cancelled >= 0 AND returned >= 0", name="progress"),
        CheckConstraint("reserved + shipped + cancelled <= quantity", name="ordered"),
        CheckConstraint("returned <= shipped", name="returned"),
        CheckConstraint("released >= 0 AND released <> 'NaN'", name="released"),
        no_nan("quantity", "unit_price", "total", "reserved", "shipped", "cancelled", "returned"),
        tenant_index("ix_line_items_product", "product_id", "id"),
        tenant_index("ix_line_items_quantity", "order_id", "quantity", "id"),
        # Whether a document bears a tax: its rate stands then.
        tenant_index("ix_line_items_tax", "tax_id", postgresql_where=text("tax_id IS NOT NULL")),
        # Lines that may wait for goods; whether they do, their order's status tells.
        tenant_index(
            "ix_line_items_open",
            "product_id",
            "order_id",
            postgresql_where=text("reserved + shipped + cancelled < quantity"),
        ),
    )

    order_id: Mapped[UUID]
    # The order's customer, repeated, so that a policy needs no second table. A trigger fills it for a program that
    # doesn't, which is why it may be null for a moment; never after a statement.
    customer_id: Mapped[UUID | None]
    position: Mapped[int]
    product_id: Mapped[UUID]
    description: Mapped[str] = mapped_column(info=personal(THEIRS, _NAMED))
    # In the product's own unit, as all quantities of a line but unit_quantity are.
    quantity: Mapped[Decimal] = mapped_column(Quantity())
    # What it was ordered in and how many of that are exactly ``quantity``, where it isn't the product's own unit; else null. The
    # ratio stands with them, whatever becomes of the product's units.
    unit: Mapped[str | None] = mapped_column(KEY_TEXT)
    unit_quantity: Mapped[Decimal | None] = mapped_column(Quantity())
    # The order's currency, repeated, so that a line's money needs no second table.
    currency: Mapped[str] = mapped_column(CURRENCY)
    # Of one of what it was ordered in.
    unit_price: Mapped[Decimal] = mapped_column(Amount())
    total: Mapped[Decimal] = mapped_column(Amount())
    # The tax that it bears, and what of its total isn't tax; null: all of it.
    tax_id: Mapped[UUID | None]
    net: Mapped[Decimal | None] = mapped_column(Amount())
    # Whether the client named its tax, so that it stays when a draft gets another customer; null is no.
    tax_named: Mapped[bool | None]
    reserved: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    shipped: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    cancelled: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    returned: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    # Of what isn't reserved, as many as were released by hand or taken away: they wait, and others may have goods before them.
    released: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    # Since when it waits, where that isn't the time of the order's confirmation.
    waits_since: Mapped[datetime | None]


class Shipment(TenantRow, Versioned, Base):
    """Goods that left together for an order."""

    __tablename__ = "shipments"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "number"),
        UniqueConstraint("tenant_id", "id", "customer_id"),
        ForeignKeyConstraint(
            ["tenant_id", "order_id", "customer_id"],
            ["orders.tenant_id", "orders.id", "orders.customer_id"],
        ),
        CheckConstraint(f"status IN {SHIPMENT_STATUSES}", name="status"),
        tenant_index("ix_shipments_shipped", "shipped_at", "id"),
        tenant_index("ix_shipments_order", "order_id", "shipped_at", "id"),
        tenant_index("ix_shipments_customer", "customer_id", "shipped_at", "id"),
        tenant_index("ix_shipments_tracking", "tracking_number", "id"),
    )

    # The order's number and a count: "SO-2026-000087-2". No two orders have one number, so no two shipments do.
    number: Mapped[str] = mapped_column(KEY_TEXT)
    status: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'SHIPPED'"))
    order_id: Mapped[UUID]
    # The order's customer, repeated, so that a policy needs no second table.
    customer_id: Mapped[UUID]
    carrier: Mapped[str | None]
    tracking_number: Mapped[str | None] = mapped_column(KEY_TEXT, info=personal(THEIRS))
    note: Mapped[str | None] = mapped_column(info=personal(THEIRS))
    shipped_at: Mapped[datetime]
    # The order's when the goods left, as services.kit.parties.Party keeps it; null where it had none.
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB, info=personal(THEIRS, _party("address")))


class ShipmentLine(TenantRow, Base):
    """What left of one line item from one place: a move of goods, whose ``id`` it has. Moves have no foreign keys to them:
    a ledger may be split by months."""

    __tablename__ = "shipment_lines"
    __table_args__ = tenant_args(
        ForeignKeyConstraint(
            ["tenant_id", "shipment_id", "customer_id"],
            ["shipments.tenant_id", "shipments.id", "shipments.customer_id"],
        ),
        tenant_fk("line_item_id", "line_items"),
        tenant_fk("location_id", "locations"),
        tenant_fk("lot_id", "lots"),
        CheckConstraint("quantity > 0", name="quantity"),
        no_nan("quantity"),
        # What of a lot went to whom.
        tenant_index("ix_shipment_lines_lot", "lot_id", "id", postgresql_where=text("lot_id IS NOT NULL")),
        tenant_index("ix_shipment_lines_shipment", "shipment_id", "position", "id"),
        tenant_index("ix_shipment_lines_line_item", "line_item_id"),
        # A move that brings goods of a cancelled shipment back is no return: few are.
        tenant_index("ix_shipment_lines_back", "back_id", postgresql_where=text("back_id IS NOT NULL")),
    )

    shipment_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    position: Mapped[int]
    line_item_id: Mapped[UUID]
    location_id: Mapped[UUID]
    quantity: Mapped[Decimal] = mapped_column(Quantity())
    # The move that brought the goods back when the shipment was cancelled.
    back_id: Mapped[UUID | None]
    lot_id: Mapped[UUID | None]


# Sales is above inventory: it ties inventory's rows to its own, inventory doesn't know it.
Base.metadata.tables[StockMove.__tablename__].append_constraint(tenant_fk("line_item_id", "line_items"))
Base.metadata.tables[Reservation.__tablename__].append_constraint(tenant_fk("line_item_id", "line_items"))
Base.metadata.tables[StockHold.__tablename__].append_constraint(tenant_fk("order_id", "orders"))
