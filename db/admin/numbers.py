"""The numbers of the log of commits, where the database's sequence was left behind by its rows.

A copy made by logical replication has the rows and not the sequence, and so has one that was filled by hand. Numbers that
are drawn a second time would be put among those that readers have passed: what they stand for would never be told.
"""

from db.runtime.engine import Target, administration
from db.runtime.log import LAST
from db.tenancy import BACKUP

MARGIN = 1_000
"""Numbers that are left out, for what is drawn between the look and the step. Gaps mean nothing."""

_NEWEST = """
    SELECT max(c.seq) FROM tenants t
    CROSS JOIN LATERAL (SELECT seq FROM commits WHERE tenant_id = t.id ORDER BY seq DESC LIMIT 1) c
"""


async def go_on(target: Target) -> int:
    """Set the sequence behind the newest commit where it was left behind; by how many numbers, 0 where all was well."""
    async with administration(target) as connection:
        last: int = await connection.fetchval(LAST)
        # Its policies show every tenant's rows.
        await connection.execute(f"SET LOCAL ROLE {BACKUP}")
        newest: int = await connection.fetchval(_NEWEST) or 0
    if last >= newest:
        return 0
    async with administration(target) as connection:
        await connection.execute("SELECT setval('commit_numbers', $1)", newest + MARGIN)
    return newest - last
