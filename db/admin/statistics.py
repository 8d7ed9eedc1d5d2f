"""Statistics of what was written in bulk: until they are there, the planner takes a full table for an empty one."""

from collections.abc import Callable, Sequence

import asyncpg

from db.runtime.engine import Target
from db.tenancy import OWNER


def _silent(_done: int, _total: int) -> None:
    pass


async def analyse(
    target: Target, tables: Sequence[str], report: Callable[[int, int], None] = _silent, *, vacuum: bool = False
) -> None:
    """ANALYZE these tables, as their owner. ``vacuum``: an index answers alone only for pages that are known to be
    visible to all.
    """
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        await connection.execute(f"SET ROLE {OWNER}")
        for done, table in enumerate(tables):
            report(done, len(tables))
            await connection.execute(f"{'VACUUM (ANALYZE)' if vacuum else 'ANALYZE'} {table}")
        report(len(tables), len(tables))
    finally:
        await connection.close()
