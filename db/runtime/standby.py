"""Reading from a standby: whether it is there, and how far it has got.

Positions are places in PostgreSQL's log (LSN), as numbers. A task of each process asks the standby every 20 ms, and no
request does: asked by a request it would have to come before its snapshot (docs/decisions/0033-reading-from-standbys.md).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import asyncpg
import structlog

from core.cancelling import heed_cancellation
from core.errors import Unfit
from db.runtime.connections import Connections
from db.runtime.failures import GONE
from db.runtime.sessions import Session, server_version

log = structlog.get_logger()

EVERY = 0.02
"""Seconds between two looks at the standby."""

PRIMARY_EVERY = 0.5
"""Seconds between two looks at how far the primary is."""

RETRY_AFTER = 1.0
"""Seconds until a standby that was away is tried again."""

ANSWERS_WITHIN = 1.0
"""Seconds in which it must answer a look."""

REPLAYED = "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END"
WRITTEN = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"

EVERYTHING = (1 << 64) - 1
"""A position that no standby reaches."""


class NotFollowing(Exception):
    """The server at the reading URL replays nobody's log."""


class Standby:
    """A standby's connections. It isn't read from where it is away, or more than ``lag`` seconds behind the primary."""

    def __init__(self, pool: Any, session: Session, written: Callable[[], Awaitable[int]], lag: float) -> None:
        """``written`` tells how far the primary is."""
        self.connections: Connections | None = None
        self._pool = pool
        self._session = session
        self._written = written
        self._lag = lag
        self._replayed = -1
        self._primary: deque[tuple[float, int]] = deque()
        self._watching = [asyncio.create_task(self._watch()), asyncio.create_task(self._watch_primary())]

    def serves(self, after: int) -> bool:
        """Whether it has replayed up to this position, and what the primary had written ``lag`` seconds ago."""
        self._forget()
        due = self._primary[0] if self._primary else (0.0, 0)
        least = due[1] if due[0] <= monotonic() - self._lag else 0
        return self._replayed >= max(after, least, 0)

    def lag(self) -> tuple[int, float] | None:
        """How many bytes of the primary's log it hasn't replayed, and for how many seconds the primary has had some of
        them, at the least: no more than ``lag`` is looked back. None where it is away.
        """
        if self._replayed < 0 or not self._primary:
            return None
        missing = max(0, self._primary[-1][1] - self._replayed)
        now = monotonic()
        return missing, now - next((at for at, position in self._primary if position > self._replayed), now)

    async def close(self) -> None:
        for each in self._watching:
            each.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await (self.connections or self._pool).close()

    def _forget(self) -> None:
        """Where the primary was longer ago than anybody asks for."""
        while len(self._primary) > 1 and self._primary[1][0] <= monotonic() - self._lag:
            self._primary.popleft()

    async def _watch(self) -> None:
        reason = ""
        while True:
            try:
                async with self._pool.acquire(timeout=ANSWERS_WITHIN) as connection:
                    await self._follow(connection)
            except (NotFollowing, Unfit, asyncpg.PostgresError, *GONE) as error:
                self._replayed = -1
                # What asyncpg says of one that ended while it was lent is about its own pool.
                closed = "its connection was closed" if isinstance(error, asyncpg.InterfaceError) else ""
                found = getattr(error, "reason", "") or closed or str(error) or type(error).__name__
                if found != reason:
                    log.warning("the standby isn't read from", reason=found)
                reason = found
            heed_cancellation()
            await asyncio.sleep(RETRY_AFTER)

    async def _follow(self, connection: Any) -> None:
        if self.connections is None:
            session = self._session.at(found := await server_version(connection))
            ahead = session.pooler != "transaction"
            self.connections = Connections(self._pool, found, ahead=ahead, opening=session.opening)
        while True:
            replayed = await connection.fetchval(REPLAYED, timeout=ANSWERS_WITHIN)
            if replayed is None:
                raise NotFollowing("it is no standby")
            if self._replayed < 0:
                log.info("the standby is read from")
            self._replayed = replayed
            await asyncio.sleep(EVERY)

    async def _watch_primary(self) -> None:
        while True:
            try:
                self._primary.append((monotonic(), await self._written()))
                self._forget()  # on a server that nobody queries as well
            except (Unfit, asyncpg.PostgresError, *GONE):
                pass  # nobody writes there that the standby could miss
            heed_cancellation()
            await asyncio.sleep(PRIMARY_EVERY)
