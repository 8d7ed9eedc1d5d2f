"""What the lines of an order cost where they don't say: by its price list, else by the product's own."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.problems import Problems
from core.taxes import with_tax
from services import pricing
from services.catalog import ProductSnapshot
from services.kit.looking import Looking
from services.partners import PriceListRef
from services.pricing import Priced
from services.sales.units import price_of
from services.taxes import Tax

NO_PRICES: Mapping[UUID, Decimal] = {}


async def listed(
    look: Looking,
    by: PriceListRef | UUID | None,
    currency: str,
    wanted: Iterable[tuple[UUID, Decimal]],
    at: datetime | None,
    problems: Problems,
) -> Priced | None:
    """What the products of an order's lines cost by a price list, each for the sum of its lines. Without a list nothing is
    looked up: most orders have none, and none may take a statement for it.
    """
    if by is None:
        return None
    sums: dict[UUID, Decimal] = defaultdict(Decimal)
    for product, quantity in wanted:
        sums[product] += quantity
    return await pricing.prices(look, by, currency, sums, at, problems)


def includes(by: Priced | None, problems: Problems, *, given: bool | None) -> bool:
    """Whether an order's prices include tax: as its price list says, else as the caller does."""
    if by is None:
        return bool(given)
    if given not in (None, by.tax_included):
        words = "include tax" if by.tax_included else "don't include tax"
        problems.invalid(f"The prices of {by.code} {words}.", "pricesIncludeTax")
    return by.tax_included


def own_price(
    item: ProductSnapshot,
    unit: str | None,
    amount: Decimal | None,
    tax: Tax | None,
    currency: str,
    problems: Problems,
    *path: str | int,
    included: bool,
) -> Decimal | None:
    """What one of a unit costs where the line doesn't say: by what the price list says of the product (``amount``), else by the product's
    own price. None, and a problem noted, where there is none.
    """
    if amount is None and item.currency == currency:
        amount = list_price(item, tax, included=included)
    if amount is None:
        problems.invalid(f"{item.sku} has no list price in {currency}: give one.", *path, "unitPrice")
        return None
    return price_of(item, amount, unit, problems, *path)


def list_price(item: ProductSnapshot, tax: Tax | None, *, included: bool) -> Decimal | None:
    """A product's own price, which is before tax; with it where an order's prices are so."""
    if item.list_price is None or tax is None or not included:
        return item.list_price
    return with_tax(item.list_price, tax.kind.rate)
