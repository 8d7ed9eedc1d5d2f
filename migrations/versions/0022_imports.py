"""imports of files, and the records that came of them

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "imports",
        *_key(),
        sa.Column("kind", KEY_TEXT, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("digest", KEY_TEXT, nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("counts", JSONB(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        _created(),
        sa.CheckConstraint("kind IN ('orders', 'partners', 'products', 'stock')", name=op.f("ck_imports_kind")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_imports_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_imports")),
    )
    op.create_table(
        "import_records",
        *_key(),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("type", KEY_TEXT, nullable=False),
        sa.Column("key", KEY_TEXT, nullable=True),
        _created(),
        sa.CheckConstraint("type IN ('LINE', 'ORDER', 'PARTNER', 'PRODUCT')", name=op.f("ck_import_records_type")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_import_records_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["imports.tenant_id", "imports.id"],
            name=op.f("fk_import_records_tenant_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_records")),
    )
    op.create_index("ix_imports_created", "imports", ["tenant_id", "created_at", "id"])
    op.create_index("ix_import_records_import", "import_records", ["tenant_id", "import_id", "type", "id"])
    for table in ("imports", "import_records"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")
        op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
        op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")


def _key() -> list[sa.Column[sa.Uuid]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id")]


def _created() -> sa.Column[sa.DateTime]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def downgrade() -> None:
    op.drop_table("import_records")
    op.drop_table("imports")
