"""While PostgreSQL is away, hangs, is held by locks, or lost with the network: clear answers in time, and all well soon after."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Any, NamedTuple

import httpx
import pytest

from tests.chaos import invariants
from tests.chaos.load import stocked
from tests.chaos.proxy import COMMIT, COMMIT_OF_A_COMMAND
from tests.chaos.site import Site, Tenant

SOON = 5.0
"""Seconds in which a client has its answer, and in which all is well again."""

READ = "{ products(first: 1) { nodes { sku } } }"
WRITE = """mutation ($key: String, $number: String) {
  orderCreate(input: {customer: {code: "C"}, lineItems: [{product: {sku: "P0"}, quantity: "1"}], confirm: true,
                      idempotencyKey: $key, number: $number}) {
    order { id }
    userErrors { message }
  }
}"""

_numbers = count(1)


class Answer(NamedTuple):
    status: int
    body: Any
    seconds: float
    headers: httpx.Headers

    @property
    def code(self) -> str | None:
        """The code of its first error."""
        errors = self.body.get("errors")
        return errors and str(errors[0]["extensions"]["code"])

    @property
    def message(self) -> str:
        return str(self.body["errors"][0]["message"])

    @property
    def order(self) -> Any:
        return self.body["data"]["orderCreate"]["order"]


@dataclass
class Caller:
    """A client of the first server."""

    site: Site
    tenant: Tenant
    client: httpx.AsyncClient

    async def ask(self, query: str = READ, **variables: Any) -> Answer:
        began = monotonic()
        body = {"query": query, "variables": variables}
        answer = await self.client.post(f"{self.site.url}/graphql", json=body)
        return Answer(answer.status_code, answer.json(), monotonic() - began, answer.headers)

    async def order(self, key: str | None = None, number: str | None = None) -> Answer:
        """Order one."""
        return await self.ask(WRITE, key=key or f"recovery-{next(_numbers)}", number=number)

    async def many(self, times: int) -> list[Answer]:
        """So many queries and as many orders, all at once."""
        return await asyncio.gather(*(each() for each in (self.ask, self.order) for _ in range(times)))

    async def well_again(self) -> float:
        """Seconds until both a query and an order succeed."""
        began = monotonic()
        while {(await each()).code for each in (self.ask, self.order)} != {None}:
            assert monotonic() - began < SOON
            await asyncio.sleep(0.05)
        return monotonic() - began

    async def health(self) -> tuple[int, int]:
        """What ``/readyz`` and ``/healthz`` say, both in time."""
        async with asyncio.timeout(SOON):
            paths = (self.client.get(self.site.url + path) for path in ("/readyz", "/healthz"))
            ready, lives = await asyncio.gather(*paths)
        return ready.status_code, lives.status_code

    async def orders(self, number: str) -> int:
        """How many orders have this number."""
        async with self.site.admin() as connection:
            query = "SELECT count(*) FROM orders WHERE tenant_id = $1 AND number = $2"
            found: int = await connection.fetchval(query, self.tenant.id, number)
            return found


@pytest.fixture
async def caller(hurt: Site) -> AsyncIterator[Caller]:
    tenant = await hurt.tenant()
    await stocked(hurt, tenant)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    headers = {"Authorization": f"Bearer {tenant.key}"}
    # The budgets of a tenant are stored now and then, whatever it asks for.
    hurt.proxy.commit = COMMIT_OF_A_COMMAND
    try:
        async with httpx.AsyncClient(headers=headers, timeout=30, limits=limits) as client:
            yield Caller(hurt, tenant, client)
    finally:
        hurt.proxy.commit = COMMIT
    assert await invariants.leftovers(hurt) == []
    async with hurt.admin() as connection:
        assert await invariants.broken(connection, tenant.id) == []


def all_told(answers: list[Answer], *codes: str) -> None:
    """Every one was answered in time, with one of these codes."""
    assert {answer.code for answer in answers} <= set(codes)
    assert max(answer.seconds for answer in answers) < SOON + 0.5


async def test_38_away_and_back(caller: Caller) -> None:
    assert await caller.well_again() < 1
    caller.site.stop_postgres()
    await caller.site.stopped()
    answers = await caller.many(10)
    all_told(answers, "UNAVAILABLE")
    assert {(answer.status, answer.headers["retry-after"]) for answer in answers} == {(503, "2")}
    assert await caller.health() == (503, 200)
    await caller.site.start_postgres()
    assert await caller.well_again() < SOON
    assert await caller.health() == (200, 200)


async def test_38_a_backend_is_killed_and_postgres_recovers(caller: Caller) -> None:
    await caller.site.kill_a_backend()
    assert await caller.well_again() < SOON
    assert await caller.health() == (200, 200)


async def test_39_a_server_that_hangs_makes_no_pile(caller: Caller) -> None:
    caller.site.signal_postgres(signal.SIGSTOP)
    try:
        health, answers = await asyncio.gather(caller.health(), caller.many(20))
    finally:
        caller.site.signal_postgres(signal.SIGCONT)
    all_told(answers, "UNAVAILABLE", "TIMEOUT")
    assert health == (503, 200)
    assert await caller.well_again() < SOON
    assert await caller.health() == (200, 200)


async def test_39_a_commit_whose_answer_was_cut_is_found_by_its_key(caller: Caller) -> None:
    """The server itself sends it again: the client learns nothing of it."""
    before = caller.site.proxy.was_cut
    caller.site.proxy.cuts = 1
    answer = await caller.order("cut", "CUT")
    assert caller.site.proxy.was_cut == before + 1
    assert (answer.code, await caller.orders("CUT")) == (None, 1)
    assert (await caller.order("cut", "CUT")).order == answer.order


async def test_39_without_a_key_the_client_is_told_that_it_is_in_doubt(caller: Caller) -> None:
    caller.site.proxy.cuts = 1
    answer = await caller.ask(WRITE, number="KEYLESS")
    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    assert answer.message.endswith("whether this was stored is not known. Look before you send it again.")
    assert await caller.orders("KEYLESS") == 1


async def test_39_cut_after_commit_and_then_away(caller: Caller) -> None:
    """Nobody may say that nothing was done as long as a COMMIT is in doubt."""
    proxy = caller.site.proxy
    proxy.cuts, proxy.leave = 1, True
    try:
        answer = await caller.order("doubt", "DOUBT")
        assert proxy.away
    finally:
        proxy.away = False
    assert await caller.orders("DOUBT") == 1
    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    assert "Nothing was done" not in answer.message
    assert answer.message.endswith("Send it again with the same idempotencyKey.")
    assert (await caller.order("doubt", "DOUBT")).order is not None
    assert await caller.orders("DOUBT") == 1


async def test_39_a_lost_connection_gives_its_locks_back(caller: Caller) -> None:
    """The network forgets a connection before its COMMIT comes through. PostgreSQL hears nothing more, not
    even that it ended, and has locks in its name.
    """
    caller.site.proxy.losses = 1
    try:
        answer = await caller.order("lost", "SESSION_TIMEOUTS")
        assert (answer.code, caller.site.proxy.losses) == ("UNAVAILABLE", 0)
        assert await caller.well_again() < SOON
        assert (await caller.order("lost", "SESSION_TIMEOUTS")).code is None
    finally:
        caller.site.proxy.reset()
    assert await caller.orders("SESSION_TIMEOUTS") == 1


async def test_40_all_connections_in_a_lock_wait(caller: Caller) -> None:
    async with caller.site.admin() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        waiting = [asyncio.create_task(caller.order()) for _ in range(40)]
        await asyncio.sleep(0.5)
        # Readers have connections of their own: writers that wait don't keep them from theirs.
        assert (await caller.ask()).code is None
        answers = [*await asyncio.gather(*waiting)]
        await transaction.rollback()
    # TIMEOUT: who waited for the one before and then for the table, and so for longer than a statement may take.
    all_told(answers, "UNAVAILABLE", "TIMEOUT")
    assert await caller.well_again() < SOON
