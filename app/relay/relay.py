"""The relay: it finds the tenants in which something happened that a broker doesn't have yet, and has it published.

Any number of processes may have one, on any hosts: a tenant's events are published to a broker by one process at a time (docs/decisions/0061-the-relay.md).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from app.relay.outlet import Outlet
from app.turns import AWAY, over_all_tenants
from core.cancelling import heed_cancellation
from db.runtime.engine import Target
from db.runtime.lease import free
from services.platform.relaying import LASTS

log = structlog.get_logger()

POLL = 0.25
"""Seconds between two looks at what is due: one statement for a database, whatever brokers there are."""

DATABASE_RETRY_AFTER = 2.0
"""Seconds until a database that was away is asked again."""

LOOKED = 1_000
"""Tenants that a look finds at most."""

_DUE = f"""
    SELECT s.sink, t.id, t.name, EXTRACT(epoch FROM statement_timestamp() - n.created_at)::float8 AS late,
        coalesce({free("r.leased_until", LASTS)} OR r.worker = ANY($2), true) AS free
    FROM tenants t CROSS JOIN unnest($1::text[]) AS s (sink)
    LEFT JOIN relay_cursors r ON r.tenant_id = t.id AND r.sink = s.sink
    CROSS JOIN LATERAL (SELECT seq FROM commits WHERE commits.tenant_id = t.id ORDER BY seq DESC LIMIT 1) c
    LEFT JOIN LATERAL (
        SELECT created_at FROM commits
        WHERE commits.tenant_id = t.id AND seq > coalesce(r.seen, 0) ORDER BY seq LIMIT 1) n ON true
    WHERE t.frozen_at IS NULL AND t.database IS NULL AND c.seq IS DISTINCT FROM r.seen
    ORDER BY random() LIMIT {LOOKED}
"""
"""Those in whose log there is something new, and since when. A number below the place's is new as well: the database was set back.
With more than so many, or some that fail again and again, all have the same chance."""


class Late(NamedTuple):
    """For so many seconds the broker hasn't got something of a tenant."""

    tenant: str
    seconds: float


async def late(target: Target, sink: str, than: float) -> list[Late]:
    """The tenants of a database of which a broker hasn't got something for longer than that, those first that wait longest. Raises
    what asyncpg raises.
    """
    async with over_all_tenants(target) as connection:
        rows = await connection.fetch(_DUE, [sink], [])
    found = [Late(row["name"], row["late"]) for row in rows if (row["late"] or 0.0) > than]
    return sorted(found, key=lambda each: -each.seconds)


class Relay:
    """One process's."""

    def __init__(self, targets: Mapping[str, Target], outlets: Sequence[Outlet]) -> None:
        self._targets, self.outlets = targets, outlets
        self.looks = 0
        """How many looks there were."""

    async def run(self) -> None:
        """Publish to brokers what happens, until it is called off."""
        tasks = [asyncio.create_task(self._look_again(*each)) for each in self._targets.items()]
        tasks += [asyncio.create_task(each.run()) for each in self.outlets]
        try:
            await asyncio.gather(*tasks)
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_again(self, name: str, target: Target) -> None:
        while True:
            try:
                sinks, ours = [each.sink.name for each in self.outlets], [each.id for each in self.outlets]
                async with over_all_tenants(target) as connection:
                    while True:
                        self._look(name, await connection.fetch(_DUE, sinks, ours))
                        await asyncio.sleep(POLL)
            except AWAY as error:
                log.warning("the relay can't look", database=name, reason=type(error).__name__)
            except Exception:
                log.exception("the relay can't look", database=name)
            heed_cancellation()
            await asyncio.sleep(DATABASE_RETRY_AFTER)

    def _look(self, name: str, rows: list[Any]) -> None:
        self.looks += 1
        for outlet in self.outlets:
            ours = [row for row in rows if row["sink"] == outlet.sink.name]
            outlet.late[name] = max((row["late"] or 0.0 for row in ours), default=0.0)
            outlet.begin(UUID(int=row["id"].int) for row in ours if row["free"])
