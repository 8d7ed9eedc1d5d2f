"""The dispatcher: it finds the webhooks whose turn it is, and has each looked after for as long as there is something to do.

Any number of processes may have one, on any hosts. A webhook is one process's by a lease, for half a minute from its last beat.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog

from app.throttling.budgets import Budgets
from app.turns import AWAY, held, over_all_tenants, while_leased
from app.webhooks.posting import Posting
from app.webhooks.turn import Turn
from core.cancelling import heed_cancellation
from db.runtime.engine import Database, Target
from db.runtime.lease import Lost, beyond, free
from services.webhooks import turns
from services.webhooks.turns import Lease

log = structlog.get_logger()

POLL = 0.5
"""Seconds between two looks at what is due: one statement for a database."""

AT_ONCE = 16
"""Turns of a process at a time: each has four requests under way at most (``app.webhooks.turn``)."""

OF_TENANT = 4
"""Turns of a tenant at a time in a process: receivers that hang leave room for others'."""

TURN_RETRY_AFTER = 2.0
"""Seconds until a database that was away is asked again, or a webhook whose turn failed."""

LOOKED = 1_000
"""Webhooks that a look finds at most."""

_TURNS = f"""
    SELECT t.tenant_id, t.id, coalesce(c.seq, 0) AS seq
    FROM webhook_turns t JOIN tenants ON tenants.id = t.tenant_id AND frozen_at IS NULL AND database IS NULL
    LEFT JOIN LATERAL (
        SELECT seq FROM commits WHERE commits.tenant_id = t.tenant_id ORDER BY seq DESC LIMIT 1) c ON true
    WHERE {free("t.leased_until", turns.LASTS)} AND (t.due_at <= statement_timestamp() OR t.worker IS NOT NULL
        OR t.leased_until > {beyond(turns.LASTS)} OR (NOT t.resting AND t.seen <> coalesce(c.seq, 0)))
    ORDER BY random() LIMIT {LOOKED}
"""
"""Those that are due, that a process left behind when it ended, that were let go before the database's clock was set back, or in whose
tenant's log there is something new. With more than so many all have the same chance."""


class Key(NamedTuple):
    """A webhook."""

    tenant: UUID
    webhook: UUID


class Dispatcher:
    """One process's."""

    def __init__(
        self, targets: Mapping[str, Target], database: Database, make: Callable[[], Posting], budgets: Budgets
    ) -> None:
        """``make`` is called when there is something to send for the first time."""
        self._targets, self._database, self._make, self._budgets = targets, database, make, budgets
        self._posting: Posting | None = None
        self._id = uuid4()
        self._running: dict[Key, asyncio.Task[None]] = {}
        self.taken = 0
        """How many turns there were."""
        self.looks = 0
        """How many looks there were."""

    async def run(self) -> None:
        """Look after webhooks, until it is called off."""
        looking = [asyncio.create_task(self._look_again(*each)) for each in self._targets.items()]
        try:
            await asyncio.gather(*looking)
        finally:
            tasks = [*looking, *self._running.values()]
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._posting is not None:
                await self._posting.sender.close()

    async def _look_again(self, name: str, target: Target) -> None:
        while True:
            try:
                async with over_all_tenants(target) as connection:
                    while True:
                        self._begin(await connection.fetch(_TURNS))
                        self.looks += 1
                        await asyncio.sleep(POLL)
            except AWAY as error:
                log.warning("webhooks wait", database=name, reason=type(error).__name__)
            except Exception:
                log.exception("webhooks wait", database=name)
            heed_cancellation()
            await asyncio.sleep(TURN_RETRY_AFTER)

    def _begin(self, rows: list[Any]) -> None:
        """Begin turns, first of the tenant that has the fewest under way."""
        due = {Key(UUID(int=row[0].int), UUID(int=row[1].int)): int(row[2]) for row in rows}
        for key in sorted(due, key=lambda each: self._under_way(each.tenant)):
            if len(self._running) >= AT_ONCE:
                return
            if key not in self._running and self._under_way(key.tenant) < OF_TENANT:
                task = self._running[key] = asyncio.create_task(self._turn(key, due[key]))
                task.add_done_callback(partial(self._forget, key))

    def _forget(self, key: Key, _task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)

    def _under_way(self, tenant: UUID) -> int:
        return sum(each.tenant == tenant for each in self._running)

    async def _turn(self, key: Key, seq: int) -> None:
        """A webhook's turn, where it is nobody else's. ``seq``: up to which number of the log it looks at least."""
        lease = Lease(key.tenant, key.webhook, self._id)
        seen: int | None = None
        retry_after = 0.0  # where it is called off, another worker goes on at once
        try:
            async with held(
                turns.take(self._database, lease),
                lambda: turns.release(self._database, lease, seen, retry_after),
            ) as taken:
                if taken:
                    self.taken += 1
                    try:
                        seen = seq if await self._under(lease) else None
                    except Exception:
                        retry_after = turns.TURN_RETRY_AFTER
                        raise
        except Lost:
            pass
        except AWAY as error:
            log.warning("a webhook's turn ended early", webhook=str(key.webhook), reason=type(error).__name__)
            await asyncio.sleep(TURN_RETRY_AFTER)
        except Exception:
            log.exception("a webhook's turn ended early", webhook=str(key.webhook))
            await asyncio.sleep(TURN_RETRY_AFTER)

    async def _under(self, lease: Lease) -> bool:
        """The turn, for as long as the lease holds; whether it did all there was. Raises ``Lost``, and what a turn raises."""
        self._posting = self._posting or self._make()
        work = Turn(self._posting, self._budgets, lease).run()
        return await while_leased(work, partial(turns.beat, self._database, lease))
