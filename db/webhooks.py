"""Webhooks, what was sent to them, and whose turn it is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import KEY_TEXT, Base, TenantRow, Versioned, left_out, personal, tenant_args, tenant_fk, tenant_index

STAYS = left_out(
    "a copy of a tenant must not send to the addresses of the original, and places in the log aren't its own",
    moves=True,
)

ABOUT = (
    "subjects && ARRAY(SELECT $2::uuid UNION ALL SELECT id FROM orders WHERE tenant_id = $1 AND customer_id = $2"
    " UNION ALL SELECT id FROM shipments WHERE tenant_id = $1 AND customer_id = $2"
    " UNION ALL SELECT id FROM purchase_orders WHERE tenant_id = $1 AND supplier_id = $2)"
)
"""The condition that a delivery tells of the partner, or of one of its orders, shipments or purchase orders."""


class Webhook(TenantRow, Versioned, Base):
    """An address that is told what happens, and how far in the log it is (``commit_id``, ``place``)."""

    __tablename__ = "webhooks"
    __table_args__ = (
        *tenant_args(
            UniqueConstraint("tenant_id", "name"),
            CheckConstraint("status IN ('ACTIVE', 'PAUSED', 'FAILING', 'STOPPED')", name="status"),
        ),
        {"info": STAYS},
    )

    name: Mapped[str] = mapped_column(KEY_TEXT)
    url: Mapped[str]
    document: Mapped[str]
    variables: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    roles: Mapped[list[str]] = mapped_column(ARRAY(KEY_TEXT))
    batch: Mapped[int] = mapped_column(server_default=text("1"))
    status: Mapped[str] = mapped_column(KEY_TEXT, server_default=text("'ACTIVE'"))
    # Why it is FAILING or STOPPED, for people.
    reason: Mapped[str | None]
    # Which secret it has; that before is used besides until then.
    secret_version: Mapped[int] = mapped_column(server_default=text("1"))
    former_until: Mapped[datetime | None]
    commit_id: Mapped[UUID]
    place: Mapped[int] = mapped_column(server_default=text("0"))
    delivered_at: Mapped[datetime] = mapped_column(server_default=text("statement_timestamp()"))
    numbered: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failing_since: Mapped[datetime | None]


class WebhookTurn(TenantRow, Base):
    """When a webhook is looked at again, and which worker has it until when, by the database's clock. Ids and times alone: the
    owner's role sees those of all tenants.
    """

    __tablename__ = "webhook_turns"
    __table_args__ = (
        *tenant_args(tenant_fk("id", "webhooks", ondelete="CASCADE")),
        {"info": STAYS},
    )

    due_at: Mapped[datetime] = mapped_column(server_default=text("'-infinity'"))
    leased_until: Mapped[datetime] = mapped_column(server_default=text("'-infinity'"))
    worker: Mapped[UUID | None]
    # Up to which number of the tenant's log it was looked after; one that rests doesn't look whether there is more.
    seen: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    resting: Mapped[bool] = mapped_column(server_default=text("false"))


class WebhookDelivery(TenantRow, Base):
    """What was sent in one request, or waits to be: the events that it tells, and what they are about."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        *tenant_args(
            tenant_fk("webhook_id", "webhooks", ondelete="CASCADE"),
            CheckConstraint("status IN ('TAKEN', 'WAITING', 'GIVEN_UP')", name="status"),
            tenant_index("ix_webhook_deliveries_webhook", "webhook_id", "first_attempt_at", "id"),
            tenant_index(
                "ix_webhook_deliveries_waiting",
                "webhook_id",
                "number",
                "id",
                postgresql_where=text("status = 'WAITING'"),
            ),
            tenant_index(
                "ix_webhook_deliveries_ended", "last_attempt_at", postgresql_where=text("status <> 'WAITING'")
            ),
        ),
        {"info": STAYS},
    )

    webhook_id: Mapped[UUID]
    # Its place among the webhook's: ids are made by the clocks of several hosts.
    number: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    message_id: Mapped[str]
    event_id: Mapped[UUID]
    events: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    subjects: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    status: Mapped[str] = mapped_column(KEY_TEXT)
    # What is sent; empty where it is still to be written, behind what waits before it, or where a person was erased.
    body: Mapped[bytes | None] = mapped_column(LargeBinary, info=personal(ABOUT, "NULL"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    response_status: Mapped[int | None]
    failure: Mapped[str | None]
    milliseconds: Mapped[int | None]
    first_attempt_at: Mapped[datetime] = mapped_column(server_default=text("statement_timestamp()"))
    last_attempt_at: Mapped[datetime] = mapped_column(server_default=text("statement_timestamp()"))
    next_attempt_at: Mapped[datetime | None]
