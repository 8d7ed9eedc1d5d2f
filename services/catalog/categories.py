"""Categories of products: created and changed, and put into a tree."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator

from core import text
from core.catalog import MOST_LEVELS, CostMethod
from core.problems import INVALID_INPUT, CommandRejected, Problems, refuse
from services.catalog.taxed import TAXES, TaxRef
from services.kit.answer import References
from services.kit.command import Change, Id, Key, Label, Ref
from services.kit.hooks import Hook
from services.kit.records import RecordType, upsert
from services.kit.references import named
from services.kit.work import UnitOfWork

CATEGORY = RecordType(
    "product_category", "product_categories", "code", (), ("name",), {"parent_id": "cat", "tax_id": "tax"}
)

Heading = Annotated[str, AfterValidator(partial(text.name, most=300))]


class ProductCategoryRef(Ref):
    """Names one category by one of its keys."""

    prefix = "cat"

    id: Annotated[UUID, Id("cat")] | None = None
    """By the category's id (cat_…)."""
    code: Key | None = None
    """By the tenant's own key, exactly as stored."""


class ProductCategoryUpsert(Change):
    """A category to create or change, by its code. Fields that are left out stay as they are; a new category gets their defaults."""

    code: Label
    """The tenant's own key of the category to change or create."""
    name: Heading = ""
    """Its name as people read it, at most 300 characters; not unique. A new category needs one."""
    parent: ProductCategoryRef | None = None
    """The category that it is a part of; null for none. Never itself or one below it."""
    cost_method: CostMethod = CostMethod.AVERAGE
    """How its goods are to be valued; AVERAGE for a new category. It stays while any of its products is in stock."""
    tax: TaxRef | None = None
    """The tax that lines with its products bear, where these have none of their own; null for none. Lines that are there keep theirs,
    and categories below have their own."""


IN_STOCK: Hook[str] = Hook()
"""The condition that there is something of the product ``p``, as SQL. The module above that keeps stock says so."""

_FIND = "SELECT id FROM product_categories WHERE tenant_id = $1 AND {key} = $2"
_ABOVE = """
    WITH RECURSIVE above AS (
        SELECT id, parent_id FROM product_categories WHERE tenant_id = $1 AND id = $2
        UNION
        SELECT c.id, c.parent_id FROM above a JOIN product_categories c ON c.tenant_id = $1 AND c.id = a.parent_id
    )
    SELECT id FROM above LIMIT $3
"""
"""A category and all those that it is a part of, the nearest first."""
_ALONE = "SELECT FROM tenants WHERE id = $1 FOR NO KEY UPDATE"
"""One change of the tree at a time: two that put one category below the other would make a circle."""


async def upsert_category(work: UnitOfWork, command: ProductCategoryUpsert) -> References:
    """Make or change a category by its code. Raises ``CommandRejected`` for a parent that isn't there, or is below it."""
    values: dict[str, Any] = {
        name: getattr(command, name) for name in ("code", "name", "cost_method") if command.given(name)
    }
    if command.given("parent"):
        if command.parent is not None:
            await work.rows(_ALONE)
        values["parent_id"] = await category(work, command.parent, work.problems, "parent")
    if command.given("tax"):
        values["tax_id"] = await named(work, TAXES, command.tax, "tax", "tax")
    try:
        found = await upsert(work, CATEGORY, values, expected=command.expected_version, check=_check)
    except CommandRejected as refused:
        raise CommandRejected((*work.problems.found, *refused.problems)) from None
    work.problems.check()
    if values.get("parent_id") is not None:
        await _check_tree(work, found, values["parent_id"])
    return {"product_category_id": found}


async def category(
    work: UnitOfWork, ref: ProductCategoryRef | None, problems: Problems, *path: str | int
) -> UUID | None:
    """The id of the category that an input names, None for none; where it isn't there a problem is noted under ``path``."""
    if ref is None:
        return None
    key, value = ref.only()
    rows = await work.rows(_FIND.format(key=key), value)
    if not rows:
        problems.missing(f"category with the {ref}", *path)
    return rows[0]["id"] if rows else None


async def _check(work: UnitOfWork, there: Any, after: Mapping[str, Any]) -> None:
    if "parent_id" in after and after["parent_id"] == there["id"]:
        raise _circle()
    if "cost_method" in after and await _in_stock(work, "p.category_id = $2", there["id"]):
        message = f"Some of its products are in stock, valued by {there['cost_method']}: so it stays."
        raise refuse(INVALID_INPUT, message, "costMethod")


async def _check_tree(work: UnitOfWork, own: UUID, parent: UUID) -> None:
    """Refuse a parent below the category, and one on the last level."""
    above = [row["id"] for row in await work.rows(_ABOVE, parent, MOST_LEVELS)]
    if own in above:
        raise _circle()
    if len(above) >= MOST_LEVELS:
        raise refuse(INVALID_INPUT, f"A category is at most on level {MOST_LEVELS}.", "parent")


def _circle() -> CommandRejected:
    return refuse(INVALID_INPUT, "This is the category itself, or one below it.", "parent")


async def _in_stock(work: UnitOfWork, condition: str, *values: object) -> bool:
    """Whether there is something of any of these products."""
    there = " OR ".join(IN_STOCK.added)
    sql = f"SELECT WHERE EXISTS (SELECT FROM products p WHERE p.tenant_id = $1 AND {condition} AND ({there}))"
    return bool(there and await work.rows(sql, *values))


_OTHERWISE = """
    SELECT WHERE coalesce((SELECT cost_method FROM product_categories WHERE tenant_id = $1 AND id = $2), 'AVERAGE')
        <> coalesce((SELECT cost_method FROM product_categories WHERE tenant_id = $1 AND id = $3), 'AVERAGE')
"""


async def check_category(work: UnitOfWork, product: UUID, before: UUID | None, after: UUID | None) -> None:
    """Refuse another category for a product in stock whose goods would be valued in another way there. Without a category they
    are valued at the average. Under the product's lock, which is that of its stock.
    """
    if await work.rows(_OTHERWISE, before, after) and await _in_stock(work, "p.id = $2", product):
        message = (
            "It is in stock, and goods of that category are valued in another way: change it when nothing is left."
        )
        raise refuse(INVALID_INPUT, message, "category")
