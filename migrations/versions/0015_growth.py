"""for tables that grow: thinner indexes, vacuum that comes in time, and statistics that know tenants

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STORAGE = {
    # Ledgers only grow. By the default, after a fifth of the table, a billion rows wait for 200 million more and are frozen for hours then.
    "stock_moves": {"autovacuum_vacuum_insert_scale_factor": "0.01", "autovacuum_vacuum_insert_threshold": "100000"},
    "events": {"autovacuum_vacuum_insert_scale_factor": "0.01", "autovacuum_vacuum_insert_threshold": "100000"},
    # Rows that are changed a few times after they were made: what is dead is cleared in portions.
    "orders": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_insert_scale_factor": "0.02"},
    "line_items": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_insert_scale_factor": "0.02"},
    # The same rows again and again, and rows that last for two days.
    "stock_levels": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_threshold": "1000"},
    "reservations": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_threshold": "1000"},
    "idempotency_keys": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_threshold": "1000"},
}
ANALYSED = "autovacuum_analyze_scale_factor"
"""A fiftieth: of a billion rows the newest month is unknown otherwise."""

STATISTICS = {"line_items": "product_id", "stock_moves": "product_id", "orders": "customer_id"}
"""What is of one tenant alone: multiplied, the two selectivities were ten thousand times too small."""

TARGET = 500
"""150,000 rows are read for them, where 30,000 know little of ten thousand tenants."""

DROPPED = {
    "ix_stock_moves_source": "stock_moves (tenant_id, source_id, occurred_at, id)",
    "ix_stock_moves_destination": "stock_moves (tenant_id, destination_id, occurred_at, id)",
    "ix_stock_levels_on_hand": "stock_levels (tenant_id, on_hand, id)",
    "ix_stock_levels_available": "stock_levels (tenant_id, available, id)",
}
MADE = {
    # Without the time and the id equal entries share one key: 8 bytes a row, where it was 117.
    "ix_stock_moves_from": "stock_moves (tenant_id, source_id)",
    "ix_stock_moves_to": "stock_moves (tenant_id, destination_id)",
    "ix_tenants_name": "tenants (name)",
}


def upgrade() -> None:
    """In autocommit: what was broken off can be run again."""
    with op.get_context().autocommit_block():
        for table, settings in STORAGE.items():
            given = ", ".join(f"{name} = {value}" for name, value in (settings | {ANALYSED: "0.02"}).items())
            op.execute(f"ALTER TABLE {table} SET ({given})")
        for table, column in STATISTICS.items():
            op.execute(f"DROP STATISTICS IF EXISTS st_{table}_{column}")
            op.execute(
                f"CREATE STATISTICS st_{table}_{column} (ndistinct, dependencies) ON tenant_id, {column} FROM {table}"
            )
            op.execute(f"ALTER STATISTICS st_{table}_{column} SET STATISTICS {TARGET}")
        _replace(MADE, DROPPED)


def _replace(made: dict[str, str], dropped: dict[str, str]) -> None:
    """Whoever waits for these locks stands in nobody's way, so they may wait for longer than others."""
    op.execute("SET lock_timeout = '5min'")
    try:
        for name, columns in made.items():
            # An attempt that was broken off leaves an index that isn't valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")
        for name in dropped:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    finally:
        op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    for table, settings in STORAGE.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join((*settings, ANALYSED))})")
    for table, column in STATISTICS.items():
        op.execute(f"DROP STATISTICS st_{table}_{column}")
    for name, columns in DROPPED.items():
        op.execute(f"CREATE INDEX {name} ON {columns}")
    for name in MADE:
        op.execute(f"DROP INDEX {name}")
