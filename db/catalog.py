"""Products."""

from decimal import Decimal

from sqlalchemy import CheckConstraint, UniqueConstraint, text
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
    tenant_index,
)


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
    list_price: Mapped[Decimal | None] = mapped_column(Amount())
    list_price_currency: Mapped[str | None] = mapped_column(CURRENCY)
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    external_id: Mapped[str | None] = mapped_column(KEY_TEXT)
    # Whether its goods are told apart: core.inventory.Tracking.
    tracking: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'NONE'"), default="NONE")
    search: Mapped[str] = mapped_column(TSVECTOR, deferred=True, info=BY_TRIGGER)

    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "sku"),
        UniqueConstraint("tenant_id", "external_id"),
        CheckConstraint("list_price >= 0", name="list_price"),
        no_nan("list_price"),
        CheckConstraint("(list_price IS NULL) = (list_price_currency IS NULL)", name="list_price_currency"),
        CheckConstraint("tracking IN ('NONE', 'LOT', 'SERIAL')", name="tracking"),
        tenant_index("ix_products_name", "name_key", "id"),
        tenant_index("ix_products_list_price", "list_price", "id"),
        tenant_index("ix_products_created", "created_at", "id"),
        tenant_index("ix_products_updated", "updated_at", "id"),
        tenant_index("ix_products_active", "active", "id"),
        tenant_index("ix_products_barcode", "barcode", "id", postgresql_where=text("barcode IS NOT NULL")),
        search_index("ix_products_words", "sku_key", "name_key"),
    )
