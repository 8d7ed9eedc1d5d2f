"""``erpgraph tenant erase``: nothing of the tenant is left, and nothing of the others is touched (issue 14, point 8)."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.errors import BadInput, Unavailable
from db.runtime.engine import Database, Target, administration
from services.platform import budgets, tenants
from services.platform import keys as api_keys
from services.platform.budgets import Bucket
from services.platform.transfer import erase as erasing
from services.platform.transfer import freeze as freezing
from services.platform.transfer import parts
from services.platform.transfer.erase import erase
from services.platform.transfer.export import export
from services.platform.transfer.load import load
from tests.support import estate
from tests.support.command import command, one_line


async def both(target: Target) -> tuple[UUID, UUID]:
    """A tenant to be erased, and one with the same rows that stays."""
    return await estate.settle(target, "goes"), await estate.settle(target, "stays")


async def test_nothing_is_left_of_it_and_the_other_is_as_it_was(fresh: Target) -> None:
    goes, stays = await both(fresh)
    there, other = await estate.rows(fresh, goes), await estate.rows(fresh, stays)
    assert {table for table, rows in there.items() if not rows} == set()
    erased = await erase(fresh, goes)
    assert erased == {table: len(rows) for table, rows in there.items()}
    assert await estate.rows(fresh, goes) == {table: [] for table in parts.every()}
    assert await estate.rows(fresh, stays) == other
    assert [row.name for row in await tenants.every(fresh)] == ["stays"]


async def test_no_column_of_the_database_has_its_id(fresh: Target) -> None:
    """By the catalogue, not by the models: no table that a module brought and the list forgot."""
    goes, _ = await both(fresh)
    await erase(fresh, goes)
    connection = await asyncpg.connect(fresh.admin)
    try:
        columns = await connection.fetch(
            "SELECT table_name::text AS name, column_name::text AS of FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'uuid'"
        )
        assert len(columns) > 30
        for column in columns:
            found = f'SELECT count(*) FROM "{column["name"]}" WHERE "{column["of"]}" = $1'
            assert await connection.fetchval(found, goes) == 0, column
    finally:
        await connection.close()


async def test_it_goes_in_portions_that_end(fresh: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction deletes more, so none holds locks for long: counted, not timed."""
    goes, _ = await both(fresh)
    there = {table: len(rows) for table, rows in (await estate.rows(fresh, goes)).items()}
    monkeypatch.setattr(erasing, "PORTION", 3)
    most: list[int] = []

    real = erasing._bound

    def counted(*given: Any) -> Any:
        most.append(1)
        return real(*given)

    monkeypatch.setattr(erasing, "_bound", counted)
    assert await erase(fresh, goes) == there
    portions = (  # a tree goes at once: its rows refer to one another
        1 if parts.refers_to_itself(table) else count // 3 + 1
        for table, count in there.items()
        if table not in {"tenants", "budgets"}
    )
    assert len(most) == sum(portions) + 1


async def test_interrupted_it_stays_frozen_and_goes_on(fresh: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    goes, stays = await both(fresh)
    other = await estate.rows(fresh, stays)
    real = erasing._empty

    async def interrupted(connection: Any, tenant: UUID, table: str) -> int:
        if table == "partners":
            raise asyncpg.ConnectionDoesNotExistError
        return await real(connection, tenant, table)

    monkeypatch.setattr(erasing, "_empty", interrupted)
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await erase(fresh, goes)
    left = await estate.rows(fresh, goes)
    assert left["partners"]
    assert left["orders"] == left["api_keys"] == []
    assert [row.name for row in await tenants.every(fresh) if row.frozen_at] == ["goes"]
    monkeypatch.setattr(erasing, "_empty", real)
    await erase(fresh, goes)
    assert await estate.rows(fresh, goes) == {table: [] for table in parts.every()}
    assert await estate.rows(fresh, stays) == other


async def test_a_writer_that_goes_on_keeps_all_of_it(fresh: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    goes, _ = await both(fresh)
    before = await estate.rows(fresh, goes)
    monkeypatch.setattr(erasing, "freeze", lambda target, tenant: freezing.freeze(target, tenant, wait_for=0.05))
    database = Database(fresh)
    await database.open()
    async with database.transaction(goes):
        with pytest.raises(Unavailable, match="has been writing"):
            await erase(fresh, goes)
    await database.close()
    assert await estate.rows(fresh, goes) == before


async def test_a_table_that_nobody_knows_keeps_it_from_beginning(fresh: Target) -> None:
    goes, _ = await both(fresh)
    async with administration(fresh) as owner:
        await owner.execute("CREATE TABLE notes (tenant_id uuid, text text)")
    before = await estate.rows(fresh, goes)
    with pytest.raises(BadInput, match="doesn't know notes"):
        await erase(fresh, goes)
    assert await estate.rows(fresh, goes) == before


async def test_a_process_that_still_knows_a_key_hears_that_it_can_be_tried_again(fresh: Target) -> None:
    """A lease of a budget makes its row, which nobody may hold for a tenant that isn't there."""
    goes, _ = await both(fresh)
    database = Database(fresh)
    await database.open()
    bucket = [Bucket("key:1", 100, 1)]
    await budgets.take(database, goes, bucket, 1, 10)
    await erase(fresh, goes)
    with pytest.raises(Unavailable):
        await budgets.take(database, goes, bucket, 1, 10)
    await database.close()


async def test_it_can_come_back_from_its_export(fresh: Target, tmp_path: Any) -> None:
    goes, _ = await both(fresh)
    before = await estate.rows(fresh, goes)
    await export(fresh, "goes", tmp_path / "x", "test")
    await erase(fresh, goes)
    await load(fresh, tmp_path / "x")
    assert await estate.rows(fresh, goes) == before | estate.LEFT
    assert await api_keys.create(fresh, goes, "not frozen")


def test_it_asks_before(fresh: Target) -> None:
    goes, _ = asyncio.run(both(fresh))
    before = asyncio.run(estate.rows(fresh, goes))
    assert command("tenant", "erase", "goes", DATABASE_URL=fresh.admin).code == 1  # nobody answers
    assert asyncio.run(estate.rows(fresh, goes)) == before
    done = command("tenant", "erase", "goes", "--yes", DATABASE_URL=fresh.admin)
    total = sum(map(len, before.values()))
    assert done == (0, "", f"Erased {total:,} rows of goes.\n")
    assert "no tenant named" in one_line(command("tenant", "erase", "goes", "--yes", DATABASE_URL=fresh.admin))
