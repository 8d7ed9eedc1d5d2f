"""The log of commits: how a transaction gets its place in it, and up to where it can be read without a gap.

Numbers come from a sequence, so commits become visible in another order than that of their numbers: whoever reads on from the
highest number that was seen loses those that were late. Here a writer holds a shared lock from before it draws its number
until its row can be seen, and a reader passes a number only when nobody holds the lock any more who held it when the number
had been drawn. Writers wait for no reader (docs/decisions/0042-the-log-of-commits.md).
"""

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

from core.errors import Overloaded
from db.runtime.failures import UNAVAILABLE_MESSAGE

FEED = 0x66656564  # "feed"
"""The class of the advisory locks; a migration has it, too."""

WITHIN = 2.0
"""Seconds that a request waits for writers that are about to commit: they are within one message to the server."""

LAST = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM commit_numbers"

# In one statement of its own, which holds writers up for as long as it takes, some microseconds, and never waits for them.
BUSY = "SELECT key FROM unnest($1::integer[]) AS key WHERE NOT pg_try_advisory_xact_lock($2, key)"

HOLDERS = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = $2::bigint::oid AND objsubid = 2 AND objid = ANY($1::bigint[]::oid[]) AND mode = 'ShareLock' AND granted
"""

NEWEST = "SELECT seq, id FROM commits WHERE tenant_id = $1 AND seq <= $2 ORDER BY seq DESC LIMIT 1"


def lock_key(tenant: UUID) -> int:
    """The tenant's lock among those of ``FEED``. Two tenants with the same one wait for each other's commits, which are short."""
    return int.from_bytes(tenant.bytes[-4:], "big", signed=True)


def place(
    tenant: UUID,
    commit: UUID,
    events: Iterable[UUID] = (),
    touched: Sequence[tuple[int, UUID]] = (),
    reload: Iterable[int] = (),
) -> str:
    """The statement that gives a transaction its place in the log, to be the last before COMMIT and in its message.

    ``touched``: kinds of records with their ids. The values are UUIDs and numbers by type, so there is nothing to quote.
    """
    kinds, subjects = (number for number, _ in touched), (subject for _, subject in touched)
    return (
        f"SELECT place_commit('{UUID(int=tenant.int)}',{lock_key(tenant)},'{UUID(int=commit.int)}',"
        f"{_ids(events)},{_numbers(kinds)},{_ids(subjects)},{_numbers(reload)})"
    )


def _ids(given: Iterable[UUID]) -> str:
    return f"'{{{','.join([each.hex for each in given])}}}'"


def _numbers(given: Iterable[int]) -> str:
    return f"'{{{','.join([str(int(each)) for each in given])}}}'"


async def settled(look: "Look", tenants: Iterable[UUID], *, within: float = WITHIN) -> int:
    """A number: all commits of these tenants up to it have ended and can be seen by whoever looks from now on, and none can
    come to be among them. Raises ``Overloaded`` where writers that are about to commit don't end in time.
    """
    # The number first: whoever has one up to it held the lock by then.
    [[last]] = await look(LAST)
    keys = {lock_key(tenant) for tenant in tenants}
    if busy := [row["key"] for row in await look(BUSY, [*keys], FEED)]:
        await _outlast(look, busy, monotonic() + within)
    return int(last)


class Look:
    """Runs statements, each in a transaction of its own, on a connection that is in none. ``opening`` is what one begins with
    behind a pooler of transactions.
    """

    def __init__(self, connection: Any, opening: str = "") -> None:
        self._connection = connection
        self._opening = opening

    async def __call__(self, sql: str, *values: Any) -> list[Any]:
        rows: list[Any]
        if not self._opening:
            rows = await self._connection.fetch(sql, *values)
        else:
            async with self._connection.transaction():
                await self._connection.execute(self._opening)
                rows = await self._connection.fetch(sql, *values)
        return rows


async def _outlast(look: Look, keys: Sequence[int], until: float) -> None:
    """Wait until all that hold one of these locks now have given it up; those who come later aren't waited for."""
    wanted = [key & 0xFFFFFFFF for key in keys]
    waiting = await _holders(look, wanted)
    pause = 0.001
    while waiting:
        if monotonic() > until:
            raise Overloaded(UNAVAILABLE_MESSAGE)
        await asyncio.sleep(pause)
        pause = min(0.02, pause * 1.5)
        waiting &= await _holders(look, wanted)


async def _holders(look: Look, keys: Sequence[int]) -> set[str]:
    return {row["virtualtransaction"] for row in await look(HOLDERS, keys, FEED)}
