"""How answers go out: media types, statuses, keys, faults, and what a supervisor sees."""

import asyncio
import random
from typing import Any

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from app.auth import authenticator as auth
from app.auth.api_keys import ApiKeys
from core import keys as key_format
from db.admin import migrate
from db.runtime.connections import Connections
from db.runtime.engine import Database, Target, administration
from resolvers import viewer
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import app_of, body

QUERY = {"query": "{ viewer { principal tenant { name } } }"}
GRAPHQL = "application/graphql-response+json"


async def test_get_and_post_answer_alike(client: httpx.AsyncClient) -> None:
    expected = {"data": {"viewer": {"principal": "tests", "tenant": {"name": "larkspur"}}}}
    posted = await client.post("/graphql", json=QUERY)
    got = await client.get("/graphql", params={**QUERY, "variables": "{}", "extensions": "{}"})
    assert body(posted) == body(got) == expected
    assert posted.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "accept, media",
    [
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8, application/json;q=0.9", GRAPHQL),
        (f"application/json, {GRAPHQL};q=0.5", "application/json"),
        (f"{GRAPHQL};q=0, */*;q=0.1", "application/json"),
    ],
)
async def test_the_media_type_that_is_preferred(client: httpx.AsyncClient, accept: str, media: str) -> None:
    answer = await client.post("/graphql", json=QUERY, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{media}; charset=utf-8")


async def test_what_the_protocol_refuses(client: httpx.AsyncClient) -> None:
    put = await client.put("/graphql", json=QUERY)
    assert (put.status_code, put.headers["allow"]) == (405, "GET, POST")
    assert (await client.post("/graphql", json=QUERY, headers={"Accept": "image/png"})).status_code == 406
    page = await client.get("/graphql", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "GraphiQL" in page.text


async def refused(site: Site, key: str) -> None:
    async with site.client(key) as client:
        answer = await client.post("/graphql", json=QUERY)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAUTHENTICATED"]
    assert answer.json().keys() == {"errors"}


async def test_without_a_good_key_there_is_no_answer(site: Site) -> None:
    ours, theirs = site.tenants
    forged = site.key.replace(ours.id.hex, theirs.id.hex)
    for key in ("", "nonsense", "erp_", site.key[:-1], key_format.make(ours.id), forged):
        await refused(site, key)


async def test_revoked_and_expired_keys_end_when_the_memory_of_them_does(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "KEPT_FOR", 0.0)
    for ending in ("revoked_at = now()", "expires_at = now()"):
        key = await keys.create(site.target, site.tenants[0].id, "ending")
        async with site.client(key) as client:
            assert (await client.post("/graphql", json=QUERY)).status_code == 200
            async with administration(site.target, site.tenants[0].id) as connection:
                await connection.execute(f"UPDATE api_keys SET {ending} WHERE name = 'ending'")
            assert (await client.post("/graphql", json=QUERY)).status_code == 401


async def test_one_look_at_a_key_that_many_requests_bring(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = ApiKeys._look

    async def counted(self: ApiKeys, parsed: key_format.Parsed) -> Any:
        nonlocal looks
        looks += 1
        return await look(self, parsed)

    monkeypatch.setattr(ApiKeys, "_look", counted)
    async with site.client() as client:
        answers = await asyncio.gather(*(client.post("/graphql", json=QUERY) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert looks == 1


async def test_the_tenant_is_the_keys_whatever_else_is_said(site: Site) -> None:
    headers = {"X-Tenant": "stonebridge", "X-Tenant-Id": str(site.tenants[1].id), "Cookie": "tenant=stonebridge"}
    async with site.client() as client:
        answer = await client.post("/graphql?tenant=stonebridge", json=QUERY, headers=headers)
    assert answer.json()["data"]["viewer"]["tenant"] == {"name": "larkspur"}


async def test_a_fault_is_masked_and_logged_once(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_batch: object) -> Any:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    monkeypatch.setattr(viewer, "name", broken)
    graph = app_of(client).state.graph
    field = graph._schema.type_map["Viewer"].fields["principal"].extensions["strawberry-definition"]
    monkeypatch.setattr(field, "resolve_batch", broken)
    with capture_logs() as logs:
        answer = await client.post("/graphql", json=QUERY)
    [error] = answer.json()["errors"]
    assert answer.json()["data"] is None
    assert error["path"] == ["viewer", "principal"]
    assert "secret" not in answer.text
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": answer.headers["x-request-id"]}
    assert [(log["event"], log["request_id"]) for log in logs] == [("fault", answer.headers["x-request-id"])]


async def test_a_statement_that_takes_too_long_is_stopped_and_told(site: Site) -> None:
    database = Database(site.target, size=1)
    await database.open()
    async with database._reading.acquire() as connection:
        await connection.execute("SET statement_timeout = 1")
    slow = (
        "{ "
        + " ".join(
            f'a{index}: orders(search: "s", first: 250) {{ totalCount {{ value }} nodes {{ lineItems(first: 250) {{ nodes {{ id }} }} }} }}'
            for index in range(20)
        )
        + " }"
    )
    async with site.client(database=database) as client:
        answers = [await client.post("/graphql", json={"query": slow}) for _ in range(10)]
        codes = {error["extensions"]["code"] for answer in answers for error in answer.json().get("errors", ())}
        assert "TIMEOUT" in codes
        assert "INTERNAL_SERVER_ERROR" not in codes
        assert database._reading.pool.get_size() <= 1
    await database.close()


async def test_while_the_database_is_away(site: Site) -> None:
    nowhere = Target.of("postgresql://nobody@127.0.0.1:1/nothing")
    database = Database(site.target)
    await database.open()
    async with site.client(database=database) as client:
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        database._reading.pool.terminate()
        database._reading = Connections(await asyncpg.create_pool(nowhere.serving, min_size=0, max_size=1, timeout=1))
        answer = await client.post("/graphql", json=QUERY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["UNAVAILABLE"]
        ready, alive = await client.get("/readyz"), await client.get("/healthz")
        assert (ready.status_code, ready.json()["reason"]) == (503, "database")
        assert (alive.status_code, alive.json()["status"]) == (200, "ok")
    await database.close()


async def test_not_ready_before_the_migrations(fresh: Target, site: Site) -> None:
    await migrate.downgrade(fresh, "-1")
    database = Database(fresh)
    await database.open()
    async with site.client(database=database) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "migrations")
    await database.close()


async def test_requests_cancelled_at_random_leave_nothing_behind(site: Site) -> None:
    """One connection, two tenants, requests that end anywhere: no tenant and no transaction stays."""
    database = Database(site.target, size=2)
    await database.open()
    other = await keys.create(site.target, site.tenants[1].id, "other")
    query = {
        "query": "{ viewer { tenant { name } } orders(first: 5) { nodes { lineItems(first: 2) { nodes { id } } } } }"
    }
    chance = random.Random(5)
    async with site.client(database=database) as ours, site.client(other, database=database) as theirs:
        expected = {ours: "larkspur", theirs: "stonebridge"}

        async def one(client: httpx.AsyncClient) -> None:
            answer = await client.post("/graphql", json=query)
            assert answer.json()["data"]["viewer"]["tenant"]["name"] == expected[client]

        for _ in range(60):
            tasks = [asyncio.ensure_future(one(chance.choice([ours, theirs]))) for _ in range(5)]
            await asyncio.sleep(chance.random() * 0.02)
            for task in tasks:
                if chance.random() < 0.7:
                    task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert result is None or isinstance(result, asyncio.CancelledError), result
        await one(ours)
        await one(theirs)
    connection = await asyncpg.connect(site.target.admin)
    name = await connection.fetchval("SELECT current_database()")
    stuck = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND state LIKE 'idle in transaction%'"
    for _ in range(100):
        if not await connection.fetchval(stuck, name):
            break
        await asyncio.sleep(0.02)
    assert await connection.fetchval(stuck, name) == 0
    await connection.close()
    assert database._reading.pool.get_size() == database._reading.pool.get_idle_size()
    await database.close()
