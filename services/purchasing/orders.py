"""Load and lock an existing purchase order; confirm, change and cancel it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from core import ids
from core.money import decimal_text
from core.problems import CommandRejected
from core.purchasing import available_actions
from core.sales import INVALID_TRANSITION
from services import catalog, partners
from services.catalog.units import converted
from services.inventory import stock
from services.inventory.stock import Coming
from services.kit.answer import References
from services.kit.command import shown
from services.kit.records import facts, version_conflict
from services.kit.work import UnitOfWork
from services.purchasing import drafts
from services.purchasing.commands import (
    PurchaseOrderCancel,
    PurchaseOrderCommand,
    PurchaseOrderConfirm,
    PurchaseOrderUpdate,
    PurchaseQuantity,
)
from services.purchasing.suppliers import offer
from services.taxes import taxing
from services.taxes.taxing import Worth

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a purchase order, and what people call its product. All quantities but one are in the product's unit."""

    id: UUID
    position: int
    product: UUID
    sku: str
    unit: str
    quantity: Decimal
    received: Decimal
    returned: Decimal
    cancelled: Decimal
    over_receipt: Decimal
    tracking: str
    ordered: Decimal
    """The quantity in the unit that it was ordered in."""
    ordered_in: str
    units: str | None
    """The product's other units, as they are stored."""
    decimals: int
    """How many decimals the product's quantities may have."""

    @property
    def receivable(self) -> Decimal:
        """How many may come, the tolerance included."""
        return max(self.quantity - self.cancelled + self.over_receipt - self.received, ZERO)

    @property
    def returnable(self) -> Decimal:
        """How many may go back."""
        return self.received - self.returned

    @property
    def open(self) -> Decimal:
        """What is still to come."""
        return max(self.quantity - self.cancelled - self.received, ZERO)


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """A purchase order under its lock, with its lines by position."""

    id: UUID
    number: str
    status: str
    version: int
    currency: str
    supplier: UUID
    location: UUID
    ordered_at: datetime
    expected_on: date | None
    note: str | None
    timezone: str
    supplier_name: str
    supplier_kinds: tuple[str, ...]
    supplier_tax_group: UUID | None
    lines: tuple[Line, ...] = ()

    def actions(self) -> list[str]:
        """What can be done with it now."""
        return available_actions(self.status, returnable=any(line.returnable for line in self.lines))


_LOCK = """
    SELECT o.id, o.number, o.status, o.version, o.currency, o.supplier_id, o.location_id, o.ordered_at, o.expected_on, o.note,
           t.timezone, p.name, CASE WHEN p.archived_at IS NULL THEN p.kinds ELSE ARRAY['ARCHIVED'] END,
           p.tax_group_id
    FROM purchase_orders o JOIN partners p ON p.tenant_id = $1 AND p.id = o.supplier_id JOIN tenants t ON t.id = $1
    WHERE o.tenant_id = $1 AND o.{key} = $2 FOR NO KEY UPDATE OF o
"""
_LINES = f"""
    SELECT l.id, l.position, l.product_id, p.sku, p.unit, l.base_quantity, l.received, l.returned, l.cancelled,
           l.over_receipt, p.tracking, l.quantity, l.unit, p.units, {catalog.DECIMALS}
    FROM purchase_lines l JOIN products p ON (p.tenant_id, p.id) = (l.tenant_id, l.product_id)
    WHERE l.tenant_id = $1 AND l.purchase_order_id = $2 ORDER BY l.position
"""
_CONFIRM = f"""
    WITH tolerated AS (
        UPDATE purchase_lines l SET over_receipt = {drafts.USUAL.format(base="l.base_quantity")}
        WHERE l.tenant_id = $1 AND l.purchase_order_id = $2 AND l.over_receipt_usual
              AND l.over_receipt <> {drafts.USUAL.format(base="l.base_quantity")}
    )
    UPDATE purchase_orders SET status = 'CONFIRMED', confirmed_at = statement_timestamp(), version = version + 1,
        updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""
_CANCEL = """
    WITH stepped AS (
        UPDATE purchase_lines l SET cancelled = l.cancelled + s.quantity
        FROM unnest($4::uuid[], $5::numeric[]) AS s (id, quantity) WHERE l.tenant_id = $1 AND l.id = s.id
    )
    UPDATE purchase_orders SET status = $3, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""
_CHANGE = """
    UPDATE purchase_orders SET note = $3, expected_on = $4, subtotal = coalesce($5, subtotal), tax_total = coalesce($6, tax_total),
        version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""
_DROP_LINES = "DELETE FROM purchase_lines WHERE tenant_id = $1 AND purchase_order_id = $2"
_FOLLOW = """
    UPDATE purchase_lines SET expected_on = $4
    WHERE tenant_id = $1 AND purchase_order_id = $2 AND expected_on IS NOT DISTINCT FROM $3::date
"""
_DONE = {
    "UPDATE": "changed",
    "CONFIRM": "confirmed",
    "RECEIVE": "received",
    "RETURN": "returned",
    "CANCEL": "cancelled",
}


FINER = catalog.Finer(
    """EXISTS (SELECT FROM purchase_lines l JOIN purchase_orders o ON o.tenant_id = $1 AND o.id = l.purchase_order_id
               WHERE l.tenant_id = $1 AND l.product_id = $2 AND o.status IN ('DRAFT', 'CONFIRMED')
                     AND l.base_quantity - l.received - l.cancelled <> round(l.base_quantity - l.received - l.cancelled, $3))""",
    "lines of purchase orders",
)


async def locked(work: UnitOfWork, command: PurchaseOrderCommand, action: str) -> PurchaseOrder:
    """The purchase order that a command is about, under its lock, which comes before those of products.

    Raises ``CommandRejected`` where there is no such order, where it isn't of the version that the caller saw, and where its
    state doesn't allow the action.
    """
    key, value = command.purchase_order.only()
    rows = await work.rows(_LOCK.format(key=key), value)
    if not rows:
        work.problems.missing(f"purchase order with the {command.purchase_order}", "purchaseOrder")
        raise CommandRejected(work.problems.found)
    order = PurchaseOrder(*rows[0])
    if command.expected_version not in (None, order.version):
        work.problems.note(version_conflict(order.version, command.expected_version).problems[0])
        work.problems.check()
    order = replace(order, lines=tuple(Line(*line) for line in await work.rows(_LINES, order.id)))
    work.decimals |= {line.product: line.decimals for line in order.lines}
    if action not in order.actions():
        refuse_state(work, order, f"can't be {_DONE[action]} now", "purchaseOrder")
        work.problems.check()
    return order


def refuse_state(work: UnitOfWork, order: PurchaseOrder, what: str, *path: str) -> None:
    """Note that the order's state doesn't allow something."""
    message = f"{order.number} is {order.status.lower()} and {what}."
    context = {"record": "purchase_order", "status": order.status, "available_actions": order.actions()}
    work.problems.add(INVALID_TRANSITION, message, *path, **context)


def status_after(
    order: PurchaseOrder,
    *,
    received: Mapping[UUID, Decimal] | None = None,
    cancelled: Mapping[UUID, Decimal] | None = None,
) -> str:
    """The state of a confirmed order once so much of its lines has come or is called off: closed when nothing is left to come."""
    came, off = received or {}, cancelled or {}
    gone = {line.id: line.received + came.get(line.id, ZERO) for line in order.lines}
    if any(gone[line.id] < line.quantity - line.cancelled - off.get(line.id, ZERO) for line in order.lines):
        return order.status
    return "CLOSED" if any(gone.values()) else "CANCELLED"


async def confirm(work: UnitOfWork, command: PurchaseOrderConfirm) -> References:
    """Order it: its goods are incoming from now on. Raises ``CommandRejected`` where the supplier, the place or a product isn't
    in use any more.
    """
    order = await locked(work, command, "CONFIRM")
    problems = work.problems
    partners.check_may_deliver(order.supplier_name, order.supplier_kinds, problems, "purchaseOrder")
    await drafts.check_place(work, order.location, problems, "purchaseOrder")
    items = {item.id: item for item in await catalog.hold(work, {line.product for line in order.lines})}
    for item in items.values():
        catalog.check_offered(item, problems, "purchaseOrder")
    for line in order.lines:
        catalog.check_countable(items[line.product], line.quantity, problems, "purchaseOrder")
    problems.check()
    [[version]] = await work.rows(_CONFIRM, order.id)
    await stock.announce(work, [Coming(line.product, order.location, line.open) for line in order.lines])
    after = {"location": ids.encode("loc", order.location)}
    work.note("purchase_order.confirmed", order.id, version=version, after=after)
    return {"purchase_order_id": order.id}


async def cancel(work: UnitOfWork, command: PurchaseOrderCancel) -> References:
    """Call off what hasn't come. An order with nothing left to come is closed, or cancelled where nothing ever came."""
    order = await locked(work, command, "CANCEL")
    wanted = _wanted(work, order, command)
    work.problems.check()
    status = "CANCELLED"
    if order.status != "DRAFT":
        lines = {line.id: line for line in order.lines}
        await stock.lock(work, [lines[line].product for line in wanted])
        status = status_after(order, cancelled=wanted)
        off = [Coming(lines[line].product, order.location, quantity) for line, quantity in wanted.items()]
        await stock.recall(work, off)
    [[version]] = await work.rows(_CANCEL, order.id, status, list(wanted), list(wanted.values()))
    quantities = [{"line": ids.encode("pul", line), "quantity": quantity} for line, quantity in wanted.items()]
    after = {"status": status, "reason": command.reason, "lines": quantities}
    work.note("purchase_order.cancelled", order.id, version=version, after=after)
    return {"purchase_order_id": order.id}


def _wanted(work: UnitOfWork, order: PurchaseOrder, command: PurchaseOrderCancel) -> dict[UUID, Decimal]:
    """What is to be called off of each line; its entries are summed first."""
    if command.lines is None:
        return {line.id: line.open for line in order.lines if line.open}
    if order.status == "DRAFT":
        message = "The lines of a draft are changed by purchaseOrderUpdate; it can be cancelled only whole."
        work.problems.invalid(message, "lines")
        return {}
    lines, sums = {line.id: line for line in order.lines}, dict[UUID, Decimal]()
    for index, each in enumerate(command.lines):
        line = named(work, order, lines, each, index)
        if line is None:
            continue
        catalog.check_countable(line, each.quantity, work.problems, "lines", index, "quantity")
        sums[line.id] = sums.get(line.id, ZERO) + each.quantity
        if sums[line.id] > line.open:
            there, asked = decimal_text(line.open), decimal_text(sums[line.id])
            message = f"Only {there} {line.unit} of line {line.position} ({line.sku}) can be cancelled, not {asked}."
            work.problems.invalid(message, "lines", index, "quantity")
    return sums


def named(
    work: UnitOfWork, order: PurchaseOrder, lines: Mapping[UUID, Line], given: PurchaseQuantity, index: int
) -> Line | None:
    """The line that an entry of an input names; a problem is noted where the order doesn't have it, or nothing is wanted."""
    if not given.quantity:
        work.problems.invalid("This must be more than 0.", "lines", index, "quantity")
    line = lines.get(given.line)
    if line is None:
        key = shown("id", ids.encode("pul", given.line))
        work.problems.missing(f"line with the {key} in {order.number}", "lines", index, "line")
    return line


def in_own_unit(work: UnitOfWork, line: Line, quantity: Decimal, unit: str | None, index: int) -> Decimal | None:
    """What an entry of an input has of its line, in the product's own unit; None where a problem is noted. Of the unit that the
    line was ordered in, one is as many as it was then.
    """
    one = Fraction(line.quantity) / Fraction(line.ordered) if unit == line.ordered_in else None
    found = converted(line, quantity, unit, work.problems, "lines", index, one=one)
    if found is not None:
        catalog.check_countable(line, found, work.problems, "lines", index, "quantity")
    return found


async def update(work: UnitOfWork, command: PurchaseOrderUpdate) -> References:
    """Change the note and the expected day, and the lines of a draft."""
    problems = work.problems
    items = await catalog.find(work, [line.product for line in command.lines], problems, "lines")
    order = await locked(work, command, "UPDATE")
    if command.lines and order.status != "DRAFT":
        refuse_state(work, order, "its lines stand", "lines")
    given_day = command.expected_on if command.given("expected_on") else order.expected_on
    lines, worth = list[drafts.Ordered](), None
    if command.lines and order.status == "DRAFT":
        partners.check_may_deliver(order.supplier_name, order.supplier_kinds, problems, "purchaseOrder")
        known = await offer(work, order.supplier, command.lines, items, order.currency, order.ordered_at)
        ordered = drafts.day_of(order.ordered_at, order.timezone)
        days = (ordered, command.expected_on if command.given("expected_on") else None)
        group = order.supplier_tax_group
        taxes = await taxing.of_lines(work, group, command.lines, items, problems, path="lines")
        lines = drafts.priced(command.lines, items, taxes, order.currency, known, days, problems)
        worth = taxing.worth(lines, order.currency, problems, path="lines")
        given_day = given_day if command.given("expected_on") else drafts.last_day(lines) or given_day
    problems.check()
    note = command.note if command.given("note") else order.note
    present = {"note": order.note, "expected_on": order.expected_on}
    after: dict[str, Any] = {"note": note, "expected_on": given_day}
    after = {name: value for name, value in after.items() if value != present[name]}
    if after or lines:
        await _store(work, order, note, given_day, lines, worth, after, {name: present[name] for name in after})
    return {"purchase_order_id": order.id}


async def _store(
    work: UnitOfWork,
    order: PurchaseOrder,
    note: str | None,
    expected_on: date | None,
    lines: list[drafts.Ordered],
    worth: Worth | None,
    after: dict[str, Any],
    before: dict[str, Any],
) -> None:
    sums = (worth.totals.subtotal, worth.totals.tax_total) if worth else (None, None)
    [[version]] = await work.rows(_CHANGE, order.id, note, expected_on, *sums)
    data_before, data_after = facts(before), facts(after)
    if worth:
        await work.rows(_DROP_LINES, order.id)
        await work.rows(drafts.MAKE_LINES, order.id, order.currency, *drafts.columns(lines))
        data_before["lines"] = [
            {"line": ids.encode("pul", line.id), "product": ids.encode("prod", line.product), "quantity": line.quantity}
            for line in order.lines
        ]
        data_after |= {"lines": drafts.recorded(lines)} | drafts.recorded_worth(worth)
    elif expected_on != order.expected_on:
        await work.rows(_FOLLOW, order.id, order.expected_on, expected_on)
    work.note("purchase_order.updated", order.id, version=version, before=data_before, after=data_after)
