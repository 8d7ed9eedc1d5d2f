"""What an order would cost, and whether its goods are there: asked on every change of a cart, and nothing is changed."""

import strawberry

from execution import POINT, Args, argument
from loaders.catalog import ProductById
from loaders.pricing import PriceListById
from loaders.taxes import TaxById
from resolvers import columns
from resolvers import commands as errors
from resolvers import sales as resolvers
from schema.catalog import Product
from schema.commands import UserError, lines, problems
from schema.fields import batched, each_row, fact, referred
from schema.inputs import input_type
from schema.pricing import PriceList
from schema.scalars import CurrencyCode, Decimal
from schema.shared import Money
from schema.taxes import Tax, TaxTotal
from services import sales as services
from services.taxes.taxing import MAX_KINDS


def _money(description: str, name: str, *, total: bool = True) -> Money:
    """An amount of a preview, in its currency."""
    made: Money = batched(description, columns.money(name, "currency", total=total), needs=(name, "currency"), cost=0)
    return made


def _work(args: Args, rows: int) -> int:
    """What looking for the lines' products, prices and goods takes."""
    return POINT * lines(args, rows)


@strawberry.type(description="A line of an order that isn't there.")
class OrderPreviewLine:
    product: Product = referred("The product.", ProductById, "product_id")
    quantity: Decimal = fact("How many, in the product's unit.", "quantity")
    unit: str = fact("The unit that it is ordered in: the product's own, or one of its others.", "unit")
    unit_quantity: Decimal = fact("How many of unit: exactly quantity.", "unit_quantity")
    unit_price: Money = _money(
        "The price of one unit: what was given, that of the price list, or the product's list price. Before tax, unless prices"
        " include it.",
        "unit_price",
        total=False,
    )
    price_list: PriceList | None = referred(
        "The price list that it comes from; null where it is the product's or was given.",
        PriceListById,
        "price_list_id",
    )
    tax: Tax | None = referred("The tax that it would bear; null for none.", TaxById, "tax_id")
    net: Money = _money(
        "Its amount before tax: unitQuantity x unitPrice, rounded half up to the currency's minor digits, without what of it is tax"
        " where prices include it.",
        "net",
    )
    available: Decimal = fact(
        "How many of the product could be promised at this moment, for all lines together. Needs stock:read.",
        "available",
        permission=resolvers.STOCK,
    )
    in_stock: bool = fact(
        "Whether this line's goods are there, together with those of the lines before it. Needs stock:read.",
        "in_stock",
        permission=resolvers.STOCK,
    )


@strawberry.type(description="What an order would cost, and whether its goods are there.")
class OrderPreview:
    currency: CurrencyCode = fact("The currency of all amounts.", "currency")
    subtotal: Money = _money("The sum of its lines before tax.", "subtotal")
    taxes: list[TaxTotal] = batched(
        "Its taxes by category and rate, each rounded once.", columns.stored("taxes"), needs=["taxes"], size=MAX_KINDS
    )
    tax_total: Money = _money("The sum of its taxes; 0 where its lines bear none.", "tax_total")
    total: Money = _money("subtotal + taxTotal: what the customer would pay.", "total")
    lines: list[OrderPreviewLine | None] = batched(
        "Its lines, in the order of the input; null for a line that can't be sold so, for which there is a problem. A line"
        " that is only short of goods is shown.",
        columns.stored("lines"),
        needs=["lines"],
        size=each_row,
    )
    problems: list[UserError] = batched(
        "What orderCreate would answer with confirm: true, all at once, with the same codes and paths. Without stock:read"
        " nothing is said of stock.",
        errors.user_errors,
        size=problems,
    )


@strawberry.type
class PreviewQuery:
    order_preview: OrderPreview = batched(
        "What an order would cost, and whether its goods are there. Nothing is stored or held. Shows products, so it needs"
        " catalog:read as well.",
        resolvers.preview,
        argument("input", input_type(services.OrderPreview), "The order that isn't there yet."),
        permission="orders:read",
        rows=lines,
        besides=_work,
    )
