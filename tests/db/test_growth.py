"""Tables that grow (ADR 35): vacuum in time, thin indexes, statistics that know what is of one tenant."""

from typing import Any

import asyncpg
import pytest

from db.models import metadata
from db.runtime.engine import Target
from db.tenancy import LEDGERS

OPTIONS = (
    "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL"
)
SIZES = "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index WHERE indrelid = 'stock_moves'::regclass"
KNOWN = """
    SELECT e.stxname::text, d.stxddependencies::text AS one_tenants FROM pg_statistic_ext e
    JOIN pg_statistic_ext_data d ON d.stxoid = e.oid ORDER BY 1
"""
PLAN = """
    EXPLAIN SELECT id FROM stock_moves WHERE tenant_id = (SELECT id FROM tenants WHERE name = 'larkspur') AND source_id = $1
    ORDER BY occurred_at DESC, id DESC LIMIT 21
"""
RARE = "SELECT source_id FROM stock_moves GROUP BY 1 ORDER BY count(*) LIMIT 1"


@pytest.fixture(scope="module")
async def grown(server: Any) -> Any:
    async with server.with_demo() as target:
        connection = await asyncpg.connect(target.admin)
        yield connection
        await connection.close()


async def test_ledgers_are_vacuumed_long_before_a_fifth_is_new(admin: Any) -> None:
    options = {
        row["relname"]: dict(each.split("=") for each in row["reloptions"]) for row in await admin.fetch(OPTIONS)
    }
    assert {name for name in options if name in metadata.tables} == {
        *LEDGERS,
        "commits",
        *("orders", "line_items", "stock_levels", "reservations", "idempotency_keys"),
    }
    for table in LEDGERS:
        assert options[table]["autovacuum_vacuum_insert_scale_factor"] == "0.01"
    assert {each["autovacuum_analyze_scale_factor"] for each in options.values()} == {"0.02"}


async def test_a_place_in_the_ledgers_indexes_costs_a_fraction(grown: Any) -> None:
    """Equal entries share a key; with the time in it none was equal."""
    sizes = {row[0]: row[1] for row in await grown.fetch(SIZES)}
    for name in ("ix_stock_moves_from", "ix_stock_moves_to"):
        assert sizes[name] < sizes["ix_stock_moves_product"] / 3


async def test_a_place_with_few_moves_is_found_by_them(grown: Any) -> None:
    rare = await grown.fetchval(RARE)
    plan = "\n".join(row[0] for row in await grown.fetch(PLAN, rare))
    assert "ix_stock_moves_from" in plan


async def test_the_planner_knows_what_is_of_one_tenant(grown: Any) -> None:
    known = {row["stxname"]: row["one_tenants"] for row in await grown.fetch(KNOWN)}
    assert sorted(known) == ["st_line_items_product_id", "st_orders_customer_id", "st_stock_moves_product_id"]
    assert all(each.endswith(' => 1": 1.000000}') for each in known.values())


async def test_a_tenant_is_found_by_its_name_without_reading_all(fresh: Target) -> None:
    connection = await asyncpg.connect(fresh.admin)
    try:
        await connection.execute(
            "INSERT INTO tenants (id, name, currency) SELECT gen_random_uuid(), n::text, 'EUR' FROM generate_series(1, 3000) n"
        )
        await connection.execute("ANALYZE tenants")
        await connection.execute("SET ROLE erpgraph_owner")
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN SELECT id FROM tenants WHERE name = '77'"))
        assert "ix_tenants_name" in plan
    finally:
        await connection.close()
