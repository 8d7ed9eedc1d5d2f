"""how stock is chosen for orders: a rule of the tenant, and ranks of its warehouses

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")
RULES = "IN ('WHOLE_FIRST', 'BY_RANK', 'MOST_FIRST')"
ADDED = {"warehouses": ("rank integer",), "locations": ("rank integer", 'allocation text COLLATE "C"')} | {
    "orders": ('allocation text COLLATE "C"',)
}


def upgrade() -> None:
    """Nothing is rewritten: the columns are empty. In autocommit: what was broken off can be run again."""
    with op.get_context().autocommit_block():
        for table, columns in ADDED.items():
            for column in columns:
                op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
        for table in ("locations", "orders"):
            name = f"ck_{table}_allocation"
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (allocation {RULES}) NOT VALID")
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    op.create_table(
        "allocation_policies",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule", KEY_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(f"rule {RULES}", name=op.f("ck_allocation_policies_rule")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_allocation_policies_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_allocation_policies")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_allocation_policies_tenant_id")),
    )
    op.execute("ALTER TABLE allocation_policies ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE allocation_policies FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON allocation_policies USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"CREATE POLICY backup ON allocation_policies FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON allocation_policies TO {APP}")
    op.execute(f"GRANT SELECT ON allocation_policies TO {BACKUP}")


def downgrade() -> None:
    op.drop_table("allocation_policies")
    for table, columns in ADDED.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split()[0]}")
