"""``erpgraph tenant export``: everything, exactly, from one moment, and never half of it (issue 14, point 8)."""

import asyncio
import hashlib
import json
import signal
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.errors import BadInput, Unavailable
from db.admin import migrate
from db.models import metadata
from db.runtime.engine import Target, administration
from services.platform.transfer import parts, wire
from services.platform.transfer.export import export
from services.platform.transfer.manifest import Manifest
from tests.support import estate, locks
from tests.support.command import command, ended, one_line, started

CATALOGUE = """
SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
"""
NAME = "Bäckerei 東京"


def lines(folder: Path, table: str) -> list[dict[str, Any]]:
    text = (folder / f"{table}.jsonl").read_bytes()
    assert text.endswith(b"\n") or not text
    return [json.loads(line, parse_float=Decimal) for line in text.split(b"\n")[:-1]]


async def test_every_table_with_a_tenant_is_exported_or_says_why_not(admin: Any) -> None:
    """By the database's own catalogue. A new table is exported without a line of code; one that isn't needs a reason."""
    there = {row[0] for row in await admin.fetch(CATALOGUE)} | {"tenants"}
    exported = {part.table for part in parts.parts()}
    assert exported | parts.left_out().keys() == there
    assert not exported & parts.left_out().keys()
    sums = {"sales_folds", "sales_spans", "sales_cells"}
    hooks = {"webhooks", "webhook_turns", "webhook_deliveries"}
    assert parts.left_out().keys() == {"budgets", "commits", "relay_cursors"} | sums | hooks
    assert all(len(reason) > 10 for reason in parts.left_out().values())


async def test_every_column_is_exported_or_worked_out(admin: Any) -> None:
    """What stays behind is generated, or filled by a trigger, or says whose row it is, or what goes on in this database."""
    found = await admin.fetch(
        "SELECT table_name::text, column_name::text FROM information_schema.columns"
        " WHERE table_schema = 'public' AND is_generated = 'NEVER' AND table_name = ANY ($1::text[])",
        [part.table for part in parts.parts()],
    )
    exported = {(part.table, column) for part in parts.parts() for column in part.columns}
    left = {tuple(row) for row in found} - exported
    derived = {("purchase_orders", column) for column in ("number_key", "external_key", "search")}
    derived |= {("orders", "number_key"), ("orders", "external_key"), ("partners", "code_key"), ("products", "sku_key")}
    derived |= {(table, "name_key") for table in ("partners", "products")}
    derived |= {("tenants", "frozen_at"), ("tenants", "database")}
    derived |= {(table, "search") for table in ("orders", "partners", "products")}
    assert left == derived | {(part.table, "tenant_id") for part in parts.parts() if part.key == "tenant_id"}


def test_tables_come_after_those_that_they_refer_to() -> None:
    order = [part.table for part in parts.parts()]
    for table in metadata.tables.values():
        for key in table.foreign_keys:
            if table.name in order and key.column.table is not table:
                assert order.index(key.column.table.name) < order.index(table.name)


async def test_all_rows_are_there_as_they_are(source: Target, tenant: UUID, exported: Path) -> None:
    described = Manifest.model_validate_json((exported / "manifest.json").read_bytes())
    there = await estate.rows(source, tenant)
    assert described.counts == {part.table: len(there[part.table]) for part in parts.parts()}
    assert (described.tenant.id, described.tenant.name) == (tenant, NAME)
    assert (described.program, described.revision) == ("test", migrate.head())
    assert {path.name for path in exported.iterdir()} == {each.file for each in described.tables} | {"manifest.json"}
    for each in described.tables:
        content = (exported / each.file).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (each.bytes, each.sha256)
        assert len(lines(exported, each.table)) == each.rows


async def test_values_are_exact(source: Target, tenant: UUID, exported: Path) -> None:
    assert sorted(row["principal"] for row in lines(exported, "events") if row["principal"] != "tests") == sorted(
        estate.TEXTS
    )
    prices = {row["list_price"] for row in lines(exported, "products") if "list_price" in row}
    assert "99999999999999.999999" in prices
    assert [row["next"] for row in lines(exported, "number_series")] == ["9007199254740993"]
    assert [row["digest"] for row in lines(exported, "idempotency_keys")] == ["\\x00ff5c"]
    texts = (exported / "events.jsonl").read_text()
    assert '"n": 12345678901234567890.1000' in texts
    assert sum("after" in row and row["after"] is None for row in lines(exported, "events")) == 1
    assert "2026-03-01T12:00:00.000001+00:00" in {row["occurred_at"] for row in lines(exported, "events")}
    assert {"infinity", "-infinity"} < {row["expires_at"] for row in lines(exported, "api_keys")}


async def test_nobody_else_may_read_it(exported: Path) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in exported.iterdir()} == {0o600}


async def test_what_is_written_meanwhile_is_not_in_it(
    source: Target, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One moment: rows that come between the first table and the last one would have no parents."""
    real, before = wire.read, await estate.rows(source, tenant)

    async def read(connection: Any, part: parts.Part, *others: Any) -> wire.Written:
        if part.table == "events":
            async with administration(source, tenant) as writer:
                await writer.execute(
                    "UPDATE products SET name = 'changed' WHERE tenant_id = $1 AND sku = 'sK-00'", tenant
                )
        return await real(connection, part, *others)

    monkeypatch.setattr(wire, "read", read)
    await export(source, NAME, tmp_path / "x", "test")
    async with administration(source, tenant) as writer:
        await writer.execute("UPDATE products SET name = 'Lamp' WHERE tenant_id = $1 AND sku = 'sK-00'", tenant)
    assert "changed" not in (tmp_path / "x" / "products.jsonl").read_text()
    assert await estate.rows(source, tenant) == before


async def test_a_table_that_nobody_knows_is_not_forgotten(fresh: Target, tmp_path: Path) -> None:
    await estate.settle(fresh, "shop")
    async with administration(fresh) as owner:
        await owner.execute("CREATE TABLE notes (tenant_id uuid, text text)")
    with pytest.raises(BadInput, match="doesn't know notes, which has a column tenant_id"):
        await export(fresh, "shop", tmp_path / "x", "test")
    assert [*(tmp_path / "x").iterdir()] == []


async def test_a_folder_in_which_something_is_stays_as_it_is(source: Target, tenant: UUID, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(BadInput, match="isn't empty"):
        await export(source, NAME, tmp_path, "test")
    with pytest.raises(BadInput, match="can't be written"):
        await export(source, NAME, tmp_path / "no" / "such", "test")
    with pytest.raises(BadInput, match="can't be written"):
        await export(source, NAME, tmp_path / "kept", "test")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("kept", "kept")]


async def test_a_fault_leaves_an_empty_folder(
    source: Target, tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = wire.read

    async def read(connection: Any, part: parts.Part, *others: Any) -> wire.Written:
        if part.table == "orders":
            raise asyncpg.ConnectionDoesNotExistError
        return await real(connection, part, *others)

    monkeypatch.setattr(wire, "read", read)
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await export(source, NAME, tmp_path / "x", "test")
    assert [*(tmp_path / "x").iterdir()] == []


async def test_it_waits_for_no_migration(source: Target, tenant: UUID, admin: Any, tmp_path: Path) -> None:
    connection = await asyncpg.connect(source.admin)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", migrate.LOCK)
        with pytest.raises(Unavailable, match="A migration runs"):
            await export(source, NAME, tmp_path / "x", "test")
    finally:
        await connection.close()


def test_a_killed_export_has_no_manifest(source: Target, tenant: UUID, tmp_path: Path) -> None:
    """Killed where it can't clean up: a lock on a table that comes late holds it until then."""

    async def kill() -> None:
        async with locks.locked(source, "line_items") as connection:
            process = started("tenant", "export", NAME, str(tmp_path / "x"), DATABASE_URL=source.admin)
            await locks.waiting(connection, table="line_items")
            process.kill()
            assert ended(process).code == -signal.SIGKILL

    asyncio.run(kill())
    left = {path.name for path in (tmp_path / "x").iterdir()}
    assert "orders.jsonl" in left
    assert not any("manifest" in name for name in left)
    assert "manifest is written last" in one_line(
        command("tenant", "import", str(tmp_path / "x"), DATABASE_URL=source.admin)
    )
    assert "isn't empty" in one_line(command("tenant", "export", NAME, str(tmp_path / "x"), DATABASE_URL=source.admin))
