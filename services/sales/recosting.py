"""What an order comes to once its stored lines were changed, or once it is taxed as another customer is."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from core import ids
from core.taxes import Kind
from services.catalog import TAX_OF
from services.kit.work import UnitOfWork
from services.sales.orders import Order, recorded
from services.taxes import check_active, taxing

Values = dict[str, Any]
"""Columns of an order, and what they are to be."""

_LINES = """
    SELECT l.id, l.total, l.net, t.category, t.rate, l.cancelled < l.quantity AS wanted FROM line_items l
    LEFT JOIN taxes t ON t.tenant_id = $1 AND t.id = l.tax_id
    WHERE l.tenant_id = $1 AND l.order_id = $2 ORDER BY l.position
"""
_NETS = """
    UPDATE line_items l SET net = n.net FROM unnest($2::uuid[], $3::numeric[]) AS n (id, net)
    WHERE l.tenant_id = $1 AND l.id = n.id
"""
_BORNE = f"""
    SELECT l.id, l.tax_id, {TAX_OF.format(product="p")} AS own
    FROM line_items l JOIN products p ON p.tenant_id = $1 AND p.id = l.product_id
    WHERE l.tenant_id = $1 AND l.order_id = $2 AND l.tax_id IS NOT NULL AND l.tax_named IS NOT TRUE ORDER BY l.position
"""
_BEAR = """
    UPDATE line_items l SET tax_id = n.tax_id, net = NULL FROM unnest($2::uuid[], $3::uuid[]) AS n (id, tax_id)
    WHERE l.tenant_id = $1 AND l.id = n.id
"""


async def recosted(work: UnitOfWork, order: Order, path: str, *, together: bool = False) -> Values:
    """What the order's stored lines come to. Of lines whose prices include tax what isn't tax is written, where it has changed.

    A problem is noted under ``path`` where it is more than can be kept, and with ``together`` for lines that can't be on one invoice.
    """
    rows = await work.rows(_LINES, order.id)
    lines = [(row["total"], Kind(row["category"], row["rate"]) if row["category"] else None) for row in rows]
    included = order.prices_include_tax
    worth = taxing.summed(lines, order.currency, work.problems, included=included, path=path)
    if together:
        borne = (row["category"] for row in rows if row["category"] and row["wanted"])
        taxing.check_together(borne, work.problems, path)
    nets = [
        (row["id"], None if net == row["total"] else net)
        for row, net in zip(rows, worth.totals.nets, strict=True)
        if net != (row["total"] if row["net"] is None else row["net"])
    ]
    if nets:
        await work.rows(_NETS, *zip(*nets, strict=True))
    columns: Values = {"subtotal": worth.totals.subtotal}
    return columns | ({"tax_total": worth.totals.tax_total} if worth.taxed else {})


async def taxed_anew(work: UnitOfWork, order: Order, group: UUID | None) -> tuple[Values, Values]:
    """Let a draft's lines bear what becomes of their products' taxes for partners of a group, as new ones would: the order's own
    columns, and what an event records of it. Lines whose tax was named keep it, and those of products that have none by now.
    """
    rows = await work.rows(_BORNE, order.id)
    now = await taxing.lookup(work, group, {row["own"] for row in rows if row["own"]})
    changed: list[tuple[UUID, UUID]] = []
    for row in rows:
        after = now.borne(row["own"])
        if after and row["tax_id"] != after.id:
            check_active(after, work.problems, "customer")
            changed.append((row["id"], after.id))
    if not changed:
        return {}, {}
    await work.rows(_BEAR, *zip(*changed, strict=True))
    return await recosted(work, order, "customer"), {"lineItems": _recorded(changed)}


def _recorded(changed: Sequence[tuple[UUID, UUID]]) -> list[Values]:
    return recorded((line, {"tax": ids.encode("tax", tax)}) for line, tax in changed)
