"""price lists, the partners that buy by them, and the orders that were priced by them

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

APP, OWNER, PARTNER, BACKUP = "erpgraph_app", "erpgraph_owner", "erpgraph_partner", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
MINE = "nullif(current_setting('app.price_list_id', true), '')::uuid"
WHOSE = {"price_lists": "id", "prices": "price_list_id"}
BY = ("partners", "orders")
KEY_TEXT = sa.Text(collation="C")
NUMBERS = sa.Numeric(20, 6)


def upgrade() -> None:
    """Nothing is rewritten or read: the new columns are empty, and their foreign keys need not look for what isn't there."""
    _lists()
    _prices()
    for table, column in WHOSE.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO {APP}, {OWNER} USING ({TENANT}) WITH CHECK ({TENANT})")
        op.execute(f"CREATE POLICY partner ON {table} FOR SELECT TO {PARTNER} USING ({TENANT} AND {column} = {MINE})")
        op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
        op.execute(f"GRANT SELECT ON {table} TO {PARTNER}, {BACKUP}")
    for table in BY:
        op.add_column(table, sa.Column("price_list_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_tenant_id_price_list_id"),
            table,
            "price_lists",
            ["tenant_id", "price_list_id"],
            ["tenant_id", "id"],
            postgresql_not_valid=True,
        )


def _lists() -> None:
    op.create_table(
        "price_lists",
        *_key(),
        sa.Column("code", KEY_TEXT, nullable=False),
        sa.Column("name", KEY_TEXT, nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("tax_included", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _at("created_at"),
        _at("updated_at"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_price_lists_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_price_lists")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_price_lists_tenant_id_code")),
    )


def _prices() -> None:
    checks = {
        "minimum": "minimum > 0",
        "amount": "amount >= 0",
        "span": "valid_from <= valid_to",
        "no_nan": "minimum <> 'NaN' AND amount <> 'NaN'",
    }
    op.create_table(
        "prices",
        *_key(),
        sa.Column("price_list_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("minimum", NUMBERS, nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount", NUMBERS, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        _at("created_at"),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_prices_{name}")) for name, rule in checks.items()),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_prices_tenant_id")),
        _reference("price_list_id", "price_lists"),
        _reference("product_id", "products"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_prices")),
        sa.UniqueConstraint(
            *("tenant_id", "price_list_id", "product_id", "minimum", "valid_from"),
            name=op.f("uq_prices_entry"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_prices_product", "prices", ["tenant_id", "product_id", "id"])


def _key() -> list[sa.Column[sa.Uuid]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id")]


def _at(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _reference(column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_prices_tenant_id_{column}")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{to}.tenant_id", f"{to}.id"], name=name)


def downgrade() -> None:
    for table in BY:
        op.drop_column(table, "price_list_id")
    op.drop_table("prices")
    op.drop_table("price_lists")
