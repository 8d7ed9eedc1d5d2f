"""Upkeep (``services.kit.upkeep``), once for all tenants; and what of it belongs to no module: old idempotency keys of tenants that
are quiet (those of the others go with their commands, ``services.kit.idempotency``), and the oldest commits of the log.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

from core.errors import TenantFrozen
from core.modules import declared
from db.runtime.engine import Database, Target, administration
from services.inventory import holding
from services.kit.idempotency import SWEEP, SWEEP_AT_MOST
from services.kit.upkeep import Site, Upkeep
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


async def _keys(site: Site, tenant: UUID) -> int:
    return await _all(site.target, tenant, SWEEP_AT_MOST, SWEEP)


async def _commits(site: Site, tenant: UUID) -> int:
    return await _all(site.target, tenant, FEED_AT_MOST, SWEEP_FEED, site.feed_days, FEED_AT_MOST)


_OWN = (
    Upkeep("keys", 3_600, _keys, "Deleted {:,} idempotency keys."),
    Upkeep("commits", 3_600, _commits, "Deleted {:,} commits of the feed."),
)
"""What belongs to no module."""


def everything() -> tuple[Upkeep, ...]:
    """All upkeep there is: what belongs to no module, and what the modules need."""
    return *_OWN, *(each for added in declared("services", "UPKEEP") for each in added)


async def sweep(target: Target, feed_days: int) -> Counter[str]:
    """Do all upkeep once, for all tenants; how much there was of each, by its name. What can't be done for a tenant that is
    frozen is done where it goes on.
    """
    found: Counter[str] = Counter()
    async with opened(target) as database:
        site = Site(target, database, feed_days)
        for tenant in await tenants.every(target):
            for each in everything():
                with contextlib.suppress(TenantFrozen):
                    found[each.name] += await each.keep(site, tenant.id)
    return found


async def let_go(target: Target, tenant: UUID) -> int:
    """Let go of the holds of a tenant that ended, before something in one long transaction; how many there were."""
    async with opened(target) as database:
        return await holding.let_go(database, tenant)


@contextlib.asynccontextmanager
async def opened(target: Target) -> AsyncIterator[Database]:
    """A way to the database for what isn't a request: one connection for each of its uses."""
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
