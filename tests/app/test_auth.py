"""Who asks: what a key opens, how soon it stops, what it costs to look, and that it is never written down.

Tokens have tests of their own, test_tokens.py.
"""

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.auth import authenticator as auth
from app.auth import credentials
from app.auth.api_keys import ApiKeys
from core import keys as key_format
from core.ids import new_id
from db.runtime.engine import Database, administration
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import app_of, body

QUERY = {"query": "{ viewer { tenant { name } } }"}


class Clock:
    """Time as ``app.auth.authenticator`` sees it."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def time(self) -> float:
        return time.time() + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(auth, "monotonic", made.monotonic)
    monkeypatch.setattr(credentials, "time", made.time)
    return made


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[key_format.Parsed]:
    """The look-ups of keys in the database."""
    made: list[key_format.Parsed] = []
    look = ApiKeys._look

    async def noted(self: ApiKeys, parsed: key_format.Parsed) -> Any:
        made.append(parsed)
        return await look(self, parsed)

    monkeypatch.setattr(ApiKeys, "_look", noted)
    return made


async def asked(client: httpx.AsyncClient, **headers: str) -> int:
    return (await client.post("/graphql", json=QUERY, headers=headers)).status_code


async def test_the_scheme_is_bearer_in_any_case(site: Site) -> None:
    async with site.client("") as client:
        for header in (f"Bearer {site.key}", f"bearer {site.key}", f"BEARER  {site.key} "):
            assert await asked(client, Authorization=header) == 200


async def test_what_is_no_key_is_refused_without_a_look(site: Site, looks: list[Any]) -> None:
    key = site.key
    headers = ["", "Bearer", "Bearer ", key, f"Basic {key}", f"Bearer {key} x", f"Bearer {key},", f"Bearer {key}\u00e9"]
    headers += [
        f"Bearer {key[:-1]}",
        f"Bearer {key}A",
        f"Bearer {key.upper()}",
        f"Bearer x{key}",
        "Bearer " + "x" * 60_000,
    ]
    headers += [f"Bearer {key.replace('_', '-', 1)}", "Bearer null", 'Bearer "' + key + '"']
    async with site.client("") as client:
        for header in headers:
            answer = await client.post("/graphql", json=QUERY, headers={b"Authorization": header.encode()})
            assert answer.status_code == 401, header
            assert answer.headers["www-authenticate"] == "Bearer"
            assert [error["extensions"] for error in answer.json()["errors"]] == [{"code": "UNAUTHENTICATED"}]
        # Nor does a key count anywhere else than in its header.
        assert (await client.get("/graphql", params={**QUERY, "key": key, "authorization": key})).status_code == 401
        assert await asked(client, Cookie=f"Authorization=Bearer {key}; key={key}", **{"X-Api-Key": key}) == 401
    assert looks == []


async def test_a_stranger_cannot_tell_one_wrong_key_from_another(site: Site) -> None:
    ours, theirs = site.tenants
    forged = site.key.replace(ours.id.hex, theirs.id.hex)
    async with administration(site.target, ours.id) as connection:
        made = await keys.create(site.target, ours.id, "revoked"), await keys.create(site.target, ours.id, "expired")
        await connection.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'revoked'")
        await connection.execute("UPDATE api_keys SET expires_at = now() WHERE name = 'expired'")
    bodies = set()
    async with site.client("") as client:
        for key in (forged, *made, key_format.make(ours.id), key_format.make(new_id())):
            answer = await client.post("/graphql", json=QUERY, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 401
            bodies.add(answer.content)
    assert len(bodies) == 1


async def test_a_revoked_key_stops_within_five_seconds(site: Site, clock: Clock, looks: list[Any]) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "to be revoked")
    async with site.client(key) as client:
        assert await asked(client) == 200
        [listed] = [each for each in await keys.every(site.target, site.tenants[0].id) if each.name == "to be revoked"]
        await keys.revoke(site.target, site.tenants[0].id, listed.id)
        clock.passed = 4.99
        assert await asked(client) == 200
        assert len(looks) == 1
        clock.passed = 5.0
        assert await asked(client) == 401
        clock.passed = 0.0
        assert await asked(client) == 401
        assert len(looks) == 3


async def test_a_remembered_key_is_looked_at_again_when_it_expires(site: Site, clock: Clock, looks: list[Any]) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=4)
    key = await keys.create(site.target, site.tenants[0].id, "expiring", expires_at=soon)
    async with site.client(key) as client:
        assert [await asked(client), await asked(client)] == [200, 200]
        assert len(looks) == 1
        clock.passed = 4.5
        await asked(client)
        assert len(looks) == 2


async def test_a_key_that_was_not_found_is_not_remembered(site: Site) -> None:
    tenant = site.tenants[0].id
    key = key_format.make(tenant)
    async with site.client(key) as client:
        assert await asked(client) == 401
        async with administration(site.target, tenant) as connection:
            await connection.execute(
                "INSERT INTO api_keys (tenant_id, id, name, hint, hash, roles) VALUES ($1, $2, 'late', '1234', $3, '{}')",
                tenant,
                new_id(),
                key_format.digest(key),
            )
        assert await asked(client) == 200


async def test_memory_of_keys_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_KEPT", 3)
    known = auth.Authenticator(site.database)
    for number in range(7):
        key = await keys.create(site.target, site.tenants[0].id, f"bounded {number}")
        assert (await known.authenticate(f"Bearer {key}")).name == f"bounded {number}"
        assert len(known._kept) <= 3
    assert known._looking == {}


async def test_a_request_that_gives_up_takes_no_look_from_the_others(site: Site, looks: list[Any]) -> None:
    known = auth.Authenticator(site.database)
    tasks = [asyncio.create_task(known.authenticate(f"Bearer {site.key}")) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await tasks[0]
    assert [(await task).name for task in tasks[1:]] == ["tests"] * 3
    assert len(looks) == 1


async def test_a_look_that_failed_is_not_remembered(site: Site) -> None:
    database = Database(site.target, size=1, acquire_timeout=0.05)
    await database.open()
    async with site.client(database=database) as client:
        async with database._reading.acquire():
            answer = await client.post("/graphql", json=QUERY)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert [error["extensions"] for error in answer.json()["errors"]] == [{"code": "UNAVAILABLE"}]
        assert await asked(client) == 200
    await database.close()


async def test_neither_variables_nor_members_of_the_body_choose_the_tenant(site: Site) -> None:
    theirs = {"tenant": "stonebridge", "tenantId": str(site.tenants[1].id)}
    async with site.client() as client:
        answer = await client.post("/graphql", json={**QUERY, **theirs, "variables": theirs, "extensions": theirs})
        assert body(answer) == {"data": {"viewer": {"tenant": {"name": "larkspur"}}}}
        query = 'query ($tenant: ID) { viewer(tenant: $tenant) { tenant(name: "stonebridge") { name } } }'
        refused = (await client.post("/graphql", json={"query": query, "variables": theirs})).json()
    assert "data" not in refused
    assert [error["message"].split(" on ")[0] for error in refused["errors"]] == [
        "Unknown argument 'tenant'",
        "Unknown argument 'name'",
    ]


async def test_a_key_is_never_in_the_logs(
    site: Site,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not at the finest level, nor with a fault while it is looked up, nor with one in a resolver."""

    def broken(*_: object) -> Any:
        raise asyncpg.DataError("planted")

    caplog.set_level(logging.DEBUG)
    async with site.client() as client:
        monkeypatch.setattr(ApiKeys, "_look", broken)
        assert await asked(client) == 500
        monkeypatch.undo()
        assert await asked(client) == 200
        assert await asked(client, Authorization=f"Bearer {site.key[:-1]}x") == 401
        graph = app_of(client).state.graph
        field = graph._schema.type_map["Viewer"].fields["tenant"].extensions["strawberry-definition"]
        monkeypatch.setattr(field, "resolve_batch", broken)
        assert await asked(client) == 200
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("[error    ] fault") == err.count("asyncpg.exceptions.DataError: planted") == 2
    # The secret may have an underscore in it, too.
    secret = site.key.split("_", 2)[2][:-1]
    assert secret not in err + caplog.text
