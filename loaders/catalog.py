"""Products."""

from db.base import KEY_TEXT
from db.catalog import Product
from loaders.kit import filters
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import One

products = Entity(
    Product,
    "Product",
    "prod",
    "catalog:read",
    filters={
        "id": filters.identifier(Product.id, "prod"),
        "sku": filters.text(Product.sku),
        "name": filters.text(Product.name),
        "active": filters.boolean(Product.active),
        "listPrice": filters.decimal(Product.list_price),
        "createdAt": filters.moment(Product.created_at),
    },
    sorts={
        "SKU": Sort(Product.sku),
        "NAME": Sort(Product.name_key),
        "LIST_PRICE": Sort(Product.list_price, nullable=True),
        "CREATED_AT": Sort(Product.created_at),
        "UPDATED_AT": Sort(Product.updated_at),
    },
    default=(("SKU", ASC),),
    search=Product.search,
)


class ProductById(One):
    entity = products


class ProductBySku(One):
    entity = products
    key, key_type = "sku", KEY_TEXT


class ProductByExternalId(One):
    entity = products
    key, key_type = "external_id", KEY_TEXT


class Products(Many):
    entity = products
