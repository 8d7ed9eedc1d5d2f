"""A site to hurt: PostgreSQL, the proxy before it, and servers as processes of their own."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg
import httpx

from db.admin import embedded, migrate
from db.runtime.engine import Target
from db.tenancy import APP
from services.platform import keys, tenants
from tests.chaos.proxy import Proxy
from tests.chaos.server import Server

DATABASE = "chaos"

Wrong = Callable[[], Awaitable[list[str]]]
"""Looks what is wrong."""


@dataclass
class Tenant:
    """A company of one run, with a client that has its key."""

    id: UUID
    key: str


class Site:
    """PostgreSQL with the proxy before it, and servers that share it and are started again when they were killed."""

    reading_url = ""
    """Where queries read, if not there."""
    servers: Sequence[Server]
    clock_was_set = False
    """Whether the database's was, in this run."""

    def __init__(self, folder: Path, servers: int) -> None:
        self.folder = folder
        self._count = servers

    async def __aenter__(self) -> Self:
        self.folder.chmod(0o755)
        self.postgres = embedded.start(self.folder)
        connection = await asyncpg.connect(self.postgres.url("postgres"))
        await connection.execute(
            f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
        )
        await connection.close()
        self.direct = Target.of(self.postgres.url(DATABASE))
        await migrate.upgrade(self.direct)
        beside = self.folder / "proxy"
        beside.mkdir(mode=0o755)
        self.proxy = Proxy(beside, self.postgres.socket)
        await self.proxy.start()
        self.servers = await self._begin(beside)
        await asyncio.gather(*(server.start() for server in self.servers))
        return self

    async def _begin(self, proxy: Path) -> Sequence[Server]:
        """The servers, to be started, which reach PostgreSQL by the proxy in this folder."""
        serving = f"postgresql://{APP}@/{DATABASE}?host={quote(str(proxy))}&port=5432"
        logs = [self.folder / f"server-{number}.log" for number in range(self._count)]
        return [Server(self.direct.admin, serving, log) for log in logs]

    async def __aexit__(self, *_: object) -> None:
        for server in self.servers:
            server.kill()
        await self.proxy.stop()
        self.postgres.stop()

    @property
    def url(self) -> str:
        return self.servers[0].url

    @property
    def processes(self) -> int:
        """How many have connections to the database."""
        return len(self.servers)

    def faults(self) -> list[str]:
        """What the servers met that they have no answer for."""
        return [line for server in self.servers for line in server.faults()]

    # ---------------------------------------------------------------- PostgreSQL

    def _postmaster(self) -> int:
        return int((self.postgres.data / "postmaster.pid").read_text().split()[0])

    def _family(self) -> list[int]:
        """The processes of PostgreSQL, the first one first."""
        parent = self._postmaster()
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]

    def stop_postgres(self) -> None:
        """Stop at once, as after a power cut: what was committed is in the log, and nothing else is."""
        os.kill(self._postmaster(), signal.SIGQUIT)

    async def stopped(self) -> None:
        """Wait until nobody serves any more: a backend may answer for a moment after the word to stop."""
        gone = self.postgres.data / "postmaster.pid"
        for _ in range(500):
            if not gone.exists():
                break
            await asyncio.sleep(0.01)

    async def start_postgres(self) -> None:
        await self.stopped()
        await asyncio.to_thread(embedded._launch, self.postgres.data, self.postgres._programs, self.postgres._uid)

    def signal_postgres(self, number: signal.Signals) -> None:
        for pid in self._family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def terminate_backends(self) -> None:
        async with self.admin() as connection:
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", APP)

    async def kill_a_backend(self) -> None:
        """``kill -9`` one of the application's: PostgreSQL takes its memory for spoilt, ends all the others,
        and recovers as after a crash. Returns when it serves again.
        """
        async with self.admin() as connection:
            pid = await connection.fetchval("SELECT pid FROM pg_stat_activity WHERE usename = $1 LIMIT 1", APP)
            if pid is None:
                return
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(10):
                while not connection.is_closed():  # noqa: ASYNC110 - asyncpg has no event for it
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            while not await self._answers():  # noqa: ASYNC110 - nor has PostgreSQL one
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            async with self.admin():
                return True
        except (OSError, asyncpg.PostgresError):
            return False

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        """A connection past the proxy, as the administrator, whom row-level security doesn't bind."""
        connection = await asyncpg.connect(self.direct.admin, timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    # ---------------------------------------------------------------- clients

    async def tenant(self) -> Tenant:
        identity = await tenants.create(self.direct, f"run-{uuid4().hex}", "EUR")
        return Tenant(identity, await keys.create(self.direct, identity, "chaos", roles=("admin",)))

    def client(self, tenant: Tenant) -> httpx.AsyncClient:
        return httpx.AsyncClient(headers={"Authorization": f"Bearer {tenant.key}"}, timeout=8)

    @contextlib.asynccontextmanager
    async def heard(self, tenant: Tenant) -> AsyncIterator[Wrong]:  # noqa: ARG002 - for sites that tell others
        """In here others are told what happens in a tenant. What is yielded says in the end what was wrong with that."""
        yield _nothing


async def _nothing() -> list[str]:
    return []


@contextlib.asynccontextmanager
async def site(servers: int = 1, kind: type[Site] = Site) -> AsyncIterator[Site]:
    """A site in a folder of its own, which is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="erpgraph-chaos-"))
    try:
        async with kind(folder, servers) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
