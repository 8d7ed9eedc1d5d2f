"""Faults in the middle of a request, and two tenants in turns on one connection to the database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from db.runtime.engine import Database
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import app_of, eventually, told
from tests.support.locks import locked, waiting

WHO = {"query": "{ viewer { tenant { name } } orders(first: 1) { nodes { id } } }"}
SEVERAL = {"query": "{ products(first: 1) { nodes { id } } orders { nodes { id } } more: orders { nodes { id } } }"}
MINE = "SELECT count(*) FROM orders"


class Pair(NamedTuple):
    """Clients of two tenants, whose requests take turns on one connection to the database."""

    database: Database
    ours: httpx.AsyncClient
    theirs: httpx.AsyncClient

    async def see_their_own(self) -> None:
        """Each sees its own tenant; and the connection, when no one asks, sees no one's."""
        first, second = [(await client.post("/graphql", json=WHO)).json()["data"] for client in self[1:]]
        assert [each["viewer"]["tenant"]["name"] for each in (first, second)] == ["larkspur", "stonebridge"]
        assert first["orders"]["nodes"] != second["orders"]["nodes"]
        await eventually(lambda: self.database._reading.pool.get_idle_size() == self.database._reading.pool.get_size())
        async with self.database._reading.acquire() as connection:
            assert not connection.is_in_transaction()
            assert not await connection.fetchval("SELECT current_setting('app.tenant_id', true)")
            assert await connection.fetchval(MINE) == 0


@pytest.fixture
async def pair(site: Site) -> AsyncIterator[Pair]:
    database = Database(site.target, size=1, statement_timeout_ms=500)
    await database.open()
    key = await keys.create(site.target, site.tenants[1].id, "second")
    async with site.client(database=database) as ours, site.client(key, database) as theirs:
        made = Pair(database, ours, theirs)
        await made.see_their_own()
        yield made
        await made.see_their_own()
        assert database._reading.pool.get_size() == 1
    await database.close()


async def test_in_turns(pair: Pair) -> None:
    clients = [pair.ours, pair.theirs] * 20
    answers = await asyncio.gather(*(client.post("/graphql", json=WHO) for client in clients))
    names = [answer.json()["data"]["viewer"]["tenant"]["name"] for answer in answers]
    assert names == ["larkspur", "stonebridge"] * 20


async def test_after_an_argument_that_makes_no_sense(pair: Pair) -> None:
    query = {"query": '{ viewer { tenant { name } } orders(where: {number: {eq: "\\u0000"}}) { nodes { id } } }'}
    assert told(await pair.ours.post("/graphql", json=query)) == (200, "BAD_USER_INPUT")


async def test_after_a_statement_that_took_too_long(site: Site, pair: Pair) -> None:
    async with locked(site.target):
        answer = await pair.ours.post("/graphql", json=SEVERAL)
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"TIMEOUT"}


async def test_after_a_request_that_was_cancelled_within_a_statement(site: Site, pair: Pair) -> None:
    async with locked(site.target) as connection:
        asked = asyncio.create_task(pair.ours.post("/graphql", json=WHO))
        await waiting(connection)
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked
        await waiting(connection, 0)


async def test_after_a_connection_that_was_ended_within_a_statement(site: Site, pair: Pair) -> None:
    async with locked(site.target) as connection:
        asked = asyncio.create_task(pair.ours.post("/graphql", json=SEVERAL))
        [pid] = await waiting(connection)
        await connection.execute("SELECT pg_terminate_backend($1)", pid)
        answer = await asked
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["data"] is None
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"UNAVAILABLE"}


async def test_after_waiting_for_a_connection_in_vain(site: Site, pair: Pair) -> None:
    pair.database.acquire_timeout = 0.05
    async with locked(site.target) as connection:
        asked = asyncio.create_task(pair.ours.post("/graphql", json=WHO))
        await waiting(connection)
        assert told(await pair.theirs.post("/graphql", json=WHO)) == (503, "UNAVAILABLE")
        assert told(await asked) == (200, "TIMEOUT")
    pair.database.acquire_timeout = 2.0


async def test_after_a_fault(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise asyncpg.DataError("planted")

    graph = app_of(pair.ours).state.graph
    field = graph._schema.type_map["OrderConnection"].fields["nodes"].extensions["strawberry-definition"]
    with monkeypatch.context() as patch:
        patch.setattr(field, "resolve_batch", broken)
        assert told(await pair.ours.post("/graphql", json=WHO)) == (200, "INTERNAL_SERVER_ERROR")
