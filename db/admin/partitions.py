"""Ledgers by month: ``erpgraph db partition`` (docs/decisions/0035-growth.md).

Ids are UUIDv7 and begin with the time, so a month is a range of ids, and keys, foreign keys and policies stay what they are.
What was there becomes the first partition, without a copy; then comes one for each month, and one for what fits in none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from core.errors import BadInput, Unavailable
from db.admin.migrate import LOCK
from db.runtime.engine import Target
from db.tenancy import BACKUP, LEDGERS, OWNER

AHEAD = 3
"""Months that are made before they begin."""

TRIES, LOCK_RETRY_AFTER = 60, 1.0
"""Attempts at a lock, and the seconds between two in which those that waited behind it go on."""

BRIEFLY = "SET LOCAL lock_timeout = '500ms'"
"""Shorter than PostgreSQL waits before it looks for deadlocks: commands go on and this tries again."""

_INDEXES = """
SELECT c.relname::text AS name, pg_get_indexdef(c.oid) AS made, pg_get_constraintdef(k.oid) AS key
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u')
WHERE i.indrelid = to_regclass($1) ORDER BY 1
"""
_REFERENCES = """
SELECT conname::text AS name, pg_get_constraintdef(oid) AS made, confrelid::regclass::text AS referred
FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'f' ORDER BY 1
"""
_GRANTS = """
SELECT a.privilege_type AS privilege, a.grantee::regrole::text AS role
FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = to_regclass($1) AND a.grantee <> c.relowner ORDER BY 1, 2
"""
_POLICIES = """
SELECT policyname, array_to_string(roles, ', ') AS roles, cmd, qual, with_check FROM pg_policies
WHERE schemaname = 'public' AND tablename = $1 ORDER BY 1
"""
_STATISTICS = """
SELECT stxname::text AS name, pg_get_statisticsobjdef(oid) AS made, row_number() OVER (ORDER BY oid) AS place
FROM pg_statistic_ext WHERE stxrelid = to_regclass($1)
"""
_PARTITIONS = """
SELECT c.relname::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) ORDER BY 1
"""


def at(moment: datetime) -> UUID:
    """The least UUIDv7 of a time."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def month(start: datetime, later: int = 0) -> datetime:
    """The beginning of a month in UTC, or of one ``later``."""
    years, rest = divmod(start.month - 1 + later, 12)
    return datetime(start.year + years, rest + 1, 1, tzinfo=UTC)


async def partition(target: Target, now: datetime | None = None) -> list[str]:
    """Part the ledgers by month, beside readers and writers, and make the months to come; the names of what was made.

    Safe to run again: what was broken off is taken up, and only what is missing is made. Raises ``BadInput`` where ids aren't
    of their time or the tables are spread over servers, and ``Unavailable`` where a lock can't be had.
    """
    return await _as_owner(target, now, convert=True)


async def extend(target: Target, now: datetime | None = None) -> list[str]:
    """The months to come of ledgers that are parted already; what else is there is left alone."""
    return await _as_owner(target, now, convert=False)


async def _as_owner(target: Target, now: datetime | None, *, convert: bool) -> list[str]:
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        await connection.execute(f"SET ROLE {OWNER}")
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            raise Unavailable("A migration, a dump or another of these runs. Wait until it has ended.")
        made = []
        for table in sorted(LEDGERS):
            kind = await connection.fetchval("SELECT relkind::text FROM pg_class WHERE oid = to_regclass($1)", table)
            if kind == "r" and convert:
                if await _is_spread(connection, table):
                    raise BadInput("Tables that are spread over servers can't be parted any more: part them before.")
                await _convert(connection, table, month(now or datetime.now(UTC), 2))
                made.append(f"{table}_before")
            elif kind == "r":
                await _unpromise(connection, table)  # an attempt that was killed
            if kind == "p" or convert:
                made += await _extend(connection, table, month(now or datetime.now(UTC)))
    finally:
        await connection.close()
    return made


async def _is_spread(connection: Any, table: str) -> bool:
    """Whether Citus has it on several servers."""
    there = await connection.fetchval("SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL")
    asked = "SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass($1))"
    return bool(there and await connection.fetchval(asked, table))


async def _briefly(connection: Any, work: Callable[[], Awaitable[None]]) -> None:
    """A transaction that gives its locks up where one isn't had at once, and tries again."""
    for left in reversed(range(TRIES)):
        try:
            async with connection.transaction():
                await connection.execute(BRIEFLY)
                await work()
                return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if not left:
                raise Unavailable(
                    "The tables are locked by another session, perhaps a long query. Nothing is half done: look at "
                    "pg_stat_activity, and run it again."
                ) from error
        await asyncio.sleep(LOCK_RETRY_AFTER)


async def _convert(connection: Any, table: str, bound: datetime) -> None:
    """Make an empty parent beside the table and let it take the table's name and place, in a moment. That the rows are
    before ``bound`` was checked then, by a constraint that new ones keep, so that nothing is read under the lock.
    """
    check = f"ck_{table}_before"

    async def promise() -> None:
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check}")
        await connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK (id < '{at(bound)}') NOT VALID")

    async def prepare() -> None:
        await _prepare(connection, table, check)

    async def swap() -> None:
        await _swap(connection, table, check, bound)

    try:
        await _briefly(connection, promise)
        await connection.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {check}")
        await _briefly(connection, prepare)
        await _briefly(connection, swap)
    except asyncpg.CheckViolationError:
        await _unpromise(connection, table)
        raise BadInput(
            f"Rows of {table} have ids that aren't UUIDs of version 7, or of a time to come: they fit in no month. Nothing was changed."
        ) from None
    except Unavailable:
        await _unpromise(connection, table)
        raise


async def _unpromise(connection: Any, table: str) -> None:
    """Without it the table would refuse rows from the promised time on."""
    check = f"ck_{table}_before"
    if await connection.fetchval("SELECT 1 FROM pg_constraint WHERE conname = $1", check):

        async def drop() -> None:
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check}")

        await _briefly(connection, drop)


async def _prepare(connection: Any, table: str, check: str) -> None:
    new = f"{table}_new"
    await connection.execute(f"DROP TABLE IF EXISTS {new}")
    await connection.execute(
        f"CREATE TABLE {new} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED)"
        " PARTITION BY RANGE (id)"
    )
    await connection.execute(f"ALTER TABLE {new} DROP CONSTRAINT {check}")
    for row in await connection.fetch(_INDEXES, table):
        if row["key"]:
            await connection.execute(f"ALTER TABLE {new} ADD CONSTRAINT {row['name']}_new {row['key']}")
        else:
            renamed = row["made"].replace(f"INDEX {row['name']} ", f"INDEX {row['name']}_new ")
            await connection.execute(renamed.replace(f" public.{table} ", f" public.{new} "))
    for row in await connection.fetch(_REFERENCES, table):
        await connection.execute(f"ALTER TABLE {new} ADD CONSTRAINT {row['name']} {row['made']}")
    await _protect(connection, table, new)
    for row in await connection.fetch(_GRANTS, table):
        await connection.execute(f"GRANT {row['privilege']} ON {new} TO {row['role']}")


async def _protect(connection: Any, table: str, new: str) -> None:
    """The same policies, in force for the owner too."""
    await connection.execute(f"ALTER TABLE {new} ENABLE ROW LEVEL SECURITY")
    await connection.execute(f"ALTER TABLE {new} FORCE ROW LEVEL SECURITY")
    for row in await connection.fetch(_POLICIES, table):
        checked = f" WITH CHECK ({row['with_check']})" if row["with_check"] else ""
        using = f" USING ({row['qual']})" if row["qual"] else ""
        await connection.execute(
            f"CREATE POLICY {row['policyname']} ON {new} FOR {row['cmd']} TO {row['roles']}{using}{checked}"
        )


async def _swap(connection: Any, table: str, check: str, bound: datetime) -> None:
    old, new = f"{table}_before", f"{table}_new"
    referred = {row["referred"] for row in await connection.fetch(_REFERENCES, table)}
    await connection.execute(f"LOCK TABLE {', '.join(sorted(referred))} IN SHARE ROW EXCLUSIVE MODE")
    await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    names = [row["name"] for row in await connection.fetch(_INDEXES, table)]
    await connection.execute(f"ALTER TABLE {table} RENAME TO {old}")
    await connection.execute(f"ALTER TABLE {new} RENAME TO {table}")
    for name in names:
        await connection.execute(f"ALTER INDEX {name} RENAME TO {name}_before")
        await connection.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
    await connection.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{at(bound)}')"
    )
    await connection.execute(f"ALTER TABLE {old} DROP CONSTRAINT {check}")
    await _close(connection, old)
    # At once, or a row for which there is no month would be refused.
    await connection.execute(f"CREATE TABLE {table}_other PARTITION OF {table} DEFAULT")
    await _protect(connection, table, f"{table}_other")
    await _close(connection, f"{table}_other")


async def _close(connection: Any, part: str) -> None:
    """Rows are reached by the whole table alone, but for backups."""
    for row in await connection.fetch(_GRANTS, part):
        await connection.execute(f"REVOKE ALL ON {part} FROM {row['role']}")
    await connection.execute(f"GRANT SELECT ON {part} TO {BACKUP}")


async def _extend(connection: Any, table: str, current: datetime) -> list[str]:
    """The months from the first partition's end, or from ``current``, to ``AHEAD`` later."""
    there = {row["name"]: row["bounds"] for row in await connection.fetch(_PARTITIONS, table)}
    end = UUID(there[f"{table}_before"].rpartition("('")[2].removesuffix("')"))
    made = []
    for later in range(AHEAD + 1):
        start = month(current, later)
        name = f"{table}_{start:%Y_%m}"
        if at(start) >= end and name not in there:

            async def make(name: str = name, start: datetime = start) -> None:
                await _make(connection, table, name, start)

            await _briefly(connection, make)
            made.append(name)
    return made


async def _make(connection: Any, table: str, name: str, start: datetime) -> None:
    """A month, with the rows that came before it was made."""
    first, last = at(start), at(month(start, 1))
    options = await connection.fetchval(
        "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = to_regclass($1)", f"{table}_before"
    )
    await connection.execute(
        f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED)"
        + (f" WITH ({options})" if options else "")
    )
    other = f"{table}_other"
    await connection.execute(f"LOCK TABLE {other} IN ACCESS EXCLUSIVE MODE")
    await connection.execute(f"ALTER TABLE {other} NO FORCE ROW LEVEL SECURITY")
    for statement in (f"INSERT INTO {name} SELECT *", "DELETE"):
        await connection.execute(f"{statement} FROM {other} WHERE id >= $1 AND id < $2", first, last)
    await connection.execute(f"ALTER TABLE {other} FORCE ROW LEVEL SECURITY")
    await _protect(connection, table, name)
    await connection.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{last}')")
    await _close(connection, name)
    for row in await connection.fetch(_STATISTICS, f"{table}_before"):
        renamed = row["made"].replace(f"STATISTICS public.{row['name']} ", f"STATISTICS st_{name}_{row['place']} ")
        await connection.execute(renamed.replace(f" FROM {table}_before", f" FROM {name}"))
