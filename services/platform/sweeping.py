"""What is kept for a time only: old idempotency keys of tenants that are quiet (those of the others go with their commands,
``services.kit.idempotency``), the oldest commits of the log, and holds whose time is over.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple
from uuid import UUID

from core.errors import TenantFrozen
from db.runtime.engine import Database, Target, administration
from services.inventory import holding
from services.kit.idempotency import SWEEP, SWEEP_AT_MOST
from services.platform import tenants

FEED_AT_MOST = 5_000
"""Commits that a transaction deletes."""

SWEEP_FEED = """
    WITH oldest AS MATERIALIZED (
        SELECT seq, created_at FROM commits WHERE tenant_id = $1 ORDER BY seq LIMIT $3
    ), swept AS (
        DELETE FROM commits WHERE tenant_id = $1
            AND seq < (SELECT coalesce(min(seq) FILTER (WHERE created_at >= now() - make_interval(days => $2)), max(seq) + 1)
                       FROM oldest)
            AND seq < (SELECT max(seq) FROM commits WHERE tenant_id = $1)
        RETURNING 1)
    SELECT count(*) AS swept FROM swept
"""
"""Deletes a tenant's oldest commits, as far as the first that is kept still, and counts them.

Always from the beginning: times don't rise with the numbers (a transaction that began long ago can be the last to end), and a
hole would be a gap for whoever reads on from before it. The newest stays, so that there is a place to stand on.
"""


class Swept(NamedTuple):
    """How much was deleted, and how many holds were let go of."""

    keys: int
    commits: int
    holds: int


async def sweep(target: Target, feed_days: int) -> Swept:
    """Delete of all tenants the keys that are kept no longer, a thousand in a transaction, and commits that are older than so
    many days, five thousand in one; let go of holds that ended, for the orders that wait for their goods.
    """
    keys = commits = holds = 0
    for tenant in await tenants.every(target):
        keys += await _all(target, tenant.id, SWEEP_AT_MOST, SWEEP)
        commits += await _all(target, tenant.id, FEED_AT_MOST, SWEEP_FEED, feed_days, FEED_AT_MOST)
    async with _opened(target) as database:
        for tenant in await tenants.every(target):
            with contextlib.suppress(TenantFrozen):  # they are let go of where it goes on
                holds += await holding.let_go(database, tenant.id)
    return Swept(keys, commits, holds)


async def let_go(target: Target, tenant: UUID) -> int:
    """Let go of the holds of a tenant that ended, before something in one long transaction; how many there were."""
    async with _opened(target) as database:
        return await holding.let_go(database, tenant)


@contextlib.asynccontextmanager
async def _opened(target: Target) -> AsyncIterator[Database]:
    database = Database(target, size=1)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def _all(target: Target, tenant: UUID, at_most: int, sql: str, *values: int) -> int:
    """Run a statement that deletes so many rows at most, until it finds fewer."""
    swept, found = 0, at_most
    while found >= at_most:
        async with administration(target, tenant) as connection:
            found = await connection.fetchval(sql, tenant, *values)
        swept += found
    return swept
