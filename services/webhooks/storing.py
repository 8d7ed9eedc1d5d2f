"""What a webhook's turn reads and stores, each write under its lease. By the database's clock: workers' own may differ."""

import base64
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from core.changes import Cursor
from core.webhooks import FAILING_AFTER, GIVEN_UP_AFTER, GIVEN_UP_DAYS, TAKEN_DAYS
from db.runtime.engine import Database
from db.runtime.lease import Lost, beyond
from services.kit import idempotency
from services.kit.answer import CommandResult, References
from services.kit.command import Command
from services.kit.upkeep import Site
from services.kit.work import UnitOfWork, perform
from services.webhooks.turns import LASTS, Lease, fence, rows

PRINCIPAL = "erpgraph worker"

SWEPT = 5_000
"""Deliveries that a transaction deletes."""


class Waiting(NamedTuple):
    """A delivery that is due."""

    id: UUID
    events: list[UUID]
    subjects: list[UUID]
    body: bytes | None
    message_id: str
    attempts: int


class Attempt(NamedTuple):
    """What came of sending a delivery once; ``delay``: seconds until the next time."""

    status: int | None
    failure: str | None
    milliseconds: int | None
    delay: float
    body: bytes | None


class Blocked(NamedTuple):
    """How many deliveries wait, and the records that they are about."""

    deliveries: int
    subjects: list[UUID]


_LOAD = """
    SELECT id, name, url, document, variables, roles, batch, status, secret_version, commit_id, place, failures, failing_since,
        coalesce(former_until > statement_timestamp(), false) AS former, statement_timestamp() AS now
    FROM webhooks WHERE tenant_id = $1 AND id = $2
"""
_DUE = f"""
    SELECT id, events, subjects, body, message_id, attempts FROM webhook_deliveries
    WHERE tenant_id = $1 AND webhook_id = $2 AND status = 'WAITING' AND (next_attempt_at <= statement_timestamp()
        OR (next_attempt_at IS NOT NULL AND last_attempt_at > {beyond(LASTS)}))
    ORDER BY number LIMIT $3
"""
_OLDEST = """
    SELECT id, events, subjects, body, message_id, attempts FROM webhook_deliveries
    WHERE tenant_id = $1 AND webhook_id = $2 AND status = 'WAITING' ORDER BY number LIMIT $3
"""
_WAITING = """
    SELECT count(*) AS count, coalesce(array_agg(DISTINCT s.id) FILTER (WHERE s.id IS NOT NULL), '{}') AS subjects
    FROM webhook_deliveries d LEFT JOIN LATERAL unnest(d.subjects) AS s (id) ON true
    WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.status = 'WAITING'
"""
_ATTEMPTED = f"""
    UPDATE webhook_deliveries SET attempts = attempts + 1, last_attempt_at = statement_timestamp(), body = coalesce(body, $8),
        response_status = $5, failure = $6, milliseconds = $7,
        first_attempt_at = CASE WHEN attempts = 0 THEN statement_timestamp() ELSE first_attempt_at END,
        status = CASE WHEN $6::text IS NULL THEN 'TAKEN'
            WHEN attempts > 0 AND first_attempt_at < statement_timestamp() - interval '{GIVEN_UP_AFTER.days} days'
            THEN 'GIVEN_UP' ELSE 'WAITING' END,
        next_attempt_at = CASE WHEN $6::text IS NULL OR (attempts > 0 AND
            first_attempt_at < statement_timestamp() - interval '{GIVEN_UP_AFTER.days} days')
            THEN NULL ELSE statement_timestamp() + make_interval(secs => $4) END
    WHERE tenant_id = $1 AND webhook_id = $2 AND id = $3 AND status = 'WAITING' RETURNING status
"""
_WAKE = """
    UPDATE webhook_deliveries d SET next_attempt_at = statement_timestamp()
    WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.status = 'WAITING' AND d.next_attempt_at IS NULL
      AND d.id IN (SELECT first.id FROM unnest($3::uuid[]) AS s (id) CROSS JOIN LATERAL (
            SELECT f.id FROM webhook_deliveries f WHERE f.tenant_id = $1 AND f.webhook_id = $2 AND f.status = 'WAITING'
              AND f.subjects @> ARRAY[s.id] ORDER BY f.number LIMIT 1) first)
      AND NOT EXISTS (SELECT FROM webhook_deliveries e WHERE e.tenant_id = $1 AND e.webhook_id = $2 AND e.status = 'WAITING'
            AND e.number < d.number AND e.subjects && d.subjects)
"""
_FIRST = """
    UPDATE webhook_deliveries d SET next_attempt_at = statement_timestamp()
    WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.status = 'WAITING' AND d.next_attempt_at IS NULL AND d.created_at = now()
      AND NOT EXISTS (SELECT FROM webhook_deliveries e WHERE e.tenant_id = $1 AND e.webhook_id = $2 AND e.status = 'WAITING'
            AND e.number < d.number AND e.subjects && d.subjects)
"""
_ALL_AT_ONCE = """
    UPDATE webhook_deliveries SET next_attempt_at = statement_timestamp()
    WHERE tenant_id = $1 AND webhook_id = $2 AND status = 'WAITING' AND next_attempt_at IS NOT NULL
"""
_COUNT = """
    UPDATE webhooks SET failures = $3,
        failing_since = CASE WHEN $3 = 0 THEN NULL ELSE coalesce(failing_since, statement_timestamp()) END
    WHERE tenant_id = $1 AND id = $2 AND failures <> $3
"""
_MOVE = """
    UPDATE webhooks SET commit_id = $5, place = $6, numbered = numbered + $7,
        delivered_at = greatest(delivered_at, (SELECT created_at FROM commits WHERE tenant_id = $1 AND id = $5))
    WHERE tenant_id = $1 AND id = $2 AND commit_id = $3 AND place = $4 RETURNING numbered
"""
_INSERT = """
    INSERT INTO webhook_deliveries (tenant_id, id, number, webhook_id, message_id, event_id, events, subjects, status, body, attempts,
        response_status, failure, milliseconds, first_attempt_at, last_attempt_at, next_attempt_at)
    SELECT t.id, r.id, r.number, $2, r.message, r.events[1], r.events, r.subjects, r.status, decode(r.body, 'base64'), r.attempts,
        r.response, r.failure, r.milliseconds, statement_timestamp(), statement_timestamp(),
        statement_timestamp() + make_interval(secs => r.delay)
    FROM tenants t CROSS JOIN jsonb_to_recordset($3::jsonb) AS r (id uuid, number bigint, message text, events uuid[], subjects uuid[],
        status text, body text, attempts int, response int, failure text, milliseconds int, delay double precision)
    WHERE t.id = $1
"""
_ABOUT = "SELECT id, subject_id FROM events WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
_TYPE_AND_TIME = "SELECT type, occurred_at FROM events WHERE tenant_id = $1 AND id = $2"


async def load(database: Database, lease: Lease) -> Any:
    """The webhook's row, and what time it is; None where it was ended."""
    found = await rows(database, lease, _LOAD, lease.webhook)
    return found[0] if found else None


async def due(database: Database, lease: Lease, most: int) -> list[Waiting]:
    """What is to be tried now; with ``most`` 1 the oldest that waits, whenever it is due."""
    found = await rows(database, lease, _OLDEST if most == 1 else _DUE, lease.webhook, most)
    return [Waiting(*row) for row in found]


async def waiting(database: Database, lease: Lease) -> Blocked:
    [row] = await rows(database, lease, _WAITING, lease.webhook)
    return Blocked(row["count"], [UUID(int=each.int) for each in row["subjects"]])


async def subjects(database: Database, tenant: UUID, events: Collection[UUID]) -> dict[UUID, UUID]:
    """What events are about."""
    async with database.transaction(tenant) as writer:
        found = await writer.rows(_ABOUT, list(events))
    return {UUID(int=row["id"].int): UUID(int=row["subject_id"].int) for row in found}


async def event_type_and_time(database: Database, tenant: UUID, event: UUID) -> tuple[str, datetime]:
    """An event's type, and when it happened."""
    async with database.transaction(tenant) as writer:
        [row] = await writer.rows(_TYPE_AND_TIME, event)
    return row["type"], row["occurred_at"]


async def attempted(database: Database, lease: Lease, it: Waiting, attempt: Attempt, failures: int) -> None:
    """Store an attempt at what waits; what waited behind it comes next once it is over. Raises ``Lost``."""
    async with database.transaction(lease.tenant) as writer:
        await fence(writer, lease)
        values = attempt.delay, attempt.status, attempt.failure, attempt.milliseconds, attempt.body
        done = await writer.rows(_ATTEMPTED, lease.webhook, it.id, *values)
        if done and done[0]["status"] != "WAITING":
            await writer.rows(_WAKE, lease.webhook, it.subjects)
        await writer.rows(_COUNT, lease.webhook, failures)
    await _report_failures(database, lease, failures)


async def moved(
    database: Database,
    lease: Lease,
    old: Cursor,
    new: Cursor,
    sent: Sequence[tuple[Any, Attempt | None]],
    failures: int,
) -> None:
    """Store that everything up to a place was sent, or waits. Raises ``Lost`` where its place was set anew meanwhile."""
    async with database.transaction(lease.tenant) as writer:
        await fence(writer, lease)
        places = old.commit, old.offset, new.commit, new.offset
        numbered = await writer.rows(_MOVE, lease.webhook, *places, len(sent))
        if not numbered:
            raise Lost
        made = _rows_of(sent, numbered[0]["numbered"] - len(sent))
        await writer.rows(_INSERT, lease.webhook, orjson.dumps(made, default=str).decode())
        await writer.rows(_FIRST, lease.webhook)
        await writer.rows(_COUNT, lease.webhook, failures)
    await _report_failures(database, lease, failures)


async def answered(database: Database, tenant: UUID, command: Command) -> CommandResult | None:
    """What a test with this key answered before; None for a new key, or none. Raises ``CommandRejected``."""
    async with database.transaction(tenant) as writer:
        return await idempotency.find(writer, command)


def _rows_of(sent: Sequence[tuple[Any, Attempt | None]], numbered: int) -> list[dict[str, Any]]:
    """Deliveries as they are stored, numbered behind so many. One that wasn't tried waits: for now to be tried, or behind another one of its records."""
    made = []
    for number, (it, attempt) in enumerate(sent, start=numbered + 1):
        row = {
            "id": it.id,
            "number": number,
            "message": it.message,
            "events": it.events,
            "subjects": it.subjects,
            "status": "WAITING",
        }
        if attempt is not None:
            body = None if attempt.body is None else base64.b64encode(attempt.body).decode()
            outcome = {"response": attempt.status, "failure": attempt.failure, "milliseconds": attempt.milliseconds}
            row |= outcome | {"attempts": 1, "body": body, "delay": attempt.delay}
            if attempt.failure is None:
                row |= {"status": "TAKEN", "delay": None}
        made.append({"attempts": 0} | row)
    return made


# ---------------------------------------------------------------- its state


class WebhookState(Command):
    """What has become of a webhook."""

    webhook: UUID
    """Its id."""
    status: str
    """What it is from now on."""
    reason: str | None = None
    """Why."""


_STATE = """
    UPDATE webhooks SET status = $3, reason = $4, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 AND status <> $3 AND status <> 'PAUSED' RETURNING version
"""
_EVENTS = {"FAILING": "webhook.failing", "ACTIVE": "webhook.recovered", "STOPPED": "webhook.stopped"}


async def stop(database: Database, lease: Lease, reason: str) -> None:
    """Send nothing any more, until somebody resumes it."""
    await perform(
        database, lease.tenant, PRINCIPAL, WebhookState(webhook=lease.webhook, status="STOPPED", reason=reason), _set
    )


async def _report_failures(database: Database, lease: Lease, failures: int) -> None:
    """Note that a receiver takes nothing any more, or takes something again."""
    row = await load(database, lease)
    if row is None:
        return
    if failures >= FAILING_AFTER and row["status"] == "ACTIVE":
        reason = "The receiver takes nothing."
        state = WebhookState(webhook=lease.webhook, status="FAILING", reason=reason)
        await perform(database, lease.tenant, PRINCIPAL, state, _set)
    elif failures == 0 and row["status"] == "FAILING":
        await perform(database, lease.tenant, PRINCIPAL, WebhookState(webhook=lease.webhook, status="ACTIVE"), _set)


async def _set(work: UnitOfWork, command: WebhookState) -> References:
    changed = await work.rows(_STATE, command.webhook, command.status, command.reason)
    if changed:
        if command.status == "ACTIVE":
            await work.rows(_ALL_AT_ONCE, command.webhook)
        after = {"status": command.status, "reason": command.reason}
        work.note(_EVENTS[command.status], command.webhook, version=changed[0]["version"], after=after)
    return {"webhook_id": command.webhook}


# ---------------------------------------------------------------- what is kept for a time only

_SWEEP = f"""
    WITH swept AS (
        DELETE FROM webhook_deliveries d USING (
            SELECT id FROM webhook_deliveries
            WHERE tenant_id = $1 AND status <> 'WAITING' AND last_attempt_at < statement_timestamp() - interval '{TAKEN_DAYS} days'
              AND (status = 'TAKEN' OR last_attempt_at < statement_timestamp() - interval '{GIVEN_UP_DAYS} days')
            ORDER BY last_attempt_at LIMIT {SWEPT} FOR UPDATE SKIP LOCKED) old
        WHERE d.tenant_id = $1 AND d.id = old.id RETURNING 1)
    SELECT count(*) AS swept FROM swept
"""


async def sweep(site: Site, tenant: UUID) -> int:
    """Delete the deliveries of a tenant that are kept no longer; how many there were."""
    swept, found = 0, SWEPT
    while found >= SWEPT:
        async with site.database.transaction(tenant) as writer:
            found = (await writer.rows(_SWEEP))[0]["swept"]
        swept += found
    return swept
