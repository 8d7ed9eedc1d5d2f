"""Products."""

from decimal import Decimal

from sqlalchemy import CheckConstraint, Computed, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import (
    CURRENCY,
    KEY_TEXT,
    TSVECTOR,
    Amount,
    Base,
    TenantRow,
    Versioned,
    by_tenant,
    by_text,
    numbers,
    search_vector,
    tenant_args,
)


class Product(TenantRow, Versioned, Base):
    __tablename__ = "products"

    sku: Mapped[str] = mapped_column(KEY_TEXT)
    name: Mapped[str] = mapped_column(KEY_TEXT)
    # What NAME sorts by: without regard to case, so that "apron" isn't behind "Zip".
    name_key: Mapped[str] = mapped_column(KEY_TEXT, Computed('lower(name COLLATE "default")', persisted=True))
    description: Mapped[str | None]
    barcode: Mapped[str | None] = mapped_column(KEY_TEXT)
    unit: Mapped[str] = mapped_column(server_default=text("'pcs'"), default="pcs")
    list_price: Mapped[Decimal | None] = mapped_column(Amount())
    list_price_currency: Mapped[str | None] = mapped_column(CURRENCY)
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    external_id: Mapped[str | None] = mapped_column(KEY_TEXT)
    search: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(search_vector(("sku", "A"), ("name", "B"), ("barcode", "B"), ("description", "C")), persisted=True),
        deferred=True,
    )

    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "sku"),
        UniqueConstraint("tenant_id", "external_id"),
        CheckConstraint("list_price >= 0", name="list_price"),
        numbers("list_price"),
        CheckConstraint("(list_price IS NULL) = (list_price_currency IS NULL)", name="list_price_currency"),
        by_tenant("ix_products_name", "name_key", "id"),
        by_tenant("ix_products_list_price", "list_price", "id"),
        by_tenant("ix_products_created", "created_at", "id"),
        by_tenant("ix_products_updated", "updated_at", "id"),
        by_tenant("ix_products_active", "active", "id"),
        by_text("ix_products_text", "sku", "name"),
    )
