"""how many decimals quantities of a product may have

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

NAME = "ck_products_unit_decimals"


def upgrade() -> None:
    """The default is a constant, so nothing is rewritten; and what is there has it, so it is looked at beside everybody else."""
    op.add_column(
        "products", sa.Column("unit_decimals", sa.SmallInteger(), server_default=sa.text("6"), nullable=False)
    )
    op.execute(f"ALTER TABLE products ADD CONSTRAINT {NAME} CHECK (unit_decimals BETWEEN 0 AND 6) NOT VALID")
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE products VALIDATE CONSTRAINT {NAME}")


def downgrade() -> None:
    op.drop_column("products", "unit_decimals")
