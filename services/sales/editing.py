"""Orders changed after they were created: a draft in all that it says, a confirmed order in what its goods don't hang on."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from core import ids, moments
from core.problems import DUPLICATE, Problems, refuse
from core.sales import INVALID_TRANSITION, available_actions
from db.runtime.failures import constraint
from services import catalog, partners
from services.catalog import ProductSnapshot
from services.kit.answer import References
from services.kit.records import facts
from services.kit.work import UnitOfWork
from services.partners import Customer
from services.sales import drafts, line_changes
from services.sales.addresses import Addresses, chosen
from services.sales.commands import OrderUpdate
from services.sales.drafts import Ordered
from services.sales.orders import Order, locked, told
from services.sales.prices import NO_PRICES, listed

Values = dict[str, Any]
"""Columns of an order, and what they are to be."""

_DROP_LINES = "DELETE FROM line_items WHERE tenant_id = $1 AND order_id = $2"
# Lines repeat their order's customer, and the foreign key sees that they do: both change in one statement.
_CHANGE = """
    WITH lines AS (
        UPDATE line_items SET customer_id = $3 WHERE tenant_id = $1 AND order_id = $2 AND customer_id <> $3
    )
    UPDATE orders SET customer_id = $3, {columns} version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""


async def update(work: UnitOfWork, command: OrderUpdate) -> References:
    """Change an order. Raises ``CommandRejected`` where its state doesn't allow what is asked."""
    problems = work.problems
    items = await catalog.find(work, [line.product for line in command.line_items], problems, "lineItems")
    customer = await partners.customer(work, command.customer, problems) if command.given("customer") else None
    added = await line_changes.find(work, command.changes)
    order = await locked(work, command, "UPDATE")
    _refuse_other_states(command, order, problems)
    values = _values(command, order, customer, problems)
    lines = await _new_lines(work, command, order, items, values, customer) if command.line_items else []
    problems.check()
    changed: Values = {}
    if command.changes:
        own, changed = await line_changes.change(work, command, order, added)
        values |= own
    before = {name: value for name, value in _present(order).items() if name in values and value != values[name]}
    after = {name: values[name] for name in before}
    if not after and not lines and not changed:
        return {"order_id": order.id}
    version = await _store(work, order, after, lines)
    _note(work, order, version, before, after, lines, changed)
    return {"order_id": order.id}


_OF_DRAFTS = {
    "customer": "its customer stands",
    "currency": "its currency stands",
    "placed_at": "the time of the order stands",
    "line_items": "its lines are changed by changes",
}
"""What only a draft lets change, and what is said of another order."""


def _refuse_other_states(command: OrderUpdate, order: Order, problems: Problems) -> None:
    if command.changes and command.line_items:
        problems.invalid("Give lineItems for a draft or changes for a confirmed order, not both.", "changes")
    if order.status == "DRAFT":
        if command.changes:
            problems.invalid("The lines of a draft are replaced by lineItems.", "changes")
        return
    actions = available_actions(order.status, order.progress())
    for name, stands in _OF_DRAFTS.items():
        if command.given(name) and (name != "line_items" or command.line_items):
            message = f"{order.number} is {order.status.lower()}: {stands}."
            path = next(iter(facts({name: None})))
            problems.add(INVALID_TRANSITION, message, path, status=order.status, available_actions=actions)


def _present(order: Order) -> Values:
    return {
        "customer_id": order.customer,
        "currency": order.currency,
        "placed_at": order.placed_at,
        "external_id": order.external_id,
        "note": order.note,
        "status": order.status,
        "subtotal": None,
        "price_list_id": order.price_list,
        **order.addresses._asdict(),
    }


def _values(command: OrderUpdate, order: Order, customer: Customer | None, problems: Problems) -> Values:
    """What the order is to be, as far as the command says so, lines left out."""
    plain = ("currency", "placed_at", "external_id", "note")
    values = {name: getattr(command, name) for name in plain if command.given(name)}
    if customer is not None:
        values["customer_id"] = customer.id
    if values.get("currency", order.currency) != order.currency and not command.line_items:
        problems.invalid(f"The prices are in {order.currency}: give lineItems with their new ones.", "currency")
    given = {name: getattr(command, name) for name in Addresses._fields if command.given(name)}
    stored = customer.addresses if customer else order.customer_addresses
    values |= chosen(given, stored, problems, confirmed=order.status != "DRAFT") if given else {}
    if customer is not None and customer.id != order.customer:
        # A code was one of the old customer's addresses.
        for name, text in order.addresses._asdict().items():
            if name not in given and text and "code" in orjson.loads(text):
                values[name] = None
    return {name: _same(value, _present(order)[name]) for name, value in values.items()}


def _same(value: Any, there: Any) -> Any:
    """What is there, where it is the same JSON written in another way."""
    if isinstance(value, str) and isinstance(there, str) and value[:1] == there[:1] == "{":
        return there if orjson.loads(value) == orjson.loads(there) else value
    return value


async def _new_lines(
    work: UnitOfWork,
    command: OrderUpdate,
    order: Order,
    items: Sequence[ProductSnapshot | None],
    values: Values,
    customer: Customer | None,
) -> list[Ordered]:
    """The new lines of a draft, by the prices of the list that it has, or that its new customer has; ``values`` get that one."""
    problems = work.problems
    if order.status != "DRAFT":
        return []
    if customer is None and not command.given("customer"):
        partners.check_may_order(order.customer_name, order.customer_kinds, problems, "order")
    currency, at = values.get("currency", order.currency), values.get("placed_at", order.placed_at)
    by = order.price_list if customer is None or customer.id == order.customer else customer.price_list
    found = await listed(work, by, currency, drafts.quantities(command.line_items, items), at, problems)
    values["price_list_id"] = found.id if found else None
    return drafts.priced(command.line_items, items, currency, problems, found.amounts if found else NO_PRICES)


async def _store(work: UnitOfWork, order: Order, after: Values, lines: Sequence[Ordered]) -> int:
    columns = dict(after)
    customer: UUID = columns.pop("customer_id", order.customer)
    if lines:
        columns["subtotal"] = sum((line.total for line in lines), Decimal())
        await work.rows(_DROP_LINES, order.id)
    settings = "".join(f"{name} = ${index}, " for index, name in enumerate(columns, start=4))
    try:
        [[version]] = await work.rows(_CHANGE.format(columns=settings), order.id, customer, *columns.values())
    except asyncpg.UniqueViolationError as error:
        if constraint(error) == "uq_orders_tenant_id_external_id":
            raise refuse(DUPLICATE, "Another order has this externalId.", "externalId") from None
        raise
    if lines:
        currency = after.get("currency", order.currency)
        await work.rows(drafts.MAKE_LINES, order.id, currency, customer, *drafts.columns(lines, {}))
    return int(version)


def _note(
    work: UnitOfWork,
    order: Order,
    version: int,
    before: Values,
    after: Values,
    lines: Sequence[Ordered],
    changed: Values,
) -> None:
    told_before, told_after = _told(before), _told(after) | changed
    if changed:
        told_before |= {"lineItems": told((line.id, {"quantity": line.quantity}) for line in order.lines)}
        told_before.pop("subtotal", None)
    if lines:
        told_before["lineItems"] = told((line.id, {"sku": line.sku, "quantity": line.quantity}) for line in order.lines)
        subtotal = sum((line.total for line in lines), Decimal())
        told_after |= {"lineItems": drafts.facts(lines), "subtotal": subtotal}
    work.note("order.updated", order.id, version=version, before=told_before, after=told_after)


def _told(values: Mapping[str, Any]) -> Values:
    """Columns as an event tells of them."""
    found: Values = {}
    for name, value in values.items():
        if name == "customer_id":
            found["customer"] = ids.encode("par", value)
        elif name == "price_list_id":
            found["priceList"] = value and ids.encode("prl", value)
        elif name in Addresses._fields:
            found |= facts({name: value and orjson.loads(value)})
        else:
            found |= facts({name: moments.write(value) if name == "placed_at" else value})
    return found
