"""All rows: from the staging table into partners, products, orders and line items, set by set.

Everything here runs in one transaction that is bound to the tenant, as the serving role: the same
policies check an import's rows as a request's. Existing partners, products and orders stay as they
are; an order whose number exists is skipped whole.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

from core import money, text
from core.ids import new_id
from db.runtime import bulk
from services.imports.rows import STAGED

PORTION = 8_000_000
"""Characters that are copied at a time: rows may be long, and COPY's buffer counts rows."""

_RAW = STAGED.index("raw")


@dataclass(frozen=True)
class Stored:
    """What was added: records by number, units, and the lines' totals in the mapping's currency."""

    lines: int
    orders: int
    products: int
    partners: int
    units: Decimal
    total: Decimal


@dataclass(frozen=True)
class Summary:
    """What became of a file: ``read == stored.lines + already_there + sum(rejected.values())``, in rows."""

    read: int
    stored: Stored
    already_there: int
    rejected: dict[str, int]
    rejected_file: Path
    currency: str

    def __str__(self) -> str:
        rejected = sum(self.rejected.values())
        reasons = ", ".join(f"{count:,} {word}" for word, count in self.rejected.items())
        one = self.stored
        return "\n".join(
            [
                f"{self.read:,} rows read = {one.lines:,} imported + {self.already_there:,} already there + {rejected:,} rejected",
                f"{one.lines:,} line items in {one.orders:,} orders, {one.products:,} new products, {one.partners:,} new customers",
                f"{one.units:,f} units, {one.total:,f} {self.currency} in total",
                *([] if one.lines else ["Nothing was added."]),
                *([f"rejected: {reasons}; see {self.rejected_file}"] if rejected else []),
            ]
        )


_STAGE = """
CREATE TEMPORARY TABLE import_rows (
    line bigint, raw bytea, reason text, id uuid,
    number text COLLATE "C", sku text COLLATE "C", customer text COLLATE "C", customer_name text COLLATE "C",
    country text, description text COLLATE "C",
    quantity numeric(20,6), unit_price numeric(20,6), total numeric(20,6), placed_at timestamptz
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_orders (
    n bigint, number text COLLATE "C", customer text COLLATE "C", placed_at timestamptz, total numeric
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_partners (n bigint, code text COLLATE "C", name text, country text) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_products (n bigint, sku text COLLATE "C", name text) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_ids (n bigint, id uuid) ON COMMIT DROP
"""

# The order's customer is whom its first row names; a row that names another can't be of this order.
_REJECT_CUSTOMERS = """
WITH torn AS (
    SELECT number FROM import_rows WHERE reason IS NULL GROUP BY number HAVING min(customer) <> max(customer)
), first AS (
    SELECT DISTINCT ON (number) number, customer FROM import_rows
    WHERE reason IS NULL AND customer IS NOT NULL AND number IN (SELECT number FROM torn)
    ORDER BY number, line
)
UPDATE import_rows r SET reason = 'customer: An earlier row says that the order is of customer ' || first.customer || '.'
FROM first WHERE r.number = first.number AND r.customer <> first.customer AND r.reason IS NULL
"""

_GATHER_ORDERS = """
INSERT INTO import_orders
SELECT row_number() OVER (ORDER BY min(line)), number, coalesce(min(customer), $1), min(placed_at), sum(total)
FROM import_rows WHERE reason IS NULL GROUP BY number
"""

_REJECT_ORDERS = f"""
WITH unfit AS (
    DELETE FROM import_orders WHERE customer IS NULL OR placed_at IS NULL OR total >= {money.LIMIT}
    RETURNING number, customer, placed_at
)
UPDATE import_rows r SET reason = CASE
    WHEN unfit.customer IS NULL THEN 'customer: No row of the order names a customer, and the mapping has no default.'
    WHEN unfit.placed_at IS NULL THEN 'date: No row of the order has a date.'
    ELSE 'total: The order''s total has more than 14 digits before the point.'
END
FROM unfit WHERE r.number = unfit.number AND r.reason IS NULL
"""

# As ``orderCreate`` refuses them. An order that is there already stays what it was: its customer was one then.
_REJECT_SUPPLIERS = """
WITH others AS MATERIALIZED (
    SELECT customer FROM (SELECT DISTINCT customer FROM import_orders) named
    WHERE (SELECT 'CUSTOMER' = ANY(p.kinds) FROM partners p WHERE p.tenant_id = $1 AND p.code = named.customer) IS FALSE
), unfit AS (
    DELETE FROM import_orders i
    WHERE i.customer IN (SELECT customer FROM others)
      AND (SELECT o.id FROM orders o WHERE o.tenant_id = $1 AND o.number = i.number) IS NULL
    RETURNING number, customer
)
UPDATE import_rows r SET reason = 'customer: ' || unfit.customer || ' is not a customer.'
FROM unfit WHERE r.number = unfit.number AND r.reason IS NULL
"""

# A subquery, not a join: what an import has just stored is unknown to the planner's statistics, and a
# nested loop over two million orders looks cheap to it. A subquery is one index lookup each, always.
_SKIP_KNOWN_ORDERS = """
DELETE FROM import_orders i
WHERE (SELECT o.id FROM orders o WHERE o.tenant_id = $1 AND o.number = i.number) IS NOT NULL
"""

# Of differing names the most frequent, of equally frequent ones the first by code point. A country
# only where all rows agree: customers who share a code (the anonymous ones) don't share a country.
_GATHER_PARTNERS = """
WITH bought AS (
    SELECT o.customer AS code, r.customer_name AS name, r.country, count(*) AS times
    FROM import_rows r JOIN import_orders o USING (number) WHERE r.reason IS NULL GROUP BY 1, 2, 3
), named AS (
    SELECT DISTINCT ON (code) code, name FROM (
        SELECT code, name, sum(times) AS times FROM bought GROUP BY code, name
    ) counted ORDER BY code, name IS NULL, times DESC, name
), placed AS (
    SELECT code, CASE WHEN count(DISTINCT country) = 1 THEN min(country) END AS country FROM bought GROUP BY code
)
INSERT INTO import_partners
SELECT row_number() OVER (ORDER BY code), code, coalesce(name, code), country FROM named JOIN placed USING (code)
"""

_GATHER_PRODUCTS = f"""
WITH named AS (
    SELECT DISTINCT ON (sku) sku, description FROM (
        SELECT r.sku, r.description, count(*) AS times
        FROM import_rows r JOIN import_orders o USING (number) WHERE r.reason IS NULL GROUP BY 1, 2
    ) counted ORDER BY sku, description IS NULL, times DESC, description
)
INSERT INTO import_products
SELECT row_number() OVER (ORDER BY sku), sku, rtrim(left(regexp_replace(coalesce(description, sku), '[\t\r\n]+', ' ', 'g'), {text.NAME})) FROM named
"""

# ON CONFLICT: what is there stays as it is, be it from before or from a request of this moment.
_STORE_PARTNERS = """
INSERT INTO partners (tenant_id, id, code, name, country)
SELECT $1, id, code, name, country FROM import_partners JOIN import_ids USING (n) ORDER BY n
ON CONFLICT (tenant_id, code) DO NOTHING
"""

_STORE_PRODUCTS = """
INSERT INTO products (tenant_id, id, sku, name)
SELECT $1, id, sku, name FROM import_products JOIN import_ids USING (n) ORDER BY n
ON CONFLICT (tenant_id, sku) DO NOTHING
"""

_STORE_ORDERS = """
INSERT INTO orders (tenant_id, id, number, status, customer_id, currency, subtotal, placed_at)
SELECT $1, i.id, o.number, 'CLOSED', (SELECT p.id FROM partners p WHERE p.tenant_id = $1 AND p.code = o.customer),
       $2, o.total, o.placed_at
FROM import_orders o JOIN import_ids i USING (n)
ORDER BY n
ON CONFLICT (tenant_id, number) DO NOTHING
"""

# An order is looked up by our own id: one that a request has made since we looked gets none of our
# lines. LATERAL with a LIMIT: one index lookup each, as above.
_STORE_LINES = """
WITH ours AS MATERIALIZED (
    SELECT i.number, o.id, o.customer_id, i.n
    FROM import_orders i JOIN import_ids USING (n)
    CROSS JOIN LATERAL (SELECT id, customer_id FROM orders WHERE tenant_id = $1 AND id = import_ids.id LIMIT 1) o
), sold AS MATERIALIZED (
    SELECT i.sku, p.id, p.name
    FROM import_products i
    CROSS JOIN LATERAL (SELECT id, name FROM products WHERE tenant_id = $1 AND sku = i.sku LIMIT 1) p
), stored AS (
    INSERT INTO line_items (tenant_id, id, order_id, customer_id, position, product_id, description,
                            quantity, currency, unit_price, total, shipped)
    SELECT $1, r.id, ours.id, ours.customer_id, row_number() OVER (PARTITION BY ours.n ORDER BY r.line), sold.id,
           coalesce(r.description, sold.name), r.quantity, $2, r.unit_price, r.total, r.quantity
    FROM import_rows r JOIN ours USING (number) JOIN sold USING (sku)
    WHERE r.reason IS NULL
    RETURNING quantity, total
)
SELECT count(*), coalesce(sum(quantity), 0), coalesce(sum(total), 0) FROM stored
"""

_REASONS = """
SELECT split_part(reason, ':', 1) AS word, count(*) AS rows FROM import_rows WHERE reason IS NOT NULL
GROUP BY 1 ORDER BY 2 DESC, 1
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

    def __init__(self, connection: Any, tenant: UUID) -> None:
        self._connection = connection
        self._tenant = tenant

    async def stage(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Copy the rows into the staging table: they may be any number, and of any length."""
        await self._connection.execute(_STAGE)
        remaining = iter(rows)
        while first := next(remaining, None):
            await bulk.copy(self._connection, "import_rows", STAGED, _portion(chain([first], remaining)))
        await self._connection.execute("ANALYZE import_rows")

    async def judge(self, default_customer: str | None) -> None:
        """Refuse the rows that contradict others or what is there, and gather the orders."""
        await self._connection.execute(_REJECT_CUSTOMERS)
        await self._connection.execute(_GATHER_ORDERS, default_customer)
        await self._connection.execute(_REJECT_ORDERS)
        await self._connection.execute(_REJECT_SUPPLIERS, self._tenant)
        await self._connection.execute("ANALYZE import_orders")

    async def counts(self) -> tuple[int, dict[str, int]]:
        """Rows that were read, and those that were rejected by reason."""
        read = await self._connection.fetchval("SELECT count(*) FROM import_rows")
        return read, {row["word"]: row["rows"] for row in await self._connection.fetch(_REASONS)}

    async def store(self, currency: str) -> Stored:
        """Add what isn't there yet."""
        await self._lock()
        await self._affected(_SKIP_KNOWN_ORDERS, self._tenant)
        await self._affected(_GATHER_PARTNERS)
        await self._identify("import_partners")
        partners = await self._affected(_STORE_PARTNERS, self._tenant)
        await self._affected(_GATHER_PRODUCTS)
        await self._identify("import_products")
        products = await self._affected(_STORE_PRODUCTS, self._tenant)
        await self._identify("import_orders")
        orders = await self._affected(_STORE_ORDERS, self._tenant, currency)
        lines, units, total = await self._connection.fetchrow(_STORE_LINES, self._tenant, currency)
        return Stored(lines, orders, products, partners, units.normalize(), money.round_total(total, currency))

    async def _lock(self) -> None:
        """One import of a tenant at a time: the next one must see this one's orders."""
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('import ' || $1, 0))", self._tenant.hex
        )

    async def _affected(self, statement: str, *values: object) -> int:
        status: str = await self._connection.execute(statement, *values)
        return int(status.rpartition(" ")[2])

    async def _identify(self, table: str) -> None:
        """An id for each of a table's ``n``, made here: PostgreSQL 15 makes no UUIDv7."""
        last = await self._connection.fetchval(f"SELECT coalesce(max(n), 0) FROM {table}")
        await self._connection.execute("TRUNCATE import_ids")
        await bulk.copy(self._connection, "import_ids", ("n", "id"), ((n, new_id().hex) for n in range(1, last + 1)))
        await self._connection.execute(f"ANALYZE import_ids, {table}")
