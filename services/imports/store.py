"""All rows: from the staging table into partners, products, orders and line items, set by set.

Everything here runs in one transaction that is bound to the tenant, as the serving role: the same policies check an
import's rows as a request's. Existing partners, products and orders stay as they are.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import UUID

from core import money, text
from core.ids import new_id
from db.runtime import bulk
from services.catalog import DECIMALS
from services.imports import judging, known, renamed
from services.imports.judging import DERIVED, LINE, LIVE
from services.imports.mapping import Mapping

PORTION = 8_000_000
"""Characters that are copied at a time: rows may be long, and COPY's buffer counts rows."""

_RAW = 1
"""Where a staged row has its text."""


@dataclass(frozen=True)
class Stored:
    """What was added: records by number, units, and the lines' totals."""

    lines: int
    orders: int
    products: int
    partners: int
    units: Decimal
    total: Decimal


@dataclass(frozen=True)
class Counts:
    """What became of the staged rows of the file, in rows; rejected and left out by their words."""

    imported: int
    already_there: int
    rejected: dict[str, int]
    left_out: dict[str, int]


# As ``orderCreate`` refuses them. An order that is there already stays what it was: its customer was one then.
_REJECT_SUPPLIERS = """
WITH others AS MATERIALIZED (
    SELECT customer FROM (SELECT DISTINCT customer FROM import_orders) named
    WHERE (SELECT 'CUSTOMER' = ANY(p.kinds) FROM partners p WHERE p.tenant_id = $1 AND p.code = named.customer) IS FALSE
), unfit AS (
    DELETE FROM import_orders i WHERE i.customer IN (SELECT customer FROM others) RETURNING number, customer
)
UPDATE import_rows r SET reason = 'customer: ' || unfit.customer || ' is not a customer.', there = NULL
FROM unfit WHERE r.number = unfit.number AND r.reason IS NULL AND r.left_out IS NULL
"""

# A quantity means another one in another unit.
_REJECT_UNITS = f"""
WITH others AS MATERIALIZED (
    SELECT sku, said, kept FROM (SELECT DISTINCT sku, unit AS said FROM import_rows WHERE unit IS NOT NULL AND {LIVE}) named
    CROSS JOIN LATERAL (SELECT unit AS kept FROM products WHERE tenant_id = $1 AND sku = named.sku LIMIT 1) p WHERE kept <> said
)
UPDATE import_rows r SET reason = 'unit: ' || o.sku || ' is kept in ' || o.kept || ', and this is in ' || o.said || '.'
FROM others o WHERE r.sku = o.sku AND r.unit = o.said AND {LIVE}
"""

# As ``orderCreate`` refuses it: a part of a piece would be promised.
_REJECT_PARTS = f"""
WITH whole AS MATERIALIZED (
    SELECT named.sku, p.decimals, CASE WHEN p.tracking = 'SERIAL'
        THEN 'is tracked by serial numbers, so it comes and goes in whole pieces'
        ELSE 'is counted in ' || CASE p.decimals WHEN 0 THEN 'whole ' || p.unit WHEN 1 THEN p.unit || ' with at most 1 decimal'
             ELSE p.unit || ' with at most ' || p.decimals || ' decimals' END
        END || '.' AS why
    FROM (SELECT DISTINCT sku FROM import_rows WHERE quantity % 1 <> 0 AND {LIVE}) named
    CROSS JOIN LATERAL (
        SELECT tracking, unit, {DECIMALS} AS decimals FROM products WHERE tenant_id = $1 AND sku = named.sku LIMIT 1
    ) p
)
UPDATE import_rows r SET reason = 'quantity: ' || r.sku || ' ' || w.why
FROM whole w WHERE r.sku = w.sku AND r.quantity <> round(r.quantity, w.decimals) AND {LIVE}
"""

# Of differing names the most frequent, of equally frequent ones the first by code point. A country, and an address, only
# where all rows agree: customers who share a code (the anonymous ones) don't share those.
_GATHER_PARTNERS = f"""
WITH bought AS (
    SELECT o.customer AS code, r.customer_name AS name, r.country, r.email, count(*) AS times
    FROM import_rows r JOIN import_orders o USING (number) WHERE {LIVE}
    GROUP BY 1, 2, 3, 4
), named AS (
    SELECT DISTINCT ON (code) code, name FROM (
        SELECT code, name, sum(times) AS times FROM bought GROUP BY code, name
    ) counted ORDER BY code, name IS NULL, times DESC, name
), placed AS (
    SELECT code, CASE WHEN count(DISTINCT country) = 1 THEN min(country) END AS country,
           CASE WHEN count(DISTINCT email) = 1 THEN min(email) END AS email FROM bought GROUP BY code
)
INSERT INTO import_partners
SELECT row_number() OVER (ORDER BY code), code, coalesce(name, code), country, email FROM named JOIN placed USING (code)
"""

_GATHER_PRODUCTS = f"""
WITH named AS (
    SELECT DISTINCT ON (sku) sku, description, unit FROM (
        SELECT r.sku, r.description, min(min(r.unit)) OVER (PARTITION BY r.sku) AS unit, count(*) AS times
        FROM import_rows r JOIN import_orders o USING (number) WHERE {LIVE} AND {LINE} GROUP BY 1, 2
    ) counted ORDER BY sku, description IS NULL, times DESC, description
)
INSERT INTO import_products
SELECT row_number() OVER (ORDER BY sku), sku,
       rtrim(left(regexp_replace(coalesce(description, sku), '[\t\r\n]+', ' ', 'g'), {text.NAME})), unit
FROM named
"""

# ON CONFLICT: what is there stays as it is, be it from before or from a request of this moment. The tenant is a literal
# and RETURNING has a use: tables that are spread over servers get the rows by COPY else, which their policies refuse.
_STORE_PARTNERS = """
WITH stored AS (
    INSERT INTO partners (tenant_id, id, code, name, country, email)
    SELECT {tenant}, id, code, name, country, email FROM import_partners JOIN import_ids USING (n) ORDER BY n
    ON CONFLICT (tenant_id, code) DO NOTHING RETURNING id
), {noted}
SELECT count(*) FROM noted
"""

_STORE_PRODUCTS = """
WITH stored AS (
    INSERT INTO products (tenant_id, id, sku, name, unit)
    SELECT {tenant}, id, sku, name, coalesce(unit, 'pcs') FROM import_products JOIN import_ids USING (n) ORDER BY n
    ON CONFLICT (tenant_id, sku) DO NOTHING RETURNING id
), {noted}
SELECT count(*) FROM noted
"""

_STORE_ORDERS = """
WITH stored AS (
    INSERT INTO orders (tenant_id, id, number, status, customer_id, currency, subtotal, placed_at, note, allow_backorder,
                        confirmed_at)
    SELECT {tenant}, i.id, o.number, CASE o.fate WHEN 'returned' THEN 'CLOSED' ELSE upper(o.fate) END,
           (SELECT p.id FROM partners p WHERE p.tenant_id = {tenant} AND p.code = o.customer),
           o.currency, o.total, o.placed_at, o.note, o.fate = 'confirmed', CASE WHEN o.fate = 'confirmed' THEN o.placed_at END
    FROM import_orders o JOIN import_ids i USING (n)
    ORDER BY n
    ON CONFLICT (tenant_id, number) DO NOTHING RETURNING id
), {noted}
SELECT count(*) FROM noted
"""

_NOTED = """noted AS (
    INSERT INTO import_records (tenant_id, id, import_id, type) SELECT {tenant}, id, {made}, '{type}' FROM stored RETURNING 1
)"""

# What the file calls its lines: later files that have one of them again are compared by it.
_NOTE_LINES = f"""
WITH noted AS (
    INSERT INTO import_records (tenant_id, id, import_id, type, key)
    SELECT {{tenant}}, r.id, {{made}}, 'LINE', r.line_key
    FROM import_rows r JOIN import_orders i USING (number) JOIN import_ids USING (n)
    CROSS JOIN LATERAL (SELECT id FROM orders WHERE tenant_id = {{tenant}} AND id = import_ids.id LIMIT 1) o
    WHERE r.line_key IS NOT NULL AND {LIVE} AND {LINE}
    RETURNING 1
) SELECT count(*) FROM noted
"""

# An order is looked up by our own id: one that a request has made since we looked gets none of our
# lines. LATERAL with a LIMIT: one index lookup each, as in ``known``.
_STORE_LINES = f"""
WITH ours AS MATERIALIZED (
    SELECT i.number, i.currency, i.fate, o.id, o.customer_id, i.n
    FROM import_orders i JOIN import_ids USING (n)
    CROSS JOIN LATERAL (SELECT id, customer_id FROM orders WHERE tenant_id = {{tenant}} AND id = import_ids.id LIMIT 1) o
), sold AS MATERIALIZED (
    SELECT i.sku, p.id, p.name
    FROM import_products i
    CROSS JOIN LATERAL (SELECT id, name FROM products WHERE tenant_id = {{tenant}} AND sku = i.sku LIMIT 1) p
), lines AS (
    SELECT r.id, r.line, r.role, r.description, r.quantity, r.unit_price, r.total, ours.id AS order_id, ours.customer_id, ours.n,
           ours.currency, ours.fate, sold.id AS product_id, sold.name,
           CASE ours.fate WHEN 'cancelled' THEN r.quantity WHEN 'draft' THEN 0 ELSE coalesce(r.cancelled, 0) END AS cancelled,
           coalesce(r.returned, 0) AS returned
    FROM import_rows r JOIN ours USING (number) JOIN sold USING (sku)
    WHERE {LIVE} AND {LINE}
), stored AS (
    INSERT INTO line_items (tenant_id, id, order_id, customer_id, position, product_id, description,
                            quantity, currency, unit_price, total, shipped, cancelled, returned)
    SELECT {{tenant}}, id, order_id, customer_id,
           row_number() OVER (PARTITION BY n ORDER BY coalesce(role, '') IN ('c', 'o'), line, id), product_id,
           coalesce(description, name), quantity, currency, unit_price, total,
           CASE WHEN fate IN ('closed', 'returned') THEN quantity - cancelled ELSE 0 END, cancelled,
           CASE fate WHEN 'returned' THEN quantity - cancelled WHEN 'closed' THEN returned ELSE 0 END
    FROM lines
    RETURNING quantity, total
)
SELECT count(*), coalesce(sum(quantity), 0), coalesce(sum(total), 0) FROM stored
"""

_TOTALS = """
SELECT i.currency, sum(i.total) AS total FROM import_orders i JOIN import_ids USING (n)
CROSS JOIN LATERAL (SELECT id FROM orders WHERE tenant_id = $1 AND id = import_ids.id LIMIT 1) o GROUP BY 1 ORDER BY 1
"""

_COUNTS = f"""
SELECT CASE WHEN reason IS NOT NULL THEN 'rejected' WHEN left_out IS NOT NULL THEN 'left out' WHEN there THEN 'there' ELSE 'imported'
       END AS became, split_part(coalesce(reason, left_out), ':', 1) AS word, count(*) AS rows
FROM import_rows WHERE NOT {DERIVED} GROUP BY 1, 2 ORDER BY 3 DESC, 2
"""


def _portion(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The next rows, until their texts are as long as one COPY may buffer."""
    size = 0
    for row in rows:
        yield row
        size += len(row[_RAW])
        if size > PORTION:
            return


class Store:
    """The steps of one import, in the order in which they stand here."""

    def __init__(self, connection: Any, tenant: UUID, mapping: Mapping, extra: Collection[str]) -> None:
        self._connection = connection
        self._tenant = tenant
        self._mapping = mapping
        self._extra = frozenset(extra)
        self._made = tenant

    async def stage(self, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
        """Copy the rows into the staging table: they may be any number, and of any length."""
        await self._connection.execute(judging.STAGE)
        remaining = iter(rows)
        while first := next(remaining, None):
            await bulk.copy(self._connection, "import_rows", columns, _portion(chain([first], remaining)))
        await renamed.follow(self._connection, self._tenant, "import_rows", {"sku": "product", "customer": "partner"})
        await self._connection.execute("ANALYZE import_rows")

    async def judge(self, sections: list[int]) -> None:
        """Refuse the rows that contradict others, settle those that come twice, and gather the orders. ``sections``: the
        lines at which the header comes again.
        """
        run = self._connection.execute
        await run(judging.LEAVE_ORDERS)
        if "line_key" in self._extra:
            await run(judging.REPEATED_KEYS)
        elif sections:
            await run(judging.REPEATED_SECTIONS, sections)
        if self._mapping.charges and ("line_key" in self._extra or sections):
            await run(judging.DROP_REPEATED_CHARGES)
        for statement in self._contradictions():
            await run(statement)
        if "unit" in self._extra:
            await run(_REJECT_UNITS, self._tenant)
        await run(_REJECT_PARTS, self._tenant)
        if self._mapping.charges:
            await run(judging.BLAME)
        await run(judging.WHOLE)
        if self._mapping.charges:
            await run(judging.ONE_CHARGE)
            await run(judging.SUM_CHARGES)
        await self._gather()

    def _contradictions(self) -> Iterator[str]:
        yield judging.CUSTOMERS
        if "currency" in self._extra:
            yield judging.torn("currency", "currency", "the order is in")
        if "fate" in self._extra:
            yield judging.torn("fate", "status", "the order is")
        if "order_discount" in self._extra:
            yield judging.torn("order_discount", "discount", "the order''s discount is", "role IS DISTINCT FROM 'd'")
        if "order_check" in self._extra:
            yield judging.torn("order_check", "check", "the order''s total is")
        if self._mapping.charges:
            yield judging.torn("total", "charge", "this charge is", "role = 'o'", "number, sku")
        if "unit" in self._extra:
            yield judging.torn("unit", "unit", "this product is in", by="sku")

    async def _gather(self) -> None:
        mapping = self._mapping
        digits = {code: money.digits(code) for code in mapping.currency}
        first = mapping.currency[0]
        numbers = mapping.numbers
        statement = judging.gather(
            self._extra,
            digits,
            includes_lines=numbers.order_discount_includes_lines,
            share=numbers.order_discount,
            returns=bool(mapping.returns),
        )
        fate = mapping.status.default if mapping.status else "closed"
        await self._connection.execute(statement, mapping.default_customer, first, digits[first], fate)
        await self._connection.execute(judging.LEAVE_WITHOUT_STATUS)
        await self._connection.execute(judging.reject(judging.UNFIT))
        await self._connection.execute("ANALYZE import_orders")
        if "order_discount" in self._extra:
            await self._connection.execute(judging.SPREAD)
            await self._connection.execute(judging.DISCOUNTED)

    async def settle(self) -> None:
        """Compare with what is there, under a lock: the next import of the tenant must see this one's orders."""
        run = self._connection.execute
        await self._lock()
        await known.find(self._connection, self._tenant, keyed="line_key" in self._extra)
        await run(_REJECT_SUPPLIERS, self._tenant)
        if self._mapping.returns:
            await run(judging.SOLD_BEFORE)
            await run(judging.BOOK_RETURNS)
        cases = {"lines = 0": "'order: The order has no line: its rows are discounts or returns.'"}
        if "order_check" in self._extra:
            tolerance = Decimal(self._mapping.numbers.tolerance)
            cases[f"abs(total - checked) > {tolerance}"] = (
                "'check: The file says ' || trim_scale(checked) || ', and the order comes to ' || trim_scale(total) || '.'"
            )
        if "returned" in self._extra or self._mapping.returns:
            cases[
                "fate NOT IN ('closed', 'returned') AND EXISTS (SELECT FROM import_rows r WHERE r.number = o.number AND r.returned > 0)"
            ] = "'returned: Nothing of an order that is ' || fate || ' can have come back.'"
        await run(judging.reject(cases))

    async def counts(self) -> Counts:
        """What became of the staged rows."""
        found: dict[str, dict[str, int]] = {"rejected": {}, "left out": {}, "there": {}, "imported": {}}
        for row in await self._connection.fetch(_COUNTS):
            found[row["became"]][row["word"] or ""] = row["rows"]
        imported, there = sum(found["imported"].values()), sum(found["there"].values())
        return Counts(imported, there, found["rejected"], found["left out"])

    async def store(self, made: UUID) -> tuple[Stored, dict[str, Decimal]]:
        """Add what isn't there yet, as records of the import ``made``; what was added, and the totals by currency."""
        self._made = made
        await self._connection.execute(_GATHER_PARTNERS)
        await self._identify("import_partners")
        partners = await self._insert(_STORE_PARTNERS, "PARTNER")
        await self._connection.execute(_GATHER_PRODUCTS)
        await self._identify("import_products")
        products = await self._insert(_STORE_PRODUCTS, "PRODUCT")
        wanted = await self._identify("import_orders")
        orders = await self._insert(_STORE_ORDERS, "ORDER")
        lines, units, total = await self._connection.fetchrow(self._filled(_STORE_LINES))
        if "line_key" in self._extra:
            await self._connection.fetchval(self._filled(_NOTE_LINES))
        totals = {row["currency"]: row["total"] for row in await self._connection.fetch(_TOTALS, self._tenant)}
        if orders < wanted:
            await known.find(self._connection, self._tenant, since=True, keyed="line_key" in self._extra)
        digits = max(money.digits(code) for code in self._mapping.currency)
        whole = total.quantize(Decimal(1).scaleb(-digits))
        rounded = {code: money.round_total(amount, code) for code, amount in totals.items()}
        return Stored(lines, orders, products, partners, units.normalize(), whole), rounded

    async def _lock(self) -> None:
        """One import of a tenant at a time."""
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('import ' || $1, 0))", self._tenant.hex
        )

    def _filled(self, statement: str, type_: str = "") -> str:
        """A statement with its literals: where tables are spread over servers, a tenant that is a parameter isn't pushed down."""
        tenant, made = (f"'{UUID(int=identity.int)}'::uuid" for identity in (self._tenant, self._made))
        noted = _NOTED.format(tenant=tenant, made=made, type=type_)
        return statement.format(tenant=tenant, made=made, noted=noted)

    async def _insert(self, statement: str, type_: str) -> int:
        stored: int = await self._connection.fetchval(self._filled(statement, type_))
        return stored

    async def _identify(self, table: str) -> int:
        """An id for each of a table's ``n``, made here: PostgreSQL 15 makes no UUIDv7. How many rows it has."""
        last: int = await self._connection.fetchval(f"SELECT coalesce(max(n), 0) FROM {table}")
        await self._connection.execute("TRUNCATE import_ids")
        await bulk.copy(self._connection, "import_ids", ("n", "id"), ((n, new_id().hex) for n in range(1, last + 1)))
        await self._connection.execute(f"ANALYZE import_ids, {table}")
        counted: int = await self._connection.fetchval(f"SELECT count(*) FROM {table}")
        return counted
