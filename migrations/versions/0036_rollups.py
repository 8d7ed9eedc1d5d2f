"""rollups of order lines

Revision ID: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")
COUNTS = ("lines", "orders", "wanted", "shipped_in_full")
SUMS = ("quantity", "shipped", "returned", "cancelled", "open", "total", "open_total", "priced")


def upgrade() -> None:
    """New tables alone: nobody waits for a lock. The worker fills them."""
    op.create_table(
        "sales_folds",
        *_key(),
        sa.Column("commit_id", sa.Uuid(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        _at("folded_at", None),
        _at("created_at"),
        *_keys("sales_folds"),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_sales_folds_tenant_id")),
    )
    op.create_table(
        "sales_spans",
        *_key(),
        sa.Column("kind", KEY_TEXT, nullable=False),
        _at("starts_at", None),
        _at("ends_at", None),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("first_day", "last_day")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("cells", "lines")),
        _at("created_at"),
        *_keys("sales_spans"),
        sa.CheckConstraint("kind IN ('DAYS', 'PRODUCTS', 'CUSTOMERS')", name=op.f("ck_sales_spans_kind")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_sales_spans_span")),
        sa.UniqueConstraint(
            "tenant_id", "kind", "starts_at", "ends_at", name=op.f("uq_sales_spans_tenant_id_kind_starts_at_ends_at")
        ),
    )
    _cells()
    for table in ("sales_folds", "sales_spans", "sales_cells"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")
        op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
        op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")


def _cells() -> None:
    op.create_table(
        "sales_cells",
        *_key(),
        sa.Column("span_id", sa.Uuid(), nullable=False),
        _at("starts_at", None),
        sa.Column("status", KEY_TEXT, nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("unit", KEY_TEXT, nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.Numeric(), nullable=False) for name in SUMS),
        _at("created_at"),
        *_keys("sales_cells"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "span_id"],
            ["sales_spans.tenant_id", "sales_spans.id"],
            name=op.f("fk_sales_cells_tenant_id_span_id"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_sales_cells_span", "sales_cells", ["tenant_id", "span_id"])
    for name in ("product", "customer"):
        column = f"{name}_id"
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_sales_cells_{name}", "sales_cells", ["tenant_id", column, "span_id"], postgresql_where=where
        )


def _key() -> list[sa.Column[sa.Uuid]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id")]


def _keys(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
    )


def _at(name: str, default: str | None = "now()") -> sa.Column[sa.DateTime]:
    given = sa.text(default) if default else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=given, nullable=False)


def downgrade() -> None:
    for table in ("sales_cells", "sales_spans", "sales_folds"):
        op.drop_table(table)
