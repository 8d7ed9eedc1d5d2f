"""Products, and the categories that they are in."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import (
    BY_TRIGGER,
    CURRENCY,
    KEY_TEXT,
    TSVECTOR,
    Amount,
    Archived,
    Base,
    TenantRow,
    Versioned,
    no_nan,
    search_index,
    tenant_args,
    tenant_fk,
    tenant_index,
)

COST_METHODS = ("AVERAGE", "FIFO")


class ProductCategory(TenantRow, Versioned, Base):
    """Products that are treated alike, in a tree without circles: see ``services.catalog.categories``."""

    __tablename__ = "product_categories"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "code"),
        tenant_fk("parent_id", "product_categories"),
        tenant_fk("tax_id", "taxes"),
        CheckConstraint("parent_id <> id", name="parent"),
        CheckConstraint(f"cost_method IN {COST_METHODS}", name="cost_method"),
        tenant_index("ix_product_categories_parent", "parent_id", "code", "id"),
    )

    code: Mapped[str] = mapped_column(KEY_TEXT)
    name: Mapped[str] = mapped_column(KEY_TEXT)
    parent_id: Mapped[UUID | None]
    cost_method: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'AVERAGE'"), default="AVERAGE")
    # What lines with its products bear that have no tax of their own.
    tax_id: Mapped[UUID | None]


class Product(TenantRow, Versioned, Archived, Base):
    __tablename__ = "products"

    sku: Mapped[str] = mapped_column(KEY_TEXT)
    name: Mapped[str] = mapped_column(KEY_TEXT)
    # Without regard to case and in one form: what contains and startsWith compare, and NAME sorts by. By a trigger, as
    # search is.
    sku_key: Mapped[str | None] = mapped_column(KEY_TEXT, info=BY_TRIGGER)
    name_key: Mapped[str] = mapped_column(KEY_TEXT, info=BY_TRIGGER)
    description: Mapped[str | None]
    barcode: Mapped[str | None] = mapped_column(KEY_TEXT)
    unit: Mapped[str] = mapped_column(server_default=text("'pcs'"), default="pcs")
    # How many decimals its quantities may have; its pieces with serial numbers are whole, whatever this says.
    unit_decimals: Mapped[int] = mapped_column(SmallInteger, server_default=text("6"), default=6)
    list_price: Mapped[Decimal | None] = mapped_column(Amount())
    list_price_currency: Mapped[str | None] = mapped_column(CURRENCY)
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    external_id: Mapped[str | None] = mapped_column(KEY_TEXT)
    # Whether its goods are told apart: core.inventory.Tracking.
    tracking: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'NONE'"), default="NONE")
    category_id: Mapped[UUID | None]
    # A list of core.units.OtherUnit.kept. With the product's row: the statements that look at a product bring them along.
    units: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    # What its lines bear, null: what its category says. services.taxes says what there is.
    tax_id: Mapped[UUID | None]
    search: Mapped[str] = mapped_column(TSVECTOR, deferred=True, info=BY_TRIGGER)

    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "sku"),
        UniqueConstraint("tenant_id", "external_id"),
        tenant_fk("category_id", "product_categories"),
        tenant_fk("tax_id", "taxes"),
        CheckConstraint("list_price >= 0", name="list_price"),
        no_nan("list_price"),
        CheckConstraint("(list_price IS NULL) = (list_price_currency IS NULL)", name="list_price_currency"),
        CheckConstraint("unit_decimals BETWEEN 0 AND 6", name="unit_decimals"),
        CheckConstraint("tracking IN ('NONE', 'LOT', 'SERIAL')", name="tracking"),
        tenant_index("ix_products_name", "name_key", "id"),
        tenant_index("ix_products_list_price", "list_price", "id"),
        tenant_index("ix_products_created", "created_at", "id"),
        tenant_index("ix_products_updated", "updated_at", "id"),
        tenant_index("ix_products_active", "active", "id"),
        tenant_index("ix_products_barcode", "barcode", "id", postgresql_where=text("barcode IS NOT NULL")),
        tenant_index("ix_products_category", "category_id", "sku", "id"),
        search_index("ix_products_words", "sku_key", "name_key"),
    )
