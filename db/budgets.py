"""What keys, users and tenants may still ask for: shared by all processes that serve."""

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import KEY_TEXT, Base, TenantRow, tenant_args


class Budget(TenantRow, Base):
    """How much of an owner's budget nobody has taken, as of a time; it refills from then on.

    Not logged: after a crash of PostgreSQL the table is empty and all budgets are full, which is what they
    would be soon anyway, and a lease costs no flush of the log.
    """

    __tablename__ = "budgets"
    __table_args__ = (*tenant_args(UniqueConstraint("tenant_id", "owner")), {"prefixes": ["UNLOGGED"]})

    # A credential ("key:…", "user:…"), or empty: the whole tenant.
    owner: Mapped[str] = mapped_column(KEY_TEXT)
    points: Mapped[int] = mapped_column(BigInteger)
    filled_at: Mapped[datetime]
