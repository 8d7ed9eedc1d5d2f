"""Products, and the categories that they are in."""

from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import aliased

from core.catalog import Tracking
from db.base import KEY_TEXT
from db.catalog import Product, ProductCategory
from loaders.kit import filters
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import TENANT, One
from loaders.kit.renamed import Renamed

products = Entity(
    Product,
    "Product",
    "prod",
    "catalog:read",
    filters={
        "id": filters.identifier(Product.id, "prod", "By the product's id (prod_…)."),
        "sku": filters.text(Product.sku, "By the tenant's own key of the product.", folded=Product.sku_key),
        "name": filters.text(Product.name, "By its name; search finds single words of it.", folded=Product.name_key),
        "active": filters.boolean(Product.active, "By whether it is still offered. Left out: both."),
        "listPrice": filters.decimal(Product.list_price, "By the list price's amount, whatever its currency."),
        "archived": filters.boolean(
            Product.archived_at.is_not(None), "By whether it was taken out of use. Left out: both."
        ),
        "tracking": filters.choice(Product.tracking, Tracking, "By how its goods are distinguished."),
        "barcode": filters.text(Product.barcode, "By the code on the package."),
        "category": filters.identifier(
            Product.category_id,
            "cat",
            "By the id of its category (cat_…); products of categories below it don't count.",
        ),
        "createdAt": filters.moment(Product.created_at, "By the time it was first stored."),
        "updatedAt": filters.moment(Product.updated_at, "By the time of the last change."),
    },
    sorts={
        "SKU": Sort(Product.sku, "The sku, character by character in Unicode's order: Z comes before a."),
        "NAME": Sort(Product.name_key, "The name, without regard to upper and lower case."),
        "LIST_PRICE": Sort(
            Product.list_price, "The list price's amount; a missing price counts as the largest.", nullable=True
        ),
        "CREATED_AT": Sort(Product.created_at, "The time it was first stored."),
        "UPDATED_AT": Sort(Product.updated_at, "The time of the last change."),
    },
    default=(("SKU", ASC),),
    search=Product.search,
)


class ProductById(One):
    entity = products


class ProductBySku(Renamed):
    entity = products
    key, kind = "sku", "product"


class ProductByExternalId(One):
    entity = products
    key, key_type = "external_id", KEY_TEXT


class ProductByBarcode(One):
    """Only where one product has it: who scans a code wants that product, not one of two."""

    entity = products
    key, key_type = "barcode", KEY_TEXT

    def build(self, *, single: bool) -> Select[Any]:
        other = aliased(Product, name="other")
        another = (other.tenant_id == TENANT) & (other.barcode == Product.barcode) & (other.id != Product.id)
        return super().build(single=single).where(~exists(select(other.id).where(another).correlate(Product)))


class Products(Many):
    entity = products


class ProductsOfCategory(Many):
    entity = products
    key = "category_id"
    unique = "SKU"


categories = Entity(
    ProductCategory,
    "ProductCategory",
    "cat",
    "catalog:read",
    sorts={"CODE": Sort(ProductCategory.code)},
    default=(("CODE", ASC),),
)


class CategoryById(One):
    entity = categories


class CategoryByCode(One):
    entity = categories
    key, key_type = "code", KEY_TEXT


class Categories(Many):
    entity = categories
    unique = "CODE"


class CategoriesBelow(Many):
    entity = categories
    key = "parent_id"
    unique = "CODE"
