"""Ledgers by month (ADR 35): made of a table that is read and written, and the whole house works on them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.errors import BadInput
from core.ids import new_id
from db.admin import migrate
from db.admin.dump import dump
from db.admin.partitions import at, extend, month, partition
from db.admin.restore import restore
from db.runtime.engine import Target, administration
from db.tenancy import APP, OWNER, set_tenant
from services.platform import tenants
from services.verify import verify
from tests.support.postgres import TestServer

NOW = datetime.now(UTC)
MONTHS = [f"{month(NOW, later):%Y_%m}" for later in (2, 3)]
EVENT = """
    INSERT INTO events (tenant_id, id, type, subject_id, principal) VALUES ($1, $2, 'test.happened', $1, 'test')
"""
PARTS = "SELECT tableoid::regclass::text, count(*) FROM {} GROUP BY 1 ORDER BY 1"
KEPT = """
    SELECT array_agg(c.relname::text ORDER BY c.relname) FROM pg_class c
    WHERE c.relispartition AND c.relkind = 'r' AND c.relname !~ '_other$'
      AND (c.relname !~ '^stock_moves' OR EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = c.oid))
      AND 'autovacuum_vacuum_insert_scale_factor=0.01' = ANY(c.reloptions)
"""
GUARDED = """
    SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity, pg_get_userbyid(c.relowner)::text,
        (SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid),
        has_table_privilege('erpgraph_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE'),
        has_table_privilege('erpgraph_backup', c.oid, 'SELECT')
    FROM pg_class c WHERE c.relispartition AND c.relkind = 'r' ORDER BY 1
"""
REFERENCES = """
    SELECT conrelid::regclass::text, count(*) FROM pg_constraint
    WHERE contype = 'f' AND convalidated AND conrelid::regclass::text ~ '^(events|stock_moves)' GROUP BY 1 ORDER BY 1
"""


@pytest.fixture(scope="module")
async def parted(server: TestServer) -> AsyncIterator[Target]:
    """The demo's tables, partitioned while somebody writes. That writer's rows are counted by the first test."""
    async with server.with_demo() as target:
        yield target


@pytest.fixture
async def admin(parted: Target) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(parted.admin)
    yield connection
    await connection.close()


async def writing(target: Target, tenant: UUID, stop: asyncio.Event) -> int:
    """Events by the serving role, one transaction each, until told to stop; how many."""
    connection = await asyncpg.connect(target.serving, server_settings=target.settings())
    written = 0
    try:
        while not stop.is_set():
            async with connection.transaction():
                await connection.execute(set_tenant(tenant))
                await connection.execute(EVENT, tenant, new_id())
            written += 1
            await asyncio.sleep(0.002)
    finally:
        await connection.close()
    return written


async def test_a_table_is_partitioned_beside_a_writer_and_nothing_is_lost(parted: Target, admin: Any) -> None:
    tenant = await tenants.find(parted, "larkspur")
    moves = await admin.fetchval("SELECT count(*) FROM stock_moves")
    stop = asyncio.Event()
    writer = asyncio.create_task(writing(parted, tenant, stop))
    made = await partition(parted)
    stop.set()
    written = await writer
    assert made == [
        each for table in ("events", "stock_moves") for each in (f"{table}_before", *(f"{table}_{m}" for m in MONTHS))
    ]
    assert written > 0
    assert [tuple(row) for row in await admin.fetch(PARTS.format("events"))] == [("events_before", written)]
    assert [tuple(row) for row in await admin.fetch(PARTS.format("stock_moves"))] == [("stock_moves_before", moves)]
    assert await partition(parted) == []
    assert await extend(parted) == []
    assert await migrate.differences(parted) == []
    assert await verify(parted, tenant) == []


async def test_each_part_is_guarded_and_reached_by_the_whole_alone(admin: Any) -> None:
    names = [f"{table}_{part}" for table in ("events", "stock_moves") for part in (*MONTHS, "before", "other")]
    rows = [tuple(row) for row in await admin.fetch(GUARDED)]
    assert rows == [(name, True, OWNER, ["backup", "tenant"], False, True) for name in sorted(names)]
    # Vacuum in time and statistics as before.
    assert await admin.fetchval(KEPT) == sorted(name for name in names if not name.endswith("_other"))
    found = dict(await admin.fetch(REFERENCES))
    assert {found[name] for name in found if name.startswith("events")} == {1}
    assert {found[name] for name in found if name.startswith("stock_moves")} == {5}
    assert len(found) == len(names) + 2


async def test_tenants_are_apart_and_ledgers_only_grow(parted: Target) -> None:
    mine, theirs = [await tenants.find(parted, name) for name in ("larkspur", "stonebridge")]
    connection = await asyncpg.connect(parted.serving, server_settings=parted.settings())
    try:
        assert await connection.fetchval("SELECT current_user") == APP
        assert await connection.fetchval("SELECT count(*) FROM stock_moves") == 0
        async with connection.transaction():
            await connection.execute(set_tenant(mine))
            assert await connection.fetchval("SELECT array_agg(DISTINCT tenant_id) FROM stock_moves") == [mine]
        for statement in (
            f"INSERT INTO events (tenant_id, id, type, subject_id, principal) VALUES ('{theirs}', '{new_id()}', 'x', '{mine}', 'x')",
            "UPDATE stock_moves SET quantity = 1",
            "DELETE FROM events",
            "SELECT 1 FROM stock_moves_before",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(set_tenant(mine))
                    await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_month_takes_its_rows_and_those_that_came_too_early(parted: Target, admin: Any) -> None:
    tenant = await tenants.find(parted, "larkspur")
    coming, far = at(month(NOW, 2)), at(month(NOW, 5))
    async with administration(parted, tenant) as connection:
        for identity in (coming, UUID(int=far.int + 1)):
            await connection.execute(EVENT, tenant, identity)
    counts = dict(await admin.fetch(PARTS.format("events")))
    assert (counts[f"events_{MONTHS[0]}"], counts["events_other"]) == (1, 1)
    made = await extend(parted, month(NOW, 2))
    later = [f"{month(NOW, each):%Y_%m}" for each in (4, 5)]
    assert made == [f"{table}_{each}" for table in ("events", "stock_moves") for each in later]
    counts = dict(await admin.fetch(PARTS.format("events")))
    assert (counts[f"events_{later[1]}"], counts.get("events_other")) == (1, None)


async def test_a_bound_on_the_id_leaves_old_months_out(admin: Any) -> None:
    plan = "EXPLAIN SELECT id FROM events WHERE tenant_id = $1 AND id >= $2 AND id < $3"
    bounds = (at(month(NOW, 2)), at(month(NOW, 3)))
    text = "\n".join(row[0] for row in await admin.fetch(plan, uuid4(), *bounds))
    assert f"events_{MONTHS[0]}" in text
    assert "events_before" not in text


async def test_a_dump_of_it_is_restored_as_it_was(
    parted: Target, admin: Any, server: TestServer, tmp_path: Any
) -> None:
    everything = {table: await admin.fetchval(f"SELECT count(*) FROM {table}") for table in ("events", "stock_moves")}
    rows = [tuple(row) for row in await admin.fetch(GUARDED)]
    file = tmp_path / "parted.dump"
    await dump(parted, file, "test")
    async with server.fresh("template0") as empty:
        await restore(empty, file)
        connection = await asyncpg.connect(empty.admin)
        try:
            for table, count in everything.items():
                assert await connection.fetchval(f"SELECT count(*) FROM {table}") == count
            assert [tuple(row) for row in await connection.fetch(GUARDED)] == rows
        finally:
            await connection.close()
        assert await migrate.differences(empty) == []
        assert await partition(empty) == []


async def test_ids_of_no_month_are_refused_and_nothing_is_changed(fresh: Target) -> None:
    tenant = await tenants.create(fresh, "odd", "EUR")
    async with administration(fresh, tenant) as connection:
        await connection.execute(EVENT, tenant, UUID("f0000000-0000-4000-8000-000000000000"))
    with pytest.raises(BadInput, match="version 7"):
        await partition(fresh)
    admin = await asyncpg.connect(fresh.admin)
    try:
        assert await admin.fetchval("SELECT relkind::text FROM pg_class WHERE oid = 'events'::regclass") == "r"
        assert await admin.fetchval("SELECT count(*) FROM pg_constraint WHERE conname = 'ck_events_before'") == 0
        assert await migrate.differences(fresh) == []
        # What a killed attempt left would refuse rows one day.
        await admin.execute("ALTER TABLE events ADD CONSTRAINT ck_events_before CHECK (true) NOT VALID")
        assert await extend(fresh) == []
        assert await admin.fetchval("SELECT count(*) FROM pg_constraint WHERE conname = 'ck_events_before'") == 0
    finally:
        await admin.close()


def test_a_time_is_the_least_id_of_it() -> None:
    moment = datetime(2026, 12, 1, tzinfo=UTC)
    first = UUID("01a22ee6-b000-7000-8000-000000000000")
    assert first.int >> 80 == int(moment.timestamp() * 1000)
    assert at(moment) < first < at(month(moment, 1))
    assert UUID(int=first.int - (1 << 80)) < at(moment)
    assert [month(datetime(2026, 11, 27, tzinfo=UTC), later).isoformat()[:7] for later in (0, 1, 2, 14)] == [
        "2026-11",
        "2026-12",
        "2027-01",
        "2028-01",
    ]
