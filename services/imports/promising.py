"""Stock for the open orders of a file: reserved by the rules of a confirmation, what is short waits."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from db.runtime.engine import Database
from db.runtime.writer import Writer
from services.imports.counting import PRINCIPAL
from services.inventory import stock
from services.kit import events
from services.kit.work import First, Retry, UnitOfWork
from services.sales.promises import serve

PORTION = 500
"""Products whose stock is reserved at a time."""

TRIES = 5

# Only products that have goods: the others' lines wait anyway.
_WANTED = """
SELECT DISTINCT l.product_id AS id FROM import_orders i JOIN import_ids USING (n)
JOIN line_items l ON l.tenant_id = $1 AND l.order_id = import_ids.id
WHERE i.fate = 'confirmed' AND (
    SELECT s.id FROM stock_levels s WHERE s.tenant_id = $1 AND s.product_id = l.product_id AND s.available > 0 LIMIT 1) IS NOT NULL
ORDER BY 1
"""


async def reserve(connection: Any, tenant: UUID) -> None:
    """Reserve what is available for the confirmed orders that were just stored, first come first served: whoever waits for longer is
    served first. Products are taken in the order of their ids, as all commands take their locks.
    """
    products = [row["id"] for row in await connection.fetch(_WANTED, tenant)]
    for start in range(0, len(products), PORTION):
        await _serve(connection, tenant, products[start : start + PORTION])


async def _serve(connection: Any, tenant: UUID, products: Sequence[UUID]) -> None:
    first: First | None = None
    for attempt in range(TRIES):
        try:
            async with connection.transaction():
                # The engine asks for no other connection: numbers of orders are what one is for.
                work = UnitOfWork(Writer(connection, tenant), cast("Database", None), PRINCIPAL, ending=True)
                if first is not None:
                    await first(work)
                await stock.lock(work, products)
                await serve(work, products)
                await work.rows(events.STORE, *events.values(PRINCIPAL, work.happened))
                return
        except Retry as again:
            first = again.first
            if attempt == TRIES - 1:
                raise
