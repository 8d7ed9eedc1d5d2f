"""Line items from before they had a customer: migration 0013 fills it in portions, beside writers, and can be run again."""

import asyncpg
import pytest

from core.errors import Unavailable
from core.ids import new_id
from db.admin import migrate
from db.runtime.engine import Target, administration
from services.platform import tenants

ORDERS = 450
"""More than two portions."""

INSERT = """
    WITH made AS (
        INSERT INTO orders (tenant_id, id, number, customer_id, currency, placed_at)
        SELECT $1, id, id::text, $3, 'EUR', now() FROM unnest($2::uuid[]) id
    )
    INSERT INTO line_items (tenant_id, id, order_id, position, product_id, description, quantity, currency, unit_price, total)
    SELECT $1, gen_random_uuid(), id, position, $4, 'A', 1, 'EUR', 1, 1 FROM unnest($2::uuid[]) id, generate_series(1, 2) position
"""
"""As the program of before wrote orders with their lines."""

HELD = """
    CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'somebody has it' USING ERRCODE = 'lock_not_available'; END $$;
    CREATE TRIGGER held BEFORE UPDATE ON line_items FOR EACH ROW WHEN (OLD.order_id = '{order}') EXECUTE FUNCTION held()
"""
"""As if a command had an order's lines for longer than the migration waits."""

UNLIKE = """
    SELECT count(*) FROM line_items l LEFT JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)
    WHERE l.customer_id IS DISTINCT FROM o.customer_id
"""


async def test_lines_from_before_get_their_orders_customer(fresh: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await tenants.create(fresh, "lines", "EUR")
    await migrate.downgrade(fresh, "0012")
    orders, customers = [new_id() for _ in range(ORDERS)], [new_id(), new_id()]
    async with administration(fresh, tenant) as connection:
        await connection.execute("INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $1, 'A', 'A')", tenant)
        await connection.executemany(
            "INSERT INTO partners (tenant_id, id, code, name) VALUES ($1, $2, $3, 'P')",
            [(tenant, each, each.hex) for each in customers],
        )
        await connection.execute(INSERT, tenant, orders[::2], customers[0], tenant)
        await connection.execute(INSERT, tenant, orders[1::2], customers[1], tenant)
    monkeypatch.setattr(migrate, "RETRY_FOR", 0.1)
    admin = await asyncpg.connect(fresh.admin)
    try:
        await admin.execute(HELD.format(order=orders[300]))
        with pytest.raises(Unavailable, match="didn't get its lock"):
            await migrate.upgrade(fresh)
        assert await migrate.current(fresh) == "0012"
        # Its owner sees one tenant's rows again.
        assert await admin.fetchval("SELECT count(*) FROM pg_policies WHERE policyname = 'backfill'") == 0
        assert await admin.fetchval("SELECT count(*) FROM line_items WHERE customer_id IS NULL") == 2 * (ORDERS - 200)
        async with administration(fresh, tenant) as connection:
            await connection.execute(INSERT, tenant, [new_id()], customers[0], tenant)
        await admin.execute("DROP FUNCTION held CASCADE")
        await migrate.upgrade(fresh)
        assert await admin.fetchval(UNLIKE) == 0
        assert await admin.fetchval("SELECT count(*) FROM line_items") == 2 * (ORDERS + 1)
        assert await admin.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
        references = "SELECT bool_and(convalidated) FROM pg_constraint WHERE conrelid = 'line_items'::regclass"
        assert await admin.fetchval(references)
        assert await admin.fetchval("SELECT count(*) FROM pg_policies WHERE policyname = 'backfill'") == 0
    finally:
        await admin.close()
