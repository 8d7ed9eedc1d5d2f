"""What commands need besides the records that they change: the keys of retries, and series of numbers."""

from typing import Any

from sqlalchemy import BigInteger, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ERASED, KEY_TEXT, Base, TenantRow, personal, tenant_args, tenant_index

NAMES = "$2::uuid IS NOT NULL AND (key ILIKE ANY ($3::text[]) OR answer::text ILIKE ANY ($3::text[]))"
"""The condition that one of the person's texts is in a key or its answer; ``$3`` has patterns of them."""


class IdempotencyKey(TenantRow, Base):
    """A command that was carried out or refused under a key of the caller's, and what was answered.

    Written in the command's own transaction: there is no key without its effect, and the unique
    constraint lets only one of several concurrent attempts commit.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "key"),
        tenant_index("ix_idempotency_keys_created", "created_at"),
    )

    key: Mapped[str] = mapped_column(KEY_TEXT, info=personal(NAMES, f"'{ERASED}-' || id::text"))
    command: Mapped[str] = mapped_column(KEY_TEXT)
    # SHA-256 of the input: tells a retry from another input under the same key.
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    # References to what was created or changed, or the problems. Payloads are read again.
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB, info=personal(NAMES, None))


class NumberSeries(TenantRow, Base):
    """The next number of a series, such as the orders of 2026. Taken in blocks (services.kit.numbers)."""

    __tablename__ = "number_series"
    __table_args__ = tenant_args(UniqueConstraint("tenant_id", "name"))

    name: Mapped[str] = mapped_column(KEY_TEXT)
    next: Mapped[int] = mapped_column(BigInteger)
