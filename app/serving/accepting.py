"""Uvicorn as this server runs it: it reports when it accepts requests, and drains before it stops."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable, Sequence
from time import monotonic
from types import FrameType
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from app.asgi import settle_memory
from app.http.protocol import BoundedHttpProtocol
from app.leaving import LEAVING, WITHIN
from app.settings import Settings
from app.signals import on_hangup
from core.errors import Unavailable

log = structlog.get_logger()

GRACE = 10
"""Seconds that requests in flight get to end after SIGTERM; none lasts longer than its statements may."""

SERVING = "streams, requests and connections"
"""What ends first (``app.leaving``)."""

NOT_STARTED = "The server could not start; what is wrong stands in the log above."


class Descriptors:
    """Tells the log when there are no file descriptors left, at most once in ``EVERY`` seconds."""

    EVERY = 10.0

    def __init__(self) -> None:
        self._reported_at = float("-inf")

    def check(self) -> None:
        """Look whether there is one more."""
        try:
            os.close(os.dup(0))
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE} and monotonic() - self._reported_at >= self.EVERY:
                self._reported_at = monotonic()
                log.warning("no file descriptors left: clients are turned away", reason=error.strerror)


class Server(uvicorn.Server):
    """Uvicorn that tells when it accepts requests, and serves on for ``drain`` seconds after SIGTERM."""

    leaves_within = WITHIN
    """Seconds that everything has to end in, once it serves no more."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], drain: float) -> None:
        super().__init__(config)
        self._ready = ready
        self._drain = drain
        self._descriptors = Descriptors()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._loop = asyncio.get_running_loop()
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Every tenth of a second. Once a second it looks whether a client could be let in: libuv takes connections for
        which there is no descriptor and closes them, and says nothing."""
        if counter % 10 == 0:
            self._descriptors.check()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. Who is at a terminal, or asks a second time, doesn't wait for others to notice."""
        app: Any = self.config.app
        if self.started:
            LEAVING.begin(self._drain + self.leaves_within, SERVING, self._loop)
        if sig == signal.SIGTERM and self._drain and self.started and not app.state.draining:
            app.state.draining = True
            self._loop.call_soon_threadsafe(self._start_drain)
        else:
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Subscriptions end first: they would last for as long as anybody waits."""
        app: Any = self.config.app
        LEAVING.begin(self.leaves_within, SERVING, self._loop)
        await app.state.hub.close()
        await super().shutdown(sockets)

    def ask_to_leave(self) -> None:
        """From here on each answer carries ``Connection: close``, so that clients reconnect elsewhere."""
        close = (b"connection", b"close")
        self.config.encoded_headers.append(close)
        self.server_state.default_headers = [*self.server_state.default_headers, close]

    def _start_drain(self) -> None:
        """Not ready any more."""
        self.ask_to_leave()
        self._loop.call_later(self._drain, setattr, self, "should_exit", True)


def configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn is to run the application."""
    return uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        ws="none",  # that protocol hands a WebSocket over by itself
        log_level=settings.log_level,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


async def run(server: uvicorn.Server, listeners: Sequence[socket.socket]) -> None:
    """Serve until the server is told to stop, by a signal or otherwise. Raises ``Unavailable`` where it can't start."""
    settle_memory()

    def leave(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # Uvicorn raises the signals that it caught once more when it is done; from here on they only end it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    try:
        await server.serve(sockets=[*listeners])
    except SystemExit as error:
        raise Unavailable(NOT_STARTED) from error
    if not server.started:
        raise Unavailable(NOT_STARTED)


async def serve(
    app: FastAPI, settings: Settings, listeners: Sequence[socket.socket], ready: Callable[[], None]
) -> None:
    """Serve with this process alone, until SIGINT, SIGTERM, or the terminal is closed. Raises ``Unavailable`` where that can't be."""
    server = Server(configured(app, settings), ready, settings.drain_seconds)
    on_hangup(
        lambda: setattr(server, "should_exit", True),
        app.state.resolver.trusted.reload if settings.trusted_documents else None,
    )
    await run(server, listeners)
