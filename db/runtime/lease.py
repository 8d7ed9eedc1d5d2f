"""What one process does at a time, whichever hosts they run on: a lease that the database keeps, by its own clock.

It is an advisory lock of a transaction that does nothing else. Who has it says so every few seconds; one that stands still for
longer than ``LASTS`` is ended by PostgreSQL, which lets the next one have it. It keeps no row and no snapshot: a transaction
without a statement under way holds up no vacuum.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg

from db.runtime.engine import Target
from db.runtime.failures import GONE

CLASS = 0x6C656173  # "leas"

LASTS = 30.0
"""Seconds that a lease outlasts its holder's last word."""

BEAT = 5.0
"""Seconds between two words."""

UPKEEP = 1
"""The leases that there are."""


def free(until: str, lasts: float) -> str:
    """SQL: whether a lease that a row keeps is nobody's any more, by its end and by how long it lasts from its holder's last word on.

    One that ends later than any can was taken before the clock was set back, and would last for as long as it was. Twice its length: a
    statement that waited for the row is older than the lease that it finds there.
    """
    return f"{until} NOT BETWEEN statement_timestamp() AND {beyond(lasts)}"


def beyond(lasts: float) -> str:
    """SQL: a time that is further ahead than any that the clock has shown, unless it was set back since."""
    return f"statement_timestamp() + interval '{2 * lasts:g} seconds'"


class Lost(Exception):
    """A lease is another worker's by now, or what it was for is stopped or changed: what is done under it isn't stored."""


@contextlib.asynccontextmanager
async def leased(target: Target, what: int) -> AsyncIterator[asyncio.Task[None] | None]:
    """In here this process has the lease: a task that ends when it is lost. None where another one has it. Raises what asyncpg
    raises where the database can't be reached.
    """
    connection = await asyncpg.connect(target.admin, timeout=5, command_timeout=LASTS / 2)
    try:
        await connection.execute(f"BEGIN; SET LOCAL idle_in_transaction_session_timeout = {int(LASTS * 1000)}")
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", CLASS, what):
            yield None
            return
        # What has asked keeps a snapshot until the next one does, which holds up vacuum.
        await connection.execute("SELECT")
        beating = asyncio.create_task(_beat(connection))
        try:
            yield beating
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
    finally:
        try:
            with contextlib.suppress(asyncpg.PostgresError, *GONE):
                await connection.close(timeout=2)
        finally:
            if not connection.is_closed():
                connection.terminate()


async def _beat(connection: asyncpg.Connection) -> None:
    """Say again and again that the holder is there; returns when the lease is lost."""
    with contextlib.suppress(asyncpg.PostgresError, TimeoutError, *GONE):
        while True:
            await asyncio.sleep(BEAT)
            await connection.execute("SELECT")
