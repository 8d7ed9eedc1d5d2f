"""A dump put into an empty database: all of it or nothing, and nobody serves from it before it is known to be whole.

The revision is written last. Until then the database has tables and says that it isn't migrated, so that no server starts
on what was interrupted, or isn't what was dumped.
"""

import asyncio
import tempfile
from pathlib import Path

import asyncpg

from core.errors import BadInput, Unavailable
from db.admin import manifest, migrate, numbers, programs
from db.admin.manifest import Manifest
from db.admin.programs import Login
from db.admin.statistics import analyse
from db.runtime.engine import Target, administration
from db.tenancy import BACKUP, OWNER

EXTENSIONS = ("pg_trgm", "btree_gin")
"""What the tables need, and no dump of a schema has."""

_OCCUPIED = """
SELECT relname::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
UNION ALL
SELECT proname::text || '()' FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1
"""


async def restore(target: Target, file: Path, folder: Path | None = None, *, older: bool = False) -> Manifest:
    """Fill an empty database with what a dump has, and compare the rows of each table with the manifest's. ``older`` lets a
    revision pass that this program would migrate; ``folder`` has PostgreSQL's programs, where it isn't found.

    Raises ``BadInput`` for a file that isn't a whole dump, a database that isn't empty, or a revision that isn't this
    program's, and ``Unavailable`` where a role or a program is missing or it fails: nothing was restored then, unless the message
    says so.
    """
    described = await asyncio.to_thread(manifest.read, file)
    _check_revision(described, older=older)
    server = await _check_empty(target)
    program = programs.find("pg_restore", server, folder)
    await migrate.ensure_roles(target)
    await _prepare(target, described)
    await _fill(Login.of(target.admin), program.path, file)
    await _compare(target, described)
    await analyse(target, tuple(described.tables))
    await numbers.go_on(target)
    async with administration(target) as connection:
        await connection.execute("INSERT INTO alembic_version (version_num) VALUES ($1)", described.revision)
    return described


def _check_revision(described: Manifest, *, older: bool) -> None:
    if described.revision not in migrate.revisions():
        raise BadInput(
            f"The dump is of revision {described.revision}, which this program doesn't know: erpgraph "
            f"{described.program} or a newer one wrote it. Restore with that one. Nothing was restored."
        )
    if described.revision != migrate.head() and not older:
        raise BadInput(
            f"The dump is of revision {described.revision}, and this program is at {migrate.head()}. Restore with "
            f"erpgraph {described.program}, which wrote it, or with --upgrade to migrate what is restored. "
            "Nothing was restored."
        )


async def _check_empty(target: Target) -> int:
    """The server's major version. Raises ``BadInput`` for a database in which there is something."""
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        found = [row[0] for row in await connection.fetch(_OCCUPIED)]
        version: int = connection.get_server_version().major
    finally:
        await connection.close()
    if found:
        more = f" and {len(found) - 3} others" if len(found) > 3 else ""
        raise BadInput(
            f"The database isn't empty: it has {', '.join(found[:3])}{more}. A restore needs a new database, which "
            "nobody has migrated. Nothing was restored."
        )
    return version


async def _prepare(target: Target, described: Manifest) -> None:
    """The roles that the tables' grants name must be there; the extensions are created."""
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        missing = await connection.fetchval(
            "SELECT string_agg(name, ', ' ORDER BY name) FROM unnest($1::text[]) name WHERE to_regrole(quote_ident(name)) IS NULL",
            list(described.roles),
        )
        if missing:
            raise Unavailable(
                f"Tables of the dump are granted to roles that this server doesn't have: {missing}. Create them "
                "(CREATE ROLE …), and restore then. Nothing was restored."
            )
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {OWNER}")
            for extension in EXTENSIONS:
                await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    finally:
        await connection.close()


async def _fill(login: Login, program: Path, file: Path) -> None:
    """Everything but the revision, in one transaction."""
    contents = (await programs.run(login, program, "--list", "--schema=public", file)).decode()
    chosen = [line for line in contents.splitlines() if " TABLE DATA public alembic_version " not in line]
    with tempfile.NamedTemporaryFile("w", prefix="erpgraph-restore-") as listed:
        listed.write("\n".join(chosen))
        listed.flush()
        options = ("--single-transaction", "--exit-on-error", "--no-password", f"--use-list={listed.name}")
        try:
            await programs.run(login, program, *options, "--schema=public", f"--dbname={login.url}", file)
        except Unavailable as error:
            raise Unavailable(f"{error.message} Nothing was restored.") from error


async def _compare(target: Target, described: Manifest) -> None:
    """Raise ``Unavailable`` unless the tables are those of the manifest, with as many rows."""
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {BACKUP}")
            wrong = []
            for table, rows in described.tables.items():
                quoted = table.replace('"', '""')
                found = await connection.fetchval(f'SELECT count(*) FROM public."{quoted}"')
                # The revision's row is written when all the others have been counted.
                if table != "alembic_version" and found != rows:
                    wrong.append(f"{table} has {found:,} rows of {rows:,}")
    finally:
        await connection.close()
    if wrong:
        raise Unavailable(
            f"The database was filled and isn't what was dumped: {'; '.join(wrong)}. It has no revision, so that no server "
            "starts on it. Drop it."
        )
