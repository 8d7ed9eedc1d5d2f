"""Products, and the categories that they are in."""

import strawberry

from core.catalog import CostMethod, Tracking
from db import catalog as tables
from loaders import catalog as loaders
from resolvers import catalog as resolvers
from schema.commands import ERRORS, UserError, changed, mutation, user_errors
from schema.events import Event, timeline
from schema.fields import batched, choice, column, fact, lookup, many, moment, money, node_id, node_type, one, referred
from schema.inputs import enum_type, input_type, order_input, where_input
from schema.module import Module
from schema.scalars import DateTime, Decimal
from schema.shared import (
    Connection,
    Money,
    Node,
)
from services import catalog as services
from services.catalog.units import MAX_UNITS

enum_type(Tracking)
enum_type(CostMethod)


@strawberry.type(description="A unit that a product is bought in besides its own, such as a carton of twelve.")
class ProductUnit:
    code: str = fact("Its name, such as carton; unique in the product.", "code")
    quantity: Decimal = fact("So many of this unit are base of the product's own.", "quantity")
    base: Decimal = fact("How many of the product's own units quantity of this one are.", "base")
    barcode: str | None = fact("The code on this package; null where there is none.", "barcode")


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
    unit_decimals: int = column(
        tables.Product.unit_decimals,
        "How many decimals quantities in its unit may have, 0 to 6: 0 where it is counted in whole pieces. Pieces with serial"
        " numbers are whole, whatever this is.",
    )
    units: list[ProductUnit] = batched(
        "The units that it is bought in besides its own.", resolvers.units, needs=["units"], size=MAX_UNITS
    )
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
    category: "ProductCategory | None" = one(
        tables.Product.category_id, loaders.CategoryById, "The category that it is in; null for none."
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
ProductCategoryRef = input_type(services.ProductCategoryRef)


@node_type(loaders.categories, "Products that are treated alike; a category may be a part of another.")
class ProductCategory(Node):
    id: strawberry.ID = node_id(loaders.categories)
    code: str = column(tables.ProductCategory.code, "The tenant's own key of the category; unique.")
    name: str = column(tables.ProductCategory.name, "Its name as people read it; not unique.")
    parent: "ProductCategory | None" = one(
        tables.ProductCategory.parent_id, loaders.CategoryById, "The category that it is a part of; null for none."
    )
    children: Connection["ProductCategory"] = many("Its parts, by code.", loaders.CategoriesBelow, "id")
    products: Connection[Product] = many(
        "The products in it, by sku where no order is given; not those of its parts.",
        loaders.ProductsOfCategory,
        "id",
        where=ProductWhere,
        order=ProductOrderBy,
    )
    cost_method: CostMethod = choice(
        tables.ProductCategory.cost_method, CostMethod, "How its goods are to be valued. Stock isn't valued yet."
    )
    version: int = column(tables.ProductCategory.version, "Rises with every change; for expectedVersion.")
    created_at: DateTime = moment(tables.ProductCategory.created_at, "When it was first stored.")
    updated_at: DateTime = moment(tables.ProductCategory.updated_at, "When it was last changed.")
    events: Connection[Event] = timeline()


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
    product_category: ProductCategory | None = lookup(
        "A category by one of its keys; null where there is none.",
        ProductCategoryRef,
        {"id": loaders.CategoryById, "code": loaders.CategoryByCode},
    )
    product_categories: Connection[ProductCategory] = many("The tenant's categories, by code.", loaders.Categories)


@strawberry.type(description="The created or changed product, or the problems.")
class ProductPayload:
    product: Product | None = referred(changed("The product"), loaders.ProductById, "product_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="The created or changed category, or the problems.")
class ProductCategoryPayload:
    category: ProductCategory | None = referred(changed("The category"), loaders.CategoryById, "product_category_id")
    user_errors: list[UserError] = user_errors()


@strawberry.type
class Mutation:
    product_upsert: ProductPayload | None = mutation(
        "Creates the product with this sku, or changes it. Does nothing where it already has these values.",
        services.ProductUpsert,
        services.upsert_product,
        "catalog:write",
    )
    product_category_upsert: ProductCategoryPayload | None = mutation(
        "Creates the category with this code, or changes it. Does nothing where it already has these values.",
        services.ProductCategoryUpsert,
        services.upsert_category,
        "catalog:write",
    )


MODULE = Module("catalog", Query, mutation=Mutation, nodes=(loaders.ProductById, loaders.CategoryById), types=ERRORS)
