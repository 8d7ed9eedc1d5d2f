"""The database of ``bench_write``: a new one each time, with goods enough, and what orders leave in it."""

import contextlib
import os
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg

from core.ids import new_id
from db.admin import embedded, migrate
from db.runtime import bulk
from db.runtime.engine import Target, administration
from db.tenancy import APP
from services.platform import tenants
from tests.bench.write_work import CURRENCY, CUSTOMER, PRODUCTS, QUANTITY, sku

ON_HAND = 1_000_000_000

OF_ORDER = {
    "orders": "id = $2",
    "line_items": "order_id = $2",
    "reservations": "line_item_id IN (SELECT id FROM line_items WHERE tenant_id = $1 AND order_id = $2)",
    "events": "subject_id = $2",
    "idempotency_keys": "answer @> jsonb_build_object('references', jsonb_build_object('order_id', $2::uuid))",
}
"""The tables that an order leaves rows in, and which rows those are."""

EVENTS = 2
"""Rows that an order leaves in events, however many lines it has."""

ITS_OWN = {"number", "number_key", "key", "digest"}
"""What two orders can't have in common, besides ids and times."""


@contextlib.asynccontextmanager
async def database(server: embedded.Server) -> AsyncIterator[tuple[Target, UUID]]:
    """A migrated database with a tenant and its goods, dropped at the end."""
    name = f"bench_write_{os.getpid()}"
    target = Target(server.url(name), server.url(name, user=APP))
    admin = await asyncpg.connect(server.url("postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        await migrate.upgrade(target)
        await migrate.mark_leakproof(target)
        yield target, await _fill(target)
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


async def _fill(target: Target) -> UUID:
    tenant = await tenants.create(target, "bench", CURRENCY)
    warehouse, shelf, supplier = new_id(), new_id(), new_id()
    products = [new_id() for _ in range(PRODUCTS)]
    rows: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "partners": ("id code name", [(new_id(), CUSTOMER, "Bench")]),
        "warehouses": ("id code name", [(warehouse, "MAIN", "Main")]),
        "locations": (
            "id warehouse_id code name kind",
            [(shelf, warehouse, "SHELF", "Shelf", "INTERNAL"), (supplier, None, "SUPPLIERS", "Suppliers", "SUPPLIER")],
        ),
        "products": (
            "id sku name list_price list_price_currency",
            [(each, sku(n), f"Product {n}", f"{n % 97 + 1}.90", CURRENCY) for n, each in enumerate(products)],
        ),
        "stock_moves": (
            "id product_id source_id destination_id quantity reason principal",
            [(new_id(), each, supplier, shelf, ON_HAND, "opening", "bench") for each in products],
        ),
        "stock_levels": (
            "id product_id location_id on_hand",
            [(new_id(), each, shelf, ON_HAND) for each in products],
        ),
    }
    async with administration(target, tenant) as connection:
        for table, (columns, values) in rows.items():
            of_tenant = [(tenant, *each) for each in values]
            await bulk.insert(connection, table, ["tenant_id", *columns.split()], of_tenant)
    connection = await asyncpg.connect(target.admin)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()
    return tenant


async def counted(connection: Any) -> dict[str, int]:
    """The rows of each table that orders leave rows in, and how much of all products is reserved."""
    tables = [*OF_ORDER, "stock_levels", "stock_moves"]
    counts = ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in tables)
    row = await connection.fetchrow(f"SELECT {counts}, (SELECT sum(reserved) FROM stock_levels)::bigint AS held")
    return dict(row)


def check(before: dict[str, int], after: dict[str, int], lines: int, orders: int) -> None:
    """Raise ``RuntimeError`` unless each of the orders left exactly the rows of one with so many lines: none was
    refused, and none done twice.
    """
    each = {"orders": 1, "line_items": lines, "reservations": lines, "events": EVENTS, "idempotency_keys": 1}
    each |= {"stock_levels": 0, "stock_moves": 0, "held": lines * QUANTITY}
    left = {name: after[name] - before[name] for name in after}
    expected = {name: count * orders for name, count in each.items()}
    if left != expected:
        raise RuntimeError(f"{orders} orders left {left}, and should have left {expected}")


async def rows_of(connection: Any, tenant: UUID, order: UUID) -> dict[str, list[str]]:
    """All rows of an order as text, without what two orders can't have in common."""
    found = {}
    made = [order]
    for table, which in OF_ORDER.items():
        rows = await connection.fetch(
            f"SELECT id, (to_jsonb(t) - $3::text[])::text AS row FROM {table} t WHERE tenant_id = $1 AND {which} ORDER BY id",
            tenant,
            order,
            [*ITS_OWN, "search"],
        )
        made += [row["id"] for row in rows]
        found[table] = [row["row"] for row in rows]
    return {table: [_without(row, made) for row in rows] for table, rows in found.items()}


def _without(row: str, made: list[UUID]) -> str:
    for number, each in enumerate(made):
        row = row.replace(str(each), f"#{number}").replace(each.hex, f"#{number}")
    # Where the command stands in the log of commits: of the floor's there is none.
    row = re.sub(r'"commit": "[^"]*", ', "", row)
    row = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:\d\d)", "time", row)
    return re.sub(r"(SO|FL)-\d{4}-\d+", "number", row)
