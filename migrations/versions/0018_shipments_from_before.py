"""what was shipped before there were shipments becomes some

Revision ID: 0018
Revises: 0017
"""

from alembic import op
from sqlalchemy import Connection, text

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("orders", "line_items", "locations", "stock_moves", "shipments", "shipment_lines")
"""Forced row-level security binds the owner too, for whom there is a policy meanwhile."""

PORTION = 500
"""Orders of one transaction. Nothing of them is locked, and nobody writes what is made of them."""

FOLLOWING = """
    SELECT tenant_id, id FROM orders
    WHERE (tenant_id, id) > (:tenant_id, :id) AND confirmed_at IS NOT NULL ORDER BY tenant_id, id LIMIT :most
"""
MAKE = """
    WITH given AS (
        SELECT o.tenant_id, o.id, o.number, o.customer_id
        FROM orders o JOIN unnest(CAST(:tenants AS uuid[]), CAST(:ids AS uuid[])) AS each (tenant_id, id) USING (tenant_id, id)
    ), moved AS (
        SELECT g.tenant_id, g.id AS order_id, g.number, g.customer_id, m.id, m.occurred_at, m.line_item_id, m.source_id,
               m.quantity, l.position,
               dense_rank() OVER (PARTITION BY g.tenant_id, g.id ORDER BY m.occurred_at) AS n,
               first_value(m.id) OVER (PARTITION BY g.tenant_id, g.id, m.occurred_at ORDER BY l.position, m.id) AS shipment_id
        FROM given g
        JOIN line_items l ON (l.tenant_id, l.order_id) = (g.tenant_id, g.id)
        JOIN stock_moves m ON (m.tenant_id, m.line_item_id) = (l.tenant_id, l.id)
        JOIN locations d ON (d.tenant_id, d.id) = (m.tenant_id, m.destination_id)
        WHERE d.kind = 'CUSTOMER'
    ), made AS (
        INSERT INTO shipments (tenant_id, id, number, order_id, customer_id, shipped_at, created_at, updated_at)
        SELECT DISTINCT tenant_id, shipment_id, number || '-' || n, order_id, customer_id, occurred_at, occurred_at, occurred_at
        FROM moved ON CONFLICT DO NOTHING
        RETURNING tenant_id, id
    )
    INSERT INTO shipment_lines (tenant_id, id, shipment_id, customer_id, position, line_item_id, location_id, quantity,
                                created_at)
    SELECT m.tenant_id, m.id, m.shipment_id, m.customer_id, m.position, m.line_item_id, m.source_id, m.quantity, m.occurred_at
    FROM moved m JOIN made ON (made.tenant_id, made.id) = (m.tenant_id, m.shipment_id) ON CONFLICT DO NOTHING
"""
"""The moves of one command have one time: they are one shipment, which has the id of the first of them."""


def upgrade() -> None:
    """In autocommit. What was broken off can be run again: what is there already is passed over."""
    with op.get_context().autocommit_block():
        _backfill(op.get_bind())


def _backfill(connection: Connection) -> None:
    for table in TABLES:
        op.execute(f"DROP POLICY IF EXISTS backfill ON {table}")
        op.execute(f"CREATE POLICY backfill ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
    try:
        _fill(connection)
    finally:
        for table in TABLES:
            op.execute(f"DROP POLICY backfill ON {table}")


def _fill(connection: Connection) -> None:
    place = dict.fromkeys(("tenant_id", "id"), "00000000-0000-0000-0000-000000000000")
    while rows := connection.execute(text(FOLLOWING), place | {"most": PORTION}).all():
        tenants, ids = [str(row.tenant_id) for row in rows], [str(row.id) for row in rows]
        connection.execute(text(MAKE), {"tenants": tenants, "ids": ids})
        place = {"tenant_id": tenants[-1], "id": ids[-1]}


def downgrade() -> None:
    """They go with their tables."""
