"""What becomes of an order: confirmed, cancelled, returned. Shipments are in ``services.sales.shipping``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from core import ids
from core.catalog import Tracking
from core.inventory import Demand, Hold
from core.money import decimal_text
from core.problems import Problems
from services import catalog, partners, taxes
from services.inventory import lots, places, stock
from services.inventory.lots import Piece
from services.inventory.places import Location
from services.inventory.stock import Move
from services.kit.answer import References
from services.kit.command import shown
from services.kit.work import UnitOfWork
from services.sales.addresses import confirmed, recorded_addresses
from services.sales.commands import OrderCancel, OrderConfirm, OrderReturn, ReturnLine
from services.sales.known import held_with_stock
from services.sales.orders import (
    ZERO,
    Excess,
    Line,
    Step,
    check_not_leaving,
    holds_of,
    locked,
    out,
    portions,
    record,
    recorded,
    status_after,
    sums_by_line,
    where,
)
from services.sales.promises import Wanted, promise, reserved
from services.taxes import taxing

_CONFIRM = """
    WITH stepped AS (
        UPDATE line_items l SET reserved = s.reserved FROM unnest($2::uuid[], $3::numeric[]) AS s (id, reserved)
        WHERE l.tenant_id = $1 AND l.id = s.id
    )
    UPDATE orders SET status = 'CONFIRMED', confirmed_at = statement_timestamp(), allow_backorder = $5,
                      warehouse_id = $6, shipping_address = $7, billing_address = $8, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $4 RETURNING version
"""
_SHIPPED_FROM = """
    SELECT DISTINCT ON (m.line_item_id) m.line_item_id, l.id, l.code, l.kind, l.warehouse_id, l.archived_at IS NOT NULL
    FROM stock_moves m JOIN locations l ON (l.tenant_id, l.id) = (m.tenant_id, m.source_id)
    WHERE m.tenant_id = $1 AND m.line_item_id = ANY($2::uuid[]) AND l.kind = 'INTERNAL'
    ORDER BY m.line_item_id, m.occurred_at DESC, m.id DESC
"""


async def confirm(work: UnitOfWork, command: OrderConfirm) -> References:
    """Promise an order, by the rules of an order that is created confirmed. What the command doesn't say is as the
    draft has it. Raises ``CommandRejected`` where something is missing that may not wait.
    """
    is_there = not command.warehouse or await places.has_warehouse(work, command.warehouse)
    if command.warehouse and not is_there:
        places.note_warehouse(work.problems, command.warehouse)
    order = await locked(work, command, "CONFIRM")
    problems = work.problems
    partners.check_may_order(order.customer_name, order.customer_kinds, problems, "order")
    borne = await taxes.categories(work, [line.tax for line in order.lines if line.tax])
    taxing.check_together(borne, problems, "order")
    addresses = confirmed(order.addresses, order.customer_addresses, problems)
    # A draft may be older than what its products' units are now.
    items, there = await held_with_stock(work, {line.product for line in order.lines})
    for item in items.values():
        catalog.check_offered(item, problems, "order")
    for line in order.lines:
        catalog.check_countable(items[line.product], line.quantity, problems, "order")
    if not is_there:
        problems.check()
    warehouse = command.warehouse if command.given("warehouse") else order.warehouse
    wanted = [
        Wanted(Demand(line.id, line.product, line.quantity, warehouse), line.sku, line.unit, ("order",))
        for line in order.lines
    ]
    may_wait = command.allow_backorder if command.given("allow_backorder") else order.allow_backorder
    allocation, held = await promise(
        work, wanted, problems, allow_backorder=may_wait, rule=order.allocation, there=there
    )
    problems.check()
    [[version]] = await work.rows(_CONFIRM, list(held), list(held.values()), order.id, may_wait, warehouse, *addresses)
    stock.reserve(work, allocation.holds)
    work.note(
        "order.confirmed",
        order.id,
        version=version,
        after=recorded_addresses(addresses) | {"lineItems": reserved(allocation.holds)},
    )
    return {"order_id": order.id}


async def cancel(work: UnitOfWork, command: OrderCancel) -> References:
    """Cancel what hasn't left. What waits for goods goes first, then what is reserved, which goes to other orders
    that wait for it.
    """
    order = await locked(work, command, "CANCEL")
    problems = work.problems
    if command.line_items is None:
        wanted = {line.id: line.unshipped for line in order.lines if line.unshipped}
    elif order.status == "DRAFT":
        problems.invalid(
            "The lines of a draft are changed by orderUpdate; it can be cancelled only whole.", "lineItems"
        )
        wanted = {}
    else:
        check_not_leaving(command.line_items, problems)
        wanted = sums_by_line(
            portions(order, command.line_items, lambda line: line.unshipped, problems, _not_there("be cancelled"))
        )
    problems.check()
    freed: dict[UUID, Decimal] = {}
    status = "CANCELLED"
    if order.status != "DRAFT":
        lines = {line.id: line for line in order.lines}
        await stock.lock(work, [lines[line].product for line in wanted])
        freed = {line: more for line, quantity in wanted.items() if (more := quantity - lines[line].open) > 0}
        status = status_after(order, [Step(line, cancelled=quantity) for line, quantity in wanted.items()])
    given = [Step(line, -freed.get(line, ZERO), cancelled=quantity) for line, quantity in wanted.items()]
    version = await record(work, order, given, status)
    after = {"status": status, "reason": command.reason, "lineItems": _quantities(wanted)}
    work.note("order.cancelled", order.id, version=version, after=after)
    await stock.release(work, await holds_of(work, freed))
    return {"order_id": order.id}


async def take_back(work: UnitOfWork, command: OrderReturn) -> References:
    """Take back what was shipped: only RESTOCK makes it available again."""
    order = await locked(work, command, "RETURN")
    problems = work.problems
    found = portions(order, command.line_items, lambda line: line.returnable, problems, _not_there("come back"))
    theirs = await _destinations(work, command.line_items, problems)
    customers = await places.outside(work, "CUSTOMER")
    items = {item.id: item for item in await catalog.hold(work, {line.product for line, _ in found})}
    # Tracked as it is under the lock: goods without a lot that came to a product with lots would be nobody's.
    found = [(replace(line, tracking=items[line.product].tracking), each) for line, each in found]
    named = await _lots(work, command.line_items, found, problems)
    problems.check()
    pieces = [
        Piece(lot, each.lot or "", each.quantity, ("lineItems", command.line_items.index(each)))
        for (line, each), lot in zip(found, named, strict=True)
        if lot and line.tracking == Tracking.SERIAL
    ]
    await lots.check_pieces(work, pieces, problems)
    problems.check()
    given = [Step(line, returned=quantity) for line, quantity in sums_by_line(found).items()]
    version = await record(work, order, given, order.status)
    moves = [
        Move(line.product, customers, there.id, each.quantity, _REASONS[each.disposition], line.id, lot)
        for (line, each), there, lot in zip(found, theirs, named, strict=True)
    ]
    await stock.move(work, moves)
    facts = (
        (line.id, {"disposition": each.disposition} | where(Hold(line.id, line.product, there.id, each.quantity, lot)))
        for (line, each), there, lot in zip(found, theirs, named, strict=True)
    )
    work.note("order.returned", order.id, version=version, after={"lineItems": recorded(facts)})
    await stock.arrived(work, {line.product for line, each in found if each.disposition == "RESTOCK"})
    return {"order_id": order.id}


_REASONS = {"RESTOCK": "return, restocked", "QUARANTINE": "return, quarantined", "SCRAP": "return, scrapped"}
_KINDS = {"RESTOCK": "INTERNAL", "QUARANTINE": "QUARANTINE", "SCRAP": "LOSS"}


async def _destinations(work: UnitOfWork, given: Sequence[ReturnLine], problems: Problems) -> list[Location]:
    """Where what comes back goes, a location for each line (fewer where problems were noted).

    Where the input names none: what is sold again goes to where it was shipped from last, what isn't to the
    quarantine of that warehouse, or another one, and what is scrapped to where losses go.
    """
    named = await places.locate(work, [each.location for each in given if each.location])
    rows = await work.rows(_SHIPPED_FROM, [each.line_item for each in given])
    origins = {row[0]: Location(*row[1:]) for row in rows}
    loss = await places.outside(work, "LOSS")
    others = [each for each in await places.of_kind(work, "QUARANTINE", "LOSS") if not each.archived or each.id == loss]
    found = []
    for index, each in enumerate(given):
        origin, kind = origins.get(each.line_item), _KINDS[each.disposition]
        if each.location:
            there = named.get(each.location)
        elif kind == "INTERNAL":
            there = None if origin and origin.archived else origin
        else:
            fitting = [other for other in others if other.id == loss or other.kind == kind == "QUARANTINE"]
            near = [other for other in fitting if kind == other.kind and origin and other.warehouse == origin.warehouse]
            there = next(iter([*near, *(other for other in fitting if other.kind == kind)]), None)
        if there is None and each.location:
            problems.missing(
                f"location with the {shown('id', ids.encode('loc', each.location))}", "lineItems", index, "location"
            )
        elif there is None and any(each.path[:3] == ("input", "lineItems", str(index)) for each in problems.found):
            continue  # of a line that can't come back at all
        elif there is None:
            problems.invalid(
                "Say where it goes: there is no place that it would go to.", "lineItems", index, "location"
            )
        elif there.kind != kind:
            problems.invalid(f"{there.code} is no place of kind {kind}.", "lineItems", index, "location")
        elif each.location and there.archived:
            problems.invalid(f"{there.code} is archived.", "lineItems", index, "location")
        else:
            found.append(there)
    return found


async def _lots(
    work: UnitOfWork, given: Sequence[ReturnLine], found: Sequence[tuple[Line, ReturnLine]], problems: Problems
) -> list[UUID | None]:
    """The lots that come back, one for each line that was found: of those that left for it. What left before the product was
    tracked may be of any.
    """
    index = {id(each): place for place, each in enumerate(given)}
    codes = await lots.by_code(work, [(line.product, each.lot) for line, each in found if each.lot])
    tracked = [line.id for line, _ in found if line.tracking != "NONE"]
    left = await out(work, tracked) if tracked else {}
    named: list[UUID | None] = []
    for line, each in found:
        path = ("lineItems", index[id(each)], "lot")
        lot = codes.get((line.product, each.lot)) if each.lot and line.tracking != "NONE" else None
        named.append(lot)
        if line.tracking == "NONE":
            if each.lot:
                problems.invalid(f"{line.sku} isn't tracked, so it has no lots.", *path)
        elif each.lot is None:
            problems.invalid(f"{line.sku} is tracked: say the lot, or the serial number.", *path)
        elif lot is None:
            problems.missing(f"lot of {line.sku} with the {shown('code', each.lot)}", *path)
        else:
            there = left.get((line.id, lot), ZERO)
            unknown = min(left.get((line.id, None), ZERO), max(each.quantity - there, ZERO))
            if each.quantity > there + unknown:
                text = (
                    f"Only {decimal_text(there)} {line.unit} of {each.lot} left for line {line.position} and are out."
                )
                problems.invalid(text, *path)
            left[line.id, lot] = there - (each.quantity - unknown)
            left[line.id, None] = left.get((line.id, None), ZERO) - unknown
    return named


def _not_there(what: str) -> Excess:
    def refuse_more(problems: Problems, line: Line, wanted: Decimal, *path: str | int) -> None:
        most = line.returnable if what == "come back" else line.unshipped
        message = f"Only {decimal_text(most)} {line.unit} of line {line.position} ({line.sku}) can {what}, not {decimal_text(wanted)}."
        problems.invalid(message, *path)

    return refuse_more


def _quantities(wanted: Mapping[UUID, Decimal]) -> list[dict[str, Any]]:
    return recorded((line, {"quantity": quantity}) for line, quantity in wanted.items())
