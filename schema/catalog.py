"""Products."""

import strawberry

from core.catalog import Tracking
from db import catalog as tables
from loaders import catalog as loaders
from schema.commands import ERRORS, UserError, changed, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import choice, column, lookup, many, moment, money, node_id, node_type, referred
from schema.inputs import enum_type, input_type, order_input, where_input
from schema.module import Module
from schema.scalars import DateTime
from schema.shared import (
    Connection,
    Money,
    Node,
)
from services import catalog as services

enum_type(Tracking)


@node_type(loaders.products, "Something that is bought, kept in stock and sold.")
class Product(Node):
    id: strawberry.ID = node_id(loaders.products)
    sku: str = column(tables.Product.sku, "The tenant's own key of the product; unique, and compared exactly.")
    name: str = column(tables.Product.name, "Its name as people read it; not unique.")
    description: str | None = column(
        tables.Product.description, "A longer text about the product; null where there is none."
    )
    barcode: str | None = column(
        tables.Product.barcode, "The code on the package, usually an EAN; null where there is none."
    )
    unit: str = column(tables.Product.unit, "Unit of measure in which stock is kept, such as pcs or kg.")
    list_price: Money | None = money(
        tables.Product.list_price,
        tables.Product.list_price_currency,
        "The price of one unit, before tax, for order lines that give none; null where there is no such price.",
    )
    active: bool = column(
        tables.Product.active, "Whether it is still offered. Inactive products stay in orders and in stock."
    )
    external_id: str | None = column(tables.Product.external_id, "Its key in another system; unique where given.")
    tracking: Tracking = choice(
        tables.Product.tracking, Tracking, "How its goods are distinguished: by lots, by serial numbers, or not at all."
    )
    archived_at: DateTime | None = moment(
        tables.Product.archived_at, "Since when it is out of use: not for new documents; null while it is in use."
    )
    version: int = column(tables.Product.version, "Rises with every change; for expectedVersion.")
    created_at: DateTime = moment(tables.Product.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.Product.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline("Changes of the product, and manual changes of its stock; newest first.")


ProductWhere = where_input(loaders.products, "products")
ProductOrderBy = order_input(loaders.products, "products")
ProductRef = input_type(services.ProductRef)


@strawberry.type
class Query:
    product: Product | None = lookup(
        "A product by one of its keys; null where there is none.",
        ProductRef,
        {
            "id": loaders.ProductById,
            "sku": loaders.ProductBySku,
            "externalId": loaders.ProductByExternalId,
            "barcode": loaders.ProductByBarcode,
        },
    )
    products: Connection[Product] = many(
        "The tenant's products, by sku where no order is given.",
        loaders.Products,
        where=ProductWhere,
        order=ProductOrderBy,
        search="sku, name, barcode, external id or description",
    )


@strawberry.type(description="The created or changed product, or the problems.")
class ProductPayload:
    product: Product | None = referred(changed("The product"), loaders.ProductById, "product_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    product_upsert: ProductPayload | None = mutation(
        "Creates the product with this sku, or changes it. Does nothing where it already has these values.",
        services.ProductUpsert,
        services.upsert_product,
        "catalog:write",
    )


MODULE = Module("catalog", Query, mutation=Mutation, nodes=(loaders.ProductById,), types=ERRORS)
