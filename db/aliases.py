"""Keys that records had before they were renamed."""

from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ERASED, KEY_TEXT, Base, TenantRow, personal, tenant_args, tenant_index

KINDS = ("product", "partner", "warehouse", "location")


class KeyAlias(TenantRow, Base):
    """A key that goes on finding its record. Which table that is in, the kind says: so there is no foreign key, and records
    are never deleted.
    """

    __tablename__ = "key_aliases"
    __table_args__ = tenant_args(
        UniqueConstraint("tenant_id", "kind", "key"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        tenant_index("ix_key_aliases_record", "record_id", "id"),
    )

    kind: Mapped[str] = mapped_column(KEY_TEXT)
    key: Mapped[str] = mapped_column(
        KEY_TEXT, info=personal("kind = 'partner' AND record_id = $2", f"'{ERASED}-' || id::text")
    )
    record_id: Mapped[UUID]
