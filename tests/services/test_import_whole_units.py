"""Files about products that are counted in whole pieces: what has parts of one is rejected, row by row."""

from pathlib import Path
from typing import Any

import pytest

from core.ids import new_id
from db.runtime.engine import Target, administration
from services.imports import import_orders
from services.imports.things_run import import_things
from services.platform import tenants
from tests.services.test_import_open_orders import MAPPING, STOCK
from tests.services.test_import_things import load

PRODUCTS = """
[columns]
sku = "Article"
unit = "Unit"
unit_decimals = "Decimals"
"""
ORDERS = """Order,Date,Cust,SKU,Qty,Price,State
1,2024-01-02,A,BOLT,1.5,5,open
2,2024-01-02,A,BOLT,2,5,open
3,2024-01-02,A,ROPE,1.5,5,open
4,2024-01-02,A,ROPE,1.25,5,open
5,2024-01-02,A,WIRE,1.125,5,open
6,2024-01-02,A,OIL,1.125,5,open
"""
FEW = "Article,Unit,Decimals\nBOLT,pcs,0\nROPE,m,1\nWIRE,m,2\nOIL,l,\n"


@pytest.fixture
async def stocked(target: Target, shop: str, tmp_path: Path) -> str:
    tenant = await tenants.find(target, shop)
    async with administration(target, tenant) as connection:
        warehouse = new_id()
        await connection.execute(
            "INSERT INTO warehouses (tenant_id, id, code, name) VALUES ($1, $2, 'MAIN', 'Main')", tenant, warehouse
        )
        await connection.execute(
            "INSERT INTO locations (tenant_id, id, warehouse_id, code, name) VALUES ($1, $2, $3, 'MAIN-01', 'Shelf')",
            *(tenant, new_id(), warehouse),
        )
    assert (await load(target, shop, "products", tmp_path, FEW, PRODUCTS)).imported == 4
    return shop


async def test_products_say_how_they_are_counted(target: Target, stocked: str, bound: Any, tmp_path: Path) -> None:
    rows = await bound.fetch("SELECT sku, unit_decimals FROM products ORDER BY sku")
    assert [*map(tuple, rows)] == [("BOLT", 0), ("OIL", 6), ("ROPE", 1), ("WIRE", 2)]
    again = "Article,Unit,Decimals\nBOLT,pcs,0\nROPE,m,2\nTUBE,m,7\nTAPE,m,x\n"
    summary = await load(target, stocked, "products", tmp_path, again, PRODUCTS)
    assert (summary.imported, summary.already_there, summary.rejected) == (
        *(0, 1),
        {"sku": 1, "number of decimals": 2},
    )


async def test_orders_and_counts_with_more_decimals_are_rejected(
    target: Target, stocked: str, bound: Any, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "orders.toml").write_text(MAPPING)
    summary = await import_orders(target, stocked, tmp_path / "orders.csv", tmp_path / "orders.toml")
    assert (summary.imported, summary.rejected) == (3, {"quantity": 3})
    said = (tmp_path / "orders.csv.rejected.csv").read_text()
    for why in (
        "BOLT is counted in whole pcs.",
        "ROPE is counted in m with at most 1 decimal.",
        "WIRE is counted in m with at most 2 decimals.",
    ):
        assert said.count(f"quantity: {why}") == 1
    assert await bound.fetchval("SELECT array_agg(number ORDER BY number) FROM orders") == ["2", "3", "6"]
    (tmp_path / "stock.csv").write_text("SKU,Qty\nBOLT,5\nROPE,5.25\nWIRE,5.25\n")
    (tmp_path / "stock.toml").write_text(STOCK)
    counted = await import_things(target, stocked, "stock", tmp_path / "stock.csv", tmp_path / "stock.toml")
    assert (counted.imported, counted.rejected) == (2, {"quantity": 1})
    assert "quantity: ROPE is counted in m with at most 1 decimal." in (tmp_path / "stock.csv.rejected.csv").read_text()
