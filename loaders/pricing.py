"""Price lists and their prices."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Text, cast

from db.base import KEY_TEXT
from db.pricing import Price, PriceList, best
from loaders.kit import filters
from loaders.kit.base import Loader
from loaders.kit.entity import ASC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import One
from loaders.kit.statements import Statement

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


class EntryOfProduct(Loader):
    """The entry of a price list by which so many of each product are priced on a day: its id and amount. Products that have none
    are missing. ``arguments`` is (list, quantity, day); without a day it is the one that it is where the tenant is.
    """

    row = None
    made_once = Statement(
        f"""
        SELECT w.product AS key, found.id, found.amount::text AS amount
        FROM tenants t CROSS JOIN unnest($2::uuid[]) AS w (product)
        CROSS JOIN LATERAL (SELECT coalesce($5::date, (statement_timestamp() AT TIME ZONE t.timezone)::date) AS day) d
        CROSS JOIN LATERAL ({best("$3::uuid", "w.product", "$4::numeric", "d.day")}) found
        WHERE t.id = $1
        """,
        ("tenant", "keys", "price_list", "quantity", "day"),
    )

    async def load_all(self, keys: list[Any]) -> Mapping[Any, Any]:
        """The entries by their products."""
        price_list, quantity, day = self.arguments
        given = {"keys": keys, "price_list": price_list, "quantity": quantity, "day": day}
        return {row["key"]: row for row in await self.fetch(self.made_once, given, len(keys))}
