"""The worker: all that is done beside requests, for all databases: ``erpgraph worker``. Upkeep is one process's at a time, and each
webhook is one's; any number of workers may run (docs/decisions/0057-the-worker.md, 0056-webhooks.md).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from functools import partial

import structlog

from app import __version__, logs
from app.database import open_migrated, serving_database
from app.databases import MAIN, others
from app.registry import build
from app.settings import Settings
from app.signals import cancel_on_signals
from app.throttling.budgets import Budgets
from app.upkeep import Keeper
from app.webhooks.dispatcher import Dispatcher
from app.webhooks.posting import Posting, has_keys
from app.webhooks.reading import Reading
from core.errors import Unavailable, Unfit
from db.runtime.engine import Database, Target
from execution import Documents, Limits

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM. Raises ``ErpError`` with one sentence for whatever keeps it from working."""
    logs.configure(settings.log_format, settings.log_level)
    with cancel_on_signals(), logs.WRITER.running(), logs.standard_logging():
        async with open_migrated(settings) as target, _duties(settings, target) as duties:
            log.info("working", version=__version__, webhooks=_sends(settings))
            await _do(duties)


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
async def _duties(settings: Settings, target: Target) -> AsyncIterator[list[Keeper | Dispatcher]]:
    targets = {MAIN: target, **others(settings)}
    keeper = Keeper(targets, settings.feed_days)
    if not _sends(settings):
        yield [keeper]
        return
    async with dispatching(settings, targets) as dispatcher:
        yield [keeper, dispatcher]


async def _do(duties: list[Keeper | Dispatcher]) -> None:
    async with asyncio.TaskGroup() as group:
        for each in duties:
            group.create_task(each.run())


def _sends(settings: Settings) -> bool:
    return has_keys(settings) and "webhooks" in settings.modules


@contextlib.asynccontextmanager
async def dispatching(settings: Settings, targets: Mapping[str, Target]) -> AsyncIterator[Dispatcher]:
    """What sends webhooks, with its own way to the databases, by the rights of the serving role. Raises ``Unavailable``."""
    database = serving_database(settings, targets[MAIN])
    try:
        await database.open()
    except Unfit as error:
        raise Unavailable(error.reason) from error
    try:
        made = partial(_posting, settings, database)
        yield Dispatcher(targets, database, made, Budgets(database, settings))
    finally:
        await database.close()


def _posting(settings: Settings, database: Database) -> Posting:
    """The graph takes a second, so it waits for the first webhook whose turn it is."""
    graph = build(settings.modules)
    limits = Limits(**{each.name: getattr(settings, f"limit_{each.name}") for each in fields(Limits)})
    documents = Documents(graph._schema, limits=limits)  # noqa: SLF001 - Strawberry has no public name for it
    return Posting(database, Reading(graph, documents, settings, database), settings)
