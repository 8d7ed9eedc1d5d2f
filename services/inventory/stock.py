"""The stock engine: the only place that writes moves, balances and reservations.

Whoever touches the stock of a product holds that product's lock first (``lock``), and takes the
locks of all its products in one statement, in the order of their ids: no two commands can wait for
each other. Below it the guards stand in the statements themselves, and the table's own constraints
below those. Each function is one statement, however many lines it is about.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from core.errors import BrokenInvariant
from core.ids import new_id
from core.inventory import Hold, Place, Spot
from db.runtime.engine import Database
from services import catalog
from services.kit.hooks import Hook
from services.kit.later import Later
from services.kit.together import Asked
from services.kit.work import Retry, UnitOfWork


class Move(NamedTuple):
    """Goods that go from one location to another, for a line item or not; of one lot where they are tracked."""

    product: UUID
    source: UUID
    destination: UUID
    quantity: Decimal
    reason: str
    line: UUID | None = None
    lot: UUID | None = None


Arrived = Callable[[UnitOfWork, Sequence[UUID]], Awaitable[None]]

ON_ARRIVAL: Hook[Arrived] = Hook()
"""What happens when goods of these products became available, in the command's own transaction and under the products'
locks. A module above adds what waits for goods."""

Holders = Callable[[UnitOfWork, Sequence[Spot]], Awaitable[Mapping[Spot, Sequence[str]]]]

HOLDERS: Hook[Holders] = Hook()
"""What goods of a product at a location are reserved for, as people call it. A module above that reserves goods says so."""


class Displaced(NamedTuple):
    """What a module above does with reserved goods that are taken away: ``take`` so many at each spot, for a reason, from
    those that have them reserved; its result is what lacks them now, for ``waiting``, which says later which orders
    still do.
    """

    take: Callable[[UnitOfWork, Mapping[Spot, Decimal], str], Awaitable[list[UUID]]]
    waiting: Callable[[UnitOfWork, Sequence[UUID]], Awaitable[list[UUID]]]


DISPLACED: Hook[Displaced] = Hook()
"""Takes reserved goods away, under the products' locks. A module above that reserves goods says how."""

LetGo = Callable[[Database, UUID, Iterable[UUID]], Awaitable[object]]

ON_END: Hook[LetGo] = Hook()
"""Lets goods of these products go whose hold ended, in transactions of its own. ``services.inventory.holding`` says how."""

_LOCK = f"SELECT id, {catalog.DECIMALS} FROM products WHERE tenant_id = $1 AND id = ANY($2::uuid[]) {catalog.LOCK}"

TODAY = "(statement_timestamp() AT TIME ZONE (SELECT timezone FROM tenants WHERE id = $1))::date"
"""The day that it is where the tenant is."""

SELLABLE = f"(s.sellable_until IS NULL OR s.sellable_until >= {TODAY})"
"""The condition that goods of a balance may be sold: they aren't tracked, or their lot is neither blocked nor over its last day.
Without a lot nobody asks for the day."""

_PLACES = f"""
    SELECT s.product_id, s.location_id, l.code, l.warehouse_id, s.available, l.rank, l.allocation, s.lot_id,
           s.sellable_until AS expires, s.held_until <= statement_timestamp() AS ended
    FROM stock_levels s JOIN locations l ON (l.tenant_id, l.id) = (s.tenant_id, s.location_id)
    WHERE s.tenant_id = $1 AND s.product_id = ANY($2::uuid[]) AND l.kind = 'INTERNAL'
      AND (s.available > 0 OR s.held_until <= statement_timestamp()) AND {SELLABLE}
"""

_PLACES_OF = (
    "SELECT there.* FROM (SELECT array_agg(id) AS ids FROM {products}) locked, stock_places($1, locked.ids) there"
)
"""The same by the database's function (migration 0048), which looks when it is called: so it can be asked in the statement that
takes the products' locks, whose own snapshot is of before. A test compares the two."""

_GIVEN = """
    unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::numeric[], $6::uuid[], $7::uuid[])
    AS given (line, product, location, quantity, lot, id)
"""
_SPOT = "s.product_id = g.product AND s.location_id = g.location AND s.lot_id IS NOT DISTINCT FROM g.lot"
"""The condition that ``s`` is the balance of the spot ``g``. What isn't tracked has one balance at a place, and it is compared with
no other."""

_RESERVATION = "r.line_item_id = g.line AND r.location_id = g.location AND r.lot_id IS NOT DISTINCT FROM g.lot"

_RESERVE = f"""
    given AS (SELECT * FROM {_GIVEN}),
    taken AS (
        UPDATE stock_levels s SET reserved = s.reserved + g.quantity, updated_at = statement_timestamp()
        FROM (SELECT product, location, lot, sum(quantity) AS quantity FROM given GROUP BY 1, 2, 3) g
        WHERE s.tenant_id = $1 AND {_SPOT} AND s.on_hand - s.reserved >= g.quantity
        RETURNING s.product_id AS product, s.location_id AS location, s.lot_id AS lot, s.id
    ),
    held AS (
        INSERT INTO reservations (tenant_id, id, line_item_id, product_id, location_id, lot_id, quantity)
        SELECT t.id, g.id, g.line, g.product, g.location, g.lot, g.quantity
        FROM tenants t, given g JOIN taken k
             ON k.product = g.product AND k.location = g.location AND k.lot IS NOT DISTINCT FROM g.lot
        WHERE t.id = $1{{more}}
    )
"""
_RESERVE_NEW = _RESERVE.format(more="")
_RESERVE_MORE = _RESERVE.format(
    more=""" ON CONFLICT (tenant_id, line_item_id, location_id, lot_id)
             DO UPDATE SET quantity = reservations.quantity + excluded.quantity"""
)
_TAKEN = "ARRAY(SELECT id FROM taken)"
"""A reservation is made only where its balance gave the goods; the ids of the balances."""

_SHRINK = f"""
    WITH given AS (SELECT * FROM {_GIVEN}),
    gone AS (
        DELETE FROM reservations r USING given g
        WHERE r.tenant_id = $1 AND {_RESERVATION} AND r.quantity = g.quantity
        RETURNING g.id
    ),
    less AS (
        UPDATE reservations r SET quantity = r.quantity - g.quantity FROM given g
        WHERE r.tenant_id = $1 AND {_RESERVATION} AND r.quantity > g.quantity
        RETURNING g.id
    ),
    shrunk AS (SELECT given.* FROM given JOIN (SELECT id FROM gone UNION ALL SELECT id FROM less) ids USING (id)),
    summed AS (SELECT product, location, lot, sum(quantity) AS quantity FROM shrunk GROUP BY 1, 2, 3)
"""

_RELEASE = f"""
    {_SHRINK},
    freed AS (
        UPDATE stock_levels s SET reserved = s.reserved - g.quantity, updated_at = statement_timestamp()
        FROM summed g WHERE s.tenant_id = $1 AND {_SPOT}
        RETURNING s.id
    )
    SELECT (SELECT count(*) FROM shrunk), ARRAY(SELECT id FROM freed)
"""

_SHIP = f"""
    {_SHRINK},
    taken AS (
        UPDATE stock_levels s
        SET reserved = s.reserved - g.quantity, on_hand = s.on_hand - g.quantity, updated_at = statement_timestamp()
        FROM summed g WHERE s.tenant_id = $1 AND {_SPOT}
        RETURNING s.id
    ),
    moved AS (
        INSERT INTO stock_moves (tenant_id, id, product_id, source_id, destination_id, quantity, reason,
                                 line_item_id, principal, occurred_at, lot_id)
        SELECT t.id, s.id, s.product, s.location, $8, s.quantity, 'shipment', s.line, $9, statement_timestamp(), s.lot
        FROM tenants t, shrunk s WHERE t.id = $1
    )
    SELECT (SELECT count(*) FROM shrunk), ARRAY(SELECT id FROM taken)
"""

_MOVE = f"""
    WITH given AS (
        SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::numeric[], $8::text[],
                             $9::uuid[], $10::uuid[])
               AS given (id, level, product, source, destination, quantity, reason, line, lot)
    ),
    moved AS (
        INSERT INTO stock_moves (tenant_id, id, product_id, source_id, destination_id, quantity, reason,
                                 line_item_id, principal, occurred_at, lot_id)
        SELECT t.id, g.id, g.product, g.source, g.destination, g.quantity, g.reason, g.line, $11, statement_timestamp(), g.lot
        FROM tenants t, given g WHERE t.id = $1
    ),
    changes AS (
        SELECT product, location, lot, sum(quantity) AS quantity,
               (array_agg(level) FILTER (WHERE quantity > 0))[1] AS level
        FROM (
            SELECT level, product, destination AS location, lot, quantity FROM given
            UNION ALL SELECT level, product, source, lot, -quantity FROM given
        ) entries JOIN locations l ON l.tenant_id = $1 AND l.id = location
        WHERE l.kind IN ('INTERNAL', 'QUARANTINE', 'TRANSIT')
        GROUP BY product, location, lot
    ),
    changed AS (
        UPDATE stock_levels s SET on_hand = s.on_hand + g.quantity, updated_at = statement_timestamp()
        FROM changes g WHERE s.tenant_id = $1 AND {_SPOT}
        RETURNING s.id, s.product_id, s.location_id, s.lot_id
    ),
    made AS (
        INSERT INTO stock_levels (tenant_id, id, product_id, location_id, on_hand, lot_id, sellable_until, serial)
        SELECT t.id, c.level, c.product, c.location, c.quantity, c.lot,
               CASE WHEN o.blocked THEN '-infinity' ELSE o.expires_on END, coalesce(p.tracking = 'SERIAL', false)
        FROM tenants t, changes c
        LEFT JOIN lots o ON o.tenant_id = $1 AND o.id = c.lot
        LEFT JOIN products p ON p.tenant_id = $1 AND p.id = o.product_id
        WHERE t.id = $1 AND c.quantity >= 0
        ON CONFLICT (tenant_id, product_id, location_id, lot_id) DO NOTHING
        RETURNING id, product_id, location_id, lot_id
    ),
    touched AS (SELECT * FROM changed UNION ALL SELECT * FROM made)
    SELECT t.*, c.balances FROM (SELECT count(*) AS balances FROM changes) c LEFT JOIN touched t ON true
"""
"""A product's first goods at a location make its balance there, under the ``level`` of their move. ``balances`` must
have changed."""


_ANNOUNCE = """
    WITH given AS (
        SELECT product, location, sum(quantity) AS quantity, min(id::text)::uuid AS id
        FROM unnest($2::uuid[], $3::uuid[], $4::numeric[], $5::uuid[]) AS given (product, location, quantity, id)
        GROUP BY product, location
    )
    INSERT INTO stock_levels (tenant_id, id, product_id, location_id, incoming)
    SELECT t.id, g.id, g.product, g.location, g.quantity FROM tenants t, given g WHERE t.id = $1
    ON CONFLICT (tenant_id, product_id, location_id, lot_id) DO UPDATE
    SET incoming = stock_levels.incoming + excluded.incoming, updated_at = statement_timestamp()
    RETURNING id
"""
_RECALL = """
    UPDATE stock_levels s SET incoming = s.incoming - g.quantity, updated_at = statement_timestamp()
    FROM (SELECT product, location, sum(quantity) AS quantity
          FROM unnest($2::uuid[], $3::uuid[], $4::numeric[]) AS given (product, location, quantity)
          GROUP BY product, location) g
    WHERE s.tenant_id = $1 AND s.product_id = g.product AND s.location_id = g.location AND s.lot_id IS NULL
      AND s.incoming >= g.quantity
    RETURNING s.id
"""


class Coming(NamedTuple):
    """A quantity of a product that is expected at a location."""

    product: UUID
    location: UUID
    quantity: Decimal


async def lock(work: UnitOfWork, products: Iterable[UUID]) -> None:
    """Take the locks of these products, until the end of the command; they may have come along when the
    products were looked up. Only once in a command, and after those of its orders: a command that asked for more
    later could wait for one that waits for it. Raises ``Retry`` where a product that the command has seen may be counted
    otherwise by now.
    """
    wanted = frozenset(products)
    if not wanted <= work.products:
        if work.products:
            raise BrokenInvariant("Locks of stock are taken once.")
        catalog.check_seen(work, dict(map(tuple, await work.rows(_LOCK, list(wanted)))))
        work.products = wanted


async def places(work: UnitOfWork, products: Iterable[UUID]) -> list[Place]:
    """Where these products can be promised from. Under their locks. Raises ``Retry`` where a hold of them ended."""
    return _judged(work, await work.rows(_PLACES, list(set(products))))


def asked(products: str) -> Asked:
    """Asks where products can be promised from that are asked for under this name in the same statement, with their locks."""
    return Asked("places", _PLACES_OF.format(products=products), len(Place._fields) + 1)


async def places_or(work: UnitOfWork, products: Collection[UUID], there: list[Any] | None) -> list[Place]:
    """Where these products can be promised from, by the rows that they were ``asked`` for, if they were: those are of the moment
    when their locks had been taken.
    """
    if there is None:
        return await places(work, products)
    return _judged(work, [row for row in there if row[0] in products])


def _judged(work: UnitOfWork, rows: Sequence[Any]) -> list[Place]:
    check_ended(work, (row[0] for row in rows if row[-1]))
    return [Place(*row[:-1]) for row in rows]


def check_ended(work: UnitOfWork, products: Iterable[UUID]) -> None:
    """Raise ``Retry`` if these products, of which a hold ended, are any: before the command is begun again they are let go, so
    that whoever waits for them gets them first, and an order that this command has read is read anew.
    """
    ended = set(products)
    if ended and not work.ending:

        async def let_go(database: Database, tenant: UUID) -> None:
            for each in ON_END.added:
                await each(database, tenant, ended)

        raise Retry("holds ended", between=let_go)


def reserve(work: UnitOfWork, holds: Sequence[Hold], *, first: bool = False) -> None:
    """Hold goods for line items, before the command's next statement or at its end. What is held must be available, or it is a
    fault and nothing is stored. ``first``: nothing is held for these line items, so nobody looks for what is.
    """

    def reserved(levels: Sequence[UUID]) -> None:
        if len(levels) != len({hold.spot for hold in holds}):
            raise BrokenInvariant("More was to be reserved than is available under the lock.")
        work.touch("STOCK_LEVEL", *levels)

    if holds:
        work.later(Later(_RESERVE_NEW if first else _RESERVE_MORE, _TAKEN, _columns(holds), reserved))


async def release(work: UnitOfWork, holds: Sequence[Hold]) -> None:
    """Release held goods, in part or whole, and notify the modules that wait for them."""
    await free(work, holds)
    await arrived(work, {hold.product for hold in holds})


async def free(work: UnitOfWork, holds: Sequence[Hold]) -> None:
    """Release held goods, in part or whole. The caller notifies orders that wait for them, later in the command."""
    if holds:
        [found] = await work.rows(_RELEASE, *_columns(holds))
        _check(work, holds, *found)


async def ship(work: UnitOfWork, holds: Sequence[Hold], customers: UUID) -> list[UUID]:
    """Turn what is held into moves to where customers are: their ids, in the order of the holds."""
    *columns, moves = _columns(holds)
    [found] = await work.rows(_SHIP, *columns, moves, customers, work.principal)
    _check(work, holds, *found)
    return list(moves)


class Moved(NamedTuple):
    """The ids of the moves, in their order, and those of the balances that changed."""

    moves: list[UUID]
    levels: dict[Spot, UUID]


async def move(work: UnitOfWork, moves: Sequence[Move]) -> Moved:
    """Move goods. Balances below what is there or reserved are the callers' to refuse; the table refuses
    what they let through. Orders that wait for goods aren't served here: see ``arrived``.
    """
    if not moves:
        return Moved([], {})
    ids, levels = [new_id() for _ in moves], [new_id() for _ in moves]
    rows = await work.rows(_MOVE, ids, levels, *zip(*moves, strict=True), work.principal)
    changed = {Spot(row["product_id"], row["location_id"], row["lot_id"]): row["id"] for row in rows if row["id"]}
    if len(changed) != rows[0]["balances"]:
        raise BrokenInvariant("Goods were to leave a place that has none.")
    work.touch("STOCK_LEVEL", *changed.values())
    return Moved(ids, changed)


async def arrived(work: UnitOfWork, products: Iterable[UUID]) -> None:
    """Notify the modules that wait for goods: these products became available."""
    if wanted := sorted(set(products)):
        for notify in ON_ARRIVAL.added:
            await notify(work, wanted)


async def announce(work: UnitOfWork, coming: Sequence[Coming]) -> None:
    """Goods are on their way: they count as incoming where they are expected. Under the products' locks."""
    if coming:
        rows = await work.rows(_ANNOUNCE, *zip(*coming, strict=True), [new_id() for _ in coming])
        work.touch("STOCK_LEVEL", *(row["id"] for row in rows))


async def recall(work: UnitOfWork, coming: Sequence[Coming]) -> None:
    """What was announced isn't expected any more: it came, or was called off. Under the products' locks."""
    if not coming:
        return
    rows = await work.rows(_RECALL, *zip(*coming, strict=True))
    if len(rows) != len({each[:2] for each in coming}):
        raise BrokenInvariant("More was expected than was announced.")
    work.touch("STOCK_LEVEL", *(row["id"] for row in rows))


def summed(holds: Iterable[Hold]) -> dict[UUID, Decimal]:
    """The quantities by line."""
    sums: dict[UUID, Decimal] = defaultdict(Decimal)
    for hold in holds:
        sums[hold.line] += hold.quantity
    return dict(sums)


def _columns(holds: Sequence[Hold]) -> tuple[Sequence[Any], ...]:
    return *zip(*holds, strict=True), [new_id() for _ in holds]


def _check(work: UnitOfWork, holds: Sequence[Hold], shrunk: int, levels: Sequence[UUID]) -> None:
    if shrunk != len(holds):
        raise BrokenInvariant("A reservation is not what it was under its lock.")
    if len(levels) != len({hold.spot for hold in holds}):
        raise BrokenInvariant("A reservation has no balance.")
    work.touch("STOCK_LEVEL", *levels)
