"""Goods of a purchase order that come: moves into stock, a receipt that records them, and orders that wait are served."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from core import ids
from core.ids import new_id
from core.money import decimal_text
from core.problems import DUPLICATE, Problems, refuse
from core.purchasing import note_excess
from db.runtime.failures import constraint
from services import catalog
from services.inventory import places, stock
from services.inventory.changes import Change, coming
from services.inventory.places import Location
from services.inventory.stock import Coming, Move
from services.kit.answer import References
from services.kit.work import UnitOfWork
from services.purchasing.commands import PurchaseOrderReceive, ReceiveLine
from services.purchasing.orders import ZERO, Line, PurchaseOrder, in_own_unit, locked, named, status_after

_RECEIVED = """
    WITH stepped AS (
        UPDATE purchase_lines l SET received = l.received + s.quantity
        FROM unnest($4::uuid[], $5::numeric[]) AS s (id, quantity) WHERE l.tenant_id = $1 AND l.id = s.id
    ),
    changed AS (
        UPDATE purchase_orders SET status = $3, version = version + 1, updated_at = statement_timestamp()
        WHERE tenant_id = $1 AND id = $2 RETURNING version
    ),
    made AS (
        INSERT INTO receipts (tenant_id, id, number, purchase_order_id, reference, principal, received_at)
        SELECT t.id, $6, $7 || '-' || (SELECT count(*) + 1 FROM receipts r WHERE r.tenant_id = $1 AND r.purchase_order_id = $2),
               $2, $8, $9, statement_timestamp()
        FROM tenants t WHERE t.id = $1
        RETURNING id, number
    ),
    lines AS (
        INSERT INTO receipt_lines (tenant_id, id, receipt_id, position, purchase_line_id, location_id, quantity)
        SELECT t.id, l.id, made.id, l.position, l.line, l.location, l.quantity
        FROM tenants t, made, unnest($10::uuid[], $11::int[], $12::uuid[], $13::uuid[], $14::numeric[])
             AS l (id, position, line, location, quantity)
        WHERE t.id = $1
        RETURNING 1
    )
    SELECT changed.version, made.number, (SELECT count(*) FROM lines) FROM changed, made
"""
"""The receipts of an order are counted under its lock, and none is ever deleted."""


class Came(NamedTuple):
    """What came of a line, where it is, and of which lot if it is tracked. ``entry``: its place in the input."""

    entry: int
    line: Line
    location: Location
    quantity: Decimal
    lot: UUID | None = None


async def receive(work: UnitOfWork, command: PurchaseOrderReceive) -> References:
    """Take goods in. Raises ``CommandRejected`` where more of a line came than is left of it and tolerated, where a lot is missing
    or wrong, and for a delivery note that was received before.
    """
    order = await locked(work, command, "RECEIVE")
    found = await places.locate(work, {order.location, *(each.location for each in command.lines if each.location)})
    came = _came(work, order, command.lines, found)
    suppliers = await places.outside(work, "SUPPLIER")
    came = await _of_lots(work, command.lines, came)
    work.problems.check()
    sums: dict[UUID, Decimal] = defaultdict(Decimal)
    for each in came:
        sums[each.line.id] += each.quantity
    moved = await stock.move(
        work,
        [Move(each.line.product, suppliers, each.location.id, each.quantity, "receipt", lot=each.lot) for each in came],
    )
    lines = {line.id: line for line in order.lines}
    arrived = [(lines[line], min(quantity, lines[line].open)) for line, quantity in sums.items()]
    await stock.recall(work, [Coming(line.product, order.location, part) for line, part in arrived if part])
    receipt = await _record(work, order, command, came, sums, moved.moves)
    await stock.arrived(work, {each.line.product for each in came if each.location.kind == "INTERNAL"})
    return {"purchase_order_id": order.id, "receipt_id": receipt}


def _came(
    work: UnitOfWork, order: PurchaseOrder, given: Sequence[ReceiveLine], found: dict[UUID, Location]
) -> list[Came]:
    """What the input says came; problems are noted. The entries of a line are summed first."""
    lines, sums, came, problems = {line.id: line for line in order.lines}, dict[UUID, Decimal](), [], work.problems
    for index, each in enumerate(given):
        there = _place(order, each, found, problems, index)
        line = named(work, order, lines, each, index)
        if line is None:
            continue
        quantity = in_own_unit(work, line, each.quantity, each.unit, index)
        if quantity is None:
            continue
        sums[line.id] = sums.get(line.id, ZERO) + quantity
        if sums[line.id] > line.receivable:
            most, asked = decimal_text(line.receivable), decimal_text(sums[line.id])
            message = f"Only {most} {line.unit} of line {line.position} ({line.sku}) may still come, not {asked}."
            path = ("lines", index, "quantity")
            note_excess(problems, message, *path, requested=sums[line.id], left=line.receivable)
        if there is not None:
            came.append(Came(index, line, there, quantity))
    return came


async def _of_lots(work: UnitOfWork, given: Sequence[ReceiveLine], came: Sequence[Came]) -> list[Came]:
    """What came with its lots, under the products' locks, but for entries with a problem."""
    items = {item.id: item for item in await catalog.hold(work, {each.line.product for each in came})}
    changes = [
        Change(
            each.entry, "quantity", items[each.line.product], each.location, each.quantity, code=given[each.entry].lot
        )
        for each in came
    ]
    found = await coming(work, changes, [given[each.entry].expires_on for each in came])
    lots = {change.line: change.lot for change in found}
    return [each._replace(lot=lots[each.entry]) for each in came if each.entry in lots]


def _place(
    order: PurchaseOrder, each: ReceiveLine, found: dict[UUID, Location], problems: Problems, index: int
) -> Location | None:
    """Where the goods of an entry are; a problem is noted where nothing can come there."""
    path: tuple[str | int, ...] = ("lines", index, "location") if each.location else ("purchaseOrder",)
    there = places.holding(found, each.location or order.location, problems, *path, into=True)
    if there is not None and there.kind == "TRANSIT":
        problems.invalid(f"{there.code} is on the way to somewhere: name where the goods are.", *path)
    return there


async def _record(
    work: UnitOfWork,
    order: PurchaseOrder,
    command: PurchaseOrderReceive,
    came: Sequence[Came],
    sums: Mapping[UUID, Decimal],
    moves: Sequence[UUID],
) -> UUID:
    """Store the receipt and what becomes of the order; the receipt's id."""
    receipt = new_id()
    status = status_after(order, received=sums)
    columns = (
        list(moves),
        list(range(1, len(came) + 1)),
        [each.line.id for each in came],
        [each.location.id for each in came],
        [each.quantity for each in came],
    )
    whose = (receipt, order.number, command.reference, work.principal)
    try:
        [[version, number, _]] = await work.rows(
            _RECEIVED, order.id, status, list(sums), list(sums.values()), *whose, *columns
        )
    except asyncpg.UniqueViolationError as error:
        if constraint(error) != "uq_receipts_tenant_id_purchase_order_id_reference":
            raise
        message = f"The delivery note {command.reference} was received for {order.number} before."
        raise refuse(DUPLICATE, message, "reference") from None
    lines = [_recorded(each) for each in came]
    after = {"status": status, "receipt": ids.encode("rcp", receipt), "lines": lines}
    work.note("purchase_order.received", order.id, version=version, after=after)
    data = {"number": number, "purchaseOrder": ids.encode("pur", order.id), "reference": command.reference}
    work.note("receipt.created", receipt, after=data | {"lines": lines})
    return receipt


def _recorded(each: Came) -> Mapping[str, Any]:
    """What came, as an event records it."""
    where = ids.encode("loc", each.location.id)
    of_lot = {"lot": ids.encode("lot", each.lot)} if each.lot else {}
    return {"line": ids.encode("pul", each.line.id), "location": where, "quantity": each.quantity} | of_lot
