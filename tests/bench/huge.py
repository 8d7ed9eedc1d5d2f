"""Ten million order lines: the medium demo's larger company with its orders 83 times over, for ``bench_aggregates --size huge``.

Made inside the database, by a statement for the orders and one for the lines of each month. A copy of an order has a time and a number
of its own, another customer (there are 29 of each) and other products (7 of each, of the same unit): 10 million lines of 10,000 products
and 20,000 customers over 36 months. Nothing is reserved or moved for them, so only what reads orders and lines may be asked of them.
"""

from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg

from db.admin.statistics import analyse
from db.runtime.engine import Target

COPIES = 83
PRODUCTS, CUSTOMERS = 7, 29
"""How many there are of each."""

QUICKLY = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET max_wal_size = '2GB'",
    "SELECT pg_reload_conf()",
)
"""The rows can be made again: nothing waits for the disk."""

SETTINGS = (
    "SET session_replication_role = replica",  # no triggers: what they write is copied
    "SET synchronous_commit = off",
    "SET work_mem = '512MB'",
    "SET maintenance_work_mem = '1GB'",
)

RECORDS = (
    f"""CREATE TEMP TABLE product_copies AS
        SELECT id AS old, copy, CASE copy WHEN 0 THEN id ELSE md5(id::text || copy)::uuid END AS id
        FROM products, generate_series(0, {PRODUCTS - 1}) copy WHERE tenant_id = $1""",
    """INSERT INTO products (tenant_id, id, sku, name, name_key, unit, search, sku_key, category_id)
        SELECT p.tenant_id, c.id, p.sku || '-' || c.copy, p.name, p.name_key, p.unit, p.search, p.sku_key || c.copy, p.category_id
        FROM product_copies c JOIN products p ON p.tenant_id = $1 AND p.id = c.old WHERE c.copy > 0""",
    f"""CREATE TEMP TABLE partner_copies AS
        SELECT id AS old, copy, CASE copy WHEN 0 THEN id ELSE md5(id::text || copy)::uuid END AS id
        FROM partners, generate_series(0, {CUSTOMERS - 1}) copy WHERE tenant_id = $1""",
    """INSERT INTO partners (tenant_id, id, code, name, name_key, country, search, code_key)
        SELECT p.tenant_id, c.id, p.code || '-' || c.copy, p.name, p.name_key, p.country, p.search, p.code_key || c.copy
        FROM partner_copies c JOIN partners p ON p.tenant_id = $1 AND p.id = c.old WHERE c.copy > 0""",
    "CREATE TEMP TABLE base AS SELECT * FROM orders WHERE tenant_id = $1",
    "CREATE TEMP TABLE base_lines AS SELECT * FROM line_items WHERE tenant_id = $1",
    "CREATE TEMP TABLE copies (old uuid, copy integer, id uuid, placed_at timestamptz, customer_id uuid)",
)

ID = """(lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0') || '7' || substr({random}, 1, 3) || 'a'
          || substr({random}, 4, 15))::uuid"""
"""One as the application makes them: they rise with time, and so lie in indexes."""

_AT = "o.placed_at - make_interval(months => 14 * (k % 2), days => k * 37 % 27, mins => k * 97 % 1440)"
MONTH = (
    "TRUNCATE copies",
    f"""INSERT INTO copies
        SELECT o.id, k, {ID.format(at="at", random="md5(o.id::text || k)")}, at, c.id
        FROM base o CROSS JOIN generate_series(1, {COPIES}) k CROSS JOIN LATERAL (SELECT {_AT} AS at) placed
        JOIN partner_copies c ON c.old = o.customer_id AND c.copy = abs(hashint4(k * 1009 + hashtext(o.number) % 100000)) % {CUSTOMERS}
        WHERE date_trunc('month', o.placed_at, 'UTC') = $1""",
    """INSERT INTO orders (tenant_id, id, number, status, customer_id, currency, subtotal, tax_total, placed_at, search,
                            created_at, updated_at, warehouse_id, confirmed_at, number_key, prices_include_tax)
        SELECT o.tenant_id, c.id, o.number || '-' || c.copy, o.status, c.customer_id, o.currency, o.subtotal, o.tax_total,
               c.placed_at, o.search, c.placed_at, c.placed_at, o.warehouse_id, o.confirmed_at, o.number_key, o.prices_include_tax
        FROM copies c JOIN base o ON o.id = c.old ORDER BY c.placed_at""",
    f"""INSERT INTO line_items (tenant_id, id, order_id, position, product_id, description, quantity, currency, unit_price, total,
                                reserved, shipped, cancelled, returned, created_at, customer_id, released, tax_id, net)
        SELECT l.tenant_id, {ID.format(at="c.placed_at", random="md5(l.id::text || c.copy)")}, c.id, l.position, p.id, l.description,
               l.quantity, l.currency, l.unit_price, l.total, l.reserved, l.shipped, l.cancelled, l.returned, c.placed_at,
               c.customer_id, l.released, l.tax_id, l.net
        FROM copies c JOIN base_lines l ON l.order_id = c.old
        JOIN product_copies p ON p.old = l.product_id AND p.copy = abs(hashint4(c.copy * 31 + l.position)) % {PRODUCTS}
        ORDER BY c.placed_at, c.id, l.position""",
)

INDEXES = """SELECT c.oid::regclass::text AS name, pg_get_indexdef(c.oid) AS made
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid IN ('orders'::regclass, 'line_items'::regclass)
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)"""
"""Those that no constraint has: made again at the end, in a fraction of the time."""


async def is_grown(connection: Any, tenant: UUID) -> bool:
    """Whether the copies are there: the last has them all."""
    last = "SELECT EXISTS (SELECT FROM orders WHERE tenant_id = $1 AND number LIKE $2)"
    return bool(await connection.fetchval(last, tenant, f"%-{COPIES}"))


async def grow(target: Target, tenant: UUID) -> str:
    """Add the copies to the medium demo's tenant; what was made."""
    begun = perf_counter()
    connection: Any = await asyncpg.connect(target.admin, server_settings={"jit": "off"})
    try:
        for statement in (*QUICKLY, *SETTINGS):
            await connection.execute(statement)
        for statement in RECORDS:
            await connection.execute(*((statement, tenant) if "$1" in statement else (statement,)))
        await connection.execute("ANALYZE base, base_lines, product_copies, partner_copies")
        indexes = await connection.fetch(INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        months = await connection.fetch(
            "SELECT DISTINCT date_trunc('month', placed_at, 'UTC') AS at FROM base ORDER BY 1"
        )
        for month in months:
            for statement in MONTH:
                await connection.execute(*((statement, month["at"]) if "$1" in statement else (statement,)))
        for index in indexes:
            await connection.execute(index["made"])
        count = await connection.fetchval("SELECT count(*) FROM line_items WHERE tenant_id = $1", tenant)
    finally:
        await connection.close()
    await analyse(target, ["products", "partners", "orders", "line_items"], lambda *_: None, vacuum=True)
    return f"{count:,} lines made in {perf_counter() - begun:.0f} s"
