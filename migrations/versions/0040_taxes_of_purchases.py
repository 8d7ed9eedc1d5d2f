"""the taxes of categories of products, and of purchase orders' lines

Revision ID: 0040
Revises: 0039
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TABLES = ("product_categories", "purchase_lines")
INDEX = "ix_purchase_lines_tax"


def upgrade() -> None:
    """Nothing is rewritten: the new columns are empty, and what is there stays without tax. In autocommit, so that no lock is kept and
    what was broken off can be run again; what looks at every row stands in nobody's way.
    """
    with op.get_context().autocommit_block():
        for table in TABLES:
            name = f"fk_{table}_tenant_id_tax_id"
            op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS tax_id uuid")
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
            op.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (tenant_id, tax_id) REFERENCES taxes (tenant_id, id)"
                " NOT VALID"
            )
        op.execute("SET lock_timeout = '5min'")
        try:
            for table in TABLES:
                op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT fk_{table}_tenant_id_tax_id")
            # An attempt that was broken off leaves an index that isn't valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
            op.execute(
                f"CREATE INDEX CONCURRENTLY {INDEX} ON purchase_lines (tenant_id, tax_id) WHERE tax_id IS NOT NULL"
            )
        finally:
            op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    """Purchase orders keep what their taxes came to in their totals, and their lines no longer say why."""
    op.execute(f"DROP INDEX {INDEX}")
    for table in TABLES:
        op.drop_column(table, "tax_id")
