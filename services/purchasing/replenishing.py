"""Proposals put into drafts of purchase orders: one for each supplier, location and currency."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from core import ids, numbering
from core.ids import new_id
from core.money import line_total
from core.purchasing import PATTERN
from core.reordering import Wanted, arrival, wanted
from db.reordering import PROPOSALS
from db.runtime.failures import constraint
from services import partners, taxes
from services.inventory import places, stock
from services.kit import numbers
from services.kit.answer import References
from services.kit.command import MAX_LINES, shown
from services.kit.work import Retry, UnitOfWork
from services.purchasing.commands import Replenish
from services.purchasing.drafts import MORE, Ordered, columns, last_day, recorded
from services.taxes import NONE, Tax, taxing

_KNOWN = "SELECT id FROM reorder_rules WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
_MAKE = f"""
    WITH made AS (
        INSERT INTO purchase_orders (tenant_id, id, number, supplier_id, location_id, currency, subtotal, tax_total,
                                     expected_on, ordered_at)
        SELECT t.id, o.*, $11::timestamptz
        FROM tenants t, unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::numeric[], $8::numeric[],
                               $9::date[])
             AS o (id, number, supplier, location, currency, subtotal, tax_total, expected)
        WHERE t.id = $1
        RETURNING id, currency
    ), lines AS (
        INSERT INTO purchase_lines (tenant_id, purchase_order_id, currency, id, position, product_id, description, quantity,
                                    unit, base_quantity, unit_price, total, expected_on, tax_id, over_receipt,
                                    over_receipt_usual)
        SELECT t.id, made.id, made.currency, l.id, l.position, l.product, l.description, l.quantity, l.unit, l.base, l.price,
               l.total, l.expected, l.tax, {MORE}
        FROM tenants t, made JOIN unnest($10::uuid[], $12::uuid[], $13::int[], $14::uuid[], $15::text[], $16::numeric[],
                                         $17::text[], $18::numeric[], $19::numeric[], $20::numeric[], $21::date[],
                                         $22::numeric[], $23::uuid[])
             AS l (draft, id, position, product, description, quantity, unit, base, price, total, expected, more, tax)
             ON l.draft = made.id
        WHERE t.id = $1
        RETURNING 1
    )
    SELECT count(*) FROM lines
"""
"""All drafts with all lines, which take their order's id from the row that was made: see ``services.purchasing.drafts``."""


class Draft(NamedTuple):
    """A purchase order to be made."""

    id: UUID
    number: str
    supplier: UUID
    location: UUID
    currency: str
    subtotal: Decimal
    tax_total: Decimal
    expected_on: date | None
    lines: list[Ordered]


async def replenish(work: UnitOfWork, command: Replenish) -> References:
    """Make drafts of what is proposed now; none where nothing is. Under the locks of the products: drafts of another run, which
    count, are seen. Proposals with a problem are left out. Raises ``CommandRejected`` for what isn't known.
    """
    problems = work.problems
    supplier = await partners.supplier(work, command.supplier, problems) if command.supplier else None
    if command.warehouse is not None and not await places.has_warehouse(work, command.warehouse):
        places.note_warehouse(problems, command.warehouse)
    if command.rules is not None:
        known = {row["id"] for row in await work.rows(_KNOWN, command.rules)}
        for index, each in enumerate(command.rules):
            if each not in known:
                problems.missing(f"reorder rule with the {shown('id', ids.encode('ror', each))}", "rules", index)
    problems.check()
    narrowed = (command.warehouse, supplier and supplier.id, MAX_LINES, True)
    found = await work.rows(PROPOSALS, command.rules, *narrowed)
    if found:
        await stock.lock(work, {row["product_id"] for row in found})
        found = await work.rows(PROPOSALS, [row["rule_id"] for row in found], *narrowed)
    drafts = await _drafts(work, found)
    if drafts:
        await _store(work, drafts, found[0]["now"])
    return {"purchase_order_ids": [draft.id for draft in drafts]}


async def _drafts(work: UnitOfWork, found: Sequence[Any]) -> list[Draft]:
    """The orders that these proposals make, in the order of their first lines."""
    grouped: dict[tuple[UUID, UUID, str], list[Ordered]] = defaultdict(list)
    owns = {row["tax_id"] for row in found if row["tax_id"]}
    groups = {row["tax_group_id"] for row in found if row["tax_group_id"]}
    known = await taxes.find_all(work, groups, owns, keep=True) if owns else dict.fromkeys((None, *groups), NONE)
    for row in found:
        each = wanted(row)
        if each.problem is None and each.price is not None and each.currency is not None:
            lines = grouped[row["supplier_id"], row["location_id"], each.currency]
            tax = known[row["tax_group_id"]].borne(row["tax_id"])
            if tax and not tax.active:
                work.problems.invalid(f"The tax of {row['sku']}, {tax.code}, is no longer used.", "rules")
            cost = (each.price, line_total(each.quantity, each.price, each.currency))
            lines.append(_line(row, each, len(lines) + 1, cost, tax))
    drafts = []
    for whose, lines in grouped.items():
        sums = taxing.worth(lines, whose[2], work.problems, path="rules").totals
        if work.problems:
            continue
        series = numbering.series(PATTERN, arrival(found[0]["now"], found[0]["timezone"], 0).year)
        number = await numbers.take(work.database, work.tenant, series, "purchase_orders")
        drafts.append(Draft(new_id(), number, *whose, sums.subtotal, sums.tax_total, last_day(lines), lines))
    work.problems.check()
    return drafts


def _line(
    row: Mapping[str, Any], each: Wanted, position: int, cost: tuple[Decimal, Decimal], tax: Tax | None
) -> Ordered:
    """A proposal as a line is stored. ``cost``: of one, and of all."""
    named = (new_id(), position, row["product_id"], row["name"], each.quantity, each.unit, each.base)
    known = row["lead_days"] is not None
    expected = arrival(row["now"], row["timezone"], row["lead_days"]) if known else None
    return Ordered(*named, *cost, expected, None, tax)


async def _store(work: UnitOfWork, drafts: Sequence[Draft], now: datetime) -> None:
    lines = [(draft.id, line) for draft in drafts for line in draft.lines]
    heads = zip(*(draft[:-1] for draft in drafts), strict=True)
    bodies = columns([line for _, line in lines])
    try:
        await work.rows(_MAKE, *heads, [order for order, _ in lines], now, *bodies)
    except asyncpg.UniqueViolationError as error:
        if constraint(error) != "uq_purchase_orders_tenant_id_number":
            raise
        for draft in drafts:
            numbers.discard(work.database, work.tenant, draft.number)
        raise Retry("number taken") from None
    for draft in drafts:
        made = {
            "number": draft.number,
            "supplier": ids.encode("par", draft.supplier),
            "currency": draft.currency,
            "subtotal": draft.subtotal,
        } | ({"taxTotal": draft.tax_total} if any(line.tax for line in draft.lines) else {})
        work.note("purchase_order.created", draft.id, version=1, after=made | {"lines": recorded(draft.lines)})
