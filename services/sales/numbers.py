"""Numbers of orders: taken from a series in blocks, in a transaction beside the order's own.

So concurrent orders of a tenant don't wait for each other's commit, and a number that was taken for
an order that came to nothing is missing: orders may have gaps, unlike invoices.
"""

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID
from weakref import WeakKeyDictionary

from core.errors import OutcomeUnknown
from core.ids import new_id
from core.numbering import Series
from db.runtime.engine import Database
from services.kit.work import Again

MOST = 128
"""The largest block. What is left of one when the process ends is lost."""

_NEXT = "UPDATE number_series SET next = next + $3 WHERE tenant_id = $1 AND name = $2 RETURNING next - $3"

# Numbers that are there already, from an import or given by clients, aren't given again.
_FIRST = """
    INSERT INTO number_series (tenant_id, id, name, next)
    SELECT $1, $2, $3, $4 + 1 + coalesce(max(digits::bigint), 0) FROM (
        SELECT substr(number, length($5::text) + 1, length(number) - length($5) - length($6::text)) AS digits
        FROM orders WHERE tenant_id = $1 AND starts_with(number, $5) AND right(number, length($6)) = $6
    ) numbers WHERE digits ~ '^[0-9]{1,15}$'
    ON CONFLICT (tenant_id, name) DO UPDATE SET next = number_series.next + $4
    RETURNING next - $4
"""


@dataclass
class _Block:
    """The numbers that this process has of a series. ``size`` doubles while they go fast: one order now and
    then leaves no gap at a restart, and thirty a second wait for a block once in four seconds.
    """

    next: int = 0
    end: int = 0
    size: int = 1
    taken: float = float("-inf")
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


_blocks: WeakKeyDictionary[Database, dict[tuple[UUID, str], _Block]] = WeakKeyDictionary()


async def take(database: Database, tenant: UUID, series: Series) -> str:
    """The next number of a series, given to nobody else."""
    block = _blocks.setdefault(database, {}).setdefault((tenant, series.name), _Block())
    async with block.turn:
        if block.next == block.end:
            await _refill(block, database, tenant, series)
        block.next += 1
        return series.number(block.next - 1)


async def _refill(block: _Block, database: Database, tenant: UUID, series: Series) -> None:
    now = monotonic()
    size = min(2 * block.size, MOST) if now - block.taken < 1 else 1
    try:
        async with database.transaction(tenant, aside=True) as writer:
            rows = await writer.rows(_NEXT, series.name, size)
            if not rows:
                rows = await writer.rows(_FIRST, new_id(), series.name, size, series.prefix, series.suffix)
    except OutcomeUnknown as error:
        # Of the block, not of the order, which is rolled back and begun again.
        raise Again("number series") from error
    # Kept only now: a block whose commit got no answer may be another's, and is left out.
    block.next, block.end, block.size, block.taken = rows[0][0], rows[0][0] + size, size, now
