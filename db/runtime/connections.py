"""The connections that requests read on. Some lie ready for the tenant that read on them last.

A transaction has no snapshot before its first query, so it can be begun before it is asked for: when a request is
over, its connection begins a transaction for the same tenant, in the message that ends the last one. Another request of
that tenant within a second spares the round trip of BEGIN: a sixth of the time of a page of 20 orders.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any, NamedTuple, Self

import asyncpg

from db.runtime.failures import GONE
from db.runtime.sessions import Session, server_version

READY_FOR = 1.0
"""Seconds for which a connection lies ready."""

STALE = 3.0
"""Seconds after which one that lies ready isn't trusted: the process was stopped in between, and PostgreSQL may have
ended the session, as it does with every transaction that stays idle (``db.runtime.engine.SESSION_TIMEOUTS``)."""


class _Ready(NamedTuple):
    connection: Any
    binding: str
    since: float


class Connections:
    """A pool of asyncpg connections for transactions that only read. ``version`` is PostgreSQL's major one, or ``SHARDED``;
    ``ahead`` whether a transaction is begun before it is asked for; ``opening`` what each begins with.
    """

    def __init__(self, pool: Any, version: int = 0, *, ahead: bool = True, opening: str = "") -> None:
        self.pool = pool
        self.version = version
        self.opening = opening
        self._ahead = ahead
        self._ready: list[_Ready] = []
        self._waiting = 0
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @classmethod
    async def of(cls, pool: Any, session: Session) -> Self:
        """A pool's connections. Raises what asyncpg raises where the server can't be reached.

        A pooler of transactions gets none that is begun ahead: it would lie idle on a connection that others share.
        """
        async with pool.acquire() as connection:
            found = await server_version(connection)
        return cls(pool, found, ahead=session.pooler != "transaction", opening=session.at(found).opening)

    @property
    def lingers(self) -> float:
        """Seconds for which a connection lies ready."""
        return READY_FOR

    @property
    def ready(self) -> int:
        """How many connections lie ready."""
        return len(self._ready)

    @property
    def free(self) -> int:
        """How many connections nobody reads on."""
        found: int = self.pool.get_idle_size() + self.ready
        return found

    async def take(self, binding: str, timeout: float) -> Any:  # noqa: ASYNC109 - the pool's way to bound a wait
        """A connection in a transaction that began with ``binding``: the statements that open one and say whose it is.

        Raises ``TimeoutError`` where none is free in time, and what ``GONE`` lists. Give it back.
        """
        connection = await self._lying_ready(binding)
        if connection is not None:
            return connection
        connection = await self._any(timeout)
        try:
            # All statements in one message.
            await connection.execute(f"ROLLBACK;{binding}" if connection.is_in_transaction() else binding)
        except BaseException:
            # In what state it is, nobody knows, and to find out may take as long again.
            await self.discard(connection)
            raise
        return connection

    async def give(self, connection: Any, binding: str) -> None:
        """A request is over: end its transaction, and have one begun for the next with the same binding."""
        try:
            if await self._begun(connection, binding):
                self._ready.append(_Ready(connection, binding, monotonic()))
                self._sweep_later()
                return
        except (asyncpg.PostgresError, *GONE):
            # One that died under a query was taken back by the pool already, and can't even be ended.
            with contextlib.suppress(asyncpg.InterfaceError):
                connection.terminate()
        except BaseException:
            # Cancelled in between: the state of the session is unknown, so it isn't used again.
            await self.discard(connection)
            raise
        await self.pool.release(connection)

    async def discard(self, connection: Any) -> None:
        """Close a connection at once, in whatever state it is."""
        with contextlib.suppress(asyncpg.InterfaceError):
            connection.terminate()
        await self.pool.release(connection)

    @contextlib.asynccontextmanager
    async def acquire(self, timeout: float | None = None) -> AsyncIterator[Any]:  # noqa: ASYNC109 - as the pool's
        """A connection without a transaction, for what isn't a request's."""
        connection = await self._any(timeout)
        try:
            if connection.is_in_transaction():
                await connection.execute("ROLLBACK")
            yield connection
        except BaseException:
            # A server that hangs would not even answer to the end of a statement.
            await self.discard(connection)
            raise
        await self.pool.release(connection)

    async def close(self) -> None:
        """End the transactions that lie ready, and close the pool when all connections are back."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        ready, self._ready = self._ready, []
        await self._end(ready)
        await self.pool.close()

    async def _any(self, timeout: float | None) -> Any:  # noqa: ASYNC109 - as the pool's
        """A free connection, or one that lies ready for others, or one that becomes free in time."""
        if self.pool.get_idle_size():
            # There is no wait to bound, and the bound would cost more than the rest.
            return await self.pool.acquire()
        connection = await self._lying_ready()
        if connection is not None:
            return connection
        self._waiting += 1
        try:
            return await self.pool.acquire(timeout=timeout)
        finally:
            self._waiting -= 1

    async def _lying_ready(self, binding: str | None = None) -> Any:
        """A connection that lies ready: the newest with this binding (surplus ones age out), or the oldest of any; None
        if none is alive.
        """
        while self._ready:
            mine = (each for each in reversed(self._ready) if each.binding == binding)
            found = self._ready[0] if binding is None else next(mine, None)
            if found is None:
                break
            self._ready.remove(found)
            if _lives(found):
                return found.connection
            await self.discard(found.connection)
        return None

    async def _begun(self, connection: Any, binding: str) -> bool:
        """End the transaction, and begin another unless somebody waits for the connection."""
        if connection.is_closed():
            return False
        if self._ahead and not (self._waiting or self._closed):
            await self._begin_next(connection, binding)
            if not (self._waiting or self._closed):
                return True
        await connection.execute("ROLLBACK")
        return False

    async def _begin_next(self, connection: Any, binding: str) -> None:
        await connection.execute(f"ROLLBACK;{binding}")

    def _sweep_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.lingers, self._sweep)

    def _sweep(self) -> None:
        """Give back to the pool what nobody came for."""
        self._timer = None
        before = monotonic() - self.lingers
        idle = [ready for ready in self._ready if ready.since <= before]
        self._ready = [ready for ready in self._ready if ready.since > before]
        if idle:
            ending = asyncio.create_task(self._end(idle))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        if self._ready:
            self._sweep_later()

    async def _end(self, idle: list[_Ready]) -> None:
        for ready in idle:
            try:
                await ready.connection.execute("ROLLBACK")
            except (asyncpg.PostgresError, *GONE):  # a hanging server's TimeoutError is an OSError
                await self.discard(ready.connection)
            else:
                await self.pool.release(ready.connection)


def _lives(ready: _Ready) -> bool:
    try:
        return not ready.connection.is_closed() and monotonic() - ready.since < STALE
    except asyncpg.InterfaceError:
        # It ended, and the pool has taken it back.
        return False
