"""Shipping: reserved goods leave, from where they are reserved or where the caller says, and a shipment records it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from core import ids
from core.ids import new_id
from core.inventory import Hold, note_shortage
from core.money import decimal_text
from core.picking import Pick, pick
from core.problems import Problems
from services.inventory import lots, places, stock
from services.inventory.lots import Unsellable
from services.inventory.places import Location
from services.kit.answer import References
from services.kit.command import MAX_LINES, shown
from services.kit.work import UnitOfWork
from services.sales.addresses import party_of
from services.sales.commands import LineQuantity, OrderShip
from services.sales.orders import (
    STEP,
    Line,
    Order,
    Step,
    all_holds,
    locked,
    portions,
    recorded,
    status_after,
    steps,
    where,
)

_SHIPPED = f"""
    WITH stepped AS ({STEP}),
    changed AS (
        UPDATE orders SET status = $8, version = version + 1, updated_at = statement_timestamp()
        WHERE tenant_id = $1 AND id = $7 RETURNING version
    ),
    made AS (
        INSERT INTO shipments (tenant_id, id, number, order_id, customer_id, carrier, tracking_number, note, shipped_at,
                               address)
        SELECT t.id, $9, $10 || '-' || (SELECT count(*) + 1 FROM shipments s WHERE s.tenant_id = $1 AND s.order_id = $7),
               $7, $11, $12, $13, $14, coalesce($15, statement_timestamp()), $21
        FROM tenants t WHERE t.id = $1
        RETURNING id, number
    ),
    lines AS (
        INSERT INTO shipment_lines (tenant_id, id, shipment_id, customer_id, position, line_item_id, location_id, quantity,
                                    lot_id)
        SELECT t.id, l.id, made.id, $11, l.position, l.line, l.location, l.quantity, l.lot
        FROM tenants t, made, unnest($16::uuid[], $17::int[], $18::uuid[], $19::uuid[], $20::numeric[], $22::uuid[])
             AS l (id, position, line, location, quantity, lot)
        WHERE t.id = $1
        RETURNING 1
    )
    SELECT changed.version, made.number, (SELECT count(*) FROM lines) FROM changed, made
"""
"""The shipments of an order are counted under its lock, and none is ever deleted."""


async def ship(work: UnitOfWork, command: OrderShip) -> References:
    """Send what is reserved. Raises ``CommandRejected`` where more is to be sent of a line than is reserved for it, where a
    location or a lot that the caller names has too few that nobody else has, and for lots that may not be sold.
    """
    order = await locked(work, command, "SHIP")
    wanted, indexes = await _wanted(work, order, command)
    named = await places.locate(work, {each.location for each in wanted if each.location}) if _says(wanted) else {}
    for index, each in zip(indexes, wanted, strict=True):
        _check_place(order, each, named, work.problems, index)
    work.problems.check()
    customers = await places.outside(work, "CUSTOMER")
    await stock.lock(work, [each.product for each in wanted])
    held = await all_holds(work, {each.line for each in wanted})
    there = await stock.places(work, {each.product for each in wanted}) if _says(wanted) else []
    picked = pick(wanted, held, there)
    lines = {line.id: line for line in order.lines}
    for entry, lacking in picked.short.items():
        _note_too_few(lines[wanted[entry].line], wanted[entry], named, lacking, work.problems, indexes[entry])
    paths = {each.line: _path(command, index) for each, index in zip(wanted[::-1], indexes[::-1], strict=True)}
    for refused, line in await _unsellable(work, picked.leaving):
        lots.note_unsellable(work.problems, refused, *paths[line])
    work.problems.check()
    await stock.free(work, picked.freed)
    stock.reserve(work, picked.taken)
    leaving = sorted(picked.leaving, key=lambda hold: lines[hold.line].position)
    moves = await stock.ship(work, leaving, customers)
    shipment = await _record(work, order, command, leaving, moves)
    if picked.freed:
        await stock.arrived(work, {hold.product for hold in picked.freed})
    return {"order_id": order.id, "shipment_id": shipment}


async def _wanted(work: UnitOfWork, order: Order, command: OrderShip) -> tuple[list[Pick], list[int]]:
    """What is to be sent, and the index in the input of each."""
    if command.line_items is None:
        picks = [Pick(line.id, line.product, line.reserved) for line in order.lines if line.reserved]
        return picks, list(range(len(picks)))
    index = {id(each): place for place, each in enumerate(command.line_items)}
    found = portions(order, command.line_items, lambda line: line.reserved, work.problems, _not_reserved)
    picks, indexes = list[Pick](), list[int]()
    asked = [(line.product, part.lot) for line, each in found for part in each.lots or ()]
    if len(asked) > MAX_LINES:
        work.problems.invalid(f"At most {MAX_LINES} lots are allowed, over all lines.", "lineItems")
        return picks, indexes
    codes = await lots.by_code(work, asked)
    for line, each in found:
        place = index[id(each)]
        parts = [(None, each.quantity)] if each.lots is None else _lots(line, each, codes, place, work.problems)
        for lot, quantity in parts:
            picks.append(Pick(line.id, line.product, quantity, each.location, lot))
            indexes.append(place)
    return picks, indexes


def _lots(
    line: Line, each: LineQuantity, codes: Mapping[tuple[UUID, str], UUID], index: int, problems: Problems
) -> list[tuple[UUID | None, Decimal]]:
    """The lots that leave for a line, as the caller says."""
    found, path = list[tuple[UUID | None, Decimal]](), ("lineItems", index, "lots")
    given = each.lots or []
    if line.tracking == "NONE":
        problems.invalid(f"{line.sku} isn't tracked, so it has no lots.", *path)
        return found
    if sum((part.quantity for part in given), Decimal()) != each.quantity:
        problems.invalid(f"The quantities of the lots must add up to {decimal_text(each.quantity)}.", *path)
    for place, part in enumerate(given):
        lot = codes.get((line.product, part.lot))
        if lot is None:
            problems.missing(f"lot of {line.sku} with the {shown('code', part.lot)}", *path, place, "lot")
        else:
            found.append((lot, part.quantity))
    return found


def _path(command: OrderShip, index: int) -> tuple[str | int, ...]:
    return ("order",) if command.line_items is None else ("lineItems", index)


async def _unsellable(work: UnitOfWork, leaving: Sequence[Hold]) -> list[tuple[Unsellable, UUID]]:
    """The lots that are to leave and may not be sold any more, each with its line."""
    refused = await lots.unsellable(work, (hold.lot for hold in leaving))
    return [(refused[hold.lot], hold.line) for hold in leaving if hold.lot in refused]


def _says(wanted: Sequence[Pick]) -> bool:
    """Whether the caller says where anything leaves from, or of which lot."""
    return any(each.says for each in wanted)


def _check_place(order: Order, each: Pick, named: dict[UUID, Location], problems: Problems, index: int) -> None:
    """Note a location that isn't there, that nothing is sold from, or that the order takes nothing from."""
    if each.location is None:
        return
    path = ("lineItems", index, "location")
    there = places.holding(named, each.location, problems, *path)
    if there is None or not there.holds:
        return
    if there.kind != "INTERNAL":
        problems.invalid(f"Nothing is sold from {there.code}.", *path)
    elif order.warehouse not in (None, there.warehouse):
        problems.invalid(f"{order.number} takes goods of another warehouse only, and {there.code} isn't in it.", *path)


def _note_too_few(
    line: Line, each: Pick, named: dict[UUID, Location], lacking: Decimal, problems: Problems, index: int
) -> None:
    there = each.quantity - lacking
    code = named[each.location].code if each.location else "where they are reserved"
    code += ", of the lot that is named," if each.lot else ""
    message = (
        f"Only {decimal_text(there)} {line.unit} of {line.sku} at {code} are for line {line.position} or available."
    )
    path = ("lineItems", index, "quantity")
    note_shortage(problems, message, *path, product=line.product, requested=each.quantity, available=there)


async def _record(
    work: UnitOfWork, order: Order, command: OrderShip, leaving: Sequence[Hold], moves: Sequence[UUID]
) -> UUID:
    """Store the shipment and what becomes of the order; the shipment's id."""
    sums = stock.summed(leaving)
    given = [Step(line, reserved=-quantity, shipped=quantity) for line, quantity in sums.items()]
    status, shipment = status_after(order, given), new_id()
    facts = (command.carrier, command.tracking_number, command.note, command.shipped_at)
    columns = (
        list(moves),
        list(range(1, len(leaving) + 1)),
        [hold.line for hold in leaving],
        [hold.location for hold in leaving],
        [hold.quantity for hold in leaving],
    )
    whose = (order.id, status, shipment, order.number, order.customer)
    besides = party_of(order.shipping_address), [hold.lot for hold in leaving]
    [[version, number, _]] = await work.rows(_SHIPPED, *steps(given), *whose, *facts, *columns, *besides)
    lines = shipped_lines(leaving)
    after = {"status": status, "shipment": ids.encode("shp", shipment), "lineItems": lines}
    work.note("order.shipped", order.id, version=version, after=after)
    data = {"number": number, "order": ids.encode("ord", order.id), "lineItems": lines}
    work.note("shipment.created", shipment, version=1, after=data)
    return shipment


def shipped_lines(holds: Sequence[Hold]) -> list[dict[str, object]]:
    """What left, as an event records it."""
    return recorded((hold.line, where(hold)) for hold in holds)


def _not_reserved(problems: Problems, line: Line, wanted: Decimal, *path: str | int) -> None:
    message = f"Only {decimal_text(line.reserved)} {line.unit} of {line.sku} are reserved for line {line.position}."
    note_shortage(problems, message, *path, product=line.product, requested=wanted, available=line.reserved)
