"""The upkeep of all modules, database by database, as a worker does it (``app.worker``).

Any number of workers may run: of each database one at a time has the lease, and the others wait for it (docs/decisions/0057-the-worker.md).
"""

import asyncio
from collections.abc import Mapping
from time import monotonic

import asyncpg
import structlog

from core.cancelling import heed_cancellation
from core.errors import ErpError
from db.runtime.engine import Target
from db.runtime.failures import GONE
from db.runtime.lease import UPKEEP, leased
from services.kit.upkeep import Site, Upkeep
from services.platform import sweeping, tenants

log = structlog.get_logger()

LEASE_RETRY_AFTER = 10.0
"""Seconds until a lease that another one has, or a database that was away, is asked for again."""

DUE_LOOK_EVERY = 1.0
"""Seconds between two looks at what is due."""

AWAY = (ErpError, asyncpg.PostgresError, TimeoutError, *GONE)


class Keeper:
    """One process's."""

    def __init__(self, targets: Mapping[str, Target], feed_days: int) -> None:
        self._targets, self._feed_days = targets, feed_days
        self.rounds = 0
        """How many rounds it has done."""

    async def run(self) -> None:
        """Keep the databases up, until it is called off."""
        async with asyncio.TaskGroup() as group:
            for name, target in self._targets.items():
                group.create_task(self._keep(name, target))

    async def _keep(self, name: str, target: Target) -> None:
        while True:
            try:
                async with leased(target, UPKEEP) as lease:
                    if lease is not None:
                        await self._under(lease, target)
            except AWAY as error:
                log.warning("upkeep waits", database=name, reason=type(error).__name__)
            except Exception:
                log.exception("upkeep waits", database=name)
            heed_cancellation()
            await asyncio.sleep(LEASE_RETRY_AFTER)

    async def _under(self, lease: asyncio.Task[None], target: Target) -> None:
        """Do rounds for as long as the lease holds."""
        working = asyncio.create_task(self._rounds(target))
        try:
            await asyncio.wait((working, lease), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _rounds(self, target: Target) -> None:
        due = dict.fromkeys(sweeping.everything(), 0.0)
        async with sweeping.opened(target) as database:
            site = Site(target, database, self._feed_days)
            while True:
                for each, at in due.items():
                    if monotonic() >= at:
                        await self._round(site, each)
                        due[each] = monotonic() + each.every
                self.rounds += 1
                await asyncio.sleep(DUE_LOOK_EVERY)

    async def _round(self, site: Site, upkeep: Upkeep) -> None:
        """Something for each tenant. One that can't be kept up now holds up no other."""
        count = 0
        for tenant in await tenants.every(site.target):
            if tenant.frozen_at is None and tenant.database is None:
                try:
                    count += await upkeep.keep(site, tenant.id)
                except AWAY as error:
                    log.warning("not kept up", what=upkeep.name, tenant=str(tenant.id), reason=type(error).__name__)
                    heed_cancellation()
        if count:
            log.info("kept up", what=upkeep.name, count=count)
