"""Reading connections that lie ready in a transaction: for whom, for how long, and what they keep of others: nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Unavailable
from core.ids import new_id
from db.runtime import connections
from db.runtime.engine import Database, Target, administration
from db.runtime.reader import Reader
from tests.support.http import eventually

WHO = """
SELECT current_setting('app.tenant_id') AS tenant, current_setting('app.partner_id', true) AS partner,
    current_user AS role, current_setting('transaction_read_only') AS read_only
"""
STATE = "SELECT state, backend_xmin, query FROM pg_stat_activity WHERE pid = $1"


@pytest.fixture
async def single(target: Target) -> AsyncIterator[Database]:
    """One connection to read on, so that everybody gets the same."""
    made = Database(target, size=1, acquire_timeout=0.5, statement_timeout_ms=300)
    await made.open()
    yield made
    await made.close()


async def who(reader: Reader) -> tuple[Any, ...]:
    [row] = await reader.fetch(WHO)
    return tuple(row.values())


async def pid(database: Database, tenant: UUID) -> int:
    """The process of the connection, which lies ready afterwards."""
    async with database.reader(tenant) as reader:
        [row] = await reader.fetch("SELECT pg_backend_pid() AS pid")
    return int(row["pid"])


async def test_the_next_request_of_a_tenant_sends_its_query_alone(
    single: Database, acme: UUID, globex: UUID, sent: list[str]
) -> None:
    for tenant, expected in [
        (acme, ["BEGIN;SET", "ROLLBACK;BEGIN;SET"]),
        (acme, ["ROLLBACK;BEGIN;SET"]),
        # Somebody else's transaction is ended first.
        (globex, ["ROLLBACK;BEGIN;SET", "ROLLBACK;BEGIN;SET"]),
        (globex, ["ROLLBACK;BEGIN;SET"]),
    ]:
        sent.clear()
        async with single.reader(tenant) as reader:
            assert (await who(reader))[0] == str(tenant)
        assert sent == expected
    assert single._reading.pool.get_size() == 1


@pytest.mark.parametrize("partners", [False, True])
@settings(max_examples=25)
@given(data=st.data())
async def test_nobody_reads_as_who_read_before(
    target: Target, acme: UUID, globex: UUID, *, partners: bool, data: st.DataObject
) -> None:
    """On one connection, however the requests before ended."""
    database = Database(target, size=1, statement_timeout_ms=100)
    await database.open()
    try:
        for _ in range(data.draw(st.integers(2, 6))):
            tenant = data.draw(st.sampled_from([acme, globex]))
            partner = data.draw(st.sampled_from([None, acme, globex])) if partners else None
            reader = database.reader(tenant, partner)
            tenant_seen, partner_seen, role, read_only = await who(reader)
            assert (tenant_seen, read_only) == (str(tenant), "on")
            assert (partner_seen or None) == (str(partner) if partner else None)
            assert role == ("erpgraph_app" if partner is None else "erpgraph_partner")
            await ended(reader, data.draw(st.sampled_from(["well", "by an error", "by its time", "cancelled"])))
    finally:
        await database.close()


async def ended(reader: Reader, way: str) -> None:
    """The end of a request, in one of the ways that there are."""
    if way == "by an error":
        with pytest.raises(asyncpg.DivisionByZeroError):
            await reader.fetch("SELECT 1 / 0")
    elif way == "by its time":
        with pytest.raises(Exception, match="took too long"):
            await reader.fetch("SELECT pg_sleep(5)")
    elif way == "cancelled":
        running = asyncio.create_task(reader.fetch("SELECT pg_sleep(5)"))
        await asyncio.sleep(0.005)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await reader.close()


async def test_what_lies_ready_sees_what_was_stored_since(single: Database, acme: UUID, admin: Any) -> None:
    """It has no snapshot, and so keeps nothing from being cleaned up; and no lock, so nobody waits for it."""
    count = "SELECT count(*) AS found FROM products"
    async with single.reader(acme) as reader:
        [before] = await reader.fetch(count)
    process = await pid(single, acme)
    async with administration(single.target, acme) as connection:
        await connection.execute(
            "INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, 'LATER', 'later')", acme, new_id()
        )
    state, xmin, query = await admin.fetchrow(STATE, process)
    assert (state, xmin) == ("idle in transaction", None)
    assert query.startswith("ROLLBACK;BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;SET LOCAL app.tenant_id")
    locks = "SELECT count(*) FROM pg_locks WHERE pid = $1 AND locktype <> 'virtualxid'"
    assert await admin.fetchval(locks, process) == 0
    async with single.reader(acme) as reader:
        [after] = await reader.fetch(count)
        [same] = await reader.fetch("SELECT pg_backend_pid() AS pid")
    assert (after["found"], same["pid"]) == (before["found"] + 1, process)


async def test_after_a_second_without_use_it_lies_idle(
    single: Database, acme: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READY_FOR", 0.1)
    process = await pid(single, acme)
    pool = single._reading.pool
    assert (pool.get_idle_size(), single._reading.free) == (0, 1)
    await eventually(lambda: pool.get_idle_size() == 1)
    async with pool.acquire() as connection:
        assert not connection.is_in_transaction()
        assert not await connection.fetchval("SELECT current_setting('app.tenant_id', true)")
    assert await pid(single, acme) == process


async def test_who_waits_gets_it_at_once(
    single: Database, acme: UUID, globex: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READY_FOR", 60)
    first = single.reader(acme)
    await who(first)
    second = single.reader(globex)
    waiting = asyncio.create_task(who(second))
    await asyncio.sleep(0.05)
    await first.close()
    assert (await waiting)[0] == str(globex)
    # What isn't a request's doesn't wait for it to be idle either, and is bound to nobody.
    await second.close()
    async with asyncio.timeout(20), single._reading.acquire() as connection:
        assert not connection.is_in_transaction()
    assert await single.revision() is not None


async def test_who_waits_in_vain_is_told(single: Database, acme: UUID, globex: UUID) -> None:
    first = single.reader(acme)
    await who(first)
    with pytest.raises(Unavailable):
        await who(single.reader(globex))
    await first.close()


@pytest.mark.parametrize("other", [False, True], ids=["the same tenant", "another"])
async def test_one_that_ended_while_it_lay_ready_isnt_used(
    single: Database, acme: UUID, globex: UUID, admin: Any, *, other: bool
) -> None:
    process = await pid(single, acme)
    [ready] = single._reading._ready
    await admin.execute("SELECT pg_terminate_backend($1)", process)
    await eventually(lambda: not connections._lives(ready))
    assert await pid(single, globex if other else acme) != process


async def test_one_that_lay_ready_while_the_process_was_stopped_isnt_used(
    single: Database, acme: UUID, monkeypatch: pytest.MonkeyPatch, sent: list[str]
) -> None:
    process = await pid(single, acme)
    sent.clear()
    monkeypatch.setattr(connections, "STALE", 0.0)
    assert await pid(single, acme) != process
    # Before 17 a new connection is sent its settings once more, how to plan among them.
    assert [each for each in sent if {*each.strip(";").split(";")} != {"SET"}] == ["BEGIN;SET", "ROLLBACK;BEGIN;SET"]


async def test_closing_doesnt_wait_for_what_lies_ready(target: Target, acme: UUID) -> None:
    database = Database(target, size=3)
    await database.open()
    readers = [database.reader(acme) for _ in range(3)]
    for reader in readers:
        await who(reader)
    for reader in readers:
        await reader.close()
    async with asyncio.timeout(20):
        await database.close()


async def test_a_statement_runs_on_one_core_unless_nobody_else_is_there(single: Database, acme: UUID) -> None:
    """Parallel workers of one tenant's statements stood before everybody's on the machine's cores."""
    async with single.reader(acme) as reader:
        costs = ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size")
        for name in (*costs, "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
            await reader.fetch(f"SELECT set_config('{name}', '0', true)")
        plan = await reader.fetch("EXPLAIN (ANALYZE, COSTS OFF) SELECT count(*) FROM pg_attribute")
    [planned, launched] = [line.strip() for [line] in plan if "Workers" in line]
    assert (planned, launched) == ("Workers Planned: 2", "Workers Launched: 0")
    async with single.reader(acme) as reader:
        reader.alone = True
        [most] = await reader.fetch("SELECT current_setting('max_parallel_workers') AS most")
    assert most["most"] == "8"
    async with single.reader(acme) as reader:
        [most] = await reader.fetch("SELECT current_setting('max_parallel_workers') AS most")
    assert most["most"] == "0"
