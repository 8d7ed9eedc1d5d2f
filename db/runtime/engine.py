"""Connections: two pools of asyncpg connections, for reading and for writing.

Both serve as the role ``erpgraph_app``, which row-level security binds. They go past SQLAlchemy's
connection layer: its models are the truth about the tables, and reading compiles its statements from
them once, but each execution through it costs more than PostgreSQL needs to answer
(docs/decisions/0002-reading.md, 0010-writing.md).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg

from core.errors import OutcomeUnknown, Overloaded, Unavailable
from db.runtime.connections import AWAY, GONE, Connections
from db.runtime.reader import ORDERED_ARRAYS, Reader
from db.runtime.writer import Writer
from db.tenancy import APP, OWNER, set_tenant

LOST = {
    # A connection that the network lost without a word would keep its locks and its snapshot for hours.
    "idle_in_transaction_session_timeout": "6s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""How soon PostgreSQL gives up a connection of ours. No command is idle for so long: services.kit.work.DEADLINE."""

IDLE = 600.0
"""Seconds after which a connection that nobody needed is closed."""

WRITING = {
    # How long a statement waits for another writer before the command is tried again.
    "lock_timeout": "2s",
    # A statement for any of an array is planned anew each time otherwise: a quarter of what PostgreSQL spent on
    # an order (1.9 against 1.7 core-ms, five lines).
    "plan_cache_mode": "force_generic_plan",
}
"""The settings of writers' connections."""


@dataclass(frozen=True)
class Target:
    """Where the database is. ``serving`` is used by requests, ``admin`` by migrations and the CLI.

    With one URL for both, a serving connection takes the serving role as its session's default,
    so that not even RESET gives it another.
    """

    admin: str
    serving: str

    @classmethod
    def of(cls, admin: str, serving: str | None = None) -> "Target":
        return cls(admin, serving or admin)

    def settings(self) -> dict[str, str]:
        """A serving connection's server settings. Short queries: compiling them never pays."""
        return {"application_name": "erpgraph", "jit": "off", "role": APP, "timezone": "UTC"}


async def _plan_for_the_values(connection: Any) -> None:
    """For a PostgreSQL that reads an index for an array's keys, but not in its order (before 17): a plan for any array
    there takes it for one of ten keys, and read all of a tenant's stock for the levels of 294 products (5.8 ms; planned
    for the values, 1.8).
    """
    if connection.get_server_version().major < ORDERED_ARRAYS:
        await connection.execute("SET plan_cache_mode = force_custom_plan")


class _Pooled(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A pooled connection that isn't reset on release: readers and writers leave nothing behind but their
    transaction, and that has ended by then. It saves a round trip per request."""

    def get_reset_query(self) -> str:
        return ""


@dataclass(eq=False)
class Database:
    """One process's way to the database. Writers have a pool of their own: they wait for one another's
    locks, and reading must not wait with them. So has what a writer must store beside its transaction,
    or writers that hold all connections would wait for one more.
    """

    target: Target
    size: int = 10
    acquire_timeout: float = 2.0
    statement_timeout_ms: int = 4_000
    _reading: Any = field(default=None, repr=False)
    _writing: Any = field(default=None, repr=False)
    _aside: Any = field(default=None, repr=False)
    _lent: Any = field(default=None, repr=False)

    async def open(self) -> None:
        """Connect. Raises what asyncpg raises if that can't be done."""
        self._reading = await Connections.of(await self._connect(1, self.size, init=_plan_for_the_values))
        self._writing = await self._connect(1, self.size, WRITING)
        self._aside = await self._connect(0, 2, WRITING)
        self._lent = Connections(self._writing, self._reading.version, ahead=False)

    async def _connect(
        self, least: int, most: int, more: Mapping[str, str] = MappingProxyType({}), **options: Any
    ) -> Any:
        timeout = {"statement_timeout": str(self.statement_timeout_ms)}
        return await asyncpg.create_pool(
            self.target.serving,
            min_size=least,
            max_size=most,
            connection_class=_Pooled,
            server_settings={**self.target.settings(), **timeout, **LOST, **more},
            # The server ends a statement that takes too long; a server that hangs ends nothing.
            command_timeout=self.statement_timeout_ms / 1000 + 0.5,
            statement_cache_size=512,
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=IDLE,
            timeout=5,
            **options,
        )

    async def close(self) -> None:
        for pool in (self._reading, self._writing, self._aside):
            if pool is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(pool.close(), 5)

    def reader(self, tenant: UUID, partner: UUID | None = None) -> Reader:
        """A request's reader: one connection and one snapshot, both taken at its first query."""
        return Reader(self._reading, tenant, self.acquire_timeout, partner)

    @contextlib.asynccontextmanager
    async def transaction(
        self, tenant: UUID, *, aside: bool = False, payload: Reader | None = None
    ) -> AsyncIterator[Writer]:
        """A write transaction of a tenant; commits at the end, or rolls back. The only place that commits.
        ``aside``: one that is made and ended while another is open. ``payload`` reads on the transaction's connection
        once it is committed, so that a change that was made can also be told of.

        Raises ``Unavailable`` when the database is away or no connection is free: nothing was done then;
        ``OutcomeUnknown`` when it went away during the commit; and what PostgreSQL says of a statement.
        """
        pool = self._aside if aside else self._writing
        try:
            # With one idle there is no wait to bound.
            idle = pool.get_idle_size() > 0
            connection = await pool.acquire(timeout=None if idle else self.acquire_timeout)
        except TimeoutError as error:
            raise Overloaded(AWAY) from error
        except GONE as error:
            raise Unavailable(AWAY) from error
        try:
            writer = Writer(connection, tenant)
            try:
                await writer.begin()
                yield writer
                await writer.commit("" if payload is None else payload.opening)
            except OutcomeUnknown:
                writer.discard()
                raise
            except GONE as error:
                writer.discard()
                raise Unavailable(AWAY) from error
            except BaseException:
                await writer.abandon()
                raise
            if payload is not None:
                payload.adopt(connection, self._lent)
                connection = None
        finally:
            if connection is not None:
                await pool.release(connection)

    async def revision(self) -> str | None:
        """The migration that the database is at, None before the first; raises what asyncpg raises if
        it can't be reached."""
        async with self._reading.acquire(timeout=self.acquire_timeout) as connection:
            try:
                found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
            except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
                return None
            return found


@contextlib.asynccontextmanager
async def administration(target: Target, tenant: UUID | None = None) -> AsyncIterator[Any]:
    """An asyncpg connection as the owner, in one transaction: for migrations' helpers and the CLI.

    With a tenant it is bound to it; the owner too sees only that tenant's rows (FORCE).
    """
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {OWNER}")
            if tenant is not None:
                await connection.execute(set_tenant(tenant))
            yield connection
    finally:
        await connection.close()
