"""The site as it is deployed: two workers behind one port, PgBouncer before PostgreSQL, and a standby that queries read from.

The proxy stands between PgBouncer and PostgreSQL, so that the faults of a site befall this one too.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from db.tenancy import APP
from tests.chaos.faults import Fault
from tests.chaos.server import ROOT, STARTS_WITHIN, Server
from tests.chaos.site import DATABASE, Site
from tests.support.command import environment
from tests.support.pgbouncer import PORT, Bouncer
from tests.support.standby import Standby

READY = "worker ready"


class Workers(Server):
    """``erpgraph serve --workers 2``."""

    def __init__(self, log: Path, **settings: str) -> None:
        super().__init__("", "", log, **settings)

    async def start(self) -> None:
        """It is there when both workers are ready."""
        more = {"BUDGET": str(10**12), "BUDGET_RATE": str(10**9), "LIMIT_IN_FLIGHT": "1000"}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app.cli", "serve", "--port", "0", "--workers", "2"),
                cwd=ROOT,
                env=environment(ENVIRONMENT="production", **more, **self._settings),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        line = (await asyncio.wait_for(self._process.stdout.readline(), STARTS_WITHIN)).decode()
        assert line, self.log.read_text()
        self.port = urlsplit(line.split()[1]).port or 0
        await self.ready(2)

    def begun(self) -> int:
        """How many workers have become ready so far."""
        return self.log.read_text().count(READY)

    async def ready(self, count: int) -> None:
        """So many have."""
        async with asyncio.timeout(STARTS_WITHIN):
            while self.begun() < count:
                assert self._process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.02)

    def workers(self) -> list[int]:
        """The processes that serve."""
        pid = self._process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def signal(self, number: signal.Signals, pid: int = 0) -> None:
        """To one of its workers; to the process that looks after them, where none is named."""
        os.kill(pid or self._process.pid, number)

    async def leave(self) -> None:
        """End it with its workers, at the end of all."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(self._process.wait(), 20)
        except TimeoutError:
            self.kill()


class Deployment(Site):
    """One server of two workers. It needs PgBouncer."""

    servers: Sequence[Workers]

    async def _begin(self, proxy: Path) -> Sequence[Workers]:
        host = self.folder / "pool"
        host.mkdir()
        # A pooler that waits for 15 s before it asks a server again that was away would be all that is measured.
        settings = {
            "pool_mode": "transaction",
            "default_pool_size": 30,
            "server_login_retry": 0,
            "ignore_startup_parameters": "",
        }
        owner = self.postgres.data.stat()
        os.chown(proxy, owner.st_uid, owner.st_gid)
        self.pooler = Bouncer(host, str(proxy), 5432, APP, settings)
        await asyncio.to_thread(self.pooler.start)
        self.standby = await asyncio.to_thread(Standby.of, self.postgres, self.folder / "beside", DATABASE)
        self.reading_url = self.standby.url
        serving = f"postgresql://{APP}@/{DATABASE}?host={quote(str(host))}&port={PORT}"
        given = {"DATABASE_URL": self.direct.admin, "APP_DATABASE_URL": serving, "READING_URL": self.reading_url}
        return [Workers(self.folder / "server.log", **given, POOLER="transaction")]

    async def __aexit__(self, *given: object) -> None:
        for server in self.servers:
            await server.leave()
        await asyncio.to_thread(self.standby.stop)
        self.pooler.kill()
        await super().__aexit__(*given)


def deployed(site: Site) -> Deployment:
    assert isinstance(site, Deployment)
    return site


async def kill_a_worker(site: Site, chance: random.Random) -> None:
    [server] = deployed(site).servers
    begun = server.begun()
    server.signal(signal.SIGKILL, chance.choice(server.workers()))
    await server.ready(begun + 1)


async def drain_a_worker(site: Site, chance: random.Random) -> None:
    """It ends when its clients have left it, and another one serves in its place."""
    [server] = deployed(site).servers
    begun = server.begun()
    server.signal(signal.SIGTERM, chance.choice(server.workers()))
    await server.ready(begun + 1)


async def replace_the_workers(site: Site, _chance: random.Random) -> None:
    """Each when its successor is ready, as for new code."""
    [server] = deployed(site).servers
    begun = server.begun()
    server.signal(signal.SIGHUP)
    await server.ready(begun + 2)


async def kill_the_pooler(site: Site, chance: random.Random) -> None:
    hurt = deployed(site)
    hurt.pooler.kill()
    await asyncio.sleep(chance.uniform(0, 0.3))
    await asyncio.to_thread(hurt.pooler.start)


async def kill_the_standby(site: Site, chance: random.Random) -> None:
    await _without_standby(deployed(site), "immediate", chance.uniform(0.1, 0.5))


async def stop_the_standby(site: Site, chance: random.Random) -> None:
    await _without_standby(deployed(site), "fast", chance.uniform(0.1, 0.5))


async def _without_standby(site: Deployment, mode: str, seconds: float) -> None:
    await asyncio.to_thread(site.standby.stop, mode)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(site.standby.launch)


UNNOTICED: tuple[Fault, ...] = (drain_a_worker, replace_the_workers, kill_the_standby, stop_the_standby)
"""Those that no client may notice: not a request of theirs fails."""

FELT: tuple[Fault, ...] = (kill_a_worker, kill_the_pooler)
"""Those that cost what was in flight; nothing is lost or doubled."""
