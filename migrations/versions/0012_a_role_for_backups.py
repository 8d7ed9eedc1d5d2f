"""a role that reads every row, for backups

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BACKUP = "erpgraph_backup"
TABLES = (
    "tenants",
    "api_keys",
    "partners",
    "products",
    "warehouses",
    "locations",
    "orders",
    "line_items",
    "stock_levels",
    "reservations",
    "stock_moves",
    "events",
    "idempotency_keys",
    "number_series",
    "budgets",
)


def upgrade() -> None:
    """A policy takes its table from everybody for a moment: one table at a time, so that no lock waits for another."""
    with op.get_context().autocommit_block():
        op.execute(f"GRANT SELECT ON alembic_version TO {BACKUP}")
        for table in TABLES:
            op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")
            op.execute(f"DROP POLICY IF EXISTS backup ON {table}")
            op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP POLICY backup ON {table}")
        op.execute(f"REVOKE SELECT ON {table} FROM {BACKUP}")
    op.execute(f"REVOKE SELECT ON alembic_version FROM {BACKUP}")
