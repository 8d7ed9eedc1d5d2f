"""How far a broker has been told what happens in a tenant: a place in its log, which one worker has at a time by a lease, by the
database's clock. Each write says whose lease it is: one that stood still for too long, and whose place another worker has by
now, moves nothing.
"""

from typing import Any, NamedTuple
from uuid import UUID

from core.changes import Cursor
from core.ids import new_id
from db.runtime.engine import Database
from db.runtime.lease import Lost, free

LASTS = 30
"""Seconds for which a worker has a place, from its last word on."""


class Lease(NamedTuple):
    """A place that a worker has for a while."""

    tenant: UUID
    sink: str
    worker: UUID


class Taken(NamedTuple):
    """Where to go on; None: from the oldest that the log has."""

    cursor: Cursor | None


_FOR_A_WHILE = f"statement_timestamp() + interval '{LASTS} seconds'"
_OPEN = "INSERT INTO relay_cursors (tenant_id, sink, id) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, sink) DO NOTHING RETURNING id"
_TAKE = f"""
    UPDATE relay_cursors SET worker = $3, leased_until = {_FOR_A_WHILE}
    WHERE tenant_id = $1 AND sink = $2 AND ({free("leased_until", LASTS)} OR worker = $3) RETURNING commit_id, place
"""
_OURS = "tenant_id = $1 AND sink = $2 AND worker = $3 AND leased_until >= statement_timestamp()"
_BEAT = f"UPDATE relay_cursors SET leased_until = {_FOR_A_WHILE} WHERE {_OURS} RETURNING id"
_MOVE = f"""
    UPDATE relay_cursors SET commit_id = $4, place = $5, seen = $6, leased_until = {_FOR_A_WHILE} WHERE {_OURS} RETURNING id
"""
_RELEASE = """
    UPDATE relay_cursors SET worker = NULL, leased_until = '-infinity' WHERE tenant_id = $1 AND sink = $2 AND worker = $3
"""


async def take(database: Database, lease: Lease) -> Taken | None:
    """Have a place for a while; None where somebody else has it. A broker that was told nothing yet gets one.

    A worker that could not let go of it, since the database was away just then, takes it up again without waiting.
    """
    async with database.transaction(lease.tenant) as writer:
        rows = await writer.rows(_TAKE, lease.sink, lease.worker)
        if not rows and await writer.rows(_OPEN, lease.sink, new_id()):
            rows = await writer.rows(_TAKE, lease.sink, lease.worker)
    if not rows:
        return None
    commit = rows[0]["commit_id"]
    return Taken(None if commit is None else Cursor(UUID(int=commit.int), rows[0]["place"]))


async def beat(database: Database, lease: Lease) -> bool:
    """Have it for longer; whether it still is this worker's."""
    return bool(await _rows(database, lease, _BEAT))


async def moved(database: Database, lease: Lease, cursor: Cursor, seq: int) -> None:
    """The broker has everything up to there, the commit of that number. Raises ``Lost``."""
    # A commit that was told in part isn't seen: there is something to tell for as long as it is the newest.
    seen = seq - 1 if cursor.offset else seq
    if not await _rows(database, lease, _MOVE, cursor.commit, cursor.offset, seen):
        raise Lost


async def release(database: Database, lease: Lease) -> None:
    """Let others have it."""
    await _rows(database, lease, _RELEASE)


async def _rows(database: Database, lease: Lease, sql: str, *values: Any) -> list[Any]:
    async with database.transaction(lease.tenant) as writer:
        return await writer.rows(sql, lease.sink, lease.worker, *values)
