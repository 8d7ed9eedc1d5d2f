"""The books, gone through: what should be there, and what is."""

from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import asyncpg

from db import checks
from db.runtime.engine import Target
from db.tenancy import OWNER, set_tenant


class Difference(NamedTuple):
    """A place where a rule is broken, as people call it."""

    rule: str
    sku: str | None
    location: str | None
    order: str | None
    position: int | None
    expected: Decimal | None
    actual: Decimal | None


_NAMED = """
    SELECT d.rule, p.sku, l.code, o.number, i.position, d.expected::numeric, d.actual::numeric
    FROM ({checks}) d
    LEFT JOIN products p ON p.tenant_id = $1 AND p.id = d.product_id
    LEFT JOIN locations l ON l.tenant_id = $1 AND l.id = d.location_id
    LEFT JOIN line_items i ON i.tenant_id = $1 AND i.id = d.line_item_id
    LEFT JOIN orders o ON o.tenant_id = $1 AND o.id = d.order_id
"""


async def verify(target: Target, tenant: UUID, limit: int = 1_000) -> list[Difference]:
    """A tenant's differences, at most ``limit`` of each rule, from one moment of the data. It takes no lock
    and may be run beside a server; a large tenant takes it minutes.
    """
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(f"SET LOCAL ROLE {OWNER}")
            await connection.execute(set_tenant(tenant))
            await connection.execute(checks.SET_BASED)
            rows = await connection.fetch(_NAMED.format(checks=checks.every("$2")), tenant, limit)
    finally:
        await connection.close()
    return [Difference(*row) for row in rows]
