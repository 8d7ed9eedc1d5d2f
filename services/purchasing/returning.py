"""Received goods that go back to their supplier: moves out of stock. What goes back doesn't open its order again."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from core import ids
from core.money import decimal_text
from core.purchasing import note_excess
from services import catalog
from services.inventory import changes, places, stock
from services.inventory.changes import Change
from services.inventory.stock import Move
from services.kit.answer import References
from services.kit.work import UnitOfWork
from services.purchasing.commands import PurchaseOrderReturn, PurchaseReturnLine
from services.purchasing.orders import ZERO, Line, PurchaseOrder, in_own_unit, locked, named

_RETURNED = """
    WITH stepped AS (
        UPDATE purchase_lines l SET returned = l.returned + s.quantity
        FROM unnest($3::uuid[], $4::numeric[]) AS s (id, quantity) WHERE l.tenant_id = $1 AND l.id = s.id
    ),
    changed AS (
        UPDATE purchase_orders SET version = version + 1, updated_at = statement_timestamp()
        WHERE tenant_id = $1 AND id = $2 RETURNING version
    ),
    lines AS (
        INSERT INTO purchase_return_lines (tenant_id, id, purchase_line_id, location_id, quantity)
        SELECT t.id, l.id, l.line, l.location, l.quantity
        FROM tenants t, unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::numeric[]) AS l (id, line, location, quantity)
        WHERE t.id = $1
        RETURNING 1
    )
    SELECT changed.version, (SELECT count(*) FROM lines) FROM changed
"""


async def send_back(work: UnitOfWork, command: PurchaseOrderReturn) -> References:
    """Send goods back to their supplier. Raises ``CommandRejected`` where more of a line would go back than came of it and
    stayed, or more would leave a place than is available there.
    """
    order = await locked(work, command, "RETURN")
    wanted = _wanted(work, order, command.lines)
    items = {item.id: item for item in await catalog.hold(work, {line.product for _, line, _ in wanted})}
    found = await places.locate(work, {command.lines[index].location for index, _, _ in wanted})
    out = [
        Change(index, "quantity", items[line.product], there, -quantity, code=command.lines[index].lot)
        for index, line, quantity in wanted
        if (there := places.holding(found, command.lines[index].location, work.problems, "lines", index, "location"))
    ]
    out = await changes.leaving(work, out)
    work.problems.check()
    suppliers = await places.outside(work, "SUPPLIER")
    reason = command.reason or "return to supplier"
    moved = await stock.move(
        work, [Move(each.item.id, each.location.id, suppliers, -each.delta, reason, lot=each.lot) for each in out]
    )
    await _record(work, order, [line for _, line, _ in wanted], out, moved.moves, reason)
    return {"purchase_order_id": order.id}


def _wanted(
    work: UnitOfWork, order: PurchaseOrder, given: Sequence[PurchaseReturnLine]
) -> list[tuple[int, Line, Decimal]]:
    """The entries by their index, their lines and quantities; problems are noted. The entries of a line are summed first."""
    lines, sums, wanted = {line.id: line for line in order.lines}, dict[UUID, Decimal](), []
    for index, each in enumerate(given):
        line = named(work, order, lines, each, index)
        if line is None:
            continue
        quantity = in_own_unit(work, line, each.quantity, each.unit, index)
        if quantity is None:
            continue
        sums[line.id] = sums.get(line.id, ZERO) + quantity
        if sums[line.id] > line.returnable:
            there, asked = decimal_text(line.returnable), decimal_text(sums[line.id])
            message = f"Only {there} {line.unit} of line {line.position} ({line.sku}) can go back, not {asked}."
            path = ("lines", index, "quantity")
            note_excess(work.problems, message, *path, requested=sums[line.id], left=line.returnable)
        wanted.append((index, line, quantity))
    return wanted


async def _record(
    work: UnitOfWork,
    order: PurchaseOrder,
    lines: Sequence[Line],
    out: Sequence[Change],
    moves: Sequence[UUID],
    reason: str,
) -> None:
    """Store what went back of each line."""
    sums: dict[UUID, Decimal] = {}
    for line, each in zip(lines, out, strict=True):
        sums[line.id] = sums.get(line.id, ZERO) - each.delta
    columns = (
        list(moves),
        [line.id for line in lines],
        [each.location.id for each in out],
        [-each.delta for each in out],
    )
    [[version, _]] = await work.rows(_RETURNED, order.id, list(sums), list(sums.values()), *columns)
    returned = [
        {"line": ids.encode("pul", line.id), "location": ids.encode("loc", each.location.id), "quantity": -each.delta}
        | ({"lot": ids.encode("lot", each.lot)} if each.lot else {})
        for line, each in zip(lines, out, strict=True)
    ]
    work.note("purchase_order.returned", order.id, version=version, after={"reason": reason, "lines": returned})
