"""shipments as documents

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OWNER, APP, PARTNER, BACKUP = "erpgraph_owner", "erpgraph_app", "erpgraph_partner", "erpgraph_backup"
TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
MINE = "customer_id = nullif(current_setting('app.partner_id', true), '')::uuid"
NUMBERS = sa.Numeric(20, 6)
KEY_TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "shipments",
        *_key(),
        sa.Column("number", KEY_TEXT, nullable=False),
        sa.Column("status", KEY_TEXT, server_default=sa.text("'SHIPPED'"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", KEY_TEXT, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _at("created_at"),
        _at("updated_at"),
        sa.CheckConstraint("status IN ('SHIPPED', 'CANCELLED')", name=op.f("ck_shipments_status")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_shipments_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id", "customer_id"],
            ["orders.tenant_id", "orders.id", "orders.customer_id"],
            name=op.f("fk_shipments_tenant_id_order_id_customer_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_shipments")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_shipments_tenant_id_number")),
        sa.UniqueConstraint("tenant_id", "id", "customer_id", name=op.f("uq_shipments_tenant_id_id_customer_id")),
    )
    op.create_table(
        "shipment_lines",
        *_key(),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line_item_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", NUMBERS, nullable=False),
        sa.Column("back_id", sa.Uuid(), nullable=True),
        _at("created_at"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shipment_lines_quantity")),
        sa.CheckConstraint("quantity <> 'NaN'", name=op.f("ck_shipment_lines_no_nan")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_shipment_lines_tenant_id")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shipment_id", "customer_id"],
            ["shipments.tenant_id", "shipments.id", "shipments.customer_id"],
            name=op.f("fk_shipment_lines_tenant_id_shipment_id_customer_id"),
        ),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", f"{column}_id"],
                [f"{table}.tenant_id", f"{table}.id"],
                name=op.f(f"fk_shipment_lines_tenant_id_{column}_id"),
            )
            for column, table in (("line_item", "line_items"), ("location", "locations"))
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_shipment_lines")),
    )
    for name, columns in {
        "shipped": ["shipped_at", "id"],
        "order": ["order_id", "shipped_at", "id"],
        "customer": ["customer_id", "shipped_at", "id"],
        "tracking": ["tracking_number", "id"],
    }.items():
        op.create_index(f"ix_shipments_{name}", "shipments", ["tenant_id", *columns])
    op.create_index("ix_shipment_lines_shipment", "shipment_lines", ["tenant_id", "shipment_id", "position", "id"])
    op.create_index("ix_shipment_lines_line_item", "shipment_lines", ["tenant_id", "line_item_id"])
    there = sa.text("back_id IS NOT NULL")
    op.create_index("ix_shipment_lines_back", "shipment_lines", ["tenant_id", "back_id"], postgresql_where=there)
    for table in ("shipments", "shipment_lines"):
        _close(table)


def _key() -> list[sa.Column[sa.Uuid]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in ("tenant_id", "id")]


def _at(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _close(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} TO {APP}, {OWNER} USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"CREATE POLICY partner ON {table} FOR SELECT TO {PARTNER} USING ({TENANT} AND {MINE})")
    op.execute(f"CREATE POLICY backup ON {table} FOR SELECT TO {BACKUP} USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP}")
    op.execute(f"GRANT SELECT ON {table} TO {PARTNER}")
    op.execute(f"GRANT SELECT ON {table} TO {BACKUP}")


def downgrade() -> None:
    op.drop_table("shipment_lines")
    op.drop_table("shipments")
