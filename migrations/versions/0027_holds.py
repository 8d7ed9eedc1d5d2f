"""stock kept for a while: holds, and on each balance when the first of them ends

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")
NUMBERS = sa.Numeric(20, 6)


def upgrade() -> None:
    """Nothing is rewritten: the column is empty. The program of before leaves it alone, and finds held goods reserved."""
    op.execute("ALTER TABLE stock_levels ADD COLUMN IF NOT EXISTS held_until timestamptz")
    op.create_table(
        "stock_holds",
        *_key(),
        sa.Column("reference", KEY_TEXT, nullable=False),
        sa.Column("status", KEY_TEXT, server_default=sa.text("'HELD'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _at("created_at"),
        _at("updated_at"),
        sa.CheckConstraint("status IN ('HELD', 'EXPIRED', 'RELEASED', 'ORDERED')", name=op.f("ck_stock_holds_status")),
        sa.CheckConstraint("(status = 'ORDERED') = (order_id IS NOT NULL)", name=op.f("ck_stock_holds_ordered")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_stock_holds_tenant_id")),
        _reference("stock_holds", "order_id", "orders"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_stock_holds")),
    )
    op.create_table(
        "stock_hold_lines",
        *_key(),
        sa.Column("hold_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", NUMBERS, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _at("created_at"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_hold_lines_quantity")),
        sa.CheckConstraint("quantity <> 'NaN'", name=op.f("ck_stock_hold_lines_no_nan")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_stock_hold_lines_tenant_id")),
        _reference("stock_hold_lines", "hold_id", "stock_holds"),
        _reference("stock_hold_lines", "product_id", "products"),
        _reference("stock_hold_lines", "location_id", "locations"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_stock_hold_lines")),
        sa.UniqueConstraint(
            *("tenant_id", "hold_id", "product_id", "location_id"),
            name=op.f("uq_stock_hold_lines_tenant_id_hold_id_product_id_location_id"),
        ),
    )
    standing = sa.text("status = 'HELD'")
    op.create_index(
        "ix_stock_holds_reference", "stock_holds", ["tenant_id", "reference"], unique=True, postgresql_where=standing
    )
    op.create_index("ix_stock_holds_ends", "stock_holds", ["tenant_id", "status", "expires_at", "id"])
    spot = ["tenant_id", "product_id", "location_id", "expires_at"]
    op.create_index("ix_stock_hold_lines_stock", "stock_hold_lines", spot)
    for table in ("stock_holds", "stock_hold_lines"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")
        op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
        op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")


def _key() -> list[sa.Column[sa.Uuid]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id")]


def _at(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _reference(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id_{column}")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{to}.tenant_id", f"{to}.id"], name=name)


def downgrade() -> None:
    """What is kept is let go first: else it would be reserved for nobody, for ever. Forced row-level security binds the owner
    too, for whom there is a policy meanwhile.
    """
    for table in ("stock_levels", "stock_hold_lines"):
        op.execute(f"CREATE POLICY letting_go ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute("""
        UPDATE stock_levels s SET reserved = s.reserved - h.quantity
        FROM (SELECT tenant_id, product_id, location_id, sum(quantity) AS quantity FROM stock_hold_lines GROUP BY 1, 2, 3) h
        WHERE (s.tenant_id, s.product_id, s.location_id) = (h.tenant_id, h.product_id, h.location_id)
    """)
    op.execute("DROP POLICY letting_go ON stock_levels")
    op.drop_table("stock_hold_lines")
    op.drop_table("stock_holds")
    op.execute("ALTER TABLE stock_levels DROP COLUMN held_until")
