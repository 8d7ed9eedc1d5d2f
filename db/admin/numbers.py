"""The numbers of the log of commits, where the database's sequence was left behind by its rows.

A copy made by logical replication has the rows and not the sequence, and so has one that was filled by hand. Numbers that
are drawn a second time would be put among those that readers have passed: what they stand for would never be told.
"""

from db.runtime.engine import Target, administration
from db.runtime.log import LAST
from db.tenancy import BACKUP

MARGIN = 1_000
"""Numbers that are left out, for what is drawn between the look and the step. Gaps mean nothing."""

AHEAD = 1_000_000_000
"""Numbers that are left out after a restore: more than can have been drawn since the state that was restored."""

_NEWEST = """
    SELECT max(c.seq) FROM tenants t
    CROSS JOIN LATERAL (SELECT seq FROM commits WHERE tenant_id = t.id ORDER BY seq DESC LIMIT 1) c
"""


async def last(target: Target) -> int:
    """The number that was drawn last."""
    async with administration(target) as connection:
        return int(await connection.fetchval(LAST))


async def go_on(target: Target) -> int:
    """Set the sequence behind the newest commit where it was left behind; by how many numbers, 0 where all was well."""
    drawn = await last(target)
    async with administration(target) as connection:
        # Its policies show every tenant's rows.
        await connection.execute(f"SET LOCAL ROLE {BACKUP}")
        newest: int = await connection.fetchval(_NEWEST) or 0
    return newest - drawn if await pass_over(target, newest) else 0


async def pass_over(target: Target, number: int) -> bool:
    """Set the sequence behind a number, unless it is; whether that was to be done."""
    if await last(target) >= number:
        return False
    async with administration(target) as connection:
        await connection.execute("SELECT setval('commit_numbers', $1)", number + MARGIN)
    return True


async def leave_behind(target: Target) -> None:
    """Set the sequence behind all numbers that may have been drawn in a later state of this database, which is gone. Whoever was told
    of those takes a smaller number for something that it knows.
    """
    await go_on(target)
    async with administration(target) as connection:
        await connection.execute(f"SELECT setval('commit_numbers', ({LAST}) + $1)", AHEAD)
