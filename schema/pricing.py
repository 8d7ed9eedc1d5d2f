"""Price lists: what products cost for the partners that buy by them."""

from typing import Any

import strawberry

from db import partners as partner_tables
from db import pricing as tables
from execution import POINT, argument, extends
from loaders import pricing as loaders
from loaders.catalog import ProductById
from loaders.taxes import TaxById
from resolvers import columns
from resolvers import pricing as resolvers
from schema.catalog import Product
from schema.commands import ERRORS, UserError, changed, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import (
    batched,
    column,
    currency,
    fact,
    lookup,
    many,
    moment,
    money,
    node_id,
    node_type,
    one,
    referred,
)
from schema.inputs import input_type, where_input
from schema.module import Module
from schema.partners import Partner, PartnerRef
from schema.scalars import CurrencyCode, Date, DateTime, Decimal
from schema.shared import Connection, Money, Node
from schema.taxes import Tax
from services import partners as partner_services
from services import pricing as services

PriceWhere = where_input(loaders.prices, "prices")
PriceListRef = input_type(partner_services.PriceListRef)
input_type(services.PriceSetLine, "PriceSetLine")


@node_type(loaders.lists, "Prices of many products, for the partners that buy by them.")
class PriceList(Node):
    id: strawberry.ID = node_id(loaders.lists)
    code: str = column(tables.PriceList.code, "The tenant's own key of the list; unique.")
    name: str = column(tables.PriceList.name, "Its name as people read it; not unique.")
    currency: CurrencyCode = currency(
        tables.PriceList.currency, "In which its prices are: orders in another one are not priced by it."
    )
    tax_included: bool = column(
        tables.PriceList.tax_included, "Whether its prices include tax, and with them those of orders that they price."
    )
    active: bool = column(tables.PriceList.active, "Whether new lines may be priced by it.")
    prices: Connection["Price"] = many(
        "Its prices, by product and quantity.", loaders.PricesOfList, "id", where=PriceWhere
    )
    version: int = column(tables.PriceList.version, "Rises with every change of it or its prices; for expectedVersion.")
    created_at: DateTime = moment(tables.PriceList.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.PriceList.updated_at, "When it or one of its prices was last changed.")
    events: Connection[Event] = timeline()


@node_type(loaders.prices, "What one unit of a product costs from a quantity on, in a span of days.")
class Price(Node):
    id: strawberry.ID = node_id(loaders.prices)
    price_list: PriceList = one(tables.Price.price_list_id, loaders.PriceListById, "The list that it is in.")
    product: Product = one(tables.Price.product_id, ProductById, "The product that costs this.")
    minimum: Decimal = column(
        tables.Price.minimum, "From how many on, in the product's unit, all lines of the product taken together."
    )
    amount: Money = money(tables.Price.amount, tables.Price.currency, "The price of one of the product's units.")
    valid_from: Date | None = fact("The first day, where the tenant is; null: since ever.", "valid_from")
    valid_to: Date | None = fact("The last day, where the tenant is; null: without end.", "valid_to")


@strawberry.type(description="What a product would cost a partner.")
class ProductPrice:
    amount: Money = batched(
        "The price of one unit.", columns.money("amount", "currency", total=False), needs=("amount", "currency"), cost=0
    )
    tax_included: bool = fact("Whether tax is in it, as the price list says.", "tax_included")
    tax: Tax | None = referred("The tax that its line would bear; null for none.", TaxById, "tax_id")
    price: Price | None = referred(
        "The price that it is by; null for the product's list price.", loaders.PriceById, "price_id"
    )


def _price() -> Any:
    """What a product would cost: a field whose arguments say for whom, how many, in which currency and when."""
    arguments = (
        argument("for", PartnerRef | None, "For this customer; left out: by no list. A partner's key asks for itself."),
        argument("quantity", Decimal, "For how many, all lines of the product taken together.", Decimal(1)),
        argument(
            "currency", CurrencyCode | None, "In which; left out: in that of the customer's list, else the tenant's."
        ),
        argument("on", Date | None, "On which day, where the tenant is; today where left out."),
    )
    text = (
        "What a unit would cost on a line of an order; null where it has no price in that currency. What lines come to, and"
        " whether goods are there, orderPreview says. Needs pricing:read; a partner's key sees its own price without it."
    )
    # An object, and a look at the list's entries and the taxes: what a line of a preview costs.
    return batched(text, resolvers.price, *arguments, needs=resolvers.NEEDS, cost=2 * POINT)


@extends(Product)
class ProductPricing:
    price: ProductPrice | None = _price()
    prices: Connection[Price] = many(
        "Its prices in all lists, oldest first.",
        loaders.PricesOfProduct,
        "id",
        where=PriceWhere,
    )


@extends(Partner)
class PartnerPricing:
    price_list: PriceList | None = one(
        partner_tables.Partner.price_list_id,
        loaders.PriceListById,
        "The price list that it buys by; null for list prices.",
    )
    purchase_price_list: PriceList | None = one(
        partner_tables.Partner.purchase_price_list_id,
        loaders.PriceListById,
        "The price list that it sells by; null where there is none. What it asks for one product only, productSupplierUpsert sets.",
    )


@strawberry.type
class Query:
    price_list: PriceList | None = lookup(
        "A price list by one of its keys; null where there is none.",
        PriceListRef,
        {"id": loaders.PriceListById, "code": loaders.PriceListByCode},
    )
    price_lists: Connection[PriceList] = many("The tenant's price lists, by code.", loaders.PriceLists)


@strawberry.type(description="The created or changed price list, or the problems.")
class PriceListPayload:
    price_list: PriceList | None = referred(changed("The price list"), loaders.PriceListById, "price_list_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    price_list_upsert: PriceListPayload | None = mutation(
        "Creates the price list with this code, or changes it. Does nothing where it already has these values.",
        services.PriceListUpsert,
        services.upsert_list,
        "pricing:write",
    )
    prices_set: PriceListPayload | None = mutation(
        "Sets prices of a list, or takes them away. Lines that were priced before keep their prices.",
        services.PricesSet,
        services.set_prices,
        "pricing:write",
    )


MODULE = Module(
    "pricing",
    Query,
    requires=("catalog", "partners", "taxes"),
    mutation=Mutation,
    extends=(ProductPricing, PartnerPricing),
    nodes=(loaders.PriceListById, loaders.PriceById),
    types=ERRORS,
)
