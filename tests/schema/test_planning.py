"""Which lists PostgreSQL plans once for all values, and that it is told so for one request only."""

import asyncpg
import pytest

from db.runtime.engine import Database
from db.tenancy import set_tenant
from tests.support.graph import Asker, schema
from tests.support.graph import ask as ask_on
from tests.support.oddments import Oddments

MODE = "SELECT current_setting('plan_cache_mode') AS mode, pg_backend_pid() AS backend"
ONE, EACH, VALUES = "force_generic_plan", "auto", "force_custom_plan"


async def knows_arrays(ask: Asker) -> bool:
    """Whether this PostgreSQL reads an index for an array's keys in the index's order. An older one plans each time."""
    async with ask.database._reading.acquire() as connection:
        return int(connection.get_server_version().major) >= 17


@pytest.mark.parametrize(
    "query, mode",
    [
        ("{ orders(first: 3) { nodes { id } } }", ONE),
        ("{ orders(first: 3, orderBy: {field: TOTAL}) { nodes { lineItems { nodes { id } } } } }", ONE),
        ("{ orders(first: 3, where: {status: {eq: DRAFT}}) { nodes { id } } }", EACH),
        ('{ orders(first: 3, search: "SO") { nodes { id } } }', EACH),
        ('{ product(by: {sku: "nothing"}) { id } }', EACH),
        # What comes first decides.
        ('{ orders(first: 3) { nodes { id } } products(search: "x") { nodes { id } } }', ONE),
        ('{ products(search: "x") { nodes { id } } orders(first: 3) { nodes { id } } }', EACH),
    ],
)
async def test_a_plan_is_made_for_the_values_where_they_matter(
    ask: Asker, oddments: Oddments, query: str, mode: str
) -> None:
    async with ask.database.reader(oddments.tenant) as reader:
        assert not (await ask_on(schema(), reader, query)).errors
        assert [row["mode"] for row in await reader.fetch(MODE)] == [mode if await knows_arrays(ask) else VALUES]


async def test_the_next_request_on_a_connection_is_not_told(ask: Asker, oddments: Oddments) -> None:
    database = Database(ask.database.target, size=1)
    await database.open()
    try:
        backends = set()
        for one_plan, mode in ((True, ONE), (False, EACH)):
            async with database.reader(oddments.tenant) as reader:
                [row] = await reader.fetch(MODE, one_plan=one_plan)
            assert row["mode"] == (mode if await knows_arrays(ask) else VALUES)
            backends.add(row["backend"])
        assert len(backends) == 1
    finally:
        await database.close()


async def test_the_plan_for_any_limit_reads_no_more_rows_than_the_page(ask: Asker, oddments: Oddments) -> None:
    """By the index of the order, though PostgreSQL takes an unknown limit for a tenth of the table."""
    async with ask.database.reader(oddments.tenant) as reader:
        await ask_on(schema(), reader, "{ orders(first: 3) { nodes { id } } }")
        [ran] = reader.ran
    connection = await asyncpg.connect(ask.database.target.serving, server_settings=ask.database.target.settings())
    try:
        async with connection.transaction():
            await connection.execute(f"{set_tenant(oddments.tenant)}; SET LOCAL enable_seqscan = off")
            await connection.execute(f"SET LOCAL plan_cache_mode = {ONE}; PREPARE page AS {ran.sql}")
            plan = await connection.fetch(f"EXPLAIN (COSTS OFF) EXECUTE page ('{oddments.tenant}', 4)")
    finally:
        await connection.close()
    lines = [row[0].strip(" ->") for row in plan]
    assert lines[0] == "Limit"
    assert "Index Only Scan Backward using ix_orders_placed on orders" in lines, lines
    assert not any("Sort" in line for line in lines), lines
