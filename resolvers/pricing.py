"""What products would cost, as orders price their lines."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.errors import BadInput
from core.money import LIMIT, SCALE
from core.problems import CommandRejected, Problems
from core.taxes import borne, with_tax
from execution import Batch
from loaders.catalog import CategoryById
from loaders.pricing import EntryOfProduct, PriceListById
from loaders.taxes import SubstitutionsOfGroup, TaxById
from loaders.tenants import TenantById
from resolvers.taxes import amount
from services import partners
from services.kit.looking import Snapshot
from services.partners import Customer, PartnerRef

PERMISSION = "pricing:read"
NEEDS = ("id", "list_price", "list_price_currency", "tax_id", "category_id")
"""The columns of a product that its price is worked out from."""

Row = dict[str, Any]


async def price(batch: Batch) -> list[Row | None]:
    """What a unit of each product would cost on a line of an order; None for those that have no price. A partner's key is told its
    own, and needs no permission for that.
    """
    context, args = batch.context, batch.args
    partner = context.principal.partner
    if partner is None:
        context.require(PERMISSION)
    quantity, day = _quantity(args["quantity"]), args.get("on") and date.fromisoformat(args["on"])
    customer = await _customer(batch, partner)
    by = await _list(context, customer, args.get("currency"))
    currency = args.get("currency") or (by and by["currency"]) or (customer and customer.currency)
    if currency is None:
        [tenant] = await TenantById.of(context, ("currency",)).load_level([context.reader.tenant])
        currency = tenant["currency"]
    entries: Mapping[UUID, Any] = {}
    if by:
        entries = await EntryOfProduct.of(context, (), (by["id"], quantity, day)).load_distinct(batch.column("id"))
    included = bool(by and by["tax_included"])
    taxes: Sequence[UUID | None] = [None] * len(batch.sources)
    if included or "tax_id" in batch.columns():
        taxes = await _taxes(batch, customer and customer.tax_group)
    alone = await _list_prices(batch, currency, taxes, included=included)
    shown = {"currency": currency, "tax_included": included}
    found: list[Row | None] = []
    for product, tax, own in zip(batch.column("id"), taxes, alone, strict=True):
        entry = entries.get(product)
        costs = entry["amount"] if entry else own
        by_list = {"amount": costs, "tax_id": tax, "price_id": entry and entry["id"]}
        found.append(None if costs is None else shown | by_list)
    return found


def _quantity(given: Decimal) -> Decimal:
    """A quantity as lines have them."""
    if not 0 < given < LIMIT or given != round(given, SCALE):
        message = f"A quantity is more than 0 and has at most 14 digits before the point and {SCALE} after it."
        raise BadInput(message, path=("quantity",))
    return given


async def _customer(batch: Batch, partner: UUID | None) -> Customer | None:
    """The customer that is asked about; a partner's key asks about itself, and finds nobody else. Raises ``BadInput`` where there is
    none.
    """
    given, problems = batch.args.get("for"), Problems()
    if given is None and partner is None:
        return None
    look = Snapshot(batch.context.reader, "ProductPrice", batch.context.trace)
    try:
        ref = PartnerRef.model_construct(id=partner) if given is None else PartnerRef.read(given)
    except CommandRejected as unreadable:
        [problem, *_] = unreadable.problems
        raise BadInput(problem.message, path=("for", *problem.path[1:])) from None
    customer = await partners.customer(look, ref, problems)
    if customer and partner not in (None, customer.id):  # the policies let nobody come here
        problems.missing(f"partner with the {ref}")
    for problem in problems.found:
        raise BadInput(problem.message, path=("for",))
    if customer and customer.price_list and partner:
        await look.show_prices_of(customer.price_list)
    return customer


async def _list(context: Any, customer: Customer | None, currency: str | None) -> Any:
    """The price list that a customer buys by, where it is used and in the currency that is asked for."""
    if customer is None or customer.price_list is None:
        return None
    columns = ("id", "currency", "tax_included", "active")
    [found] = await PriceListById.of(context, columns).load_level([customer.price_list])
    return found if found and found["active"] and currency in (None, found["currency"]) else None


async def _taxes(batch: Batch, group: UUID | None) -> list[UUID | None]:
    """The tax that a line of each product would bear: what becomes of its own, or its category's, for a group of partners."""
    pairs = list(zip(batch.column("tax_id"), batch.column("category_id"), strict=True))
    within = {category for tax, category in pairs if tax is None and category}
    categories: Mapping[UUID, Any] = {}
    if within:
        categories = await CategoryById.of(batch.context, ("tax_id",)).load_distinct(list(within))
    owns = [tax or (categories[category]["tax_id"] if category else None) for tax, category in pairs]
    if group is None or not any(owns):
        return owns
    columns = ("from_tax_id", "to_tax_id")
    [rows] = await SubstitutionsOfGroup.of(batch.context, columns).load_level([group])
    instead = {row["from_tax_id"]: row["to_tax_id"] for row in rows}
    return [borne(own, instead) for own in owns]


async def _list_prices(
    batch: Batch, currency: str, taxes: Sequence[UUID | None], *, included: bool
) -> Sequence[str | None]:
    """Each product's own price, which is before tax: with it where an order's prices include it."""
    own = [
        price if of == currency else None
        for price, of in zip(batch.column("list_price"), batch.column("list_price_currency"), strict=True)
    ]
    if not included:
        return own
    borne_by = list({tax for tax, price in zip(taxes, own, strict=True) if tax and price})
    rates = await TaxById.of(batch.context, ("rate",)).load_distinct(borne_by) if borne_by else {}
    return [
        _with_tax(price, Decimal(rates[tax]["rate"])) if tax and price else price
        for tax, price in zip(taxes, own, strict=True)
    ]


def _with_tax(price: str, rate: Decimal) -> str | None:
    """A price with its tax; none where that is more than an order can keep."""
    costs = with_tax(Decimal(price), rate)
    return amount(costs) if costs < LIMIT else None
