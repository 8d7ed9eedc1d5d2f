"""Queries that take too long, and clients that leave: the statement ends in the database, too (docs/security.md, cases 23 and 41)."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from app.asgi import create_app
from app.settings import load
from db.runtime.engine import Database
from tests.support.demo_site import Site
from tests.support.http import Wire, eventually, post, serving, told
from tests.support.locks import locked, waiting
from tests.support.patience import PATIENCE

PAGE = {"query": "{ orders(first: 20) { nodes { number lineItems { nodes { product { sku stock { onHand } } } } } } }"}
COMMAND = "mutation {{ {} }}"
UPSERT = 'p{0}: productUpsert(input: {{sku: "LATE-{0}", name: "x"}}) {{ product {{ sku }} userErrors {{ code }} }}'
LEFT_OVER = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'erpgraph' AND state <> 'idle'"
LATE = "SELECT count(*) FROM products WHERE starts_with(sku, 'LATE-')"


@pytest.fixture
async def database(site: Site) -> AsyncIterator[Database]:
    made = Database(site.target, size=4)
    await made.open()
    yield made
    await made.close()


async def idle(database: Database, connection: Any) -> None:
    """Wait until every connection is back, out of its transaction, without a tenant."""
    pool = database._reading.pool
    await eventually(lambda: pool.get_idle_size() == pool.get_size())
    async with asyncio.timeout(PATIENCE):
        while await connection.fetchval(LEFT_OVER):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)
    for _ in range(pool.get_size()):
        async with pool.acquire() as each:
            assert not each.is_in_transaction()
            assert not await each.fetchval("SELECT current_setting('app.tenant_id', true)")


async def test_23_a_query_that_takes_too_long_is_stopped(site: Site, database: Database) -> None:
    async with site.client(database=database, limit_seconds=0.3) as client, locked(site.target) as holder:
        before = asyncio.get_running_loop().time()
        answer = await client.post("/graphql", json=PAGE)
        took = asyncio.get_running_loop().time() - before
        assert told(answer) == (503, "TIMEOUT")
        assert answer.json()["errors"][0]["message"] == "This took longer than 0.3 seconds and was stopped."
        assert answer.headers["retry-after"] == "2"
        assert 0.3 <= took < 4
        await waiting(holder, 0)
    await idle(database, connection := await asyncpg.connect(site.target.admin))
    await connection.close()
    async with site.client(database=database) as client:
        assert (await client.post("/graphql", json=PAGE)).status_code == 200


async def test_41_a_client_that_leaves_takes_its_statement_along(site: Site, database: Database) -> None:
    async with serving(create_app(load(), database)) as port:
        async with locked(site.target) as holder, Wire(port) as wire:
            wire.send(post(site.key, PAGE))
            await waiting(holder, 1)
            wire.vanish()
            # The lock is still held: nothing but the client's leaving can have ended the wait.
            await waiting(holder, 0)
        async with site.admin() as connection:
            await idle(database, connection)


async def test_41_a_command_is_carried_out_though_its_client_left(site: Site, database: Database) -> None:
    query = COMMAND.format(UPSERT.format("LEFT"))
    async with serving(create_app(load(), database)) as port, site.admin() as connection:
        async with locked(site.target, "products") as holder:
            async with Wire(port) as wire:
                wire.send(post(site.key, {"query": query}))
                await waiting(holder, 1, "products")
                wire.vanish()
            await asyncio.sleep(0.1)
            await waiting(holder, 1, "products")
        async with asyncio.timeout(PATIENCE):
            while await connection.fetchval(LATE) == 0:  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.01)
        await connection.execute("DELETE FROM products WHERE starts_with(sku, 'LATE-')")


async def test_no_command_begins_after_the_requests_time(site: Site, database: Database) -> None:
    query = COMMAND.format(" ".join(UPSERT.format(number) for number in range(3)))
    async with site.client(database=database, limit_seconds=0.2) as client, site.admin() as connection:
        async with locked(site.target, "products") as holder:
            asked = asyncio.create_task(client.post("/graphql", json={"query": query}))
            await waiting(holder, 1, "products")
            await asyncio.sleep(0.3)
        answer = (await asked).json()
        assert [name for name, payload in answer["data"].items() if payload] == ["p0"]
        told = [(error["path"], error["extensions"]["code"]) for error in answer["errors"]]
        assert told == [(["p1"], "TIMEOUT"), (["p2"], "TIMEOUT")]
        assert await connection.fetchval(LATE) == 1
        await connection.execute("DELETE FROM products WHERE starts_with(sku, 'LATE-')")


async def test_41_many_leave_at_random_moments(site: Site, database: Database) -> None:
    """``make chaos`` has ten thousand of them, on two servers."""
    chance, times = random.Random(41), 200
    async with serving(create_app(load(), database)) as port, site.admin() as connection:

        async def one() -> None:
            async with Wire(port) as wire:
                wire.send(post(site.key, PAGE))
                await asyncio.sleep(chance.uniform(0, 0.2))
                wire.vanish()

        for _ in range(times // 20):
            await asyncio.gather(*(one() for _ in range(20)))
        await idle(database, connection)
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {site.key}"}) as client:
            answer = await client.post(f"http://localhost:{port}/graphql", json=PAGE)
    assert len(answer.json()["data"]["orders"]["nodes"]) == 20
