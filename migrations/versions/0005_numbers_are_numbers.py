"""numbers are numbers: no quantity and no amount is NaN, which PostgreSQL holds for greater than all others

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBERS = {
    "stock_levels": ("on_hand", "reserved", "incoming"),
    "stock_moves": ("quantity",),
    "reservations": ("quantity",),
    "line_items": ("quantity", "unit_price", "total", "reserved", "shipped", "cancelled", "returned"),
    "orders": ("subtotal", "tax_total"),
    "products": ("list_price",),
}


def upgrade() -> None:
    """For what is written from now on. What is there is read by the next migration, in a transaction of its own:
    here it would be read under the lock that the constraint needs.
    """
    for table, columns in NUMBERS.items():
        rule = " AND ".join(f"{column} <> 'NaN'" for column in columns)
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_numbers CHECK ({rule}) NOT VALID")


def downgrade() -> None:
    for table in NUMBERS:
        op.drop_constraint(op.f(f"ck_{table}_numbers"), table)
