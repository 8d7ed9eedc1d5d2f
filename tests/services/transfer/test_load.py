"""``erpgraph tenant import``: the same tenant in another database, or nothing (issue 14, point 8)."""

import asyncio
import hashlib
import json
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from core import keys
from core.errors import BadInput, Unavailable
from db.runtime.engine import Target, administration
from services import demo
from services.platform import keys as api_keys
from services.platform import tenants
from services.platform.transfer import parts, wire
from services.platform.transfer.export import export
from services.platform.transfer.load import load
from tests.support import estate, locks, oddments
from tests.support.command import Ended, command, ended, one_line, started
from tests.support.postgres import TestServer

NAME = "Bäckerei 東京"


@pytest.fixture
async def elsewhere(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh() as made:
        yield made


async def contents(target: Target) -> dict[str, int]:
    """How many rows each table has, of all tenants."""
    connection = await asyncpg.connect(target.admin)
    try:
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in parts.every()}
    finally:
        await connection.close()


async def test_it_is_the_same_there(source: Target, tenant: UUID, exported: Path, fresh: Target) -> None:
    """Every value of every table, search columns and generated ones too; budgets alone begin anew."""
    neighbour = (await oddments.load(fresh, "other")).tenant
    others = await estate.rows(fresh, neighbour)
    described, name = await load(fresh, exported)
    expected = await estate.rows(source, tenant)
    assert expected.pop("budgets")
    assert await estate.rows(fresh, tenant) == expected | estate.LEFT
    assert await estate.rows(fresh, neighbour) == others
    assert (described.tenant.id, name) == (tenant, NAME)


async def test_what_is_exported_again_is_the_same_to_the_byte(exported: Path, fresh: Target, tmp_path: Path) -> None:
    await load(fresh, exported, "another name")
    assert [row.name for row in await tenants.every(fresh)] == ["another name"]
    again = await export(fresh, "another name", tmp_path / "x", "test")
    for each in again.tables:
        if each.table != "tenants":
            assert (tmp_path / "x" / each.file).read_bytes() == (exported / each.file).read_bytes()


async def test_in_pieces_it_is_the_same(
    source: Target, tenant: UUID, exported: Path, fresh: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PIECE", 300)
    await load(fresh, exported)
    assert await estate.rows(fresh, tenant) == await estate.rows(source, tenant) | estate.LEFT


async def test_keys_open_it_and_retries_are_known_there(fresh: Target, elsewhere: Target, tmp_path: Path) -> None:
    tenant = await estate.settle(fresh, "moves")
    key = await api_keys.create(fresh, tenant, "moves along")
    await export(fresh, "moves", tmp_path / "x", "test")
    await load(elsewhere, tmp_path / "x")
    parsed = keys.parse(key)
    assert parsed is not None
    async with administration(elsewhere, tenant) as connection:
        assert await connection.fetchval("SELECT name FROM api_keys WHERE hash = $1", parsed.hash) == "moves along"
        assert await connection.fetchval("SELECT answer FROM idempotency_keys WHERE key = 'retry'") == "{}"


@pytest.mark.parametrize("there", ["the tenant", "its name", "the new name"])
async def test_it_is_refused_where_it_or_its_name_is(exported: Path, fresh: Target, there: str) -> None:
    if there == "the tenant":
        await load(fresh, exported)
    else:
        await tenants.create(fresh, NAME if there == "its name" else "taken", "EUR")
    before = await contents(fresh)
    with pytest.raises(BadInput, match="already"):
        await load(fresh, exported, "free" if there == "the tenant" else None if there == "its name" else "taken")
    assert await contents(fresh) == before


def rewritten(folder: Path, table: str, change: Callable[[bytes], bytes]) -> None:
    """Change a file, and the manifest so that it fits: as somebody would who knows how."""
    path, manifest = folder / f"{table}.jsonl", folder / "manifest.json"
    content = change(path.read_bytes())
    path.write_bytes(content)
    said = json.loads(manifest.read_bytes())
    [described] = [each for each in said["tables"] if each["table"] == table]
    described |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "rows": content.count(b"\n")}
    manifest.write_text(json.dumps(said))


@pytest.mark.parametrize(
    "table,change,says",
    [
        ("orders", lambda text: text[: len(text) // 2], "can't be stored"),
        ("orders", lambda text: text + text.split(b"\n")[0] + b"\n", "duplicate key"),
        ("partners", lambda text: text[:0], "violates foreign key"),
        ("stock_levels", lambda text: text.replace(b'"on_hand":"', b'"on_hand":"-'), "violates check"),
        ("products", lambda text: text.replace(b'"sku":', b'"SKU":'), "violates not-null"),
        ("events", lambda text: text.replace(b"2026-03", b"2026-33"), "out of range"),
        # The end of what COPY reads, until PostgreSQL 18 made it a line like any other.
        ("events", lambda text: b"\\.\n" + text, "can't be stored|isn't what was exported"),
        ("events", lambda text: text.replace(b"}\n", b',"more":1}\n', 1), "isn't what was exported"),
        ("events", lambda text: text.replace(b"{", b'{"tenant_id":"00000000-0000-0000-0000-000000000000",', 1), "isn't what"),
        ("events", lambda text: b"\n".join(reversed(text.split(b"\n")[:-1])) + b"\n", "isn't what was exported"),
        ("tenants", lambda text: text.replace(b'"id":"', b'"id":"0', 1).replace(b"-", b"", 1), "isn't what|can't be stored"),
    ],
)  # fmt: skip
async def test_what_no_export_wrote_leaves_nothing(
    exported: Path, nowhere: Target, tmp_path: Path, table: str, change: Callable[[bytes], bytes], says: str
) -> None:
    folder = shutil.copytree(exported, tmp_path / "x")
    rewritten(folder, table, change)
    with pytest.raises((BadInput, Unavailable), match=says):
        await load(nowhere, folder)
    assert sum((await contents(nowhere)).values()) == 0


@pytest.mark.parametrize(
    "change,says",
    [
        ({"format": 2}, "isn't a manifest that this program can read: format"),
        ({"revision": "0001"}, "The export is of revision 0001"),
        ({"tables": []}, "doesn't describe one tenant's tables"),
        ({"tenant": {"id": "x", "name": "y"}}, "isn't a manifest"),
        ({"surplus": 1}, "isn't a manifest"),
    ],
)
async def test_a_manifest_that_does_not_fit_is_refused(
    exported: Path, nowhere: Target, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    folder = shutil.copytree(exported, tmp_path / "x")
    said = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(said | change))
    with pytest.raises(BadInput, match=says):
        await load(nowhere, folder)
    assert sum((await contents(nowhere)).values()) == 0


async def test_a_damaged_or_missing_file_is_refused(exported: Path, nowhere: Target, tmp_path: Path) -> None:
    folder = shutil.copytree(exported, tmp_path / "x")
    path = folder / "orders.jsonl"
    path.write_bytes(path.read_bytes().replace(b"N-001", b"N-002", 1))
    with pytest.raises(BadInput, match="is damaged"):
        await load(nowhere, folder)
    path.unlink()
    with pytest.raises(BadInput, match=r"orders\.jsonl can't be read"):
        await load(nowhere, folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(BadInput, match="written last"):
        await load(nowhere, folder)
    assert sum((await contents(nowhere)).values()) == 0


def test_as_an_operator_does_it(fresh: Target, elsewhere: Target, tmp_path: Path) -> None:
    """A company of the demo from one database to another, with clean books; then one whose books differ."""

    def run(target: Target, *arguments: str) -> Ended:
        return command("tenant", *arguments, DATABASE_URL=target.admin)

    async def spoil(tenant: UUID) -> None:
        async with administration(fresh, tenant) as owner:
            await owner.execute(
                "UPDATE orders SET subtotal = subtotal + 1 WHERE number = (SELECT max(number) FROM orders)"
            )

    asyncio.run(demo.load(fresh, demo.Size.SMALL))
    folder = str(tmp_path / "larkspur")
    done = run(fresh, "export", "larkspur", folder)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("Exported ")
    assert "personal data and the hashes of keys" in done.err
    assert "no tenant named" in one_line(run(fresh, "export", "no", str(tmp_path / "n")))
    done = run(elsewhere, "import", folder)
    assert (done.code, done.out, done.err.splitlines()[-1]) == (0, "", "larkspur: no differences")
    assert "is here already" in one_line(run(elsewhere, "import", folder, "--as", "other"))
    larkspur = asyncio.run(tenants.find(elsewhere, "larkspur"))
    assert asyncio.run(estate.rows(elsewhere, larkspur)) == asyncio.run(estate.rows(fresh, larkspur))

    asyncio.run(spoil(asyncio.run(tenants.find(fresh, "stonebridge"))))
    assert run(fresh, "export", "stonebridge", str(tmp_path / "s")).code == 0
    done = run(elsewhere, "import", str(tmp_path / "s"), "--as", "renamed")
    assert (done.code, done.err.splitlines()[-1]) == (1, "renamed: 1 difference")
    assert "An order's subtotal is the sum of its lines before tax." in done.out


def test_a_killed_import_leaves_nothing(exported: Path, server: TestServer) -> None:

    async def kill() -> None:
        async with server.fresh() as target:
            async with locks.locked(target, "line_items") as connection:
                process = started("tenant", "import", str(exported), DATABASE_URL=target.admin)
                await locks.waiting(connection, table="line_items")
                process.kill()
                assert ended(process).code == -signal.SIGKILL
            async with asyncio.timeout(60):
                busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                watch = await asyncpg.connect(target.admin)
                while await watch.fetchval(busy):
                    pass
                await watch.close()
            assert sum((await contents(target)).values()) == 0
            await load(target, exported)

    asyncio.run(kill())
