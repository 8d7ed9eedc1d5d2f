"""How far a broker has been told what happens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import KEY_TEXT, Base, TenantRow, left_out, tenant_args


class RelayCursor(TenantRow, Base):
    """A sink's place in a tenant's log, and which worker has it until when, by the database's clock. Ids, numbers and times
    alone: the owner's role sees those of all tenants.
    """

    __tablename__ = "relay_cursors"
    __table_args__ = (
        *tenant_args(UniqueConstraint("tenant_id", "sink")),
        {"info": left_out("it is a place in the log, which a copy hasn't", moves=True)},
    )

    # Which kind of broker: nats, rabbitmq, kafka.
    sink: Mapped[str] = mapped_column(KEY_TEXT)
    # Behind which commit, and how many of its events; none: from the oldest on.
    commit_id: Mapped[UUID | None]
    place: Mapped[int] = mapped_column(server_default=text("0"))
    # The number of that commit: where the newest one is another, there is something to do.
    seen: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    leased_until: Mapped[datetime] = mapped_column(server_default=text("'-infinity'"))
    worker: Mapped[UUID | None]
