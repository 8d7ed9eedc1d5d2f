"""What was shipped before there were shipments: migration 0018 makes documents of it, and can be run again."""

from typing import Any

import asyncpg

from db.admin import migrate
from db.runtime.engine import Target
from services.platform import tenants
from services.verify import verify

BEFORE = "0017"
SHIPMENTS = """
    SELECT s.number, s.shipped_at, l.position, l.line_item_id, l.location_id, l.quantity
    FROM shipments s JOIN shipment_lines l ON (l.tenant_id, l.shipment_id) = (s.tenant_id, s.id)
    ORDER BY s.tenant_id, s.number, l.line_item_id
"""


async def shipments(target: Target) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(target.admin)
    try:
        return [(*row[:2], *row[3:]) for row in await connection.fetch(SHIPMENTS)]
    finally:
        await connection.close()


async def test_moves_to_customers_become_shipments(small_demo: Target) -> None:
    """The demo writes both: what it says and what follows from its moves must be the same."""
    wanted = await shipments(small_demo)
    admin = await asyncpg.connect(small_demo.admin)
    try:
        await admin.execute("DELETE FROM shipment_lines; DELETE FROM shipments")
        # Orders from suppliers don't survive the way back, and so nothing may be on its way by them.
        await admin.execute(
            "UPDATE stock_levels SET incoming = 0; DELETE FROM receipt_lines; DELETE FROM receipts;"
            "DELETE FROM purchase_lines; DELETE FROM purchase_orders"
        )
        # Nor do taxes.
        await admin.execute(
            "UPDATE orders o SET tax_total = 0, subtotal = (SELECT sum(l.total) FROM line_items l"
            " WHERE (l.tenant_id, l.order_id) = (o.tenant_id, o.id)) WHERE o.prices_include_tax OR o.tax_total <> 0"
        )
        await migrate.downgrade(small_demo, BEFORE)
        assert await admin.fetchval("SELECT count(*) FROM shipments") == 0
        await migrate.upgrade(small_demo)
        assert await shipments(small_demo) == wanted
        assert len(wanted) > 1_000
        # Broken off halfway, and run again: what is there already stays as it is.
        await admin.execute("UPDATE shipments SET note = 'kept' WHERE number LIKE '%1-1'")
        await admin.execute(
            "DELETE FROM shipment_lines l USING shipments s WHERE s.id = l.shipment_id AND s.note IS NULL"
        )
        await admin.execute("DELETE FROM shipments WHERE note IS NULL")
        await migrate.downgrade(small_demo, BEFORE)
        await migrate.upgrade(small_demo)
        assert await shipments(small_demo) == wanted
        assert await admin.fetchval("SELECT count(*) FROM shipments WHERE note = 'kept'") > 10
        assert await admin.fetchval("SELECT count(*) FROM pg_policies WHERE policyname = 'backfill'") == 0
    finally:
        await admin.close()
    for tenant in await tenants.every(small_demo):
        assert await verify(small_demo, tenant.id) == []
