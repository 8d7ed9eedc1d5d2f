"""lots: goods of a product that are told apart, in balances, moves, reservations, holds and shipments

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

APP, BACKUP = "erpgraph_app", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
KEY_TEXT = sa.Text(collation="C")

ADDED = {
    "products": ("tracking text COLLATE \"C\" NOT NULL DEFAULT 'NONE'",),
    "stock_levels": ("lot_id uuid", "sellable_until date", "serial boolean NOT NULL DEFAULT false"),
    "stock_moves": ("lot_id uuid",),
    "reservations": ("lot_id uuid",),
    "stock_hold_lines": ("lot_id uuid",),
    "shipment_lines": ("lot_id uuid",),
}
CHECKED = {
    "ck_products_tracking": ("products", "tracking IN ('NONE', 'LOT', 'SERIAL')"),
    "ck_stock_levels_serial": ("stock_levels", "NOT serial OR on_hand IN (0, 1) AND reserved IN (0, 1)"),
}
# A ledger has none: it may have a billion rows, and may be split by months.
REFERRING = ("stock_levels", "reservations", "stock_hold_lines", "shipment_lines")

DISTINCT = "NULLS NOT DISTINCT"
SPOTS = {
    "ix_stock_levels_spot": (
        "stock_levels",
        f"(tenant_id, product_id, location_id, lot_id) INCLUDE (on_hand, reserved, sellable_until) {DISTINCT}",
        "uq_stock_levels_tenant_id_product_id_location_id",
        "(tenant_id, product_id, location_id) INCLUDE (on_hand, reserved)",
    ),
    "ix_reservations_spot": (
        "reservations",
        f"(tenant_id, line_item_id, location_id, lot_id) {DISTINCT}",
        "uq_reservations_tenant_id_line_item_id_location_id",
        "(tenant_id, line_item_id, location_id)",
    ),
    "ix_stock_hold_lines_spot": (
        "stock_hold_lines",
        f"(tenant_id, hold_id, product_id, location_id, lot_id) {DISTINCT}",
        "uq_stock_hold_lines_tenant_id_hold_id_product_id_location_id",
        "(tenant_id, hold_id, product_id, location_id)",
    ),
}
"""The new key of a table, and the old one."""

OF_LOT = {
    "ix_stock_levels_lot": ("stock_levels", "(tenant_id, lot_id, id)"),
    "ix_stock_moves_lot": ("stock_moves", "(tenant_id, lot_id, occurred_at, id)"),
    "ix_shipment_lines_lot": ("shipment_lines", "(tenant_id, lot_id, id)"),
}
"""Empty at first, and without goods that aren't tracked."""


def upgrade() -> None:
    """Nothing is rewritten: columns are empty, or have one value for all rows.

    The old keys stay, as the program of before needs them (``db.leftovers``). They allow one balance for a product at a
    location, so no lots can be there before they go: by ``erpgraph db finish``, and at once where the database is new.
    """
    _make_lots()
    with op.get_context().autocommit_block():
        for table, columns in ADDED.items():
            for column in columns:
                op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
        for name, (table, condition) in CHECKED.items():
            _constrain(table, name, f"CHECK ({condition})")
        for table in REFERRING:
            key = "FOREIGN KEY (tenant_id, lot_id) REFERENCES lots (tenant_id, id)"
            _constrain(table, f"fk_{table}_tenant_id_lot_id", key)
        # Whoever waits for these locks stands in nobody's way, so they may wait for longer than others.
        op.execute("SET lock_timeout = '5min'")
        try:
            for name, (table, columns) in OF_LOT.items():
                _index(name, table, columns, "WHERE lot_id IS NOT NULL")
            for name, (table, columns, _, _) in SPOTS.items():
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
                op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {columns}")
        finally:
            op.execute("SET lock_timeout = '2s'")


def _make_lots() -> None:
    op.create_table(
        "lots",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("code", KEY_TEXT, nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_lots_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "product_id"],
            ["products.tenant_id", "products.id"],
            name=op.f("fk_lots_tenant_id_product_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_lots")),
        sa.UniqueConstraint("tenant_id", "product_id", "code", name=op.f("uq_lots_tenant_id_product_id_code")),
    )
    op.create_index("ix_lots_code", "lots", ["tenant_id", "code", "id"])
    op.create_index("ix_lots_expires", "lots", ["tenant_id", "expires_on", "id"])
    op.execute("ALTER TABLE lots ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE lots FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON lots USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"CREATE POLICY backup ON lots FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON lots TO {APP}")
    op.execute(f"GRANT SELECT ON lots TO {BACKUP}")


def _constrain(table: str, name: str, what: str) -> None:
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {what} NOT VALID")
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def _index(name: str, table: str, columns: str, condition: str) -> None:
    """Make an index while others write. Of a table that is split by months: of each part, and then of the whole."""
    # An attempt that was broken off leaves an index that isn't valid.
    parts = [
        str(row[0])
        for row in op.get_bind().execute(
            sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)"),
            {"table": table},
        )
    ]
    if not parts:
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} {columns} {condition}")
        return
    op.execute(f"DROP INDEX IF EXISTS {name}")
    op.execute(f"CREATE INDEX {name} ON ONLY {table} {columns} {condition}")
    for place, part in enumerate(parts):
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_{place}")
        op.execute(f"CREATE INDEX CONCURRENTLY {name}_{place} ON {part} {columns} {condition}")
        op.execute(f"ALTER INDEX {name} ATTACH PARTITION {name}_{place}")


MERGED = {
    "stock_levels": (
        "product_id, location_id",
        ("on_hand", "reserved", "incoming"),
        "held_until = s.until",
        ", min(held_until) AS until",
    ),
    "reservations": ("line_item_id, location_id", ("quantity",), "", ""),
    "stock_hold_lines": ("hold_id, product_id, location_id", ("quantity",), "", ""),
}


def downgrade() -> None:
    """Lots are forgotten: what is at one place becomes one balance again. Forced row-level security binds the owner too, for
    whom there is a policy meanwhile.
    """
    op.execute("ALTER TABLE stock_levels DROP CONSTRAINT ck_stock_levels_serial")
    for table, (key, sums, more, besides) in MERGED.items():
        op.execute(f"CREATE POLICY merging ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
        added = ", ".join(f"sum({column}) AS {column}" for column in sums)
        given = ", ".join([*(f"{column} = s.{column}" for column in sums), *([more] if more else [])])
        op.execute(f"""
            WITH s AS (
                SELECT tenant_id, {key}, min(id::text)::uuid AS kept, {added}{besides}
                FROM {table} GROUP BY tenant_id, {key} HAVING count(*) > 1
            ),
            gone AS (
                DELETE FROM {table} t USING s
                WHERE (t.tenant_id, {", ".join(f"t.{each}" for each in key.split(", "))}) =
                      (s.tenant_id, {", ".join(f"s.{each}" for each in key.split(", "))}) AND t.id <> s.kept
            )
            UPDATE {table} t SET {given} FROM s WHERE t.tenant_id = s.tenant_id AND t.id = s.kept
        """)
        op.execute(f"DROP POLICY merging ON {table}")
    for name, (table, _, before, columns) in SPOTS.items():
        op.execute(f"DROP INDEX {name}")
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {before}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {before} UNIQUE {columns}")
    for name in OF_LOT:
        op.execute(f"DROP INDEX {name}")
    for table, columns in ADDED.items():
        for column in reversed(columns):
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split()[0]}")
    op.drop_table("lots")
