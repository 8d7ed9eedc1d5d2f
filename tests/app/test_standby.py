"""Reading from a real standby that streams from the primary: what is read where, and what happens when it is behind, away,
or ends a query in the middle.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.asgi import create_app
from app.settings import load
from db.admin import embedded, migrate
from db.runtime.engine import Database
from db.runtime.reader import Reader
from services.platform import keys, tenants
from tests.support.patience import PATIENCE
from tests.support.standby import Standby

QUERY = "{ partners(first: 50) { nodes { code } } viewer { tenant { name } } }"
COMMAND = """mutation ($code: String!) {
  partnerUpsert(input: {code: $code, name: "new", kinds: [CUSTOMER]}) { partner { code } userErrors { message } }
}"""
LATER = "FFFFFFFF/0"


@dataclass
class Pair:
    """A primary and its standby, and two tenants' keys."""

    primary: embedded.Server
    standby: Standby
    acme: str
    globex: str
    tenant: UUID


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with a short path: sockets need one."""
    made = Path(tempfile.mkdtemp(prefix="erpgraph-pair-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
async def pair(folder: Path) -> AsyncIterator[Pair]:
    primary = embedded.start(folder)
    try:
        await embedded.ensure_database(primary)
        await migrate.upgrade(primary.target)
        acme = await tenants.create(primary.target, "acme", "EUR")
        globex = await tenants.create(primary.target, "globex", "EUR")
        first, second = [await keys.create(primary.target, each, "tests", roles=("admin",)) for each in (acme, globex)]
        made = Pair(primary, Standby.of(primary, folder / "beside"), first, second, acme)
        try:
            yield made
        finally:
            made.standby.stop()
    finally:
        primary.stop()


@contextlib.asynccontextmanager
async def client_of(
    pair: Pair, *, key: str = "", url: str = "", lag: float = 60
) -> AsyncIterator[tuple[httpx.AsyncClient, Database]]:
    """The application over both, once it reads from the standby (or won't, where another address is given)."""
    database = Database(pair.primary.target, reading_url=url or pair.standby.url, reading_lag=lag)
    await database.open()
    app = create_app(load(), database)
    headers = {"Authorization": f"Bearer {key or pair.acme}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        if not url:
            await following(database)
        yield client, database
    await database.close()


async def following(database: Database) -> None:
    assert database.standby is not None
    async with asyncio.timeout(PATIENCE):
        while not database.standby.serves(await database.written()):  # noqa: ASYNC110 - a standby has no event for it
            await asyncio.sleep(0.01)


async def seen(client: httpx.AsyncClient, after: str = "") -> set[str]:
    """The partners that a query finds."""
    answer = await client.post("/graphql", json={"query": QUERY}, headers={"x-read-after": after} if after else {})
    assert (answer.status_code, answer.json().get("errors")) == (200, None), answer.text
    assert "x-read-after" not in answer.headers
    return {node["code"] for node in answer.json()["data"]["partners"]["nodes"]}


async def upsert(client: httpx.AsyncClient, code: str) -> str:
    """Store a partner; where it is stored."""
    answer = await client.post("/graphql", json={"query": COMMAND, "variables": {"code": code}})
    assert answer.json()["data"] == {"partnerUpsert": {"partner": {"code": code}, "userErrors": []}}, answer.text
    return str(answer.headers["x-read-after"])


async def test_queries_read_from_it_and_ones_own_writes_are_found_by_their_position(pair: Pair) -> None:
    async with client_of(pair) as (client, database):
        await pair.standby.asked("SELECT pg_wal_replay_pause()")
        try:
            at = await upsert(client, "paused")  # its payload comes from the primary
            assert "paused" not in await seen(client)
            assert "paused" in await seen(client, at)
        finally:
            await pair.standby.asked("SELECT pg_wal_replay_resume()")
        await following(database)
        assert "paused" in await seen(client)


async def test_it_is_left_alone_while_it_is_behind(pair: Pair) -> None:
    async with client_of(pair, lag=0.2) as (client, _):
        await pair.standby.asked("SELECT pg_wal_replay_pause()")
        try:
            await upsert(client, "behind")
            async with asyncio.timeout(PATIENCE):
                while "behind" not in await seen(client):  # noqa: ASYNC110 - that time passes is no event
                    await asyncio.sleep(0.01)
        finally:
            await pair.standby.asked("SELECT pg_wal_replay_resume()")


async def test_a_tenant_sees_its_own_there(pair: Pair) -> None:
    async with client_of(pair) as (client, database):
        await upsert(client, "ours")
        await following(database)
        assert "ours" in await seen(client)
        reader = database.query_reader(pair.tenant)
        assert await reader.fetch("SELECT current_user::text, pg_is_in_recovery()") == [("erpgraph_app", True)]
        assert await reader.fetch("SELECT 1 FROM partners WHERE tenant_id <> $1", pair.tenant) == []
        await reader.close()
    async with client_of(pair, key=pair.globex) as (client, _):
        assert await seen(client) == set()


async def test_a_query_that_it_ends_in_the_middle_is_asked_again_of_the_primary(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[bool] = []
    run = Reader._run

    async def ends(self: Reader, connection: Any, *given: Any) -> Any:
        if self._standby:
            ran.append(True)
        if ran == [True, True]:
            await pair.standby.asked(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 50"
            )
        return await run(self, connection, *given)

    async with client_of(pair) as (client, database):
        at = await upsert(client, "twice")
        await following(database)
        monkeypatch.setattr(Reader, "_run", ends)
        assert "twice" in await seen(client)
        assert ran == [True, True]
        assert "twice" in await seen(client, at)


async def test_while_it_is_away_the_primary_answers_and_it_comes_back(pair: Pair) -> None:
    async with client_of(pair) as (client, database):
        await upsert(client, "away")
        await following(database)
        pair.standby.stop()
        try:
            for _ in range(10):
                assert "away" in await seen(client)
            assert (await client.get("/readyz")).status_code == 200
        finally:
            pair.standby.launch()
        await following(database)
        assert "away" in await seen(client)


async def test_a_server_that_follows_nobody_is_not_read_from(pair: Pair) -> None:
    async with client_of(pair, url=pair.primary.url(user="erpgraph_app")) as (client, database):
        await upsert(client, "alone")
        for _ in range(5):
            assert database.standby is not None
            assert not database.standby.serves(0)
            assert "alone" in await seen(client)


@pytest.mark.parametrize("bad", ["", "x", "0", "0/", "0/123456789", "0/0 ", "-1/0", "0/0,0/1"])
async def test_what_is_no_position_is_told(pair: Pair, bad: str) -> None:
    async with client_of(pair) as (client, _):
        answer = await client.post("/graphql", json={"query": QUERY}, headers={"x-read-after": bad})
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
        assert error["message"].startswith("X-Read-After is no position")
        assert await seen(client, LATER)
