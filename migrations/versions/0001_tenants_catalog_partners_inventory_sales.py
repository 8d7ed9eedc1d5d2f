"""tenants, catalog, partners, inventory, sales

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration keeps its own copy of what it needs: the code's idea of it may change later.
OWNER, APP = "erpgraph_owner", "erpgraph_app"
CURRENT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
TABLES = (
    "api_keys",
    "partners",
    "products",
    "warehouses",
    "locations",
    "orders",
    "line_items",
    "stock_levels",
    "reservations",
    "stock_moves",
)
APPEND_ONLY = ("stock_moves",)
NUMBERS = sa.Numeric(20, 6)
# In the database's own collation, which knows the case of every script; "C" knows that of A to Z.
TRIGRAMS = 'COLLATE "default" gin_trgm_ops'


def protect(table: str, column: str, verbs: str) -> None:
    """Forced row-level security with one policy, and the serving role's grants."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({column} = {CURRENT}) WITH CHECK ({column} = {CURRENT})")
    op.execute(f"GRANT {verbs} ON {table} TO {APP}")


def upgrade() -> None:
    # Substring search. Trusted extensions: the owner of the database may create them.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("timezone", sa.Text(), server_default=sa.text("'UTC'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_table(
        "api_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_api_keys_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("tenant_id", "hash", name=op.f("uq_api_keys_tenant_id_hash")),
    )
    op.create_table(
        "partners",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "name_key",
            sa.Text(collation="C"),
            sa.Computed('lower(name COLLATE "default")', persisted=True),
            nullable=False,
        ),
        sa.Column(
            "kinds", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{CUSTOMER}'"), nullable=False
        ),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("country", sa.CHAR(length=2, collation="C"), nullable=True),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(code, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'A') || setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(name, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'B') || setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(email, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'C')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kinds <@ '{CUSTOMER,SUPPLIER}' AND kinds <> '{}'", name=op.f("ck_partners_kinds")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_partners_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_partners")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_partners_tenant_id_code")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_partners_tenant_id_external_id")),
    )
    op.create_index("ix_partners_country", "partners", ["tenant_id", "country", "id"], unique=False)
    op.create_index("ix_partners_created", "partners", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_partners_name", "partners", ["tenant_id", "name_key", "id"], unique=False)
    op.create_index(
        "ix_partners_text",
        "partners",
        ["tenant_id", "search", "code", "name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"code": TRIGRAMS, "name": TRIGRAMS},
    )
    op.create_table(
        "products",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "name_key",
            sa.Text(collation="C"),
            sa.Computed('lower(name COLLATE "default")', persisted=True),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("barcode", sa.Text(collation="C"), nullable=True),
        sa.Column("unit", sa.Text(), server_default=sa.text("'pcs'"), nullable=False),
        sa.Column("list_price", NUMBERS, nullable=True),
        sa.Column("list_price_currency", sa.CHAR(length=3), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(sku, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'A') || setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(name, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'B') || setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(barcode, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'B') || setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(description, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'C')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(list_price IS NULL) = (list_price_currency IS NULL)", name=op.f("ck_products_list_price_currency")
        ),
        sa.CheckConstraint("list_price >= 0", name=op.f("ck_products_list_price")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_products_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_products")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_products_tenant_id_external_id")),
        sa.UniqueConstraint("tenant_id", "sku", name=op.f("uq_products_tenant_id_sku")),
    )
    op.create_index("ix_products_active", "products", ["tenant_id", "active", "id"], unique=False)
    op.create_index("ix_products_created", "products", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_products_list_price", "products", ["tenant_id", "list_price", "id"], unique=False)
    op.create_index("ix_products_name", "products", ["tenant_id", "name_key", "id"], unique=False)
    op.create_index(
        "ix_products_text",
        "products",
        ["tenant_id", "search", "sku", "name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"sku": TRIGRAMS, "name": TRIGRAMS},
    )
    op.create_index("ix_products_updated", "products", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "warehouses",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_warehouses_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_warehouses")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_warehouses_tenant_id_code")),
    )
    op.create_table(
        "locations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("warehouse_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), server_default=sa.text("'INTERNAL'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('INTERNAL', 'SUPPLIER', 'CUSTOMER', 'TRANSIT', 'QUARANTINE', 'LOSS')",
            name=op.f("ck_locations_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "warehouse_id"],
            ["warehouses.tenant_id", "warehouses.id"],
            name=op.f("fk_locations_tenant_id_warehouse_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_locations_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_locations")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("uq_locations_tenant_id_code")),
    )
    op.create_index("ix_locations_warehouse", "locations", ["tenant_id", "warehouse_id", "code", "id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(collation="C"), server_default=sa.text("'DRAFT'"), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("subtotal", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("tax_total", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("total", NUMBERS, sa.Computed("subtotal + tax_total", persisted=True), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(number, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'A') || setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(external_id, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'A') || setweight(to_tsvector('simple'::regconfig, regexp_replace(coalesce(note, '') COLLATE \"default\", '[^[:alnum:]]+', ' ', 'g')), 'C')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('DRAFT', 'CONFIRMED', 'CLOSED', 'CANCELLED')", name=op.f("ck_orders_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["partners.tenant_id", "partners.id"],
            name=op.f("fk_orders_tenant_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_orders_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_orders")),
        sa.UniqueConstraint("tenant_id", "external_id", name=op.f("uq_orders_tenant_id_external_id")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_orders_tenant_id_number")),
    )
    op.create_index("ix_orders_created", "orders", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_orders_customer", "orders", ["tenant_id", "customer_id", "placed_at", "id"], unique=False)
    op.create_index("ix_orders_placed", "orders", ["tenant_id", "placed_at", "id"], unique=False)
    op.create_index("ix_orders_status", "orders", ["tenant_id", "status", "placed_at", "id"], unique=False)
    op.create_index(
        "ix_orders_text",
        "orders",
        ["tenant_id", "search", "number", "external_id"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"number": TRIGRAMS, "external_id": TRIGRAMS},
    )
    op.create_index("ix_orders_total", "orders", ["tenant_id", "total", "id"], unique=False)
    op.create_index("ix_orders_updated", "orders", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "line_items",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", NUMBERS, nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("unit_price", NUMBERS, nullable=False),
        sa.Column("total", NUMBERS, nullable=False),
        sa.Column("reserved", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("shipped", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("cancelled", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("returned", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_line_items_quantity")),
        sa.CheckConstraint("reserved + shipped + cancelled <= quantity", name=op.f("ck_line_items_ordered")),
        sa.CheckConstraint(
            "reserved >= 0 AND shipped >= 0 AND cancelled >= 0 AND returned >= 0", name=op.f("ck_line_items_progress")
        ),
        sa.CheckConstraint("returned <= shipped", name=op.f("ck_line_items_returned")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_line_items_unit_price")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["orders.tenant_id", "orders.id"],
            name=op.f("fk_line_items_tenant_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "product_id"],
            ["products.tenant_id", "products.id"],
            name=op.f("fk_line_items_tenant_id_product_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_line_items_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_line_items")),
        sa.UniqueConstraint(
            "tenant_id", "order_id", "position", name=op.f("uq_line_items_tenant_id_order_id_position")
        ),
    )
    op.create_index("ix_line_items_product", "line_items", ["tenant_id", "product_id", "id"], unique=False)
    op.create_index("ix_line_items_quantity", "line_items", ["tenant_id", "order_id", "quantity", "id"], unique=False)
    op.create_table(
        "stock_levels",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("on_hand", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("available", NUMBERS, sa.Computed("on_hand - reserved", persisted=True), nullable=False),
        sa.Column("incoming", NUMBERS, server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("incoming >= 0", name=op.f("ck_stock_levels_incoming")),
        sa.CheckConstraint("on_hand >= 0", name=op.f("ck_stock_levels_on_hand")),
        sa.CheckConstraint("reserved >= 0 AND reserved <= on_hand", name=op.f("ck_stock_levels_reserved")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id"],
            ["locations.tenant_id", "locations.id"],
            name=op.f("fk_stock_levels_tenant_id_location_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "product_id"],
            ["products.tenant_id", "products.id"],
            name=op.f("fk_stock_levels_tenant_id_product_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_stock_levels_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_stock_levels")),
        sa.UniqueConstraint(
            "tenant_id",
            "product_id",
            "location_id",
            name=op.f("uq_stock_levels_tenant_id_product_id_location_id"),
            postgresql_include=["on_hand", "reserved"],
        ),
    )
    op.create_index("ix_stock_levels_available", "stock_levels", ["tenant_id", "available", "id"], unique=False)
    op.create_index("ix_stock_levels_location", "stock_levels", ["tenant_id", "location_id", "id"], unique=False)
    op.create_index("ix_stock_levels_on_hand", "stock_levels", ["tenant_id", "on_hand", "id"], unique=False)
    op.create_index("ix_stock_levels_updated", "stock_levels", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_item_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", NUMBERS, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservations_quantity")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "line_item_id"],
            ["line_items.tenant_id", "line_items.id"],
            name=op.f("fk_reservations_tenant_id_line_item_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id"],
            ["locations.tenant_id", "locations.id"],
            name=op.f("fk_reservations_tenant_id_location_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "product_id"],
            ["products.tenant_id", "products.id"],
            name=op.f("fk_reservations_tenant_id_product_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_reservations_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_reservations")),
        sa.UniqueConstraint(
            "tenant_id", "line_item_id", "location_id", name=op.f("uq_reservations_tenant_id_line_item_id_location_id")
        ),
    )
    op.create_index("ix_reservations_stock", "reservations", ["tenant_id", "product_id", "location_id"], unique=False)
    op.create_table(
        "stock_moves",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", NUMBERS, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("line_item_id", sa.Uuid(), nullable=True),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_moves_quantity")),
        sa.CheckConstraint("source_id <> destination_id", name=op.f("ck_stock_moves_distinct")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "destination_id"],
            ["locations.tenant_id", "locations.id"],
            name=op.f("fk_stock_moves_tenant_id_destination_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "line_item_id"],
            ["line_items.tenant_id", "line_items.id"],
            name=op.f("fk_stock_moves_tenant_id_line_item_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "product_id"],
            ["products.tenant_id", "products.id"],
            name=op.f("fk_stock_moves_tenant_id_product_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "source_id"],
            ["locations.tenant_id", "locations.id"],
            name=op.f("fk_stock_moves_tenant_id_source_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_stock_moves_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_stock_moves")),
    )
    op.create_index(
        "ix_stock_moves_destination", "stock_moves", ["tenant_id", "destination_id", "occurred_at", "id"], unique=False
    )
    op.create_index("ix_stock_moves_line_item", "stock_moves", ["tenant_id", "line_item_id"], unique=False)
    op.create_index("ix_stock_moves_occurred", "stock_moves", ["tenant_id", "occurred_at", "id"], unique=False)
    op.create_index(
        "ix_stock_moves_product", "stock_moves", ["tenant_id", "product_id", "occurred_at", "id"], unique=False
    )
    op.create_index(
        "ix_stock_moves_source", "stock_moves", ["tenant_id", "source_id", "occurred_at", "id"], unique=False
    )

    protect("tenants", "id", "SELECT")
    # The owner makes and lists tenants; no request is ever served as the owner.
    op.execute(f"CREATE POLICY administration ON tenants TO {OWNER} USING (true) WITH CHECK (true)")
    for table in TABLES:
        protect(table, "tenant_id", "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE")
    op.execute(f"GRANT SELECT ON alembic_version TO {APP}")


def downgrade() -> None:
    for table in ("tenants", *TABLES)[::-1]:
        op.drop_table(table)
