"""Business partners: customers and suppliers, often both."""

from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import (
    BY_TRIGGER,
    ERASED,
    KEY_TEXT,
    TSVECTOR,
    Archived,
    Base,
    TenantRow,
    Versioned,
    personal,
    search_index,
    tenant_args,
    tenant_fk,
    tenant_index,
)

ITSELF = "id = $2"
"""The condition that a row is the partner."""


class Partner(TenantRow, Versioned, Archived, Base):
    __tablename__ = "partners"

    # A person's code may be their name or address, so it is replaced as well.
    code: Mapped[str] = mapped_column(KEY_TEXT, info=personal(ITSELF, f"'{ERASED}-' || right(id::text, 12)"))
    name: Mapped[str] = mapped_column(KEY_TEXT, info=personal(ITSELF))
    # Without regard to case and in one form: what contains and startsWith compare, and NAME sorts by. By a trigger, as
    # search is.
    code_key: Mapped[str | None] = mapped_column(KEY_TEXT, info=BY_TRIGGER)
    name_key: Mapped[str] = mapped_column(KEY_TEXT, info=BY_TRIGGER)
    kinds: Mapped[list[str]] = mapped_column(ARRAY(KEY_TEXT), server_default=text("'{CUSTOMER}'"))
    email: Mapped[str | None] = mapped_column(info=personal(ITSELF, "NULL"))
    # ISO 3166-1 alpha-2; what an import can't translate stays empty rather than wrong.
    country: Mapped[str | None] = mapped_column(CHAR(2, collation="C"))
    external_id: Mapped[str | None] = mapped_column(KEY_TEXT, info=personal(ITSELF, "NULL"))
    # A list of core.addresses.Filed. With the partner's row: the statements that look at a customer bring them along, and the
    # row's policies and version go for them as well.
    addresses: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB, info=personal(ITSELF, "NULL"))
    # What it buys at: services.pricing says what there is.
    price_list_id: Mapped[UUID | None]
    # What it sells at.
    purchase_price_list_id: Mapped[UUID | None]
    # What becomes of products' taxes for it: services.taxes says what there is.
    tax_group_id: Mapped[UUID | None]
    search: Mapped[str] = mapped_column(TSVECTOR, deferred=True, info=BY_TRIGGER)

    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "code"),
        UniqueConstraint("tenant_id", "external_id"),
        tenant_fk("price_list_id", "price_lists"),
        tenant_fk("purchase_price_list_id", "price_lists"),
        tenant_fk("tax_group_id", "tax_groups"),
        CheckConstraint("kinds <@ '{CUSTOMER,SUPPLIER}' AND kinds <> '{}'", name="kinds"),
        tenant_index("ix_partners_name", "name_key", "id"),
        tenant_index("ix_partners_country", "country", "id"),
        tenant_index("ix_partners_created", "created_at", "id"),
        tenant_index("ix_partners_updated", "updated_at", "id"),
        tenant_index("ix_partners_email", text("lower(email)"), "id", postgresql_where=text("email IS NOT NULL")),
        search_index("ix_partners_words", "code_key", "name_key"),
    )
