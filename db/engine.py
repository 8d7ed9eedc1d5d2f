"""Connections: a pool of asyncpg connections for reading, SQLAlchemy sessions for writing.

Both serve as the role ``erpgraph_app``, which row-level security binds. Reading goes past
SQLAlchemy's connection layer: the statements are built from its models and compiled by it once,
but each execution through it costs more than PostgreSQL needs to answer (docs/decisions/0002-reading.md).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from core.errors import Unavailable
from db.reader import AWAY, GONE, Reader
from db.tenancy import APP, OWNER, set_tenant


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


class _Pooled(asyncpg.Connection):  # type: ignore[misc]
    """A pooled connection that isn't reset on release: a reader leaves nothing behind but its
    transaction, and that ends with the request. It saves a round trip per request."""

    def get_reset_query(self) -> str:
        return ""


@dataclass
class Database:
    """One process's way to the database."""

    target: Target
    size: int = 10
    acquire_timeout: float = 2.0
    statement_timeout_ms: int = 5_000
    _pool: Any = field(default=None, repr=False)
    _engine: AsyncEngine | None = field(default=None, repr=False)

    async def open(self) -> None:
        """Connect. Raises what asyncpg raises if that can't be done."""
        settings = {**self.target.settings(), "statement_timeout": str(self.statement_timeout_ms)}
        self._pool = await asyncpg.create_pool(
            self.target.serving,
            min_size=1,
            max_size=self.size,
            connection_class=_Pooled,
            server_settings=settings,
            statement_cache_size=512,
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=600,
            timeout=5,
        )

        async def connect() -> Any:
            return await asyncpg.connect(self.target.serving, server_settings=settings, timeout=5)

        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            pool_size=self.size,
            max_overflow=0,
            pool_timeout=self.acquire_timeout,
            pool_pre_ping=False,
        )

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
        if self._pool is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), 5)

    def reader(self, tenant: UUID) -> Reader:
        """A request's reader: one connection and one snapshot, both taken at its first query."""
        return Reader(self._pool, tenant, self.acquire_timeout)

    @contextlib.asynccontextmanager
    async def transaction(self, tenant: UUID) -> AsyncIterator[AsyncSession]:
        """A write transaction of a tenant, READ COMMITTED; commits at the end, or rolls back.

        The only place that commits. ``lock_timeout`` bounds the wait for another writer.
        """
        try:
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                await session.execute(text(set_tenant(tenant)))
                await session.execute(text("SET LOCAL lock_timeout = '4s'"))
                yield session
        except GONE as error:
            raise Unavailable(AWAY) from error

    async def revision(self) -> str | None:
        """The migration that the database is at, None before the first; raises what asyncpg raises if
        it can't be reached."""
        async with self._pool.acquire(timeout=self.acquire_timeout) as connection:
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
