"""Tenants, the API keys that say which tenant a request is for, and what those may still ask for."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.ids import new_id
from db.base import CURRENCY, KEY_TEXT, Base, TenantRow, left_out, personal, tenant_args, tenant_fk


class Tenant(Base):
    """A company. Its row is its own: row-level security compares ``id`` with the request's tenant."""

    __tablename__ = "tenants"
    __table_args__ = (Index("ix_tenants_name", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    # Unique by the command that makes tenants: a unique constraint without the tenant's key could not
    # be distributed.
    name: Mapped[str] = mapped_column(KEY_TEXT)
    currency: Mapped[str] = mapped_column(CURRENCY)
    timezone: Mapped[str] = mapped_column(server_default=text("'UTC'"), default="UTC")
    # What its orders are numbered by: core.numbering.
    order_numbers: Mapped[str] = mapped_column(server_default=text("'SO-{year}-{n:06}'"), default="SO-{year}-{n:06}")
    # Its own, as services.kit.parties.Party keeps it.
    address: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Since when it can't be changed, where it is being moved; of this database, and not of the tenant.
    frozen_at: Mapped[datetime | None] = mapped_column(info=left_out("it says what goes on in this database"))

    # In which database its rows are, where it isn't this one; only the first database knows.
    database: Mapped[str | None] = mapped_column(
        KEY_TEXT, info=left_out("it says where the tenant is, not what it has")
    )


class ApiKey(TenantRow, Base):
    """A key of a tenant. Stored as the SHA-256 of the whole key: 256 random bits need no salt."""

    __tablename__ = "api_keys"
    __table_args__ = tenant_args(UniqueConstraint("tenant_id", "hash"), tenant_fk("partner_id", "partners"))

    name: Mapped[str] = mapped_column(info=personal("partner_id = $2"))
    hint: Mapped[str]
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    # Whose key it is, where it is a business partner's: it sees that partner's orders only.
    partner_id: Mapped[UUID | None]
    roles: Mapped[list[str]] = mapped_column(ARRAY(KEY_TEXT), server_default=text("'{}'"))
    # Whether it may run trusted documents only.
    trusted_only: Mapped[bool] = mapped_column(server_default=text("false"))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class Budget(TenantRow, Base):
    """How much of an owner's budget nobody has taken, as of a time; it refills from then on.

    Not logged: after a crash of PostgreSQL the table is empty and all budgets are full, which is what they
    would be soon anyway, and a lease costs no flush of the log.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        *tenant_args(UniqueConstraint("tenant_id", "owner")),
        {"prefixes": ["UNLOGGED"], "info": left_out("it is full again soon, and a crash empties it as well")},
    )

    # A credential ("key:…", "user:…"), or empty: the whole tenant.
    owner: Mapped[str] = mapped_column(KEY_TEXT)
    points: Mapped[int] = mapped_column(BigInteger)
    filled_at: Mapped[datetime]
