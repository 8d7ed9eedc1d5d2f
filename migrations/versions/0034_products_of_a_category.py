"""finding the products of a category

Revision ID: 0034
Revises: 0033
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

NAME = "ix_products_category"


def upgrade() -> None:
    """In autocommit: what was broken off can be run again. Whoever waits for these locks stands in nobody's way, so they may wait
    for longer than others.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5min'")
        try:
            # An attempt that was broken off leaves an index that isn't valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
            op.execute(f"CREATE INDEX CONCURRENTLY {NAME} ON products (tenant_id, category_id, sku, id)")
        finally:
            op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    op.execute(f"DROP INDEX {NAME}")
