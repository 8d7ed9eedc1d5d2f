"""The connections that payloads are read on: their snapshots end with the next command, or soon, and nobody waits for that."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from db.runtime import connections, lent
from db.runtime.engine import Database, Target
from tests.support.http import eventually

WHO = (
    "SELECT current_setting('app.tenant_id') AS tenant, current_setting('transaction_read_only') AS read_only, $1::uuid"
)
PROCESS = "SELECT pg_backend_pid() WHERE $1::uuid IS NOT NULL"


@pytest.fixture
async def single(target: Target) -> AsyncIterator[Database]:
    """One connection to write on, so that everybody gets the same."""
    made = Database(target, size=1, acquire_timeout=0.5)
    await made.open()
    yield made
    await made.close()


async def command(database: Database, tenant: UUID) -> tuple[int, Any]:
    """A command whose payload is read: the process that it ran in, and what the tenant was. Its snapshot lies there afterwards."""
    reader = database.reader(tenant)
    async with database.transaction(tenant, payload=reader) as writer:
        [[process]] = await writer.rows(PROCESS)
        [(tenant_then, read_only, _)] = await writer.rows(WHO)
    assert read_only == "off"
    assert [tuple(row) for row in await reader.fetch("SELECT 1")] == [(1,)]
    await reader.close()
    return process, tenant_then


async def test_the_next_command_ends_what_was_read_in_the_message_that_begins_it(
    single: Database, acme: UUID, globex: UUID, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent, "ENDED_WITHIN", 60)
    first = await command(single, acme)
    sent.clear()
    second = await command(single, globex)
    assert sent == ["ROLLBACK;BEGIN;SET;SELECT", "SELECT;COMMIT;BEGIN;SET;SET"]
    assert first == (second[0], str(acme))
    assert second[1] == str(globex)
    assert single.pools()["writing"] == (1, 1, 0)


async def test_without_a_next_command_it_ends_soon(
    single: Database, acme: UUID, monkeypatch: pytest.MonkeyPatch, sent: list[str]
) -> None:
    monkeypatch.setattr(lent, "ENDED_WITHIN", 0.1)
    process, _ = await command(single, acme)
    assert single._writing.get_idle_size() == 0
    await eventually(lambda: single._writing.get_idle_size() == 1)
    assert sent[-1] == "ROLLBACK"
    async with single._writing.acquire() as connection:
        assert not connection.is_in_transaction()
        assert connection.get_server_pid() == process


async def test_who_waits_for_a_connection_gets_it_at_once(
    single: Database, acme: UUID, globex: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent, "ENDED_WITHIN", 60)
    reader = single.reader(acme)
    async with single.transaction(acme, payload=reader):
        pass
    waiting = asyncio.create_task(command(single, globex))
    await eventually(lambda: single._lent._waiting == 1)
    await reader.close()
    assert (await waiting)[1] == str(globex)


async def test_one_that_ended_while_it_lay_there_isnt_written_on(
    single: Database, acme: UUID, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent, "ENDED_WITHIN", 60)
    process, _ = await command(single, acme)
    [there] = single._lent._ready
    await admin.execute("SELECT pg_terminate_backend($1)", process)
    await eventually(lambda: not connections._lives(there))
    assert (await command(single, acme))[0] != process


async def test_one_that_lay_there_while_the_process_was_stopped_isnt_written_on(
    single: Database, acme: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent, "ENDED_WITHIN", 60)
    process, _ = await command(single, acme)
    monkeypatch.setattr(connections, "STALE", 0.0)
    assert (await command(single, acme))[0] != process


async def test_behind_a_pooler_of_transactions_it_ends_at_once(target: Target, acme: UUID, sent: list[str]) -> None:
    database = Database(target, size=1, pooler="transaction")
    await database.open()
    await command(database, acme)
    assert sent[-1] == "ROLLBACK"
    assert database._writing.get_idle_size() == 1
    await database.close()


async def test_what_lies_there_ends_with_the_process(
    target: Target, acme: UUID, monkeypatch: pytest.MonkeyPatch, sent: list[str]
) -> None:
    monkeypatch.setattr(lent, "ENDED_WITHIN", 60)
    database = Database(target, size=1)
    await database.open()
    await command(database, acme)
    async with asyncio.timeout(20):
        await database.close()
    assert sent[-1] == "ROLLBACK"
    assert database._writing.get_size() == 0
