"""Lines of a confirmed order added, changed and called off, as far as they weren't shipped; their stock follows at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from core import ids
from core.ids import new_id
from core.inventory import Demand
from core.money import LIMIT, decimal_text, line_total, part_total
from core.problems import Problem, Problems
from services import catalog, partners
from services.catalog import ProductSnapshot
from services.catalog.units import converted
from services.inventory import stock
from services.kit.command import MAX_LINES, shown
from services.kit.work import UnitOfWork
from services.sales import drafts
from services.sales.commands import LineChange, OrderUpdate
from services.sales.drafts import Ordered
from services.sales.orders import ZERO, Line, Order, Step, holds_of, recorded, status_after
from services.sales.prices import NO_PRICES, listed, own_price
from services.sales.promises import Wanted, promise, reserved
from services.sales.recosting import recosted
from services.sales.units import InUnit, changed_quantity, in_unit
from services.taxes import Tax, check_active, taxing

Count = tuple[Decimal, InUnit | None]
Counts = dict[int, Count]


class Written(NamedTuple):
    """A line as it is to be: its columns, and by how much reserved and called off change."""

    id: UUID
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    description: str
    unit_quantity: Decimal | None
    reserved: Decimal = ZERO
    cancelled: Decimal = ZERO


@dataclass
class Plan:
    """What becomes of an order's lines. ``extra`` is what is wanted besides, ``freed`` what is let go."""

    less: list[Written] = field(default_factory=list)
    more: list[Written] = field(default_factory=list)
    new: list[Ordered] = field(default_factory=list)
    extra: list[Wanted] = field(default_factory=list)
    freed: dict[UUID, Decimal] = field(default_factory=dict)
    products: set[UUID] = field(default_factory=set)
    facts: list[tuple[UUID, dict[str, Any]]] = field(default_factory=list)


_THERE = """
    SELECT id, unit_price, total, description, unit, unit_quantity FROM line_items
    WHERE tenant_id = $1 AND id = ANY($2::uuid[])
"""
_WRITE = """
    UPDATE line_items l SET quantity = c.quantity, unit_price = c.unit_price, total = c.total, net = NULL,
                            description = c.description, unit_quantity = c.unit_quantity,
                            reserved = l.reserved + c.reserved, cancelled = l.cancelled + c.cancelled
    FROM unnest($2::uuid[], $3::numeric[], $4::numeric[], $5::numeric[], $6::text[], $7::numeric[], $8::numeric[],
                $9::numeric[])
         AS c (id, quantity, unit_price, total, description, unit_quantity, reserved, cancelled)
    WHERE l.tenant_id = $1 AND l.id = c.id
"""


async def find(work: UnitOfWork, changes: Sequence[LineChange]) -> dict[int, ProductSnapshot]:
    """The products of new lines, by the places of these in the input. A problem is noted for each that isn't there."""
    places = [index for index, each in enumerate(changes) if each.product is not None]
    if not places:
        return {}
    problems = Problems()
    items = await catalog.find(work, [each.product for each in changes if each.product], problems, "changes")
    for each in problems.found:
        start, name, index, *rest = each.path
        path = (start, name, str(places[int(index)]), *rest)
        work.problems.note(Problem(each.code, each.message, path, each.facts))
    return {index: item for index, item in zip(places, items, strict=True) if item is not None}


async def change(
    work: UnitOfWork, command: OrderUpdate, order: Order, items: dict[int, ProductSnapshot]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Change the lines: what becomes of the order's own columns, and what an event records of it. Raises ``CommandRejected``
    where something is missing that may not wait, and where more was shipped than is to be left.
    """
    problems = work.problems
    there = await _there(work, command.changes, order)
    counts = _counts(command.changes, order, items, there, problems)
    amounts = await _amounts(work, command.changes, order, items, counts)
    taxes = await _taxes(work, order, items)
    plan = _plan(work, command.changes, order, items, there, counts, amounts, taxes)
    problems.check()
    await stock.lock(work, plan.products)
    if plan.less:
        await work.rows(_WRITE, *zip(*plan.less, strict=True))
        await stock.release(work, await holds_of(work, plan.freed))
    allocation, held = await promise(
        work, plan.extra, problems, allow_backorder=order.allow_backorder, rule=order.allocation
    )
    problems.check()
    if plan.more:
        more = [each._replace(reserved=held.get(each.id, ZERO)) for each in plan.more]
        await work.rows(_WRITE, *zip(*more, strict=True))
    if plan.new:
        nets = [line.total for line in plan.new] if any(line.tax for line in plan.new) else None
        await drafts.make_lines(work, (order.id, order.currency, order.customer), plan.new, held, nets)
    stock.reserve(work, allocation.holds)
    values = await recosted(work, order, "changes", together=bool(plan.new))
    if not plan.extra and not plan.more:
        given = [Step(each.id, cancelled=each.cancelled) for each in plan.less]
        values["status"] = status_after(_after(order, plan), given)
    after = {"lineItems": recorded(plan.facts)} | ({"reserved": reserved(allocation.holds)} if allocation.holds else {})
    return values, after


async def _there(work: UnitOfWork, changes: Sequence[LineChange], order: Order) -> dict[UUID, Any]:
    """The rows of the order's lines that changes name."""
    lines = {line.id for line in order.lines}
    named = [each.line_item for each in changes if each.line_item in lines]
    return {row["id"]: row for row in await work.rows(_THERE, named)} if named else {}


def _counts(
    changes: Sequence[LineChange],
    order: Order,
    items: dict[int, ProductSnapshot],
    there: Mapping[UUID, Any],
    problems: Problems,
) -> Counts:
    """How many of their products' own units lines are to be of, and of what they are ordered in where that is another, by the places of
    the changes. A problem is noted for each of which it can't be said.
    """
    lines = {line.id: line for line in order.lines}
    counts: Counts = {}
    for index, each in enumerate(changes):
        if each.line_item is None and (item := items.get(index)):
            own = converted(item, each.quantity, each.unit, problems, "changes", index)
            if own is not None:
                counts[index] = own, in_unit(item, each)
        elif each.product is None and each.line_item and (row := there.get(each.line_item)):
            found = changed_quantity(each, lines[each.line_item], row, problems, index)
            counts |= {index: found} if found else {}
    return counts


async def _amounts(
    work: UnitOfWork,
    changes: Sequence[LineChange],
    order: Order,
    items: dict[int, ProductSnapshot],
    counts: Counts,
) -> Mapping[UUID, Decimal]:
    """What the order's price list says of its new lines, for as many as the order is to have of each product."""
    if not any(changes[index].unit_price is None for index in items):
        return NO_PRICES
    changed = {changes[index].line_item: own for index, (own, _) in counts.items()}
    # What was cancelled counts in a line's quantity and isn't bought; what was shipped stays when the rest is called off.
    there = (
        (line.product, max(changed.get(line.id, line.quantity) - line.cancelled, line.shipped)) for line in order.lines
    )
    new = ((item.id, counts[index][0]) for index, item in items.items() if index in counts)
    found = await listed(work, order.price_list, order.currency, (*there, *new), order.placed_at, work.problems)
    # Prices of the other kind are those of an emptied list that was filled anew.
    return found.amounts if found and found.tax_included == order.prices_include_tax else NO_PRICES


async def _taxes(work: UnitOfWork, order: Order, items: dict[int, ProductSnapshot]) -> dict[int, Tax]:
    """What new lines bear: what becomes of their products' taxes for the order's customer."""
    found = await taxing.lookup(work, order.customer_tax_group, {item.tax for item in items.values() if item.tax})
    borne = {index: tax for index, item in items.items() if (tax := found.borne(item.tax))}
    for index, tax in borne.items():
        check_active(tax, work.problems, "changes", index, "product")
    return borne


def _after(order: Order, plan: Plan) -> Order:
    """The order with the quantities that lines are cut to."""
    cut = {each.id: each.quantity for each in plan.less}
    return replace(order, lines=tuple(replace(line, quantity=cut.get(line.id, line.quantity)) for line in order.lines))


def _plan(
    work: UnitOfWork,
    changes: Sequence[LineChange],
    order: Order,
    items: dict[int, ProductSnapshot],
    there: Mapping[UUID, Any],
    counts: Counts,
    amounts: Mapping[UUID, Decimal],
    taxes: Mapping[int, Tax],
) -> Plan:
    problems, plan, lines = work.problems, Plan(), {line.id: line for line in order.lines}
    position = max((line.position for line in order.lines), default=0)
    seen = set[UUID]()
    for index, each in enumerate(changes):
        if (each.line_item is None) == (each.product is None):
            problems.invalid("Name a line of the order, or the product of a new one.", "changes", index)
        elif each.line_item is None:
            position += 1
            if index in items:
                item, count = items[index], counts.get(index)
                _add(plan, each, order, item, count, amounts.get(item.id), taxes.get(index), position, problems, index)
        elif each.line_item not in lines:
            key = shown("id", ids.encode("lin", each.line_item))
            problems.missing(f"line item with the {key} in {order.number}", "changes", index, "lineItem")
        elif each.line_item in seen:
            problems.invalid("This line is named twice.", "changes", index, "lineItem")
        else:
            seen.add(each.line_item)
            line, row = lines[each.line_item], there[each.line_item]
            if index in counts:
                _cut_or_add(plan, each, order, line, row, counts[index], problems, index)
    if plan.extra:
        partners.check_may_order(order.customer_name, order.customer_kinds, problems, "order")
    if len(order.lines) + len(plan.new) > MAX_LINES:
        problems.invalid(f"An order may have {MAX_LINES} lines.", "changes")
    return plan


def _add(
    plan: Plan,
    each: LineChange,
    order: Order,
    item: ProductSnapshot,
    count: Count | None,
    amount: Decimal | None,
    tax: Tax | None,
    position: int,
    problems: Problems,
    index: int,
) -> None:
    """A new line; ``amount`` is what the order's price list says of it."""
    catalog.check_offered(item, problems, "changes", index, "product")
    cost, path = each.unit_price, ("changes", index)
    if cost is None:
        included = order.prices_include_tax
        cost = own_price(item, each.unit, amount, tax, order.currency, problems, *path, included=included)
    if not each.quantity:
        problems.invalid("This must be more than 0.", *path, "quantity")
    if count is not None:
        catalog.check_countable(item, count[0], problems, *path, "quantity")
    if cost is None or count is None:
        return
    own, other = count
    total = _total(each.quantity, cost, order, problems, index)
    line = Ordered(new_id(), position, item.id, each.description or item.name, own, cost, total, tax, other)
    plan.new.append(line)
    plan.products.add(item.id)
    plan.facts.append((line.id, drafts.fact(line)))
    demand = Demand(line.id, item.id, own, order.warehouse)
    plan.extra.append(Wanted(demand, item.sku, item.unit, ("changes", index, "quantity")))


def _cut_or_add(
    plan: Plan, each: LineChange, order: Order, line: Line, there: Any, count: Count, problems: Problems, index: int
) -> None:
    """A line that is there: less of it, more of it, or another price."""
    quantity, other = count
    catalog.check_countable(line, quantity, problems, "changes", index, "quantity")
    cost = there["unit_price"] if each.unit_price is None else each.unit_price
    text = each.description or there["description"]
    if line.shipped and cost != there["unit_price"]:
        problems.invalid("Some of this line was shipped, so its price stands.", "changes", index, "unitPrice")
    if not quantity:
        if not line.unshipped:
            problems.invalid("Nothing is left of this line to be called off.", "changes", index, "quantity")
        freed = line.unshipped - line.open
        if cost != there["unit_price"]:
            problems.invalid("What is called off keeps its price.", "changes", index, "unitPrice")
        same = there["unit_quantity"]
        written = Written(line.id, line.quantity, cost, there["total"], text, same, -freed, line.unshipped)
        _less(plan, line, written, freed, cancelled=line.unshipped)
        return
    least = line.shipped + line.cancelled
    if quantity < least:
        message = f"{decimal_text(least)} {line.unit} of this line were shipped or cancelled: it can't be less."
        problems.invalid(message, "changes", index, "quantity")
        return
    counted, ordered = (other.quantity, there["unit_quantity"]) if other else (quantity, line.quantity)
    total = _total(counted, cost, order, problems, index, (ordered, there))
    written = Written(line.id, quantity, cost, total, text, other and other.quantity)
    facts = {"quantity": quantity, "unitPrice": cost} | (other.recorded() if other else {})
    more = quantity - line.quantity
    if more > 0:
        plan.more.append(written)
        plan.products.add(line.product)
        demand = Demand(line.id, line.product, more, order.warehouse)
        plan.extra.append(Wanted(demand, line.sku, line.unit, ("changes", index, "quantity")))
        plan.facts.append((line.id, facts))
    else:
        freed = max(-more - line.open, ZERO)
        _less(plan, line, written._replace(reserved=-freed), freed, **facts)


def _less(plan: Plan, line: Line, written: Written, freed: Decimal, **facts: Any) -> None:
    plan.less.append(written)
    plan.products.add(line.product)
    plan.facts.append((line.id, facts))
    if freed:
        plan.freed[line.id] = freed


def _total(
    quantity: Decimal,
    cost: Decimal,
    order: Order,
    problems: Problems,
    index: int,
    before: tuple[Decimal, Any] | None = None,
) -> Decimal:
    """What a line comes to. Where its price stands so does its discount, in proportion: imported lines have one, which is
    in their total only. ``before`` is how many a line was of, in what it was ordered in, and its row, if it is there.
    """
    total = line_total(quantity, cost, order.currency)
    if before is not None and cost == before[1]["unit_price"]:
        ordered, row = before
        if row["total"] != line_total(ordered, cost, order.currency):
            total = part_total(row["total"], quantity, ordered, order.currency)
    if max(total, cost) >= LIMIT:
        problems.invalid("This line costs more than can be kept.", "changes", index, "quantity")
    return total
