"""The log of commits: one row for each transaction that changed something, in the order in which readers tell of them."""

from uuid import UUID

from sqlalchemy import BigInteger, SmallInteger, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, TenantRow, left_out, tenant_args


class Commit(TenantRow, Base):
    """What a transaction did: its events, and the records that it touched. Append-only; ``erpgraph db sweep`` deletes the oldest.

    Written by the function ``place_commit`` and by nothing else: in the message that commits, behind all locks of rows, and
    numbered under a lock that readers wait for (docs/decisions/0042-the-log-of-commits.md).
    """

    __tablename__ = "commits"
    __table_args__ = (
        *tenant_args(UniqueConstraint("tenant_id", "seq")),
        {"info": left_out("places in it are one tenant's: those of a copy have to begin again", moves=True)},
    )

    # Drawn from one sequence for all tenants, so it stays inside: it would tell how much others do.
    seq: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    # The records: what kind each is (core.changes), and its id; as many of the one as of the other.
    kinds: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    subjects: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    # Kinds of which so many changed that a copy has to read them all.
    reload: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
