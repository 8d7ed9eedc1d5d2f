"""A site that tells others what happens: two workers tell a broker and a receiver of webhooks, and a client follows the feed.

What befalls them, and the database under them, must cost them nothing but time (docs/decisions/0042-the-log-of-commits.md).
"""

import asyncio
import contextlib
import random
import signal
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote
from uuid import UUID

from app.relay.messages import RESYNC
from app.relay.sinks import nats as jetstream
from core import ids
from db.tenancy import APP
from tests.chaos import faults, heard
from tests.chaos.faults import Fault
from tests.chaos.follower import Follower, Receiving
from tests.chaos.proxy import Proxy
from tests.chaos.server import ROOT, STARTS_WITHIN, Server
from tests.chaos.site import DATABASE, Site, Tenant, Wrong
from tests.support.brokers import Nats
from tests.support.command import environment
from tests.support.graph import RECEIVING

SOON = 60.0
"""Seconds after a run within which everybody has heard all."""

LATER = """
    WITH relayed AS (
        UPDATE relay_cursors SET leased_until = now() - interval '1 second' WHERE tenant_id = $1 AND worker IS NOT NULL
    ), turns AS (
        UPDATE webhook_turns SET leased_until = now() - interval '1 second', due_at = now() WHERE tenant_id = $1
    )
    UPDATE webhook_deliveries SET next_attempt_at = now()
    WHERE tenant_id = $1 AND status = 'WAITING' AND next_attempt_at IS NOT NULL
"""
"""Half an hour later for one tenant: what was leased is nobody's, also where somebody is at it, and what waits to be tried again is tried. Not
for those of former runs: after a hundred runs all of theirs were due each second, and a run's own events were late.
"""


class Wire(Proxy):
    """The same between the workers and a broker: what counts as a COMMIT is a message."""

    def __init__(self, port: int) -> None:
        super().__init__(Path(), "")
        self.port, self._target = 0, port
        self.commit = b"HPUB "

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _reach(self) -> tuple[StreamReader, StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._target)


class Worker(Server):
    """``erpgraph worker``."""

    async def start(self) -> None:
        """It is there when it says that it works."""
        begun = self._begun()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app.cli", "worker"),
                cwd=ROOT,
                env=environment(ENVIRONMENT="production", **self._settings) | self.beside,
                stderr=log,
            )
        async with asyncio.timeout(STARTS_WITHIN):
            while self._begun() == begun:
                assert self._process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.02)

    def _begun(self) -> int:
        return self.log.read_text().count(" working ") if self.log.exists() else 0


class Telling(Site):
    """A site of two servers and two workers, a broker, a receiver, and for each run a client that follows."""

    workers: Sequence[Worker] = ()
    came_back = 0
    """How often clients that follow had to come back."""
    repeated = 0
    """How many deliveries of webhooks came more than once."""
    whose: Tenant
    """Whose run it is."""
    hurries = True
    """Whether what waits is made to wait no longer, after each run."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        kept = self.folder / "nats"
        kept.mkdir()
        self.broker = Nats(kept)
        await self.broker.start()
        self.wire = Wire(self.broker.port)
        await self.wire.start()
        self.receiver = Receiving()
        await self.receiver.start()
        given = {"DATABASE_URL": self.direct.admin, "APP_DATABASE_URL": self._serving, **self._settings()}
        given |= {"RELAY": f"nats://127.0.0.1:{self.wire.port}", "LOG_FORMAT": "text"}
        self.workers = [Worker("", "", self.folder / f"worker-{number}.log", **given) for number in range(2)]
        await asyncio.gather(*(each.start() for each in self.workers))
        return self

    async def _begin(self, proxy: Path) -> Sequence[Server]:
        self._serving = f"postgresql://{APP}@/{DATABASE}?host={quote(str(proxy))}&port=5432"
        logs = [self.folder / f"server-{number}.log" for number in range(self._count)]
        return [Server(self.direct.admin, self._serving, log, **self._settings()) for log in logs]

    def _settings(self) -> dict[str, str]:
        return {name.upper(): value for name, value in RECEIVING.items()}

    async def __aexit__(self, *given: object) -> None:
        for each in self.workers:
            each.signal(signal.SIGCONT)
            each.kill()
        await self.receiver.stop()
        await self.wire.stop()
        self.broker.kill()
        await super().__aexit__(*given)

    @property
    def processes(self) -> int:
        return len(self.servers) + len(self.workers)

    def faults(self) -> list[str]:
        return [*super().faults(), *(line for each in self.workers for line in each.faults())]

    def __str__(self) -> str:
        return (
            f"{self.came_back} times a subscriber came back, {self.repeated} deliveries came again,"
            f" {self.wire.was_cut} acknowledgements were lost"
        )

    async def later(self) -> None:
        """Let half an hour pass for all that waits of this run's."""
        async with self.admin() as connection:
            await connection.execute(LATER, self.whose.id)

    @contextlib.asynccontextmanager
    async def heard(self, tenant: Tenant) -> AsyncIterator[Wrong]:
        self.whose = tenant
        self.receiver.begin(tenant)
        self.hurries, self.clock_was_set = True, False
        began = await self.receiver.ordered(self, tenant)
        follower = Follower(self, tenant)
        async with follower.following():

            async def unheard() -> list[str]:
                wrong: list[str] = []
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SOON):
                        while wrong := await self._unheard(tenant, began, follower):
                            await asyncio.sleep(1)
                            if self.hurries:
                                await self.later()
                self.came_back += follower.came_back
                self.repeated += self.receiver.repeated(tenant)
                return [*wrong, *follower.wrong]

            yield unheard

    async def _unheard(self, tenant: Tenant, began: UUID, follower: Follower) -> list[str]:
        """What those that are told have not heard by now, or not as it was."""
        relayed = await self.broker.kept_of(ids.encode("ten", tenant.id))
        posted, followed = self.receiver.told(tenant), [*follower.told]
        async with self.admin() as connection:
            log = await heard.logged(connection, tenant.id)
            wrong = await heard.unlogged(connection, tenant.id)
            places = {
                row[0]: row[1]
                for row in await connection.fetch("SELECT id, seq FROM commits WHERE tenant_id = $1", tenant.id)
            }
        since = [each for each in log if each.seq > places[began]]
        behind = [each for each in log if each.seq > places[follower.began]]
        # It may have been told nothing yet.
        types, rest = [each.attributes["type"] for each in relayed], relayed[1:]
        if types[:1] != [RESYNC] or RESYNC in types[1:]:
            wrong.append("the broker's messages don't begin, once, with the word that they begin")
        if len({each.attributes["id"] for each in relayed}) < len(relayed):
            wrong.append("the broker keeps a message twice")
        told = [heard.Told(each.data["id"], each.data["subjectId"], each.attributes["id"]) for each in rest]
        wrong += heard.unheard("the broker", log, told)
        wrong += heard.unheard("the receiver", since, posted)
        wrong += heard.unheard("the subscriber", behind, followed)
        return wrong


def telling(site: Site) -> Telling:
    assert isinstance(site, Telling)
    return site


# ---------------------------------------------------------------- what befalls them


async def kill_a_worker(site: Site, chance: random.Random) -> None:
    """``kill -9``, wherever it is between reading, sending and noting what it sent."""
    hurt = telling(site)
    for _ in range(chance.randint(1, 2)):
        worker = chance.choice(hurt.workers)
        worker.kill()
        await asyncio.sleep(chance.uniform(0, 0.3))
        await hurt.later()
        await worker.restart()


async def freeze_a_worker(site: Site, chance: random.Random) -> None:
    """It stands still for so long that others have all that it had, and then goes on with what it was at."""
    hurt = telling(site)
    worker = chance.choice(hurt.workers)
    worker.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(chance.uniform(0, 0.2))
        await hurt.later()
        await asyncio.sleep(chance.uniform(0.5, 1.5))
    finally:
        worker.signal(signal.SIGCONT)


async def freeze_a_worker_for_a_minute(site: Site, chance: random.Random) -> None:
    """The same by the time that it takes: its leases end, and others have what it had, when they do by themselves."""
    hurt = telling(site)
    hurt.hurries = False
    worker = chance.choice(hurt.workers)
    worker.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(60)
    finally:
        worker.signal(signal.SIGCONT)


async def kill_the_broker(site: Site, chance: random.Random) -> None:
    hurt = telling(site)
    hurt.broker.kill()
    await asyncio.sleep(chance.uniform(0, 0.5))
    await hurt.broker.start()


async def freeze_the_broker(site: Site, chance: random.Random) -> None:
    hurt = telling(site)
    hurt.broker.pause()
    try:
        await asyncio.sleep(chance.uniform(0.1, 1.0))
    finally:
        hurt.broker.go_on()


async def fill_the_broker(site: Site, chance: random.Random) -> None:
    """It takes nothing more, as where its disk is full."""
    hurt = telling(site)
    async with hurt.broker.client() as client:
        stream = client.jetstream()
        config = (await stream.stream_info(jetstream.STREAM)).config
        await stream.update_stream(config.evolve(max_bytes=1, discard="new"))
        await asyncio.sleep(chance.uniform(0.3, 1.0))
        await stream.update_stream(config)


async def cut_the_brokers_connections(site: Site, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        telling(site).wire.reset()
        await asyncio.sleep(chance.uniform(0, 0.6))


async def cut_in_the_middle_of_what_the_broker_hears(site: Site, chance: random.Random) -> None:
    wire = telling(site).wire
    for _ in range(chance.randint(2, 4)):
        wire.left = chance.randint(1, 4_000)
        await asyncio.sleep(chance.uniform(0.1, 0.6))
    wire.left = None


async def lose_acknowledgements(site: Site, chance: random.Random) -> None:
    """The broker has it, and nobody is told so."""
    wire = telling(site).wire
    for _ in range(chance.randint(1, 3)):
        wire.cuts = chance.randint(1, 3)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while wire.cuts:  # noqa: ASYNC110 - workers tell when they do
                    await asyncio.sleep(0.01)
        wire.cuts = 0


async def refuse_at_the_receiver(site: Site, chance: random.Random) -> None:
    """It takes some and refuses others, and then does neither for a moment."""
    receiver = telling(site).receiver
    receiver.refuses = lambda: chance.random() < 0.5
    await asyncio.sleep(chance.uniform(0.3, 1.0))
    receiver.hangs = chance.uniform(0.2, 0.8)
    await asyncio.sleep(receiver.hangs)
    receiver.hangs, receiver.refuses = 0.0, lambda: False


async def stop_postgres_again_and_again(site: Site, chance: random.Random) -> None:
    for _ in range(chance.randint(2, 5)):
        await faults.stop_postgres_at_once(site, chance)
        await asyncio.sleep(chance.uniform(0.2, 0.8))


FAULTS: tuple[Fault, ...] = (
    kill_a_worker,
    freeze_a_worker,
    kill_the_broker,
    freeze_the_broker,
    fill_the_broker,
    cut_the_brokers_connections,
    cut_in_the_middle_of_what_the_broker_hears,
    lose_acknowledgements,
    refuse_at_the_receiver,
    stop_postgres_again_and_again,
    faults.kill_a_server,
    faults.kill_a_backend,
    faults.terminate_the_backends,
    faults.cut_after_commit,
    faults.cut_in_the_middle_of_a_message,
    faults.forget_the_connections,
    faults.hold_the_network,
)
"""Those of workers, brokers and receivers, and those of the site that those who tell and those who follow may notice."""
