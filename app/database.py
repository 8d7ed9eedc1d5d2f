"""Where the database is: one's own, or the embedded server, started for as long as it is used."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from app.databases import MAIN, others
from app.leaving import DATABASE_WITHIN, LEAVING
from app.settings import Settings
from core.errors import BadInput, Unavailable
from db.admin import embedded, migrate, numbers
from db.runtime.engine import ASIDE, Database, Target
from db.runtime.spread import Spread
from services.platform import tenants

_TAKEN_FROM_ANYBODY = """
SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END)::int
FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""


@contextlib.asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Target]:
    """The database that the settings name, reachable, but perhaps not migrated.

    Raises ``Unavailable`` with one sentence when it can't be had, and ``BadInput`` in production without one's own.
    """
    if settings.database_url:
        target = Target.of(settings.database_url, settings.app_database_url or None)
        await _reach(settings)
        yield target
        return
    if settings.environment == "production":
        raise BadInput(
            "ERPGRAPH_ENVIRONMENT is production, and ERPGRAPH_DATABASE_URL is empty: set it to your PostgreSQL."
        )
    server = embedded.start(settings.data_dir)
    try:
        LEAVING.last = server.stop
        await embedded.ensure_database(server)
        yield server.target
    finally:
        LEAVING.go_on(DATABASE_WITHIN, "PostgreSQL")
        LEAVING.last = None
        server.stop()


@contextlib.asynccontextmanager
async def open_migrated(settings: Settings) -> AsyncIterator[Target]:
    """As ``open_database``, with the newest tables. The embedded database is brought there; one's own isn't.

    Raises ``Unavailable`` when one's own is at another revision.
    """
    async with open_database(settings) as target:
        if settings.database_url:
            await require_head(target)
        else:
            await upgrade(settings, target)
        yield target


@contextlib.asynccontextmanager
async def open_every(settings: Settings) -> AsyncIterator[dict[str, Target]]:
    """All databases, the first of them first, reachable, but perhaps not migrated. Raises ``Unavailable`` for one that isn't."""
    async with open_database(settings) as target:
        found = {MAIN: target, **others(settings)}
        for name in found:
            await reach(name, found)
        yield found


async def reach(name: str, targets: Mapping[str, Target]) -> Target:
    """A database that answers. Raises ``BadInput`` for an unknown name, and ``Unavailable``."""
    if name not in targets:
        raise BadInput(f"There is no database {name!r}: ERPGRAPH_DATABASES names {', '.join(targets)}.")
    target = targets[name]
    try:
        await (await asyncpg.connect(target.admin, timeout=5)).close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(f"The database {name} ({redacted_url(target.admin)}) can't be reached: {error}") from error
    return target


@contextlib.asynccontextmanager
async def open_home(settings: Settings, tenant: str) -> AsyncIterator[tuple[Target, UUID]]:
    """The database in which the tenant of that name lives, and its id. Raises what ``open_migrated`` raises, and ``BadInput``
    for an unknown tenant.
    """
    async with open_migrated(settings) as main:
        identity = await tenants.find(main, tenant)
        place = await tenants.place(main, identity)
        if place is None:
            yield main, identity
            return
        target = await reach(place, others(settings))
        await require_head(target)
        yield target, identity


async def too_many_connections(settings: Settings, target: Target) -> str:
    """What is wrong where the processes may open more connections than PostgreSQL takes; empty where they fit, or where a
    pooler stands between. Raises what asyncpg raises.
    """
    wanted = settings.workers * connections_of_process(settings)
    if settings.pooler != "none":
        return ""
    connection = await asyncpg.connect(target.serving, timeout=5)
    try:
        taken: int = await connection.fetchval(_TAKEN_FROM_ANYBODY)
    finally:
        await connection.close()
    if wanted <= taken:
        return ""
    fits = (taken // settings.workers - ASIDE) // 2
    advice = f"Set ERPGRAPH_POOL_SIZE to {fits} at most" if fits > 0 else "Have fewer workers"
    return f"{settings.workers} processes may open {wanted} connections, and PostgreSQL takes {taken}. {advice}."


def serving_database(settings: Settings, target: Target) -> Database:
    """One process's way to the database, or to all of them, not yet open. Raises ``BadInput`` as ``others`` does."""
    elsewhere = {
        name: Database(other, settings.pool_size, pooler=settings.pooler) for name, other in others(settings).items()
    }
    return (partial(Spread, others=elsewhere) if elsewhere else Database)(
        target,
        size=settings.pool_size,
        pooler=settings.pooler,
        reading_url=settings.reading_url,
        reading_lag=settings.reading_lag,
    )


def connections_of_process(settings: Settings) -> int:
    """How many connections one serving process opens at most: for queries, for commands, and aside."""
    return 2 * settings.pool_size + ASIDE


async def upgrade(settings: Settings, target: Target) -> None:
    """Migrate to the newest revision. In the embedded database also mark functions leakproof; in one's own look whether the
    log's numbers came along when it was moved.

    Raises ``Unavailable`` for a database that a newer program has migrated.
    """
    if await migrate.current(target) != migrate.head():
        await _refuse_newer(target)
        await migrate.upgrade(target)
    if not settings.database_url:
        # Its server runs for this program alone: there is none of the release before beside it.
        await migrate.finish(target)
        await migrate.mark_leakproof(target)
    else:
        await numbers.go_on(target)


async def require_head(target: Target) -> None:
    """Raise ``Unavailable`` unless the database is at the newest revision."""
    await _refuse_newer(target)
    if await migrate.current(target) != migrate.head():
        raise Unavailable("The database isn't migrated. Run 'erpgraph db upgrade' first.")


async def _refuse_newer(target: Target) -> None:
    current = await migrate.current(target)
    if current is not None and current not in migrate.revisions():
        raise Unavailable(
            f"The database is at revision {current}, which this program doesn't know: a newer one has migrated it."
        )


async def _reach(settings: Settings) -> None:
    """Connect once with each login, so that what is wrong with it is reported at once."""
    for name, url in (("DATABASE_URL", settings.database_url), ("APP_DATABASE_URL", settings.app_database_url)):
        if not url:
            continue
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # What can't be read as a URL may have a part of the password where its host or port should be.
            odd = _unencoded(url)
            reason = odd or str(error) or "no answer within 5 seconds"
            shown = "" if odd else f" ({redacted_url(url)})"
            raise Unavailable(f"The database of ERPGRAPH_{name}{shown} can't be reached: {reason}") from error
        await connection.close()


def _unencoded(url: str) -> str:
    """What to do where the account of a URL has characters that mean something else there; empty where it has none."""
    account = url.partition("://")[2].partition("?")[0].rpartition("@")[0]
    if not any(sign in account for sign in "@#/"):
        return ""
    return "in a URL the characters @, # and / of a password are written %40, %23 and %2F."


def redacted_url(url: str) -> str:
    """A connection URL without its password and its options: fit for a terminal or a log."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return "not a URL"
