"""reorder rules

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
REFERENCES = {
    "product_id": "products",
    "warehouse_id": "warehouses",
    "location_id": "locations",
    "supplier_id": "partners",
}


def upgrade() -> None:
    """A new table alone: nobody waits for a lock."""
    op.create_table(
        "reorder_rules",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id", "product_id", "warehouse_id")),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("point", sa.Numeric(20, 6), nullable=False),
        sa.Column("target", sa.Numeric(20, 6), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("0 <= point AND point <= target", name=op.f("ck_reorder_rules_target")),
        sa.CheckConstraint("point <> 'NaN' AND target <> 'NaN'", name=op.f("ck_reorder_rules_no_nan")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_reorder_rules")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_reorder_rules_tenant_id")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{other}.tenant_id", f"{other}.id"],
                name=op.f(f"fk_reorder_rules_tenant_id_{column}"),
            )
            for column, other in REFERENCES.items()
        ),
        sa.UniqueConstraint(
            "tenant_id", "product_id", "warehouse_id", name=op.f("uq_reorder_rules_tenant_id_product_id_warehouse_id")
        ),
    )
    op.execute("ALTER TABLE reorder_rules ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE reorder_rules FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON reorder_rules USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"CREATE POLICY backup ON reorder_rules FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON reorder_rules TO {APP}")
    op.execute(f"GRANT SELECT ON reorder_rules TO {BACKUP}")


def downgrade() -> None:
    op.drop_table("reorder_rules")
