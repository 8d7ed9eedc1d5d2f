"""Purchase orders created: their lines priced by the supplier's list or terms, their numbers taken."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from core import ids, numbering
from core.errors import BrokenInvariant
from core.ids import new_id
from core.money import LIMIT, line_total
from core.problems import DUPLICATE, Problems, refuse
from core.purchasing import PATTERN
from db.runtime.failures import constraint
from services import catalog, partners
from services.catalog import ProductSnapshot
from services.catalog.units import converted
from services.inventory import places, stock
from services.inventory.stock import Coming
from services.kit import numbers
from services.kit.answer import References
from services.kit.command import LAST_DAY
from services.kit.work import Retry, UnitOfWork
from services.partners import Supplier
from services.purchasing.commands import PurchaseLine, PurchaseOrderCreate
from services.purchasing.suppliers import NOTHING, Offer, Terms, offer
from services.taxes import Tax, taxing
from services.taxes.taxing import Worth


class Ordered(NamedTuple):
    """A line as it is stored."""

    id: UUID
    position: int
    product: UUID
    description: str
    quantity: Decimal
    unit: str
    base_quantity: Decimal
    unit_price: Decimal
    total: Decimal
    expected_on: date | None
    over_receipt: Decimal | None
    """None: by the tenant's percentage."""
    tax: Tax | None = None


_COLUMNS = """(tenant_id, purchase_order_id, currency, id, position, product_id, description, quantity, unit, base_quantity,
                                unit_price, total, expected_on, tax_id, over_receipt, over_receipt_usual)"""
_LINES = """unnest($4::uuid[], $5::int[], $6::uuid[], $7::text[], $8::numeric[], $9::text[], $10::numeric[],
                           $11::numeric[], $12::numeric[], $13::date[], $14::numeric[], $15::uuid[])
            AS l (id, position, product, description, quantity, unit, base, price, total, expected, more, tax)"""
USUAL = """trunc({base} * (SELECT s.over_receipt_percent FROM purchase_settings s WHERE s.tenant_id = $1) / 100, 6)"""
"""How many more than ordered may come by the tenant's percentage: never more than that, so what is over six decimals falls away."""
MORE = f"coalesce(l.more, {USUAL.format(base='l.base')}, 0), l.more IS NULL"
_VALUES = f"""l.id, l.position, l.product, l.description, l.quantity, l.unit, l.base, l.price, l.total, l.expected,
                                l.tax, {MORE}"""
MAKE_LINES = (
    f"INSERT INTO purchase_lines {_COLUMNS} SELECT t.id, $2, $3, {_VALUES} FROM tenants t, {_LINES} WHERE t.id = $1"
)
# The lines take the order's id from the row that was made: tables that are spread over servers get the one before the other.
_MAKE = f"""
    WITH made AS (
        INSERT INTO purchase_orders (tenant_id, id, currency, supplier_id, location_id, number, subtotal, tax_total,
                                     ordered_at, expected_on, external_id, note, status, version, confirmed_at)
        VALUES ($1, $2, $3, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
                CASE WHEN $25 = 'CONFIRMED' THEN statement_timestamp() END)
        RETURNING id
    ), lines AS (
        INSERT INTO purchase_lines {_COLUMNS} SELECT t.id, made.id, $3, {_VALUES} FROM tenants t, made, {_LINES}
        WHERE t.id = $1 RETURNING 1
    )
    SELECT count(*) FROM lines
"""
_TAKEN = "SELECT number, external_id FROM purchase_orders WHERE tenant_id = $1 AND (number = $2 OR external_id = $3)"


async def create(work: UnitOfWork, command: PurchaseOrderCreate) -> References:
    """Create a purchase order; with ``confirm`` its goods are announced in the same command, or nothing is created."""
    problems = work.problems
    supplier = await partners.supplier(work, command.supplier, problems)
    await check_place(work, command.location, problems)
    items = await catalog.find(work, [line.product for line in command.lines], problems, "lines", lock=command.confirm)
    currency = command.currency or (supplier.currency if supplier else None)
    ordered = command.ordered_at or (supplier.now if supplier else None)
    known = NOTHING
    if supplier and currency:
        known = await offer(work, supplier.id, command.lines, items, currency, ordered)
    day = day_of(ordered, supplier.timezone) if supplier and ordered else None
    group = supplier.tax_group if supplier else None
    taxes = await taxing.of_lines(work, group, command.lines, items, problems, path="lines")
    lines = priced(command.lines, items, taxes, currency, known, (day, command.expected_on), problems)
    worth = taxing.worth(lines, currency or "", problems, path="lines")
    if command.number or command.external_id:
        await _note_taken(work, command)
    problems.check()
    if supplier is None or currency is None or ordered is None:
        raise BrokenInvariant("Something of the purchase order is missing, and no problem was noted.")
    number = command.number or await _number(work, supplier, ordered)
    return await _store(work, command, supplier, currency, ordered, number, lines, worth)


async def check_place(work: UnitOfWork, location: UUID, problems: Problems, path: str = "location") -> None:
    """Note a problem for a location that isn't there, or that goods can't come to."""
    there = places.holding(await places.locate(work, [location]), location, problems, path, into=True)
    if there is not None and there.kind == "TRANSIT":
        problems.invalid(f"{there.code} is on the way to somewhere: name where the goods are to come.", path)


def day_of(moment: datetime, timezone: str) -> date:
    """The day that it was where the tenant is."""
    try:
        return moment.astimezone(ZoneInfo(timezone)).date()
    except OverflowError:
        return moment.date()


def priced(
    given: Sequence[PurchaseLine],
    items: Sequence[ProductSnapshot | None],
    taxes: Sequence[Tax | None],
    currency: str | None,
    known: Offer,
    days: tuple[date | None, date | None],
    problems: Problems,
) -> list[Ordered]:
    """The lines as they are stored; ``days``: when it is ordered, and when it is expected. Problems are noted for lines that
    can't be ordered so, or cost too much.
    """
    lines = []
    for index, (line, item, tax) in enumerate(zip(given, items, taxes, strict=True)):
        if item is None or currency is None:
            continue
        catalog.check_offered(item, problems, "lines", index, "product")
        base = converted(item, line.quantity, line.unit, problems, "lines", index)
        if base is not None:
            catalog.check_countable(item, base, problems, "lines", index, "quantity")
        asked, unit = known.terms.get(item.id), line.unit or item.unit
        cost = known.price_of(item, unit, currency) if line.unit_price is None else line.unit_price
        if cost is None:
            message = f"The supplier has no price for {item.sku} in {currency} by the {unit}: give one."
            problems.invalid(message, "lines", index, "unitPrice")
        if cost is None or base is None:
            continue
        total = line_total(line.quantity, cost, currency)
        if total >= LIMIT:
            problems.invalid("This line costs more than can be kept.", "lines", index, "quantity")
        expected = line.expected_on or days[1] or _arrival(days[0], asked)
        text, quantity = line.description or item.name, line.quantity
        counted = (quantity, unit, base)
        named = (new_id(), index + 1, item.id, text)
        lines.append(Ordered(*named, *counted, cost, total, expected, line.over_receipt, tax))
    return lines


def columns(lines: Sequence[Ordered]) -> list[Sequence[Any]]:
    """Lines as the statements that store them take them: an array of each column, at last the ids of what they bear."""
    return [*zip(*(line[:-1] for line in lines), strict=True), [line.tax and line.tax.id for line in lines]]


def _arrival(ordered: date | None, asked: Terms | None) -> date | None:
    """When something is expected by the supplier's lead time."""
    if ordered is None or asked is None or (LAST_DAY - ordered).days < asked.lead_days:
        return None
    return ordered + timedelta(days=asked.lead_days)


async def _note_taken(work: UnitOfWork, command: PurchaseOrderCreate) -> None:
    """Note each key of the order that another one has."""
    for number, external_id in await work.rows(_TAKEN, command.number, command.external_id):
        if number == command.number:
            work.problems.add(DUPLICATE, f"There is a purchase order {number} already.", "number")
        if external_id is not None and external_id == command.external_id:
            work.problems.add(DUPLICATE, "Another purchase order has this externalId.", "externalId")


async def _number(work: UnitOfWork, supplier: Supplier, ordered: datetime) -> str:
    """The next number, in the year that it was where the tenant is."""
    series = numbering.series(PATTERN, day_of(ordered, supplier.timezone).year)
    return await numbers.take(work.database, work.tenant, series, "purchase_orders")


async def _store(
    work: UnitOfWork,
    command: PurchaseOrderCreate,
    supplier: Supplier,
    currency: str,
    ordered: datetime,
    number: str,
    lines: Sequence[Ordered],
    worth: Worth,
) -> References:
    order, version = new_id(), 2 if command.confirm else 1
    status = "CONFIRMED" if command.confirm else "DRAFT"
    subtotal, tax_total = worth.totals.subtotal, worth.totals.tax_total
    expected = command.expected_on or last_day(lines)
    if command.confirm:
        await stock.lock(work, [line.product for line in lines])
    whose = (supplier.id, command.location, number, subtotal, tax_total, ordered, expected)
    more = (command.external_id, command.note, status, version)
    try:
        await work.rows(_MAKE, order, currency, *columns(lines), *whose, *more)
    except asyncpg.UniqueViolationError as error:
        raise _taken(work, error, command, number) from None
    made = {"number": number, "supplier": ids.encode("par", supplier.id), "currency": currency} | recorded_worth(worth)
    work.note("purchase_order.created", order, version=1, after=made | {"lines": recorded(lines)})
    if command.confirm:
        await stock.announce(work, [Coming(line.product, command.location, line.base_quantity) for line in lines])
        work.note("purchase_order.confirmed", order, version=2, after={"location": ids.encode("loc", command.location)})
    return {"purchase_order_id": order}


def last_day(lines: Sequence[Ordered]) -> date | None:
    """When the last of these is expected."""
    return max((line.expected_on for line in lines if line.expected_on), default=None)


def _taken(work: UnitOfWork, error: Any, command: PurchaseOrderCreate, number: str) -> Exception:
    """What to make of a key that another order got a moment ago."""
    if constraint(error) == "uq_purchase_orders_tenant_id_external_id":
        return refuse(DUPLICATE, "Another purchase order has this externalId.", "externalId")
    if constraint(error) != "uq_purchase_orders_tenant_id_number":
        fault: Exception = error
        return fault
    if command.number:
        return refuse(DUPLICATE, f"There is a purchase order {command.number} already.", "number")
    numbers.discard(work.database, work.tenant, number)
    return Retry("number taken")


def recorded_worth(worth: Worth) -> dict[str, Any]:
    """What an order comes to, as an event records it; taxes only where there are any."""
    data: dict[str, Any] = {"subtotal": worth.totals.subtotal}
    return data | ({"taxTotal": worth.totals.tax_total} if worth.taxed else {})


def recorded(lines: Sequence[Ordered]) -> list[dict[str, Any]]:
    """Lines as an event records them; taxes only where there are any."""
    return [
        {
            "line": ids.encode("pul", line.id),
            "product": ids.encode("prod", line.product),
            "quantity": line.quantity,
            "unit": line.unit,
            "unitPrice": line.unit_price,
        }
        | ({"tax": ids.encode("tax", line.tax.id)} if line.tax else {})
        for line in lines
    ]
