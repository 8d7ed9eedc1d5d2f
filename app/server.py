"""The server's life: port, database, migrations, demo data, keys, requests, and the way back.

What is checked is checked in the order of its cost, so that a port in use is reported at once.
"""

import asyncio
import errno
import os
import shlex
import signal
import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from app import __version__, logs
from app.asgi import create_app, settle_memory
from app.database import open_database, require_head, upgrade
from app.http.protocol import BoundedHttpProtocol
from app.registry import installed
from app.settings import Settings
from app.signals import cancel_on_sigterm
from core.errors import BadInput, Unavailable, Unfit
from db.runtime.engine import Database, Target
from services import demo
from services.platform import keys, tenants

log = structlog.get_logger()

GRACE = 10
"""Seconds that requests in flight get to end after SIGTERM; none lasts longer than its statements may."""

KEY_NAME = "serve"
"""The name of the keys that are made at each start in development, in place of those of the last."""

Say = Callable[[str], None]


class Descriptors:
    """Tells the log when there are no file descriptors left, at most once in ``EVERY`` seconds."""

    EVERY = 10.0

    def __init__(self) -> None:
        self._told = float("-inf")

    def check(self) -> None:
        """Look whether there is one more."""
        try:
            os.close(os.dup(0))
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE} and monotonic() - self._told >= self.EVERY:
                self._told = monotonic()
                log.warning("no file descriptors left: clients are turned away", reason=error.strerror)


class _Server(uvicorn.Server):
    """Uvicorn that tells when it accepts requests, and serves on for ``drain`` seconds after SIGTERM."""

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
        if sig == signal.SIGTERM and self._drain and self.started and not app.state.draining:
            app.state.draining = True
            self._loop.call_soon_threadsafe(self._start_drain)
        else:
            super().handle_exit(sig, frame)

    def _start_drain(self) -> None:
        """Not ready any more: each answer carries ``Connection: close``, so that clients reconnect elsewhere."""
        self.config.encoded_headers.append((b"connection", b"close"))
        self._loop.call_later(self._drain, setattr, self, "should_exit", True)


def run(settings: Settings, say: Say, report: demo.Report, announce: Say) -> None:
    """Serve until SIGINT or SIGTERM. ``say`` tells the steps, ``announce`` the lines that scripts read.

    Raises ``ErpError`` with one sentence for whatever keeps it from serving.
    """
    installed(settings.modules)
    with bind(settings.host, settings.port) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener, say, report, announce))


def bind(host: str, port: int) -> socket.socket:
    """A socket on that address. Raises ``BadInput`` when the address can't be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"Port {port} of {host} can't be used ({getattr(error, 'strerror', '') or error}). "
            f"Choose another: PORT={port + 1 if port < 65_535 else 8000}."
        ) from error
    return listener


async def _serve(settings: Settings, listener: socket.socket, say: Say, report: demo.Report, announce: Say) -> None:
    logs.configure()
    host, port = listener.getsockname()[:2]
    log.info("starting", version=__version__, environment=settings.environment, host=host, port=port)
    with cancel_on_sigterm(), logs.WRITER.running():
        await _live(settings, listener, say, report, announce)
    say("Stopped serving")


async def _live(settings: Settings, listener: socket.socket, say: Say, report: demo.Report, announce: Say) -> None:
    say("Starting PostgreSQL" if not settings.database_url else "Connecting to PostgreSQL")
    async with open_database(settings) as target:
        made = await _prepare(settings, target, say, report)
        database = Database(target, size=settings.pool_size, pooler=settings.pooler)
        try:
            await database.open()
        except Unfit as error:
            raise Unavailable(error.reason) from error
        try:
            app = create_app(settings, database, dict(made))
            await _accept(app, settings, listener, lambda: announce(_lines(listener, settings, made)))
        finally:
            await database.close()


async def _prepare(settings: Settings, target: Target, say: Say, report: demo.Report) -> list[tuple[str, str]]:
    """Tables, and in development demo data where there is nothing, and a key for two tenants."""
    if settings.environment == "production":
        await require_head(target)
        return []
    say("Migrating")
    await upgrade(settings, target)
    if await demo.is_empty(target):
        say("Loading demo data")
        await demo.load(target, demo.Size.SMALL, report)
    oldest = sorted(await tenants.every(target), key=lambda tenant: (tenant.created_at, tenant.name))[:2]
    return [
        (tenant.name, await keys.create(target, tenant.id, KEY_NAME, replace=True))
        for tenant in sorted(oldest, key=lambda tenant: tenant.name)
    ]


def _lines(listener: socket.socket, settings: Settings, made: list[tuple[str, str]]) -> str:
    """One line each, for scripts: ``graph URL``, ``explorer URL``, ``key TENANT KEY``."""
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/graphql"
    explorer = [f"explorer {url}"] if settings.explorer else []
    return "\n".join([f"graph {url}", *explorer, *(f"key {shlex.quote(tenant)} {key}" for tenant, key in made)])


async def _accept(app: FastAPI, settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        log_level=settings.log_level,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    settle_memory()
    server = _Server(config, ready, settings.drain_seconds)

    def leave(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # Uvicorn raises the signals that it caught once more when it is done; from here on they only end it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    # Where there is a manifest: a terminal that is closed ends the server otherwise, as it does any program.
    if settings.trusted_documents:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, app.state.resolver.trusted.reload)
    try:
        await server.serve(sockets=[listener])
    except SystemExit as error:
        raise Unavailable("The server could not start; what is wrong stands in the log above.") from error
    if not server.started:
        raise Unavailable("The server could not start; what is wrong stands in the log above.")
