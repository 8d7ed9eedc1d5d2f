"""Counted stock from a file, stored through the stock engine, 500 balances at a time."""

from typing import Any, cast
from uuid import UUID

from core import ids
from core.problems import CommandRejected
from db.runtime.engine import Database
from db.runtime.writer import Writer
from services import sales
from services.inventory import StockSet, set_counted
from services.kit import events
from services.kit.command import MAX_LINES
from services.kit.work import UnitOfWork

PRINCIPAL = "import"

HOOKS = sales.HOOKS
"""Orders that wait for goods are served when these are counted."""

_UNKNOWN = """
UPDATE import_things t SET reason = CASE
    WHEN p.id IS NULL THEN 'sku: There is no product ' || t.key || '.'
    WHEN p.tracking <> 'NONE' THEN 'sku: ' || t.key || ' is tracked: count its lots by stockSet.'
    WHEN l.id IS NULL THEN 'location: There is no location ' || t.location || '.'
    WHEN l.kind NOT IN ('INTERNAL', 'QUARANTINE', 'TRANSIT') THEN 'location: Goods at ' || t.location || ' are not counted.'
END, product = p.id, place = l.id
FROM import_things g
LEFT JOIN LATERAL (SELECT id, tracking FROM products WHERE tenant_id = $1 AND sku = g.key LIMIT 1) p ON true
LEFT JOIN LATERAL (SELECT id, kind FROM locations WHERE tenant_id = $1 AND code = g.location LIMIT 1) l ON true
WHERE g.line = t.line AND t.reason IS NULL AND g.reason IS NULL
"""
_TWICE = """
UPDATE import_things t SET reason = 'sku: Line ' || f.line || ' counts the same product at the same location.'
FROM (SELECT product, place, min(line) AS line FROM import_things WHERE reason IS NULL GROUP BY 1, 2) f
WHERE t.product = f.product AND t.place = f.place AND t.line > f.line AND t.reason IS NULL
"""
_COUNTED = """
UPDATE import_things t SET there = true WHERE t.reason IS NULL AND t.quantity = coalesce(
    (SELECT on_hand FROM stock_levels s WHERE s.tenant_id = $1 AND s.product_id = t.product AND s.location_id = t.place LIMIT 1), 0)
"""
_NEXT = """
SELECT line, product, place, quantity FROM import_things
WHERE reason IS NULL AND there IS NULL AND (product, line) > ($1, $2) ORDER BY product, line LIMIT $3
"""


async def store(connection: Any, tenant: UUID, reason: str) -> int:
    """Set the balances to what was counted; how many rows were stored. What can't be is rejected, row by row."""
    await connection.execute(_UNKNOWN, tenant)
    await connection.execute(_TWICE)
    await connection.execute(_COUNTED, tenant)
    last, stored = (UUID(int=0), 0), 0
    while rows := await connection.fetch(_NEXT, *last, MAX_LINES):
        last = (rows[-1]["product"], rows[-1]["line"])
        stored += await _portion(connection, tenant, reason, rows)
    return stored


def _line(row: Any) -> dict[str, Any]:
    product, location = ids.encode("prod", row["product"]), ids.encode("loc", row["place"])
    return {"product": {"id": product}, "location": location, "onHand": row["quantity"]}


async def _portion(connection: Any, tenant: UUID, reason: str, rows: list[Any]) -> int:
    """Set these balances, in the order of their products' ids, by which all commands take their locks. Those that are refused
    are rejected, and the others set without them.
    """
    while rows:
        lines = [_line(row) for row in rows]
        try:
            async with connection.transaction():
                # The engine asks for no other connection: numbers of orders are what one is for.
                work = UnitOfWork(Writer(connection, tenant), cast("Database", None), PRINCIPAL, ending=True)
                await set_counted(work, StockSet.model_validate({"lines": lines, "reason": reason}))
                await work.rows(events.STORE, *events.values(PRINCIPAL, work.happened))
                return len(rows)
        except CommandRejected as refused:
            said = {
                int(each.path[2]): each.message
                for each in refused.problems
                if len(each.path) > 2 and each.path[2].isdigit()
            }
            if not said:
                raise
            await connection.executemany(
                "UPDATE import_things SET reason = 'quantity: ' || $2::text WHERE line = $1",
                [(rows[at]["line"], message) for at, message in said.items()],
            )
            rows = [row for at, row in enumerate(rows) if at not in said]
    return 0
