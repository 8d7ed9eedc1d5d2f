"""Goods kept for a while: the part of the stock engine that writes holds and lets their goods go.

All of it under the products' locks, as in ``services.inventory.stock``. Holds come after the products in the order of locks, and
by their ids among themselves. A hold ends by the database's clock: from that moment on its goods are available, though
its lines and the balances still have them. A command that meets such goods, under the lock, ends without effect; a
transaction of its own lets them go, and the command begins again (docs/decisions/0054-holds.md).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast
from uuid import UUID

from core.errors import BrokenInvariant
from core.ids import encode, new_id
from core.inventory import Spot
from db.runtime.engine import Database
from services.inventory import stock
from services.kit.answer import References
from services.kit.command import Command
from services.kit.idempotency import KEPT_HOURS
from services.kit.upkeep import Site
from services.kit.work import UnitOfWork, perform

AT_ONCE = 100
"""Holds that one transaction lets go: of 500 lines each at most, and of two or three mostly."""

PRINCIPAL = "erpgraph"
"""In whose name holds end: nobody asked for it."""


class Kept(NamedTuple):
    """What a hold has of a product at a location, and of one lot where it is tracked."""

    product: UUID
    location: UUID
    quantity: Decimal
    lot: UUID | None = None


_KEEP = """
    WITH given AS (
        SELECT * FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::numeric[], $8::uuid[])
               AS given (id, product, location, quantity, lot)
    ),
    taken AS (
        UPDATE stock_levels s SET reserved = s.reserved + g.quantity, held_until = least(s.held_until, $3),
                                  updated_at = statement_timestamp()
        FROM given g
        WHERE s.tenant_id = $1 AND s.product_id = g.product AND s.location_id = g.location
          AND s.lot_id IS NOT DISTINCT FROM g.lot AND s.on_hand - s.reserved >= g.quantity
        RETURNING g.id AS given_id, s.id
    ),
    kept AS (
        INSERT INTO stock_hold_lines (tenant_id, id, hold_id, product_id, location_id, lot_id, quantity, expires_at)
        SELECT t.id, g.id, $2, g.product, g.location, g.lot, g.quantity, $3
        FROM tenants t, given g JOIN taken ON taken.given_id = g.id WHERE t.id = $1
    )
    SELECT id FROM taken
"""
_FREE = """
    WITH gone AS (
        DELETE FROM stock_hold_lines WHERE tenant_id = $1 AND hold_id = ANY($2::uuid[])
        RETURNING product_id, location_id, lot_id, quantity
    ),
    summed AS (
        SELECT product_id, location_id, lot_id, sum(quantity) AS quantity, row_number() OVER () AS n FROM gone GROUP BY 1, 2, 3
    ),
    freed AS (
        UPDATE stock_levels s SET reserved = s.reserved - g.quantity, updated_at = statement_timestamp()
        FROM summed g WHERE s.tenant_id = $1 AND s.product_id = g.product_id AND s.location_id = g.location_id
                        AND s.lot_id IS NOT DISTINCT FROM g.lot_id
        RETURNING g.n, s.id
    )
    SELECT g.product_id, g.location_id, g.lot_id, g.quantity, f.id FROM summed g LEFT JOIN freed f USING (n)
"""
_AT = """
    SELECT l.id, l.product_id, l.location_id, l.lot_id, l.quantity, h.id AS hold, h.reference
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS spot (product, location, lot)
    JOIN stock_hold_lines l ON l.tenant_id = $1 AND l.product_id = spot.product AND l.location_id = spot.location
                           AND l.lot_id IS NOT DISTINCT FROM spot.lot
    JOIN stock_holds h ON h.tenant_id = $1 AND h.id = l.hold_id
    ORDER BY h.created_at DESC, h.id DESC, l.id DESC
"""
_TAKE = """
    WITH given AS (SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::numeric[]) AS given (id, hold, quantity)),
    gone AS (
        DELETE FROM stock_hold_lines l USING given g WHERE l.tenant_id = $1 AND l.id = g.id AND l.quantity = g.quantity
        RETURNING l.product_id, l.location_id, l.lot_id, g.quantity
    ),
    less AS (
        UPDATE stock_hold_lines l SET quantity = l.quantity - g.quantity FROM given g
        WHERE l.tenant_id = $1 AND l.id = g.id AND l.quantity > g.quantity
        RETURNING l.product_id, l.location_id, l.lot_id, g.quantity
    ),
    summed AS (
        SELECT product_id, location_id, lot_id, sum(quantity) AS quantity
        FROM (SELECT * FROM gone UNION ALL SELECT * FROM less) taken GROUP BY 1, 2, 3
    ),
    freed AS (
        UPDATE stock_levels s SET reserved = s.reserved - g.quantity, updated_at = statement_timestamp()
        FROM summed g WHERE s.tenant_id = $1 AND s.product_id = g.product_id AND s.location_id = g.location_id
                        AND s.lot_id IS NOT DISTINCT FROM g.lot_id
        RETURNING s.id
    )
    SELECT id FROM freed
"""
_TAKEN_FROM = """
    UPDATE stock_holds h SET version = h.version + 1, updated_at = statement_timestamp()
    FROM (SELECT id FROM stock_holds WHERE tenant_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE) locked
    WHERE h.tenant_id = $1 AND h.id = locked.id RETURNING h.id, h.version
"""
_ENDED = """
    SELECT h.id, ARRAY(SELECT DISTINCT l.product_id FROM stock_hold_lines l WHERE l.tenant_id = $1 AND l.hold_id = h.id)
               AS products
    FROM stock_holds h
    WHERE h.tenant_id = $1 AND h.status = 'HELD' AND h.expires_at <= statement_timestamp()
      AND ($2::uuid[] IS NULL OR EXISTS (
          SELECT FROM stock_hold_lines l WHERE l.tenant_id = $1 AND l.hold_id = h.id AND l.product_id = ANY($2::uuid[])))
    ORDER BY h.expires_at, h.id LIMIT $3
"""
_END = """
    UPDATE stock_holds h SET status = 'EXPIRED', version = h.version + 1, updated_at = statement_timestamp()
    FROM (
        SELECT id FROM stock_holds
        WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND status = 'HELD' AND expires_at <= statement_timestamp()
        ORDER BY id FOR UPDATE
    ) ended
    WHERE h.tenant_id = $1 AND h.id = ended.id RETURNING h.id, h.version
"""
_NEXT_END = """
    UPDATE stock_levels s SET held_until = (
        SELECT min(l.expires_at) FROM stock_hold_lines l
        WHERE l.tenant_id = $1 AND l.product_id = s.product_id AND l.location_id = s.location_id
          AND l.lot_id IS NOT DISTINCT FROM s.lot_id)
    WHERE s.tenant_id = $1 AND s.product_id = ANY($2::uuid[]) AND s.held_until <= statement_timestamp()
"""
"""``held_until`` may be too early, as goods are let go without a look at it: then this puts it right, once."""


_FORGET = f"""
    WITH forgotten AS (
        DELETE FROM stock_holds WHERE tenant_id = $1 AND id IN (
            SELECT id FROM stock_holds
            WHERE tenant_id = $1 AND status <> 'HELD' AND updated_at < now() - interval '{KEPT_HOURS} hours'
            ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT count(*) FROM forgotten
"""
"""Deletes holds that ended so long ago that no retry is answered with them."""


async def keep(work: UnitOfWork, hold: UUID, until: datetime, kept: Sequence[Kept]) -> None:
    """Keep goods for a hold. They must be available, or it is a fault and nothing is stored."""
    if not kept:
        return
    ids = [new_id() for _ in kept]
    taken = await work.rows(_KEEP, hold, until, ids, *zip(*kept, strict=True))
    if len(taken) != len(kept):
        raise BrokenInvariant("More was to be kept than is available under the lock.")
    work.touch("STOCK_LEVEL", *(row["id"] for row in taken))


async def free(work: UnitOfWork, holds: Iterable[UUID]) -> dict[Spot, Decimal]:
    """Let go of all that these holds have: how much, where. The caller notifies orders that wait for it."""
    rows = await work.rows(_FREE, list(holds))
    if any(row["id"] is None for row in rows):
        raise BrokenInvariant("A hold has no balance.")
    work.touch("STOCK_LEVEL", *(row["id"] for row in rows))
    return {Spot(row["product_id"], row["location_id"], row["lot_id"]): row["quantity"] for row in rows}


async def displace(work: UnitOfWork, missing: Mapping[Spot, Decimal], reason: str) -> dict[Spot, Decimal]:
    """Take goods at these spots from holds, the newest first: what is still missing then. An order is a promise, and a basket
    isn't, so these lose first.
    """
    left, taken, holds = dict(missing), list[tuple[UUID, UUID, Decimal]](), defaultdict[UUID, list[Any]](list)
    for row in await work.rows(_AT, *zip(*missing, strict=True)):
        spot = Spot(row["product_id"], row["location_id"], row["lot_id"])
        part = min(row["quantity"], left[spot])
        if part:
            taken.append((row["id"], row["hold"], part))
            left[spot] -= part
            holds[row["hold"]].append(recorded(Kept(spot.product, spot.location, part, spot.lot)))
    if taken:
        levels = await work.rows(_TAKE, *zip(*taken, strict=True))
        work.touch("STOCK_LEVEL", *(row["id"] for row in levels))
        for hold, version in await work.rows(_TAKEN_FROM, list(holds)):
            work.note("hold.reduced", hold, version=version, after={"reason": reason, "lines": holds[hold]})
    return {spot: quantity for spot, quantity in left.items() if quantity}


async def holders(work: UnitOfWork, spots: Sequence[Spot]) -> dict[Spot, list[str]]:
    """The references of the holds that have goods at these spots."""
    found: dict[Spot, list[str]] = defaultdict(list)
    for row in await work.rows(_AT, *zip(*spots, strict=True)):
        spot = Spot(row["product_id"], row["location_id"], row["lot_id"])
        found[spot].append(f"the hold {row['reference']}")
    return found


def recorded(kept: Kept) -> dict[str, Any]:
    """What is kept, as an event records it."""
    return {
        "product": encode("prod", kept.product),
        "location": encode("loc", kept.location),
        "quantity": kept.quantity,
    } | ({"lot": encode("lot", kept.lot)} if kept.lot else {})


# ---------------------------------------------------------------- what ended


class HoldsEnd(Command):
    """Holds whose time is over, to be let go: those that have any of these products, or all."""

    products: tuple[UUID, ...] | None = None
    """The ids of products."""


async def end(work: UnitOfWork, command: HoldsEnd) -> References:
    """Let go of what ended, ``AT_ONCE`` holds at most, for the orders that wait for it, and for all."""
    work.ending = True
    wanted = None if command.products is None else list(command.products)
    if wanted is None:
        await work.rows(_FORGET, 10 * AT_ONCE)
    ended = await work.rows(_ENDED, wanted, AT_ONCE)
    products = {product for row in ended for product in row["products"]} | set(wanted or ())
    if not products and not ended:
        return {"hold_ids": []}
    await stock.lock(work, products)
    over = await work.rows(_END, [row["id"] for row in ended])
    freed = await free(work, [row["id"] for row in over])
    for hold, version in over:
        work.note("hold.expired", hold, version=version)
    await work.rows(_NEXT_END, list(products))
    await stock.arrived(work, {spot.product for spot in freed})
    return {"hold_ids": [row["id"] for row in ended]}


async def let_go(database: Database, tenant: UUID, products: Iterable[UUID] | None = None) -> int:
    """Let go of the holds that ended, in transactions of their own; how many there were. Raises what ``perform`` does."""
    command, count = HoldsEnd(products=None if products is None else tuple(products)), 0
    while True:
        done = await perform(database, tenant, PRINCIPAL, command, end)
        found = len(cast("list[UUID]", done.references["hold_ids"]))
        count += found
        if found < AT_ONCE:
            return count


async def keep_up(site: Site, tenant: UUID) -> int:
    """Let go of a tenant's holds that ended, for the orders that wait for their goods; how many there were."""
    return await let_go(site.database, tenant)
