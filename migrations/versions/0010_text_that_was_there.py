"""text that was there is brought into the new form, in portions, beside readers and writers; and indexed

Revision ID: 0010
Revises: 0009
"""

import logging
from typing import Any

from alembic import op
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TEXTS = {
    "products": ("sku", "external_id", "barcode", "name", "description"),
    "partners": ("code", "external_id", "name", "email"),
    "orders": ("number", "external_id", "note"),
}
FOLDED = {
    "products": ("sku_key", "name_key"),
    "partners": ("code_key", "name_key"),
    "orders": ("number_key", "external_key"),
}
PORTION = 1_000
"""Rows of one transaction: a tenth of a second, in which a writer of one of them waits."""

_log = logging.getLogger("alembic.erpgraph")


def upgrade() -> None:
    """In autocommit, so that a portion's locks are gone with it. What was broken off can be run again."""
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        for table, folded in FOLDED.items():
            # Forced row-level security binds the owner too. The policy is for the owner alone, who serves nobody.
            op.execute(f"DROP POLICY IF EXISTS backfill ON {table}")
            op.execute(f"CREATE POLICY backfill ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
            try:
                _fill(connection, table)
            finally:
                op.execute(f"DROP POLICY backfill ON {table}")
            _index(table, folded)


def _fill(connection: Connection, table: str) -> None:
    first, *others = TEXTS[table]
    odd = " OR ".join(f"{column} IS NOT NFC NORMALIZED" for column in (first, *others))
    following = text(
        f"SELECT tenant_id, id, coalesce({odd}, false) AS odd FROM {table}"
        " WHERE (tenant_id, id) > (:tenant_id, :id) ORDER BY tenant_id, id LIMIT :most"
    )
    # The trigger does the rest.
    refresh = text(
        f"UPDATE {table} t SET {first} = t.{first}"
        " FROM unnest(CAST(:tenants AS uuid[]), CAST(:ids AS uuid[])) AS each (tenant_id, id)"
        " WHERE t.tenant_id = each.tenant_id AND t.id = each.id"
    )
    nowhere = "00000000-0000-0000-0000-000000000000"
    place = {"tenant_id": nowhere, "id": nowhere}
    while rows := connection.execute(following, place | {"most": PORTION}).all():
        plain = [row for row in rows if not (row.odd and _composed(connection, table, row))]
        tenants, ids = [str(row.tenant_id) for row in plain], [str(row.id) for row in plain]
        connection.execute(refresh, {"tenants": tenants, "ids": ids})
        place = {"tenant_id": str(rows[-1].tenant_id), "id": str(rows[-1].id)}


def _composed(connection: Connection, table: str, row: Row[Any]) -> bool:
    """Bring a row's texts into form NFC. False where another row has its key in that form: two records that nobody can
    tell apart are for people to sort out, so the row keeps its key and is named in the log.
    """
    settings = ", ".join(f"{column} = normalize({column}, NFC)" for column in TEXTS[table])
    composed = text(f"UPDATE {table} SET {settings} WHERE tenant_id = :tenant_id AND id = :id")
    try:
        connection.execute(composed, {"tenant_id": str(row.tenant_id), "id": str(row.id)})
    except IntegrityError:
        _log.warning(
            "%s %s of tenant %s keeps a key that another one has in Unicode's form NFC", table, row.id, row.tenant_id
        )
        return False
    return True


def _index(table: str, folded: tuple[str, str]) -> None:
    """Whoever waits for this lock stands in nobody's way, so it may wait for longer than others."""
    op.execute("SET lock_timeout = '5min'")
    try:
        # An attempt that was broken off leaves an index that isn't valid.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS ix_{table}_words")
        columns = ", ".join(f"{column} gin_trgm_ops" for column in folded)
        op.execute(f"CREATE INDEX CONCURRENTLY ix_{table}_words ON {table} USING gin (tenant_id, search, {columns})")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS ix_{table}_text")
    finally:
        op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    for table in FOLDED:
        op.drop_index(f"ix_{table}_words", table)
