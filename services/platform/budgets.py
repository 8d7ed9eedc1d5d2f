"""Budgets of objects to be read, refilled with time, and shared by all processes: taken here in leases.

A process that asked the database at every request would double what a small query costs. So it takes some
objects ahead, spends them on its own, and gives back what it doesn't use (docs/decisions/0014-budgets.md).
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from core.errors import Unavailable
from core.ids import new_id
from db.runtime.engine import Database
from db.runtime.failures import UNAVAILABLE_MESSAGE

_WANTED = "unnest($2::text[], $3::bigint[], $4::bigint[]) AS wanted (owner, capacity, rate)"
_NOW = "least(capacity, points + (rate * greatest(0, extract(epoch FROM statement_timestamp() - filled_at)))::bigint)"

# All of an owner's rows are locked in one order, so that two processes can't wait for each other.
_TAKE = f"""
WITH there AS MATERIALIZED (
    SELECT b.id, b.owner, {_NOW} AS points
    FROM {_WANTED} JOIN budgets b ON b.tenant_id = $1 AND b.owner = wanted.owner
    ORDER BY b.owner FOR UPDATE OF b
), granted AS (
    SELECT CASE WHEN count(*) = cardinality($2) AND min(points) >= $5 THEN least($6, min(points)) ELSE 0 END AS points
    FROM there
), taken AS (
    UPDATE budgets b SET points = there.points - granted.points, filled_at = statement_timestamp()
    FROM there, granted WHERE b.tenant_id = $1 AND b.id = there.id
    RETURNING b.owner, b.points, granted.points AS granted
)
SELECT owner, points, granted FROM taken
"""

_MAKE = f"""
INSERT INTO budgets (tenant_id, id, owner, points, filled_at)
SELECT t.id, ids.id, wanted.owner, wanted.capacity, statement_timestamp()
FROM tenants t, {_WANTED} JOIN unnest($2::text[], $5::uuid[]) AS ids (owner, id) USING (owner)
WHERE t.id = $1 ORDER BY owner
ON CONFLICT (tenant_id, owner) DO NOTHING
"""

_GIVE = "UPDATE budgets SET points = points + $3 WHERE tenant_id = $1 AND owner = ANY ($2::text[])"

# A budget that nobody touched for a day is full, and so is one that isn't there.
_FORGET = "DELETE FROM budgets WHERE tenant_id = $1 AND filled_at < now() - interval '1 day'"


class Bucket(NamedTuple):
    """A budget by its owner: a credential, or empty for the whole tenant. ``capacity`` in objects, ``rate`` in
    objects per second."""

    owner: str
    capacity: int
    rate: int


class Lease(NamedTuple):
    """``granted`` objects are the process's own now; ``left`` are what each bucket has still, in their order."""

    granted: int
    left: tuple[int, ...]


async def take(database: Database, tenant: UUID, buckets: Sequence[Bucket], least: int, most: int) -> Lease:
    """Take up to ``most`` objects, as many as each of the buckets has, or none where that is less than ``least``:
    a part would help nobody, and another process would miss it. Raises ``Unavailable``.
    """
    owners, *sizes = (list(column) for column in zip(*buckets, strict=True))
    wanted = (owners, *sizes, least, most)
    try:
        async with database.transaction(tenant, aside=True) as writer:
            rows = await writer.rows(_TAKE, *wanted)
            if len(rows) < len(buckets):
                await writer.rows(_FORGET)
                await writer.rows(_MAKE, owners, *sizes, [new_id() for _ in buckets])
                rows = await writer.rows(_TAKE, *wanted)
    except (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError) as error:
        raise Unavailable(UNAVAILABLE_MESSAGE) from error
    if len(rows) < len(buckets):
        # The tenant was erased, and its key is known here for some seconds more.
        raise Unavailable(UNAVAILABLE_MESSAGE)
    left = {row["owner"]: row["points"] for row in rows}
    return Lease(rows[0]["granted"], tuple(left[owner] for owner in owners))


async def give_back(database: Database, tenant: UUID, buckets: Sequence[Bucket], points: int) -> None:
    """Give back what a lease had left; what is too much for a bucket is cut when it is next looked at."""
    async with database.transaction(tenant, aside=True) as writer:
        await writer.rows(_GIVE, [bucket.owner for bucket in buckets], points)
