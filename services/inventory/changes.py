"""Stock by hand: adjusted by a difference, set to a count, transferred."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from core import ids
from core.errors import BrokenInvariant
from core.inventory import STALE_STOCK, Spot, note_shortage
from core.money import LIMIT, decimal_text
from core.problems import Problems
from services import catalog
from services.catalog import Finer, ProductSnapshot
from services.inventory import holding, lots, places, stock
from services.inventory.commands import StockAdjust, StockAdjustLine, StockSet, StockSetLine, StockTransfer
from services.inventory.lots import Asked, Piece
from services.inventory.places import Location
from services.inventory.stock import Move, Moved
from services.kit.answer import References
from services.kit.work import UnitOfWork

ZERO = Decimal(0)

NAMED = 3
"""Orders that a message names; it counts the others."""


class Balance(NamedTuple):
    """What is at a spot. Without a row there is nothing."""

    id: UUID | None = None
    on_hand: Decimal = ZERO
    reserved: Decimal = ZERO
    held: bool = False
    """Whether a hold may have any of it."""

    @property
    def available(self) -> Decimal:
        """How many may leave."""
        return self.on_hand - self.reserved


class Change(NamedTuple):
    """One line of a command, once its product and location are known."""

    line: int
    field: str
    item: ProductSnapshot
    location: Location
    delta: Decimal
    lot: UUID | None = None
    code: str | None = None

    @property
    def spot(self) -> Spot:
        return Spot(self.item.id, self.location.id, self.lot)


FINER = (
    Finer(
        "EXISTS (SELECT FROM stock_moves WHERE tenant_id = $1 AND product_id = $2 AND quantity <> round(quantity, $3))",
        "stock moves",
    ),
    Finer(
        "EXISTS (SELECT FROM stock_hold_lines WHERE tenant_id = $1 AND product_id = $2 AND quantity <> round(quantity, $3))",
        "holds",
    ),
)
"""What has more decimals than a product's quantities are to have. What is on hand follows from the moves."""

_BALANCES = """
    SELECT product_id, location_id, lot_id, id, on_hand, reserved, held_until IS NOT NULL,
           held_until <= statement_timestamp() AS ended
    FROM stock_levels
    WHERE tenant_id = $1 AND product_id = ANY($2::uuid[]) AND location_id = ANY($3::uuid[])
      AND (lot_id IS NULL OR lot_id = ANY($4::uuid[]))
"""


async def adjust(work: UnitOfWork, command: StockAdjust) -> References:
    """Change balances by differences. Raises ``CommandRejected`` where more would leave than is available."""
    problems = work.problems
    loss = await places.outside(work, "LOSS")
    items, locations = await _known(work, command.lines, problems)
    given = [
        Change(index, "delta", item, location, line.delta, code=line.lot)
        for index, line in enumerate(command.lines)
        if (item := items[index]) and (location := locations[index])
    ]
    await stock.lock(work, [change.item.id for change in given])
    _check_countable(given, problems)
    changes = await _of_lots(work, given, problems, [command.lines[change.line].expires_on for change in given])
    balances = await _balances(work, [change.spot for change in changes])
    await _check_pieces(work, changes, problems)
    missing = await _refuse_impossible(work, changes, balances, problems, take=command.take_reserved)
    problems.check()
    moves = [_counted(change, loss, command.reason) for change in changes]
    return await _carry_out(work, "stock.adjusted", changes, balances, moves, command.reason, missing)


async def set_counted(work: UnitOfWork, command: StockSet) -> References:
    """Set balances. Raises ``CommandRejected`` where one isn't what was expected, or less than is reserved."""
    problems = work.problems
    loss = await places.outside(work, "LOSS")
    items, locations = await _known(work, command.lines, problems)
    await stock.lock(work, [item.id for item in items if item])
    counted = [
        Change(index, "onHand", item, location, line.on_hand, code=line.lot)
        for index, line in enumerate(command.lines)
        if (item := items[index]) and (location := locations[index])
    ]
    _check_countable(counted, problems)
    counted = await _of_lots(work, counted, problems)
    balances = await _balances(work, [change.spot for change in counted])
    changes: dict[Spot, Change] = {}
    for change in counted:
        there, line, at = balances[change.spot].on_hand, command.lines[change.line], change.location.code
        if change.spot in changes:
            problems.invalid(f"{change.item.sku} at {at} is named twice.", "lines", change.line)
        if line.expected_on_hand not in (None, there):
            message = f"{decimal_text(there)} of {change.item.sku} are at {at} now. Count again."
            facts = {"expected": line.expected_on_hand, "actual": there}
            problems.add(STALE_STOCK, message, "lines", change.line, "expectedOnHand", **facts)
        changes[change.spot] = change._replace(delta=line.on_hand - there)
    await _check_pieces(work, changes.values(), problems)
    missing = await _refuse_impossible(work, changes.values(), balances, problems, take=command.take_reserved)
    problems.check()
    moves = [_counted(change, loss, command.reason) for change in changes.values() if change.delta]
    return await _carry_out(work, "stock.set", list(changes.values()), balances, moves, command.reason, missing)


async def transfer(work: UnitOfWork, command: StockTransfer) -> References:
    """Move goods. Raises ``CommandRejected`` where more would leave than is available."""
    problems = work.problems
    found = await places.locate(work, [command.source, command.destination])
    items = await catalog.find(work, [line.product for line in command.lines], problems, "lines", lock=True)
    source = places.holding(found, command.source, problems, "source")
    destination = places.holding(found, command.destination, problems, "destination", into=True)
    if command.source == command.destination:
        problems.invalid("Goods can't be transferred to where they are.", "destination")
    if source is None or destination is None:
        # What leaves a place that is known can still be looked at.
        if source is None:
            problems.check()
        destination = None
    if source is None:
        raise BrokenInvariant("A location is missing, and no problem was noted.")
    given = [
        Change(index, "quantity", item, source, -line.quantity, code=line.lot)
        for index, line in enumerate(command.lines)
        if (item := items[index])
    ]
    await stock.lock(work, [change.item.id for change in given])
    _check_countable(given, problems)
    out = await _of_lots(work, given, problems)
    into = [change._replace(location=destination, delta=-change.delta) for change in out] if destination else []
    balances = await _balances(work, [change.spot for change in (*out, *into)])
    await _check_pieces(work, out, problems)
    missing = await _refuse_impossible(work, out, balances, problems, take=command.take_reserved)
    await _refuse_impossible(work, into, balances, problems)
    problems.check()
    reason = command.reason or "transfer"
    if destination is None:
        raise BrokenInvariant("A location is missing, and no problem was noted.")
    moves = [Move(change.item.id, source.id, destination.id, -change.delta, reason, lot=change.lot) for change in out]
    return await _carry_out(work, "stock.transferred", [*out, *into], balances, moves, reason, missing)


async def leaving(work: UnitOfWork, changes: Sequence[Change]) -> list[Change]:
    """These changes with their lots, for a module above; a problem is noted at each line that names no lot where it must, or takes
    more from a place than is available there. Under the products' locks.
    """
    found = await _of_lots(work, changes, work.problems)
    balances = await _balances(work, [change.spot for change in found])
    await _check_pieces(work, found, work.problems)
    await _refuse_impossible(work, found, balances, work.problems)
    return found


async def coming(work: UnitOfWork, changes: Sequence[Change], expires: Sequence[date | None]) -> list[Change]:
    """These changes with their lots, for a module above; new lots are made, with these last days, and a problem is noted at each
    line that names no lot where it must, or a second piece of a serial number. Under the products' locks.
    """
    found = await _of_lots(work, changes, work.problems, expires)
    await _check_pieces(work, found, work.problems)
    return found


async def _known(
    work: UnitOfWork, lines: Sequence[StockAdjustLine | StockSetLine], problems: Problems
) -> tuple[list[ProductSnapshot | None], list[Location | None]]:
    """The product and the location of each line; problems are noted, and None given, for unknown ones."""
    found = await places.locate(work, [line.location for line in lines])
    items = await catalog.find(work, [line.product for line in lines], problems, "lines", lock=True)
    locations = [
        places.holding(found, line.location, problems, "lines", index, "location", into=True)
        for index, line in enumerate(lines)
    ]
    return items, locations


def _check_countable(changes: Sequence[Change], problems: Problems) -> None:
    """Note each quantity with more decimals than those of its product may have."""
    for change in changes:
        catalog.check_countable(change.item, change.delta, problems, "lines", change.line, change.field)


async def _of_lots(
    work: UnitOfWork, changes: Sequence[Change], problems: Problems, expires: Sequence[date | None] = ()
) -> list[Change]:
    """These changes with their lots, but for those whose lot is wrong. New lots are made for what comes."""
    days = expires or [None] * len(changes)
    asked = [
        Asked(change.item, change.code, change.delta > 0, ("lines", change.line), day)
        for change, day in zip(changes, days, strict=True)
    ]
    found = await lots.named(work, asked, problems)
    return [
        change._replace(lot=lot)
        for change, lot in zip(changes, found, strict=True)
        if lot or (change.item.tracking == "NONE" and change.code is None)
    ]


async def _balances(work: UnitOfWork, spots: Sequence[Spot]) -> Mapping[Spot, Balance]:
    products, locations, named = zip(*spots, strict=True) if spots else ((), (), ())
    rows = await work.rows(_BALANCES, list(set(products)), list(set(locations)), [lot for lot in set(named) if lot])
    stock.check_ended(work, (row["product_id"] for row in rows if row["ended"]))
    return defaultdict(Balance, {Spot(*row[:3]): Balance(*row[3:-1]) for row in map(tuple, rows)})


async def _refuse_impossible(
    work: UnitOfWork,
    changes: Iterable[Change],
    balances: Mapping[Spot, Balance],
    problems: Problems,
    *,
    take: bool = False,
) -> dict[Spot, Decimal]:
    """Note a problem at each line of a spot that would be left with less than is reserved, or too much; with ``take``, with
    less than nothing. How many must be taken from those that have them reserved, by spot, is the result.

    The lines of one product at one location are summed first.
    """
    sums: dict[Spot, Decimal] = defaultdict(Decimal)
    short = []
    for change in changes:
        sums[change.spot] += change.delta
    for change in changes:
        there, total = balances[change.spot], sums[change.spot]
        if change.delta < 0 and (there.on_hand if take else there.available) + total < 0:
            short.append(change)
        if there.on_hand + total >= LIMIT:
            problems.invalid("This would be more than can be counted.", "lines", change.line, change.field)
    holders = await _holders(work, {change.spot for change in short if balances[change.spot].reserved})
    for change in short:
        there, total = balances[change.spot], sums[change.spot]
        message = _short(change, there, holders.get(change.spot, ""))
        path, most = ("lines", change.line, change.field), there.on_hand if take else there.available
        note_shortage(problems, message, *path, product=change.item.id, requested=-total, available=most)
    lacking = {spot: -balances[spot].available - total for spot, total in sums.items()}
    return {spot: missing for spot, missing in lacking.items() if take and missing > 0}


async def _check_pieces(work: UnitOfWork, changes: Iterable[Change], problems: Problems) -> None:
    """Note each serial number that wouldn't be a single piece any more. Of a transfer only what leaves is looked at."""
    pieces = [
        Piece(change.lot, change.code or "", change.delta, ("lines", change.line, change.field))
        for change in changes
        if change.lot and change.delta and change.item.tracking == "SERIAL"
    ]
    await lots.check_pieces(work, pieces, problems)


def _short(change: Change, there: Balance, held: str) -> str:
    """Why a line takes more than may leave. ``held``: what the goods that are reserved there are reserved for."""
    unit, sku, place = change.item.unit, change.item.sku, change.location.code
    sku += f" (lot {change.code})" if change.code else ""
    if there.reserved and change.field == "onHand":
        left = decimal_text(there.on_hand + change.delta)
        return (
            f"{decimal_text(there.reserved)} {unit} of {sku} at {place} are reserved{held}, and only {left} would be left."
            " Ship or cancel those first, or count again."
        )
    message = f"Only {decimal_text(there.available)} {unit} of {sku} are available at {place}"
    if there.reserved:
        message += f": of {decimal_text(there.on_hand)} there, {decimal_text(there.reserved)} are reserved{held}"
    return f"{message}."


async def _holders(work: UnitOfWork, spots: Collection[Spot]) -> dict[Spot, str]:
    """What the goods at these spots are reserved for, as words that follow "reserved"."""
    names: dict[Spot, list[str]] = defaultdict(list)
    for look_up in stock.HOLDERS.added if spots else ():
        for spot, found in (await look_up(work, list(spots))).items():
            names[spot] += found
    return {spot: f" for {_listed(found)}" for spot, found in names.items()}


def _listed(names: Sequence[str]) -> str:
    """The first few of these, and how many more there are."""
    named, more = names[:NAMED], len(names) - NAMED
    if more > 0:
        return f"{', '.join(named)} and {more} more"
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _counted(change: Change, loss: UUID, reason: str) -> Move:
    """The move of a difference: what is found comes from where the lost goods go."""
    source, destination = (loss, change.location.id) if change.delta > 0 else (change.location.id, loss)
    return Move(change.item.id, source, destination, abs(change.delta), reason, lot=change.lot)


async def _carry_out(
    work: UnitOfWork,
    event: str,
    changes: Sequence[Change],
    balances: Mapping[Spot, Balance],
    moves: Sequence[Move],
    reason: str,
    missing: Mapping[Spot, Decimal],
) -> References:
    left = dict(missing)
    if any(balances[spot].held for spot in missing):
        left = await holding.displace(work, missing, reason)
    displaced = [(each, await each.take(work, left, reason)) for each in stock.DISPLACED.added] if left else []
    moved = await stock.move(work, moves)
    _note(work, event, changes, reason)
    came = {each.item.id for each in changes if each.delta > 0 and each.location.kind == "INTERNAL"}
    # What was taken away is reserved where there is more of it, also where these goods went.
    await stock.arrived(work, came | {spot.product for spot in missing})
    waiting = [order for each, lines in displaced for order in await each.waiting(work, lines)]
    levels = _levels(changes, balances, moved)
    return {"stock_level_ids": levels, "move_ids": moved.moves, "waiting_order_ids": waiting}


def _levels(changes: Sequence[Change], balances: Mapping[Spot, Balance], moved: Moved) -> list[UUID]:
    """The ids of the balances that the command was about, each once; one that was nothing and stayed so has none."""
    found = (moved.levels.get(change.spot) or balances[change.spot].id for change in changes)
    return list(dict.fromkeys(level for level in found if level))


def _note(work: UnitOfWork, event: str, changes: Sequence[Change], reason: str) -> None:
    """One event for each product."""
    lines: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for change in changes:
        if change.delta:
            fact = {"location": ids.encode("loc", change.location.id), "delta": change.delta}
            lines[change.item.id].append(fact | ({"lot": ids.encode("lot", change.lot)} if change.lot else {}))
    for product, facts in lines.items():
        work.note(event, product, after={"reason": reason, "lines": facts})
