"""Orders that are there already: each of their rows in the file is one of their lines, or is rejected."""

from typing import Any
from uuid import UUID

from services.imports.judging import BLAME, BLAME_REPEATS, LINE, LIVE

# A subquery with a LIMIT, not a join: what an import has just stored may be unknown to the planner's statistics, and a nested
# loop over two million orders looks cheap to it. This is one index lookup each, always.
_THERE = """
INSERT INTO import_known
SELECT i.number, o.id, CASE
    WHEN i.lines > 0 AND i.customer <> o.code THEN 'of customer ' || o.code
    WHEN i.lines > 0 AND i.currency <> o.currency THEN 'in ' || o.currency
END
FROM import_orders i {ids}
CROSS JOIN LATERAL (
    SELECT o.id, o.currency, (SELECT p.code FROM partners p WHERE p.tenant_id = $1 AND p.id = o.customer_id) AS code
    FROM orders o WHERE o.tenant_id = $1 AND o.number = i.number LIMIT 1
) o
WHERE {others}
"""

_OTHERS = """
UPDATE import_rows r SET reason = 'order: There is another order ' || k.number || ' already, ' || k.other || '.', there = NULL
FROM import_known k WHERE k.number = r.number AND k.other IS NOT NULL AND r.reason IS NULL AND r.left_out IS NULL
"""

# The first line of its kind in the file is the first of its kind in the order, and so on. Where both the file and the import
# that stored the order have keys of lines, lines of one content are told apart by them.
_SAME_LINES = f"""
WITH stored AS (
    SELECT k.number, p.sku, l.quantity, l.unit_price, l.total, {{stored_key}} AS key,
           row_number() OVER (PARTITION BY k.number, p.sku, l.quantity, l.unit_price, l.total, {{stored_key}} ORDER BY l.position) AS nth
    FROM import_known k
    CROSS JOIN LATERAL (SELECT * FROM line_items WHERE tenant_id = $1 AND order_id = k.id OFFSET 0) l
    CROSS JOIN LATERAL (SELECT sku FROM products WHERE tenant_id = $1 AND id = l.product_id LIMIT 1) p
), keyed AS (
    SELECT DISTINCT number FROM stored WHERE key <> ''
), given AS (
    SELECT r.id, r.number, r.sku, r.quantity, r.unit_price, r.total, {{given_key}} AS key,
           row_number() OVER (PARTITION BY r.number, r.sku, r.quantity, r.unit_price, r.total, {{given_key}} ORDER BY r.line) AS nth
    FROM import_rows r LEFT JOIN keyed ON keyed.number = r.number
    WHERE r.number IN (SELECT number FROM import_known) AND {LIVE} AND {LINE}
)
UPDATE import_rows r SET there = true
FROM given JOIN stored USING (number, sku, quantity, unit_price, total, key, nth) WHERE r.id = given.id
"""

_STORED_KEY = "coalesce((SELECT i.key FROM import_records i WHERE i.tenant_id = $1 AND i.id = l.id), '')"
_GIVEN_KEY = "CASE WHEN keyed.number IS NULL THEN '' ELSE coalesce(r.line_key, '') END"

_NO_SUCH_LINE = f"""
UPDATE import_rows r SET reason = 'order: Order ' || k.number || ' is there already, and has no such line.'
FROM import_known k WHERE k.number = r.number AND {LIVE} AND {LINE}
"""

_RETURNS = f"""
WITH wanted AS (
    SELECT number, sku, sum(quantity) AS quantity FROM import_rows
    WHERE role = 'r' AND {LIVE} AND number IN (SELECT number FROM import_known) GROUP BY 1, 2
), booked AS (
    SELECT k.number, p.sku, sum(l.returned) AS quantity FROM import_known k
    CROSS JOIN LATERAL (SELECT * FROM line_items WHERE tenant_id = $1 AND order_id = k.id OFFSET 0) l
    CROSS JOIN LATERAL (SELECT sku FROM products WHERE tenant_id = $1 AND id = l.product_id LIMIT 1) p
    WHERE k.number IN (SELECT number FROM wanted) GROUP BY 1, 2
), missing AS (
    SELECT number, sku FROM wanted LEFT JOIN booked USING (number, sku)
    WHERE coalesce(booked.quantity, 0) < wanted.quantity
)
UPDATE import_rows r SET reason = 'return: Order ' || missing.number || ' is there already without this return. Book it with orderReturn.'
FROM missing WHERE r.number = missing.number AND r.sku = missing.sku AND r.role = 'r' AND {LIVE}
"""

_DISCOUNTS = f"""
UPDATE import_rows r SET reason = 'order: Order ' || k.number || ' is there already, and its lines differ.'
FROM import_known k
WHERE k.number = r.number AND r.role = 'd' AND {LIVE}
  AND k.number IN (SELECT number FROM import_rows WHERE reason IS NOT NULL AND number IS NOT NULL)
"""

_REST = f"UPDATE import_rows r SET there = true FROM import_known k WHERE k.number = r.number AND {LIVE}"

_FORGET = "DELETE FROM import_orders i USING import_known k WHERE i.number = k.number"


async def find(connection: Any, tenant: UUID, *, since: bool = False, keyed: bool = False) -> None:
    """Settle the rows of orders that are there, and take these out of the orders to store.

    ``since``: only orders that a request has made since the last time, under another id than ours. ``keyed``: the file has
    keys of lines.
    """
    await connection.execute("TRUNCATE import_known")
    ids, others = ("JOIN import_ids USING (n)", "o.id <> import_ids.id") if since else ("", "true")
    await connection.execute(_THERE.format(ids=ids, others=others), tenant)
    if not await connection.fetchval("SELECT count(*) FROM import_known"):
        return
    await connection.execute("ANALYZE import_known")
    await connection.execute(_OTHERS)
    keys = (_STORED_KEY, _GIVEN_KEY) if keyed else ("''", "''")
    await connection.execute(_SAME_LINES.format(stored_key=keys[0], given_key=keys[1]), tenant)
    await connection.execute(_NO_SUCH_LINE)
    await connection.execute(BLAME)
    await connection.execute(_RETURNS, tenant)
    await connection.execute(_DISCOUNTS)
    await connection.execute(BLAME_REPEATS)
    await connection.execute(_REST)
    await connection.execute(_FORGET)
