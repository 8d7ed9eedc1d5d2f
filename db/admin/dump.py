"""A backup of all tenants, in one file, that is known to have every row before it gets its name.

``pg_dump`` obeys row-level security: by a role that a policy binds it fails or, told to go on, writes tables without
rows and succeeds. So it runs as a role whose policy shows every row, each table is checked for that policy, and the rows in
the finished file are counted and compared with those of the same snapshot (docs/decisions/0029-backup.md).
"""

import asyncio
import contextlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import asyncpg

from core.errors import BadInput, Unavailable
from db.admin import manifest, programs
from db.admin.manifest import Manifest
from db.admin.migrate import LOCK
from db.admin.programs import Login
from db.runtime.engine import Target
from db.tenancy import BACKUP

_TABLES = """
SELECT c.relname::text AS name, row_security_active(c.oid) AS bound,
    EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
            AND pg_get_expr(p.polqual, p.polrelid) = 'true'
            AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
            AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE'))) AS shown
FROM pg_class c WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""
"""The tables whose rows are kept: unlogged ones hold nothing that outlives a crash, and a standby can't read them."""

_ROLES = """
SELECT DISTINCT r.rolname::text FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND d.refclassid = 'pg_authid'::regclass AND d.classid IN ('pg_class'::regclass, 'pg_policy'::regclass)
    AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.oid = CASE d.classid
                WHEN 'pg_class'::regclass THEN d.objid ELSE (SELECT polrelid FROM pg_policy WHERE oid = d.objid) END)
ORDER BY 1
"""

First = TypeVar("First")
Second = TypeVar("Second")

_COPY = re.compile(rb'COPY (?:"(?:[^"]|"")+"|\w+)\.("(?:[^"]|"")+"|\w+) ')


class Snapshot(NamedTuple):
    """A moment of the database, held by a transaction of ``connection`` for as long as it is open."""

    connection: Any
    name: str
    revision: str
    server: int
    taken_at: datetime
    tables: tuple[str, ...]
    bound: bool
    """Whether row-level security binds the role: ``pg_dump`` then has to be told to go by it."""
    roles: tuple[str, ...]


async def dump(target: Target, file: Path, program: str, folder: Path | None = None) -> Manifest:
    """Write all rows of all tenants into ``file``, as a custom archive of ``pg_dump`` that only its owner may read, and
    its manifest beside it. ``program`` is this program's version; ``folder`` has PostgreSQL's programs, where it isn't found.

    Raises ``BadInput`` for a file that is there already, and ``Unavailable`` where the role doesn't see every row, a
    program is missing or fails, or the file hasn't the rows that the snapshot has. There is no file then.
    """
    for path in (file, manifest.beside(file)):
        if path.exists():
            raise BadInput(f"{path} is there already: a dump replaces nothing. Choose another name.")
    async with _snapshot(target) as moment:
        dumper = programs.find("pg_dump", moment.server, folder)
        reader = programs.find("pg_restore", dumper.major, folder)
        login = Login.of(target.admin)
        with _unfinished(file) as writing:
            counted, _ = await _both(_counts(moment), _write(login, dumper.path, moment, writing))
            await _compare(login, reader.path, writing, counted)
            whole = Manifest(
                program=program,
                revision=moment.revision,
                server=moment.server,
                taken_at=moment.taken_at,
                bytes=writing.stat().st_size,
                sha256=await asyncio.to_thread(manifest.digest, writing),
                tables=counted,
                roles=moment.roles,
            )
            with _unfinished(manifest.beside(file)) as described:
                described.write_text(whole.model_dump_json(indent=2) + "\n")
                _publish(described, manifest.beside(file))
            try:
                _publish(writing, file)
            except BaseException:
                manifest.beside(file).unlink()
                raise
    return whole


@contextlib.asynccontextmanager
async def _snapshot(target: Target) -> AsyncIterator[Snapshot]:
    """A snapshot as the role for backups sees it. Migrations wait meanwhile."""
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        if not await connection.fetchval("SELECT to_regrole($1) IS NOT NULL", BACKUP):
            raise Unavailable(f"There is no role {BACKUP} on this server yet. Run 'erpgraph db upgrade' first.")
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(f"SET LOCAL ROLE {BACKUP}")
            for bound in ("idle_in_transaction_session_timeout", "statement_timeout"):
                await connection.execute(f"SET LOCAL {bound} = 0")
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock_shared($1)", LOCK):
                raise Unavailable("A migration runs. Wait until it has ended, and dump then.")
            yield await _look(connection)
    finally:
        await connection.close()


async def _look(connection: Any) -> Snapshot:
    rows = await connection.fetch(_TABLES)
    hidden = [row["name"] for row in rows if row["bound"] and not row["shown"]]
    if hidden:
        raise Unavailable(
            f"{BACKUP} doesn't see every row of {', '.join(hidden)}: a policy FOR SELECT TO {BACKUP} USING (true) is "
            "missing there. Run 'erpgraph db upgrade'; a table of your own needs one of yours. Nothing was dumped."
        )
    try:
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        revision = None
    if revision is None:
        raise Unavailable("There is nothing to dump: the database isn't migrated.")
    return Snapshot(
        connection,
        await connection.fetchval("SELECT pg_export_snapshot()"),
        revision,
        connection.get_server_version().major,
        await connection.fetchval("SELECT now()"),
        tuple(row["name"] for row in rows),
        any(row["bound"] for row in rows),
        tuple(row["rolname"] for row in await connection.fetch(_ROLES)),
    )


async def _both(first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]) -> tuple[First, Second]:
    """Two things at a time. Where one fails, the other is ended before anything else happens."""
    tasks = asyncio.create_task(first), asyncio.create_task(second)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _counts(moment: Snapshot) -> dict[str, int]:
    quoted = (table.replace('"', '""') for table in moment.tables)
    statements = [f'SELECT count(*) FROM public."{table}"' for table in quoted]
    return dict(
        zip(moment.tables, [await moment.connection.fetchval(statement) for statement in statements], strict=True)
    )


async def _write(login: Login, program: Path, moment: Snapshot, file: Path) -> None:
    with file.open("wb") as opened:
        await programs.run(
            login,
            program,
            "--format=custom",
            "--schema=public",
            "--no-unlogged-table-data",
            "--no-password",
            f"--role={BACKUP}",
            f"--snapshot={moment.name}",
            *(["--enable-row-security"] if moment.bound else []),
            f"--dbname={login.url}",
            stdout=opened,
        )


async def _compare(login: Login, program: Path, file: Path, counted: dict[str, int]) -> None:
    """Read the finished archive and raise ``Unavailable`` unless each table has as many rows as were counted."""
    found: Counter[str] = Counter()
    async with programs.running(
        login, program, "--data-only", "--file=-", file, stdout=asyncio.subprocess.PIPE
    ) as process:
        if process.stdout is None or process.stderr is None:
            raise Unavailable(f"{program.name} could not be read from.")
        complained, _ = await asyncio.gather(process.stderr.read(), _rows(process.stdout, found))
        await process.wait()
    programs.check(login, process, program, complained)
    wrong = [f"{table} {found[table]:,} of {rows:,}" for table, rows in counted.items() if found[table] != rows]
    if wrong or found.keys() - counted.keys():
        raise Unavailable(f"The dump doesn't have the rows that the database has ({', '.join(wrong)}). It was removed.")


async def _rows(script: asyncio.StreamReader, found: Counter[str]) -> None:
    """Count the lines of data of each table in a script, which is read as it comes."""
    rest, table = b"", None
    while chunk := await script.read(1 << 20):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if table is not None:
                if line == b"\\.":
                    table = None
                else:
                    found[table] += 1
            elif begun := _COPY.match(line):
                table = begun[1].decode().strip('"').replace('""', '"')


@contextlib.contextmanager
def _unfinished(file: Path) -> Iterator[Path]:
    """A file beside ``file`` that only its owner may read, and that is gone unless it was published."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".unfinished", dir=file.parent)
    except OSError as error:
        raise BadInput(f"No file can be written into {file.parent} ({error.strerror}).") from None
    os.close(number)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _publish(written: Path, file: Path) -> None:
    """Give a written file its name, when it is on the disk, and only if nobody else has taken that name."""
    with written.open("rb") as opened:
        os.fsync(opened.fileno())
    try:
        os.link(written, file)
    except FileExistsError:
        raise BadInput(f"{file} is there already: a dump replaces nothing. Choose another name.") from None
    except OSError:
        # Some network's file systems have no second names. Nobody else writes here, as far as could be seen before.
        written.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
