"""Lots: goods of a tracked product that were made together, and serial numbers, which are lots of one.

A lot is made when its first goods come, under its product's lock, as everything here. What a lot says of its balances (its last
day, whether it is blocked) they repeat: what may be sold is read from them alone.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from core import ids
from core.ids import new_id
from core.inventory import LOT_EXPIRED
from core.problems import CommandRejected, Problems
from services.catalog import ProductSnapshot, Standing
from services.inventory import stock
from services.kit.answer import References
from services.kit.command import Change, Day, Id, shown
from services.kit.records import version_conflict
from services.kit.work import UnitOfWork

ONE = Decimal(1)


class LotUpdate(Change):
    """A change of a lot. Fields that are left out stay as they are."""

    lot: Annotated[UUID, Id("lot")]
    """The id of the lot (lot_…)."""
    expires_on: Day | None = None
    """The last day that its goods may be sold, where the tenant is; null for none."""
    blocked: bool = False
    """Whether its goods may not be sold, whatever the day. What is reserved of it stays so until it is released, and isn't
    shipped."""


STANDING = (
    Standing(
        "EXISTS (SELECT FROM stock_levels WHERE tenant_id = $1 AND product_id = $2 AND on_hand > 0)",
        "has goods in stock: adjust them to zero, change its tracking, and book them anew.",
    ),
)
"""What stands against another tracking: of goods that are there nobody knows the lots."""

RETRACK = (
    "UPDATE stock_levels SET serial = $3 = 'SERIAL' WHERE tenant_id = $1 AND product_id = $2 AND lot_id IS NOT NULL"
)
"""Balances of lots stay when they are empty, and may be filled again."""


class Asked(NamedTuple):
    """A lot that an input names by what is printed on the goods, or fails to name. ``comes``: goods of it come, so it may be new.
    ``path`` leads to the line.
    """

    item: ProductSnapshot
    code: str | None
    comes: bool
    path: tuple[str | int, ...]
    expires_on: date | None = None


class Lot(NamedTuple):
    """A lot that is there."""

    id: UUID
    product: UUID
    code: str
    expires_on: date | None


_FIND = """
    SELECT l.id, l.product_id, l.code, l.expires_on
    FROM unnest($2::uuid[], $3::text[]) AS given (product, code)
    JOIN lots l ON l.tenant_id = $1 AND l.product_id = given.product AND l.code = given.code
"""
_MAKE = """
    INSERT INTO lots (tenant_id, id, product_id, code, expires_on)
    SELECT t.id, g.id, g.product, g.code, g.expires
    FROM tenants t, unnest($2::uuid[], $3::uuid[], $4::text[], $5::date[]) AS g (id, product, code, expires)
    WHERE t.id = $1
"""


async def named(work: UnitOfWork, asked: Sequence[Asked], problems: Problems) -> list[UUID | None]:
    """The lots of these lines, which are made where goods come and there is none yet; None for what isn't tracked, and where a
    problem was noted. Under the products' locks; without a lot nothing is asked of the database.
    """
    wanted = list(dict.fromkeys((each.item.id, each.code) for each in asked if each.code and _tracked(each)))
    rows = await work.rows(_FIND, *zip(*wanted, strict=True)) if wanted else []
    there = {(lot.product, lot.code): lot for lot in (Lot(*row) for row in rows)}
    new: dict[tuple[UUID, str], Lot] = {}
    found = []
    for each in asked:
        lot = _lot(each, there, new, problems)
        found.append(lot and lot.id)
    if new:
        made = list(new.values())
        await work.rows(_MAKE, *map(list, zip(*made, strict=True)))
        for lot in made:
            work.note("lot.created", lot.id, version=1, after=_facts(lot))
    return found


async def by_code(work: UnitOfWork, wanted: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
    """The lots of products with these codes. Without any nothing is asked of the database."""
    rows = await work.rows(_FIND, *zip(*dict.fromkeys(wanted), strict=True)) if wanted else []
    return {(row["product_id"], row["code"]): row["id"] for row in rows}


def _tracked(each: Asked) -> bool:
    return each.item.tracking != "NONE"


def _lot(
    each: Asked, there: dict[tuple[UUID, str], Lot], new: dict[tuple[UUID, str], Lot], problems: Problems
) -> Lot | None:
    path = (*each.path, "lot")
    if not _tracked(each):
        if each.code is not None or each.expires_on is not None:
            problems.invalid(f"{each.item.sku} isn't tracked, so it has no lots.", *path)
        return None
    if each.code is None:
        what = "serial number" if each.item.tracking == "SERIAL" else "lot"
        problems.invalid(f"{each.item.sku} is tracked: say the {what}.", *path)
        return None
    key = each.item.id, each.code
    lot = there.get(key) or new.get(key)
    if lot is None and not each.comes:
        problems.missing(f"lot of {each.item.sku} with the {shown('code', each.code)}", *path)
        return None
    if lot is None:
        lot = new[key] = Lot(new_id(), *key, each.expires_on)
    if each.expires_on not in (None, lot.expires_on):
        until = "has no last day" if lot.expires_on is None else f"expires on {lot.expires_on.isoformat()}"
        problems.invalid(f"{each.code} {until}: change it by lotUpdate.", *each.path, "expiresOn")
    return lot


def _facts(lot: Lot) -> dict[str, Any]:
    return {"product": ids.encode("prod", lot.product), "code": lot.code, "expiresOn": _day(lot.expires_on)}


def _day(given: date | None) -> str | None:
    return None if given is None else given.isoformat()


# ---------------------------------------------------------------- serial numbers


class Piece(NamedTuple):
    """Goods of a serial number that come or go."""

    lot: UUID
    code: str
    delta: Decimal
    path: tuple[str | int, ...]


_SINGLE = """
    SELECT l.id, l.code FROM lots l JOIN products p ON p.tenant_id = $1 AND p.id = l.product_id
    WHERE l.tenant_id = $1 AND l.id = ANY($2::uuid[]) AND p.tracking = 'SERIAL'
"""


async def pieces(work: UnitOfWork, lots: Iterable[UUID | None]) -> dict[UUID, str]:
    """Those of these lots that are single pieces, with their codes. Without a lot nothing is asked of the database."""
    wanted = list({lot for lot in lots if lot})
    return dict(await work.rows(_SINGLE, wanted)) if wanted else {}


_PIECES = "SELECT lot_id, sum(on_hand) FROM stock_levels WHERE tenant_id = $1 AND lot_id = ANY($2::uuid[]) GROUP BY 1"


async def check_pieces(work: UnitOfWork, pieces: Collection[Piece], problems: Problems) -> None:
    """Note each serial number of which there would be two, wherever they are."""
    if not pieces:
        return
    there = dict(await work.rows(_PIECES, list({each.lot for each in pieces})))
    sums = dict[UUID, Decimal]()
    for each in pieces:
        sums[each.lot] = sums.get(each.lot, Decimal()) + each.delta
    for each in pieces:
        after = there.get(each.lot, Decimal()) + sums[each.lot]
        # A part of a piece was noted before, as of everything that is counted in whole pieces.
        if after > ONE and each.delta > 0 and not each.delta % ONE:
            message = f"{each.code} is a single piece, and there would be {int(after)}."
            problems.invalid(message, *each.path)


# ---------------------------------------------------------------- what may be sold

_UNSELLABLE = f"""
    SELECT id, code, blocked, expires_on FROM lots
    WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND (blocked OR expires_on < {stock.TODAY})
"""


class Unsellable(NamedTuple):
    """A lot whose goods may not be sold, and why."""

    id: UUID
    code: str
    why: str


async def unsellable(work: UnitOfWork, lots: Iterable[UUID | None]) -> dict[UUID, Unsellable]:
    """Those of these lots that are blocked or over their last day. Without a lot nothing is asked of the database."""
    wanted = list({lot for lot in lots if lot})
    rows = await work.rows(_UNSELLABLE, wanted) if wanted else []
    return {
        lot: Unsellable(lot, code, "is blocked" if blocked else f"expired on {day.isoformat()}")
        for lot, code, blocked, day in rows
    }


def note_unsellable(problems: Problems, lot: Unsellable, *path: str | int) -> None:
    """Note that goods of a lot were to be sold that may not be."""
    message = f"{lot.code} {lot.why}: its goods can be returned, moved or written off, not sold."
    problems.add(LOT_EXPIRED, message, *path, lot_id=lot.id)


# ---------------------------------------------------------------- changed

_PRODUCT_OF = "SELECT product_id FROM lots WHERE tenant_id = $1 AND id = $2"
_LOCK = "SELECT version, expires_on, blocked FROM lots WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"
_CHANGE = """
    WITH levels AS (
        UPDATE stock_levels SET sellable_until = CASE WHEN $4 THEN '-infinity' ELSE $3::date END,
                                updated_at = statement_timestamp()
        WHERE tenant_id = $1 AND lot_id = $2 RETURNING id
    )
    UPDATE lots SET expires_on = $3, blocked = $4, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version, ARRAY(SELECT id FROM levels) AS levels
"""


async def update_lot(work: UnitOfWork, command: LotUpdate) -> References:
    """Change a lot's last day, or block it. Goods that may be sold again go to orders that wait for them. Raises
    ``CommandRejected`` for an unknown lot, and for another version.
    """
    products = await work.rows(_PRODUCT_OF, command.lot)
    if not products:
        work.problems.missing(f"lot with the {shown('id', ids.encode('lot', command.lot))}", "lot")
        raise CommandRejected(work.problems.found)
    await stock.lock(work, [products[0]["product_id"]])
    [[version, expires_on, blocked]] = await work.rows(_LOCK, command.lot)
    if command.expected_version not in (None, version):
        raise version_conflict(version, command.expected_version)
    before = {"expiresOn": _day(expires_on), "blocked": blocked}
    wanted = command.expires_on if command.given("expires_on") else expires_on
    blocks = command.blocked if command.given("blocked") else blocked
    after = {"expiresOn": _day(wanted), "blocked": blocks}
    if after != before:
        [[version, levels]] = await work.rows(_CHANGE, command.lot, wanted, blocks)
        changed = {name for name in after if after[name] != before[name]}
        was, now = ({name: facts[name] for name in sorted(changed)} for facts in (before, after))
        work.note("lot.updated", command.lot, version=version, before=was, after=now)
        work.touch("STOCK_LEVEL", *levels)
        await stock.arrived(work, [products[0]["product_id"]])
    return {"lot_id": command.lot}
