"""Products: made and changed, and found for those who sell and keep them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import AfterValidator

from core.money import CURRENCIES
from core.problems import Problems
from services.kit.answer import References
from services.kit.command import Command, Input, Key, Label, LongText, Price, Ref, Title, Unit, Version, identifier
from services.kit.records import Kind, upsert
from services.kit.work import Work

PRODUCT = Kind("product", "products", "sku")


def _known(currency: str) -> str:
    if currency not in CURRENCIES:
        raise ValueError("This is not a currency: give an ISO 4217 code such as EUR.")
    return currency


Currency = Annotated[str, AfterValidator(_known)]


class Money(Input):
    amount: Price
    currency: Currency


class ProductUpsert(Command):
    """Make the product with this sku, or change it. What is left out stays, or takes its default."""

    sku: Label
    name: Title
    description: LongText | None = None
    barcode: Label | None = None
    unit: Unit = "pcs"
    list_price: Money | None = None
    active: bool = True
    external_id: Label | None = None
    expected_version: Version | None = None


class ProductRef(Ref):
    """A product by one of its keys."""

    id: identifier("prod") | None = None  # type: ignore[valid-type]  # a function makes the type
    sku: Key | None = None
    external_id: Key | None = None


class Item(NamedTuple):
    """A product as those see it who sell it or keep it in stock."""

    id: UUID
    sku: str
    external_id: str | None
    name: str
    unit: str
    active: bool
    list_price: Decimal | None
    currency: str | None


_FIND = """
    SELECT id, sku, external_id, name, unit, active, list_price, list_price_currency FROM products
    WHERE tenant_id = $1 AND {key} = ANY($2::{type}[])
"""
LOCK = "ORDER BY id FOR NO KEY UPDATE"
"""Takes the locks of products' stock. It stands against another of its kind, and not against the foreign
keys of line items."""

_FIND_AND_LOCK = f"{_FIND} {LOCK}"
_KEYS = {"id": "uuid", "sku": "text", "external_id": "text"}


async def upsert_product(work: Work, command: ProductUpsert) -> References:
    """Make or change a product by its sku."""
    plain = ("sku", "name", "description", "barcode", "unit", "active", "external_id")
    values = {name: getattr(command, name) for name in plain if command.given(name)}
    if command.given("list_price"):
        price = command.list_price
        values |= {"list_price": price and price.amount, "list_price_currency": price and price.currency}
    return {"product_id": await upsert(work, PRODUCT, values, expected=command.expected_version)}


async def find(
    work: Work, refs: Sequence[ProductRef], problems: Problems, *path: str, lock: bool = False
) -> list[Item | None]:
    """The products that the lines of an input name, in their order; one statement for each kind of key.

    A line whose product doesn't exist has None, and its problem is noted under ``path``, index, "product".
    With ``lock`` the locks of their stock come along, if all go by one kind of key: it saves a statement.
    """
    wanted: dict[str, set[object]] = {}
    for ref in refs:
        name, key = ref.only()
        wanted.setdefault(name, set()).add(key)
    found: dict[tuple[str, object], Item] = {}
    lock = lock and len(wanted) == 1
    for name, keys in wanted.items():
        rows = await work.rows((_FIND_AND_LOCK if lock else _FIND).format(key=name, type=_KEYS[name]), list(keys))
        found |= {(name, row[name]): Item(*row) for row in rows}
    if lock:
        work.products = frozenset(item.id for item in found.values())
    items = [found.get(ref.only()) for ref in refs]
    for index, item in enumerate(items):
        if item is None:
            problems.missing("product with this key", *path, index, "product")
    return items
