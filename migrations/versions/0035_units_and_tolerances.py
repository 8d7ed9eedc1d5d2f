"""other units of products, and how much more than ordered may come

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
NUMBERS = ("over_receipt_percent", "price_tolerance_percent", "price_tolerance_amount")


def upgrade() -> None:
    """Nothing is rewritten or read: one new column is empty, and the other's default is a constant."""
    op.create_table(
        "purchase_settings",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Numeric(20, 6), server_default=sa.text("0"), nullable=False) for name in NUMBERS),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            " AND ".join(f"{name} >= 0" for name in NUMBERS), name=op.f("ck_purchase_settings_tolerances")
        ),
        sa.CheckConstraint(
            " AND ".join(f"{name} <> 'NaN'" for name in NUMBERS), name=op.f("ck_purchase_settings_no_nan")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_purchase_settings")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_purchase_settings_tenant_id")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_purchase_settings_tenant_id")),
    )
    op.execute("ALTER TABLE purchase_settings ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE purchase_settings FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON purchase_settings USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"CREATE POLICY backup ON purchase_settings FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON purchase_settings TO {APP}")
    op.execute(f"GRANT SELECT ON purchase_settings TO {BACKUP}")
    op.add_column("products", sa.Column("units", JSONB(), nullable=True))
    op.add_column(
        "purchase_lines",
        sa.Column("over_receipt_usual", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("purchase_lines", "over_receipt_usual")
    op.drop_column("products", "units")
    op.drop_table("purchase_settings")
