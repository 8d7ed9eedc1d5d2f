"""addresses of partners, warehouses, tenants and orders

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

APP = "erpgraph_app"
ADDED = {
    "partners": ("addresses",),
    "warehouses": ("address",),
    "tenants": ("address",),
    "orders": ("shipping_address", "billing_address"),
}


def upgrade() -> None:
    """Nothing is rewritten: the columns are empty, or have one value for all rows. In autocommit, so that each lock is gone with
    its statement; what was broken off can be run again.
    """
    with op.get_context().autocommit_block():
        for table, columns in ADDED.items():
            added = ", ".join(f"ADD COLUMN IF NOT EXISTS {column} jsonb" for column in columns)
            op.execute(f"ALTER TABLE {table} {added}")
        for table in ("warehouses", "locations"):
            op.execute(
                f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS version integer DEFAULT 1 NOT NULL,"
                " ADD COLUMN IF NOT EXISTS updated_at timestamptz DEFAULT now() NOT NULL"
            )
        # Of its own row a tenant changes its address, and nothing else.
        op.execute(f"GRANT UPDATE (address) ON tenants TO {APP}")


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE (address) ON tenants FROM {APP}")
    for table in ("warehouses", "locations"):
        op.drop_column(table, "updated_at")
        op.drop_column(table, "version")
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column)
