"""What ``erpgraph doctor`` looks at before a start: each finding says what is so, and what to do where it isn't well."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Callable, Collection
from time import time
from typing import Any, Literal, NamedTuple

import asyncpg

from app.asgi import create_app
from app.auth.jwks import UNREADABLE, IssuerKeys
from app.database import open_database, reach, serving_database, too_many_connections
from app.databases import others
from app.relay import sinks
from app.relay.relay import Late, late
from app.relay.sinks import WITHIN, Away, Sink
from app.serving.listeners import check_metrics, listeners
from app.settings import Settings
from core.errors import BadInput, ErpError, Unfit
from db.admin import migrate
from db.runtime.engine import Database, Target
from db.tenancy import APP, BACKUP

OLDEST = 15
"""The oldest major version of PostgreSQL that is tested."""

EXTENSIONS = ("pg_trgm", "btree_gin")

LATE = 300.0
"""Seconds after which a broker should have been told."""

SKEW = 5.0
"""Seconds that the clocks may be apart. Orders are dated by the database, tokens and deadlines go by the server."""


class Finding(NamedTuple):
    """``fail``: the server won't start, or not serve as it should. ``warn``: it serves, and something is worse for it."""

    check: str
    status: Literal["ok", "warn", "fail"]
    text: str
    advice: str = ""


async def examined(settings: Settings) -> AsyncIterator[Finding]:
    """The findings, one by one as they are made. Where the database can't be reached that is the last of it."""
    async for finding in _of_settings(settings):
        yield finding
    try:
        async with open_database(settings) as target:
            async for finding in _of_databases(settings, target):
                yield finding
    except ErpError as error:
        yield Finding("database", "fail", error.message)
    for each in sinks.made(settings.relay):
        yield await _broker(each)


# ---------------------------------------------------------------- of what a start reads besides the database


async def _of_settings(settings: Settings) -> AsyncIterator[Finding]:
    application = _application(settings)
    yield application
    yield _address("address", settings, _listen)
    if settings.metrics_port:
        yield _address("metrics", settings, check_metrics)
    if settings.environment == "production" and not settings.allowed_hosts:
        text = "No name is allowed: requests by a name, such as erp.example, are refused."
        yield Finding("hosts", "warn", text, "Set ERPGRAPH_ALLOWED_HOSTS to the names that clients use.")
    if settings.token_keys and application.status == "ok":
        yield await _tokens(settings)


def _application(settings: Settings) -> Finding:
    """All that a server reads when it starts: its modules, trusted documents, and whose tokens it takes."""
    try:
        create_app(settings, Database(Target.of(settings.database_url)))
    except ErpError as error:
        return Finding("application", "fail", error.message)
    return Finding("application", "ok", "Modules, documents and tokens' settings fit together.")


def _listen(settings: Settings) -> None:
    with listeners(settings):
        pass


def _address(check: str, settings: Settings, listen: Callable[[Settings], None]) -> Finding:
    """Whether a server could listen there. That one does already is as it should be, on a site that is served."""
    try:
        listen(settings)
    except BadInput as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE:
            return Finding(check, "ok", "A program listens there: a server that runs, or systemd for it.")
        return Finding(check, "fail", error.message)
    return Finding(check, "ok", "It is free to listen on.")


async def _tokens(settings: Settings) -> Finding:
    try:
        found = await IssuerKeys(settings.token_keys, settings.token_keys_refresh).fetched()
    except UNREADABLE as error:
        text = f"The keys that tokens are signed with can't be read: {str(error) or type(error).__name__}."
        return Finding("tokens", "fail", text, "Look at ERPGRAPH_TOKEN_KEYS. Without them no token is taken.")
    return Finding("tokens", "ok", f"{len(found)} keys that tokens are signed with are there.")


# ---------------------------------------------------------------- of brokers


async def _broker(sink: Sink) -> Finding:
    check = f"relay {sink.name}"
    try:
        async with asyncio.timeout(WITHIN):
            await sink.open(lambda _: None)
    except (Away, TimeoutError) as error:
        advice = "Look at ERPGRAPH_RELAY. What happens meanwhile stays in the log for ERPGRAPH_FEED_DAYS."
        return Finding(check, "fail", f"The broker isn't there: {error or 'it does not answer'}.", advice)
    finally:
        await sink.close()
    return Finding(check, "ok", "The broker answers.")


async def _relayed(sink: str, targets: Collection[Target]) -> Finding:
    """Whether a broker is told what happens: of some tenants it isn't where it refuses a message of theirs, or where no worker works."""
    check = f"relay {sink} lag"
    waiting: list[Late] = []
    for target in targets:
        with contextlib.suppress(
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError
        ):  # told of by itself
            waiting += await late(target, sink, LATE)
    if not waiting:
        return Finding(check, "ok", "Nothing has waited for long.")
    longest = max(waiting, key=lambda each: each.seconds)
    text = (
        f"Of {len(waiting)} tenants the broker wasn't sent something that happened more than {LATE / 60:g} minutes ago;"
        f" of {longest.tenant} for {longest.seconds / 60:,.0f} minutes."
    )
    return Finding(
        check, "warn", text, "Look whether a worker runs, and in its log, whether the broker refuses a message."
    )


# ---------------------------------------------------------------- of databases


async def _of_databases(settings: Settings, target: Target) -> AsyncIterator[Finding]:
    """Of the first one, of its standby, and of those that tenants live in besides."""
    async for finding in _of_database(settings, target):
        yield finding
    if settings.reading_url:
        yield await _standby(settings.reading_url)
    known = others(settings)
    async for finding in _places(target, known):
        yield finding
    for name, other in known.items():
        async for finding in _of_another(settings, name, other):
            yield finding
    for each in sinks.made(settings.relay):
        if await migrate.current(target) == migrate.head():
            yield await _relayed(each.name, [target, *known.values()])


async def _standby(url: str) -> Finding:
    advice = "Queries read from the primary meanwhile. Look at ERPGRAPH_READING_URL."
    try:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            await connection.execute(f"SET ROLE {APP}")
            replays = await connection.fetchval("SELECT pg_is_in_recovery()")
        finally:
            await connection.close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        text = f"The standby can't be read from: {str(error) or 'no answer within 5 seconds'}."
        return Finding("standby", "warn", text, advice)
    if not replays:
        return Finding("standby", "warn", "The server that queries are to read from is no standby.", advice)
    return Finding("standby", "ok", "The standby can be read from.")


async def _places(target: Target, known: Collection[str]) -> AsyncIterator[Finding]:
    """Databases that tenants live in, and no setting names. Nobody knows in tables that aren't migrated."""
    if await migrate.current(target) != migrate.head():
        return
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        # As the server asks, whose login may be no administrator's.
        await connection.execute(f"SET ROLE {APP}")
        rows = await connection.fetch("SELECT DISTINCT place FROM tenants_elsewhere()")
    finally:
        await connection.close()
    elsewhere = {row["place"] for row in rows}
    for name in sorted(elsewhere.difference(known)):
        yield Finding(name, "fail", f"Tenants live in {name}.", "Name it in the file of ERPGRAPH_DATABASES.")


async def _of_another(settings: Settings, name: str, target: Target) -> AsyncIterator[Finding]:
    """The findings of a database besides the first, by its name."""
    try:
        await reach(name, {name: target})
    except ErpError as error:
        yield Finding(name, "fail", error.message)
        return
    async for found in _of_database(settings.model_copy(update={"databases": "", "reading_url": ""}), target):
        yield found._replace(check=f"{name} {found.check}")


async def _of_database(settings: Settings, target: Target) -> AsyncIterator[Finding]:
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        for check in (_version, _encoding, _clock, _extensions, _leakproof, _backups):
            yield await check(connection)
    finally:
        await connection.close()
    yield await _migrations(target)
    yield await _serving(settings, target)
    try:
        fault = await too_many_connections(settings, target)
        yield Finding("connections", "warn" if fault else "ok", fault or "The pools fit into max_connections.")
    except (asyncpg.PostgresError, OSError) as error:
        yield Finding("connections", "fail", f"The serving login can't connect: {error}.")


async def _version(connection: Any) -> Finding:
    found = connection.get_server_version()
    text = f"PostgreSQL {(await connection.fetchval('SHOW server_version')).split()[0]}."
    if found.major < OLDEST:
        return Finding("version", "fail", text, f"Use {OLDEST} or newer.")
    return Finding("version", "ok", text)


async def _encoding(connection: Any) -> Finding:
    found = await connection.fetchval("SHOW server_encoding")
    if found != "UTF8":
        return Finding("encoding", "fail", f"The database is {found}.", "Create it with ENCODING 'UTF8'.")
    return Finding("encoding", "ok", "The database is UTF8.")


async def _clock(connection: Any) -> Finding:
    before = time()
    there = float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
    apart = max(before - there, there - time(), 0.0)
    if apart > SKEW:
        advice = "Have both machines follow a time server: tokens would end too late or too soon."
        return Finding("clock", "warn", f"The clocks are {apart:.0f} s apart.", advice)
    return Finding("clock", "ok", "The clocks agree.")


async def _extensions(connection: Any) -> Finding:
    there = await connection.fetchval("SELECT array_agg(extname::text) FROM pg_extension") or []
    missing = ", ".join(name for name in EXTENSIONS if name not in there)
    if missing:
        return Finding("extensions", "fail", f"Missing: {missing}.", "'erpgraph db upgrade' creates them.")
    return Finding("extensions", "ok", f"{', '.join(EXTENSIONS)} are there.")


async def _leakproof(connection: Any) -> Finding:
    marked = "SELECT coalesce(proleakproof, false) FROM pg_proc WHERE oid = to_regprocedure('pg_catalog.' || $1)"
    without = [name for name in migrate.LEAKPROOF if not await connection.fetchval(marked, name)]
    if without:
        text = f"{len(without)} functions aren't marked leakproof: searches and ranges of amounts read all of a tenant's rows."
        statements = " ".join(f"ALTER FUNCTION pg_catalog.{name} LEAKPROOF;" for name in without)
        advice = (
            f"docs/decisions/0005-leakproof.md says what that gives up. As a superuser, in this database: {statements}"
        )
        return Finding("leakproof", "warn", text, advice)
    return Finding("leakproof", "ok", "Searches and ranges of amounts may use their indexes.")


async def _backups(connection: Any) -> Finding:
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", BACKUP):
        return Finding("backup role", "warn", f"There is no role {BACKUP}.", "'erpgraph db upgrade' creates it.")
    return Finding("backup role", "ok", f"{BACKUP} is there.")


async def _migrations(target: Target) -> Finding:
    current, head = await migrate.current(target), migrate.head()
    if current != head:
        text = f"The tables are at {current or 'no revision'}, this program knows {head}."
        return Finding("migrations", "fail", text, "Run 'erpgraph db upgrade'.")
    if await migrate.left(target):
        text = f"The tables are at {head}, and still serve the release before: goods can't be tracked by lots yet."
        return Finding("migrations", "warn", text, "When all servers are replaced, run 'erpgraph db finish'.")
    return Finding("migrations", "ok", f"The tables are at {head}.")


async def _serving(settings: Settings, target: Target) -> Finding:
    """The role, its timeouts and row-level security, as each new connection of the server is looked at."""
    database = serving_database(settings, target)
    try:
        await database.open()
        seen = await database.look()
    except Unfit as error:
        return Finding("serving", "fail", error.reason, "README.md says which roles there are.")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        return Finding(
            "serving", "fail", f"The serving login can't connect: {error}.", "Look at ERPGRAPH_APP_DATABASE_URL."
        )
    finally:
        await database.close()
    if seen.fault:
        return Finding("serving", "fail", f"The connection isn't what it has to be: {seen.fault}.")
    if seen.standby or seen.read_only:
        what = "a standby" if seen.standby else "read-only"
        return Finding("serving", "fail", f"The database is {what}: commands would be refused.")
    return Finding("serving", "ok", "Role, timeouts and row-level security are in force.")
