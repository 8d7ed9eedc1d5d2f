"""partners see their own: keys of a partner, and a role whose rows are that partner's

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PARTNER = "erpgraph_partner"
CURRENT = "nullif(current_setting('app.partner_id', true), '')::uuid"

ROWS = {
    "orders": f"customer_id = {CURRENT}",
    # The policy of orders holds in here as well.
    "line_items": "EXISTS (SELECT FROM orders o WHERE o.tenant_id = line_items.tenant_id AND o.id = line_items.order_id)",
    "partners": f"id = {CURRENT}",
}
READABLE = ("tenants", "products", "partners", "orders", "line_items")


def upgrade() -> None:
    """Nothing is rewritten or read: the column is empty, and its foreign key need not look for what isn't there."""
    op.add_column("api_keys", sa.Column("partner_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_api_keys_tenant_id_partner_id"),
        "api_keys",
        "partners",
        ["tenant_id", "partner_id"],
        ["tenant_id", "id"],
        postgresql_not_valid=True,
    )
    for table in READABLE:
        op.execute(f"GRANT SELECT ON {table} TO {PARTNER}")
    # Restrictive: besides the tenant's policy, which goes for every role.
    for table, rule in ROWS.items():
        op.execute(f"CREATE POLICY partner ON {table} AS RESTRICTIVE TO {PARTNER} USING ({rule})")


def downgrade() -> None:
    for table in ROWS:
        op.execute(f"DROP POLICY partner ON {table}")
    for table in READABLE:
        op.execute(f"REVOKE SELECT ON {table} FROM {PARTNER}")
    op.drop_constraint(op.f("fk_api_keys_tenant_id_partner_id"), "api_keys")
    op.drop_column("api_keys", "partner_id")
