"""taxes and what takes their place by partner; the taxes of products, order lines and orders

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

APP, PARTNER, BACKUP = "erpgraph_app", "erpgraph_partner", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")
NUMBERS = sa.Numeric(20, 6)
COLUMNS = {
    "products": ("tax_id uuid",),
    "partners": ("tax_group_id uuid",),
    "orders": ("prices_include_tax boolean NOT NULL DEFAULT false",),
    "line_items": ("tax_id uuid", "net numeric(20, 6)"),
}
REFERENCES = {
    "products": ("tax_id", "taxes"),
    "partners": ("tax_group_id", "tax_groups"),
    "line_items": ("tax_id", "taxes"),
}
INDEX, CHECK = "ix_line_items_tax", "ck_line_items_net"
NET = "net >= 0 AND net <= total AND net <> 'NaN'"
TABLES = ("taxes", "tax_groups", "tax_substitutions")


def _taxes() -> None:
    checks = {
        "category": "category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O', 'L', 'M')",
        "rate": "rate BETWEEN 0 AND 100 AND (rate > 0 OR category <> 'S')"
        " AND (rate = 0 OR category IN ('S', 'L', 'M'))",
        "exemption": "(exemption_reason IS NOT NULL) = (category IN ('E', 'AE', 'K', 'G', 'O'))",
        "exemption_code": "exemption_code IS NULL OR exemption_reason IS NOT NULL",
        "reverse_rate": "reverse_rate IS NULL OR reverse_rate > 0 AND reverse_rate <= 100 AND category IN ('AE', 'K')",
        "no_nan": "rate <> 'NaN' AND reverse_rate <> 'NaN'",
    }
    op.create_table(
        "taxes",
        *_key(),
        sa.Column("code", KEY_TEXT, nullable=False),
        sa.Column("name", KEY_TEXT, nullable=False),
        sa.Column("category", KEY_TEXT, nullable=False),
        sa.Column("rate", NUMBERS, nullable=False),
        sa.Column("reverse_rate", NUMBERS, nullable=True),
        sa.Column("exemption_code", KEY_TEXT, nullable=True),
        sa.Column("exemption_reason", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        *_versioned(),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_taxes_{name}")) for name, rule in checks.items()),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_taxes_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_taxes")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_taxes_tenant_id_code")),
    )


def _groups() -> None:
    op.create_table(
        "tax_groups",
        *_key(),
        sa.Column("code", KEY_TEXT, nullable=False),
        sa.Column("name", KEY_TEXT, nullable=False),
        *_versioned(),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_tax_groups_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_tax_groups")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_tax_groups_tenant_id_code")),
    )
    op.create_table(
        "tax_substitutions",
        *_key(),
        sa.Column("tax_group_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("from_tax_id", sa.Uuid(), nullable=True),
        sa.Column("to_tax_id", sa.Uuid(), nullable=False),
        _at("created_at"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_tax_substitutions_tenant_id")),
        _reference("tax_group_id", "tax_groups"),
        _reference("from_tax_id", "taxes"),
        _reference("to_tax_id", "taxes"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_tax_substitutions")),
        sa.UniqueConstraint(
            *("tenant_id", "tax_group_id", "from_tax_id"),
            name=op.f("uq_tax_substitutions_from"),
            postgresql_nulls_not_distinct=True,
        ),
    )


def _key() -> list[sa.Column[sa.Uuid]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id")]


def _versioned() -> list[sa.Column[sa.Integer] | sa.Column[sa.DateTime]]:
    version = sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)
    return [version, _at("created_at"), _at("updated_at")]


def _at(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _reference(column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_tax_substitutions_tenant_id_{column}")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{to}.tenant_id", f"{to}.id"], name=name)


def upgrade() -> None:
    """Nothing is rewritten: the new columns are empty, and what refers to taxes need not be looked for. The columns, their check and
    their index come first, in autocommit: what was broken off can be run again.
    """
    with op.get_context().autocommit_block():
        for table, columns in COLUMNS.items():
            added = ", ".join(f"ADD COLUMN IF NOT EXISTS {column}" for column in columns)
            op.execute(f"ALTER TABLE {table} {added}")
        op.execute(f"ALTER TABLE line_items DROP CONSTRAINT IF EXISTS {CHECK}")
        op.execute(f"ALTER TABLE line_items ADD CONSTRAINT {CHECK} CHECK ({NET}) NOT VALID")
        op.execute("SET lock_timeout = '5min'")
        try:
            # Looks at every row, and stands in nobody's way.
            op.execute(f"ALTER TABLE line_items VALIDATE CONSTRAINT {CHECK}")
            # An attempt that was broken off leaves an index that isn't valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
            op.execute(f"CREATE INDEX CONCURRENTLY {INDEX} ON line_items (tenant_id, tax_id) WHERE tax_id IS NOT NULL")
        finally:
            op.execute("SET lock_timeout = '2s'")
    _taxes()
    _groups()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")
        op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
        op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")
    # What a business partner's preview is worked out by. Which tax it comes to is printed on every invoice.
    for table in ("taxes", "tax_substitutions"):
        op.execute(f"GRANT SELECT ON {table} TO {PARTNER}")
    for table, (column, to) in REFERENCES.items():
        name = op.f(f"fk_{table}_tenant_id_{column}")
        op.create_foreign_key(name, table, to, ["tenant_id", column], ["tenant_id", "id"], postgresql_not_valid=True)


def downgrade() -> None:
    """Without taxes an order comes to its lines' totals."""
    op.execute(f"DROP INDEX {INDEX}")
    for table, columns in COLUMNS.items():
        for column in columns:
            op.drop_column(table, column.split()[0])
    for table in reversed(TABLES):
        op.drop_table(table)
