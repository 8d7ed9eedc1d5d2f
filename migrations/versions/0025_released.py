"""lines whose goods were released for others

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is rewritten: a constant default is kept beside the rows. In autocommit: what was broken off can be run again."""
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE line_items ADD COLUMN IF NOT EXISTS released numeric(20, 6) NOT NULL DEFAULT 0")
        op.execute("ALTER TABLE line_items ADD COLUMN IF NOT EXISTS waits_since timestamptz")
        op.execute("ALTER TABLE line_items DROP CONSTRAINT IF EXISTS ck_line_items_released")
        op.execute(
            "ALTER TABLE line_items ADD CONSTRAINT ck_line_items_released CHECK (released >= 0 AND released <> 'NaN') NOT VALID"
        )
        op.execute("ALTER TABLE line_items VALIDATE CONSTRAINT ck_line_items_released")


def downgrade() -> None:
    op.execute("ALTER TABLE line_items DROP COLUMN waits_since")
    op.execute("ALTER TABLE line_items DROP COLUMN released")
