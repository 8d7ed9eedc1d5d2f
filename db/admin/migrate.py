"""Roles, schema and migrations: what ``erpgraph db upgrade`` does, and how it knows what is missing."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from core.errors import Unavailable
from db import leftovers
from db.models import metadata
from db.runtime.engine import Target
from db.tenancy import APP, BACKUP, OWNER, PARTNER

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_ROLES_LOCK = 0x65727268
NOBODY = UUID(int=0)

LOCK = 0x65727067  # "erpg"
"""Held by who migrates; a dump shares it with other dumps, so that no table changes in the middle."""

LOCK_RETRY_AFTER = 1.0
"""Seconds between two attempts at a lock, in which the transactions that waited behind the first go on."""

RETRY_FOR = 60.0
"""Seconds after which no other attempt is made."""

LEAKPROOF = (
    "ts_match_vq(tsvector, tsquery)",
    "textlike(text, text)",
    "texticlike(text, text)",
    *(f"numeric_{name}(numeric, numeric)" for name in ("eq", "ne", "lt", "le", "gt", "ge", "cmp")),
)
"""Functions behind the search, LIKE, ILIKE and comparisons of amounts. PostgreSQL applies a condition
before a row-level policy, and so through an index, only when its function is marked leakproof."""


def config() -> Config:
    """Alembic's configuration: there is no ini file, everything is here."""
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.set_main_option("path_separator", "os")
    return settings


def head() -> str:
    """The newest revision that this code knows."""
    newest, _ = _known(MIGRATIONS)
    if newest is None:
        raise RuntimeError("There are no migrations: the checkout is incomplete.")
    return newest


def revisions() -> frozenset[str]:
    """Every revision that this code knows."""
    _, every = _known(MIGRATIONS)
    return every


@cache
def _known(_folder: Path) -> tuple[str | None, frozenset[str]]:
    """The newest revision in the folder, and all of them. They are read once: fifty files take a tenth of a second, in which a server
    whose readiness was asked for answered nobody else, each time.
    """
    scripts = ScriptDirectory.from_config(config())
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


async def current(target: Target) -> str | None:
    """The revision that the database is at, or None for an empty one."""
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision
    finally:
        await connection.close()


async def upgrade(target: Target, revision: str = "head") -> None:
    """Make the roles where they are missing, then migrate. Safe to run from several processes, and on a live site: a
    migration that has waited two seconds for a lock lets the others go first and tries again, for a minute. A new database is
    finished at once.

    Raises ``Unavailable`` where it doesn't get the lock.
    """
    new = await current(target) is None
    await ensure_roles(target)
    await _run(target, lambda settings: command.upgrade(settings, revision))
    if new and revision == "head":
        await finish(target)


async def left(target: Target) -> int:
    """How much an upgrade has left for servers of the release before (``db.leftovers``)."""
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        found: int = await connection.fetchval(leftovers.LEFT, NOBODY, list(leftovers.KEYS.values()))
        return found
    finally:
        await connection.close()


async def finish(target: Target) -> None:
    """Take away what only servers of the release before need; to be called when none of them runs any more. Waits for its locks
    as a migration does. Raises ``Unavailable`` where it doesn't get them.
    """

    def drop(connection: Connection) -> None:
        connection.execute(text(f"SET ROLE {OWNER}"))
        connection.execute(text("SET lock_timeout = '2s'"))
        for table, name in leftovers.KEYS.items():
            connection.execute(text(f"ALTER TABLE IF EXISTS {table} DROP CONSTRAINT IF EXISTS {name}"))
            connection.commit()

    await _retried(target, drop)


async def downgrade(target: Target, revision: str) -> None:
    await _run(target, lambda settings: command.downgrade(settings, revision))


async def ensure_roles(target: Target) -> None:
    """Create the owner, the serving role and the one for backups, and let them into this database.

    Needs a role with CREATEROLE where one of them is missing; afterwards membership in them is enough. Roles
    belong to the whole server, so they are made only where they are missing. Raises ``Unavailable`` where they can't be.
    """
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ROLES_LOCK)
            for role, login in ((OWNER, "LOGIN"), (APP, "LOGIN"), (BACKUP, "LOGIN"), (PARTNER, "NOLOGIN")):
                await _ensure_role(connection, role, login)
            # The serving role may become the partners' role, but mustn't inherit it: policies "TO" a role go for
            # all that inherit it.
            if not await connection.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", APP, PARTNER):
                if connection.get_server_version().major >= 16:
                    await connection.execute(f"GRANT {PARTNER} TO {APP} WITH INHERIT FALSE, SET TRUE")
                else:
                    await connection.execute(f"ALTER ROLE {APP} NOINHERIT; GRANT {PARTNER} TO {APP}")
            database = await connection.fetchval("SELECT quote_ident(current_database())")
            await connection.execute(f"GRANT CREATE ON DATABASE {database} TO {OWNER}")
            await connection.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {OWNER}")
            await connection.execute(f"GRANT USAGE ON SCHEMA public TO {APP}, {BACKUP}, {PARTNER}")
    finally:
        await connection.close()


async def _ensure_role(connection: Any, role: str, login: str) -> None:
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"CREATE ROLE {role} {login} NOSUPERUSER NOBYPASSRLS NOCREATEROLE")
        # PostgreSQL 16 tells membership apart from the right to SET ROLE.
        may = "SET" if connection.get_server_version().major >= 16 else "MEMBER"
        if not await connection.fetchval("SELECT pg_has_role(current_user, $1, $2)", role, may):
            # Who migrates needn't see all rows without having asked for it.
            apart = " WITH INHERIT FALSE, SET TRUE" if role == BACKUP and may == "SET" else ""
            await connection.execute(f"GRANT {role} TO CURRENT_USER{apart}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise Unavailable(
            f"The login of ERPGRAPH_DATABASE_URL can't have the role {role}: {error}. Give it CREATEROLE, or let another "
            f"administrator run once: CREATE ROLE {role} {login}; GRANT {role} TO that login."
        ) from error


async def mark_leakproof(target: Target) -> None:
    """Let conditions on text, searches and amounts use their indexes under row-level security.

    Needs a superuser, and concerns this database only. What it gives up is told in
    docs/decisions/0005-leakproof.md; a server of one's own keeps PostgreSQL's marks unless its
    administrator decides otherwise.
    """
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ROLES_LOCK)
            for function in LEAKPROOF:
                signature = f"pg_catalog.{function}"
                marked = "SELECT proleakproof FROM pg_proc WHERE oid = to_regprocedure($1)"
                if not await connection.fetchval(marked, signature):
                    await connection.execute(f"ALTER FUNCTION {signature} LEAKPROOF")
    finally:
        await connection.close()


async def differences(target: Target) -> list[Any]:
    """What autogenerate would change: empty when the migrations say what the models say."""
    found: list[Any] = []

    def compare(connection: Connection) -> None:
        parts = set(connection.scalars(text("SELECT relname::text FROM pg_class WHERE relispartition")))

        def whole(_object: object, name: str | None, kind: str, *_: object) -> bool:
            return not (kind == "table" and name in parts)

        options = {"compare_type": True, "compare_server_default": True, "include_object": whole}
        context = MigrationContext.configure(connection, opts=options)
        found.extend(compare_metadata(context, metadata))

    async with _engine(target).connect() as connection:
        await connection.run_sync(compare)
    return found


def _engine(target: Target) -> Any:
    async def connect() -> Any:
        return await asyncpg.connect(target.admin, timeout=5)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


async def _run(target: Target, action: Any) -> None:
    def migrate(connection: Connection) -> None:
        settings = config()
        settings.attributes["connection"] = connection
        action(settings)

    await _retried(target, migrate)


async def _retried(target: Target, action: Callable[[Connection], None]) -> None:
    attempts = AsyncRetrying(
        retry=retry_if_exception(_locked),
        wait=wait_fixed(LOCK_RETRY_AFTER),
        stop=stop_after_delay(RETRY_FOR),
        reraise=True,
    )
    try:
        await attempts(_once, target, action)
    except DBAPIError as error:
        if not _locked(error):
            raise
        raise Unavailable(
            "A migration didn't get its lock: another session holds it, perhaps a long query or another migration. "
            "What was migrated before stays. Look at pg_stat_activity, and run it again."
        ) from error


def _locked(error: BaseException) -> bool:
    """Whether it waited for a lock for longer than ``migrations/env.py`` lets it."""
    return (
        isinstance(error, DBAPIError)
        and getattr(error.orig, "sqlstate", None) == asyncpg.LockNotAvailableError.sqlstate
    )


async def _once(target: Target, action: Callable[[Connection], None]) -> None:
    engine = _engine(target)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(action)
    finally:
        await engine.dispose()
