"""commands and events: idempotency keys, number series, events, backorders

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APP = "erpgraph_app"
CURRENT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
VERBS = {
    "events": "SELECT, INSERT",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "number_series": "SELECT, INSERT, UPDATE, DELETE",
}


def upgrade() -> None:
    op.create_table(
        "events",
        *key_columns(),
        sa.Column("type", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column(
            "occurred_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        *key_constraints("events"),
    )
    op.create_index("ix_events_subject", "events", ["tenant_id", "subject_id", "occurred_at", "id"])
    op.create_index("ix_events_occurred", "events", ["tenant_id", "occurred_at", "id"])
    op.create_table(
        "idempotency_keys",
        *key_columns(),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("command", sa.Text(collation="C"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        *key_constraints("idempotency_keys"),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_idempotency_keys_tenant_id_key")),
    )
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["tenant_id", "created_at"])
    op.create_table(
        "number_series",
        *key_columns(),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        *key_constraints("number_series"),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_number_series_tenant_id_name")),
    )
    for table, verbs in VERBS.items():
        protect(table, verbs)
    add_backorders()


def add_backorders() -> None:
    """Columns with constant defaults rewrite nothing. The foreign key is not checked against the rows there
    are: its column is new and empty, so there is nothing to find, and reading the table would hold its lock.

    The index blocks writers of line items while it reads them once (not CONCURRENTLY, which waits for every
    open snapshot, also for that of a process that waits for this migration to end). Before this revision
    the only writer is the import.
    """
    op.add_column(
        "tenants",
        sa.Column("order_numbers", sa.Text(), server_default=sa.text("'SO-{year}-{n:06}'"), nullable=False),
    )
    op.add_column("orders", sa.Column("allow_backorder", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("orders", sa.Column("warehouse_id", sa.Uuid(), nullable=True))
    op.add_column("orders", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_orders_tenant_id_warehouse_id"),
        "orders",
        "warehouses",
        ["tenant_id", "warehouse_id"],
        ["tenant_id", "id"],
        postgresql_not_valid=True,
    )
    op.create_index(
        "ix_line_items_open",
        "line_items",
        ["tenant_id", "product_id", "order_id"],
        postgresql_where=sa.text("reserved + shipped + cancelled < quantity"),
    )


def downgrade() -> None:
    op.drop_index("ix_line_items_open", "line_items")
    op.drop_constraint(op.f("fk_orders_tenant_id_warehouse_id"), "orders", type_="foreignkey")
    for column in ("confirmed_at", "warehouse_id", "allow_backorder"):
        op.drop_column("orders", column)
    op.drop_column("tenants", "order_numbers")
    for table in VERBS:
        op.drop_table(table)


def key_columns() -> tuple[sa.Column, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def key_constraints(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def protect(table: str, verbs: str) -> None:
    """Forced row-level security with one policy, and the serving role's grants."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING (tenant_id = {CURRENT}) WITH CHECK (tenant_id = {CURRENT})")
    op.execute(f"GRANT {verbs} ON {table} TO {APP}")
