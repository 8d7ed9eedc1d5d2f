"""Numbers of documents, such as orders: taken from a series in blocks, in a transaction beside the document's own.

So concurrent orders of a tenant don't wait for each other's commit, and a number that was taken for
an order that came to nothing is missing: orders may have gaps, unlike invoices.

Numbers that orders have already, from an import or given by clients, are passed over, however many
there are: a block has free ones only, and where all of one are taken the series jumps to the next
that is free.
"""

import asyncio
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from uuid import UUID
from weakref import WeakKeyDictionary

from core.errors import OutcomeUnknown
from core.ids import new_id
from core.numbering import Series
from db.runtime.engine import Database
from db.runtime.writer import Writer
from services.kit.work import Retry

MOST = 128
"""The largest block. What is left of one when the process ends is lost."""

NEAR = 2_000
"""So many numbers ahead are looked up one by one, some 5 µs each. Further ahead the end of a run of taken numbers is
found by bisection: in twenty steps for a million."""

SEEN_AT_FIRST = 20_000
"""So many orders, the last in the order of their numbers, say where a new series begins. A million would take it
past the statement timeout, at every attempt; what it doesn't see is passed over."""

# ``documents`` stands for the table whose rows have the numbers. All of these statements have the tenant, prefix, digits and suffix of the series as $1 to $4.
_IS_FREE = """(
    SELECT o.id FROM documents o
    WHERE o.tenant_id = $1 AND o.number = $2::text || lpad(n::text, greatest($3::int, length(n::text)), '0') || $4::text
) IS NULL"""
_FREE_OF_BLOCK = f"""
    SELECT first, (SELECT array_agg(n ORDER BY n) FROM generate_series(first, first + $6 - 1) n WHERE {_IS_FREE}) AS free
    FROM block
"""
_NEXT = f"""
    WITH block AS (
        UPDATE number_series SET next = greatest(next, $7) + $6::bigint WHERE tenant_id = $1 AND name = $5
        RETURNING next - $6 AS first
    ) {_FREE_OF_BLOCK}
"""
# The counts of the orders whose numbers the series could have made. By a range, which the index of the numbers
# has, and not by starts_with(), which row-level security keeps from it.
_COUNTS = f"""
    SELECT substr(number, length($2::text) + 1, greatest(length(number) - length($2) - length($4::text), 0)) AS digits
    FROM (SELECT number FROM documents WHERE tenant_id = $1 AND number >= $2::text || '0' AND number < $2 || ':'
          ORDER BY number DESC LIMIT {SEEN_AT_FIRST}) last
    WHERE right(number, length($4::text)) = $4
"""
_FIRST = f"""
    WITH block AS (
        INSERT INTO number_series (tenant_id, id, name, next)
        SELECT t.id, $7, $5, $6::bigint + 1 + coalesce(
            (SELECT max(digits::bigint) FROM ({_COUNTS}) counts WHERE digits ~ '^[0-9]{{1,15}}$'), 0)
        FROM tenants t WHERE t.id = $1
        ON CONFLICT (tenant_id, name) DO UPDATE SET next = number_series.next + $6
        RETURNING next - $6 AS first
    ) {_FREE_OF_BLOCK}
"""
_NEXT_FREE = f"""
    WITH RECURSIVE far AS (
        SELECT min(n) AS n FROM (
            SELECT $5::bigint + {NEAR} + (1::bigint << k) * (8 + j) / 8 AS n
            FROM generate_series(0, 40) k, generate_series(0, 7) j
        ) candidates WHERE {_IS_FREE}
    ), narrowed (taken, free) AS (
        SELECT $5 + {NEAR - 1}, n FROM far WHERE n IS NOT NULL
        UNION ALL
        SELECT CASE WHEN is_free THEN taken ELSE n END, CASE WHEN is_free THEN n ELSE free END FROM (
            SELECT taken, free, n, {_IS_FREE} AS is_free FROM (
                SELECT taken, free, (taken + free) / 2 AS n FROM narrowed WHERE free - taken > 1
            ) middle
        ) tried
    )
    SELECT coalesce(
        (SELECT n FROM generate_series($5, $5 + {NEAR - 1}) n WHERE {_IS_FREE} LIMIT 1),
        (SELECT min(free) FROM narrowed),
        $5 + {NEAR})
"""
"""The next free number from ``$5`` on; the next to be tried if even those that lie doubly far each time are taken."""


@dataclass
class _Block:
    """The numbers that this process has of a series. ``size`` doubles while they go fast: one order now and
    then leaves no gap at a restart, and thirty a second wait for a block once in four seconds.
    """

    left: list[int] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    size: int = 1
    taken: float = float("-inf")
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


_blocks: WeakKeyDictionary[Database, dict[tuple[UUID, str, str], _Block]] = WeakKeyDictionary()


async def take(database: Database, tenant: UUID, series: Series, table: str = "orders") -> str:
    """The next number of a series that no document in the table has, given to nobody else."""
    block = _blocks.setdefault(database, {}).setdefault((tenant, table, series.name), _Block())
    async with block.turn:
        if not block.left:
            await _refill(block, database, tenant, series, table)
        number = series.number(block.left.pop(0))
        block.given.add(number)
        return number


def discard(database: Database, tenant: UUID, number: str) -> None:
    """Drop the block that this number came from: an order got it from elsewhere since, and may have got its
    neighbours too. A block that has taken its place meanwhile stays.
    """
    for (owner, *_), block in _blocks.get(database, {}).items():
        if owner == tenant and number in block.given:
            block.left.clear()


async def _refill(block: _Block, database: Database, tenant: UUID, series: Series, table: str) -> None:
    now = monotonic()
    size = min(2 * block.size, MOST) if now - block.taken < 1 else 1
    try:
        async with database.transaction(tenant, aside=True) as writer:
            free = await _reserve(writer, series, size, table)
    except OutcomeUnknown as error:
        # Of the block, not of the order, which is rolled back and begun again.
        raise Retry("number series") from error
    # Kept only now: a block whose commit got no answer may be another's, and is left out.
    block.left, block.given, block.size, block.taken = free, set(), size, now


async def _reserve(writer: Writer, series: Series, size: int, table: str) -> list[int]:
    """The free numbers of the next block, at least one. The row of the series is locked from the first statement
    on, so nobody else jumps to the same place.
    """
    shape = (series.prefix, series.digits, series.suffix)
    rows = await writer.rows(_of(_NEXT, table), *shape, series.name, size, 0)
    if not rows:
        rows = await writer.rows(_of(_FIRST, table), *shape, series.name, size, new_id())
    [(first, free)] = rows
    while not free:
        [[least]] = await writer.rows(_of(_NEXT_FREE, table), *shape, first)
        [(first, free)] = await writer.rows(_of(_NEXT, table), *shape, series.name, size, least)
    return list(free)


@cache
def _of(sql: str, table: str) -> str:
    """A statement about the documents of a table."""
    return sql.replace("FROM documents ", f"FROM {table} ")
