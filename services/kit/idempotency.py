"""Idempotency keys: a retry gets the first answer, and nothing is done twice.

The key is stored in the transaction that carries its command out. Who comes later, or at the same
time, runs into the unique constraint, undoes what it did, starts again and finds the answer.
"""

from collections.abc import Sequence
from time import monotonic
from uuid import UUID

import asyncpg
import orjson

from core.ids import new_id
from core.problems import IDEMPOTENCY_KEY_REUSED, CommandRejected, refuse
from db.runtime.failures import constraint
from db.runtime.writer import Writer
from services.kit import events
from services.kit.answer import CommandResult
from services.kit.command import Command
from services.kit.later import Later, run, run_with

KEPT_HOURS = 48
SWEEP_EVERY = 600.0
"""Seconds between a process's sweeps of one tenant's old keys, once none is left."""

SWEEP_AT_MOST = 1_000
"""Keys that a sweep deletes: some milliseconds of the command that it is part of."""

_FIND = "SELECT digest, answer FROM idempotency_keys WHERE tenant_id = $1 AND key = $2"
_HAPPENED = (f"happened AS ({events.STORE})",)
_STORE = (
    "INSERT INTO idempotency_keys (tenant_id, id, key, command, digest, answer) VALUES ($1, $9, $10, $11, $12, $13)"
)
SWEEP = f"""
    WITH swept AS (
        DELETE FROM idempotency_keys WHERE tenant_id = $1 AND id IN (
            SELECT id FROM idempotency_keys
            WHERE tenant_id = $1 AND created_at < now() - interval '{KEPT_HOURS} hours'
            ORDER BY created_at LIMIT {SWEEP_AT_MOST} FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT count(*) AS swept FROM swept
"""
"""Deletes a tenant's oldest keys that are kept no longer, and counts them."""

_UNIQUE = "uq_idempotency_keys_tenant_id_key"

_swept: dict[UUID, float] = {}


async def find(writer: Writer, command: Command) -> CommandResult | None:
    """The answer that the command's key got before; None for a new key, or none.

    Raises ``CommandRejected`` when the key was used for another command or another input.
    """
    if command.idempotency_key is None:
        return None
    rows = await writer.rows(_FIND, command.idempotency_key)
    if not rows:
        return None
    if rows[0]["digest"] != command.digest():
        raise _conflict()
    return CommandResult.restored(orjson.loads(rows[0]["answer"]))


async def store(
    writer: Writer,
    principal: str,
    happened: Sequence[events.Event],
    command: Command,
    answer: CommandResult,
    writes: Sequence[Later] = (),
) -> Sequence[UUID]:
    """Store what happened, and keep the answer under the command's key, if it has one: in one statement, with the writes that
    waited for it. The ids of what happened, in its order.
    """
    stored = events.values(principal, happened)
    if command.idempotency_key is None:
        if happened:
            await run_with(writer, writes, (), events.STORE, *stored)
        else:
            await run(writer, writes)
        return stored.ids
    if monotonic() - _swept.get(writer.tenant, -SWEEP_EVERY) >= SWEEP_EVERY:
        [row] = await writer.rows(SWEEP)
        # Again with the next command until none is left: 1,000 in ten minutes were fewer than a busy tenant stores.
        if row["swept"] < SWEEP_AT_MOST:
            _swept[writer.tenant] = monotonic()
    # default: the UUIDs that asyncpg makes are of a class of their own, which orjson doesn't know.
    kept = orjson.dumps(answer.stored(), default=str).decode()
    key, name = command.idempotency_key, type(command).__name__
    await run_with(writer, writes, _HAPPENED, _STORE, *stored, new_id(), key, name, command.digest(), kept)
    return stored.ids


def is_taken(error: Exception) -> bool:
    """Whether another attempt with the same key committed first."""
    return isinstance(error, asyncpg.UniqueViolationError) and constraint(error) == _UNIQUE


def _conflict() -> CommandRejected:
    message = "This idempotencyKey was used for another input. Take a new key for a new command."
    return refuse(IDEMPOTENCY_KEY_REUSED, message, "idempotencyKey")
