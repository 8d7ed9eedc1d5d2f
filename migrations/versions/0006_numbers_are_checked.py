"""numbers are checked: what was written before 0005 is read once, beside readers and writers

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("stock_levels", "stock_moves", "reservations", "line_items", "orders", "products")


def upgrade() -> None:
    """In a transaction of its own, so that the lock under which the constraint was made is gone: this one stands
    against other changes of the tables only.
    """
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_numbers")


def downgrade() -> None:
    """Nothing: a constraint that was validated does no harm."""
