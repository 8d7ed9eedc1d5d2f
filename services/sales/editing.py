"""Orders changed after they were created: a draft in all that it says, a confirmed order in what its goods don't hang on."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
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
from services.sales import drafts, line_changes, recosting
from services.sales.addresses import Addresses, chosen
from services.sales.commands import OrderUpdate
from services.sales.drafts import Ordered
from services.sales.orders import Order, locked, recorded
from services.sales.prices import NO_PRICES, listed
from services.sales.units import own_quantities
from services.taxes import taxing
from services.taxes.taxing import Worth

Values = dict[str, Any]
"""Columns of an order, and what they are to be."""


class Fresh(NamedTuple):
    """New lines of a draft, and what they come to."""

    lines: list[Ordered]
    worth: Worth


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
    fresh = await _new_lines(work, command, order, items, values, customer) if command.line_items else None
    problems.check()
    own, changed = Values(), Values()
    if command.changes:
        own, changed = await line_changes.change(work, command, order, added)
    elif customer and fresh is None and order.status == "DRAFT":
        own, changed = await recosting.taxed_anew(work, order, customer.tax_group)
    problems.check()
    values |= own
    before = {name: value for name, value in _present(order).items() if name in values and value != values[name]}
    after = {name: values[name] for name in before}
    if not after and not fresh and not changed:
        return {"order_id": order.id}
    version = await _store(work, order, after, fresh)
    _note(work, order, version, before, after, fresh, changed)
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
        "tax_total": None,
        "price_list_id": order.price_list,
        **order.addresses._asdict(),
    }


def _values(command: OrderUpdate, order: Order, customer: Customer | None, problems: Problems) -> Values:
    """What the order is to be, as far as the command says so, lines left out."""
    copied = ("currency", "placed_at", "external_id", "note")
    values = {name: getattr(command, name) for name in copied if command.given(name)}
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
) -> Fresh | None:
    """The new lines of a draft, by the prices of the list that it has, or that its new customer has; ``values`` get that one.
    None for another order, whose lines aren't replaced.
    """
    problems = work.problems
    if order.status != "DRAFT":
        return None
    if customer is None and not command.given("customer"):
        partners.check_may_order(order.customer_name, order.customer_kinds, problems, "order")
    currency, at = values.get("currency", order.currency), values.get("placed_at", order.placed_at)
    by = order.price_list if customer is None or customer.id == order.customer else customer.price_list
    counts = own_quantities(command.line_items, items, problems)
    found = await listed(work, by, currency, drafts.quantities(items, counts), at, problems)
    values["price_list_id"] = found.id if found else None
    group = customer.tax_group if customer else order.customer_tax_group
    taxes = await taxing.of_lines(work, group, command.line_items, items, problems)
    # Without a list it is as the client said when it was created; with the one that goes, that is gone as well.
    included = found.tax_included if found else order.price_list is None and order.prices_include_tax
    amounts = found.amounts if found else NO_PRICES
    lines = drafts.priced(command.line_items, items, counts, taxes, currency, problems, amounts, included=included)
    return Fresh(lines, taxing.worth(lines, currency, problems, included=included))


async def _store(work: UnitOfWork, order: Order, after: Values, fresh: Fresh | None) -> int:
    columns = dict(after)
    customer: UUID = columns.pop("customer_id", order.customer)
    if fresh:
        totals, included = fresh.worth
        columns |= {"subtotal": totals.subtotal, "tax_total": totals.tax_total, "prices_include_tax": included}
        await work.rows(_DROP_LINES, order.id)
    settings = "".join(f"{name} = ${index}, " for index, name in enumerate(columns, start=4))
    try:
        [[version]] = await work.rows(_CHANGE.format(columns=settings), order.id, customer, *columns.values())
    except asyncpg.UniqueViolationError as error:
        if constraint(error) == "uq_orders_tenant_id_external_id":
            raise refuse(DUPLICATE, "Another order has this externalId.", "externalId") from None
        raise
    if fresh:
        whose = (order.id, after.get("currency", order.currency), customer)
        nets = fresh.worth.totals.nets if fresh.worth.taxed else None
        await drafts.make_lines(work, whose, fresh.lines, {}, nets)
    return int(version)


def _note(
    work: UnitOfWork,
    order: Order,
    version: int,
    before: Values,
    after: Values,
    fresh: Fresh | None,
    changed: Values,
) -> None:
    data_before, data_after = _recorded(before), _recorded(after) | changed
    if changed:
        data_before |= {"lineItems": recorded((line.id, {"quantity": line.quantity}) for line in order.lines)}
        for name in ("subtotal", "taxTotal"):
            data_before.pop(name, None)
    if fresh:
        data_before["lineItems"] = recorded(
            (line.id, {"sku": line.sku, "quantity": line.quantity}) for line in order.lines
        )
        data_after |= {"lineItems": drafts.facts(fresh.lines)} | drafts.recorded_worth(fresh.worth)
    work.note("order.updated", order.id, version=version, before=data_before, after=data_after)


def _recorded(values: Mapping[str, Any]) -> Values:
    """Columns as an event records them."""
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
