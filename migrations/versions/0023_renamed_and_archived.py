"""records can be renamed, and are found by their old keys; and archived

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

APP, OWNER, PARTNER, BACKUP = "erpgraph_app", "erpgraph_owner", "erpgraph_partner", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
MINE = "nullif(current_setting('app.partner_id', true), '')::uuid"
ARCHIVED = ("products", "partners", "warehouses", "locations")


def upgrade() -> None:
    key = sa.Text(collation="C")
    op.create_table(
        "key_aliases",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", key, nullable=False),
        sa.Column("key", key, nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('product', 'partner', 'warehouse', 'location')", name=op.f("ck_key_aliases_kind")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_key_aliases_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_key_aliases")),
        sa.UniqueConstraint("tenant_id", "kind", "key", name=op.f("uq_key_aliases_tenant_id_kind_key")),
    )
    op.create_index("ix_key_aliases_record", "key_aliases", ["tenant_id", "record_id", "id"])
    op.execute("ALTER TABLE key_aliases ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE key_aliases FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON key_aliases TO {APP}, {OWNER} USING ({TENANT}) WITH CHECK ({TENANT})")
    # A business partner finds products, and itself.
    op.execute(
        f"CREATE POLICY partner ON key_aliases FOR SELECT TO {PARTNER}"
        f" USING ({TENANT} AND (kind = 'product' OR record_id = {MINE}))"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON key_aliases TO {APP}")
    op.execute(f"GRANT SELECT ON key_aliases TO {PARTNER}, {BACKUP}")
    op.execute(f"CREATE POLICY backup ON key_aliases FOR SELECT TO {BACKUP} USING (true)")
    with op.get_context().autocommit_block():
        for table in ARCHIVED:
            op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS archived_at timestamptz")


def downgrade() -> None:
    for table in ARCHIVED:
        op.drop_column(table, "archived_at")
    op.drop_table("key_aliases")
