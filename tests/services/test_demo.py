"""The demo data: how much, always the same, all or nothing."""

from typing import Any

import asyncpg
import pytest

from core.errors import BadInput
from db.runtime.engine import Database, Target
from services import demo
from services.demo.companies import COMPANIES
from services.platform import tenants
from tests.support.postgres import TestServer

TABLES = (
    *("tenants", "warehouses", "locations", "product_categories", "products", "partners"),
    *("orders", "line_items", "shipments", "shipment_lines", "stock_moves", "reservations", "stock_levels"),
    *("product_suppliers", "purchase_orders", "purchase_lines", "receipts", "receipt_lines", "reorder_rules"),
    *("taxes", "tax_groups", "tax_substitutions", "price_lists", "prices"),
)

ROWS = {
    "warehouses": 3,
    "taxes": 9,
    "tax_groups": 3,
    "tax_substitutions": 3,
    "price_lists": 2,
    "prices": 117,
    "locations": 22,
    "product_categories": 44,
    "products": 60,
    "partners": 40,
    "orders": 300,
    "line_items": 2_400,
    "shipments": 297,
    "shipment_lines": 2_282,
    "stock_moves": 3_026,
    "reservations": 106,
    "stock_levels": 175,
    "product_suppliers": 60,
    "purchase_orders": 80,
    "purchase_lines": 290,
    "receipts": 68,
    "receipt_lines": 134,
    "reorder_rules": 32,
}

DIGEST = "00d4087fc9026c7a0b1a3b83a55ddf33"
"""Of every value of the small set. Examples in the documentation hold as long as this does."""


async def connect(target: Target) -> Any:
    return await asyncpg.connect(target.admin, server_settings={"TimeZone": "UTC"})


async def digest(target: Target) -> str:
    """Of all rows but what the server derives: how it lowers and splits text is its version's affair. Nor what only an
    operator sets."""
    parts = " || ".join(
        f"(SELECT coalesce(string_agg((to_jsonb(t) - '{{search,name_key,sku_key,code_key,number_key,external_key,frozen_at,database}}'::text[])::text, '' ORDER BY t.id), '') FROM {table} t)"
        for table in TABLES
    )
    connection = await connect(target)
    try:
        found: str = await connection.fetchval(f"SELECT md5({parts})")
        return found
    finally:
        await connection.close()


async def test_small_has_exactly_these_rows_and_values(fresh: Target) -> None:
    assert await demo.is_empty(fresh)
    summary = await demo.load(fresh, demo.Size.SMALL)
    assert not await demo.is_empty(fresh)
    assert summary == demo.Summary(("larkspur", "stonebridge"), ROWS)
    connection = await connect(fresh)
    counts = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in ROWS}
    # Planned right at once: the statistics know the rows.
    planned = dict(await connection.fetch("SELECT relname, reltuples FROM pg_class WHERE relname = ANY($1)", [*ROWS]))
    await connection.close()
    assert counts == ROWS
    assert planned == ROWS
    assert await digest(fresh) == DIGEST


async def test_two_loads_are_equal_to_the_byte(server: TestServer) -> None:
    found = []
    for _ in range(2):
        async with server.fresh() as target:
            await demo.load(target, demo.Size.SMALL)
            found.append(await digest(target))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "size,products,partners,orders",
    [("small", 60, 40, 300), ("medium", 2_000, 1_000, 20_000), ("large", 20_000, 10_000, 200_000)],
)
def test_the_sizes_are_what_is_promised(size: str, products: int, partners: int, orders: int) -> None:
    scales = [company.scales[demo.Size(size)] for company in COMPANIES]
    assert [sum(column) for column in zip(*scales, strict=True)] == [products, partners, orders]
    assert sum(len(company.places) for company in COMPANIES) == 3


async def test_a_second_load_is_refused_and_changes_nothing(fresh: Target) -> None:
    await demo.load(fresh, demo.Size.SMALL)
    before = await digest(fresh)
    with pytest.raises(BadInput) as refusal:
        await demo.load(fresh, demo.Size.MEDIUM)
    assert str(refusal.value) == "The demo's tenants (larkspur and stonebridge) are there already: nothing was changed."
    assert await digest(fresh) == before


async def test_one_tenant_of_that_name_is_enough_to_refuse(fresh: Target) -> None:
    await tenants.create(fresh, "stonebridge", "USD")
    before = await digest(fresh)
    with pytest.raises(BadInput, match="are there already: nothing was changed"):
        await demo.load(fresh, demo.Size.SMALL)
    assert await digest(fresh) == before


async def test_it_loads_beside_other_tenants_and_leaves_them_alone(fresh: Target) -> None:
    await tenants.create(fresh, "acme", "USD")
    await demo.load(fresh, demo.Size.SMALL)
    assert [tenant.name for tenant in await tenants.every(fresh)] == ["acme", "larkspur", "stonebridge"]


async def test_a_fault_near_the_end_leaves_nothing_behind(fresh: Target) -> None:
    empty = await digest(fresh)

    def fail(stage: str, done: int, total: int) -> None:
        if stage == "stonebridge: stock":
            raise RuntimeError(stage)

    with pytest.raises(RuntimeError):
        await demo.load(fresh, demo.Size.SMALL, fail)
    assert await demo.is_empty(fresh)
    assert await digest(fresh) == empty


async def test_it_reports_how_far_it_is(fresh: Target) -> None:
    heard: list[tuple[str, int, int]] = []
    await demo.load(fresh, demo.Size.SMALL, lambda *progress: heard.append(progress))
    assert heard[:8] == [
        ("larkspur: orders", 0, 200),
        ("larkspur: orders", 200, 200),
        ("larkspur: stock", 0, 40),
        ("larkspur: stock", 40, 40),
        ("stonebridge: orders", 0, 100),
        ("stonebridge: orders", 100, 100),
        ("stonebridge: stock", 0, 20),
        ("stonebridge: stock", 20, 20),
    ]
    assert heard[8:] == [("statistics", done, 23) for done in range(24)]


async def test_each_tenant_reads_its_own_part(fresh: Target) -> None:
    await demo.load(fresh, demo.Size.SMALL)
    database = Database(fresh, size=1)
    await database.open()
    found = []
    for tenant in await tenants.every(fresh):
        reader = database.reader(tenant.id)
        found.append((tenant.name, (await reader.fetch("SELECT count(*) FROM orders"))[0][0]))
        await reader.close()
    await database.close()
    assert found == [("larkspur", 200), ("stonebridge", 100)]
