"""Whose turn a webhook is: a worker has it by a lease, by the database's clock. Each write of a turn says so (``fence``): one that
stood still for too long, and whose webhook another worker has by now, stores nothing.
"""

from typing import Any, NamedTuple
from uuid import UUID

from core.webhooks import FAILING_AFTER, PROBES
from db.runtime.engine import Database
from db.runtime.lease import Lost, free
from db.runtime.writer import Writer

LASTS = 30
"""Seconds for which a worker has a webhook, from its last beat on."""

TURN_RETRY_AFTER = 5.0
"""Seconds until a turn that failed is taken up again."""


class Lease(NamedTuple):
    """A webhook that a worker has for a while."""

    tenant: UUID
    webhook: UUID
    worker: UUID


_TAKE = f"""
    UPDATE webhook_turns
    SET worker = $3, leased_until = statement_timestamp() + interval '{LASTS} seconds', due_at = 'infinity'
    WHERE tenant_id = $1 AND id = $2 AND {free("leased_until", LASTS)} RETURNING id
"""
_BEAT = f"""
    UPDATE webhook_turns SET leased_until = statement_timestamp() + interval '{LASTS} seconds'
    WHERE tenant_id = $1 AND id = $2 AND worker = $3 AND leased_until >= statement_timestamp() RETURNING id
"""
_FENCE = """
    SELECT id FROM webhook_turns
    WHERE tenant_id = $1 AND id = $2 AND worker = $3 AND leased_until >= statement_timestamp() FOR NO KEY UPDATE
"""
_STATE = "SELECT status, failures FROM webhooks WHERE tenant_id = $1 AND id = $2"
_RELEASE = """
    UPDATE webhook_turns SET worker = NULL, leased_until = statement_timestamp(), seen = coalesce($4, seen), resting = $5,
        due_at = least(due_at, CASE
            WHEN $6::double precision IS NOT NULL THEN statement_timestamp() + make_interval(secs => $6)
            WHEN $5 THEN 'infinity'
            ELSE coalesce((SELECT min(next_attempt_at) FROM webhook_deliveries
                           WHERE tenant_id = $1 AND webhook_id = $2 AND status = 'WAITING'), 'infinity') END)
    WHERE tenant_id = $1 AND id = $2 AND worker = $3
"""
# When it was let go shows whether the clock was set back since: by that clock nothing that was to be done later is.


async def take(database: Database, lease: Lease) -> bool:
    """Have a webhook for a while; whether nobody else has it."""
    return bool(await rows(database, lease, _TAKE, lease.webhook, lease.worker))


async def beat(database: Database, lease: Lease) -> bool:
    """Have it for longer; whether it still is this worker's."""
    return bool(await rows(database, lease, _BEAT, lease.webhook, lease.worker))


async def release(database: Database, lease: Lease, seen: int | None, retry_after: float = TURN_RETRY_AFTER) -> None:
    """Let go of it until something of it is due, or, unless it rests, until there is more in the log than was ``seen``; None where
    the turn ended with more to do: then for so many seconds.
    """
    found = await rows(database, lease, _STATE, lease.webhook)
    status, failures = tuple(found[0]) if found else ("STOPPED", 0)
    pause = None if seen is not None else retry_after
    if status == "FAILING":
        pause = float(PROBES[min(max(failures - FAILING_AFTER, 0), len(PROBES) - 1)])
    resting = status != "ACTIVE"
    await rows(database, lease, _RELEASE, lease.webhook, lease.worker, seen, resting, pause)


async def fence(writer: Writer, lease: Lease) -> None:
    """Hold the lease for as long as the transaction lasts. Raises ``Lost``."""
    if not await writer.rows(_FENCE, lease.webhook, lease.worker):
        raise Lost


async def rows(database: Database, lease: Lease, sql: str, *values: Any) -> list[Any]:
    """What a statement finds, in a transaction of its own."""
    async with database.transaction(lease.tenant) as writer:
        return await writer.rows(sql, *values)
