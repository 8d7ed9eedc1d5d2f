"""The server's life: sockets, database, migrations, demo data, keys, requests, and the way back.

What is checked is checked in the order of its cost, so that a port in use is reported at once.
"""

import asyncio
import contextlib
import shlex
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog
import uvloop

from app import __version__, development, leaving, logs, worker
from app.asgi import create_app
from app.database import open_database, require_head, serving_database, too_many_connections
from app.development import Progress, Say
from app.leaving import LEAVING
from app.registry import installed
from app.serving.accepting import serve
from app.serving.listeners import Listeners, address, check_metrics, listeners
from app.serving.supervisor import Supervisor
from app.settings import Settings
from app.signals import cancel_on_signals, on_hangup
from core.errors import Unavailable, Unfit
from db.runtime.engine import Target

log = structlog.get_logger()

Made = list[tuple[str, str]]
"""Tenants, and the key of each."""


def run(settings: Settings, say: Say, progress: Progress, announce: Say) -> None:
    """Serve until SIGINT, SIGTERM, or the terminal is closed. ``say`` reports the steps, ``progress`` how far a long one
    is, ``announce`` the lines that scripts read.

    Raises ``ErpError`` with one sentence for whatever keeps it from serving.
    """
    installed(settings.modules)
    check_metrics(settings)
    with listeners(settings) as opened, LEAVING.bounded(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, opened, say, progress, announce))


async def _serve(settings: Settings, opened: Listeners, say: Say, progress: Progress, announce: Say) -> None:
    logs.configure(settings.log_format, settings.log_level)
    log.info(
        "starting",
        version=__version__,
        environment=settings.environment,
        addresses=[address(each) for each in opened],
        workers=settings.workers,
    )
    with cancel_on_signals(), logs.WRITER.running(), logs.standard_logging():
        await _live(settings, opened, say, progress, announce)
        LEAVING.go_on(leaving.REST_WITHIN, "tasks and threads")
    say("Stopped serving")
    if settings.log_format == "json":  # where nobody says it
        log.info("stopped")


async def _live(settings: Settings, opened: Listeners, say: Say, progress: Progress, announce: Say) -> None:
    say("Starting PostgreSQL" if not settings.database_url else "Connecting to PostgreSQL")
    async with open_database(settings) as target:
        made = await _prepare(settings, target, say, progress)
        if reason := await too_many_connections(settings, target):
            log.warning("too few connections", reason=reason)

        def ready() -> None:
            announce(_lines(opened, settings, made))

        async with _work(settings, target):
            if settings.workers > 1:
                await _supervise(Supervisor(settings, target, dict(made), opened), ready)
            else:
                await _serve_alone(settings, target, made, opened, ready)


def _work(settings: Settings, target: Target) -> AbstractAsyncContextManager[None]:
    """In production a worker of its own does it: servers don't have the administrator's rights there."""
    return contextlib.nullcontext() if settings.environment == "production" else worker.beside(settings, target)


async def _supervise(supervisor: Supervisor, ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop, number)
    on_hangup(lambda: supervisor.stop(signal.SIGHUP), supervisor.reload)
    await supervisor.run(ready)


async def _serve_alone(
    settings: Settings, target: Target, made: Made, opened: Listeners, ready: Callable[[], None]
) -> None:
    database = serving_database(settings, target)
    try:
        await database.open()
    except Unfit as error:
        raise Unavailable(error.reason) from error
    try:
        app = create_app(settings, database, dict(made))
        async with app.state.telemetry.running(), app.state.hub.running():
            await serve(app, settings, opened, ready)
    finally:
        await database.close()


async def _prepare(settings: Settings, target: Target, say: Say, progress: Progress) -> Made:
    """In production a database that is ready, and no keys; in development what makes it so, and a key for two tenants."""
    if settings.environment == "production":
        await require_head(target)
        return []
    return await development.prepare(settings, target, say, progress)


def _lines(opened: Listeners, settings: Settings, made: Made) -> str:
    """One line each, for scripts: ``graph URL``, ``explorer URL``, ``key TENANT KEY``; a socket in the file system is
    ``graph unix:PATH``, and no browser opens it.
    """
    lines = []
    for each in map(address, opened):
        by_http = each.startswith("http")
        lines.append(f"graph {each}/graphql" if by_http else f"graph {each}")
        if by_http and settings.explorer:
            lines.append(f"explorer {each}/graphql")
    return "\n".join([*lines, *(f"key {shlex.quote(tenant)} {key}" for tenant, key in made)])
