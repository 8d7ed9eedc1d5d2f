"""which lines' taxes were named by the client

Revision ID: 0045
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Null, so nothing is rewritten. Only a draft's new customer asks for it: of the drafts that are there nobody knows, and their
    lines are taxed as new ones would be.
    """
    op.add_column("line_items", sa.Column("tax_named", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("line_items", "tax_named")
