"""Reservations given up for others and taken again, and goods that are taken away although somebody has them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from core.allocation import allocate
from core.inventory import Demand, Hold, Spot
from core.money import decimal_text
from core.problems import Problems
from core.sales import INVALID_TRANSITION, available_actions
from services.inventory import stock
from services.kit.answer import References
from services.kit.work import Retry, UnitOfWork
from services.sales.commands import OrderReserve
from services.sales.orders import Line, Order, check_not_leaving, first, holds_of, locked, portions
from services.sales.promises import TRY_LOCK, reserved, serve

ZERO = Decimal(0)


class Target(NamedTuple):
    """What of a line is reserved from now on, and what of it was released: it waits, and need not be served at once."""

    line: UUID
    reserved: Decimal
    released: Decimal
    dropped: bool


_SET = """
    WITH lines AS (
        UPDATE line_items l SET reserved = g.reserved, released = g.released,
               waits_since = CASE WHEN g.dropped AND $7 THEN statement_timestamp() ELSE l.waits_since END
        FROM unnest($3::uuid[], $4::numeric[], $5::numeric[], $6::bool[]) AS g (id, reserved, released, dropped)
        WHERE l.tenant_id = $1 AND l.id = g.id
    )
    UPDATE orders SET version = version + 1, updated_at = statement_timestamp() WHERE tenant_id = $1 AND id = $2
    RETURNING version
"""


async def reserve_order(work: UnitOfWork, command: OrderReserve) -> References:
    """Release goods of a confirmed order, or reserve what is there of what it lacks. Raises ``CommandRejected`` where the
    order isn't confirmed, and where more is to be reserved of a line than hasn't left.
    """
    order = await locked(work, command, "UPDATE")
    targets = _targets(order, command, work.problems)
    work.problems.check()
    lines = {line.id: line for line in order.lines if line.id in targets}
    await stock.lock(work, [line.product for line in lines.values()])
    drops = {line.id: line.reserved - targets[line.id] for line in lines.values() if line.reserved > targets[line.id]}
    freed = await holds_of(work, drops)
    await stock.free(work, freed)
    wanted = [
        Demand(line.id, line.product, targets[line.id] - line.reserved, order.warehouse)
        for line in lines.values()
        if line.reserved < targets[line.id]
    ]
    there = await stock.places(work, {demand.product for demand in wanted}) if wanted else []
    taken = allocate(wanted, there, order.allocation).holds
    given = _set(order, lines, targets, stock.summed(taken), drops)
    if not given:
        return {"order_id": order.id}
    behind = (command.behind_others,)
    [[version]] = await work.rows(_SET, order.id, *zip(*given, strict=True), *behind)
    stock.reserve(work, taken)
    after = {"lineItems": reserved(taken), "released": reserved(freed)}
    work.note("order.unreserved" if freed else "order.reserved", order.id, version=version, after=after)
    if freed:
        await serve(work, sorted({hold.product for hold in freed}), with_released=False)
    return {"order_id": order.id}


def _targets(order: Order, command: OrderReserve, problems: Problems) -> dict[UUID, Decimal]:
    """How much of each line is to be reserved."""
    if order.status != "CONFIRMED":
        actions = available_actions(order.status, order.progress())
        message = f"{order.number} is {order.status.lower()}: only a confirmed order has goods reserved."
        problems.add(INVALID_TRANSITION, message, "order", status=order.status, available_actions=actions)
        return {}
    if command.line_items is None:
        return {line.id: line.unshipped for line in order.lines if line.unshipped}
    seen: dict[UUID, Decimal] = {}
    check_not_leaving(command.line_items, problems)
    for index, each in enumerate(command.line_items):
        if each.line_item in seen:
            problems.invalid("This line is listed already.", "lineItems", index, "lineItem")
        seen[each.line_item] = each.quantity
    found = portions(order, command.line_items, lambda line: line.unshipped, problems, _too_much, least=None)
    return {line.id: each.quantity for line, each in found}


def _too_much(problems: Problems, line: Line, wanted: Decimal, *path: str | int) -> None:
    left = decimal_text(line.unshipped)
    problems.invalid(
        f"Only {left} {line.unit} of line {line.position} ({line.sku}) can be reserved, not {decimal_text(wanted)}.",
        *path,
    )


def _set(
    order: Order,
    lines: Mapping[UUID, Line],
    targets: Mapping[UUID, Decimal],
    got: Mapping[UUID, Decimal],
    drops: Mapping[UUID, Decimal],
) -> list[Target]:
    """What becomes of each line that changes. What it shall not have is released; what it lacks waits, or is released
    where the order may not wait.
    """
    given = []
    for line in lines.values():
        now = line.reserved + got.get(line.id, ZERO) - drops.get(line.id, ZERO)
        released = line.unshipped - (targets[line.id] if order.allow_backorder else now)
        if (now, released) != (line.reserved, line.released):
            given.append(Target(line.id, now, released, line.id in drops))
    return given


_HOLDS = """
    SELECT r.line_item_id, r.product_id, r.location_id, r.quantity, r.lot_id, l.order_id, o.allow_backorder
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS spot (product, location, lot)
    JOIN reservations r ON r.tenant_id = $1 AND r.product_id = spot.product AND r.location_id = spot.location
                       AND r.lot_id IS NOT DISTINCT FROM spot.lot
    JOIN line_items l ON l.tenant_id = $1 AND l.id = r.line_item_id
    JOIN orders o ON o.tenant_id = $1 AND o.id = l.order_id
    ORDER BY coalesce(l.waits_since, o.confirmed_at) DESC, o.id DESC, l.position DESC
"""
_TAKEN = """
    WITH taken AS (
        UPDATE line_items l SET reserved = l.reserved - g.quantity, released = l.released + g.released
        FROM unnest($2::uuid[], $3::numeric[], $4::numeric[]) AS g (id, quantity, released)
        WHERE l.tenant_id = $1 AND l.id = g.id
    )
    UPDATE orders SET version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = ANY($5::uuid[]) RETURNING id, version
"""
_STILL_WAITING = """
    SELECT DISTINCT order_id FROM line_items
    WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND reserved + shipped + cancelled < quantity ORDER BY order_id
"""


async def displace(work: UnitOfWork, missing: Mapping[Spot, Decimal], reason: str) -> list[UUID]:
    """Take goods at these spots from the lines that have them reserved, the latest first; their lines are the result.

    Their orders' rows come before the products in the order of locks: see ``promises.serve``.
    """
    left, holds, orders, may_wait = dict(missing), list[Hold](), dict[UUID, UUID](), dict[UUID, bool]()
    for *held, order, waits in await work.rows(_HOLDS, *zip(*missing, strict=True)):
        hold = Hold(*held)
        taken = min(hold.quantity, left[hold.spot])
        if taken:
            holds.append(hold._replace(quantity=taken))
            left[hold.spot] -= taken
            orders[hold.line], may_wait[hold.line] = order, waits
    await _lock(work, set(orders.values()))
    await stock.free(work, holds)
    sums = stock.summed(holds)
    released = [ZERO if may_wait[line] else quantity for line, quantity in sums.items()]
    rows = await work.rows(_TAKEN, list(sums), list(sums.values()), released, list(set(orders.values())))
    of: dict[UUID, list[Hold]] = defaultdict(list)
    for hold in holds:
        of[orders[hold.line]].append(hold)
    for order, version in rows:
        after = {"reason": reason, "lineItems": [], "released": reserved(of[order])}
        work.note("order.unreserved", order, version=version, after=after)
    return list(sums)


async def _lock(work: UnitOfWork, orders: set[UUID]) -> None:
    missing = orders - work.locked
    got = {row["id"] for row in await work.rows(TRY_LOCK, list(missing))} if missing else set()
    if got != missing:
        raise Retry("orders with goods held", first(orders | work.locked))
    work.locked |= got


async def still_waiting(work: UnitOfWork, lines: Sequence[UUID]) -> list[UUID]:
    """The orders of those of these lines that lack goods."""
    return [row["order_id"] for row in await work.rows(_STILL_WAITING, list(lines))]
