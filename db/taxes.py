"""Taxes, and which of them takes the place of which for groups of partners."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import KEY_TEXT, Base, Quantity, TenantRow, Versioned, no_nan, tenant_args, tenant_fk

TAX_CATEGORIES = ("S", "Z", "E", "AE", "K", "G", "O", "L", "M")
_RATED, _REASONED, _REVERSED = ("S", "L", "M"), ("E", "AE", "K", "G", "O"), ("AE", "K")


class Tax(TenantRow, Versioned, Base):
    """What core.taxes.check_tax demands, the table demands as well: a tax is printed on invoices."""

    __tablename__ = "taxes"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "code"),
        CheckConstraint(f"category IN {TAX_CATEGORIES}", name="category"),
        CheckConstraint(
            f"rate BETWEEN 0 AND 100 AND (rate > 0 OR category <> 'S') AND (rate = 0 OR category IN {_RATED})",
            name="rate",
        ),
        CheckConstraint(f"(exemption_reason IS NOT NULL) = (category IN {_REASONED})", name="exemption"),
        CheckConstraint("exemption_code IS NULL OR exemption_reason IS NOT NULL", name="exemption_code"),
        CheckConstraint(
            f"reverse_rate IS NULL OR reverse_rate > 0 AND reverse_rate <= 100 AND category IN {_REVERSED}",
            name="reverse_rate",
        ),
        no_nan("rate", "reverse_rate"),
    )

    code: Mapped[str] = mapped_column(KEY_TEXT)
    name: Mapped[str] = mapped_column(KEY_TEXT)
    # Stand once a document bears it: services.taxes.
    category: Mapped[str] = mapped_column(KEY_TEXT)
    rate: Mapped[Decimal] = mapped_column(Quantity())
    reverse_rate: Mapped[Decimal | None] = mapped_column(Quantity())
    exemption_code: Mapped[str | None] = mapped_column(KEY_TEXT)
    exemption_reason: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)


class TaxGroup(TenantRow, Versioned, Base):
    __tablename__ = "tax_groups"
    __table_args__ = tenant_args(UniqueConstraint("tenant_id", "code"))

    code: Mapped[str] = mapped_column(KEY_TEXT)
    name: Mapped[str] = mapped_column(KEY_TEXT)


class TaxSubstitution(TenantRow, Base):
    __tablename__ = "tax_substitutions"
    __table_args__ = tenant_args(
        # Named by hand: the convention's name is longer than PostgreSQL's 63 letters.
        UniqueConstraint(
            *("tenant_id", "tax_group_id", "from_tax_id"),
            name="uq_tax_substitutions_from",
            postgresql_nulls_not_distinct=True,
        ),
        tenant_fk("tax_group_id", "tax_groups"),
        tenant_fk("from_tax_id", "taxes"),
        tenant_fk("to_tax_id", "taxes"),
    )

    tax_group_id: Mapped[UUID]
    position: Mapped[int]
    # Null: any that has no substitution of its own.
    from_tax_id: Mapped[UUID | None]
    to_tax_id: Mapped[UUID]
