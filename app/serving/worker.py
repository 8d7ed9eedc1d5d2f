"""One of several processes that serve: ``python -m app.serving.worker``, started by ``app.serving.supervisor``.

Over its standard input it gets its ``Orders`` in a line, later a word for each thing to do; its end is the supervisor's, and
the worker leaves then, too. Over its standard output it reports a beat of its loop each second, and what it is about.
"""

import asyncio
import contextlib
import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

import asyncpg
import orjson
import structlog
import uvicorn
import uvloop

from app import logs
from app.asgi import create_app
from app.database import require_head, serving_database
from app.leaving import LEAVING
from app.serving import accepting
from app.serving.balance import Acceptor, Shares
from app.settings import load
from core.errors import ErpError
from db.runtime.engine import Target

log = structlog.get_logger()

IN, OUT = 0, 1

READY, BEAT, RETIRING = b"ready", b"beat", b"retiring"
"""What a worker says: that it serves, that its loop turns, and that it takes no more connections."""

DRAIN, RETIRE = b"drain", b"retire"
"""What it is told: that the whole server is about to leave, and that it is to take no more connections and end."""

LINGER = 1.0
"""Seconds beyond uvicorn's timeout for idle connections in which a worker that retires waits for its clients to leave."""


class Orders(NamedTuple):
    """What a worker works with. ``sockets`` and ``shares`` are descriptors; ``number`` is its place among ``workers``."""

    number: int
    workers: int
    sockets: tuple[int, ...]
    shares: int
    admin: str
    serving: str
    keys: dict[str, str]


class WorkerServer(accepting.Server):
    """Uvicorn on sockets that others serve as well. SIGTERM has it retire."""

    leaves_within = accepting.GRACE + 1.0  # before the supervisor ends it, so that it can say what hangs

    def __init__(self, config: uvicorn.Config, orders: Orders, report: Callable[[bytes], None]) -> None:
        super().__init__(config, lambda: report(READY), 0)
        self._orders = orders
        self._report = report
        self._acceptor: Acceptor | None = None
        self._retiring: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn's own way to accept takes all that it can get."""
        orders = self._orders
        self._acceptor = Acceptor(
            sockets or [],
            Shares(orders.shares, orders.workers),
            orders.number,
            self._protocol,
            lambda: len(self.server_state.connections),
        )
        self._acceptor.start()
        await super().startup([])

    async def on_tick(self, counter: int) -> bool:
        if self._acceptor is not None:
            self._acceptor.publish()
        if counter % 10 == 0:
            self._report(BEAT)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second signal doesn't wait for clients to leave."""
        if sig == signal.SIGTERM and self.started and self._retiring is None:
            self._loop.call_soon_threadsafe(self.retire)
        else:
            super().handle_exit(sig, frame)

    def drain(self) -> None:
        """The whole server leaves: it isn't ready any more, and answers on."""
        app: Any = self.config.app
        app.state.draining = True
        self.ask_to_leave()

    def retire(self) -> None:
        """Take no more connections, and end when those that are open have ended."""
        if self._retiring is None:
            self._retiring = asyncio.create_task(self._retire())

    async def _retire(self) -> None:
        self._report(RETIRING)
        if self._acceptor is not None:
            self._acceptor.stop()
        self.ask_to_leave()
        with contextlib.suppress(TimeoutError):
            # Connections that are idle may be about to be used: uvicorn would close them under the next request.
            async with asyncio.timeout(self.config.timeout_keep_alive + LINGER):
                while self._acceptor is not None and self._acceptor.connections:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.02)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._acceptor is not None:
            self._acceptor.stop()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # uvicorn's own call
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _say(word: bytes) -> None:
    """Tell the supervisor. One that doesn't listen isn't waited for."""
    with contextlib.suppress(BlockingIOError, BrokenPipeError):
        os.write(OUT, word + b"\n")


async def _obey(server: WorkerServer, words: asyncio.StreamReader) -> None:
    """Do what the supervisor says, and retire when it is gone."""
    while word := (await words.readline()).strip():
        if word == DRAIN:
            server.drain()
        elif word == RETIRE:
            server.retire()
    server.retire()


async def _work() -> None:
    words = asyncio.StreamReader()
    pipe = os.fdopen(os.dup(IN), "rb", 0)
    hearing, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), pipe)
    try:
        await _serve(Orders(**orjson.loads(await words.readline())), words)
    finally:
        hearing.close()


async def _serve(orders: Orders, words: asyncio.StreamReader) -> None:
    settings = load()
    listeners = [socket.socket(fileno=each) for each in orders.sockets]
    target = Target(orders.admin, orders.serving)
    await require_head(target)
    database = serving_database(settings, target)
    try:
        await database.open()
        app = create_app(settings, database, orders.keys)
        server = WorkerServer(accepting.configured(app, settings), orders, _say)
        obeying = asyncio.create_task(_obey(server, words))
        async with app.state.telemetry.running(orders.number), app.state.hub.running():
            await accepting.run(server, listeners)
        obeying.cancel()
    finally:
        await database.close()


def main() -> None:
    """Serve until the supervisor, or SIGTERM, says that it is enough. Exit code 1 for what went wrong."""
    # One that hangs is ended by SIGABRT, and shows where it hung.
    faulthandler.enable()
    os.set_blocking(OUT, False)
    logs.configure()
    try:
        with LEAVING.bounded(), logs.WRITER.running(), logs.standard_logging():
            uvloop.run(_work())
    except (ErpError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = getattr(error, "reason", "") or str(error) or type(error).__name__
        log.error("worker can't serve", reason=reason)  # noqa: TRY400 - a sentence, and no traceback
        sys.exit(1)


if __name__ == "__main__":
    main()
