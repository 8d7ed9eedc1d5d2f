"""what suppliers sell at

Revision ID: 0047
Revises: 0046
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

NAME = "fk_partners_tenant_id_purchase_price_list_id"


def upgrade() -> None:
    op.add_column("partners", sa.Column("purchase_price_list_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f(NAME),
        "partners",
        "price_lists",
        ["tenant_id", "purchase_price_list_id"],
        ["tenant_id", "id"],
        postgresql_not_valid=True,
    )
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE partners VALIDATE CONSTRAINT {NAME}")


def downgrade() -> None:
    op.drop_column("partners", "purchase_price_list_id")
