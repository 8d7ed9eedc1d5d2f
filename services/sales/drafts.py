"""Orders created and changed: their lines priced, their numbers taken."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from core import ids, numbering
from core.errors import BrokenInvariant
from core.ids import new_id
from core.inventory import Demand, Hold
from core.money import LIMIT, line_total
from core.problems import DUPLICATE, Problems, refuse
from core.taxes import with_tax
from db.runtime.failures import constraint
from services import catalog, partners
from services.catalog import ProductSnapshot
from services.inventory import places, stock
from services.kit import numbers
from services.kit.answer import References
from services.kit.work import Retry, UnitOfWork
from services.partners import Customer
from services.pricing import Priced
from services.sales import holds
from services.sales.addresses import Addresses, chosen, told_addresses
from services.sales.commands import LineItem, OrderCreate
from services.sales.holds import Taken
from services.sales.orders import told
from services.sales.prices import NO_PRICES, includes, listed
from services.sales.promises import Wanted, promise, reserved
from services.taxes import Tax, taxing
from services.taxes.taxing import Worth


class Ordered(NamedTuple):
    """A line as it is stored."""

    id: UUID
    position: int
    product: UUID
    description: str
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    tax: Tax | None = None


_COLUMNS = "tenant_id, order_id, currency, customer_id, id, position, product_id, description, quantity, unit_price, total, reserved"
_LINES = "$5::uuid[], $6::int[], $7::uuid[], $8::text[], $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[]"


def _make_lines(order: str, made: str, taxes: int | None) -> str:
    """Stores lines; with taxes, and what of their totals isn't tax, from the parameter of this number on. Lines without are stored
    by the statement of before there were any.
    """
    names, arrays = _COLUMNS, _LINES
    if taxes is not None:
        names, arrays = f"{names}, tax_id, net", f"{arrays}, ${taxes}::uuid[], ${taxes + 1}::numeric[]"
    return f"""
        INSERT INTO line_items ({names})
        SELECT t.id, {order}, $3, $4, l.* FROM tenants t{made}, unnest({arrays}) l WHERE t.id = $1
    """


def _make(*, taxed: bool) -> str:
    """Stores an order with its lines. These take its id from the row that was made: tables that are spread over servers get the
    one before the other.
    """
    names, values = (", tax_total, prices_include_tax", ", $26, $27") if taxed else ("", "")
    return f"""
    WITH made AS (
        INSERT INTO orders (tenant_id, id, currency, customer_id, number, subtotal, placed_at, external_id, note,
                            allow_backorder, warehouse_id, status, version, shipping_address, billing_address,
                            allocation, price_list_id, confirmed_at{names})
        VALUES ($1, $2, $3, $4, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
                CASE WHEN $20 = 'CONFIRMED' THEN statement_timestamp() END{values})
        RETURNING id
    ), lines AS ({_make_lines("made.id", ", made", 28 if taxed else None)} RETURNING 1)
    SELECT count(*) FROM lines
    """


_MAKE = {taxed: _make(taxed=taxed) for taxed in (False, True)}
_MAKE_LINES = {taxed: _make_lines("$2", "", 13 if taxed else None) for taxed in (False, True)}
_TAKEN = "SELECT number, external_id FROM orders WHERE tenant_id = $1 AND (number = $2 OR external_id = $3)"


async def create(work: UnitOfWork, command: OrderCreate) -> References:
    """Create an order; with ``confirm`` its stock is reserved in the same command, or nothing is created."""
    problems = work.problems
    customer = await partners.customer(work, command.customer, problems)
    addresses = _addresses(command, customer, problems)
    if command.warehouse and not await places.has_warehouse(work, command.warehouse):
        places.note_warehouse(problems, command.warehouse)
    refs = [line.product for line in command.line_items]
    items = await catalog.find(work, refs, problems, "lineItems", lock=command.confirm and command.hold is None)
    taken = await _take(work, command, items) if command.hold else None
    # Without its customer it is refused, and the lines are looked at all the same: the caller hears of all at once.
    currency = command.currency or (customer.currency if customer else await partners.currency(work))
    by = command.price_list if command.given("price_list") else customer and customer.price_list
    found = await listed(work, by, currency, quantities(command.line_items, items), command.placed_at, problems)
    taxes = await taxing.of_lines(work, customer and customer.tax_group, command.line_items, items, problems)
    included = includes(found, problems, given=command.prices_include_tax)
    amounts = found.amounts if found else NO_PRICES
    lines = priced(command.line_items, items, taxes, currency, problems, amounts, included=included)
    worth = taxing.worth(lines, currency, problems, included=included)
    if command.confirm:
        taxing.check_together(taxing.categories_of(lines), problems, "lineItems")
    wanted = demanded(lines, items, command.warehouse)
    if problems:
        await _look_further(work, command, wanted, taken)
        problems.check()
    if customer is None:
        raise BrokenInvariant("Something of the order is missing, and no problem was noted.")
    placed = command.placed_at or customer.now
    number = command.number or await _number(work, customer, placed)
    return await _store(
        work, command, customer, currency, placed, number, lines, worth, wanted, addresses, taken, found
    )


async def _take(work: UnitOfWork, command: OrderCreate, items: Sequence[ProductSnapshot | None]) -> Taken | None:
    """The hold that becomes the order's stock."""
    if command.hold is None or not command.confirm:
        work.problems.invalid("A draft holds no stock: only an order that is confirmed at once takes a hold.", "hold")
        return None
    return await holds.take(work, command.hold, {item.id for item in items if item})


def _addresses(command: OrderCreate, customer: Customer | None, problems: Problems) -> Addresses:
    """What the order keeps of its addresses."""
    if customer is None:
        return Addresses()
    given = {name: each for name in Addresses._fields if (each := getattr(command, name)) or command.confirm}
    if customer.addresses is None and not any(given.values()):
        return Addresses()
    return Addresses(**chosen(given, customer.addresses, problems, confirmed=command.confirm))


async def _look_further(work: UnitOfWork, command: OrderCreate, wanted: Sequence[Wanted], taken: Taken | None) -> None:
    """Note what else is wrong with an order that is refused already: what is short, and keys that are taken."""
    problems = work.problems
    if command.confirm and not any(each.path == ("input", "warehouse") for each in problems.found):
        kept = taken and taken.kept
        await promise(
            work, wanted, problems, allow_backorder=command.allow_backorder, rule=command.allocation, kept=kept
        )
    await _note_taken(work, command)


async def _note_taken(work: UnitOfWork, command: OrderCreate) -> None:
    """Note each key of the order that another one has."""
    problems = work.problems
    rows = await work.rows(_TAKEN, command.number, command.external_id) if command.number or command.external_id else []
    for number, external_id in rows:
        if number == command.number:
            problems.add(DUPLICATE, f"There is an order {number} already.", "number")
        if external_id is not None and external_id == command.external_id:
            problems.add(DUPLICATE, "Another order has this externalId.", "externalId")


async def _store(
    work: UnitOfWork,
    command: OrderCreate,
    customer: Customer,
    currency: str,
    placed: datetime,
    number: str,
    lines: Sequence[Ordered],
    worth: Worth,
    wanted: Sequence[Wanted],
    addresses: Addresses,
    taken: Taken | None,
    by: Priced | None,
) -> References:
    problems = work.problems
    promised, held = list[Hold](), dict[UUID, Decimal]()
    if command.confirm:
        waits, kept = command.allow_backorder, taken and taken.kept
        allocation, held = await promise(
            work, wanted, problems, allow_backorder=waits, rule=command.allocation, kept=kept
        )
        promised = allocation.holds
    # The database names one key that is taken. Both are looked up where there are two, or something else is wrong.
    if problems or (command.number and command.external_id):
        await _note_taken(work, command)
        problems.check()
    order, version = new_id(), 2 if command.confirm else 1
    status = "CONFIRMED" if command.confirm else "DRAFT"
    values = (number, worth.totals.subtotal, placed, command.external_id, command.note)
    state = (command.allow_backorder, command.warehouse, status, version, *addresses, command.allocation, by and by.id)
    try:
        await _make_order(work, (order, currency, customer.id), lines, held, worth, (*values, *state))
    except asyncpg.UniqueViolationError as error:
        raise _taken(work, error, command, number) from None
    made = {"number": number, "customer": ids.encode("par", customer.id), "currency": currency} | told_worth(worth)
    made |= {"allocation": command.allocation} if command.allocation else {}
    made |= {"priceList": ids.encode("prl", by.id)} if by else {}
    made |= {"hold": ids.encode("hld", taken.hold)} if taken else {}
    work.note("order.created", order, version=1, after=made | told_addresses(addresses) | {"lineItems": facts(lines)})
    if command.confirm:
        work.note("order.confirmed", order, version=2, after={"lineItems": reserved(promised)})
        await stock.reserve(work, promised)
    if taken is not None:
        await holds.ordered(work, taken, order, promised)
    return {"order_id": order}


async def _make_order(
    work: UnitOfWork,
    whose: tuple[UUID, str, UUID],
    lines: Sequence[Ordered],
    held: Mapping[UUID, Decimal],
    worth: Worth,
    values: Sequence[Any],
) -> None:
    more = (worth.totals.tax_total, worth.included, *_taxes(lines, worth.totals.nets)) if worth.taxed else ()
    await work.rows(_MAKE[worth.taxed], *whose, *columns(lines, held), *values, *more)


async def make_lines(
    work: UnitOfWork,
    whose: tuple[UUID, str, UUID],
    lines: Sequence[Ordered],
    held: Mapping[UUID, Decimal],
    nets: Sequence[Decimal] | None,
) -> None:
    """Store lines of an order, of this id, currency and customer; ``nets``: what of their totals isn't tax, where some bear one."""
    more = () if nets is None else _taxes(lines, nets)
    await work.rows(_MAKE_LINES[nets is not None], *whose, *columns(lines, held), *more)


def _taxes(lines: Sequence[Ordered], nets: Sequence[Decimal]) -> tuple[Sequence[Any], ...]:
    """What lines bear, and what of their totals isn't tax, where that isn't all."""
    pairs = zip(lines, nets, strict=True)
    return [line.tax and line.tax.id for line in lines], [None if net == line.total else net for line, net in pairs]


def told_worth(worth: Worth) -> dict[str, Any]:
    """What an order comes to, as an event tells of it; taxes only where there are any."""
    told: dict[str, Any] = {"subtotal": worth.totals.subtotal}
    told |= {"taxTotal": worth.totals.tax_total} if worth.taxed else {}
    return told | ({"pricesIncludeTax": True} if worth.included else {})


def demanded(lines: Sequence[Ordered], items: Sequence[ProductSnapshot | None], warehouse: UUID | None) -> list[Wanted]:
    """What the lines of a new order need of stock."""
    return [
        Wanted(
            Demand(line.id, line.product, line.quantity, warehouse),
            item.sku,
            item.unit,
            ("lineItems", line.position - 1, "quantity"),
        )
        for line in lines
        if (item := items[line.position - 1])
    ]


def quantities(given: Sequence[LineItem], items: Sequence[ProductSnapshot | None]) -> Iterator[tuple[UUID, Decimal]]:
    """The products of an input's lines, and how many each line is of."""
    return ((item.id, line.quantity) for line, item in zip(given, items, strict=True) if item)


def priced(
    given: Sequence[LineItem],
    items: Sequence[ProductSnapshot | None],
    taxes: Sequence[Tax | None],
    currency: str,
    problems: Problems,
    amounts: Mapping[UUID, Decimal],
    *,
    included: bool,
) -> list[Ordered]:
    """The lines as they are stored; ``amounts`` are what their price list says, ``included`` whether prices include tax. Problems
    are noted for lines that can't be sold so, or cost too much.
    """
    lines = []
    for index, (line, item, tax) in enumerate(zip(given, items, taxes, strict=True)):
        if item is None:
            continue
        catalog.check_offered(item, problems, "lineItems", index, "product")
        catalog.check_countable(item, line.quantity, problems, "lineItems", index, "quantity")
        cost = amounts.get(item.id) if line.unit_price is None else line.unit_price
        if cost is None and item.currency == currency:
            cost = list_price(item, tax, included=included)
        if cost is None:
            problems.invalid(f"{item.sku} has no list price in {currency}: give one.", "lineItems", index, "unitPrice")
            continue
        total = line_total(line.quantity, cost, currency)
        if max(total, cost) >= LIMIT:
            problems.invalid("This line costs more than can be kept.", "lineItems", index, "quantity")
        text = line.description or item.name
        lines.append(Ordered(new_id(), index + 1, item.id, text, line.quantity, cost, total, tax))
    return lines


def list_price(item: ProductSnapshot, tax: Tax | None, *, included: bool) -> Decimal | None:
    """A product's own price, which is before tax; with it where an order's prices are so."""
    if item.list_price is None or tax is None or not included:
        return item.list_price
    return with_tax(item.list_price, tax.kind.rate)


async def _number(work: UnitOfWork, customer: Customer, placed: datetime) -> str:
    """The next number by the tenant's pattern, in the year that it was where the tenant is."""
    try:
        year = placed.astimezone(ZoneInfo(customer.timezone)).year
    except OverflowError:  # on the last day of the year 9999 it is next year in Auckland
        year = placed.year
    return await numbers.take(work.database, work.tenant, numbering.series(customer.order_numbers, year))


def _taken(work: UnitOfWork, error: Any, command: OrderCreate, number: str) -> Exception:
    """What to make of a key that another order has."""
    if constraint(error) == "uq_orders_tenant_id_external_id":
        return refuse(DUPLICATE, "Another order has this externalId.", "externalId")
    if constraint(error) != "uq_orders_tenant_id_number":
        fault: Exception = error
        return fault
    if command.number:
        return refuse(DUPLICATE, f"There is an order {command.number} already.", "number")
    numbers.discard(work.database, work.tenant, number)
    return Retry("number taken")  # by a client or an import, since the block was taken: the next attempt passes it over


def columns(lines: Sequence[Ordered], held: Mapping[UUID, Decimal]) -> tuple[Sequence[Any], ...]:
    """The columns of lines without taxes."""
    stored = (line[:-1] for line in lines)
    return *zip(*stored, strict=True), [held.get(line.id, Decimal()) for line in lines]


def facts(lines: Sequence[Ordered]) -> list[dict[str, Any]]:
    return told(
        (
            line.id,
            {"product": ids.encode("prod", line.product), "quantity": line.quantity, "unitPrice": line.unit_price}
            | ({"tax": ids.encode("tax", line.tax.id)} if line.tax else {}),
        )
        for line in lines
    )
