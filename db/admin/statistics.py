"""Statistics of what was written in bulk: until they are there, the planner takes a full table for an empty one."""

from collections.abc import Callable, Sequence

import asyncpg

from db.runtime.engine import Target
from db.tenancy import OWNER


def _silent(_done: int, _total: int) -> None:
    pass


_ROWS = "SELECT reltuples FROM pg_class WHERE oid = $1::regclass"
"""As many rows as the table had when it was last looked at; -1 where it never was."""

SHARE = 10
"""Statistics are of use while a table has grown by less than this part of itself: autovacuum's own measure."""


async def analyse(
    target: Target,
    tables: Sequence[str],
    report: Callable[[int, int], None] = _silent,
    *,
    vacuum: bool = False,
    written: int | None = None,
) -> None:
    """ANALYZE these tables, as their owner. ``vacuum``: an index answers alone only for pages that are known to be
    visible to all. ``written``: how many rows were written to any of them at most; a table that was ten times as large
    is left to autovacuum, or small imports would cost what the table has, not what they bring.
    """
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        await connection.execute(f"SET ROLE {OWNER}")
        for done, table in enumerate(tables):
            report(done, len(tables))
            if written is not None and written * SHARE < await connection.fetchval(_ROWS, table):
                continue
            await connection.execute(f"{'VACUUM (ANALYZE)' if vacuum else 'ANALYZE'} {table}")
        report(len(tables), len(tables))
    finally:
        await connection.close()
