"""receipts of purchase orders, and returns to suppliers

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")
TABLES = ("receipts", "receipt_lines", "purchase_return_lines")


def upgrade() -> None:
    """New tables alone: nobody waits for a lock."""
    op.create_table(
        "receipts",
        *_ids("tenant_id", "id"),
        sa.Column("number", KEY_TEXT, nullable=False),
        *_ids("purchase_order_id"),
        sa.Column("reference", KEY_TEXT, nullable=True),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        _created(),
        *_keys("receipts", purchase_order_id="purchase_orders"),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_receipts_tenant_id_number")),
        sa.UniqueConstraint(
            "tenant_id",
            "purchase_order_id",
            "reference",
            name=op.f("uq_receipts_tenant_id_purchase_order_id_reference"),
        ),
    )
    op.create_table(
        "receipt_lines",
        *_ids("tenant_id", "id", "receipt_id"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_ids("purchase_line_id", "location_id"),
        sa.Column("quantity", sa.Numeric(20, 6), nullable=False),
        _created(),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_receipt_lines_quantity")),
        sa.CheckConstraint("quantity <> 'NaN'", name=op.f("ck_receipt_lines_no_nan")),
        *_keys("receipt_lines", receipt_id="receipts", purchase_line_id="purchase_lines", location_id="locations"),
    )
    op.create_table(
        "purchase_return_lines",
        *_ids("tenant_id", "id", "purchase_line_id", "location_id"),
        sa.Column("quantity", sa.Numeric(20, 6), nullable=False),
        _created(),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_purchase_return_lines_quantity")),
        sa.CheckConstraint("quantity <> 'NaN'", name=op.f("ck_purchase_return_lines_no_nan")),
        *_keys("purchase_return_lines", purchase_line_id="purchase_lines", location_id="locations"),
    )
    op.create_index(
        "ix_purchase_return_lines_purchase_line", "purchase_return_lines", ["tenant_id", "purchase_line_id"]
    )
    op.create_index("ix_receipts_order", "receipts", ["tenant_id", "purchase_order_id", "received_at", "id"])
    op.create_index("ix_receipt_lines_receipt", "receipt_lines", ["tenant_id", "receipt_id", "position", "id"])
    op.create_index("ix_receipt_lines_purchase_line", "receipt_lines", ["tenant_id", "purchase_line_id"])
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")
        op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
        op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")


def _ids(*names: str) -> list[sa.Column[sa.Uuid]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in names]


def _created() -> sa.Column[sa.DateTime]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _keys(table: str, **references: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{other}.tenant_id", f"{other}.id"],
                name=op.f(f"fk_{table}_tenant_id_{column}"),
            )
            for column, other in references.items()
        ),
    ]


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
