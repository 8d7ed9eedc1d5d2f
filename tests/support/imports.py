"""Importing small files, and looking at what came of it."""

import csv
from pathlib import Path
from typing import Any
from uuid import UUID

from db.runtime.engine import Target, administration
from services.imports import Summary, import_orders

TABLES = ("partners", "products", "orders", "line_items", "stock_levels", "stock_moves", "reservations")
MAPPING = """
currency = "EUR"
[columns]
order = "order"
customer = "customer"
sku = "sku"
description = "text"
quantity = "qty"
price = "price"
date = "date"
[dates]
timezone = "UTC"
"""
HEADER = "order,customer,sku,text,qty,price,date\n"


async def run(target: Target, tenant: str, folder: Path, rows: str, mapping: str = MAPPING) -> Summary:
    """Import ``orders.csv`` with these rows below the usual header."""
    (folder / "orders.csv").write_text(HEADER + rows, "utf-8", newline="")
    (folder / "mapping.toml").write_text(mapping, "utf-8")
    return await import_orders(target, tenant, folder / "orders.csv", folder / "mapping.toml")


def rejected(folder: Path, name: str = "orders.csv") -> list[list[str]]:
    """The rejected rows, without the header."""
    with (folder / f"{name}.rejected.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))[1:]


async def counts(target: Target, tenant: UUID) -> dict[str, int]:
    async with administration(target, tenant) as connection:
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}


async def lines(connection: Any) -> list[tuple[Any, ...]]:
    """Order, position, sku, description, quantity, price, total, shipped."""
    rows = await connection.fetch(
        "SELECT o.number, l.position, p.sku, l.description, trim_scale(l.quantity)::text, trim_scale(l.unit_price)::text,"
        " trim_scale(l.total)::text, trim_scale(l.shipped)::text FROM line_items l"
        " JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id ORDER BY o.number, l.position"
    )
    return [tuple(row) for row in rows]


async def orders(connection: Any) -> list[tuple[Any, ...]]:
    """Number, status, customer's code, currency, total, and when it was placed, in UTC."""
    rows = await connection.fetch(
        "SELECT o.number, o.status, c.code, o.currency, trim_scale(o.total)::text,"
        " to_char(o.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM orders o"
        " JOIN partners c ON c.id = o.customer_id ORDER BY o.number"
    )
    return [tuple(row) for row in rows]


async def torn_totals(connection: Any) -> list[str]:
    """Numbers of orders whose total isn't their lines' sum: returns were a part of it once, and so stood here as the right result."""
    rows = await connection.fetch(
        "SELECT o.number FROM orders o LEFT JOIN line_items l ON l.order_id = o.id"
        " GROUP BY o.id, o.number, o.total HAVING o.total IS DISTINCT FROM coalesce(sum(l.total), 0)"
    )
    return [row["number"] for row in rows]


async def partners(connection: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch("SELECT code, name, country FROM partners ORDER BY code")]


async def products(connection: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch("SELECT sku, name, list_price FROM products ORDER BY sku")]
