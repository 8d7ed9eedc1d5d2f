"""suppliers of products, and purchase orders

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
NUMBERS = sa.Numeric(20, 6)
KEY_TEXT = sa.Text(collation="C")
TABLES = ("product_suppliers", "purchase_orders", "purchase_lines")
INDEXES = {
    "ix_product_suppliers_product": ("product_suppliers", ["product_id", "priority", "price", "id"]),
    "ix_product_suppliers_supplier": ("product_suppliers", ["supplier_id", "priority", "price", "id"]),
    "ix_purchase_orders_ordered": ("purchase_orders", ["ordered_at", "id"]),
    "ix_purchase_orders_supplier": ("purchase_orders", ["supplier_id", "ordered_at", "id"]),
    "ix_purchase_orders_status": ("purchase_orders", ["status", "ordered_at", "id"]),
    "ix_purchase_orders_expected": ("purchase_orders", ["expected_on", "id"]),
    "ix_purchase_orders_total": ("purchase_orders", ["total", "id"]),
    "ix_purchase_orders_updated": ("purchase_orders", ["updated_at", "id"]),
    "ix_purchase_lines_product": ("purchase_lines", ["product_id", "id"]),
    "ix_purchase_lines_expected": ("purchase_lines", ["expected_on", "id"]),
}
# What 0009 has for orders.
TEXT = """
CREATE FUNCTION purchase_orders_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF octet_length(concat(NEW.number, NEW.external_id, NEW.note)) <> length(concat(NEW.number, NEW.external_id, NEW.note)) THEN
        NEW.number := normalize(NEW.number, NFC);
        NEW.external_id := normalize(NEW.external_id, NFC);
        NEW.note := normalize(NEW.note, NFC);
    END IF;
    NEW.number_key := text_folded(NEW.number);
    NEW.external_key := text_folded(NEW.external_id);
    NEW.search := (
        coalesce(search_part(NEW.number, '1A'), '') || coalesce(search_part(NEW.external_id, '1A'), '')
        || coalesce(search_part(NEW.note, '3C'), '') || coalesce(search_lexeme(NEW.number) || ':1A ', '')
        || coalesce(search_lexeme(NEW.external_id) || ':1A ', '')
    )::tsvector;
    RETURN NEW;
END $$
"""
TRIGGER = """
CREATE TRIGGER text BEFORE INSERT OR UPDATE OF number, external_id, note ON purchase_orders
FOR EACH ROW EXECUTE FUNCTION purchase_orders_text()
"""


def upgrade() -> None:
    """New tables alone: nobody waits for a lock."""
    _suppliers()
    _orders()
    _lines()
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, ["tenant_id", *columns])
    op.create_index(
        "ix_purchase_orders_words",
        "purchase_orders",
        ["tenant_id", "search", "number_key", "external_key"],
        postgresql_using="gin",
        postgresql_ops={"number_key": "gin_trgm_ops", "external_key": "gin_trgm_ops"},
    )
    op.get_bind().exec_driver_sql(TEXT)
    op.execute(TRIGGER)
    for table in TABLES:
        _close(table)


def _suppliers() -> None:
    op.create_table(
        "product_suppliers",
        *_ids("tenant_id", "id", "product_id", "supplier_id"),
        sa.Column("supplier_sku", KEY_TEXT, nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        _number("minimum", "0"),
        _number("multiple", "1"),
        sa.Column("lead_days", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("price", NUMBERS, nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=True),
        *_versioned(),
        *_checks(
            "product_suppliers",
            quantities="minimum >= 0 AND multiple > 0",
            price="price >= 0",
            currency="(price IS NULL) = (currency IS NULL)",
            lead_days="lead_days >= 0",
            no_nan="minimum <> 'NaN' AND multiple <> 'NaN' AND price <> 'NaN'",
        ),
        *_keys("product_suppliers", product_id="products", supplier_id="partners"),
        sa.UniqueConstraint(
            "tenant_id",
            "product_id",
            "supplier_id",
            name=op.f("uq_product_suppliers_tenant_id_product_id_supplier_id"),
        ),
    )


def _orders() -> None:
    op.create_table(
        "purchase_orders",
        *_ids("tenant_id", "id"),
        sa.Column("number", KEY_TEXT, nullable=False),
        sa.Column("status", KEY_TEXT, server_default=sa.text("'DRAFT'"), nullable=False),
        *_ids("supplier_id"),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        *_ids("location_id"),
        _number("subtotal", "0"),
        _number("tax_total", "0"),
        sa.Column("total", NUMBERS, sa.Computed("subtotal + tax_total", persisted=True), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("external_id", KEY_TEXT, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("number_key", KEY_TEXT, nullable=True),
        sa.Column("external_key", KEY_TEXT, nullable=True),
        sa.Column("search", postgresql.TSVECTOR(), nullable=False),
        *_versioned(),
        *_checks(
            "purchase_orders",
            status="status IN ('DRAFT', 'CONFIRMED', 'CLOSED', 'CANCELLED')",
            no_nan="subtotal <> 'NaN' AND tax_total <> 'NaN'",
        ),
        *_keys("purchase_orders", supplier_id="partners", location_id="locations"),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_purchase_orders_tenant_id_number")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_purchase_orders_tenant_id_external_id")),
    )


def _lines() -> None:
    numbers = ("quantity", "base_quantity", "unit_price", "total", "received", "returned", "cancelled", "over_receipt")
    op.create_table(
        "purchase_lines",
        *_ids("tenant_id", "id", "purchase_order_id"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_ids("product_id"),
        sa.Column("description", sa.Text(), nullable=False),
        _number("quantity"),
        sa.Column("unit", sa.Text(), nullable=False),
        _number("base_quantity"),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        _number("unit_price"),
        _number("total"),
        sa.Column("expected_on", sa.Date(), nullable=True),
        *(_number(name, "0") for name in ("over_receipt", "received", "returned", "cancelled")),
        _at("created_at"),
        *_checks(
            "purchase_lines",
            quantity="quantity > 0 AND base_quantity > 0",
            unit_price="unit_price >= 0",
            progress="received >= 0 AND returned >= 0 AND cancelled >= 0 AND over_receipt >= 0",
            cancelled="cancelled <= base_quantity",
            returned="returned <= received",
            received="received - returned <= base_quantity - cancelled + over_receipt",
            no_nan=" AND ".join(f"{name} <> 'NaN'" for name in numbers),
        ),
        *_keys("purchase_lines", product_id="products"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "purchase_order_id"],
            ["purchase_orders.tenant_id", "purchase_orders.id"],
            name=op.f("fk_purchase_lines_tenant_id_purchase_order_id"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "purchase_order_id",
            "position",
            name=op.f("uq_purchase_lines_tenant_id_purchase_order_id_position"),
        ),
    )


def _ids(*names: str) -> list[sa.Column[sa.Uuid]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in names]


def _number(name: str, default: str | None = None) -> sa.Column[sa.Numeric]:
    return sa.Column(name, NUMBERS, server_default=default and sa.text(default), nullable=False)


def _at(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _versioned() -> tuple[sa.Column[sa.Integer], ...]:
    version = sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)
    return version, _at("created_at"), _at("updated_at")  # type: ignore[return-value]


def _checks(table: str, **rules: str) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]


def _keys(table: str, **references: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{other}.tenant_id", f"{other}.id"],
                name=op.f(f"fk_{table}_tenant_id_{column}"),
            )
            for column, other in references.items()
        ),
    ]


def _close(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
    op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION purchase_orders_text()")
