"""the serving role may read keys and note their use, and no more

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keys are made, changed and deleted by the owner alone."""
    op.execute("REVOKE INSERT, UPDATE, DELETE ON api_keys FROM erpgraph_app")
    op.execute("GRANT UPDATE (last_used_at) ON api_keys TO erpgraph_app")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (last_used_at) ON api_keys FROM erpgraph_app")
    op.execute("GRANT INSERT, UPDATE, DELETE ON api_keys TO erpgraph_app")
