"""Price lists, and what a product costs in each: from a quantity on, in a span of days."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import (
    CURRENCY,
    KEY_TEXT,
    Amount,
    Base,
    Quantity,
    TenantRow,
    Versioned,
    no_nan,
    tenant_args,
    tenant_fk,
    tenant_index,
)


class PriceList(TenantRow, Versioned, Base):
    __tablename__ = "price_lists"
    __table_args__ = tenant_args(UniqueConstraint("tenant_id", "code"))

    code: Mapped[str] = mapped_column(KEY_TEXT)
    name: Mapped[str] = mapped_column(KEY_TEXT)
    currency: Mapped[str] = mapped_column(CURRENCY)
    tax_included: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)


class Price(TenantRow, Base):
    """What one unit costs. Spans may overlap: see ``best``."""

    __tablename__ = "prices"
    __table_args__ = tenant_args(
        # Named by hand: the convention's name is longer than PostgreSQL's 63 letters. In the order in which a price is
        # looked for.
        UniqueConstraint(
            *("tenant_id", "price_list_id", "product_id", "minimum", "valid_from"),
            name="uq_prices_entry",
            postgresql_nulls_not_distinct=True,
        ),
        tenant_fk("price_list_id", "price_lists"),
        tenant_fk("product_id", "products"),
        CheckConstraint("minimum > 0", name="minimum"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("valid_from <= valid_to", name="span"),
        no_nan("minimum", "amount"),
        tenant_index("ix_prices_product", "product_id", "id"),
    )

    price_list_id: Mapped[UUID]
    product_id: Mapped[UUID]
    minimum: Mapped[Decimal] = mapped_column(Quantity())
    # The list's currency, repeated, so that a price's money needs no second table.
    currency: Mapped[str] = mapped_column(CURRENCY)
    amount: Mapped[Decimal] = mapped_column(Amount())
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


def best(price_list: str, product: str, quantity: str, day: str) -> str:
    """The entry of a list by which so many of a product are priced on a day, as SQL (tenant ``$1``): of those that hold the one
    from the largest quantity on, then that of the latest first day. Here, as commands and queries both ask.
    """
    # The index of the entries has them in this order: one is read, and those before it that don't hold that day.
    return f"""
        SELECT p.id, p.amount FROM prices p
        WHERE p.tenant_id = $1 AND p.price_list_id = {price_list} AND p.product_id = {product} AND p.minimum <= {quantity}
          AND coalesce(p.valid_from <= {day}, true) AND coalesce(p.valid_to >= {day}, true)
        ORDER BY p.minimum DESC, p.valid_from DESC NULLS LAST LIMIT 1
    """
