"""Connections: two pools of asyncpg connections, for reading and for writing.

Both serve as the role ``erpgraph_app``, which row-level security binds. They go past SQLAlchemy's
connection layer: its models are the truth about the tables, and reading compiles its statements from
them once, but each execution through it costs more than PostgreSQL needs to answer
(docs/decisions/0002-reading.md, 0010-writing.md).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from core.errors import OutcomeUnknown, Overloaded
from core.ids import new_id
from db.runtime import freezing, log
from db.runtime.connections import Connections
from db.runtime.failures import UNAVAILABLE_MESSAGE, not_connected, report, unavailable
from db.runtime.lent import Lent
from db.runtime.reader import Reader
from db.runtime.sessions import SHARDED, Pooler, Seen, Session
from db.runtime.standby import WRITTEN, Standby
from db.runtime.writer import Writer
from db.tenancy import APP, OWNER, set_tenant

SESSION_TIMEOUTS = {
    # A connection that the network lost without a word would keep its locks and its snapshot for hours.
    "idle_in_transaction_session_timeout": "6000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""How soon PostgreSQL gives up a connection of ours. No command is idle for so long: services.kit.work.DEADLINE."""

ASIDE = 2
"""Connections for what is stored beside a writer's transaction."""

IDLE = 600.0
"""Seconds after which a connection that nobody needed is closed."""

WRITER_SETTINGS = {
    # How long a statement waits for another writer before the command is tried again.
    "lock_timeout": "2000",
    # A statement for any of an array is planned again each time otherwise: a quarter of what PostgreSQL spent on
    # an order (1.9 against 1.7 core-ms, five lines).
    "plan_cache_mode": "force_generic_plan",
}
"""The settings of writers' connections."""

PLAN_FOR_THE_VALUES = {"plan_cache_mode": "force_custom_plan"}
"""For a PostgreSQL that reads an index for an array's keys, but not in its order (before 17): a plan for any array there
takes it for one of ten keys, and read all of a tenant's stock for the levels of 294 products (5.8 ms; planned for the
values, 1.8).
"""


class PoolState(NamedTuple):
    """How many connections a pool may open, has open, and has lent."""

    size: int
    open: int
    in_use: int


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
        """A serving connection's server settings. Short queries: compiling them never pays. A statement runs on one core
        (docs/decisions/0074-one-core.md), but for those of a reader that is ``alone``.
        """
        settings = {"application_name": "erpgraph", "jit": "off", "max_parallel_workers": "0"}
        return settings | {"role": APP, "TimeZone": "UTC"}


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
    pooler: Pooler = "none"
    reading_url: str = ""
    """Where a standby is that queries may read from; empty: there is none."""
    reading_lag: float = 5.0
    """Seconds that it may be behind."""
    standby: Standby | None = field(default=None, repr=False)
    on_commit: Callable[[UUID], None] | None = field(default=None, repr=False)
    """Called with the tenant of each transaction that has a place in the log, once it is stored."""
    _reading: Any = field(default=None, repr=False)
    _writing: Any = field(default=None, repr=False)
    _aside: Any = field(default=None, repr=False)
    _lent: Any = field(default=None, repr=False)
    _sessions: tuple[Session, Session] = field(default=(Session({}), Session({})), repr=False)

    async def open(self) -> None:
        """Connect. Raises what asyncpg raises if that can't be done, and ``Unfit`` where the connection isn't what it
        has to be.
        """
        shared = {**self.target.settings(), "statement_timeout": str(self.statement_timeout_ms), **SESSION_TIMEOUTS}
        reads = Session(shared, self.pooler, older=PLAN_FOR_THE_VALUES)
        writes = Session({**shared, **WRITER_SETTINGS}, self.pooler)
        self._reading = await Connections.of(await self._connect(self.size, reads), reads)
        self._writing = await self._connect(self.size, writes)
        async with self._writing.acquire():
            pass  # the first command needn't wait for it
        aside = await self._connect(ASIDE, writes)
        version = self._reading.version
        self._sessions = (reads.at(version), writes.at(version))
        self._lent = Lent(self._writing, version, ahead=self.pooler != "transaction")
        self._aside = Lent(aside, version, ahead=False)
        if self.reading_url:
            pool = await self._connect(self.size + 1, reads, self.reading_url)  # one to watch it
            self.standby = Standby(pool, reads, self.written, self.reading_lag)

    async def _connect(self, most: int, session: Session, url: str = "") -> Any:
        return await asyncpg.create_pool(
            url or self.target.serving,
            # A pool that keeps a floor tries to restore it for as long as the database is away, with a traceback each.
            min_size=0,
            max_size=most,
            connection_class=_Pooled,
            server_settings=dict(session.startup),
            init=session.settle,
            # The server ends a statement that takes too long; a server that hangs ends nothing.
            command_timeout=self.statement_timeout_ms / 1000 + 0.5,
            # A pooler of transactions would meet on one connection what was prepared on another.
            statement_cache_size=0 if self.pooler == "transaction" else 512,
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=IDLE,
            timeout=5,
        )

    async def close(self) -> None:
        for pool in (self.standby, self._reading, self._lent or self._writing, self._aside):
            if pool is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(pool.close(), 5)

    def pools(self) -> dict[str, PoolState]:
        """How the pools are, by their names; to be asked by the loop."""
        pools = {"reading": self._reading.pool, "writing": self._writing, "aside": self._aside.pool}
        ready = {"reading": self._reading.ready, "writing": self._lent.ready}
        if self.standby is not None and self.standby.connections is not None:
            pools["standby"], ready["standby"] = self.standby.connections.pool, self.standby.connections.ready
        states = {}
        for name, pool in pools.items():
            opened = pool.get_size()
            states[name] = PoolState(pool.get_max_size(), opened, opened - pool.get_idle_size() - ready.get(name, 0))
        return states

    def reader(self, tenant: UUID, partner: UUID | None = None) -> Reader:
        """A request's reader: one connection and one snapshot, both taken at its first query."""
        return Reader(self._reading, tenant, self.acquire_timeout, partner)

    def query_reader(self, tenant: UUID, partner: UUID | None = None, after: int = 0) -> Reader:
        """As ``reader``, of a standby that has replayed up to the position ``after``, where there is one."""
        standby = self.standby
        if standby is None or standby.connections is None or not standby.serves(after):
            return self.reader(tenant, partner)
        return Reader(standby.connections, tenant, self.acquire_timeout, partner, standby=True)

    async def written(self) -> int:
        """The position up to which everything is stored. Raises what asyncpg raises where that can't be known."""
        async with self._reading.acquire(timeout=self.acquire_timeout) as connection:
            found: int = await connection.fetchval(WRITTEN)
            return found

    async def settled(self, tenant: UUID) -> int:
        """A number up to which the tenant's log is complete (``db.runtime.log``): what is read from now on has all of it.
        Raises ``Unavailable``.
        """
        async with self.look_at_log() as look:
            return await log.settled(look, (tenant,))

    async def drawn(self, tenants: Collection[UUID]) -> dict[UUID, int]:
        """The last number that the log has drawn where each of these lives: where it is another one, something may have been
        committed. Raises ``Unavailable``.
        """
        if not tenants:
            return {}
        async with self.look_at_log() as look:
            [[last]] = await look(log.LAST)
        return dict.fromkeys(tenants, int(last))

    def by_home(self, tenants: Iterable[UUID]) -> list[list[UUID]]:
        """These tenants, those together that live in one database."""
        found = [*tenants]
        return [found] if found else []

    def report_commits(self, to: Callable[[UUID], None] | None) -> None:
        """From now on call this with the tenant of each transaction that has a place in the log; with None nothing."""
        self.on_commit = to

    @contextlib.asynccontextmanager
    async def look_at_log(self) -> AsyncIterator[log.Look]:
        """Run statements for nobody's sake, each in a transaction of its own. Raises ``Unavailable``."""
        try:
            async with self._reading.acquire(timeout=self.acquire_timeout) as connection:
                yield log.Look(connection, self._sessions[0].opening)
        except Exception as error:
            failure = not_connected(error)
            if failure is None:
                raise
            raise failure from error

    async def open_log(self, tenant: UUID) -> None:
        """Give a tenant's log a first row, so that a cursor has a place to stand on. Raises as ``transaction`` does."""
        async with self.transaction(tenant, aside=True) as writer:
            writer.place(new_id())

    @contextlib.asynccontextmanager
    async def transaction(
        self, tenant: UUID, *, aside: bool = False, payload: Reader | None = None
    ) -> AsyncIterator[Writer]:
        """A write transaction of a tenant; commits at the end, or rolls back. The only place that commits.
        ``aside``: one that is made and ended while another is open. ``payload`` reads on the transaction's connection
        once it is committed, so that a change that was made can also be told of.

        Raises ``Unavailable`` when the database is away or no connection is free, and ``TenantFrozen``: nothing was done then;
        ``OutcomeUnknown`` when it went away during the commit; and what PostgreSQL says of a statement.
        """
        connections = self._aside if aside else self._lent
        try:
            connection = await connections.borrow(self.acquire_timeout)
        except TimeoutError as error:
            report(TimeoutError(f"no connection became free within {self.acquire_timeout:g} s"))
            raise Overloaded(UNAVAILABLE_MESSAGE) from error
        except Exception as error:
            failure = not_connected(error)
            if failure is None:
                raise
            raise failure from error
        try:
            writer = Writer(connection, tenant, self._sessions[1].opening, spread=self._reading.version == SHARDED)
            try:
                await writer.begin(aside=aside)
                yield writer
                await writer.commit("" if payload is None else payload.opening)
            except OutcomeUnknown:
                writer.discard()
                raise
            except BaseException as error:
                failure = unavailable(error, connection)
                if failure is None:
                    await writer.abandon()
                    raise
                writer.discard()
                raise failure from error
            if writer.placed and self.on_commit is not None:
                self.on_commit(tenant)
            if payload is not None:
                payload.adopt(connection, self._lent)
                connection = None
        finally:
            if connection is not None:
                await connections.pool.release(connection)

    async def look(self) -> Seen:
        """What the database is like now, by one of the connections that read. Raises what asyncpg raises if it can't be
        reached, and ``Unfit`` for a new connection that isn't what it has to be.
        """
        async with self._reading.acquire(timeout=self.acquire_timeout) as connection:
            return await self._sessions[0].look(connection, tables=True)

    async def revision(self) -> str | None:
        """The migration that the database is at, None before the first; raises what asyncpg raises if
        it can't be reached."""
        async with self._reading.acquire(timeout=self.acquire_timeout) as connection:
            await connection.execute(f"BEGIN READ ONLY;{self._sessions[0].opening}")
            try:
                found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
            except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
                found = None
            await connection.execute("ROLLBACK")
            return found


@contextlib.asynccontextmanager
async def administration(target: Target, tenant: UUID | None = None, *, writes: bool = False) -> AsyncIterator[Any]:
    """An asyncpg connection as the owner, in one transaction: for migrations' helpers and the CLI.

    With a tenant it is bound to it; the owner too sees only that tenant's rows (FORCE). ``writes``: raises ``TenantFrozen``
    where that can't be changed now.
    """
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {OWNER}")
            if tenant is not None:
                await connection.execute(set_tenant(tenant))
            if writes:
                await freezing.begin(connection, "")
            yield connection
    finally:
        await connection.close()
