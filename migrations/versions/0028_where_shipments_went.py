"""where a shipment went

Revision ID: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is rewritten: the column is empty. Where shipments of before went isn't known: an order's address can change."""
    op.execute("ALTER TABLE shipments ADD COLUMN IF NOT EXISTS address jsonb")


def downgrade() -> None:
    op.execute("ALTER TABLE shipments DROP COLUMN address")
