"""Threat 31: nothing of a tenant stays on a pooled connection for the next one, however a transaction ended.

The pools have one connection each, so that who comes next gets the very one, if it is still used at all.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core import ids
from core.errors import Timeout, Unavailable
from db.runtime.engine import Database
from db.runtime.reader import Reader
from db.runtime.writer import Writer
from db.tenancy import APP
from tests.security.stage import OWN, Stage
from tests.support.patience import PATIENCE

SLEEP = "SELECT pg_sleep(30) WHERE $1::uuid IS NOT NULL"
WRONG = "SELECT 1 / 0 WHERE $1::uuid IS NOT NULL"
SKUS = "SELECT sku FROM products WHERE tracking = 'NONE'"
LEFT = """SELECT nullif(current_setting('app.tenant_id', true), ''), nullif(current_setting('app.partner_id', true), ''),
    current_user::text, (SELECT count(*) FROM products), current_setting('transaction_isolation')"""
STEPS = 25
"""Turns of the event loop after which a transaction of one statement is over."""

Ending = Callable[[Database, UUID], Coroutine[Any, Any, None]]


@pytest.fixture
async def single(stage: Stage) -> AsyncIterator[Database]:
    """A database with one connection to read and one to write, whose statements end after a fifth of a second."""
    database = Database(stage.target, size=1, statement_timeout_ms=200)
    await database.open()
    yield database
    await database.close()


async def nothing_left(database: Database, stage: Stage) -> None:
    """Both connections are back and bound to nobody, and the next tenant reads and changes what is its own."""
    for connections, pool in ((database._reading, database._reading.pool), (database._writing, database._writing)):
        async with asyncio.timeout(PATIENCE), connections.acquire() as connection:
            assert not connection.is_in_transaction()
            assert tuple(await connection.fetchrow(LEFT)) == (None, None, APP, 0, "read committed")
        assert pool.get_size() == pool.get_idle_size() == 1
    async with database.reader(stage.reader.tenant) as reader:
        assert [row["sku"] for row in await reader.fetch(SKUS)] == [f"{OWN}-1"]
    async with database.transaction(stage.reader.tenant) as writer:
        changed = await writer.rows(
            "UPDATE products SET name = name WHERE $1::uuid IS NOT NULL AND tracking = 'NONE' RETURNING sku"
        )
        assert [row["sku"] for row in changed] == [f"{OWN}-1"]


# ---------------------------------------------------------------- ways to end


async def failed_query(database: Database, tenant: UUID) -> None:
    async with database.reader(tenant) as reader:
        assert len(await reader.fetch(SKUS)) == 2
        with pytest.raises(asyncpg.DivisionByZeroError):
            await reader.fetch(WRONG, tenant)


async def slow_query(database: Database, tenant: UUID) -> None:
    async with database.reader(tenant) as reader:
        with pytest.raises(Timeout):
            await reader.fetch(SLEEP, tenant)


async def cancelled_query(database: Database, tenant: UUID) -> None:
    async with database.reader(tenant) as reader:
        asked = asyncio.create_task(reader.fetch(SLEEP, tenant))
        await asyncio.sleep(0.05)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked


async def killed_query(database: Database, tenant: UUID) -> None:
    async with database.reader(tenant) as reader:
        [[pid]] = await reader.fetch("SELECT pg_backend_pid()")
        admin = await asyncpg.connect(database.target.admin)
        assert await admin.fetchval("SELECT pg_terminate_backend($1)", pid)
        await admin.close()
        with pytest.raises(Unavailable):
            await reader.fetch(SKUS)


async def failed_partners_query(database: Database, tenant: UUID) -> None:
    async with database.reader(tenant, ids.new_id()) as reader:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT 1 FROM stock_moves")


async def failed_command(database: Database, tenant: UUID) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.transaction(tenant) as writer:
            await writer.rows(WRONG)


async def refused_command(database: Database, tenant: UUID) -> None:
    with pytest.raises(LookupError):
        async with database.transaction(tenant) as writer:
            assert await writer.rows("UPDATE products SET name = name WHERE $1::uuid IS NOT NULL RETURNING 1")
            raise LookupError


async def slow_command(database: Database, tenant: UUID) -> None:
    with pytest.raises(asyncpg.QueryCanceledError):
        async with database.transaction(tenant) as writer:
            await writer.rows(SLEEP)


async def cancelled_command(database: Database, tenant: UUID) -> None:
    async def carry_out() -> None:
        async with database.transaction(tenant) as writer:
            await writer.rows(SLEEP)

    asked = asyncio.create_task(carry_out())
    await asyncio.sleep(0.05)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


ENDINGS: list[Ending] = [
    *(failed_query, slow_query, cancelled_query, killed_query, failed_partners_query),
    *(failed_command, refused_command, slow_command, cancelled_command),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
async def test_31_no_tenant_is_left_after_a(stage: Stage, single: Database, ending: Ending) -> None:
    await ending(single, stage.victim.tenant)
    await nothing_left(single, stage)


async def query(database: Database, tenant: UUID) -> None:
    async with database.reader(tenant) as reader:
        await reader.fetch(SKUS)


async def command(database: Database, tenant: UUID) -> None:
    async with database.transaction(tenant) as writer:
        await writer.rows("SELECT 1 WHERE $1::uuid IS NOT NULL")


@pytest.mark.parametrize("carry_out", [query, command], ids=["query", "command"])
async def test_31_no_tenant_is_left_wherever_a_request_is_cancelled(
    stage: Stage, single: Database, carry_out: Ending
) -> None:
    ends = set()
    for steps in range(STEPS):
        asked = asyncio.create_task(carry_out(single, stage.victim.tenant))
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError, Unavailable):
            await asked
        ends.add(asked.cancelled())
        await nothing_left(single, stage)
    assert True in ends


# ---------------------------------------------------------------- the checks see what they look for


@pytest.mark.parametrize("kind", [Reader, Writer])
async def test_a_tenant_that_is_left_is_found(
    stage: Stage, single: Database, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the session's setting in place of the transaction's."""
    monkeypatch.setattr(f"{kind.__module__}.set_tenant", session_setting)
    end: Any = query if kind is Reader else command
    await end(single, stage.victim.tenant)
    with pytest.raises(AssertionError):
        await nothing_left(single, stage)


def session_setting(tenant: UUID) -> str:
    return f"COMMIT; SET app.tenant_id = '{tenant}'; COMMIT; BEGIN"
