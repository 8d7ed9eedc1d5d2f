"""Open orders from a file: confirmed ones reserve stock, and give it back when the import is undone."""

from pathlib import Path
from typing import Any

from core.ids import new_id
from db.runtime.engine import Target, administration
from services.imports import import_orders, record
from services.imports.things_run import import_things
from services.imports.undo import undo
from services.platform import tenants
from services.verify import verify

MAPPING = """
currency = "EUR"
[columns]
order = "Order"
sku = "SKU"
quantity = "Qty"
price = "Price"
date = "Date"
customer = "Cust"
[dates]
timezone = "UTC"
[status]
column = "State"
closed = ["done"]
confirmed = ["open"]
draft = ["draft"]
returned = ["back"]
"""
STOCK = 'location = "MAIN-01"\n[columns]\nsku = "SKU"\nquantity = "Qty"\n'
ORDERS = """Order,Date,Cust,SKU,Qty,Price,State
1,2024-01-02,A,S1,4,5,open
2,2024-01-01,A,S1,3,5,open
2,2024-01-01,A,S2,2,5,
3,2024-01-01,A,S1,9,5,draft
4,2024-01-01,A,S1,9,5,done
5,2024-01-01,A,S1,1,5,back
"""


async def test_open_orders_reserve_what_is_there(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
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
        for sku in ("S1", "S2"):
            await connection.execute(
                "INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, $3, $3)", tenant, new_id(), sku
            )
    for name, text in {
        "stock.csv": "SKU,Qty\nS1,5\n",
        "orders.csv": ORDERS,
        "stock.toml": STOCK,
        "orders.toml": MAPPING,
    }.items():
        (tmp_path / name).write_text(text)
    await import_things(target, shop, "stock", tmp_path / "stock.csv", tmp_path / "stock.toml")
    summary = await import_orders(target, shop, tmp_path / "orders.csv", tmp_path / "orders.toml")
    assert (summary.imported, summary.rejected) == (6, {})
    lines = (
        "SELECT o.number, o.status, p.sku, trim_scale(l.reserved)::text, trim_scale(l.shipped)::text, trim_scale(l.returned)::text"
        " FROM line_items l JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id ORDER BY 1, 3"
    )
    # The older order first; what is short waits.
    assert [tuple(row) for row in await bound.fetch(lines)] == [
        ("1", "CONFIRMED", "S1", "2", "0", "0"),
        ("2", "CONFIRMED", "S1", "3", "0", "0"),
        ("2", "CONFIRMED", "S2", "0", "0", "0"),
        ("3", "DRAFT", "S1", "0", "0", "0"),
        ("4", "CLOSED", "S1", "0", "9", "0"),
        ("5", "CLOSED", "S1", "0", "1", "1"),
    ]
    assert await verify(target, tenant) == []
    again = await import_orders(target, shop, tmp_path / "orders.csv", tmp_path / "orders.toml")
    assert (again.imported, again.already_there) == (0, 6)
    (imported,) = [each for each in await record.every(target, shop) if each.kind == "orders"]
    assert (await undo(target, shop, str(imported.id)))["orders"] == 5
    assert await bound.fetchval("SELECT count(*) FROM reservations") == 0
    assert await bound.fetchval("SELECT trim_scale(available)::text FROM stock_levels") == "5"
    assert await verify(target, tenant) == []
