"""A table that nobody may read for a while: how tests make a request wait where they want it to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from db.runtime.engine import Target


@contextlib.asynccontextmanager
async def locked(target: Target, table: str = "orders", mode: str = "ACCESS EXCLUSIVE") -> AsyncIterator[Any]:
    """No one can read the table meanwhile, or with the mode EXCLUSIVE write to it. Gives the connection that holds it."""
    connection = await asyncpg.connect(target.admin)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN {mode} MODE")
            yield connection
    finally:
        await connection.close()


async def waiting(connection: Any, count: int = 1, table: str = "orders") -> list[int]:
    """The pids of the connections that wait for the lock, once there are so many."""
    async with asyncio.timeout(60):  # a process that starts takes seconds on a busy machine
        while True:
            # Autovacuum waits, too, and was once taken for the export that hadn't begun; its locks are of this mode.
            rows = await connection.fetch(
                """SELECT pid FROM pg_locks
                   WHERE NOT granted AND relation = $1::text::regclass AND mode <> 'ShareUpdateExclusiveLock'""",
                table,
            )
            if len(rows) == count:
                return [row["pid"] for row in rows]
