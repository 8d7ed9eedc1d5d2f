"""The suppliers of a product: how each delivers it, and at what price."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

from core import ids
from core.ids import new_id
from core.problems import NOT_FOUND, Problems, refuse
from core.units import exact, factor
from services import catalog, partners, pricing
from services.catalog import ProductSnapshot
from services.catalog.units import converted
from services.kit.answer import References
from services.kit.records import facts, version_conflict
from services.kit.work import Retry, UnitOfWork
from services.purchasing.commands import ProductSupplierUpsert, PurchaseLine

COLUMNS = ("supplier_sku", "unit", "minimum", "multiple", "lead_days", "priority", "price", "currency")

_LOCK = f"""
    SELECT id, version, {", ".join(COLUMNS)} FROM product_suppliers
    WHERE tenant_id = $1 AND product_id = $2 AND supplier_id = $3 FOR NO KEY UPDATE
"""
_MAKE = f"""
    INSERT INTO product_suppliers (tenant_id, id, product_id, supplier_id, {", ".join(COLUMNS)})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (tenant_id, product_id, supplier_id) DO NOTHING RETURNING id
"""
_CHANGE = f"""
    UPDATE product_suppliers SET {", ".join(f"{name} = ${place}" for place, name in enumerate(COLUMNS, start=3))},
        version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""
_REMOVE = "DELETE FROM product_suppliers WHERE tenant_id = $1 AND id = $2"
_TERMS = """
    SELECT p.purchase_price_list_id, s.product_id, s.lead_days, s.price, s.currency, s.unit
    FROM partners p LEFT JOIN product_suppliers s
        ON s.tenant_id = $1 AND s.supplier_id = p.id AND s.product_id = ANY($3::uuid[])
    WHERE p.tenant_id = $1 AND p.id = $2
"""

FINER = catalog.Finer(
    """EXISTS (SELECT FROM product_suppliers s JOIN products p ON p.tenant_id = $1 AND p.id = s.product_id
               WHERE s.tenant_id = $1 AND s.product_id = $2 AND s.unit = p.unit AND s.multiple <> round(s.multiple, $3))""",
    "suppliers",
)
"""Multiples of other units are looked at when something is proposed: they may come out in parts of the product's own."""

Values = dict[str, Any]


async def upsert_supplier(work: UnitOfWork, command: ProductSupplierUpsert) -> References:
    """Say how a supplier delivers a product, or that it doesn't any more. Raises ``CommandRejected`` for another version, a
    unit that isn't the product's, and a partner that isn't a supplier.
    """
    problems = work.problems
    supplier = await partners.supplier(work, command.supplier, problems)
    item = await catalog.product(work, command.product, problems, "product")
    problems.check()
    if supplier is None or item is None:  # a problem says so
        return {}
    found = await work.rows(_LOCK, item.id, supplier.id)
    if command.expected_version is not None:
        if not found:
            raise refuse(NOT_FOUND, "This supplier doesn't deliver it yet, so there is no version.", "expectedVersion")
        if found[0]["version"] != command.expected_version:
            raise version_conflict(found[0]["version"], command.expected_version)
    if not command.active:
        return await _remove(work, found)
    if not found:
        return await _make(work, command, item, supplier.id)
    return await _change(work, command, item, found[0])


def _values(command: ProductSupplierUpsert, there: Mapping[str, Any]) -> Values:
    """All columns: as the command says, else as they are."""
    copied = ("supplier_sku", "unit", "minimum", "multiple", "lead_days", "priority")
    values = {name: getattr(command, name) if command.given(name) else there[name] for name in copied}
    price = {"price": there["price"], "currency": there["currency"]}
    if command.given("price"):
        price = {"price": command.price and command.price.amount, "currency": command.price and command.price.currency}
    return {name: (values | price)[name] for name in COLUMNS}


async def _make(work: UnitOfWork, command: ProductSupplierUpsert, item: ProductSnapshot, supplier: UUID) -> References:
    catalog.check_offered(item, work.problems, "product")
    work.problems.check()
    fresh = {name: getattr(command, name, None) for name in COLUMNS} | {"unit": item.unit, "price": None}
    values, identity = _values(command, fresh), new_id()
    _check_unit(work, item, values)
    if not await work.rows(_MAKE, identity, item.id, supplier, *values.values()):
        raise Retry("made by another")  # a moment ago: the next attempt finds it
    named = {"product": ids.encode("prod", item.id), "supplier": ids.encode("par", supplier)}
    work.note("product_supplier.created", identity, version=1, after=named | facts(values))
    return {"product_supplier_id": identity}


def _check_unit(work: UnitOfWork, item: ProductSnapshot, values: Values) -> None:
    """Refuse a unit that the product doesn't have, and multiples of it that don't come out in the product's own."""
    problems = Problems()
    base = converted(item, values["multiple"], values["unit"], problems)
    if base is not None:
        catalog.check_countable(item, base, problems, "multiple")
    for each in problems.found:
        work.problems.add(each.code, each.message, "unit" if each.path[-1] == "unit" else "multiple")
    work.problems.check()


async def _change(work: UnitOfWork, command: ProductSupplierUpsert, item: ProductSnapshot, there: Any) -> References:
    values = _values(command, there)
    if (values["unit"], values["multiple"]) != (there["unit"], there["multiple"]):
        _check_unit(work, item, values)
    before = {name: there[name] for name in COLUMNS if there[name] != values[name]}
    if before:
        [[version]] = await work.rows(_CHANGE, there["id"], *values.values())
        after = facts({name: values[name] for name in before})
        work.note("product_supplier.updated", there["id"], version=version, before=facts(before), after=after)
    return {"product_supplier_id": there["id"]}


async def _remove(work: UnitOfWork, found: Sequence[Any]) -> References:
    for row in found:
        await work.rows(_REMOVE, row["id"])
        before = facts({name: row[name] for name in COLUMNS})
        work.note("product_supplier.removed", row["id"], version=row["version"], before=before)
    return {}


class Terms(NamedTuple):
    """What a supplier asks for a product, and how long it takes."""

    lead_days: int
    price: Decimal | None
    currency: str | None
    unit: str

    def price_of(self, item: ProductSnapshot, unit: str | None, currency: str) -> Decimal | None:
        """What one of a unit costs in a currency, where that is known and comes out exactly."""
        if self.price is None or self.currency != currency:
            return None
        one, asked = (factor(item.unit, item.units, each) for each in (unit, self.unit))
        return exact(Fraction(self.price) * one / asked) if one and asked else None


class Offer(NamedTuple):
    """What a supplier asks, for products by their ids."""

    terms: Mapping[UUID, Terms]
    """Those that it isn't known to deliver are missing."""
    listed: Mapping[UUID, Decimal]
    """What one of a product's own unit costs by the supplier's price list; those without a price there are missing."""

    def price_of(self, item: ProductSnapshot, unit: str | None, currency: str) -> Decimal | None:
        """What one of a unit costs, by the supplier's list, else by its terms: where that is known and comes out exactly."""
        listed, terms = self.listed.get(item.id), self.terms.get(item.id)
        if listed is not None:
            one = factor(item.unit, item.units, unit)
            return exact(Fraction(listed) * one) if one else None
        return terms.price_of(item, unit, currency) if terms else None


NOTHING = Offer({}, {})
"""What nobody asks."""


async def offer(
    work: UnitOfWork,
    supplier: UUID,
    lines: Sequence[PurchaseLine],
    items: Sequence[ProductSnapshot | None],
    currency: str,
    at: datetime | None,
) -> Offer:
    """What a supplier asks for these lines, each priced for the sum of its product's. One statement, and one more where the
    supplier has a price list. A list that is no longer used, that is in another currency or that includes tax is left aside.
    """
    quantities: dict[UUID, Fraction] = defaultdict(Fraction)
    for line, item in zip(lines, items, strict=True):
        one = factor(item.unit, item.units, line.unit) if item else None
        if item and one:
            quantities[item.id] += Fraction(line.quantity) * one
    rows = await work.rows(_TERMS, supplier, list(quantities)) if quantities else []
    terms = {row["product_id"]: Terms(*list(row)[2:]) for row in rows if row["product_id"]}
    by = rows[0]["purchase_price_list_id"] if rows else None
    sums = {product: base for product, each in quantities.items() if (base := exact(each)) is not None}
    found = await pricing.prices(work, by, currency, sums, at, work.problems) if by and sums else None
    return Offer(terms, found.amounts if found and not found.tax_included else {})
