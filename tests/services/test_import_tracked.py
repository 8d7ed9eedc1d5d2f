"""Files about products with lots and serial numbers: counted stock has none, and orders name whole pieces."""

from pathlib import Path
from typing import Any

from core.ids import new_id
from db.runtime.engine import Target, administration
from services.imports import import_orders
from services.imports.things_run import import_things
from services.platform import tenants
from services.verify import verify
from tests.services.test_import_open_orders import MAPPING, STOCK

ORDERS = """Order,Date,Cust,SKU,Qty,Price,State
1,2024-01-02,A,SCALE,1.5,5,open
2,2024-01-02,A,SCALE,2,5,open
3,2024-01-02,A,CHEESE,1.5,5,open
"""


async def test_a_file_counts_no_lots_and_orders_no_part_of_a_piece(
    target: Target, shop: str, bound: Any, tmp_path: Path
) -> None:
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
        for sku, tracking in (("PLAIN", "NONE"), ("CHEESE", "LOT"), ("SCALE", "SERIAL")):
            await connection.execute(
                "INSERT INTO products (tenant_id, id, sku, name, tracking) VALUES ($1, $2, $3, $3, $4)",
                *(tenant, new_id(), sku, tracking),
            )
    for name, text in {
        "stock.csv": "SKU,Qty\nPLAIN,5\nCHEESE,5\nSCALE,1\n",
        "orders.csv": ORDERS,
        "stock.toml": STOCK,
        "orders.toml": MAPPING,
    }.items():
        (tmp_path / name).write_text(text)
    counted = await import_things(target, shop, "stock", tmp_path / "stock.csv", tmp_path / "stock.toml")
    assert (counted.imported, counted.rejected) == (1, {"sku": 2})
    assert "CHEESE is tracked: count its lots by stockSet." in (tmp_path / "stock.csv.rejected.csv").read_text()
    summary = await import_orders(target, shop, tmp_path / "orders.csv", tmp_path / "orders.toml")
    assert (summary.imported, summary.rejected) == (2, {"quantity": 1})
    assert (
        "SCALE is tracked by serial numbers, so it comes and goes in whole pieces."
        in (tmp_path / "orders.csv.rejected.csv").read_text()
    )
    numbers = await bound.fetchval("SELECT array_agg(number ORDER BY number) FROM orders")
    assert numbers == ["2", "3"]
    assert await verify(target, tenant) == []
