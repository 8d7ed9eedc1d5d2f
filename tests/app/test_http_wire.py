"""The endpoint on a real socket: bodies in pieces, connections that stay, and those that end too early."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator

import asyncpg
import orjson
import pytest

from app.asgi import create_app
from app.settings import load
from db.runtime.engine import Database
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import Wire, eventually, post, serving
from tests.support.patience import PATIENCE

MAX_BODY = load().largest_body

GOOD = {"query": "{ viewer { tenant { name } } }"}
CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.fixture(scope="module")
async def port(site: Site) -> AsyncIterator[int]:
    async with serving(create_app(load(), site.database)) as opened:
        yield opened


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


async def assert_well(wire: Wire, key: str, tenant: str = "larkspur") -> None:
    wire.send(post(key, GOOD))
    answer = await wire.answer()
    assert (answer.status, orjson.loads(answer.body)["data"]) == (200, {"viewer": {"tenant": {"name": tenant}}})


async def test_threat_1_the_connection_stays_open_after_a_bad_body(site: Site, port: int) -> None:
    async with Wire(port) as wire:
        for body in (b"5", b'"x"', b"null", b"[]", b"[1]", b"\xff\xfe", b"1" * 5_000, b"[" * 100_000, b""):
            wire.send(post(site.key, body))
            assert (await wire.answer()).status == 400
        wire.send(post("wrong", GOOD))
        assert (await wire.answer()).status == 401
        await assert_well(wire, site.key)


async def test_a_body_in_single_bytes_and_two_requests_at_once(site: Site, port: int) -> None:
    async with Wire(port) as wire:
        wire.send(
            post(site.key, b"", CHUNKED) + b"".join(chunk(bytes([each])) for each in orjson.dumps(GOOD)) + chunk(b"")
        )
        assert (await wire.answer()).status == 200
        wire.send(post(site.key, GOOD) + post(site.key, {"query": "{ nope }"}))
        assert b"data" in (await wire.answer()).body
        assert b"errors" in (await wire.answer()).body


async def test_threat_3_a_body_announced_too_long_is_not_waited_for(site: Site, port: int) -> None:
    async with Wire(port) as wire:
        wire.send(post(site.key, b"", {"Content-Length": str(MAX_BODY + 1)}))
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert await wire.ended()


async def test_threat_3_a_body_without_end_is_cut_off_at_the_limit(site: Site, port: int) -> None:
    async with Wire(port) as wire:
        wire.send(post(site.key, b"", CHUNKED) + chunk(b" " * 32_768) * (MAX_BODY // 32_768))
        wire.send(chunk(b" " * (MAX_BODY % 32_768 + 1)))
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert orjson.loads(answer.body)["errors"][0]["message"] == f"A request may have at most {MAX_BODY} bytes."
        assert await wire.ended()


async def test_threat_3_long_urls(site: Site, port: int) -> None:
    for length, status in ((8_000, 200), (9_000, 414), (60_000, 414), (100_000, 414)):
        async with Wire(port) as wire:
            target = "/graphql?query=%7B__typename%7D&filler=" + "x" * length
            wire.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.key}\r\n\r\n".encode())
            assert (await wire.answer()).status == status, length


async def test_a_client_that_leaves_within_its_body(
    site: Site, port: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.WARNING)
    for headers in ({"Content-Length": "1000"}, CHUNKED):
        async with Wire(port) as wire:
            wire.send(post(site.key, b"", headers) + chunk(b'{"query": "{'))
            await wire.writer.drain()
            wire.vanish()
    async with Wire(port) as wire:
        await assert_well(wire, site.key)
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


async def in_transactions(site: Site) -> int:
    """How many serving connections are in a transaction, doing nothing."""
    connection = await asyncpg.connect(site.target.admin)
    found: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    await connection.close()
    return found


async def test_threat_41_clients_that_vanish_at_random_moments_leave_nothing_behind(site: Site) -> None:
    """300 requests of two tenants on two connections to the database, each client gone some time after."""
    database = Database(site.target, size=2)
    await database.open()
    tenants = {site.key: "larkspur", await keys.create(site.target, site.tenants[1].id, "wire"): "stonebridge"}
    query = {"query": "{ orders(first: 5) { nodes { lineItems(first: 2) { nodes { product { id } } } } } }"}
    chance = random.Random(7)

    async def leave(port: int) -> None:
        async with Wire(port) as wire:
            wire.send(post(chance.choice([*tenants]), query))
            await asyncio.sleep(chance.random() * 0.03)
            wire.vanish()

    async with serving(create_app(load(), database)) as port:
        for _ in range(30):
            await asyncio.gather(*(leave(port) for _ in range(10)))
        await eventually(lambda: database._reading.pool.get_idle_size() == database._reading.pool.get_size())
        async with asyncio.timeout(PATIENCE):
            while await in_transactions(site):  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.01)
        async with Wire(port) as wire:
            for key, name in tenants.items():
                await assert_well(wire, key, name)
        await eventually(lambda: database._reading.pool.get_idle_size() == database._reading.pool.get_size())
        assert database._reading.pool.get_size() <= 2
    await database.close()
