"""Products: created and changed, and found for sales and stock."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import Field

from core.catalog import Tracking
from core.problems import INVALID_INPUT, Problems, refuse
from core.units import MOST_DECIMALS
from db import leftovers
from services.catalog import categories
from services.catalog.categories import IN_STOCK, ProductCategoryRef, ProductCategoryUpsert, upsert_category
from services.catalog.decimals import DECIMALS, FINER, Finer, check_countable, check_seen, finer
from services.catalog.taxed import TAX_OF, TAXES, TaxRef
from services.catalog.units import MAX_UNITS, ProductUnit, merged
from services.kit.answer import References
from services.kit.command import Change, Currency, Id, Input, Key, Label, LongText, Price, Ref, Title, Unit
from services.kit.hooks import Hook
from services.kit.keeping import KEPT, Kept
from services.kit.looking import Looking
from services.kit.records import RecordType, all_at_once, upsert
from services.kit.references import named
from services.kit.together import Asked
from services.kit.work import UnitOfWork

PRODUCT = RecordType("product", "products", "sku", ("units",), ("name",), {"category_id": "cat", "tax_id": "tax"})


class Money(Input):
    """An exact amount, and the currency without which it means nothing."""

    amount: Price
    """At least zero, at most six decimals."""
    currency: Currency
    """The currency of the amount: an ISO 4217 alphabetic code."""


class ProductUpsert(Change):
    """A product to create or change, by its sku. Fields that are left out stay as they are; a new product gets their defaults."""

    sku: Label
    """The tenant's own key of the product to change or create."""
    name: Title = ""
    """Its name as people read it, at most 500 characters; not unique. A new product needs one."""
    description: LongText | None = None
    """A longer text about the product; null for none."""
    barcode: Label | None = None
    """The code on the package; null for none."""
    unit: Unit = "pcs"
    """Unit of measure in which stock is kept; pcs for a new product."""
    unit_decimals: Annotated[int, Field(ge=0, le=MOST_DECIMALS)] = MOST_DECIMALS
    """How many decimals quantities in its unit may have: 0 for whole pieces, at most 6; 6 for a new product. Fewer only while no
    quantity of it has more: none in stock moves, open lines, holds and reorder rules."""
    list_price: Money | None = None
    """The price of one unit, before tax; null for none."""
    active: bool = True
    """Whether it is still offered; true for a new product."""
    external_id: Label | None = None
    """Its key in another system, unique; null for none."""
    tracking: Tracking = Tracking.NONE
    """How its goods are distinguished; NONE for a new product. It can't change while any are on hand."""
    category: ProductCategoryRef | None = None
    """The category that it is in, by one of its keys; null for none. One whose goods are valued in another way only while none
    of it is in stock."""
    units: Annotated[list[ProductUnit], Field(max_length=MAX_UNITS)] = Field(default_factory=list)
    """The units that it is bought in besides its own: all of them, at most 20. Documents keep the numbers that they have."""
    tax: TaxRef | None = None
    """The tax that lines with it bear; null for its category's. Lines that are there keep theirs."""


class ProductRef(Ref):
    """Names one product by one of its keys."""

    prefix = "prod"

    id: Annotated[UUID, Id("prod")] | None = None
    """By the product's id (prod_…)."""
    sku: Key | None = None
    """By the tenant's own key, exactly as stored."""
    external_id: Key | None = None
    """By its key in another system, exactly as stored."""
    barcode: Key | None = None
    """By the code on the package; only where one product has it."""


class ProductSnapshot(NamedTuple):
    """A product as those see it who sell it or keep it in stock."""

    id: UUID
    sku: str
    external_id: str | None
    name: str
    unit: str
    active: bool
    list_price: Decimal | None
    currency: str | None
    barcode: str | None = None
    tracking: str = "NONE"
    units: str | None = None
    """The others, as they are stored: see ``services.catalog.units``."""
    tax: UUID | None = None
    """The tax of its sales and purchases: its own, else its category's."""
    decimals: int = MOST_DECIMALS
    """How many decimals its quantities may have."""


_FIND = f"""
    SELECT id, sku, external_id, name, unit, active AND archived_at IS NULL AS active, list_price,
        list_price_currency, barcode, tracking, units, {TAX_OF.format(product="products")} AS tax, {DECIMALS} FROM products
    WHERE tenant_id = $1 AND {{key}} = ANY($2::{{type}}[])
"""
LOCK = "ORDER BY id FOR NO KEY UPDATE"
"""Takes the locks of products' stock. It stands against another of its kind, and not against the foreign
keys of line items."""

_FIND_RENAMED = f"""
    SELECT a.key AS was, p.id, p.sku, p.external_id, p.name, p.unit, p.active AND p.archived_at IS NULL AS active, p.list_price,
        p.list_price_currency, p.barcode, p.tracking, p.units, {TAX_OF.format(product="p")} AS tax, {DECIMALS}
    FROM key_aliases a JOIN products p ON p.tenant_id = $1 AND p.id = a.record_id
    WHERE a.tenant_id = $1 AND a.kind = 'product' AND a.key = ANY($2::text[])
"""
_FIND_AND_LOCK = f"{_FIND} {LOCK}"
_HOLD_OFF = "SELECT FROM products WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
_KEYS = {"id": "uuid", "sku": "text", "external_id": "text", "barcode": "text"}


class Counted(NamedTuple):
    """A table with quantities in its products' units (``product_id``), and what people call its rows."""

    table: str
    rows: str


COUNTED_IN_UNITS: Hook[Counted] = Hook()
"""A product that has rows in any of these tables keeps its unit."""


class Standing(NamedTuple):
    """What stands against another tracking of the product ``$2``: a condition, and why, as words that follow the product's sku."""

    condition: str
    why: str


TRACKED: Hook[Standing] = Hook()
"""What stands against another tracking of a product. Modules that count its goods say so."""

ON_TRACKING: Hook[str] = Hook()
"""Statements that follow when the product ``$2`` gets the tracking ``$3``."""


async def upsert_product(work: UnitOfWork, command: ProductUpsert) -> References:
    """Make or change a product by its sku."""
    copied = ("sku", "name", "description", "barcode", "unit", "unit_decimals", "active", "external_id", "tracking")
    values = {name: getattr(command, name) for name in copied if command.given(name)}
    if values.get("tracking", Tracking.NONE) != Tracking.NONE and not await finished(work):
        message = (
            "Goods can't be tracked yet: servers of the release before may still run, and they don't know lots. Once all are"
            " replaced, the administrator runs 'erpgraph db finish'."
        )
        raise refuse(INVALID_INPUT, message, "tracking")
    if command.given("list_price"):
        price = command.list_price
        values |= {"list_price": price and price.amount, "list_price_currency": price and price.currency}
    if command.given("units"):
        values["unit"], values["units"] = merged(command.units, command.unit if command.given("unit") else None)
    if command.given("category"):
        values["category_id"] = await categories.category(work, command.category, work.problems, "category")
    if command.given("tax"):
        values["tax_id"] = await named(work, TAXES, command.tax, "tax", "tax")
    with all_at_once(work):
        identity = await upsert(work, PRODUCT, values, expected=command.expected_version, check=_check)
    return {"product_id": identity}


async def finished(work: UnitOfWork) -> bool:
    """Whether an upgrade has left nothing that lots can't be used beside."""
    [[left]] = await work.rows(leftovers.LEFT, list(leftovers.KEYS.values()))
    return not left


async def _check(work: UnitOfWork, product: Any, after: Mapping[str, Any]) -> None:
    await _check_unit(work, product, after)
    await _check_decimals(work, product, after)
    await _check_tracking(work, product, after)
    if "category_id" in after:
        await categories.check_category(work, product["id"], product["category_id"], after["category_id"])


async def _check_tracking(work: UnitOfWork, product: Any, after: Mapping[str, Any]) -> None:
    """Refuse another tracking while there are goods: of those that are there nobody knows the lots. Under the lock that every
    change of stock needs, so none comes meanwhile.
    """
    if "tracking" not in after:
        return
    await work.rows(_HOLD_OFF, product["id"])
    wanted, against = after["tracking"], TRACKED.added
    asked = ", ".join(f"({each.condition})" for each in against)
    for each, stands in zip(
        against, (await work.rows(f"SELECT {asked}", product["id"]))[0] if asked else (), strict=True
    ):
        if stands:
            raise refuse(INVALID_INPUT, f"{product['sku']} {each.why}", "tracking")
    if wanted == Tracking.SERIAL and (found := await finer(work, product["id"], 0)):
        message = f"{product['sku']} has {found} with parts of a piece, and its pieces with serial numbers are whole."
        raise refuse(INVALID_INPUT, message, "tracking")
    for statement in ON_TRACKING.added:
        await work.rows(statement, product["id"], wanted)


async def _check_decimals(work: UnitOfWork, product: Any, after: Mapping[str, Any]) -> None:
    """Refuse fewer decimals than quantities have that are there. Commands that have read the product and don't hold it yet see
    that it has changed (``check_seen``), and drafts are looked at again when they are confirmed.
    """
    fewer = after.get("unit_decimals", MOST_DECIMALS)
    if fewer >= product.get("unit_decimals", fewer):
        return
    await work.rows(_HOLD_OFF, product["id"])
    if found := await finer(work, product["id"], fewer):
        there, sku = product["unit_decimals"], product["sku"]
        message = f"{sku} has {found} with more than {fewer} decimals, so it keeps {there}. Create another product."
        raise refuse(INVALID_INPUT, message, "unitDecimals")


async def _check_unit(work: UnitOfWork, product: Any, after: Mapping[str, Any]) -> None:
    """Refuse another unit once something is counted in the present one: its quantities would mean other ones.

    The lock stands against foreign keys, too: lines of a draft lock nothing else of their product.
    """
    if "unit" not in after:
        return
    await work.rows(_HOLD_OFF, product["id"])
    there_is = {
        each.rows: f"FROM {each.table} WHERE tenant_id = $1 AND product_id = $2" for each in COUNTED_IN_UNITS.added
    }
    if "units" not in after:
        there_is["other units"] = "FROM products WHERE tenant_id = $1 AND id = $2 AND units IS NOT NULL"
    names, uses = [*there_is], [f"SELECT {n} WHERE EXISTS (SELECT {each})" for n, each in enumerate(there_is.values())]
    found = [names[row[0]] for row in await work.rows(" UNION ALL ".join(uses), product["id"])] if uses else []
    if found:
        there, wanted, sku = product["unit"], after["unit"], product["sku"]
        message = f"{sku} has {' and '.join(found)} in {there}, so {there} stays its unit. Create another product for {wanted}."
        raise refuse(INVALID_INPUT, message, "unit")


async def find(
    work: Looking,
    refs: Sequence[ProductRef],
    problems: Problems,
    *path: str,
    lock: bool = False,
    there: list[Any] | None = None,
) -> list[ProductSnapshot | None]:
    """The products that the lines of an input name, in their order; one statement for each kind of key.

    A line whose product doesn't exist has None, and its problem is noted under ``path``, index, "product".
    With ``lock`` they are as they are under the locks of their stock, which come along where all go by one kind of key: it
    saves a statement. ``there``: the rows that they were ``asked`` for.
    """
    called = [ref.only() for ref in refs]
    wanted = _by_kind(called)
    found: dict[tuple[str, object], ProductSnapshot] = {}
    several: set[tuple[str, object]] = set()  # barcodes alone aren't unique
    at_once = lock and len(wanted) == 1
    for name, keys in wanted.items():
        rows = await work.rows(_find(name, lock=at_once), list(keys)) if there is None else there
        some = [(getattr(item, name), item) for item in itertools.starmap(ProductSnapshot, rows)]
        several |= {(name, key) for key, count in Counter(key for key, _ in some).items() if count > 1}
        found |= {(name, key): item for key, item in some}
    if at_once:
        work.products = frozenset(item.id for item in found.values())
    if missing := [key for key in wanted.get("sku", ()) if ("sku", key) not in found]:
        # Before they were renamed. Looked for only where something isn't found at once.
        renamed = await work.rows(_FIND_RENAMED, missing)
        found |= {("sku", row["was"]): ProductSnapshot(*list(row)[1:]) for row in renamed}
        at_once = at_once and not renamed
    if lock and found and not at_once:
        # What was read without its lock may have changed since: a product that is tracked by now needs lots.
        held = {item.id: item for item in await hold(work, {item.id for item in found.values()})}
        found = {key: held[item.id] for key, item in found.items()}
    elif not lock:
        work.decimals |= {item.id: item.decimals for item in found.values()}
    items = [found.get(each) for each in called]
    for index, (ref, item) in enumerate(zip(refs, items, strict=True)):
        if called[index] in several:
            problems.invalid(f"Several products have the {ref}: name one by its sku.", *path, index, "product")
            items[index] = None
        elif item is None:
            problems.missing(f"product with the {ref}", *path, index, "product")
    return items


def _by_kind(keys: Iterable[tuple[str, object]]) -> dict[str, set[object]]:
    """Keys by their kind."""
    wanted: dict[str, set[object]] = {}
    for name, key in keys:
        wanted.setdefault(name, set()).add(key)
    return wanted


def _find(kind: str, *, lock: bool) -> str:
    return (_FIND_AND_LOCK if lock else _FIND).format(key=kind, type=_KEYS[kind])


def asked(refs: Sequence[ProductRef], *, lock: bool) -> Asked | None:
    """Asks for the products that the lines of an input name, together with something else; None where they go by several kinds
    of keys.
    """
    wanted = _by_kind(ref.only() for ref in refs)
    if len(wanted) != 1:
        return None
    [(kind, keys)] = wanted.items()
    return Asked("items", _find(kind, lock=lock), len(ProductSnapshot._fields), (list(keys),))


def asked_by_ids(products: Collection[UUID]) -> Asked:
    """Asks for products under the locks of their stock, together with something else."""
    return Asked("items", _find("id", lock=True), len(ProductSnapshot._fields), (list(products),))


async def product(work: UnitOfWork, ref: ProductRef, problems: Problems, *path: str | int) -> ProductSnapshot | None:
    """The one product that an input names; where there is none a problem is noted under ``path``."""
    met = Problems()
    [item] = await find(work, [ref], met)
    for each in met.found:
        problems.add(each.code, each.message, *path, **each.facts)
    return item


async def hold(work: Looking, products: Collection[UUID], there: list[Any] | None = None) -> list[ProductSnapshot]:
    """These products as they are under the locks of their stock, in the order of their ids. ``there``: the rows that they were
    ``asked_by_ids`` for.
    """
    asked = asked_by_ids(products)
    found = [ProductSnapshot(*row) for row in (await work.rows(asked.sql, *asked.values) if there is None else there)]
    work.products = frozenset(item.id for item in found)
    check_seen(work, {item.id: item.decimals for item in found})
    return found


def check_offered(item: ProductSnapshot, problems: Problems, *path: str | int) -> None:
    """Note a problem for a product that is sold no longer. Wherever one is promised: an order that is confirmed
    already is kept.
    """
    if not item.active:
        problems.invalid(f"{item.sku} is no longer offered.", *path)


HOOKS = (KEPT.add(Kept("prod", PRODUCT, "catalog:write")),)

__all__ = [
    "COUNTED_IN_UNITS",
    "DECIMALS",
    "FINER",
    "HOOKS",
    "IN_STOCK",
    "LOCK",
    "ON_TRACKING",
    "PRODUCT",
    "TAXES",
    "TAX_OF",
    "TRACKED",
    "Counted",
    "Finer",
    "Money",
    "ProductCategoryRef",
    "ProductCategoryUpsert",
    "ProductRef",
    "ProductSnapshot",
    "ProductUnit",
    "ProductUpsert",
    "TaxRef",
    "check_countable",
    "check_offered",
    "check_seen",
    "find",
    "finished",
    "hold",
    "product",
    "upsert_category",
    "upsert_product",
]
