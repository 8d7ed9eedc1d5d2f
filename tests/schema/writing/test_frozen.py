"""A frozen tenant is read and not changed, by nobody and from one moment on (issue 14, point 8)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.auth.api_keys import ApiKeys
from core.errors import BadInput, OutcomeUnknown, TenantFrozen, Unavailable
from core.ids import new_id
from db.runtime import writer as writers
from db.runtime.engine import administration
from services.platform import keys, tenants
from services.platform.transfer.freeze import freeze, unfreeze
from tests.schema.writing.test_retries import examples
from tests.support import imports
from tests.support.clerk import PAYLOADS, Clerk
from tests.support.desk import Desk


@pytest.fixture(scope="module")
async def frozen(desk: Desk) -> AsyncIterator[tuple[Clerk, dict[str, dict[str, Any]]]]:
    """A company that was frozen in the middle of its work, and an input for each mutation."""
    clerk = await desk.open()
    inputs = await examples(clerk)
    assert await freeze(desk.target, clerk.tenant)
    yield clerk, inputs
    await unfreeze(desk.target, clerk.tenant)
    assert await clerk.differences() == []


@pytest.mark.parametrize("key", [{}, {"idempotencyKey": "frozen"}], ids=["", "keyed"])
@pytest.mark.parametrize("field", PAYLOADS)
async def test_every_mutation_is_refused_and_changes_nothing(
    frozen: tuple[Clerk, dict[str, Any]], field: str, key: dict[str, str]
) -> None:
    clerk, inputs = frozen
    before = await clerk.digest()
    answer = await clerk.send(field, inputs[field] | key)
    [error] = answer.errors
    assert isinstance(error.original_error, TenantFrozen)
    assert "can be read, and not changed. Nothing was done" in error.message
    assert await clerk.digest() == before


async def test_reading_goes_on(frozen: tuple[Clerk, dict[str, Any]]) -> None:
    clerk, _ = frozen
    found = await clerk.ask("{ orders(first: 3) { nodes { number lineItems { nodes { position } } } } }")
    assert not found.errors
    assert len(found.data["orders"]["nodes"]) == 3


async def test_others_write_meanwhile(frozen: tuple[Clerk, dict[str, Any]], shop: Clerk) -> None:
    assert await shop.product({"SHELF": "1"})


async def test_what_was_refused_is_carried_out_after_the_thaw(desk: Desk) -> None:
    """Neither the refusal nor anything else is kept under the command's key."""
    clerk = await desk.open()
    given = {"code": "NEW", "name": "New", "idempotencyKey": "again"}
    await freeze(desk.target, clerk.tenant)
    assert (await clerk.send("partnerUpsert", given)).errors
    assert await unfreeze(desk.target, clerk.tenant)
    assert (await clerk.do("partnerUpsert", given))["code"] == "NEW"
    assert not await unfreeze(desk.target, clerk.tenant)


async def test_writers_that_began_before_are_waited_for(desk: Desk) -> None:
    """Its flag is seen at once; it returns when the last of them has ended, and what that one stored is there."""
    clerk = await desk.open()
    async with desk.database.transaction(clerk.tenant) as writer:
        freezing = asyncio.create_task(freeze(desk.target, clerk.tenant))
        while await desk.admin.fetchval("SELECT frozen_at FROM tenants WHERE id = $1", clerk.tenant) is None:  # noqa: ASYNC110 - another process's doing has no event
            await asyncio.sleep(0)
        assert (await clerk.send("partnerUpsert", {"code": "LATE", "name": "Late"})).errors
        assert not freezing.done()
        # The first one goes on: with rows whose foreign keys lock the tenant, and with what it stores aside.
        await writer.rows(
            "INSERT INTO partners (tenant_id, id, code, name) VALUES ($1, $2, 'FIRST', 'First')", new_id()
        )
        async with desk.database.transaction(clerk.tenant, aside=True) as beside:
            await beside.rows(
                "INSERT INTO number_series (tenant_id, id, name, next) VALUES ($1, $2, 'first', 1)", new_id()
            )
        assert not freezing.done()
    assert await freezing
    codes = await desk.admin.fetch("SELECT code FROM partners WHERE tenant_id = $1 ORDER BY code", clerk.tenant)
    assert [row["code"] for row in codes] == ["C1", "FIRST"]


async def test_no_write_of_many_gets_past_it(desk: Desk) -> None:
    """Eight writers that never pause: from the freeze's return on nothing changes, and all that was answered is there."""
    clerk = await desk.open()
    stored: list[str] = []
    numbers = iter(range(10_000))

    async def write() -> None:
        while True:
            code = f"N{next(numbers)}"
            answer = await clerk.send("partnerUpsert", {"code": code, "name": code})
            if answer.errors:
                assert isinstance(answer.errors[0].original_error, TenantFrozen)
                return
            stored.append(code)

    writing = [asyncio.create_task(write()) for _ in range(8)]
    while len(stored) < 20:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0)
    await freeze(desk.target, clerk.tenant)
    frozen = await clerk.digest()
    await asyncio.gather(*writing)
    assert await clerk.digest() == frozen
    codes = await desk.admin.fetch("SELECT code FROM partners WHERE tenant_id = $1 AND code LIKE 'N%'", clerk.tenant)
    assert {row["code"] for row in codes} == set(stored)


async def test_a_writer_that_does_not_end_keeps_it_from_freezing(desk: Desk) -> None:
    clerk = await desk.open()
    async with desk.database.transaction(clerk.tenant):
        with pytest.raises(Unavailable, match="has been writing for this tenant for"):
            await freeze(desk.target, clerk.tenant, wait_for=0.05)
    assert (await clerk.do("partnerUpsert", {"code": "STILL", "name": "Still"}))["code"] == "STILL"


async def test_one_that_was_frozen_stays_so_whatever_a_second_freeze_meets(desk: Desk) -> None:
    clerk = await desk.open()
    assert await freeze(desk.target, clerk.tenant)
    assert not await freeze(desk.target, clerk.tenant)
    assert (await clerk.send("partnerUpsert", {"code": "NO", "name": "No"})).errors
    with pytest.raises(BadInput, match="no such tenant"):
        await freeze(desk.target, new_id())


async def test_nothing_was_done_is_not_said_of_an_attempt_in_doubt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit got no answer, and the retry met the freeze: whether it is stored isn't known."""
    clerk = await desk.open()

    async def lost(self: writers.Writer, then: str = "") -> None:
        await self._connection.execute("COMMIT")
        await freeze(desk.target, clerk.tenant)
        raise OutcomeUnknown("lost")

    monkeypatch.setattr(writers.Writer, "commit", lost)
    answer = await clerk.send("partnerUpsert", {"code": "MAYBE", "name": "Maybe", "idempotencyKey": "doubt"})
    [error] = answer.errors
    assert isinstance(error.original_error, OutcomeUnknown)
    assert "whether this was stored is not known" in error.message


async def test_keys_and_imports_wait_as_well(desk: Desk, tmp_path: Path) -> None:
    clerk = await desk.open()
    name = await desk.admin.fetchval("SELECT name FROM tenants WHERE id = $1", clerk.tenant)
    key = await keys.create(desk.target, clerk.tenant, "there")
    await freeze(desk.target, clerk.tenant)
    before = await clerk.digest()
    with pytest.raises(TenantFrozen):
        await keys.create(desk.target, clerk.tenant, "new")
    with pytest.raises(TenantFrozen):
        await imports.run(desk.target, name, tmp_path, "1,C1,A,Lamp,1,1,2026-01-01\n")
    # A key that is there goes on reading, and its use isn't noted.
    found = ApiKeys(desk.database)
    assert (await found.find(key)).principal.tenant == clerk.tenant
    await asyncio.gather(*found._noting)
    assert [each.last_used_at for each in await keys.every(desk.target, clerk.tenant)] == [None]
    assert await clerk.digest() == before
    assert [each.frozen_at is not None for each in await tenants.every(desk.target) if each.id == clerk.tenant] == [
        True
    ]


async def test_the_check_costs_no_message_and_holds_up_nobody(desk: Desk) -> None:
    """One message begins a transaction, as before; and whoever changes a tenant's settings doesn't wait for its writers."""
    clerk = await desk.open()
    sent: list[str] = []
    async with desk.database._writing.acquire() as connection:
        connection.add_query_logger(lambda query: sent.append(query.query))
        writer = writers.Writer(connection, clerk.tenant)
        await writer.begin()
        async with administration(desk.target) as owner:
            await owner.execute("SET LOCAL lock_timeout = '1s'")
            await owner.execute("UPDATE tenants SET timezone = 'UTC' WHERE id = $1", clerk.tenant)
        await writer.abandon()
    assert len(sent) == 2
    assert sent[1] == "ROLLBACK"
