"""An import whose process is killed: nothing of it is there, and the next run imports the file as if it were the first."""

import asyncio
import os
import random
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from db.runtime.engine import Target, administration
from services.imports import import_orders, record
from services.platform import tenants
from tests.support.command import ended, started
from tests.support.imports import TABLES, rejected
from tests.support.locks import locked, waiting

KILLS = int(os.environ.get("ERPGRAPH_FUZZ_KILLS", "0"))
"""``make fuzz`` kills so many imports at random moments."""

WRITTEN = (*TABLES, "imports", "import_records", "events", "commits")
MAPPING = """
currency = "EUR"
[columns]
order = "order"
line = "line"
customer = "customer"
sku = "sku"
quantity = "qty"
price = "price"
date = "date"
[dates]
timezone = "UTC"
[status]
column = "state"
closed = ["done"]
confirmed = ["open"]
"""
ROWS = 600
BAD = 7
"""Every so many orders have a row that can't be read."""


def write(folder: Path) -> tuple[Path, Path]:
    """A file of orders with three lines each, of which some are open and some broken."""
    rows = ["order,line,customer,sku,qty,price,date,state"]
    for at in range(ROWS):
        order = at // 3
        state, price = ("open" if order % 5 == 0 else "done"), ("x" if at % 3 == 1 and order % BAD == 0 else "2.50")
        rows.append(f"{order},{at},C{order % 11},S{at % 17},1,{price},2026-01-05,{state}")
    file, mapping = folder / "orders.csv", folder / "mapping.toml"
    file.write_text("\n".join(rows) + "\n", "utf-8")
    mapping.write_text(MAPPING, "utf-8")
    return file, mapping


async def stored(target: Target, tenant: UUID) -> dict[str, int]:
    async with administration(target, tenant) as connection:
        return {
            table: await connection.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant)
            for table in WRITTEN
        }


async def gone(admin: Any, pids: list[int]) -> None:
    """Until the server has noticed that these clients aren't there any more."""
    async with asyncio.timeout(60):
        while await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)", pids):  # noqa: ASYNC110 -- PostgreSQL tells nobody
            await asyncio.sleep(0.01)


async def imports_as_the_first(target: Target, tenant: UUID, shop: str, file: Path, mapping: Path) -> None:
    bad = len([order for order in range(ROWS // 3) if order % BAD == 0])
    summary = await import_orders(target, shop, file, mapping)
    assert (summary.read, summary.imported, summary.already_there) == (ROWS, ROWS - 3 * bad, 0)
    assert sum(summary.rejected.values()) == len(rejected(file.parent)) == 3 * bad
    after = await stored(target, tenant)
    assert (after["orders"], after["line_items"]) == (ROWS // 3 - bad, ROWS - 3 * bad)
    again = await import_orders(target, shop, file, mapping)
    assert (again.imported, again.already_there, sum(again.rejected.values())) == (0, ROWS - 3 * bad, 3 * bad)
    assert await stored(target, tenant) == after
    assert [(each.kind, each.counts["orders"]) for each in await record.every(target, shop)] == [
        ("orders", after["orders"])
    ]


@pytest.mark.parametrize("table", ["partners", "line_items", "commits"])
async def test_a_kill_leaves_nothing_half(target: Target, admin: Any, shop: str, tmp_path: Path, table: str) -> None:
    """Before the first record is stored, before the last ones are, and between the list's getting its name and the commit."""
    tenant = await tenants.find(target, shop)
    file, mapping = write(tmp_path)
    before = await stored(target, tenant)
    async with locked(target, table, "EXCLUSIVE") as holding:
        process = started(
            *("import", "orders", str(file), "--tenant", shop, "--mapping", str(mapping)), DATABASE_URL=target.admin
        )
        try:
            pids = await waiting(holding, table=table)
        finally:
            process.kill()
            code = ended(process).code
        assert code == -signal.SIGKILL
    await gone(admin, pids)
    assert await stored(target, tenant) == before
    # The list has its name just before the commit: it is whole, or not there.
    assert (tmp_path / "orders.csv.rejected.csv").exists() is (table == "commits")
    await imports_as_the_first(target, tenant, shop, file, mapping)


@pytest.mark.skipif(not KILLS, reason="make fuzz kills imports at random moments")
async def test_kills_at_random_moments(target: Target, admin: Any, tmp_path: Path) -> None:
    """All of the file is there or nothing, however late the kill came."""
    draw = random.Random(os.environ.get("ERPGRAPH_FUZZ_SEED", "0"))
    others = [row["pid"] for row in await admin.fetch("SELECT pid FROM pg_stat_activity")]
    clients = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> ALL($1)"
    nothing = whole = 0
    for number in range(KILLS):
        shop, folder = f"killed {number}", tmp_path / str(number)
        folder.mkdir()
        tenant = await tenants.create(target, shop, "EUR")
        file, mapping = write(folder)
        before = await stored(target, tenant)
        process = started(
            *("import", "orders", str(file), "--tenant", shop, "--mapping", str(mapping)), DATABASE_URL=target.admin
        )
        async with asyncio.timeout(60):
            while process.poll() is None and not await admin.fetch(clients, others):  # noqa: ASYNC110 -- PostgreSQL tells nobody
                await asyncio.sleep(0.001)
        await asyncio.sleep(draw.random() * 0.5)
        process.kill()
        ended(process)
        await gone(admin, [row["pid"] for row in await admin.fetch(clients, others)])
        found = await stored(target, tenant)
        if found == before:
            nothing += 1
            await imports_as_the_first(target, tenant, shop, file, mapping)
        else:
            whole += 1
            again = await import_orders(target, shop, file, mapping)
            assert (again.imported, found) == (0, await stored(target, tenant))
    assert nothing + whole == KILLS
    assert nothing
