"""indexes of sums that are kept, in the order in which these lie

Revision ID: 0046
Revises: 0045
"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

COLUMNS = ("product", "customer")


def upgrade() -> None:
    """In autocommit: what was broken off can be run again."""
    for column in COLUMNS:
        _replace(f"ix_sales_cells_{column}", f"ix_sales_cells_span_{column}", f"span_id, {column}_id", column)


def downgrade() -> None:
    for column in COLUMNS:
        _replace(f"ix_sales_cells_span_{column}", f"ix_sales_cells_{column}", f"{column}_id, span_id", column)


def _replace(former: str, name: str, columns: str, column: str) -> None:
    """Whoever waits for these locks stands in nobody's way, so they may wait for longer than others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5min'")
        try:
            # An attempt that was broken off leaves an index that isn't valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON sales_cells (tenant_id, {columns}) WHERE {column}_id IS NOT NULL"
            )
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {former}")
        finally:
            op.execute("SET lock_timeout = '2s'")
