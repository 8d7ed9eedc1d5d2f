"""A site to hurt: PostgreSQL, the proxy, and the server as a process of its own."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg
import httpx

from db import embedded, migrate
from db.engine import Target
from db.tenancy import APP
from services import keys, tenants
from tests.chaos.proxy import Proxy

ROOT = Path(__file__).parents[2]
DATABASE = "chaos"


@dataclass
class Tenant:
    """A company of one run, with a client that has its key."""

    id: UUID
    key: str


class Site:
    """PostgreSQL with the proxy before it, and one server that is started again when it was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.restarts = 0
        self._process: Any = None

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
        self.proxied = f"postgresql://{APP}@/{DATABASE}?host={quote(str(beside))}&port=5432"
        await self.serve()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        await self.proxy.stop()
        self.postgres.stop()

    # ---------------------------------------------------------------- the server

    async def serve(self) -> None:
        """Start the server; it is there when it has told its port."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = await self._start(log)
        self.port = int(await asyncio.wait_for(self._process.stdout.readline(), 30))

    async def _start(self, log: IO[bytes]) -> Any:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.server",
            self.direct.admin,
            self.proxied,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )

    def logged_faults(self) -> int:
        """How often the server met something that it has no answer for."""
        log = self.folder / "server.log"
        return log.read_text(errors="replace").count("fault") if log.exists() else 0

    def kill(self) -> None:
        """``kill -9``: no farewell."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def restart(self) -> None:
        self.kill()
        await self._process.wait()
        self.restarts += 1
        await self.serve()

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

    async def start_postgres(self) -> None:
        gone = self.postgres.data / "postmaster.pid"
        for _ in range(500):
            if not gone.exists():
                break
            await asyncio.sleep(0.01)
        await asyncio.to_thread(embedded._launch, self.postgres.data, self.postgres._programs, self.postgres._uid)

    def signal_postgres(self, number: signal.Signals) -> None:
        for pid in self._family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def terminate_backends(self) -> None:
        async with self.admin() as connection:
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", APP)

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(self.direct.admin, timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    # ---------------------------------------------------------------- clients

    async def tenant(self) -> Tenant:
        identity = await tenants.create(self.direct, f"run-{uuid4().hex}", "EUR")
        return Tenant(identity, await keys.create(self.direct, identity, "chaos"))

    def client(self, tenant: Tenant) -> httpx.AsyncClient:
        return httpx.AsyncClient(headers={"Authorization": f"Bearer {tenant.key}"}, timeout=8)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """A site in a folder of its own, which is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="erpgraph-chaos-"))
    try:
        async with Site(folder) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
