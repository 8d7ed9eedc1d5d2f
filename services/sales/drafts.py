"""Orders created and changed: their lines priced, their numbers taken."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from core import ids, numbering
from core.errors import BrokenInvariant
from core.ids import new_id
from core.inventory import Allocation, Demand, Hold
from core.money import LIMIT, line_total
from core.problems import DUPLICATE, Problems, refuse
from db.runtime.failures import constraint
from services import catalog, partners
from services.catalog import ProductSnapshot
from services.inventory import places, stock
from services.kit import numbers
from services.kit.answer import References
from services.kit.later import Later
from services.kit.turns import turn_for_many
from services.kit.work import Retry, UnitOfWork
from services.partners import Customer
from services.pricing import Priced
from services.sales import holds
from services.sales.addresses import Addresses, chosen, recorded_addresses
from services.sales.commands import LineItem, OrderCreate
from services.sales.holds import Taken
from services.sales.known import Known, known
from services.sales.orders import recorded
from services.sales.prices import NO_PRICES, includes, listed, own_price
from services.sales.promises import Wanted, promise, reserved
from services.sales.units import InUnit, in_unit, own_quantities
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
    """What the quantity costs at the price, each in what the line is ordered in."""
    tax: Tax | None = None
    other: InUnit | None = None
    """What it is ordered in, if that isn't the product's own unit, which ``quantity`` is in."""
    tax_named: bool = False
    """Whether the client named its tax: then it stays, whoever the customer becomes."""


_COLUMNS = "tenant_id, order_id, currency, customer_id, id, position, product_id, description, quantity, unit_price, total, reserved"
_LINES = "$5::uuid[], $6::int[], $7::uuid[], $8::text[], $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[]"


_TAXES = (("tax_id", "uuid"), ("net", "numeric"), ("tax_named", "boolean"))
_UNITS = (("unit", "text"), ("unit_quantity", "numeric"))


class _Kind(NamedTuple):
    """What lines are stored with besides: taxes, what of their totals isn't tax, and whether taxes were named; other units than
    their products' own.
    """

    taxed: bool
    in_units: bool


def _make_lines(order: str, made: str, kind: _Kind, first: int) -> str:
    """Stores lines; what they have besides is in the parameters of this number and of the next ones. Lines without are stored by the
    statement of before there was such.
    """
    more = (*(_TAXES if kind.taxed else ()), *(_UNITS if kind.in_units else ()))
    names = ", ".join((_COLUMNS, *(name for name, _ in more)))
    arrays = ", ".join((_LINES, *(f"${place}::{of}[]" for place, (_, of) in enumerate(more, start=first))))
    return f"""
        INSERT INTO line_items ({names})
        SELECT t.id, {order}, $3, $4, l.* FROM tenants t{made}, unnest({arrays}) l WHERE t.id = $1
    """


def _make(kind: _Kind) -> str:
    """Steps that store an order with its lines. These take its id from the row that was made: tables that are spread over servers get the
    one before the other.
    """
    names, values = (", tax_total, prices_include_tax", ", $26, $27") if kind.taxed else ("", "")
    return f"""
    made AS (
        INSERT INTO orders (tenant_id, id, currency, customer_id, number, subtotal, placed_at, external_id, note,
                            allow_backorder, warehouse_id, status, version, shipping_address, billing_address,
                            allocation, price_list_id, confirmed_at{names})
        VALUES ($1, $2, $3, $4, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
                CASE WHEN $20 = 'CONFIRMED' THEN statement_timestamp() END{values})
        RETURNING id
    ), lines AS ({_make_lines("made.id", ", made", kind, 28 if kind.taxed else 26)} RETURNING 1)
    """


_KINDS = [_Kind(*each) for each in product((False, True), repeat=2)]
_MAKE = {kind: _make(kind) for kind in _KINDS}
_MAKE_LINES = {kind: _make_lines("$2", "", kind, 13) for kind in _KINDS}
_TAKEN = "SELECT number, external_id FROM orders WHERE tenant_id = $1 AND (number = $2 OR external_id = $3)"


async def create(work: UnitOfWork, command: OrderCreate) -> References:
    """Create an order; with ``confirm`` its stock is reserved in the same command, or nothing is created."""
    problems, lock = work.problems, command.confirm and command.hold is None
    astray = command.warehouse and not await places.has_warehouse(work, command.warehouse)
    there = await known(work, command, lock=lock)
    customer = await partners.customer(work, command.customer, problems, there.customer)
    addresses = _addresses(command, customer, problems)
    if command.warehouse and astray:
        places.note_warehouse(problems, command.warehouse)
    refs = [line.product for line in command.line_items]
    items = await catalog.find(work, refs, problems, "lineItems", lock=lock, there=there.items)
    taken = await _take(work, command, items) if command.hold else None
    # Without its customer it is refused, and the lines are looked at all the same: the caller hears of all at once.
    currency = command.currency or (customer.currency if customer else await partners.currency(work))
    by = command.price_list if command.given("price_list") else customer and customer.price_list
    counts = own_quantities(command.line_items, items, problems)
    found = await listed(work, by, currency, quantities(items, counts), command.placed_at, problems)
    taxes = await taxing.of_lines(work, customer and customer.tax_group, command.line_items, items, problems)
    included = includes(found, problems, given=command.prices_include_tax)
    amounts = found.amounts if found else NO_PRICES
    await turn_for_many(items)
    lines = priced(command.line_items, items, counts, taxes, currency, problems, amounts, included=included)
    await turn_for_many(lines)
    worth = taxing.worth(lines, currency, problems, included=included)
    if command.confirm:
        taxing.check_together(taxing.categories_of(lines), problems, "lineItems")
    wanted = demanded(lines, items, command.warehouse)
    await turn_for_many(wanted)
    if problems:
        await _look_further(work, command, wanted, taken, there)
        problems.check()
    if customer is None:
        raise BrokenInvariant("Something of the order is missing, and no problem was noted.")
    placed = command.placed_at or customer.now
    number = command.number or await _number(work, customer, placed)
    return await _store(
        work, command, customer, currency, placed, number, lines, worth, wanted, addresses, taken, found, there
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


async def _look_further(
    work: UnitOfWork, command: OrderCreate, wanted: Sequence[Wanted], taken: Taken | None, there: Known
) -> None:
    """Note what else is wrong with an order that is refused already: what is short, and keys that are taken."""
    problems = work.problems
    if command.confirm and not any(each.path == ("input", "warehouse") for each in problems.found):
        await _promise(work, command, wanted, taken, there)
    await _note_taken(work, command)


async def _promise(
    work: UnitOfWork, command: OrderCreate, wanted: Sequence[Wanted], taken: Taken | None, there: Known
) -> tuple[Allocation, dict[UUID, Decimal]]:
    """What stock the order gets."""
    return await promise(
        work,
        wanted,
        work.problems,
        allow_backorder=command.allow_backorder,
        rule=command.allocation,
        kept=taken and taken.kept,
        there=there.places_of({each.demand.product for each in wanted}),
    )


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
    there: Known,
) -> References:
    problems = work.problems
    promised, held = list[Hold](), dict[UUID, Decimal]()
    if command.confirm:
        allocation, held = await _promise(work, command, wanted, taken, there)
        promised = allocation.holds
    # The database names one key that is taken. Both are looked up where there are two, or something else is wrong.
    if problems or (command.number and command.external_id):
        await _note_taken(work, command)
        problems.check()
    order, version = new_id(), 2 if command.confirm else 1
    status = "CONFIRMED" if command.confirm else "DRAFT"
    values = (number, worth.totals.subtotal, placed, command.external_id, command.note)
    state = (command.allow_backorder, command.warehouse, status, version, *addresses, command.allocation, by and by.id)
    heard = partial(_taken, work, command, number)
    _make_order(work, (order, currency, customer.id), lines, held, worth, (*values, *state), heard)
    made = {"number": number, "customer": ids.encode("par", customer.id), "currency": currency} | recorded_worth(worth)
    made |= {"allocation": command.allocation} if command.allocation else {}
    made |= {"priceList": ids.encode("prl", by.id)} if by else {}
    made |= {"hold": ids.encode("hld", taken.hold)} if taken else {}
    work.note(
        "order.created", order, version=1, after=made | recorded_addresses(addresses) | {"lineItems": facts(lines)}
    )
    if command.confirm:
        work.note("order.confirmed", order, version=2, after={"lineItems": reserved(promised)})
        stock.reserve(work, promised, first=True)
    if taken is not None:
        await holds.ordered(work, taken, order, promised)
    return {"order_id": order}


def _make_order(
    work: UnitOfWork,
    whose: tuple[UUID, str, UUID],
    lines: Sequence[Ordered],
    held: Mapping[UUID, Decimal],
    worth: Worth,
    values: Sequence[Any],
    heard: Callable[[Exception], Exception],
) -> None:
    kind = _Kind(worth.taxed, _in_units(lines))
    more = (worth.totals.tax_total, worth.included, *_taxes(lines, worth.totals.nets)) if worth.taxed else ()
    units = _units(lines) if kind.in_units else ()
    made = (*whose, *columns(lines, held), *values, *more, *units)
    work.later(Later(_MAKE[kind], "(SELECT count(*) FROM lines)", made, heard=heard))


async def make_lines(
    work: UnitOfWork,
    whose: tuple[UUID, str, UUID],
    lines: Sequence[Ordered],
    held: Mapping[UUID, Decimal],
    nets: Sequence[Decimal] | None,
) -> None:
    """Store lines of an order, of this id, currency and customer; ``nets``: what of their totals isn't tax, where some bear one."""
    kind = _Kind(nets is not None, _in_units(lines))
    more = () if nets is None else _taxes(lines, nets)
    await work.rows(_MAKE_LINES[kind], *whose, *columns(lines, held), *more, *(_units(lines) if kind.in_units else ()))


def _taxes(lines: Sequence[Ordered], nets: Sequence[Decimal]) -> tuple[Sequence[Any], ...]:
    """What lines bear, what of their totals isn't tax, where that isn't all, and whether their taxes were named."""
    own = [None if net == line.total else net for line, net in zip(lines, nets, strict=True)]
    return [line.tax and line.tax.id for line in lines], own, [line.tax_named or None for line in lines]


def _in_units(lines: Sequence[Ordered]) -> bool:
    return any(line.other for line in lines)


def _units(lines: Sequence[Ordered]) -> tuple[Sequence[Any], ...]:
    """What lines are ordered in, and how many of that, where it isn't their products' own unit."""
    others = [line.other for line in lines]
    return [each and each.unit for each in others], [each and each.quantity for each in others]


def recorded_worth(worth: Worth) -> dict[str, Any]:
    """What an order comes to, as an event records it; taxes only where there are any."""
    data: dict[str, Any] = {"subtotal": worth.totals.subtotal}
    data |= {"taxTotal": worth.totals.tax_total} if worth.taxed else {}
    return data | ({"pricesIncludeTax": True} if worth.included else {})


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


def quantities(
    items: Sequence[ProductSnapshot | None], counts: Sequence[Decimal | None]
) -> Iterator[tuple[UUID, Decimal]]:
    """The products of an input's lines, and how many each line is of in their own units, where that can be said."""
    return ((item.id, count) for item, count in zip(items, counts, strict=True) if item and count is not None)


def priced(
    given: Sequence[LineItem],
    items: Sequence[ProductSnapshot | None],
    counts: Sequence[Decimal | None],
    taxes: Sequence[Tax | None],
    currency: str,
    problems: Problems,
    amounts: Mapping[UUID, Decimal],
    *,
    included: bool,
) -> list[Ordered]:
    """The lines as they are stored; ``counts`` are their quantities in their products' own units, ``amounts`` what one of those costs by
    their price list, ``included`` whether prices include tax. Problems are noted for lines that can't be sold so, or cost too much.
    """
    lines = []
    for index, (line, item, count, tax) in enumerate(zip(given, items, counts, taxes, strict=True)):
        if item is None:
            continue
        catalog.check_offered(item, problems, "lineItems", index, "product")
        if count is not None:
            catalog.check_countable(item, count, problems, "lineItems", index, "quantity")
        cost = line.unit_price
        if cost is None:
            own = amounts.get(item.id)
            cost = own_price(item, line.unit, own, tax, currency, problems, "lineItems", index, included=included)
        if cost is None or count is None:
            continue
        total = line_total(line.quantity, cost, currency)
        if max(total, cost) >= LIMIT:
            problems.invalid("This line costs more than can be kept.", "lineItems", index, "quantity")
        text = line.description or item.name
        other = in_unit(item, line)
        named = line.tax is not None
        lines.append(Ordered(new_id(), index + 1, item.id, text, count, cost, total, tax, other, named))
    return lines


async def _number(work: UnitOfWork, customer: Customer, placed: datetime) -> str:
    """The next number by the tenant's pattern, in the year that it was where the tenant is."""
    try:
        year = placed.astimezone(ZoneInfo(customer.timezone)).year
    except OverflowError:  # on the last day of the year 9999 it is next year in Auckland
        year = placed.year
    return await numbers.take(work.database, work.tenant, numbering.series(customer.order_numbers, year))


def _taken(work: UnitOfWork, command: OrderCreate, number: str, error: Exception) -> Exception:
    """What to make of a key that another order has."""
    if constraint(error) == "uq_orders_tenant_id_external_id":
        return refuse(DUPLICATE, "Another order has this externalId.", "externalId")
    if constraint(error) != "uq_orders_tenant_id_number":
        return error
    if command.number:
        return refuse(DUPLICATE, f"There is an order {command.number} already.", "number")
    numbers.discard(work.database, work.tenant, number)
    return Retry("number taken")  # by a client or an import, since the block was taken: the next attempt passes it over


def columns(lines: Sequence[Ordered], held: Mapping[UUID, Decimal]) -> tuple[Sequence[Any], ...]:
    """The columns that all lines have."""
    stored = (line[:7] for line in lines)
    return *zip(*stored, strict=True), [held.get(line.id, Decimal()) for line in lines]


def facts(lines: Sequence[Ordered]) -> list[dict[str, Any]]:
    return recorded((line.id, fact(line)) for line in lines)


def fact(line: Ordered) -> dict[str, Any]:
    """A new line, as an event records it."""
    data = {"product": ids.encode("prod", line.product), "quantity": line.quantity, "unitPrice": line.unit_price}
    data |= line.other.recorded() if line.other else {}
    return data | ({"tax": ids.encode("tax", line.tax.id)} if line.tax else {})
