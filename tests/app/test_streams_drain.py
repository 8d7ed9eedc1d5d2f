"""Servers that are replaced one after the other while many follow: each client is told to come back, and misses nothing elsewhere.

``ERPGRAPH_STREAMS=5000`` has so many of them: for a quiet machine (docs/security.md, case 42).
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from time import perf_counter
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from services.platform import keys, tenants
from tests.bench.write_load import Child, child
from tests.support.command import ended, first_lines, started
from tests.support.demo_site import Site
from tests.support.streams import MAKE, many_keys

STREAMS = int(os.environ.pop("ERPGRAPH_STREAMS", "40"))
OF_KEY, OF_TENANT = 50, 1_000
PACE = max(0.05, STREAMS / 2_500)
"""Seconds from one to the next: to tell one to five thousand takes half a second."""

WITHIN = 1.0 if STREAMS >= 5_000 else 5.0
"""Seconds: beside other tests everything takes longer."""

Serving = tuple["subprocess.Popen[str]", int]


@pytest.fixture
def servers(site: Site) -> Iterator[list[Serving]]:
    """Two processes of one deployment, with their ports."""
    given = {"DATABASE_URL": site.target.admin, "APP_DATABASE_URL": site.target.serving}
    given |= {"ENVIRONMENT": "production", "BUDGET": str(10**12), "BUDGET_RATE": str(10**9), "LIMIT_IN_FLIGHT": "1000"}
    there = [started("serve", "--port", "0", **given) for _ in range(2)]
    yield [(each, urlsplit(first_lines(each, 1)[0].split()[1]).port or 0) for each in there]
    for each in there:
        if each.poll() is None:
            each.kill()
            ended(each)


async def test_42_who_follows_a_server_that_is_replaced_goes_on_elsewhere_without_a_gap(
    site: Site, servers: list[Serving]
) -> None:
    (leaves, port), (_, other) = servers
    with child("live_crowd") as crowd:
        await crowd.line()
        makers = await crowded(site, crowd, port)
        made: list[list[str]] = [[] for _ in makers]
        enough = asyncio.Event()
        working = asyncio.create_task(make(other, makers, made, enough))
        await until(lambda: len(made[-1]) > 2)
        began = perf_counter()
        leaves.send_signal(signal.SIGTERM)
        over = await crowd.ask(b"over", within=30)
        last = over["last"] - began
        await asyncio.to_thread(leaves.wait, 30)
        stopped = perf_counter() - began
        assert over["ends"] == {"1012": STREAMS // 2, "": STREAMS - STREAMS // 2}
        resumed = await crowd.ask(b"resume", port=other)
        count = len(made[-1])
        await until(lambda: len(made[-1]) > count + 2)
        enough.set()
        await working
        told = (await crowd.ask(b"told", least=min(map(len, made)), within=60))["told"]
    print(  # noqa: T201 - for those that measure
        f"{STREAMS:,} streams have ended {last:.2f} s after SIGTERM, the server after {stopped:.2f} s;"
        f" they went on elsewhere in {resumed['took']:.2f} s"
    )
    assert last <= WITHIN
    assert sorted(sorted(records) for records, _ in told) == sorted(sorted(each) for each in made)
    assert sum(count for _, count in told) == STREAMS
    result = ended(leaves)
    assert (result.code, "Traceback" in result.err) == (0, False)


async def crowded(site: Site, crowd: Child, port: int) -> list[str]:
    """So many subscribers, of as many tenants as that needs; a key of each that may make something."""
    makers = []
    for start in range(0, STREAMS, OF_TENANT):
        count = min(OF_TENANT, STREAMS - start)
        tenant = await tenants.create(site.target, f"drain-{uuid4().hex}", "EUR")
        makers.append(await keys.create(site.target, tenant, "who makes what is told"))
        async with site.admin() as admin:
            them = await many_keys(admin, tenant, -(-count // OF_KEY))
        each = [them[number // OF_KEY] for number in range(count)]
        await crowd.ask(b"subscribe", port=port, kind="events", keys=each[::2])
        await crowd.ask(b"subscribe", port=port, kind="sockets", keys=each[1::2])
    return makers


async def make(port: int, makers: list[str], made: list[list[str]], enough: asyncio.Event) -> None:
    """Make something of each tenant, again and again."""
    number = 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        while not enough.is_set():
            number += 1
            for key, ids in zip(makers, made, strict=True):
                code = {"code": f"DRAIN-{number}", "name": "made meanwhile"}
                answer = await client.post(
                    "/graphql", json={"query": MAKE, "variables": code}, headers={"Authorization": f"Bearer {key}"}
                )
                ids.append(str(answer.json()["data"]["partnerUpsert"]["partner"]["id"]))
            await asyncio.sleep(PACE)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is made tells nobody
            await asyncio.sleep(0.02)
