"""finding partners and products by what is written on a letter or a package

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MADE = {
    "ix_products_barcode": "products (tenant_id, barcode, id) WHERE barcode IS NOT NULL",
    "ix_partners_updated": "partners (tenant_id, updated_at, id)",
    "ix_partners_email": "partners (tenant_id, lower(email), id) WHERE email IS NOT NULL",
}


def upgrade() -> None:
    """In autocommit: what was broken off can be run again. Whoever waits for these locks stands in nobody's way, so they may wait
    for longer than others.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5min'")
        try:
            for name, columns in MADE.items():
                # An attempt that was broken off leaves an index that isn't valid.
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
                op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")
        finally:
            op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    for name in MADE:
        op.execute(f"DROP INDEX {name}")
