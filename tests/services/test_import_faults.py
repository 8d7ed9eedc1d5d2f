"""Imports that meet something: files that are none, faults in the middle, others at the same time."""

import asyncio
import gzip
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.errors import BadInput, Unavailable
from db.runtime.engine import Target, administration
from services.imports import import_orders
from services.platform import tenants
from tests.support.imports import HEADER, MAPPING, counts, lines, run
from tests.support.patience import PATIENCE


@pytest.mark.parametrize(
    "content,says",
    [
        (
            b"order,sku\n1,2\n",
            "has no column 'qty', 'price', 'date', 'text', 'customer'. Its columns are 'order', 'sku'.",
        ),
        (HEADER.encode().replace(b"text", b"qty"), "has no column 'text'."),
        (HEADER.encode().replace(b",", b";"), """. That is one column: set file.delimiter = ";" if it ends"""),
        (HEADER.encode().replace(b",", b"\t"), """. That is one column: set file.delimiter = "\\t" if it ends"""),
        (HEADER.encode().replace(b"\n", b",qty\n"), "has more than one column 'qty'."),
        (b"", "The file is empty"),
        (
            HEADER.encode() + b"1,ann,A,Apple,1,2.00,2026-01-02\n1,\xff,A,Apple,1,2.00,2026-01-02\n",
            "is not written in utf-8",
        ),
        (gzip.compress(HEADER.encode() + b"1,ann,A,Apple,1,2.00,2026-01-02\n" * 50_000)[:-9], "is damaged"),
    ],
)
async def test_a_file_that_isn_t_one_stores_nothing(
    target: Target, globex: UUID, tmp_path: Path, content: bytes, says: str
) -> None:
    before = await counts(target, globex)
    (tmp_path / "orders.csv").write_bytes(content)
    (tmp_path / "mapping.toml").write_text(MAPPING)
    with pytest.raises(BadInput) as refused:
        await import_orders(target, "globex", tmp_path / "orders.csv", tmp_path / "mapping.toml")
    assert says in refused.value.message
    assert await counts(target, globex) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mapping.toml", "orders.csv"]


async def test_unknown_tenant_missing_file_unreachable_database(target: Target, shop: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no tenant named 'nobody'"):
        await run(target, "nobody", tmp_path, "1,ann,A,Apple,1,2.00,2026-01-05\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mapping.toml", "orders.csv"]
    with pytest.raises(BadInput, match=r"none\.csv can't be read: No such file or directory\."):
        await import_orders(target, shop, tmp_path / "none.csv", tmp_path / "mapping.toml")
    nowhere = Target.of(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(Unavailable, match=r"The database can't be reached\. Nothing was imported\."):
        await run(nowhere, shop, tmp_path, "1,ann,A,Apple,1,2.00,2026-01-05\n")


async def test_a_folder_that_can_t_be_written_is_told_first(
    target: Target, acme: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:  # root may write everywhere, so the refusal is played
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("services.imports.rejects.tempfile.mkstemp", refuse)
    before = await counts(target, acme)
    with pytest.raises(
        BadInput, match=r"orders\.csv\.rejected\.csv can't be written \(Permission denied\), and no row"
    ):
        await run(target, "acme", tmp_path, "1,ann,A,Apple,1,2.00,2026-01-05\n")
    assert await counts(target, acme) == before


@pytest.mark.parametrize("stage", ["bytes read", "checking", "storing"])
async def test_a_fault_in_the_middle_leaves_nothing(target: Target, acme: UUID, tmp_path: Path, stage: str) -> None:
    def crash(told: str, done: int, total: int) -> None:
        if told == stage and done == total:
            raise RuntimeError("a fault of ours")

    (tmp_path / "orders.csv").write_text(HEADER + "1,ann,A,Apple,1,2.00,2026-01-05\n2,ann,A,x,x,x,x\n")
    (tmp_path / "mapping.toml").write_text(MAPPING)
    before = await counts(target, acme)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        await import_orders(target, "acme", tmp_path / "orders.csv", tmp_path / "mapping.toml", crash)
    assert await counts(target, acme) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mapping.toml", "orders.csv"]


async def test_progress_is_told(target: Target, shop: str, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    await run(target, shop, tmp_path, "1,ann,A,Apple,1,2.00,2026-01-05\n")
    size = (tmp_path / "orders.csv").stat().st_size
    await import_orders(
        target, shop, tmp_path / "orders.csv", tmp_path / "mapping.toml", lambda *step: told.append(step)
    )
    assert told[-5:] == [
        ("bytes read", size, size),
        ("checking", 0, 1),
        ("checking", 1, 1),
        ("storing", 0, 1),
        ("storing", 1, 1),
    ]


async def test_imports_at_once_make_each_order_once(target: Target, shop: str, bound: Any, tmp_path: Path) -> None:
    rows = "".join(f"{n % 40},ann,S{n % 30},Thing,1,2.00,2026-01-05\n" for n in range(400))
    folders = [tmp_path / str(n) for n in range(4)]
    for folder in folders:
        folder.mkdir()
    found = await asyncio.gather(*(run(target, shop, folder, rows) for folder in folders))
    assert sorted(summary.stored.lines for summary in found) == [0, 0, 0, 400]
    assert sorted(summary.already_there for summary in found) == [0, 400, 400, 400]
    assert await bound.fetchval("SELECT count(*) FROM orders") == 40
    assert await bound.fetchval("SELECT count(*) FROM products") == 30


async def test_a_request_that_makes_the_same_records_meanwhile(
    target: Target, admin: Any, shop: str, tmp_path: Path
) -> None:
    """The import waits for the request, uses its customer and product, and leaves its order alone."""
    tenant = await tenants.find(target, shop)
    person, thing, order = (UUID(int=n) for n in (1, 2, 3))
    async with administration(target, tenant) as request:
        await request.execute(
            "INSERT INTO partners (tenant_id, id, code, name) VALUES ($1, $2, 'ann', 'Ann')", tenant, person
        )
        await request.execute(
            "INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, 'A', 'Mine')", tenant, thing
        )
        await request.execute(
            "INSERT INTO orders (tenant_id, id, number, customer_id, currency, placed_at)"
            " VALUES ($1, $2, '1', $3, 'EUR', now())",
            *(tenant, order, person),
        )
        rows = "1,ann,A,Apple,1,2.00,2026-01-05\n2,ann,A,Apple,3,2.00,2026-01-05\n"
        work = asyncio.create_task(run(target, shop, tmp_path, rows))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        async with asyncio.timeout(PATIENCE):
            while await admin.fetchval(waiting) == 0:  # noqa: ASYNC110 -- PostgreSQL tells nobody who waits
                await asyncio.sleep(0.01)
    summary = await work
    # The request's order has no lines yet: the file's row isn't there, and isn't called so.
    assert (summary.read, summary.stored.lines, summary.already_there, summary.rejected) == (2, 1, 0, {"order": 1})
    assert (summary.stored.orders, summary.stored.products, summary.stored.partners) == (1, 0, 0)
    async with administration(target, tenant) as connection:
        assert [line[:5] for line in await lines(connection)] == [("2", 1, "A", "Apple", "3")]
        assert await connection.fetchval("SELECT count(*) FROM orders WHERE customer_id = $1", person) == 2


async def test_it_runs_as_the_serving_role(target: Target, shop: str, tmp_path: Path) -> None:
    """Row-level security checks each row of an import: as an owner without it, it would find the table."""
    admin = await asyncpg.connect(target.admin)
    try:
        await admin.execute("REVOKE INSERT ON line_items FROM erpgraph_app")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="line_items"):
            await run(target, shop, tmp_path, "1,ann,A,Apple,1,2.00,2026-01-05\n")
    finally:
        await admin.execute("GRANT INSERT ON line_items TO erpgraph_app")
        await admin.close()
