"""A tenant with a row of every kind that is hard to carry, and all rows of a tenant as a test compares them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from core.ids import new_id
from db.runtime import log
from db.runtime.engine import Target, administration
from services.platform.transfer import parts
from tests.support import oddments

TEXTS = (
    "\\.",
    "\\N",
    "a\\b\tc\nd\re",
    "\x01\x02\x7f",
    '"quoted", {"json": 1}',
    "\u2028\u00a0\ufeff",
    "😀 e\u0301 שלום",
    "",
)
JSON = (
    "null",
    "[]",
    '{"n": 12345678901234567890.1000, "deep": [null, {"": "\\\\."}]}',
    '"text"',
    "1e400",
    '{"b": 1, "a": 2, "aa": 3}',
)
TIMES = (
    "2026-11-27 03:21:11.123456+02",
    "infinity",
    "-infinity",
    "0044-03-15 12:00:00+00 BC",
    "9999-12-31 23:59:59.999999",
)


SUMS = ("sales_folds", "sales_spans", "sales_cells")
HOOKS = ("webhooks", "webhook_turns", "webhook_deliveries")
STAY: dict[str, list[str]] = {table: [] for table in ("budgets", *SUMS)}
"""What stays behind when a tenant moves."""
LEFT: dict[str, list[str]] = STAY | {table: [] for table in ("commits", "relay_cursors", *HOOKS)}
"""What isn't in an export."""

KEPT = (
    "INSERT INTO relay_cursors (tenant_id, id, sink, commit_id) VALUES ($1, $2, 'nats', $2)",
    """
    INSERT INTO webhooks (tenant_id, id, name, url, document, variables, roles, commit_id, numbered)
    VALUES ($1, $2, 'hook', 'https://a.example', '{', '{"a": null}', '{viewer}', $2, 9007199254740993)
    """,
    "INSERT INTO webhook_turns (tenant_id, id, due_at) SELECT $1, id, 'infinity' FROM webhooks WHERE tenant_id = $1 AND name = 'hook' AND id <> $2",
    """
    INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, message_id, event_id, events, subjects, status, body, attempts)
    SELECT $1, $2::uuid, id, 'msg_1', $2::uuid, ARRAY[$2::uuid], ARRAY[$2::uuid], 'WAITING', '\\x00ff5c', 1 FROM webhooks WHERE tenant_id = $1 AND name = 'hook'
    """,
    "INSERT INTO sales_folds (tenant_id, id, commit_id, timezone, folded_at) VALUES ($1, $2, $2, 'UTC', now())",
    """
    INSERT INTO sales_spans (tenant_id, id, kind, starts_at, ends_at, first_day, last_day, cells, lines)
    VALUES ($1, $2, 'DAYS', '2026-01-01', '2026-01-02', '2026-01-01', '2026-01-01', 1, 1)
    """,
    """
    INSERT INTO sales_cells (tenant_id, id, span_id, starts_at, status, currency, unit, lines, orders, wanted, shipped_in_full,
                             quantity, shipped, returned, cancelled, open, total, open_total, priced)
    SELECT $1, $2, id, starts_at, 'CLOSED', 'EUR', 'pcs', 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 1 FROM sales_spans WHERE tenant_id = $1
    """,
)
"""A broker's place, a webhook with what waits for it, and sums of a day, of a fold that has no place in the log."""


async def settle(target: Target, name: str) -> UUID:
    """Create the tenant; its id."""
    tenant = (await oddments.load(target, name)).tenant
    async with administration(target, tenant) as connection:
        for text in TEXTS:
            await _event(connection, tenant, principal=text)
        for value in JSON:
            await _event(connection, tenant, after=value)
        for time in TIMES:
            await connection.execute(
                "INSERT INTO api_keys (tenant_id, id, name, hint, hash, roles, expires_at)"
                f" VALUES ($1, $2, 'key', '1234', $3, $4, '{time}')",
                tenant,
                new_id(),
                new_id().bytes,
                [[], ["admin"], ['a,"b"', "{c}", "NULL"]][len(time) % 3],
            )
        await connection.execute(
            "INSERT INTO idempotency_keys (tenant_id, id, key, command, digest, answer)"
            " VALUES ($1, $2, 'retry', 'OrderCreate', '\\x00ff5c', '{}')",
            tenant,
            new_id(),
        )
        await connection.execute(
            "INSERT INTO number_series (tenant_id, id, name, next) VALUES ($1, $2, 'orders', 9007199254740993)",
            tenant,
            new_id(),
        )
        await connection.execute(
            "INSERT INTO budgets (tenant_id, id, owner, points, filled_at) VALUES ($1, $2, '', 5, now())",
            tenant,
            new_id(),
        )
        for statement in (*KEPT, "INSERT INTO purchase_settings (tenant_id, id) VALUES ($1, $2)"):
            await connection.execute(statement, tenant, new_id())
        await connection.execute(
            "INSERT INTO key_aliases (tenant_id, id, kind, key, record_id)"
            " SELECT $1, $2, 'product', $3, id FROM products WHERE tenant_id = $1 ORDER BY id LIMIT 1",
            tenant,
            new_id(),
            TEXTS[2],
        )
        await connection.execute(
            "INSERT INTO reservations (tenant_id, id, line_item_id, product_id, location_id, quantity)"
            " SELECT $1, $2, l.id, l.product_id, p.id, $3 FROM line_items l, locations p"
            " WHERE l.tenant_id = $1 AND p.tenant_id = $1 LIMIT 1",
            tenant,
            new_id(),
            Decimal("0.000001"),
        )
        await _import(connection, tenant)
        await connection.execute(log.place(tenant, new_id()))
    return tenant


async def _import(connection: Any, tenant: UUID) -> None:
    made = new_id()
    await connection.execute(
        "INSERT INTO imports (tenant_id, id, kind, file, digest, mapping, counts)"
        " VALUES ($1, $2, 'orders', 'orders.csv', 'ab', $3, '{\"rows\": {\"read\": 1}}')",
        tenant,
        made,
        TEXTS[4],
    )
    await connection.execute(
        "INSERT INTO import_records (tenant_id, id, import_id, type, key) VALUES ($1, $2, $3, 'LINE', '1')",
        tenant,
        new_id(),
        made,
    )


async def _event(connection: Any, tenant: UUID, principal: str = "tests", after: str | None = None) -> None:
    await connection.execute(
        "INSERT INTO events (tenant_id, id, type, subject_id, principal, after, occurred_at)"
        " VALUES ($1, $2, 'order.created', $2, $3, $4, $5)",
        tenant,
        new_id(),
        principal,
        after,
        datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
    )


async def rows(target: Target, tenant: UUID) -> dict[str, list[str]]:
    """Each table's rows of a tenant as PostgreSQL writes them, read by whom nothing is hidden from: search columns,
    generated ones, and tables that aren't exported, too.
    """
    connection = await asyncpg.connect(target.admin, server_settings={"TimeZone": "UTC"})
    try:
        return {
            table: [
                row[0]
                for row in await connection.fetch(
                    f"SELECT t::text FROM {table} t WHERE {'id' if table == 'tenants' else 'tenant_id'} = $1 ORDER BY 1",
                    tenant,
                )
            ]
            for table in parts.every()
        }
    finally:
        await connection.close()
