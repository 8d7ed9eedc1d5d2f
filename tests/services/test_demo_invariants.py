"""The demo keeps the rules of stock and orders. Each rule is a query for rows that break it, and
each query is shown to find a planted corruption, or it wouldn't count.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg
import pytest

from tests.support.postgres import TestServer


class Rule(NamedTuple):
    """``broken``: the rows that break it. ``corrupt``: statements that break it."""

    broken: str
    corrupt: str


ENTRIES = """(
    SELECT m.tenant_id, m.product_id, m.destination_id AS location_id, m.quantity, m.occurred_at, m.id FROM stock_moves m
    UNION ALL
    SELECT m.tenant_id, m.product_id, m.source_id, -m.quantity, m.occurred_at, m.id FROM stock_moves m
)"""
OWN = "kind IN ('INTERNAL', 'QUARANTINE')"
LINES = "SELECT * FROM line_items l JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)"
MOVED = """SELECT coalesce(sum(m.quantity), 0)
    FROM stock_moves m JOIN locations a ON (a.tenant_id, a.id) = (m.tenant_id, m.{end})
    WHERE (m.tenant_id, m.line_item_id) = (l.tenant_id, l.id) AND a.kind = 'CUSTOMER'"""


def first(table: str, change: str, where: str = "true") -> str:
    """The statement that changes the first row of a table that fits."""
    return f"UPDATE {table} SET {change} WHERE id = (SELECT id FROM {table} WHERE {where} ORDER BY id LIMIT 1)"


RULES = {
    "on hand is what came in minus what went out": Rule(
        f"""SELECT * FROM (
                SELECT e.tenant_id, product_id, location_id, sum(quantity) AS moved
                FROM {ENTRIES} e JOIN locations l ON (l.tenant_id, l.id) = (e.tenant_id, e.location_id) WHERE {OWN}
                GROUP BY 1, 2, 3
            ) m FULL JOIN stock_levels s USING (tenant_id, product_id, location_id)
            WHERE s.on_hand IS DISTINCT FROM coalesce(m.moved, 0)""",
        first("stock_levels", "on_hand = on_hand + 1"),
    ),
    "no balance was below zero at any time": Rule(
        f"""SELECT * FROM (
                SELECT sum(quantity) OVER (PARTITION BY e.tenant_id, product_id, location_id ORDER BY occurred_at, e.id) AS balance
                FROM {ENTRIES} e JOIN locations l ON (l.tenant_id, l.id) = (e.tenant_id, e.location_id) WHERE {OWN}
            ) running WHERE balance < 0""",
        first("stock_moves", "occurred_at = '2027-01-01'", "reason = 'receipt'"),
    ),
    "only places with goods of one's own have balances": Rule(
        f"""SELECT * FROM stock_levels s JOIN locations l ON (l.tenant_id, l.id) = (s.tenant_id, s.location_id)
            WHERE NOT {OWN}""",
        first("locations", "kind = 'LOSS'", OWN),
    ),
    "a balance's reservations add up": Rule(
        """SELECT * FROM (
                SELECT tenant_id, product_id, location_id, sum(quantity) AS held FROM reservations GROUP BY 1, 2, 3
            ) r FULL JOIN stock_levels s USING (tenant_id, product_id, location_id)
            WHERE s.reserved IS DISTINCT FROM coalesce(r.held, 0)""",
        first("stock_levels", "reserved = reserved - 1", "reserved >= 1"),
    ),
    "what is reserved is there": Rule(
        "SELECT * FROM stock_levels WHERE reserved > on_hand",
        "ALTER TABLE stock_levels DROP CONSTRAINT ck_stock_levels_reserved; "
        + first("stock_levels", "reserved = on_hand + 1"),
    ),
    "a line's reservations add up": Rule(
        """SELECT * FROM line_items l WHERE reserved <> (
                SELECT coalesce(sum(quantity), 0) FROM reservations r
                WHERE (r.tenant_id, r.line_item_id, r.product_id) = (l.tenant_id, l.id, l.product_id))""",
        first("reservations", "quantity = quantity + 1"),
    ),
    "goods are reserved where they can be sold": Rule(
        """SELECT * FROM reservations r JOIN locations l ON (l.tenant_id, l.id) = (r.tenant_id, r.location_id)
            WHERE kind <> 'INTERNAL'""",
        "UPDATE locations SET kind = 'QUARANTINE'",
    ),
    "shipped is what moved to the customer": Rule(
        f"SELECT * FROM line_items l WHERE shipped <> ({MOVED.format(end='destination_id')})",
        first("stock_moves", "quantity = quantity + 1", "reason = 'shipment'"),
    ),
    "returned is what moved back": Rule(
        f"SELECT * FROM line_items l WHERE returned <> ({MOVED.format(end='source_id')})",
        first("line_items", "returned = shipped / 2", "returned = 0 AND shipped > 0"),
    ),
    "a line's moves are of its product": Rule(
        """SELECT * FROM stock_moves m JOIN line_items l ON (l.tenant_id, l.id) = (m.tenant_id, m.line_item_id)
            WHERE m.product_id <> l.product_id OR m.occurred_at < l.created_at""",
        first("line_items", "created_at = '2027-01-01'", "shipped > 0"),
    ),
    "no more is reserved, shipped and cancelled than ordered, nor returned than shipped": Rule(
        "SELECT * FROM line_items WHERE reserved + shipped + cancelled > quantity OR returned > shipped",
        "ALTER TABLE line_items DROP CONSTRAINT ck_line_items_returned; "
        + first("line_items", "returned = shipped + 1"),
    ),
    "a draft has no progress": Rule(
        f"{LINES} WHERE status = 'DRAFT' AND reserved + shipped + cancelled + returned > 0",
        first("orders", "status = 'DRAFT'", "status = 'CANCELLED'"),
    ),
    "a closed order is shipped": Rule(
        f"{LINES} WHERE status = 'CLOSED' AND (shipped <> quantity OR reserved > 0)",
        first("orders", "status = 'CLOSED'", "status = 'CONFIRMED'"),
    ),
    "a cancelled order is cancelled": Rule(
        f"{LINES} WHERE status = 'CANCELLED' AND (cancelled <> quantity OR reserved + shipped > 0)",
        first("orders", "status = 'CANCELLED'", "status = 'CLOSED'"),
    ),
    "a confirmed order has something left to ship": Rule(
        """SELECT * FROM orders o WHERE status = 'CONFIRMED' AND NOT EXISTS (
                SELECT 1 FROM line_items l WHERE (l.tenant_id, l.order_id) = (o.tenant_id, o.id) AND shipped + cancelled < quantity)""",
        first("orders", "status = 'CONFIRMED'", "status = 'CLOSED'"),
    ),
    "a line of a confirmed order waits only for what is sold out": Rule(
        f"""{LINES} WHERE status = 'CONFIRMED' AND reserved + shipped + cancelled < quantity AND EXISTS (
                SELECT 1 FROM stock_levels s JOIN locations a ON (a.tenant_id, a.id) = (s.tenant_id, s.location_id)
                WHERE (s.tenant_id, s.product_id) = (l.tenant_id, l.product_id) AND kind = 'INTERNAL' AND available > 0)""",
        "UPDATE orders SET status = 'CONFIRMED' WHERE status = 'DRAFT'",
    ),
    "an order's subtotal is the sum of its lines before tax": Rule(
        """SELECT * FROM orders o WHERE subtotal IS DISTINCT FROM (
                SELECT sum(coalesce(l.net, l.total)) FROM line_items l
                WHERE (l.tenant_id, l.order_id, l.currency) = (o.tenant_id, o.id, o.currency))""",
        first("line_items", "currency = 'USD'"),
    ),
    "an order's tax is that of its lines by category and rate": Rule(
        """SELECT * FROM orders o WHERE tax_total <> (
                SELECT coalesce(sum(k.tax), 0) FROM (
                    SELECT round(sum(l.total) * x.rate / (100 + CASE WHEN o.prices_include_tax THEN x.rate ELSE 0 END),
                                 CASE o.currency WHEN 'JPY' THEN 0 ELSE 2 END) AS tax
                    FROM line_items l JOIN taxes x ON (x.tenant_id, x.id) = (l.tenant_id, l.tax_id)
                    WHERE (l.tenant_id, l.order_id) = (o.tenant_id, o.id) GROUP BY x.category, x.rate) k)""",
        first("orders", "tax_total = tax_total + 0.01", "tax_total > 0"),
    ),
    "orders since October bear taxes, and those of before don't": Rule(
        """SELECT * FROM line_items l JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
            WHERE (l.tax_id IS NOT NULL) <> (o.placed_at >= '2026-10-01T00:00:00Z')""",
        first("line_items", "tax_id = NULL", "tax_id IS NOT NULL"),
    ),
    "what is counted in pieces and boxes is whole": Rule(
        """SELECT * FROM products WHERE (unit_decimals = 0) <> (unit IN ('pcs', 'box'))""",
        first("products", "unit_decimals = 6", "unit = 'pcs'"),
    ),
    "no quantity has more decimals than its product": Rule(
        """SELECT l.id FROM line_items l JOIN products p ON (p.tenant_id, p.id) = (l.tenant_id, l.product_id)
            WHERE l.quantity <> round(l.quantity, p.unit_decimals)
            UNION ALL
            SELECT m.id FROM stock_moves m JOIN products p ON (p.tenant_id, p.id) = (m.tenant_id, m.product_id)
            WHERE m.quantity <> round(m.quantity, p.unit_decimals)""",
        "UPDATE products SET unit_decimals = 0",
    ),
    "a line's total is rounded to the currency's digits": Rule(
        "SELECT * FROM line_items WHERE total <> round(quantity * unit_price, CASE currency WHEN 'JPY' THEN 0 ELSE 2 END)",
        first("line_items", "total = total + 0.001"),
    ),
    "orders are numbered per year in the order of their time": Rule(
        """SELECT * FROM (
                SELECT number, to_char(placed_at AT TIME ZONE 'UTC', '"SO-"YYYY-') || to_char(row_number() OVER (
                    PARTITION BY tenant_id, date_trunc('year', placed_at AT TIME ZONE 'UTC') ORDER BY placed_at, id), 'FM000000') AS due
                FROM orders
            ) n WHERE number <> due""",
        first("orders", "number = 'SO-2025-9'"),
    ),
    "lines are numbered from one": Rule(
        """SELECT order_id FROM line_items GROUP BY tenant_id, order_id
            HAVING min(position) <> 1 OR max(position) <> count(*)""",
        first("line_items", "position = 99"),
    ),
    "who orders is a customer": Rule(
        """SELECT * FROM orders o JOIN partners p ON (p.tenant_id, p.id) = (o.tenant_id, o.customer_id)
            WHERE NOT 'CUSTOMER' = ANY (kinds)""",
        "UPDATE partners SET kinds = '{SUPPLIER}' WHERE id = (SELECT customer_id FROM orders LIMIT 1)",
    ),
    "ids tell when their rows were made": Rule(
        " UNION ALL ".join(
            f"SELECT id FROM {table} WHERE left(replace(id::text, '-', ''), 13) <> "
            "lpad(to_hex((extract(epoch FROM created_at) * 1000)::bigint), 12, '0') || '7'"
            for table in ("products", "partners", "locations", "orders", "line_items", "stock_moves", "stock_levels")
        ),
        first("products", "created_at = created_at + interval '1 day'"),
    ),
    "nothing happens after the fixed day": Rule(
        """SELECT id FROM orders WHERE greatest(placed_at, updated_at) >= '2026-11-01Z'
            UNION ALL SELECT id FROM stock_moves WHERE occurred_at >= '2026-11-01Z'
            UNION ALL SELECT id FROM stock_levels WHERE updated_at >= '2026-11-01Z'
            UNION ALL SELECT id FROM reservations WHERE created_at >= '2026-11-01Z'""",
        first("orders", "updated_at = '2026-11-01Z'"),
    ),
    "a barcode's check digit is right": Rule(
        """SELECT * FROM products WHERE barcode IS NOT NULL AND (length(barcode) <> 13 OR (
                SELECT sum(substr(barcode, i, 1)::int * CASE i % 2 WHEN 0 THEN 3 ELSE 1 END) FROM generate_series(1, 13) i
            ) % 10 <> 0)""",
        first("products", "barcode = '2000000000001'"),
    ),
}


@pytest.fixture(scope="module")
async def loaded(server: TestServer) -> AsyncIterator[Any]:
    """A connection to the small set, as the administrator: all tenants' rows at once."""
    async with server.with_demo() as target:
        connection = await asyncpg.connect(target.admin, server_settings={"TimeZone": "UTC"})
        yield connection
        await connection.close()


@pytest.mark.parametrize("name", RULES)
async def test_the_demo_keeps_the_rule(loaded: Any, name: str) -> None:
    assert await loaded.fetch(RULES[name].broken) == []


@pytest.mark.parametrize("name", RULES)
async def test_the_query_finds_a_planted_corruption(loaded: Any, name: str) -> None:
    transaction = loaded.transaction()
    await transaction.start()
    try:
        await loaded.execute(RULES[name].corrupt)
        assert await loaded.fetch(RULES[name].broken) != []
    finally:
        await transaction.rollback()


@pytest.mark.parametrize(
    "what,condition",
    [
        ("waits for stock", "l.reserved + l.shipped < l.quantity AND o.status = 'CONFIRMED'"),
        ("is reserved in part", "l.reserved > 0 AND l.reserved < l.quantity"),
        ("has left in part", "l.shipped > 0 AND o.status = 'CONFIRMED'"),
        ("came back", "l.returned > 0"),
        ("came back in part", "l.returned > 0 AND l.returned < l.shipped"),
        ("is in pieces of a unit", "l.quantity <> trunc(l.quantity)"),
        ("has more than two decimals in its price", "l.unit_price <> round(l.unit_price, 2)"),
        (
            "is in a currency other than the company's",
            "l.currency <> (SELECT currency FROM tenants t WHERE t.id = l.tenant_id)",
        ),
        ("was shipped in two parts", "(SELECT count(*) FROM stock_moves m WHERE m.line_item_id = l.id) > 1"),
    ],
)
async def test_the_demo_has_a_line_that(loaded: Any, what: str, condition: str) -> None:
    found = f"SELECT 1 FROM line_items l JOIN orders o ON o.id = l.order_id WHERE {condition} LIMIT 1"
    assert await loaded.fetchval(found) == 1
