"""The server's life: sockets, database, migrations, demo data, keys, requests, and the way back.

What is checked is checked in the order of its cost, so that a port in use is reported at once.
"""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Callable

import structlog
import uvloop

from app import __version__, logs
from app.asgi import create_app
from app.database import open_database, require_head, serving_database, too_many_connections, upgrade
from app.registry import installed
from app.serving.accepting import serve
from app.serving.listeners import Listeners, address, listeners
from app.serving.supervisor import Supervisor
from app.settings import Settings
from app.signals import cancel_on_sigterm
from core.errors import Unavailable, Unfit
from db.runtime.engine import Target
from services import demo
from services.platform import keys, tenants

log = structlog.get_logger()

KEY_NAME = "serve"
"""The name of the keys that are made at each start in development, in place of those of the last."""

Say = Callable[[str], None]
Made = list[tuple[str, str]]
"""Tenants, and the key that was made for each."""


def run(settings: Settings, say: Say, report: demo.Report, announce: Say) -> None:
    """Serve until SIGINT or SIGTERM. ``say`` tells the steps, ``announce`` the lines that scripts read.

    Raises ``ErpError`` with one sentence for whatever keeps it from serving.
    """
    installed(settings.modules)
    with listeners(settings) as opened, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, opened, say, report, announce))


async def _serve(settings: Settings, opened: Listeners, say: Say, report: demo.Report, announce: Say) -> None:
    logs.configure(settings.log_format)
    log.info(
        "starting",
        version=__version__,
        environment=settings.environment,
        addresses=[address(each) for each in opened],
        workers=settings.workers,
    )
    with cancel_on_sigterm(), logs.WRITER.running(), logs.standard_logging():
        await _live(settings, opened, say, report, announce)
    say("Stopped serving")


async def _live(settings: Settings, opened: Listeners, say: Say, report: demo.Report, announce: Say) -> None:
    say("Starting PostgreSQL" if not settings.database_url else "Connecting to PostgreSQL")
    async with open_database(settings) as target:
        made = await _prepare(settings, target, say, report)
        if reason := await too_many_connections(settings, target):
            log.warning("too few connections", reason=reason)

        def ready() -> None:
            announce(_lines(opened, settings, made))

        if settings.workers > 1:
            await _supervise(Supervisor(settings, target, dict(made), opened), ready)
        else:
            await _serve_alone(settings, target, made, opened, ready)


async def _supervise(supervisor: Supervisor, ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop, number)
    # A terminal that is closed ends the server, as it does any program.
    closed = os.isatty(sys.stderr.fileno())
    loop.add_signal_handler(signal.SIGHUP, *((supervisor.stop, signal.SIGHUP) if closed else (supervisor.reload,)))
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
        await serve(create_app(settings, database, dict(made)), settings, opened, ready)
    finally:
        await database.close()


async def _prepare(settings: Settings, target: Target, say: Say, report: demo.Report) -> Made:
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
