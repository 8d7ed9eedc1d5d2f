"""what refers to taxes is known to do so

Revision ID: 0039
Revises: 0038
"""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

REFERENCES = {
    "products": "fk_products_tenant_id_tax_id",
    "partners": "fk_partners_tenant_id_tax_group_id",
    "line_items": "fk_line_items_tenant_id_tax_id",
}


def upgrade() -> None:
    """In autocommit: what was broken off can be run again. It looks at every row once, and stands in nobody's way."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5min'")
        try:
            for table, name in REFERENCES.items():
                op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
        finally:
            op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    """A reference that was looked at stays so."""
