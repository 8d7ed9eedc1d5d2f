"""Price lists and their prices."""

from sqlalchemy import Text, cast

from db.base import KEY_TEXT
from db.pricing import Price, PriceList
from loaders.kit import filters
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import One

lists = Entity(
    PriceList,
    "PriceList",
    "prl",
    "pricing:read",
    sorts={"CODE": Sort(PriceList.code)},
    default=(("CODE", ASC),),
)
prices = Entity(
    Price,
    "Price",
    "pri",
    "pricing:read",
    columns={"valid_from": cast(Price.valid_from, Text), "valid_to": cast(Price.valid_to, Text)},
    filters={
        "product": filters.identifier(Price.product_id, "prod", "By the id of the product (prod_…)."),
        "minimum": filters.decimal(Price.minimum, "By the quantity from which it holds."),
        "validFrom": filters.day(Price.valid_from, "By its first day; null: since ever."),
        "validTo": filters.day(Price.valid_to, "By its last day; null: without end."),
    },
    sorts={
        "PRODUCT": Sort(Price.product_id),
        "MINIMUM": Sort(Price.minimum),
        "VALID_FROM": Sort(Price.valid_from, nullable=True),
    },
    default=(("PRODUCT", ASC), ("MINIMUM", ASC), ("VALID_FROM", ASC)),
)


class PriceListById(One):
    entity = lists


class PriceListByCode(One):
    entity = lists
    key, key_type = "code", KEY_TEXT


class PriceLists(Many):
    entity = lists
    unique = "CODE"


class PriceById(One):
    entity = prices


class PricesOfList(Many):
    """By product and quantity, which is the order of the index: two of one product and quantity have different first days."""

    entity = prices
    key = "price_list_id"
    unique = "VALID_FROM"


class PricesOfProduct(Many):
    """Of all lists, by id, which is by age: a quantity says nothing across lists."""

    entity = prices
    key = "product_id"
    default = ()
