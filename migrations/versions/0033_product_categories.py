"""categories of products, in a tree

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

APP, PARTNER, BACKUP = "erpgraph_app", "erpgraph_partner", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")


def upgrade() -> None:
    """Nothing is rewritten or read: the new column is empty, and its foreign key need not look for what isn't there."""
    op.create_table(
        "product_categories",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", KEY_TEXT, nullable=False),
        sa.Column("name", KEY_TEXT, nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("cost_method", KEY_TEXT, server_default=sa.text("'AVERAGE'"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_product_categories_parent")),
        sa.CheckConstraint("cost_method IN ('AVERAGE', 'FIFO')", name=op.f("ck_product_categories_cost_method")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_product_categories")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_product_categories_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["product_categories.tenant_id", "product_categories.id"],
            name=op.f("fk_product_categories_tenant_id_parent_id"),
        ),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_product_categories_tenant_id_code")),
    )
    op.create_index("ix_product_categories_parent", "product_categories", ["tenant_id", "parent_id", "code", "id"])
    op.execute("ALTER TABLE product_categories ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE product_categories FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON product_categories USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"CREATE POLICY backup ON product_categories FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON product_categories TO {APP}")
    # Business partners read them, as they read products.
    op.execute(f"GRANT SELECT ON product_categories TO {PARTNER}, {BACKUP}")
    op.add_column("products", sa.Column("category_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_products_tenant_id_category_id"),
        "products",
        "product_categories",
        ["tenant_id", "category_id"],
        ["tenant_id", "id"],
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    op.drop_column("products", "category_id")
    op.drop_table("product_categories")
