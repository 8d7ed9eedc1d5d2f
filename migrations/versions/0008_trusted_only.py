"""keys that may run trusted documents only

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is rewritten: the default is stored once, for all the rows that are there."""
    op.add_column("api_keys", sa.Column("trusted_only", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    """A key that was bound to trusted documents would be free: such keys end here."""
    op.execute("ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE api_keys SET revoked_at = now() WHERE trusted_only AND revoked_at IS NULL")
    op.execute("ALTER TABLE api_keys FORCE ROW LEVEL SECURITY")
    op.drop_column("api_keys", "trusted_only")
