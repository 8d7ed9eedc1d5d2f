"""What happened: one row for each change, written in the transaction that made it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import KEY_TEXT, Base, TenantRow, personal, tenant_args, tenant_index

ABOUT = (
    "subject_id IN (SELECT $2::uuid UNION ALL SELECT id FROM orders WHERE tenant_id = $1 AND customer_id = $2"
    " UNION ALL SELECT id FROM shipments WHERE tenant_id = $1 AND customer_id = $2"
    " UNION ALL SELECT id FROM purchase_orders WHERE tenant_id = $1 AND supplier_id = $2)"
)
"""The condition that an event is about the partner, or one of its orders, shipments or purchase orders."""


class Event(TenantRow, Base):
    """A change of one record: audit, timeline and outbox at once. Append-only.

    ``before`` and ``after`` hold the facts that the change touched. ``version`` is the record's
    version after it; null for changes that don't raise one, such as those of a product's stock.
    """

    __tablename__ = "events"
    __table_args__ = tenant_args(
        tenant_index("ix_events_subject", "subject_id", "occurred_at", "id"),
        tenant_index("ix_events_occurred", "occurred_at", "id"),
    )

    type: Mapped[str] = mapped_column(KEY_TEXT)
    subject_id: Mapped[UUID]
    version: Mapped[int | None]
    principal: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB, info=personal(ABOUT, None))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB, info=personal(ABOUT, None))
    # Not now(): that is when the transaction began, before it waited for whoever changed the record last.
    occurred_at: Mapped[datetime] = mapped_column(server_default=text("statement_timestamp()"))
