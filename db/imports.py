"""Imports of files: what was imported when, and which records came of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import KEY_TEXT, Base, TenantRow, tenant_args, tenant_fk, tenant_index

KINDS = ("orders", "partners", "products", "stock")


class Import(TenantRow, Base):
    """One file, and what became of its rows. ``digest`` is the SHA-256 of the file, in hex; ``counts`` has the rows by outcome
    and the records by kind.
    """

    __tablename__ = "imports"
    __table_args__ = tenant_args(
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        tenant_index("ix_imports_created", "created_at", "id"),
    )

    kind: Mapped[str] = mapped_column(KEY_TEXT)
    file: Mapped[str]
    digest: Mapped[str] = mapped_column(KEY_TEXT)
    # The mapping as it was written: what the same file would become under another one is another question.
    mapping: Mapped[str]
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    undone_at: Mapped[datetime | None]


class ImportedRecord(TenantRow, Base):
    """A record that an import made, by its own id: what undoing it takes away.

    ``key`` is what the file calls a line item, where the mapping says so: it tells two lines of the same content apart.
    """

    __tablename__ = "import_records"
    __table_args__ = tenant_args(
        tenant_fk("import_id", "imports"),
        CheckConstraint("type IN ('LINE', 'ORDER', 'PARTNER', 'PRODUCT')", name="type"),
        tenant_index("ix_import_records_import", "import_id", "type", "id"),
    )

    import_id: Mapped[UUID]
    type: Mapped[str] = mapped_column(KEY_TEXT)
    key: Mapped[str | None] = mapped_column(KEY_TEXT)
