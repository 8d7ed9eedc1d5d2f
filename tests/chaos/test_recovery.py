"""While PostgreSQL is away, hangs, or is held by locks: clear answers in time, and all well soon after."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx
import pytest

from db.tenancy import APP
from tests.chaos import checks
from tests.chaos.load import stocked
from tests.chaos.site import Site

SOON = 5.0
"""Seconds in which a client has its answer, and in which all is well again."""

READ = "{ products(first: 1) { nodes { sku } } }"
WRITE = """mutation ($key: String!) {
  orderCreate(input: {customer: {code: "C"}, lineItems: [{product: {sku: "P0"}, quantity: "1"}], confirm: true, idempotencyKey: $key}) {
    order { id }
    userErrors { message }
  }
}"""


@dataclass
class Caller:
    site: Site
    client: httpx.AsyncClient
    number: int = 0

    async def ask(self, query: str) -> tuple[int, str | None, float]:
        """The status, the error's code, and the seconds that it took."""
        self.number += 1
        began = monotonic()
        body = {"query": query, "variables": {"key": f"recovery-{self.number}"}}
        answer = await self.client.post(f"{self.site.url}/graphql", json=body)
        errors = answer.json().get("errors")
        return answer.status_code, errors and errors[0]["extensions"]["code"], monotonic() - began

    async def status(self, path: str) -> int:
        return (await self.client.get(self.site.url + path)).status_code

    async def well_again(self) -> float:
        """Seconds until both a query and a mutation succeed."""
        began = monotonic()
        while {(await self.ask(query))[1] for query in (READ, WRITE)} != {None}:
            assert monotonic() - began < SOON
            await asyncio.sleep(0.05)
        return monotonic() - began


@pytest.fixture
async def caller(hurt: Site) -> AsyncIterator[Caller]:
    tenant = await hurt.tenant()
    await stocked(hurt, tenant)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    headers = {"Authorization": f"Bearer {tenant.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=30, limits=limits) as client:
        yield Caller(hurt, client)


def all_told(answers: list[tuple[int, str | None, float]], *codes: str) -> None:
    """Every one was answered in time, with one of these codes."""
    assert {code for _, code, _ in answers} <= set(codes)
    assert max(seconds for *_, seconds in answers) < SOON + 0.5


async def test_38_away_and_back(caller: Caller) -> None:
    assert await caller.well_again() < 1
    caller.site.stop_postgres()
    answers = [*await asyncio.gather(*(caller.ask(query) for query in (READ, WRITE) * 10))]
    all_told(answers, "UNAVAILABLE")
    assert {status for status, *_ in answers} == {503}
    assert (await caller.status("/readyz"), await caller.status("/healthz")) == (503, 200)
    await caller.site.start_postgres()
    assert await caller.well_again() < SOON
    assert await caller.status("/readyz") == 200


async def test_39_a_server_that_hangs_makes_no_pile(caller: Caller) -> None:
    caller.site.signal_postgres(signal.SIGSTOP)
    try:
        answers = [*await asyncio.gather(*(caller.ask(query) for query in (READ, WRITE) * 20))]
    finally:
        caller.site.signal_postgres(signal.SIGCONT)
    all_told(answers, "UNAVAILABLE", "TIMEOUT")
    assert await caller.well_again() < SOON


async def connections(site: Site) -> int:
    async with site.admin() as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename = $1", APP)
        return found


async def test_40_all_connections_in_a_lock_wait(caller: Caller) -> None:
    async with caller.site.admin() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        waiting = [asyncio.create_task(caller.ask(WRITE)) for _ in range(40)]
        await asyncio.sleep(0.5)
        # Readers have connections of their own: writers that wait don't keep them from theirs.
        assert (await caller.ask(READ))[1] is None
        answers = [*await asyncio.gather(*waiting)]
        await transaction.rollback()
    # TIMEOUT: who waited for the one before and then for the table, and so for longer than a statement may take.
    all_told(answers, "UNAVAILABLE", "TIMEOUT")
    assert await caller.well_again() < SOON
    assert await connections(caller.site) <= 21


async def test_41_clients_that_leave_in_the_middle_leave_nothing_behind(caller: Caller) -> None:
    async def leave(number: int) -> Any:
        try:
            await asyncio.wait_for(caller.ask(WRITE), 0.0005 * (number % 40))
        except TimeoutError:
            return "left"

    for start in range(0, 300, 30):
        await asyncio.gather(*(leave(number) for number in range(start, start + 30)))
    assert await checks.leftovers(caller.site) == []
    assert await caller.well_again() < SOON
    assert await connections(caller.site) <= 21
