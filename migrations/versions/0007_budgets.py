"""budgets: what keys, users and tenants may still ask for

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APP = "erpgraph_app"
CURRENT = "nullif(current_setting('app.tenant_id', true), '')::uuid"


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_budgets_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_budgets")),
        sa.UniqueConstraint("tenant_id", "owner", name=op.f("uq_budgets_tenant_id_owner")),
        prefixes=["UNLOGGED"],
    )
    op.execute("ALTER TABLE budgets ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE budgets FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON budgets USING (tenant_id = {CURRENT}) WITH CHECK (tenant_id = {CURRENT})")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON budgets TO {APP}")


def downgrade() -> None:
    op.drop_table("budgets")
