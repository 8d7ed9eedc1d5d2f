"""Who delivers what, and what was ordered from them."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import (
    BY_TRIGGER,
    CURRENCY,
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

PURCHASE_STATUSES = ("DRAFT", "CONFIRMED", "CLOSED", "CANCELLED")

THEIRS = "supplier_id = $2"
"""The condition that a purchase order is the partner's."""

_OF_THEIRS = "purchase_order_id IN (SELECT o.id FROM purchase_orders o WHERE o.tenant_id = $1 AND o.supplier_id = $2)"
_NAMED = (
    "(SELECT p.name FROM products p WHERE p.tenant_id = purchase_lines.tenant_id AND p.id = purchase_lines.product_id)"
)
"""A line says what it is of, and no longer by whom."""


class ProductSupplier(TenantRow, Versioned, Base):
    """Who delivers a product, how, and at what price."""

    __tablename__ = "product_suppliers"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "product_id", "supplier_id"),
        tenant_fk("product_id", "products"),
        tenant_fk("supplier_id", "partners"),
        CheckConstraint("minimum >= 0 AND multiple > 0", name="quantities"),
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("(price IS NULL) = (currency IS NULL)", name="currency"),
        CheckConstraint("lead_days >= 0", name="lead_days"),
        no_nan("minimum", "multiple", "price"),
        tenant_index("ix_product_suppliers_product", "product_id", "priority", "price", "id"),
        tenant_index("ix_product_suppliers_supplier", "supplier_id", "priority", "price", "id"),
    )

    product_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    supplier_sku: Mapped[str | None] = mapped_column(KEY_TEXT)
    unit: Mapped[str]
    minimum: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    multiple: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("1"))
    lead_days: Mapped[int] = mapped_column(server_default=text("0"))
    priority: Mapped[int] = mapped_column(server_default=text("0"))
    price: Mapped[Decimal | None] = mapped_column(Amount())
    currency: Mapped[str | None] = mapped_column(CURRENCY)


class PurchaseOrder(TenantRow, Versioned, Base):
    __tablename__ = "purchase_orders"

    number: Mapped[str] = mapped_column(KEY_TEXT)
    status: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'DRAFT'"))
    supplier_id: Mapped[UUID]
    currency: Mapped[str] = mapped_column(CURRENCY)
    # Where its goods are to come.
    location_id: Mapped[UUID]
    subtotal: Mapped[Decimal] = mapped_column(Amount(), server_default=text("0"))
    tax_total: Mapped[Decimal] = mapped_column(Amount(), server_default=text("0"))
    total: Mapped[Decimal] = mapped_column(Amount(), Computed("subtotal + tax_total", persisted=True))
    ordered_at: Mapped[datetime]
    expected_on: Mapped[date | None]
    confirmed_at: Mapped[datetime | None]
    external_id: Mapped[str | None] = mapped_column(KEY_TEXT)
    note: Mapped[str | None] = mapped_column(info=personal(THEIRS))
    # Without regard to case and in one form: what contains and startsWith compare. By a trigger, as search is.
    number_key: Mapped[str | None] = mapped_column(KEY_TEXT, info=BY_TRIGGER)
    external_key: Mapped[str | None] = mapped_column(KEY_TEXT, info=BY_TRIGGER)
    search: Mapped[str] = mapped_column(TSVECTOR, deferred=True, info=BY_TRIGGER)

    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "number"),
        UniqueConstraint("tenant_id", "external_id"),
        tenant_fk("supplier_id", "partners"),
        tenant_fk("location_id", "locations"),
        no_nan("subtotal", "tax_total"),
        CheckConstraint(f"status IN {PURCHASE_STATUSES}", name="status"),
        tenant_index("ix_purchase_orders_ordered", "ordered_at", "id"),
        tenant_index("ix_purchase_orders_supplier", "supplier_id", "ordered_at", "id"),
        tenant_index("ix_purchase_orders_status", "status", "ordered_at", "id"),
        tenant_index("ix_purchase_orders_expected", "expected_on", "id"),
        tenant_index("ix_purchase_orders_total", "total", "id"),
        tenant_index("ix_purchase_orders_updated", "updated_at", "id"),
        search_index("ix_purchase_orders_words", "number_key", "external_key"),
    )


class PurchaseLine(TenantRow, Base):
    """One line of a purchase order. ``quantity`` is in ``unit``, everything else in the product's own unit."""

    __tablename__ = "purchase_lines"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "purchase_order_id", "position"),
        ForeignKeyConstraint(
            ["tenant_id", "purchase_order_id"], ["purchase_orders.tenant_id", "purchase_orders.id"], ondelete="CASCADE"
        ),
        tenant_fk("product_id", "products"),
        tenant_fk("tax_id", "taxes"),
        CheckConstraint("quantity > 0 AND base_quantity > 0", name="quantity"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        CheckConstraint("received >= 0 AND returned >= 0 AND cancelled >= 0 AND over_receipt >= 0", name="progress"),
        CheckConstraint("cancelled <= base_quantity", name="cancelled"),
        CheckConstraint("returned <= received", name="returned"),
        CheckConstraint("received - returned <= base_quantity - cancelled + over_receipt", name="received"),
        no_nan("quantity", "base_quantity", "unit_price", "total", "received", "returned", "cancelled", "over_receipt"),
        tenant_index("ix_purchase_lines_product", "product_id", "id"),
        tenant_index("ix_purchase_lines_expected", "expected_on", "id"),
        tenant_index("ix_purchase_lines_tax", "tax_id", postgresql_where=text("tax_id IS NOT NULL")),
    )

    purchase_order_id: Mapped[UUID]
    position: Mapped[int]
    product_id: Mapped[UUID]
    description: Mapped[str] = mapped_column(info=personal(_OF_THEIRS, _NAMED))
    quantity: Mapped[Decimal] = mapped_column(Quantity())
    unit: Mapped[str]
    base_quantity: Mapped[Decimal] = mapped_column(Quantity())
    # The order's currency, repeated, so that a line's money needs no second table.
    currency: Mapped[str] = mapped_column(CURRENCY)
    unit_price: Mapped[Decimal] = mapped_column(Amount())
    total: Mapped[Decimal] = mapped_column(Amount())
    tax_id: Mapped[UUID | None]
    expected_on: Mapped[date | None]
    over_receipt: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    # Whether it is by the tenant's percentage: worked out again when the order is confirmed.
    over_receipt_usual: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    received: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    returned: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    cancelled: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))


class PurchaseSettings(TenantRow, Versioned, Base):
    """How much receipts and bills may differ from what was ordered; a tenant without a row tolerates nothing."""

    __tablename__ = "purchase_settings"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id"),
        CheckConstraint(
            "over_receipt_percent >= 0 AND price_tolerance_percent >= 0 AND price_tolerance_amount >= 0",
            name="tolerances",
        ),
        no_nan("over_receipt_percent", "price_tolerance_percent", "price_tolerance_amount"),
    )

    over_receipt_percent: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    price_tolerance_percent: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))
    price_tolerance_amount: Mapped[Decimal] = mapped_column(Quantity(), server_default=text("0"))


class Receipt(TenantRow, Base):
    """Goods of a purchase order that came in one delivery. Never changed."""

    __tablename__ = "receipts"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "number"),
        UniqueConstraint("tenant_id", "purchase_order_id", "reference"),
        tenant_fk("purchase_order_id", "purchase_orders"),
        tenant_index("ix_receipts_order", "purchase_order_id", "received_at", "id"),
    )

    # The order's number and a count: "PO-2026-000087-2". No two orders have one number, so no two receipts do.
    number: Mapped[str] = mapped_column(KEY_TEXT)
    purchase_order_id: Mapped[UUID]
    # The number of the supplier's delivery note.
    reference: Mapped[str | None] = mapped_column(KEY_TEXT)
    principal: Mapped[str]
    received_at: Mapped[datetime]


class ReceiptLine(TenantRow, Base):
    """What came of one line to one place: a move of goods, whose ``id`` it has."""

    __tablename__ = "receipt_lines"
    __table_args__ = tenant_args(
        tenant_fk("receipt_id", "receipts"),
        tenant_fk("purchase_line_id", "purchase_lines"),
        tenant_fk("location_id", "locations"),
        CheckConstraint("quantity > 0", name="quantity"),
        no_nan("quantity"),
        tenant_index("ix_receipt_lines_receipt", "receipt_id", "position", "id"),
        tenant_index("ix_receipt_lines_purchase_line", "purchase_line_id"),
    )

    receipt_id: Mapped[UUID]
    position: Mapped[int]
    purchase_line_id: Mapped[UUID]
    location_id: Mapped[UUID]
    quantity: Mapped[Decimal] = mapped_column(Quantity())


class PurchaseReturnLine(TenantRow, Base):
    """What went back of one line from one place: a move of goods, whose ``id`` it has."""

    __tablename__ = "purchase_return_lines"
    __table_args__ = tenant_args(
        tenant_fk("purchase_line_id", "purchase_lines"),
        tenant_fk("location_id", "locations"),
        CheckConstraint("quantity > 0", name="quantity"),
        no_nan("quantity"),
        tenant_index("ix_purchase_return_lines_purchase_line", "purchase_line_id"),
    )

    purchase_line_id: Mapped[UUID]
    location_id: Mapped[UUID]
    quantity: Mapped[Decimal] = mapped_column(Quantity())


class ReorderRule(TenantRow, Versioned, Base):
    """When a product is ordered again for a warehouse, and up to how many, in the product's unit."""

    __tablename__ = "reorder_rules"
    __table_args__ = tenant_args(
        # Two rules of one product and place would buy twice.
        UniqueConstraint("tenant_id", "product_id", "warehouse_id"),
        tenant_fk("product_id", "products"),
        tenant_fk("warehouse_id", "warehouses"),
        tenant_fk("location_id", "locations"),
        tenant_fk("supplier_id", "partners"),
        CheckConstraint("0 <= point AND point <= target", name="target"),
        no_nan("point", "target"),
    )

    product_id: Mapped[UUID]
    warehouse_id: Mapped[UUID]
    location_id: Mapped[UUID]
    point: Mapped[Decimal] = mapped_column(Quantity())
    target: Mapped[Decimal] = mapped_column(Quantity())
    supplier_id: Mapped[UUID | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
