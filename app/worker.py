"""The worker: all that is done beside requests, for all databases: ``erpgraph worker``. Upkeep is one process's at a time, and so is
each webhook, and each tenant for each broker; any number of workers may run (docs/decisions/0057-the-worker.md, 0056-webhooks.md,
0061-the-relay.md).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import fields
from functools import cache, partial

import structlog

from app import __version__, logs
from app.database import open_migrated, serving_database
from app.databases import MAIN, others
from app.registry import Graph, build
from app.relay import sinks
from app.relay.outlet import Outlet
from app.relay.reading import Reading
from app.relay.relay import Relay
from app.relay.sinks import Sink, kinds
from app.settings import Settings
from app.signals import cancel_on_signals
from app.throttling.budgets import Budgets
from app.upkeep import Keeper
from app.webhooks import reading as webhooks
from app.webhooks.dispatcher import Dispatcher
from app.webhooks.posting import Posting, has_keys
from core.errors import Unavailable, Unfit
from db.runtime.engine import Database, Target
from execution import Documents, Limits

log = structlog.get_logger()

Duty = Keeper | Dispatcher | Relay


async def run(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM. Raises ``ErpError`` with one sentence for whatever keeps it from working."""
    logs.configure(settings.log_format, settings.log_level)
    with cancel_on_signals(), logs.WRITER.running(), logs.standard_logging():
        async with (
            open_migrated(settings) as target,
            _duties(settings, target) as duties,
            _figures(settings, duties),
        ):
            log.info("working", version=__version__, webhooks=_sends(settings), relay=[*kinds(settings.relay)])
            try:
                await _do(duties)
            finally:
                log.info("stopping")


@contextlib.asynccontextmanager
async def beside(settings: Settings, target: Target) -> AsyncIterator[None]:
    """In here the work is done, as a task: what ``erpgraph serve`` does in development, where nobody starts a worker."""
    working = asyncio.create_task(_work(settings, target))
    try:
        yield
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _work(settings: Settings, target: Target) -> None:
    async with _duties(settings, target) as duties:
        await _do(duties)


@contextlib.asynccontextmanager
async def _duties(settings: Settings, target: Target) -> AsyncIterator[list[Duty]]:
    targets = {MAIN: target, **others(settings)}
    duties: list[Duty] = [Keeper(targets, settings.feed_days)]
    graph = cache(partial(build, settings.modules))
    async with contextlib.AsyncExitStack() as stack:
        if _sends(settings):
            duties.append(await stack.enter_async_context(dispatching(settings, targets, graph)))
        if settings.relay:
            duties.append(await stack.enter_async_context(relaying(settings, targets, graph)))
        yield duties


@contextlib.asynccontextmanager
async def _figures(settings: Settings, duties: list[Duty]) -> AsyncIterator[None]:
    """In here the relay's figures can be read, where a port is set for them. Beside a server it is the server's."""
    outlets = [outlet for each in duties if isinstance(each, Relay) for outlet in each.outlets]
    if not (settings.metrics_port and outlets):
        yield
        return
    # A server has a worker in development, and is up sooner without them.
    from app.relay.figures import Figures  # noqa: PLC0415
    from app.telemetry.exposition import exposing  # noqa: PLC0415

    async with exposing([Figures(outlets)], settings.metrics_host, settings.metrics_port):
        yield


async def _do(duties: list[Duty]) -> None:
    async with asyncio.TaskGroup() as group:
        for each in duties:
            group.create_task(each.run())


def _sends(settings: Settings) -> bool:
    return has_keys(settings) and "webhooks" in settings.modules


@contextlib.asynccontextmanager
async def dispatching(
    settings: Settings, targets: Mapping[str, Target], graph: Callable[[], Graph]
) -> AsyncIterator[Dispatcher]:
    """What sends webhooks, with its own way to the databases, by the rights of the serving role. Raises ``Unavailable``.

    ``graph``: it takes a second to make, so that waits for the first webhook whose turn it is.
    """
    async with _opened(settings, targets) as database:
        made = partial(_posting, settings, database, graph)
        yield Dispatcher(targets, database, made, Budgets(database, settings))


@contextlib.asynccontextmanager
async def relaying(
    settings: Settings, targets: Mapping[str, Target], graph: Callable[[], Graph]
) -> AsyncIterator[Relay]:
    """What tells brokers, as ``dispatching`` sends webhooks. Raises ``Unavailable``."""
    async with _opened(settings, targets) as database:

        def outlet(sink: Sink) -> Outlet:
            return Outlet(sink, database, lambda: Reading(graph(), database, sink.name))

        yield Relay(targets, [outlet(each) for each in sinks.made(settings.relay)])


@contextlib.asynccontextmanager
async def _opened(settings: Settings, targets: Mapping[str, Target]) -> AsyncIterator[Database]:
    database = serving_database(settings, targets[MAIN])
    try:
        await database.open()
    except Unfit as error:
        raise Unavailable(error.reason) from error
    try:
        yield database
    finally:
        await database.close()


def _posting(settings: Settings, database: Database, made: Callable[[], Graph]) -> Posting:
    graph = made()
    limits = Limits(**{each.name: getattr(settings, f"limit_{each.name}") for each in fields(Limits)})
    documents = Documents(graph.graphql_schema, limits=limits)
    return Posting(database, webhooks.Reading(graph, documents, settings, database), settings)
