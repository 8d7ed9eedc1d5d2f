"""Holds: stock kept for somebody for a while, such as a basket, until it is let go, becomes an order, or its time is over."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import Field

from core.allocation import allocate
from core.errors import BrokenInvariant
from core.ids import encode, new_id
from core.inventory import Demand, Hold, Spot
from core.moments import write
from core.problems import INVALID_INPUT, refuse
from services import catalog
from services.catalog import ProductRef
from services.inventory import holding, places, stock
from services.inventory.holding import Kept
from services.kit.answer import References
from services.kit.command import MAX_LINES, Command, Id, Input, Label, Quantity, shown
from services.kit.work import Retry, UnitOfWork
from services.sales.promises import Wanted, note_shortages

LONGEST = 86_400
"""Seconds that a hold lasts at most, if nobody asks for more time."""

MOST = 10_000
"""Holds of a tenant that stand at one time: so many are counted for a new one."""


class HoldLine(Input):
    """A product, and how many of it to hold."""

    product: ProductRef
    """The product, by one of its keys."""
    quantity: Quantity
    """How many, in the product's unit: more than zero, at most six decimals."""


class StockHold(Command):
    """Stock to keep, or the new content and the new end of the hold with this reference."""

    reference: Label
    """Whose it is, in the caller's words, such as a basket's number; at most one hold with it stands at a time."""
    lines: Annotated[list[HoldLine], Field(max_length=MAX_LINES)]
    """What to hold, at most 500 lines: all of it, or nothing changes. An empty list lets go of what is held."""
    seconds: Annotated[int, Field(ge=1, le=LONGEST)] = 900
    """For how many seconds from now, 1 to 86,400, by the database's clock. The same lines again give it more time."""
    warehouse: Annotated[UUID, Id("wh")] | None = None
    """Keep stock of this warehouse only. Left out: of all warehouses."""


class Standing(NamedTuple):
    """A hold under its lock."""

    id: UUID
    reference: str
    version: int
    stands: bool
    """Whether its time isn't over."""
    status: str


_PRODUCTS = """
    SELECT h.id, l.product_id
    FROM stock_holds h LEFT JOIN stock_hold_lines l ON l.tenant_id = $1 AND l.hold_id = h.id
    WHERE h.tenant_id = $1 AND h.{key} = $2
"""
_STANDS = " AND h.status = 'HELD'"
_LOCK = """
    SELECT id, reference, version, expires_at > statement_timestamp(), status FROM stock_holds
    WHERE tenant_id = $1 AND id = $2 FOR UPDATE
"""
_OF = "SELECT DISTINCT product_id FROM stock_hold_lines WHERE tenant_id = $1 AND hold_id = $2"
# What has ended may wait for a sweep, and is in nobody's way.
_COUNT = """
    SELECT count(*) FROM (
        SELECT FROM stock_holds WHERE tenant_id = $1 AND status = 'HELD' AND expires_at > statement_timestamp() LIMIT $2
    ) standing
"""
_MAKE = """
    INSERT INTO stock_holds (tenant_id, id, reference, expires_at)
    SELECT t.id, $2, $3, statement_timestamp() + make_interval(secs => $4) FROM tenants t WHERE t.id = $1
    ON CONFLICT DO NOTHING RETURNING version, expires_at
"""
_CHANGE = """
    UPDATE stock_holds SET expires_at = statement_timestamp() + make_interval(secs => $3),
                           version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version, expires_at
"""
_END = """
    UPDATE stock_holds SET status = $3, order_id = $4, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""


async def hold(work: UnitOfWork, command: StockHold) -> References:
    """Keep stock under a reference, give it other content or more time, or let it go. Raises ``CommandRejected`` where
    something isn't available, and where too many holds stand.
    """
    problems = work.problems
    items = await catalog.find(work, [line.product for line in command.lines], problems, "lines")
    if command.warehouse and not await places.has_warehouse(work, command.warehouse):
        places.note_warehouse(problems, command.warehouse)
    wanted = []
    for index, (line, item) in enumerate(zip(command.lines, items, strict=True)):
        if item is not None:
            catalog.check_offered(item, problems, "lines", index, "product")
            catalog.check_countable(item, line.quantity, problems, "lines", index, "quantity")
            demand = Demand(new_id(), item.id, line.quantity, command.warehouse)
            wanted.append(Wanted(demand, item.sku, item.unit, ("lines", index, "quantity")))
    there = await _locked(work, "reference", command.reference, {each.demand.product for each in wanted})
    kept = await holding.free(work, [there.id]) if there and there.stands else {}
    if not command.lines:
        return await _let_go(work, there, kept)
    if problems and any(each.path == ("input", "warehouse") for each in problems.found):
        problems.check()
    found = await stock.places(work, {each.demand.product for each in wanted})
    demands = [each.demand for each in wanted]
    allocation = allocate(demands, found, None, kept)
    note_shortages(wanted, allocation, found, problems)
    if problems and there is None and await work.rows(_PRODUCTS.format(key="reference") + _STANDS, command.reference):
        # Before the locks were there it was nobody's: what is short may be what this very hold has by now.
        raise Retry("made by another")
    problems.check()
    sums: dict[Spot, Decimal] = defaultdict(Decimal)
    for each in allocation.holds:
        sums[each.spot] += each.quantity
    lines = [Kept(spot.product, spot.location, quantity, spot.lot) for spot, quantity in sums.items()]
    if there is not None and not there.stands:
        await _expire(work, there)
        there = None
    identity = await _store(work, command, there, lines)
    await stock.arrived(work, {spot.product for spot, quantity in kept.items() if sums[spot] < quantity})
    return {"hold_id": identity}


async def _locked(work: UnitOfWork, key: str, value: Any, products: Collection[UUID]) -> Standing | None:
    """The hold with this key, under the locks of its products and of these, and its own; None where there is none."""
    sql = _PRODUCTS.format(key=key) + (_STANDS if key == "reference" else "")
    rows = await work.rows(sql, value)
    await stock.lock(work, {row["product_id"] for row in rows if row["product_id"]} | set(products))
    if not rows:
        return None
    found = Standing(*(await work.rows(_LOCK, rows[0]["id"]))[0])
    if not {row["product_id"] for row in await work.rows(_OF, found.id)} <= work.products or (
        key == "reference" and found.status != "HELD"
    ):
        raise Retry("hold changed")
    return found


async def _let_go(work: UnitOfWork, there: Standing | None, kept: Mapping[Spot, Decimal]) -> References:
    work.problems.check()
    if there is None or not there.stands:
        return {}
    [[version]] = await work.rows(_END, there.id, "RELEASED", None)
    work.note("hold.released", there.id, version=version)
    await stock.arrived(work, {spot.product for spot in kept})
    return {"hold_id": there.id}


async def _expire(work: UnitOfWork, there: Standing) -> None:
    """Let go of a hold whose time is over and whose reference is used anew."""
    freed = await holding.free(work, [there.id])
    [[version]] = await work.rows(_END, there.id, "EXPIRED", None)
    work.note("hold.expired", there.id, version=version)
    await stock.arrived(work, {spot.product for spot in freed})


async def _store(work: UnitOfWork, command: StockHold, there: Standing | None, lines: Sequence[Kept]) -> UUID:
    data = {"lines": [holding.recorded(each) for each in lines]}
    if there is not None:
        [[version, until]] = await work.rows(_CHANGE, there.id, command.seconds)
        await holding.keep(work, there.id, until, lines)
        work.note("hold.changed", there.id, version=version, after=data | {"expiresAt": write(until)})
        return there.id
    [[count]] = await work.rows(_COUNT, MOST)
    if count >= MOST:
        raise refuse(INVALID_INPUT, f"{MOST:,} holds stand already. Let some go, or wait until they end.", "reference")
    identity = new_id()
    rows = await work.rows(_MAKE, identity, command.reference, command.seconds)
    if not rows:
        raise Retry("made by another")  # a moment ago: the next attempt finds it
    [[version, until]] = rows
    await holding.keep(work, identity, until, lines)
    # Not the reference: it may be a person's address, and an event is for ever.
    work.note("hold.created", identity, version=version, after=data | {"expiresAt": write(until)})
    return identity


# ---------------------------------------------------------------- for orders


class Taken(NamedTuple):
    """A hold that becomes an order, and what it had where, which is available now and the order's before others'."""

    hold: UUID
    kept: Mapping[Spot, Decimal]


async def take(work: UnitOfWork, identity: UUID, products: Collection[UUID]) -> Taken | None:
    """The hold that an order shall be served from, under the locks of its products and of these. A problem is noted, and None
    the result, where it doesn't stand.
    """
    there = await _locked(work, "id", identity, products)
    if there is None:
        work.problems.missing(f"hold with the {shown('id', encode('hld', identity))}", "hold")
        return None
    if there.status != "HELD" or not there.stands:
        ended = {"RELEASED": "was let go", "ORDERED": "has become an order"}.get(there.status, "has expired")
        work.problems.invalid(f"The hold {there.reference} {ended}. Order without it, or hold again.", "hold")
        return None
    return Taken(identity, await holding.free(work, [identity]))


async def ordered(work: UnitOfWork, taken: Taken, order: UUID, promised: Sequence[Hold]) -> None:
    """Note that a hold became an order. What the order didn't use is let go."""
    used: dict[Spot, Decimal] = defaultdict(Decimal)
    for each in promised:
        used[each.spot] += each.quantity
    rows = await work.rows(_END, taken.hold, "ORDERED", order)
    if len(rows) != 1:
        raise BrokenInvariant("A hold is gone under its lock.")
    work.note("hold.ordered", taken.hold, version=rows[0]["version"], after={"order": encode("ord", order)})
    left = {spot.product for spot, quantity in taken.kept.items() if used[spot] < quantity}
    await stock.arrived(work, left)
