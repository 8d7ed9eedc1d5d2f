"""Products."""

from enum import Enum
from typing import Optional

import strawberry

from loaders import catalog as loaders
from schema.commands import ERRORS, UserError, changed, expected_version, given, mutation, retry_key, user_errors
from schema.events import Event, timeline
from schema.fields import column, lookup, many, moment, money, node_id, node_type, one
from schema.module import Module
from schema.scalars import CurrencyCode, DateTime, Decimal
from schema.shared import (
    DIRECTION,
    SORTED_BY,
    BooleanFilter,
    Connection,
    DateTimeFilter,
    DecimalFilter,
    IDFilter,
    Money,
    Node,
    SortDirection,
    StringFilter,
    op,
)
from services import catalog as services


@node_type(loaders.products, "Something that is bought, kept in stock and sold.")
class Product(Node):
    id: strawberry.ID = node_id("prod")
    sku: str = column("The tenant's own key of the product; unique, and compared exactly.", "sku")
    name: str = column("Its name as people read it; not unique.", "name")
    description: str | None = column(
        "A longer text for whoever buys or keeps it; null where there is none.", "description"
    )
    barcode: str | None = column("The code on the package, usually an EAN; null where there is none.", "barcode")
    unit: str = column("Unit of measure in which stock is kept, such as pcs or kg.", "unit")
    list_price: Money | None = money(
        "The price of one unit where an order names none, before tax; null where there is no such price.",
        "list_price",
        "list_price_currency",
    )
    active: bool = column("Whether it is still offered. Inactive products stay in orders and in stock.", "active")
    external_id: str | None = column("Its key in another system; unique where given.", "external_id")
    version: int = column("Rises with every change; for expectedVersion.", "version")
    created_at: DateTime = moment("When it was first stored.", "created_at")
    updated_at: DateTime = moment("When it was last changed.", "updated_at")
    events: Connection[Event] = timeline("Changes of the product and of its stock by hand, newest first.")


@strawberry.input(description="Conditions on products; all that are given must hold.")
class ProductWhere:
    and_: list["ProductWhere"] | None = op("All of these conditions hold; an empty list always does.", "and")
    or_: list["ProductWhere"] | None = op(
        "At least one of these holds; an empty list matches nothing, and none of them may be without a condition.", "or"
    )
    not_: Optional["ProductWhere"] = op("What this says isn't true: a row whose value is null passes, too.", "not")
    id: IDFilter | None = op("By the product's id (prod_…).")
    sku: StringFilter | None = op("By the tenant's own key of the product.")
    name: StringFilter | None = op("By what people call it; search finds single words of it.")
    active: BooleanFilter | None = op("By whether it is still offered; left out: both.")
    list_price: DecimalFilter | None = op("By the list price's amount, whatever its currency.")
    created_at: DateTimeFilter | None = op("By the time it was first stored.")


@strawberry.enum(description="What products can be sorted by.")
class ProductOrderField(Enum):
    SKU = strawberry.enum_value(
        "SKU", description="The sku, character by character in Unicode's order: Z comes before a."
    )
    NAME = strawberry.enum_value("NAME", description="The name, without regard to upper and lower case.")
    LIST_PRICE = strawberry.enum_value("LIST_PRICE", description="The list price's amount; none counts as the largest.")
    CREATED_AT = strawberry.enum_value("CREATED_AT", description="The time it was first stored.")
    UPDATED_AT = strawberry.enum_value("UPDATED_AT", description="The time of the last change.")
    RELEVANCE = strawberry.enum_value("RELEVANCE", description="How well it fits the search; only with search.")


@strawberry.input(description="What products are sorted by, and in which direction.")
class ProductOrderBy:
    field: ProductOrderField = strawberry.field(description=SORTED_BY)
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=DIRECTION)


@strawberry.input(one_of=True, description="Names one product by one of its keys.")
class ProductRef:
    id: strawberry.ID | None = op("By the product's id (prod_…).")
    sku: str | None = op("By the tenant's own key, exactly as stored.")
    external_id: str | None = op("By its key in another system, exactly as stored.")


@strawberry.type
class Query:
    product: Product | None = lookup(
        "A product by one of its keys; null where there is none.",
        "prod",
        ProductRef,
        {"id": loaders.ProductById, "sku": loaders.ProductBySku, "externalId": loaders.ProductByExternalId},
    )
    products: Connection[Product] = many(
        "The tenant's products, by sku where no order is given.",
        loaders.Products,
        where=ProductWhere,
        order=ProductOrderBy,
        search="sku, name, barcode or description",
    )


@strawberry.input(description="An exact amount, and the currency without which it means nothing.")
class MoneyInput:
    amount: Decimal = given("At least zero, at most six decimals.")
    currency: CurrencyCode = given("In which the amount is: an alphabetic code of ISO 4217.")


@strawberry.input(
    description="A product to be made or changed, by its sku. What is left out stays as it is, or takes its default."
)
class ProductUpsertInput:
    sku: str = given("The tenant's own key of the product: of the one to be changed, or a new one.")
    name: str = given("Its name as people read it, at most 500 characters; not unique.")
    description: str | None = op("A longer text for whoever buys or keeps it; null for none.")
    barcode: str | None = op("The code on the package; null for none.")
    unit: str | None = op("Unit of measure in which stock is kept; pcs for a new product.")
    list_price: MoneyInput | None = op("The price of one unit, before tax; null for none.")
    active: bool | None = op("Whether it is still offered; true for a new product.")
    external_id: str | None = op("Its key in another system, unique; null for none.")
    expected_version: int | None = expected_version()
    idempotency_key: str | None = retry_key()


@strawberry.type(description="A product after it was made or changed.")
class ProductPayload:
    product: Product | None = one(changed("The product"), loaders.ProductById, "product_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    product_upsert: ProductPayload | None = mutation(
        "Makes the product with this sku, or changes it. Where it already is as wanted, nothing happens.",
        services.ProductUpsert,
        services.upsert_product,
        ProductUpsertInput,
        "catalog:write",
    )


MODULE = Module("catalog", Query, mutation=Mutation, nodes={"prod": loaders.ProductById}, types=ERRORS)
