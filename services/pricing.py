"""Price lists: made and changed, their prices set, and what products cost by them.

An entry of a list holds from a quantity on, in a span of days. Of those that fit the largest quantity wins, then the latest first
day: so a promotion is one more entry, and when it ends the old price is there again. No chains, no formulas.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import Field

from core import ids
from core.ids import new_id
from core.problems import Problems
from db.pricing import best
from services import catalog, partners
from services.catalog import ProductRef, ProductSnapshot
from services.kit.answer import References
from services.kit.command import MAX_LINES, Change, Command, Currency, Input, Label, Price, Quantity, Title
from services.kit.looking import Looking
from services.kit.records import RecordType, upsert
from services.kit.work import UnitOfWork
from services.partners import PriceListRef

PRICE_LIST = RecordType("price_list", "price_lists", "code", required=("name",))


class PriceListUpsert(Change):
    """A price list to create or change, by its code. Fields that are left out stay as they are; a new list gets their defaults."""

    code: Label
    """The tenant's own key of the list to change or create."""
    name: Title = ""
    """Its name as people read it, at most 500 characters. A new list needs one."""
    currency: Currency = ""
    """The currency of its prices; the tenant's for a new list. It stands once there are prices."""
    tax_included: bool = False
    """Whether its prices include tax: those of the orders do then that are priced by it. false for a new list; it stands once
    there are prices."""
    active: bool = True
    """Whether new lines may be priced by it; true for a new list."""


class PriceSetLine(Input):
    """A price to set, or to take away."""

    product: ProductRef
    """The product, by one of its keys."""
    minimum: Quantity = Decimal(1)
    """From how many on, in the product's unit, all lines of the product taken together: more than zero."""
    valid_from: date | None = None
    """The first day, in the tenant's time zone. Left out: since ever."""
    valid_to: date | None = None
    """The last day. Left out: without end."""
    amount: Price | None
    """The price of one of the product's units, at most six decimals; null takes the price away. It must be given."""


class PricesSet(Command):
    """Prices of one list: all of these, or none. One for the same product, minimum and first day takes the place of what was there."""

    price_list: PriceListRef
    """The list, by one of its keys."""
    lines: Annotated[list[PriceSetLine], Field(min_length=1, max_length=MAX_LINES)]
    """1 to 500 prices."""


class Priced(NamedTuple):
    """A list that lines are priced by, and what a unit costs by product: those without a price there are missing."""

    id: UUID
    amounts: Mapping[UUID, Decimal]
    code: str
    tax_included: bool


_BY = {"id": "id = $2", "code": "code = $2"}
_LOCK = "SELECT id, code, currency FROM price_lists WHERE tenant_id = $1 AND {key} FOR NO KEY UPDATE"
_HAS_PRICES = "SELECT WHERE EXISTS (SELECT FROM prices WHERE tenant_id = $1 AND price_list_id = $2)"
_GIVEN = "unnest($3::uuid[], $4::numeric[], $5::date[]) AS g (product, minimum, first)"
_SAME = """p.tenant_id = $1 AND p.price_list_id = $2 AND p.product_id = g.product AND p.minimum = g.minimum
          AND p.valid_from IS NOT DISTINCT FROM g.first"""
_THERE = f"""
    SELECT p.product_id, p.minimum, p.valid_from, p.valid_to, p.amount FROM {_GIVEN} JOIN prices p ON {_SAME}
"""
_TAKE_AWAY = f"DELETE FROM prices p USING {_GIVEN} WHERE {_SAME}"
_SET = """
    INSERT INTO prices (tenant_id, id, price_list_id, currency, product_id, minimum, valid_from, valid_to, amount)
    SELECT t.id, g.* FROM tenants t, (
        SELECT g.id, $2::uuid, $3::text, g.product, g.minimum, g.first, g.last, g.amount
        FROM unnest($4::uuid[], $5::uuid[], $6::numeric[], $7::date[], $8::date[], $9::numeric[])
             AS g (id, product, minimum, first, last, amount)) g
    WHERE t.id = $1
    ON CONFLICT (tenant_id, price_list_id, product_id, minimum, valid_from)
    DO UPDATE SET amount = excluded.amount, valid_to = excluded.valid_to
"""
_CHANGED = """
    UPDATE price_lists SET version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""
_PRICES = f"""
    SELECT l.id, l.code, l.currency, l.active, l.tax_included, f.product, f.amount
    FROM tenants t JOIN price_lists l ON l.tenant_id = $1 AND l.{{key}}
    CROSS JOIN LATERAL (SELECT (coalesce($5::timestamptz, statement_timestamp()) AT TIME ZONE t.timezone)::date AS today) d
    LEFT JOIN LATERAL (
        SELECT w.product, found.amount FROM unnest($3::uuid[], $4::numeric[]) AS w (product, quantity)
        CROSS JOIN LATERAL ({best("l.id", "w.product", "w.quantity", "d.today")}) found
    ) f ON true
    WHERE t.id = $1
"""

Key = tuple[UUID, Decimal, date | None]
"""What an entry is told from others by: its product, from how many on, and its first day."""


async def upsert_list(work: UnitOfWork, command: PriceListUpsert) -> References:
    """Make or change a price list by its code."""
    values: dict[str, Any] = {
        name: getattr(command, name)
        for name in ("code", "name", "currency", "tax_included", "active")
        if command.given(name)
    }
    if not command.given("currency"):
        usual = await partners.currency(work)
        values["currency"] = lambda there: there or usual
    return {
        "price_list_id": await upsert(work, PRICE_LIST, values, expected=command.expected_version, check=_check_prices)
    }


async def _check_prices(work: UnitOfWork, record: Any, after: Mapping[str, Any]) -> None:
    """Refuse once there are prices what would change their meaning. Under the list's lock, as they are set."""
    problems = Problems()
    if "currency" in after:
        message = f"There are prices in {record['currency']}, so it stays. Create another list for {after['currency']}."
        problems.invalid(message, "currency")
    if "tax_included" in after:
        problems.invalid(
            "There are prices already. Create another list for those with the other meaning.", "taxIncluded"
        )
    if problems and await work.rows(_HAS_PRICES, record["id"]):
        problems.check()


async def set_prices(work: UnitOfWork, command: PricesSet) -> References:
    """Set prices of a list, or take them away. Raises ``CommandRejected`` where a line is wrong: then nothing changes."""
    problems = work.problems
    key, value = command.price_list.only()
    found = await work.rows(_LOCK.format(key=_BY[key]), value)
    if not found:
        problems.missing(f"price list with the {command.price_list}", "priceList")
    items = await catalog.find(work, [line.product for line in command.lines], problems, "lines")
    wanted = _wanted(command.lines, items, problems)
    problems.check()
    whose = found[0]["id"]
    columns = list(zip(*wanted, strict=True))
    there: dict[Key, tuple[date | None, Decimal]] = {
        tuple(row[:3]): tuple(row[3:]) for row in await work.rows(_THERE, whose, *columns)
    }
    given = {key: (line.valid_to, line.amount) for key, line in wanted.items() if line.amount is not None}
    gone = [key for key in wanted if key in there and key not in given]
    new = {key: entry for key, entry in given.items() if there.get(key) != entry}
    if gone:
        await work.rows(_TAKE_AWAY, whose, *zip(*gone, strict=True))
    if new:
        rows = zip(*((new_id(), *key, *entry) for key, entry in new.items()), strict=True)
        await work.rows(_SET, whose, found[0]["currency"], *rows)
    if gone or new:
        [[version]] = await work.rows(_CHANGED, whose)
        before = [_entry(key, *there[key]) for key in (*gone, *new) if key in there]
        after = [_entry(key, *entry) for key, entry in new.items()]
        work.note("price_list.prices_set", whose, version=version, before={"prices": before}, after={"prices": after})
    return {"price_list_id": whose}


def _wanted(
    lines: Sequence[PriceSetLine], items: Sequence[ProductSnapshot | None], problems: Problems
) -> dict[Key, PriceSetLine]:
    """The lines by what they are told from others by."""
    wanted: dict[Key, PriceSetLine] = {}
    for index, (line, item) in enumerate(zip(lines, items, strict=True)):
        if line.valid_from and line.valid_to and line.valid_to < line.valid_from:
            problems.invalid("The last day is before the first one.", "lines", index, "validTo")
        if item is None:
            continue
        key = (item.id, line.minimum, line.valid_from)
        if key in wanted:
            problems.invalid("Another line has this product, minimum and first day.", "lines", index, "minimum")
        wanted[key] = line
    return wanted


def _entry(key: Key, last: date | None, amount: Decimal) -> dict[str, Any]:
    """A price, as an event tells of it."""
    product, minimum, first = key
    facts = {"product": ids.encode("prod", product), "minimum": minimum, "amount": amount}
    return facts | {name: day.isoformat() for name, day in (("validFrom", first), ("validTo", last)) if day}


async def find_list(work: UnitOfWork, ref: PriceListRef) -> UUID | None:
    """The id of the list that an input names."""
    key, value = ref.only()
    rows = await work.rows(f"SELECT id FROM price_lists WHERE tenant_id = $1 AND {_BY[key]}", value)
    return rows[0]["id"] if rows else None


async def find_purchase_list(work: UnitOfWork, ref: PriceListRef) -> UUID | None:
    """The id of the list that an input names to buy by. A problem is noted where its prices include tax: those of purchases don't."""
    key, value = ref.only()
    sql = f"SELECT id, code, tax_included FROM price_lists WHERE tenant_id = $1 AND {_BY[key]}"
    rows = await work.rows(sql, value)
    if rows and rows[0]["tax_included"]:
        message = f"The prices of {rows[0]['code']} include tax, and what is bought is priced before tax."
        work.problems.invalid(message, "purchasePriceList")
    return rows[0]["id"] if rows else None


async def prices(
    look: Looking,
    by: PriceListRef | UUID,
    currency: str,
    quantities: Mapping[UUID, Decimal],
    at: datetime | None,
    problems: Problems,
) -> Priced | None:
    """What products cost by a list, at the day of ``at`` where the tenant is (now, without one), when so many of each are ordered.

    A list that an input names must be there, in use and in the order's currency: else a problem is noted. One that a partner or an
    order has (its id) isn't used where it is out of use or in another currency: None then.
    """
    key, value = ("id", by) if isinstance(by, UUID) else by.only()
    rows = await look.rows(_PRICES.format(key=_BY[key]), value, list(quantities), list(quantities.values()), at)
    if isinstance(by, PriceListRef):
        if not rows:
            problems.missing(f"price list with the {by}", "priceList")
        elif not rows[0]["active"]:
            problems.invalid(f"The price list {rows[0]['code']} is no longer used.", "priceList")
        elif rows[0]["currency"] != currency:
            message = f"The prices of {rows[0]['code']} are in {rows[0]['currency']}, and the order is in {currency}."
            problems.invalid(message, "priceList")
    if not rows or not rows[0]["active"] or rows[0]["currency"] != currency:
        return None
    amounts = {row["product"]: row["amount"] for row in rows if row["product"]}
    return Priced(rows[0]["id"], amounts, rows[0]["code"], rows[0]["tax_included"])


HOOKS = (
    partners.PRICE_LISTS.add(find_list),
    partners.PURCHASE_PRICE_LISTS.add(find_purchase_list),
    catalog.COUNTED_IN_UNITS.add(catalog.Counted("prices", "prices")),
)
