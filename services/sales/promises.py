"""Promises of stock: reserved when an order is confirmed, or, where it may wait, when goods arrive."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from core.allocation import Shelves, allocate
from core.inventory import Allocation, Demand, Hold, Place, Spot, note_shortage
from core.money import decimal_text
from core.problems import Problems
from services.inventory import stock
from services.kit.turns import turn_for_many
from services.kit.work import Retry, UnitOfWork
from services.sales.orders import STEP, Step, first, recorded, steps, where


class Wanted(NamedTuple):
    """What a line needs, and how a person would call it: its product's sku and unit, its place in the input."""

    demand: Demand
    sku: str
    unit: str
    path: tuple[str | int, ...]


async def promise(
    work: UnitOfWork,
    wanted: Sequence[Wanted],
    problems: Problems,
    *,
    allow_backorder: bool,
    rule: str | None,
    kept: Mapping[Spot, Decimal] | None = None,
    there: list[Any] | None = None,
) -> tuple[Allocation, dict[UUID, Decimal]]:
    """Lock the products and see what can be held for each line, and the sums by line. Where something is
    missing and may not wait, a problem is noted for each line that lacks it. What was ``kept`` for them is taken first. ``there``: what the
    stock's rows were, where they were asked for with the locks.
    """
    products = {each.demand.product for each in wanted}
    await stock.lock(work, products)
    places = await stock.places_or(work, products, there)
    await turn_for_many(wanted)
    allocation = allocate([each.demand for each in wanted], places, rule, kept)
    if not allow_backorder:
        await turn_for_many(wanted)
        note_shortages(wanted, allocation, places, problems)
    return allocation, stock.summed(allocation.holds)


def note_shortages(
    wanted: Sequence[Wanted], allocation: Allocation, places: Sequence[Place], problems: Problems
) -> None:
    """Note a problem at each line that lacks something, with the sums of its product. Lines that the input
    doesn't name have one path, and their product is reported once.
    """
    short = {(each.path, each.demand.product): each for each in wanted if each.demand.line in allocation.waiting}
    # Summed once for all lines: to look through all for each took 500 short lines 17 ms in one step (attack 7b).
    sums, shelves = defaultdict[UUID, Decimal](Decimal), defaultdict[UUID, list[Place]](list)
    for each in wanted if short else ():
        sums[each.demand.product] += each.demand.quantity
    for place in places if short else ():
        shelves[place.product].append(place)
    for each in short.values():
        product = each.demand.product
        fitting = (place.available for place in shelves[product] if each.demand.fits(place))
        requested, available = sums[product], sum(fitting, Decimal())
        there, needed = decimal_text(available), decimal_text(requested)
        message = f"Only {there} {each.unit} of {each.sku} are available, and {needed} are wanted."
        note_shortage(problems, message, *each.path, product=product, requested=requested, available=available)


_WAITING = """
    SELECT l.id, l.product_id, l.quantity - l.reserved - l.shipped - l.cancelled - CASE WHEN $3 THEN 0 ELSE l.released END,
           o.warehouse_id, l.order_id, o.allocation
    FROM line_items l JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
    WHERE l.tenant_id = $1 AND l.product_id = ANY($2::uuid[]) AND l.reserved + l.shipped + l.cancelled < l.quantity
      AND o.status = 'CONFIRMED' AND (o.allow_backorder OR l.released > 0)
    ORDER BY coalesce(l.waits_since, o.confirmed_at), o.id, l.position
"""
TRY_LOCK = """
    SELECT id FROM orders WHERE tenant_id = $1 AND id = ANY($2::uuid[]) FOR NO KEY UPDATE SKIP LOCKED
"""
_SERVED = f"""
    WITH stepped AS ({STEP})
    UPDATE orders SET version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = ANY($7::uuid[]) RETURNING id, version
"""


async def serve(work: UnitOfWork, products: Sequence[UUID], *, with_released: bool = True) -> None:
    """Reserve goods that became available for the lines that wait for them, first come first served: also what somebody
    released, but for the command that does so (``with_released``).

    Under the products' locks, which every change of what a confirmed order still wants needs as well.
    The orders come before the products in the order of locks, so these can't be waited for here: where
    one is held by another command, this one begins again and locks them first.
    """
    waiting = [row for row in await work.rows(_WAITING, products, with_released) if row[2] > 0]
    if not waiting:
        return
    order_of = {row["id"]: row["order_id"] for row in waiting}
    shelves, holds = Shelves(await stock.places(work, products)), list[Hold]()
    for (_, rule), lines in groupby(waiting, lambda row: (row["order_id"], row["allocation"])):
        holds += shelves.serve([Demand(*row[:4]) for row in lines], rule).holds
    if not holds:
        return
    orders = {order_of[hold.line] for hold in holds}
    missing = orders - work.locked
    got = {row["id"] for row in await work.rows(TRY_LOCK, list(missing))} if missing else set()
    if got != missing:
        raise Retry("waiting orders held", first(orders | work.locked))
    work.locked |= got
    await _hold(work, holds, order_of)


async def _hold(work: UnitOfWork, holds: Sequence[Hold], order_of: dict[UUID, UUID]) -> None:
    sums = stock.summed(holds)
    given = [Step(line, reserved=quantity) for line, quantity in sums.items()]
    orders = list({order_of[line] for line in sums})
    versions = await work.rows(_SERVED, *steps(given), orders)
    stock.reserve(work, holds)
    by_order: dict[UUID, list[Hold]] = defaultdict(list)
    for hold in holds:
        by_order[order_of[hold.line]].append(hold)
    for order, version in versions:
        work.note("order.reserved", order, version=version, after={"lineItems": reserved(by_order[order])})


def reserved(holds: Sequence[Hold]) -> list[dict[str, object]]:
    """What was reserved, as an event records it."""
    return recorded((hold.line, where(hold)) for hold in holds)


_HOLDERS = """
    SELECT DISTINCT r.product_id, r.location_id, r.lot_id, o.number
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS spot (product, location, lot)
    JOIN reservations r ON r.tenant_id = $1 AND r.product_id = spot.product AND r.location_id = spot.location
                       AND r.lot_id IS NOT DISTINCT FROM spot.lot
    JOIN line_items l ON l.tenant_id = $1 AND l.id = r.line_item_id
    JOIN orders o ON o.tenant_id = $1 AND o.id = l.order_id
    ORDER BY o.number
"""


async def holders(work: UnitOfWork, spots: Sequence[Spot]) -> dict[Spot, list[str]]:
    """The numbers of the orders that products at locations are reserved for."""
    found: dict[Spot, list[str]] = defaultdict(list)
    for *spot, number in await work.rows(_HOLDERS, *zip(*spots, strict=True)):
        found[Spot(*spot)].append(number)
    return found
