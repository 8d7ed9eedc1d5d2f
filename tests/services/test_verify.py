"""``stock verify``: nothing to complain of in sound books, and each rule finds what breaks it, or it wouldn't count."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.context import Principal, RequestContext
from db import checks
from db.runtime.engine import Database, Target
from loaders.checks import differences
from services.platform import tenants
from services.verify import verify
from tests.support.graph import Asker
from tests.support.postgres import TestServer


def first(table: str, change: str, where: str = "true") -> str:
    """The statement that changes the tenant's first row of a table that fits."""
    mine = f"tenant_id = '{{tenant}}' AND {where}"
    return f"UPDATE {table} SET {change} WHERE id = (SELECT id FROM {table} WHERE {mine} ORDER BY id LIMIT 1)"


def loose(table: str, constraint: str, change: str, where: str = "true") -> str:
    """The same, after the constraint that would stand against it is taken away."""
    return f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{constraint}; {first(table, change, where)}"


def held(status: str, until: str) -> str:
    """The statements that keep one of something, by a hold that stands so."""
    return f"""
        INSERT INTO stock_holds (tenant_id, id, reference, status, expires_at)
        VALUES ('{{tenant}}', gen_random_uuid(), 'a basket', '{status}', now() + interval '1 hour');
        INSERT INTO stock_hold_lines (tenant_id, id, hold_id, product_id, location_id, quantity, expires_at)
        SELECT s.tenant_id, gen_random_uuid(), h.id, s.product_id, s.location_id, 1, h.expires_at
        FROM stock_levels s JOIN stock_holds h USING (tenant_id) WHERE s.tenant_id = '{{tenant}}' LIMIT 1;
        UPDATE stock_levels SET held_until = {until} WHERE tenant_id = '{{tenant}}'
    """


CORRUPTIONS = (
    first("stock_levels", "on_hand = on_hand + 1"),
    first("locations", "kind = 'LOSS'", "kind = 'INTERNAL'"),
    first("stock_levels", "reserved = reserved - 1", "reserved >= 1"),
    loose("stock_levels", "reserved", "reserved = on_hand + 1"),
    held("RELEASED", "now()"),
    held("HELD", "now() + interval '2 hours'"),
    first("products", "tracking = 'LOT'", "id IN (SELECT product_id FROM stock_levels WHERE on_hand > 0)"),
    first("stock_levels", "sellable_until = '2020-01-01'"),
    """
    UPDATE products SET tracking = 'SERIAL' WHERE tenant_id = '{tenant}';
    INSERT INTO lots (tenant_id, id, product_id, code) SELECT tenant_id, gen_random_uuid(), product_id, 'SN-1'
    FROM stock_levels WHERE tenant_id = '{tenant}' AND on_hand > 1 LIMIT 1;
    UPDATE stock_levels s SET lot_id = o.id FROM lots o WHERE (s.tenant_id, s.product_id) = (o.tenant_id, o.product_id)
    """,
    first("stock_levels", "incoming = incoming + 1"),
    first("purchase_orders", "subtotal = subtotal + 1"),
    first("purchase_orders", "status = 'CLOSED'", "status = 'CONFIRMED'"),
    first("purchase_lines", "received = received + 0.5, over_receipt = 1", "cancelled = 0"),
    """
    WITH made AS (
        INSERT INTO receipts (tenant_id, id, number, purchase_order_id, principal, received_at)
        SELECT tenant_id, id, 'planted', id, 'tests', now() FROM purchase_orders WHERE tenant_id = '{tenant}' LIMIT 1
        RETURNING tenant_id, id
    )
    INSERT INTO receipt_lines (tenant_id, id, receipt_id, position, purchase_line_id, location_id, quantity)
    SELECT m.tenant_id, l.id, m.id, 1, l.id, o.location_id, 1 FROM made m
    JOIN purchase_orders o ON o.id = m.id JOIN purchase_lines l ON l.purchase_order_id = o.id
    """,
    first("purchase_lines", "returned = received", "received > 0"),
    """
    INSERT INTO purchase_return_lines (tenant_id, id, purchase_line_id, location_id, quantity)
    SELECT l.tenant_id, l.id, l.id, o.location_id, 1 FROM purchase_lines l JOIN purchase_orders o ON o.id = l.purchase_order_id
    WHERE l.tenant_id = '{tenant}' LIMIT 1
    """,
    first("purchase_orders", "tax_total = tax_total + 0.01"),
    first("reservations", "quantity = quantity + 1"),
    "UPDATE locations SET kind = 'QUARANTINE' WHERE kind = 'INTERNAL'",
    first("stock_moves", "quantity = quantity + 1", "reason = 'shipment'"),
    first("line_items", "returned = shipped / 2", "returned = 0 AND shipped > 0"),
    "UPDATE stock_moves SET lot_id = id WHERE tenant_id = '{tenant}' AND line_item_id IS NOT NULL",
    first(
        "stock_moves",
        "product_id = (SELECT p.id FROM products p WHERE p.tenant_id = stock_moves.tenant_id AND p.id <> product_id LIMIT 1)",
        "line_item_id IS NOT NULL",
    ),
    loose("line_items", "ordered", "cancelled = quantity + 1", "cancelled = 0"),
    loose("line_items", "returned", "returned = shipped + 1"),
    first("orders", "status = 'DRAFT'", "status = 'CANCELLED'"),
    first("orders", "status = 'CLOSED'", "status = 'CONFIRMED'"),
    first("orders", "status = 'CANCELLED'", "status = 'CLOSED'"),
    first("orders", "status = 'CONFIRMED'", "status = 'CLOSED'"),
    "UPDATE orders SET allow_backorder = false",
    "UPDATE stock_levels SET on_hand = on_hand + 1000",
    first("shipment_lines", "quantity = quantity + 1"),
    first("shipments", "status = 'CANCELLED'"),
    first("line_items", "shipped = 0, returned = 0", "shipped > 0"),
    first("orders", "subtotal = subtotal + 1"),
    """
    INSERT INTO commits (tenant_id, id, seq, events, kinds, subjects, reload)
    VALUES ('{tenant}', '{tenant}', nextval('commit_numbers'), '{{}}', '{{}}', '{{}}', '{{}}');
    INSERT INTO sales_folds (tenant_id, id, commit_id, timezone, folded_at)
    SELECT id, id, id, timezone, now() FROM tenants WHERE id = '{tenant}';
    INSERT INTO sales_spans (tenant_id, id, kind, starts_at, ends_at, first_day, last_day, cells, lines)
    SELECT o.tenant_id, o.id, 'DAYS', o.placed_at, o.placed_at + interval '1 day', timezone(t.timezone, o.placed_at)::date,
           timezone(t.timezone, o.placed_at)::date, 0, 0
    FROM orders o JOIN tenants t ON t.id = o.tenant_id WHERE t.id = '{tenant}' AND o.status = 'CONFIRMED' ORDER BY o.id LIMIT 1
    """,
    first("orders", "tax_total = tax_total + 0.01"),
    first(
        "line_items",
        "tax_id = (SELECT t.id FROM taxes t WHERE t.tenant_id = line_items.tenant_id LIMIT 1), net = total / 2",
        "total > 0",
    ),
)
"""What breaks each of ``checks.CHECKS``, in their order; often others with it."""

IDS = [check.rule for check in checks.CHECKS]


@pytest.fixture(scope="module")
async def loaded(server: TestServer) -> AsyncIterator[Target]:
    async with server.with_demo() as target:
        yield target


@pytest.fixture(scope="module")
async def larkspur(loaded: Target) -> UUID:
    return await tenants.find(loaded, "larkspur")


async def test_the_demo_is_sound(loaded: Target) -> None:
    for tenant in await tenants.every(loaded):
        assert await verify(loaded, tenant.id) == []


@pytest.mark.parametrize("rule, corruption", list(zip(IDS, CORRUPTIONS, strict=True)), ids=IDS)
async def test_each_rule_finds_what_breaks_it(loaded: Target, larkspur: UUID, rule: str, corruption: str) -> None:
    connection = await asyncpg.connect(loaded.admin)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(corruption.format(tenant=larkspur))
        broken = {row["rule"] for row in await connection.fetch(checks.every("10"), larkspur)}
        [other] = [each.id for each in await tenants.every(loaded) if each.id != larkspur]
        elsewhere = {row["rule"] for row in await connection.fetch(checks.every("10"), other)}
    finally:
        await transaction.rollback()
        await connection.close()
    assert rule in broken
    # What is one tenant's doesn't show in another's books.
    assert "{tenant}" not in corruption or elsewhere == set()


@pytest.mark.parametrize("limit", ["5", "1001"])
async def test_s10_the_rules_are_read_as_sets_whatever_the_limit_and_the_statistics(
    loaded: Target, larkspur: UUID, limit: str
) -> None:
    """Without statistics, as right after a bulk write: a nested loop over what there really is takes minutes."""
    connection = await asyncpg.connect(loaded.admin)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            "DELETE FROM pg_statistic; UPDATE pg_class SET reltuples = 1 WHERE relname IN"
            " ('orders', 'line_items', 'stock_moves', 'stock_levels', 'reservations')"
        )
        await connection.execute(checks.SET_BASED)
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {checks.every(limit)}", larkspur))
    finally:
        await transaction.rollback()
        await connection.close()
    assert "Nested Loop" not in plan
    assert plan.count("CTE b") == plan.count("CTE Scan on b") == len(checks.CHECKS)


async def test_s10_the_rest_of_a_request_is_planned_as_before(loaded: Target, larkspur: UUID) -> None:
    database = Database(loaded)
    await database.open()
    reader = database.reader(larkspur)
    await differences(RequestContext(Principal(larkspur, "test"), reader, {}), 5)
    [[after]] = await reader.fetch("SELECT current_setting('enable_nestloop')")
    await reader.close()
    await database.close()
    assert after == "on"


@pytest.fixture
async def spoilt(server: TestServer) -> AsyncIterator[Target]:
    """A demo with one balance that is one too high."""
    async with server.with_demo() as target:
        connection = await asyncpg.connect(target.admin)
        tenant = await tenants.find(target, "larkspur")
        await connection.execute(first("stock_levels", "on_hand = on_hand + 1").format(tenant=tenant))
        await connection.close()
        yield target


async def test_the_graph_and_the_command_name_the_place(spoilt: Target) -> None:
    tenant = await tenants.find(spoilt, "larkspur")
    [difference] = await verify(spoilt, tenant)
    assert difference.rule == "What is on hand came in and didn't go out."
    assert (difference.actual or 0) - (difference.expected or 0) == 1
    assert (difference.order, difference.position) == (None, None)
    database = Database(spoilt)
    await database.open()
    query = (
        "{ stockDifferences { rule product { sku } location { code } order { id } lineItem { id } expected actual } }"
    )
    [shown] = (await Asker(database)(query, tenant)).good["stockDifferences"]
    none = (await Asker(database)("{ stockDifferences(first: 0) { rule } }", tenant)).good
    await database.close()
    assert none == {"stockDifferences": []}
    assert (shown["product"]["sku"], shown["location"]["code"]) == (difference.sku, difference.location)
    assert (shown["order"], shown["lineItem"]) == (None, None)
    assert [shown["expected"], shown["actual"]] == [f"{difference.expected:f}", f"{difference.actual:f}"]


def command(target: Target, *arguments: str) -> Any:
    """Run ``erpgraph stock verify`` on a database."""
    program = [sys.executable, "-m", "app.cli", "stock", "verify", *arguments]
    variables = {"ERPGRAPH_DATABASE_URL": target.admin, "PATH": "/usr/bin:/bin"}
    root = Path(__file__).parents[2]
    return subprocess.run(program, cwd=root, env=variables, capture_output=True, text=True, check=False)


async def test_the_commands_exit_code_tells(spoilt: Target) -> None:
    ran = command(spoilt)
    assert ran.returncode == 1
    assert "larkspur: 1 difference\n" in ran.stderr
    assert "stonebridge: no differences\n" in ran.stderr
    [_, row] = ran.stdout.splitlines()
    assert row.endswith("What is on hand came in and didn't go out.")
    assert command(spoilt, "--tenant", "stonebridge").returncode == 0
    missing = command(spoilt, "--tenant", "nobody")
    assert (missing.returncode, missing.stdout) == (1, "")
