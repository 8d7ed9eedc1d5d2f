"""Shipments that were made: what is written about them, and those that were a mistake."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from core import ids
from core.catalog import Tracking
from core.errors import BrokenInvariant
from core.inventory import Hold
from core.money import decimal_text
from core.problems import CommandRejected, Problems
from core.sales import INVALID_TRANSITION, available_actions
from services import catalog
from services.catalog import ProductSnapshot
from services.inventory import lots, places, stock
from services.inventory.lots import Piece
from services.inventory.stock import Move
from services.kit.answer import References
from services.kit.command import shown
from services.kit.records import facts, version_conflict
from services.kit.work import UnitOfWork
from services.sales.commands import ShipmentCancel, ShipmentCommand, ShipmentUpdate
from services.sales.orders import STEP, Order, Step, load, out, steps
from services.sales.shipping import shipped_lines

REASON = "shipment cancelled"
_WRITTEN = ("carrier", "tracking_number", "note")


class Shipped(NamedTuple):
    """A line of a shipment, which has the id of the move that took the goods away."""

    move: UUID
    line: UUID
    location: UUID
    quantity: Decimal
    lot: UUID | None
    code: str | None
    """That of the lot."""
    place: str
    archived: bool
    """Whether the location is."""


_ORDER_OF = "SELECT order_id FROM shipments WHERE tenant_id = $1 AND id = $2"
_LOCK = f"""
    SELECT status, version, number, {", ".join(_WRITTEN)} FROM shipments
    WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE
"""
_LINES = """
    SELECT s.id, s.line_item_id, s.location_id, s.quantity, s.lot_id, o.code, l.code, l.archived_at IS NOT NULL
    FROM shipment_lines s JOIN locations l ON l.tenant_id = $1 AND l.id = s.location_id
    LEFT JOIN lots o ON o.tenant_id = $1 AND o.id = s.lot_id
    WHERE s.tenant_id = $1 AND s.shipment_id = $2 ORDER BY s.position, s.id
"""
_CANCELLED = f"""
    WITH stepped AS ({STEP}),
    lines AS (
        UPDATE shipment_lines l SET back_id = b.move FROM unnest($9::uuid[], $10::uuid[]) AS b (id, move)
        WHERE l.tenant_id = $1 AND l.id = b.id
    ),
    shipment AS (
        UPDATE shipments SET status = 'CANCELLED', version = version + 1, updated_at = statement_timestamp()
        WHERE tenant_id = $1 AND id = $8 RETURNING version
    ),
    changed AS (
        UPDATE orders SET status = 'CONFIRMED', version = version + 1, updated_at = statement_timestamp()
        WHERE tenant_id = $1 AND id = $7 RETURNING version
    )
    SELECT changed.version, shipment.version FROM changed, shipment
"""


async def update_shipment(work: UnitOfWork, command: ShipmentUpdate) -> References:
    """Change what is written about a shipment. Raises ``CommandRejected`` for an unknown one, or another version."""
    found = await _locked(work, command)
    given = {name: getattr(command, name) for name in _WRITTEN if command.given(name)}
    before = {name: found[name] for name, value in given.items() if found[name] != value}
    if before:
        after = {name: given[name] for name in before}
        settings = ", ".join(f"{name} = ${index}" for index, name in enumerate(after, start=3))
        sql = f"""
            UPDATE shipments SET {settings}, version = version + 1, updated_at = statement_timestamp()
            WHERE tenant_id = $1 AND id = $2 RETURNING version
        """
        [[version]] = await work.rows(sql, command.shipment, *after.values())
        work.note("shipment.updated", command.shipment, version=version, before=facts(before), after=facts(after))
    return {"shipment_id": command.shipment}


async def cancel_shipment(work: UnitOfWork, command: ShipmentCancel) -> References:
    """Undo a shipment: its goods are back where they left from, and reserved for its lines again.

    Raises ``CommandRejected`` for an unknown one, another version, one that was cancelled already, and where so much came
    back from the customer that goods of this shipment must be among it.
    """
    rows = await work.rows(_ORDER_OF, command.shipment)
    order = await load(work, "id", rows[0]["order_id"]) if rows else None
    found = await _locked(work, command)
    if order is None:
        raise BrokenInvariant("A shipment has no order.")
    shipped = [Shipped(*row) for row in await work.rows(_LINES, command.shipment)]
    _refuse_impossible(order, found, shipped, work.problems)
    work.problems.check()
    await _refuse_others_lots(work, order, found["number"], shipped)
    customers = await places.outside(work, "CUSTOMER")
    products = {line.id: line.product for line in order.lines}
    items = {item.id: item for item in await catalog.hold(work, {products[each.line] for each in shipped})}
    holds = [Hold(each.line, products[each.line], each.location, each.quantity, each.lot) for each in shipped]
    _check_tracking(holds, items, found["number"], work.problems)
    await _check_pieces(work, shipped)
    work.problems.check()
    back = [Move(hold.product, customers, hold.location, hold.quantity, REASON, hold.line, hold.lot) for hold in holds]
    moved = await stock.move(work, back)
    stock.reserve(work, holds)
    given = [Step(line, reserved=quantity, shipped=-quantity) for line, quantity in stock.summed(holds).items()]
    backs = [each.move for each in shipped], moved.moves
    [[version, of_shipment]] = await work.rows(_CANCELLED, *steps(given), order.id, command.shipment, *backs)
    lines = shipped_lines(holds)
    public = ids.encode("shp", command.shipment)
    data = {"status": "CONFIRMED", "shipment": public, "reason": command.reason, "lineItems": lines}
    work.note("order.shipment_cancelled", order.id, version=version, after=data)
    after = {"status": "CANCELLED", "reason": command.reason, "lineItems": lines}
    work.note("shipment.cancelled", command.shipment, version=of_shipment, before={"status": "SHIPPED"}, after=after)
    return {"shipment_id": command.shipment}


def _check_tracking(
    holds: Sequence[Hold], items: Mapping[UUID, ProductSnapshot], number: str, problems: Problems
) -> None:
    """Note products whose goods would come back with a lot, or without one, as they aren't tracked now."""
    tracked = {hold.product: hold.lot is not None for hold in holds}
    for product, had_lot in tracked.items():
        item = items[product]
        if had_lot != (item.tracking != Tracking.NONE):
            since = "isn't tracked any more" if had_lot else "is tracked by now"
            message = f"{item.sku} {since}, so {number} stands. Take its goods back by orderReturn."
            problems.invalid(message, "shipment")


async def _refuse_others_lots(work: UnitOfWork, order: Order, number: str, shipped: Sequence[Shipped]) -> None:
    """Note lots of which so much came back that goods of this shipment must be among it, though others of the line are out."""
    lines = {line.id: line for line in order.lines}
    sums: dict[tuple[UUID, UUID | None], Decimal] = {}
    for each in shipped:
        if each.lot and lines[each.line].returned:
            sums[each.line, each.lot] = sums.get((each.line, each.lot), Decimal()) + each.quantity
    if not sums:
        return
    left = await out(work, list({line for line, _ in sums}))
    codes = {each.lot: each.code for each in shipped}
    for (line, lot), quantity in sums.items():
        there, of = left.get((line, lot), Decimal()), lines[line]
        if quantity > there:
            message = (
                f"Only {decimal_text(there)} {of.unit} of lot {codes[lot]} are still out for line {of.position} ({of.sku}), so"
                f" {number} stands. Take the rest back by orderReturn."
            )
            work.problems.add(INVALID_TRANSITION, message, "shipment", **_state(order))
    work.problems.check()


async def _check_pieces(work: UnitOfWork, shipped: Sequence[Shipped]) -> None:
    """Note serial numbers that are in stock again meanwhile."""
    codes = await lots.pieces(work, {each.lot for each in shipped})
    pieces = [
        Piece(each.lot, codes[each.lot], each.quantity, ("shipment",))
        for each in shipped
        if each.lot and each.lot in codes
    ]
    await lots.check_pieces(work, pieces, work.problems)


async def _locked(work: UnitOfWork, command: ShipmentCommand) -> Any:
    """The shipment's row under its lock. Where a command has its order's lock as well, that one was taken before."""
    rows = await work.rows(_LOCK, command.shipment)
    if not rows:
        work.problems.missing(f"shipment with the {shown('id', ids.encode('shp', command.shipment))}", "shipment")
        raise CommandRejected(work.problems.found)
    if command.expected_version not in (None, rows[0]["version"]):
        work.problems.note(version_conflict(rows[0]["version"], command.expected_version).problems[0])
        work.problems.check()
    return rows[0]


def _state(order: Order) -> dict[str, Any]:
    """What a refusal says of the order."""
    return {"status": order.status, "available_actions": available_actions(order.status, order.progress())}


def _refuse_impossible(order: Order, found: Any, shipped: Sequence[Shipped], problems: Problems) -> None:
    """Note what stands against undoing a shipment."""
    state = _state(order)
    if found["status"] == "CANCELLED":
        problems.add(INVALID_TRANSITION, f"{found['number']} was cancelled already.", "shipment", **state)
        return
    for place in sorted({each.place for each in shipped if each.archived}):
        message = f"{place} is archived: take it back into use first, or take the goods back by orderReturn."
        problems.invalid(message, "shipment")
    sums: dict[UUID, Decimal] = {}
    for each in shipped:
        sums[each.line] = sums.get(each.line, Decimal()) + each.quantity
    for line in order.lines:
        if sums.get(line.id, Decimal()) > line.returnable:
            message = (
                f"{decimal_text(line.returned)} {line.unit} of line {line.position} ({line.sku}) came back from the"
                f" customer, so {found['number']} stands. Take the rest back by orderReturn."
            )
            problems.add(INVALID_TRANSITION, message, "shipment", **state)
