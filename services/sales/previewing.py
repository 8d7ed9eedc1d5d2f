"""What an order would cost, and whether its goods are there: the look of ``orderCreate`` without its locks, for a query."""

from asyncio import sleep
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from core.allocation import MOST_FIRST, allocate
from core.inventory import INSUFFICIENT_STOCK, Place
from core.problems import Problem, Problems
from core.taxes import Kind, Totals, totals
from services import catalog, partners
from services.inventory import places
from services.kit.command import Currency, Id, Input, Unreadable
from services.kit.looking import Snapshot
from services.kit.salvage import NOBODY, salvaged
from services.partners import Customer, PartnerRef, PriceListRef
from services.sales import drafts
from services.sales.commands import Lines
from services.sales.drafts import Ordered
from services.sales.prices import NO_PRICES, includes, listed
from services.sales.promises import Wanted, note_shortages
from services.sales.units import InUnit, own_quantities
from services.taxes import taxing


class OrderPreview(Input):
    """An order that isn't there, or not yet."""

    customer: PartnerRef | None = None
    """The partner that would order; a key of a partner orders for itself. Left out: nobody yet."""
    currency: Currency | None = None
    """The currency of all amounts. Left out: the tenant's."""
    price_list: PriceListRef | None = None
    """The price list for lines without a price. Left out: the customer's; null: list prices. Needs pricing:read."""
    prices_include_tax: bool | None = None
    """Whether the lines' prices include tax. Left out: as the price list says, else false."""
    placed_at: datetime | None = None
    """When it would be ordered. Left out: now."""
    warehouse: Annotated[UUID, Id("wh")] | None = None
    """Only stock of this warehouse. Left out: of all. Needs stock:read."""
    line_items: Lines
    """Its lines, in this order; 1 to 500."""


class PreviewLine(NamedTuple):
    """A line as it would be stored, what it is ordered in, the list that its price comes from, and what is there for it; None where
    nobody asked for stock.
    """

    line: Ordered
    other: InUnit
    net: Decimal
    price_list: UUID | None
    available: Decimal | None
    in_stock: bool | None


class Preview(NamedTuple):
    """``lines`` in the order of the input, None for one that has no price or product, what the others come to, and all that is
    wrong.
    """

    currency: str
    lines: list[PreviewLine | None]
    totals: Totals
    problems: list[Problem]

    def reason(self, kind: Kind) -> str | None:
        """Why there is no tax of a kind: what its taxes say, one after the other."""
        taxes = (each.line.tax for each in self.lines if each)
        return "; ".join(sorted({tax.reason for tax in taxes if tax and tax.kind == kind and tax.reason})) or None


async def preview(look: Snapshot, given: Mapping[str, Any], *, partner: UUID | None, stock: bool) -> Preview:
    """What ``orderCreate`` with ``confirm`` would make of an input, or refuse, at the snapshot's moment. ``partner`` is the one
    that asks, if one does, and sees itself alone; ``stock``: whether goods are looked at.
    """
    try:
        wanted, problems = await OrderPreview.read_in_turns(given), Problems()
    except Unreadable as bad:
        await sleep(0)  # a turn for others, here and below: each is 5 to 10 ms of 500 lines
        wanted, problems = await salvaged(OrderPreview, given, bad.places), Problems(bad.problems)
        await sleep(0)
    customer = await _customer(look, wanted, partner, problems)
    currency = wanted.currency or (customer.currency if customer else await partners.currency(look))
    house = wanted.warehouse
    if house and not await places.has_warehouse(look, house):
        places.note_warehouse(problems, house)
    items = await catalog.find(look, [line.product for line in wanted.line_items], problems, "lineItems")
    by = wanted.price_list if "price_list" in wanted.model_fields_set else customer and customer.price_list
    counts = own_quantities(wanted.line_items, items, problems)
    found = await listed(look, by, currency, drafts.quantities(items, counts), wanted.placed_at, problems)
    group = customer and customer.tax_group
    taxes = await taxing.of_lines(look, group, wanted.line_items, items, problems, keep=False)
    await sleep(0)
    included = includes(found, problems, given=wanted.prices_include_tax)
    amounts = found.amounts if found else NO_PRICES
    lines = drafts.priced(wanted.line_items, items, counts, taxes, currency, problems, amounts, included=included)
    await sleep(0)
    taxing.worth(lines, currency, problems, included=included)
    taxing.check_together(taxing.categories_of(lines), problems, "lineItems")
    demands = drafts.demanded(lines, items, house)
    there, short = await _goods(look, demands, house, problems) if stock and demands else (None, set())
    await sleep(0)
    without = {
        path[2] for path in (each.path for each in problems.found if each.code != INSUFFICIENT_STOCK) if path[2:]
    }
    good = [line for line in lines if str(line.position - 1) not in without]
    sums = totals(((line.total, line.tax and line.tax.kind) for line in good), currency, included=included)
    shown: list[PreviewLine | None] = [None] * len(wanted.line_items)
    for line, net in zip(good, sums.nets, strict=True):
        place = line.position - 1
        from_list = found and wanted.line_items[place].unit_price is None and line.product in amounts
        available = None if there is None else there.get(line.product, Decimal())
        in_stock = None if there is None else line.id not in short
        item = items[place]
        other = line.other or InUnit(item.unit if item else "", line.quantity)
        shown[place] = PreviewLine(line, other, net, found.id if found and from_list else None, available, in_stock)
    return Preview(currency, shown, sums, problems.found)


async def _customer(look: Snapshot, wanted: OrderPreview, partner: UUID | None, problems: Problems) -> Customer | None:
    """The customer of an order; a partner that asks is its own, and of prices sees those of its list then."""
    ref = wanted.customer or (PartnerRef.model_construct(id=partner) if partner else None)
    met = Problems()
    customer = await partners.customer(look, ref, met) if ref else None
    if customer and partner not in (None, customer.id):  # the policies let nobody come here
        customer, met = None, Problems()
        met.missing(f"partner with the {ref}", "customer")
    for each in met.found:
        problems.note(each)
    if customer and customer.price_list and partner:
        await look.show_prices_of(customer.price_list)
    return customer


async def _goods(
    look: Snapshot, demands: Sequence[Wanted], house: UUID | None, problems: Problems
) -> tuple[dict[UUID, Decimal], set[UUID]]:
    """How many there are of each product, and the lines that lack something: a problem is noted for each, unless the warehouse
    is one itself.
    """
    there = await places.promisable(look, {each.demand.product for each in demands}, house)
    # How it would be spread over locations doesn't matter: an order gets all that is there, line after line.
    shelf = [Place(product, NOBODY, "", house, available) for product, available in there.items()]
    allocation = allocate([each.demand for each in demands], shelf, MOST_FIRST)
    if not any(each.path == ("input", "warehouse") for each in problems.found):
        note_shortages(demands, allocation, shelf, problems)
    return there, set(allocation.waiting)
