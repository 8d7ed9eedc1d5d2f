"""What an order would cost, and whether its goods are there: the look of ``orderCreate`` without its locks, for a query."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from core.allocation import MOST_FIRST, allocate
from core.inventory import INSUFFICIENT_STOCK, Place
from core.problems import Problem, Problems
from services import catalog, partners
from services.inventory import places
from services.kit.command import Currency, Id, Input, Unreadable
from services.kit.looking import Looking
from services.kit.salvage import NOBODY, salvaged
from services.partners import PartnerRef
from services.sales import drafts
from services.sales.commands import Lines
from services.sales.drafts import Ordered
from services.sales.promises import Wanted, note_shortages


class OrderPreview(Input):
    """An order that isn't there, or not yet."""

    customer: PartnerRef | None = None
    """The partner that would order; a key of a partner orders for itself. Left out: nobody yet."""
    currency: Currency | None = None
    """The currency of all amounts. Left out: the tenant's."""
    placed_at: datetime | None = None
    """When it would be ordered. Left out: now."""
    warehouse: Annotated[UUID, Id("wh")] | None = None
    """Only stock of this warehouse. Left out: of all. Needs stock:read."""
    line_items: Lines
    """Its lines, in this order; 1 to 500."""


class PreviewLine(NamedTuple):
    """A line as it would be stored, and what is there for it; None where nobody asked for stock."""

    line: Ordered
    available: Decimal | None
    in_stock: bool | None


class Preview(NamedTuple):
    """``lines`` in the order of the input, None for one that has no price or product, and all that is wrong."""

    currency: str
    lines: list[PreviewLine | None]
    problems: list[Problem]


async def preview(look: Looking, given: Mapping[str, Any], *, partner: UUID | None, stock: bool) -> Preview:
    """What ``orderCreate`` with ``confirm`` would make of an input, or refuse, at the snapshot's moment. ``partner`` is the one
    that asks, if one does, and sees itself alone; ``stock``: whether goods are looked at.
    """
    try:
        wanted, problems = OrderPreview.read(given), Problems()
    except Unreadable as bad:
        wanted, problems = salvaged(OrderPreview, given, bad.places), Problems(bad.problems)
    currency = await _currency(look, wanted, partner, problems)
    house = wanted.warehouse
    if house and not await places.has_warehouse(look, house):
        places.note_warehouse(problems, house)
    items = await catalog.find(look, [line.product for line in wanted.line_items], problems, "lineItems")
    lines = drafts.priced(wanted.line_items, items, currency, problems)
    demands = drafts.demanded(lines, items, house)
    there = (
        await places.promisable(look, {each.demand.product for each in demands}, house) if stock and demands else None
    )
    short = set[UUID]()
    if there is not None:
        short = _short(demands, there, house, problems)
    without = {
        path[2] for path in (each.path for each in problems.found if each.code != INSUFFICIENT_STOCK) if path[2:]
    }
    shown: list[PreviewLine | None] = [None] * len(wanted.line_items)
    for line in lines:
        if str(line.position - 1) not in without:
            available = None if there is None else there.get(line.product, Decimal())
            shown[line.position - 1] = PreviewLine(line, available, None if there is None else line.id not in short)
    return Preview(currency, shown, problems.found)


async def _currency(look: Looking, wanted: OrderPreview, partner: UUID | None, problems: Problems) -> str:
    """What the order would be in. Its customer is looked up for it, and for what is wrong with that one."""
    ref = wanted.customer or (PartnerRef.model_construct(id=partner) if partner else None)
    met = Problems()
    customer = await partners.customer(look, ref, met) if ref else None
    if customer and partner not in (None, customer.id):  # the policies let nobody come here
        customer, met = None, Problems()
        met.missing(f"partner with the {ref}", "customer")
    for each in met.found:
        problems.note(each)
    return wanted.currency or (customer.currency if customer else await partners.currency(look))


def _short(
    demands: Sequence[Wanted], there: Mapping[UUID, Decimal], house: UUID | None, problems: Problems
) -> set[UUID]:
    """The lines that lack something, with a problem noted for each, unless the warehouse is one itself."""
    # How it would be spread over locations doesn't matter: an order gets all that is there, line after line.
    shelf = [Place(product, NOBODY, "", house, available) for product, available in there.items()]
    allocation = allocate([each.demand for each in demands], shelf, MOST_FIRST)
    if not any(each.path == ("input", "warehouse") for each in problems.found):
        note_shortages(demands, allocation, shelf, problems)
    return set(allocation.waiting)
