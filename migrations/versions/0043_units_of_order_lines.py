"""the unit that an order line was ordered in, where it isn't the product's own

Revision ID: 0043
Revises: 0042
"""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

CHECK = "ck_line_items_unit"
UNIT = "(unit IS NULL) = (unit_quantity IS NULL) AND unit_quantity > 0 AND unit_quantity <> 'NaN'"


def upgrade() -> None:
    """Nothing is rewritten: the new columns are empty. In autocommit, so that no lock is kept and what was broken off can be run again;
    what looks at every row stands in nobody's way.
    """
    with op.get_context().autocommit_block():
        op.execute(
            'ALTER TABLE line_items ADD COLUMN IF NOT EXISTS unit text COLLATE "C",'
            " ADD COLUMN IF NOT EXISTS unit_quantity numeric(20, 6)"
        )
        op.execute(f"ALTER TABLE line_items DROP CONSTRAINT IF EXISTS {CHECK}")
        op.execute(f"ALTER TABLE line_items ADD CONSTRAINT {CHECK} CHECK ({UNIT}) NOT VALID")
        op.execute("SET lock_timeout = '5min'")
        try:
            op.execute(f"ALTER TABLE line_items VALIDATE CONSTRAINT {CHECK}")
        finally:
            op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    """Lines in other units are lines in the product's own then, at what one of those costs, rounded. What they come to stays."""
    op.execute("UPDATE line_items SET unit_price = unit_price * unit_quantity / quantity WHERE unit IS NOT NULL")
    op.drop_column("line_items", "unit_quantity")
    op.drop_column("line_items", "unit")
