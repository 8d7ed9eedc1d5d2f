"""What must be true of a tenant's books whatever was done, by whomever, at the same time."""

import asyncio
from typing import Any
from uuid import UUID

from db import checks
from tests.support.patience import PATIENCE

_MOST = 20

_TORN = """
    SELECT 'An order''s events carry its versions, each once.', o.number
    FROM orders o LEFT JOIN (
        SELECT subject_id, count(*) AS n, count(DISTINCT version) AS versions, min(version) AS least, max(version) AS most
        FROM events WHERE tenant_id = $1 GROUP BY 1
    ) e ON e.subject_id = o.id
    WHERE o.tenant_id = $1
      AND NOT coalesce(e.n = o.version AND e.versions = e.n AND e.least = 1 AND e.most = o.version, false)
"""

# A command's moves are one change of a balance, however many lines it has: they have one xmin.
_BELOW_ZERO = """
    WITH entries AS (
        SELECT xmin::text AS command, product_id, destination_id AS location_id, lot_id, quantity, occurred_at
        FROM stock_moves WHERE tenant_id = $1
        UNION ALL
        SELECT xmin::text, product_id, source_id, lot_id, -quantity, occurred_at FROM stock_moves WHERE tenant_id = $1
    ), changes AS (
        SELECT product_id, location_id, lot_id, sum(quantity) AS quantity, min(occurred_at) AS at
        FROM entries JOIN locations l ON l.tenant_id = $1 AND l.id = location_id
        WHERE l.kind IN ('INTERNAL', 'QUARANTINE', 'TRANSIT') GROUP BY command, 1, 2, 3
    )
    SELECT 'No balance was below zero at any time.', balance::text FROM (
        SELECT sum(quantity) OVER (PARTITION BY product_id, location_id, lot_id ORDER BY at) AS balance FROM changes
    ) running WHERE balance < 0
"""


async def broken(admin: Any, tenant: UUID) -> list[tuple[Any, ...]]:
    """The rules that a tenant's rows break, and where: those of ``db.checks``, that events and versions go
    together, and that no goods left before they were there. ``admin`` sees all rows.
    """
    found = [*await admin.fetch(checks.every("$2"), tenant, _MOST)]
    for history in (_TORN, _BELOW_ZERO):
        found += await admin.fetch(history, tenant)
    return [tuple(row) for row in found]


async def deadlocks(admin: Any) -> int:
    """How many there were in this database. A connection tells its count when it ends at the latest."""
    async with asyncio.timeout(PATIENCE):
        while await admin.fetchval(  # noqa: ASYNC110 - there is no event to wait for
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ):
            await asyncio.sleep(0.01)
    found: int = await admin.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return found
