"""Where goods are, how many, and every move that brought them there."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import (
    ERASED,
    KEY_TEXT,
    Archived,
    Base,
    Quantity,
    TenantRow,
    Versioned,
    no_nan,
    personal,
    tenant_args,
    tenant_fk,
    tenant_index,
)

LOCATION_KINDS = ("INTERNAL", "SUPPLIER", "CUSTOMER", "TRANSIT", "QUARANTINE", "LOSS")
ALLOCATION_RULES = ("WHOLE_FIRST", "BY_RANK", "MOST_FIRST")
HOLD_STATUSES = ("HELD", "EXPIRED", "RELEASED", "ORDERED")
NAMED = "$2::uuid IS NOT NULL AND reference ILIKE ANY ($3::text[])"
"""The condition that one of a person's texts is in what a caller calls a hold; ``$3`` has patterns of them."""
OWN_KIND = "INTERNAL"
"""The kind whose goods are the tenant's own and can be sold: Product.stock sums over these. Goods in
quarantine are the tenant's own too, but nobody may promise them."""


class Warehouse(TenantRow, Versioned, Archived, Base):
    __tablename__ = "warehouses"
    __table_args__ = tenant_args(UniqueConstraint("tenant_id", "code"))

    code: Mapped[str] = mapped_column(KEY_TEXT)
    name: Mapped[str]
    # As services.kit.parties.Party keeps it.
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    # Its place among those that orders are served from, from 1; null after those that have one.
    rank: Mapped[int | None]


class AllocationPolicy(TenantRow, Versioned, Base):
    """How a tenant's stock is chosen for orders. It has one, or none and the usual rule."""

    __tablename__ = "allocation_policies"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id"), CheckConstraint(f"rule IN {ALLOCATION_RULES}", name="rule")
    )

    rule: Mapped[str] = mapped_column(KEY_TEXT)


class Location(TenantRow, Versioned, Archived, Base):
    """A place that goods move from or to. Virtual ones (SUPPLIER, CUSTOMER, LOSS) have no warehouse."""

    __tablename__ = "locations"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "code"),
        tenant_fk("warehouse_id", "warehouses"),
        CheckConstraint(f"kind IN {LOCATION_KINDS}", name="kind"),
        CheckConstraint(f"allocation IN {ALLOCATION_RULES}", name="allocation"),
        tenant_index("ix_locations_warehouse", "warehouse_id", "code", "id"),
    )

    warehouse_id: Mapped[UUID | None]
    code: Mapped[str] = mapped_column(KEY_TEXT)
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'INTERNAL'"))
    # Its warehouse's rank and the tenant's rule, repeated: what is promised from is read without another table.
    rank: Mapped[int | None]
    allocation: Mapped[str | None] = mapped_column(KEY_TEXT)


class Lot(TenantRow, Versioned, Base):
    """Goods of a tracked product that were made together; of one tracked by SERIAL a single one."""

    __tablename__ = "lots"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "product_id", "code"),
        tenant_fk("product_id", "products"),
        tenant_index("ix_lots_code", "code", "id"),
        tenant_index("ix_lots_expires", "expires_on", "id"),
    )

    product_id: Mapped[UUID]
    code: Mapped[str] = mapped_column(KEY_TEXT)
    # The last day, where the tenant is, that its goods may be sold.
    expires_on: Mapped[date | None]
    blocked: Mapped[bool] = mapped_column(server_default=text("false"), default=False)


def per_spot(name: str, *columns: str, **options: Any) -> Index:
    """A key that ends with a lot; goods that aren't tracked have none, and are one and the same."""
    return tenant_index(name, *columns, "lot_id", unique=True, postgresql_nulls_not_distinct=True, **options)


class StockLevel(TenantRow, Base):
    """The balance of a product at a location, and of one lot where it is tracked. Only the stock engine writes it."""

    __tablename__ = "stock_levels"
    __table_args__ = tenant_args(
        # Also the index of Product.stock: it answers the sums without a visit to the table.
        per_spot(
            "ix_stock_levels_spot",
            *("product_id", "location_id"),
            postgresql_include=["on_hand", "reserved", "sellable_until"],
        ),
        tenant_fk("product_id", "products"),
        tenant_fk("location_id", "locations"),
        tenant_fk("lot_id", "lots"),
        tenant_index("ix_stock_levels_lot", "lot_id", "id", postgresql_where=text("lot_id IS NOT NULL")),
        CheckConstraint("NOT serial OR on_hand IN (0, 1) AND reserved IN (0, 1)", name="serial"),
        CheckConstraint("on_hand >= 0", name="on_hand"),
        no_nan("on_hand", "reserved", "incoming"),
        CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved"),
        CheckConstraint("incoming >= 0", name="incoming"),
        tenant_index("ix_stock_levels_location", "location_id", "id"),
        tenant_index("ix_stock_levels_updated", "updated_at", "id"),
    )

    product_id: Mapped[UUID]
    location_id: Mapped[UUID]
    on_hand: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    reserved: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    available: Mapped[Decimal] = mapped_column(Quantity(), Computed("on_hand - reserved", persisted=True))
    # Announced and not yet here; a later purchasing module fills it.
    incoming: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Not later than the first end of a hold of these goods; null where there is none. What ended before now is in ``reserved``
    # until somebody lets it go, and is nobody's: who reads or reserves looks at this first (docs/decisions/0054-holds.md).
    held_until: Mapped[datetime | None]
    # Null where the product isn't tracked. What is announced of a tracked one has no lot either, and is incoming alone.
    lot_id: Mapped[UUID | None]
    # The lot's, repeated: the last day that it may be sold, -infinity where it is blocked, null where nothing stands against it.
    sellable_until: Mapped[date | None]
    # Whether its lot is a single piece.
    serial: Mapped[bool] = mapped_column(server_default=text("false"), default=False)


class StockMove(TenantRow, Base):
    """One line of the ledger. Append-only: the serving role may not UPDATE or DELETE it."""

    __tablename__ = "stock_moves"
    __table_args__ = tenant_args(
        tenant_fk("product_id", "products"),
        tenant_fk("source_id", "locations"),
        tenant_fk("destination_id", "locations"),
        CheckConstraint("quantity > 0", name="quantity"),
        no_nan("quantity"),
        CheckConstraint("source_id <> destination_id", name="distinct"),
        tenant_index("ix_stock_moves_occurred", "occurred_at", "id"),
        tenant_index("ix_stock_moves_product", "product_id", "occurred_at", "id"),
        # Without the time, equal entries share one key: 8 bytes a row. A place with many moves is read by their time.
        tenant_index("ix_stock_moves_from", "source_id"),
        tenant_index("ix_stock_moves_to", "destination_id"),
        tenant_index("ix_stock_moves_line_item", "line_item_id"),
        tenant_index("ix_stock_moves_lot", "lot_id", "occurred_at", "id", postgresql_where=text("lot_id IS NOT NULL")),
    )

    product_id: Mapped[UUID]
    source_id: Mapped[UUID]
    destination_id: Mapped[UUID]
    quantity: Mapped[Decimal] = mapped_column(Quantity())
    reason: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # What the move was for. Sales adds the foreign key: inventory knows nothing of sales.
    line_item_id: Mapped[UUID | None]
    principal: Mapped[str]
    # No foreign key: the ledger may have a billion rows when this comes, and may be split by months.
    lot_id: Mapped[UUID | None]


class Reservation(TenantRow, Base):
    """Goods at one location, and of one lot where they are tracked, held for one line item. Gone when shipped or released."""

    __tablename__ = "reservations"
    __table_args__ = tenant_args(
        per_spot("ix_reservations_spot", "line_item_id", "location_id"),
        tenant_fk("product_id", "products"),
        tenant_fk("location_id", "locations"),
        tenant_fk("lot_id", "lots"),
        CheckConstraint("quantity > 0", name="quantity"),
        no_nan("quantity"),
        tenant_index("ix_reservations_stock", "product_id", "location_id"),
    )

    line_item_id: Mapped[UUID]
    product_id: Mapped[UUID]
    location_id: Mapped[UUID]
    quantity: Mapped[Decimal] = mapped_column(Quantity())
    lot_id: Mapped[UUID | None]


class StockHold(TenantRow, Versioned, Base):
    """Goods that are kept for somebody for a while, such as a basket."""

    __tablename__ = "stock_holds"
    __table_args__ = tenant_args(
        CheckConstraint(f"status IN {HOLD_STATUSES}", name="status"),
        CheckConstraint("(status = 'ORDERED') = (order_id IS NOT NULL)", name="ordered"),
        tenant_index("ix_stock_holds_reference", "reference", unique=True, postgresql_where=text("status = 'HELD'")),
        tenant_index("ix_stock_holds_ends", "status", "expires_at", "id"),
    )

    reference: Mapped[str] = mapped_column(KEY_TEXT, info=personal(NAMED, f"'{ERASED}-' || id::text"))
    # HELD also after its end, until somebody lets its goods go.
    status: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'HELD'"))
    expires_at: Mapped[datetime]
    # Sales adds the foreign key: inventory knows nothing of orders.
    order_id: Mapped[UUID | None]


class StockHoldLine(TenantRow, Base):
    """What a hold has of one product at one location, and of one lot where it is tracked; gone when the hold ended and its goods
    were let go.
    """

    __tablename__ = "stock_hold_lines"
    __table_args__ = tenant_args(
        per_spot("ix_stock_hold_lines_spot", "hold_id", "product_id", "location_id"),
        tenant_fk("hold_id", "stock_holds"),
        tenant_fk("lot_id", "lots"),
        tenant_fk("product_id", "products"),
        tenant_fk("location_id", "locations"),
        CheckConstraint("quantity > 0", name="quantity"),
        no_nan("quantity"),
        tenant_index("ix_stock_hold_lines_stock", "product_id", "location_id", "expires_at"),
    )

    hold_id: Mapped[UUID]
    product_id: Mapped[UUID]
    location_id: Mapped[UUID]
    quantity: Mapped[Decimal] = mapped_column(Quantity())
    # The hold's, repeated: what of a balance is let go is known without the hold.
    expires_at: Mapped[datetime]
    lot_id: Mapped[UUID | None]
