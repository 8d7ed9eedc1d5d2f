"""Load and lock an existing order; apply changes to its lines."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from core import ids
from core.errors import BrokenInvariant
from core.inventory import Hold
from core.problems import CommandRejected, Problems
from core.sales import INVALID_TRANSITION, Progress, available_actions, share
from core.units import MOST_DECIMALS
from services.catalog import DECIMALS, Finer, check_countable
from services.kit.command import shown
from services.kit.records import version_conflict
from services.kit.work import First, UnitOfWork
from services.sales.addresses import Addresses
from services.sales.commands import LinePart, LineQuantity, OrderCommand

ZERO = Decimal(0)
L = TypeVar("L", bound=LinePart)


@dataclass(frozen=True, slots=True)
class Line:
    """A line item, and what people call its product."""

    id: UUID
    position: int
    product: UUID
    sku: str
    unit: str
    quantity: Decimal
    reserved: Decimal = ZERO
    shipped: Decimal = ZERO
    cancelled: Decimal = ZERO
    returned: Decimal = ZERO
    released: Decimal = ZERO
    tracking: str = "NONE"
    decimals: int = MOST_DECIMALS
    tax: UUID | None = None

    @property
    def open(self) -> Decimal:
        """What is wanted and neither held nor gone."""
        return self.quantity - self.reserved - self.shipped - self.cancelled

    @property
    def unshipped(self) -> Decimal:
        return self.quantity - self.shipped - self.cancelled

    @property
    def returnable(self) -> Decimal:
        return self.shipped - self.returned


@dataclass(frozen=True, slots=True)
class Order:
    """An order under its lock, with its lines by position."""

    id: UUID
    number: str
    status: str
    version: int
    currency: str
    customer: UUID
    allow_backorder: bool
    warehouse: UUID | None
    note: str | None
    external_id: str | None
    placed_at: datetime
    shipping_address: str | None
    billing_address: str | None
    allocation: str | None
    price_list: UUID | None
    prices_include_tax: bool
    customer_name: str
    customer_kinds: tuple[str, ...]
    customer_addresses: str | None
    customer_tax_group: UUID | None
    lines: tuple[Line, ...] = ()

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.shipping_address, self.billing_address)

    def progress(self) -> Progress:
        wanted = sum((line.quantity - line.cancelled for line in self.lines), ZERO)
        reserved = sum((line.reserved for line in self.lines), ZERO)
        shipped = sum((line.shipped for line in self.lines), ZERO)
        returned = sum((line.returned for line in self.lines), ZERO)
        return Progress(
            share(reserved + shipped, wanted), share(shipped, wanted), share(returned, shipped), reserved > 0
        )


class Step(NamedTuple):
    """What happens to a line: by how much its quantities change."""

    line: UUID
    reserved: Decimal = ZERO
    shipped: Decimal = ZERO
    cancelled: Decimal = ZERO
    returned: Decimal = ZERO


_LOCK = """
    SELECT o.id, o.number, o.status, o.version, o.currency, o.customer_id, o.allow_backorder, o.warehouse_id, o.note,
           o.external_id, o.placed_at, o.shipping_address, o.billing_address, o.allocation, o.price_list_id,
           o.prices_include_tax, p.name,
           CASE WHEN p.archived_at IS NULL THEN p.kinds ELSE ARRAY['ARCHIVED'] END, p.addresses,
           p.tax_group_id
    FROM orders o JOIN partners p ON p.tenant_id = $1 AND p.id = o.customer_id
    WHERE o.tenant_id = $1 AND o.{key} = $2 FOR NO KEY UPDATE OF o
"""
_LOCK_FIRST = """
    SELECT id FROM orders WHERE tenant_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
_LINES = f"""
    SELECT l.id, l.position, l.product_id, p.sku, p.unit, l.quantity, l.reserved, l.shipped, l.cancelled, l.returned,
           l.released, p.tracking, {DECIMALS}, l.tax_id
    FROM line_items l JOIN products p ON (p.tenant_id, p.id) = (l.tenant_id, l.product_id)
    WHERE l.tenant_id = $1 AND l.order_id = $2 ORDER BY l.position
"""
STEP = """
    UPDATE line_items l SET reserved = l.reserved + s.reserved, shipped = l.shipped + s.shipped,
                            cancelled = l.cancelled + s.cancelled, returned = l.returned + s.returned,
                            released = least(l.released, l.quantity - l.reserved - s.reserved - l.shipped - s.shipped
                                                         - l.cancelled - s.cancelled)
    FROM unnest($2::uuid[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[])
         AS s (id, reserved, shipped, cancelled, returned)
    WHERE l.tenant_id = $1 AND l.id = s.id
"""
_RECORD = f"""
    WITH stepped AS ({STEP})
    UPDATE orders SET status = $8, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $7 RETURNING version
"""


FINER = Finer(
    """EXISTS (SELECT FROM line_items l JOIN orders o ON o.tenant_id = $1 AND o.id = l.order_id
               WHERE l.tenant_id = $1 AND l.product_id = $2 AND o.status IN ('DRAFT', 'CONFIRMED')
                     AND l.quantity - l.shipped - l.cancelled <> round(l.quantity - l.shipped - l.cancelled, $3))""",
    "lines of orders",
)
"""What was shipped follows from the moves."""

_DONE = {
    "UPDATE": "changed",
    "CONFIRM": "confirmed",
    "SHIP": "shipped",
    "CANCEL": "cancelled",
    "RETURN": "returned",
}


async def locked(work: UnitOfWork, command: OrderCommand, action: str) -> Order:
    """The order that a command is about, under its lock.

    Raises ``CommandRejected`` where there is no such order, where it isn't of the version that the caller saw,
    and where its state doesn't allow the action.
    """
    order = await load(work, *command.order.only())
    if order is None:
        work.problems.missing(f"order with the {command.order}", "order")
        raise CommandRejected(work.problems.found)
    if command.expected_version not in (None, order.version):
        # What else it says is of another state than this one.
        work.problems.note(version_conflict(order.version, command.expected_version).problems[0])
        work.problems.check()
    actions = available_actions(order.status, order.progress())
    if action not in actions:
        message = f"{order.number} is {order.status.lower()} and can't be {_DONE[action]} now."
        work.problems.add(INVALID_TRANSITION, message, "order", status=order.status, available_actions=actions)
        work.problems.check()
    return order


async def load(work: UnitOfWork, key: str, value: Any) -> Order | None:
    """The order with this key, under its lock; None where there is none."""
    rows = await work.rows(_LOCK.format(key=key), value)
    if not rows:
        return None
    work.locked.add(rows[0]["id"])
    lines = tuple(Line(*line) for line in await work.rows(_LINES, rows[0]["id"]))
    work.decimals |= {line.product: line.decimals for line in lines}
    return replace(Order(*rows[0]), lines=lines)


def first(orders: Collection[UUID]) -> First:
    """Locks these orders before anything else, in the order of their ids."""

    async def lock(work: UnitOfWork) -> None:
        await work.rows(_LOCK_FIRST, sorted(orders))
        work.locked.update(orders)

    return lock


def steps(given: Iterable[Step]) -> tuple[Sequence[Any], ...]:
    """The columns of steps, as ``STEP`` takes them."""
    return tuple(zip(*given, strict=True)) or ((), (), (), (), ())


async def record(work: UnitOfWork, order: Order, given: Sequence[Step], status: str) -> int:
    """Write what happens to an order's lines, and its state; the new version is the result."""
    [[version]] = await work.rows(_RECORD, *steps(given), order.id, status)
    return int(version)


def status_after(order: Order, given: Iterable[Step]) -> str:
    """The state of a confirmed order once these steps are done: closed when nothing is left to ship."""
    changes = {step.line: step for step in given}
    left = shipped = ZERO
    for line in order.lines:
        step = changes.get(line.id) or Step(line.id)
        shipped += line.shipped + step.shipped
        left += line.unshipped - step.shipped - step.cancelled
    if left > 0:
        return order.status
    return "CLOSED" if shipped > 0 else "CANCELLED"


class Excess(Protocol):
    """Notes the problem that more is wanted of a line, in all, than there is."""

    def __call__(self, problems: Problems, line: Line, wanted: Decimal, *path: str | int) -> None: ...


def portions(
    order: Order,
    given: Sequence[L],
    most: Callable[[Line], Decimal],
    problems: Problems,
    too_much: Excess,
    least: Decimal | None = ZERO,
) -> list[tuple[Line, L]]:
    """The lines that an input names, each with what it says of it. Problems are noted for lines that the
    order doesn't have, and where more is wanted of a line, in all, than ``most`` allows.
    """
    lines = {line.id: line for line in order.lines}
    sums: dict[UUID, Decimal] = {}
    found = []
    for index, each in enumerate(given):
        if each.quantity == least:
            problems.invalid("This must be more than 0.", "lineItems", index, "quantity")
        line = lines.get(each.line_item)
        if line is None:
            key = shown("id", ids.encode("lin", each.line_item))
            problems.missing(f"line item with the {key} in {order.number}", "lineItems", index, "lineItem")
            continue
        check_countable(line, each.quantity, problems, "lineItems", index, "quantity")
        sums[line.id] = sums.get(line.id, ZERO) + each.quantity
        if sums[line.id] > most(line):
            too_much(problems, line, sums[line.id], "lineItems", index, "quantity")
        found.append((line, each))
    return found


def check_not_leaving(given: Sequence[LineQuantity], problems: Problems) -> None:
    """Note what an entry says of goods that leave, where none do: a client that names a lot would believe that it counted."""
    for index, each in enumerate(given):
        for name in ("location", "lots"):
            if getattr(each, name) is not None:
                what = "a location" if name == "location" else "lots"
                problems.invalid(f"Only orderShip takes {what}.", "lineItems", index, name)


def recorded(lines: Iterable[tuple[UUID, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Lines as an event records them."""
    return [{"lineItem": ids.encode("lin", line), **facts} for line, facts in lines]


def where(hold: Hold) -> dict[str, Any]:
    """Where goods are, how many, and of which lot if they are tracked, as an event records it."""
    lot = {"lot": ids.encode("lot", hold.lot)} if hold.lot else {}
    return {"location": ids.encode("loc", hold.location), "quantity": hold.quantity} | lot


def sums_by_line(found: Iterable[tuple[Line, LinePart]]) -> dict[UUID, Decimal]:
    """The quantities by line."""
    sums: dict[UUID, Decimal] = defaultdict(Decimal)
    for line, each in found:
        sums[line.id] += each.quantity
    return dict(sums)


_OUT = """
    SELECT m.line_item_id, m.lot_id, sum(CASE d.kind WHEN 'CUSTOMER' THEN m.quantity ELSE -m.quantity END)
    FROM stock_moves m JOIN locations d ON d.tenant_id = $1 AND d.id = m.destination_id
    WHERE m.tenant_id = $1 AND m.line_item_id = ANY($2::uuid[]) GROUP BY 1, 2
"""


async def out(work: UnitOfWork, lines: Sequence[UUID]) -> dict[tuple[UUID, UUID | None], Decimal]:
    """What left for lines and hasn't come back, by line and lot: every move of a line is to customers or from them."""
    return {(line, lot): quantity for line, lot, quantity in await work.rows(_OUT, lines)}


_HOLDS = """
    SELECT r.line_item_id, r.product_id, r.location_id, r.quantity, r.lot_id
    FROM reservations r JOIN locations l ON (l.tenant_id, l.id) = (r.tenant_id, r.location_id)
    WHERE r.tenant_id = $1 AND r.line_item_id = ANY($2::uuid[]) ORDER BY l.code, r.lot_id
"""


async def holds_of(work: UnitOfWork, wanted: Mapping[UUID, Decimal]) -> list[Hold]:
    """Of what is held for these lines, so much; of several locations, by their codes."""
    left, holds = dict(wanted), []
    for hold in await all_holds(work, wanted):
        taken = min(left[hold.line], hold.quantity)
        if taken:
            holds.append(hold._replace(quantity=taken))
            left[hold.line] -= taken
    if any(left.values()):
        raise BrokenInvariant("A line has less reserved than it says.")
    return holds


async def all_holds(work: UnitOfWork, lines: Iterable[UUID]) -> list[Hold]:
    """All that is held for these lines, by the codes of locations."""
    wanted = list(lines)
    return [Hold(*row) for row in await work.rows(_HOLDS, wanted)] if wanted else []
