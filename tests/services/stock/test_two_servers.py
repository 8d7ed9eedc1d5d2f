"""Two server processes on one database, over HTTP: what keeps goods together is in no process's memory."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from services.platform import keys
from tests.support.clerk import Clerk, mutation
from tests.support.command import ROOT, environment
from tests.support.desk import Desk

ATTEMPTS = 10


@contextlib.asynccontextmanager
async def serving(desk: Desk) -> AsyncIterator[str]:
    """A server process; tells its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.server", desk.target.admin, desk.target.serving),
        env=environment(),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}/graphql"
    finally:
        process.stdin.close()
        assert await process.wait() == 0


class Counters:
    """Two servers, and clients that ask the one or the other."""

    def __init__(self, http: httpx.AsyncClient, urls: tuple[str, str]) -> None:
        self.http, self.urls = http, urls

    async def send(self, number: int, key: str, field: str, given: Mapping[str, Any]) -> Any:
        """A client's payload. Where too many others were at it, it asks again, the other one, with the same key."""
        body = {"query": mutation(field), "variables": {"input": {**given, "idempotencyKey": key}}}
        for attempt in range(ATTEMPTS):
            answer = (await self.http.post(self.urls[(number + attempt) % 2], json=body)).json()
            if "errors" not in answer:
                return answer["data"][field]
            assert {each["extensions"]["code"] for each in answer["errors"]} == {"UNAVAILABLE"}, answer
        raise AssertionError(f"turned away {ATTEMPTS} times")


@pytest.fixture(scope="module")
async def urls(desk: Desk) -> AsyncIterator[tuple[str, str]]:
    async with serving(desk) as first, serving(desk) as second:
        yield first, second


@pytest.fixture
async def counters(desk: Desk, shop: Clerk, urls: tuple[str, str]) -> AsyncIterator[Counters]:
    headers = {"Authorization": f"Bearer {await keys.create(desk.target, shop.tenant, 'shop')}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        yield Counters(http, urls)


async def test_fifty_clients_buy_ten_units(shop: Clerk, counters: Counters) -> None:
    product = await shop.product({"SHELF": "6", "DOCK": "4"})
    given = shop.ordering([shop.line(product, quantity="1")], confirm=True)
    answers = await asyncio.gather(*(counters.send(n, f"order {n}", "orderCreate", given) for n in range(50)))
    numbers = [answer["order"]["number"] for answer in answers if not answer["userErrors"]]
    assert len({*numbers}) == len(numbers) == 10
    problems = [problem for answer in answers for problem in answer["userErrors"]]
    facts = [(each["code"], each["requested"], each["available"]) for each in problems]
    assert facts == [("INSUFFICIENT_STOCK", "1", "0")] * 40


async def test_one_order_is_made_of_twenty_copies(shop: Clerk, counters: Counters) -> None:
    product = await shop.product({"SHELF": "20"})
    given = shop.ordering([shop.line(product, quantity="1")], confirm=True)
    answers = await asyncio.gather(*(counters.send(n, "checkout", "orderCreate", given) for n in range(20)))
    assert [answer["userErrors"] for answer in answers] == [[]] * 20
    assert len({answer["order"]["id"] for answer in answers}) == 1
    assert await shop.stock(product) == {"SHELF": ("20", "1")}


async def test_goods_that_arrive_here_are_given_to_who_waits_there(shop: Clerk, counters: Counters) -> None:
    product = await shop.product()
    order = shop.ordering([shop.line(product, quantity="1")], confirm=True, allowBackorder=True)
    line = shop.line(product, location=shop.places["SHELF"], delta="1")
    orders = [counters.send(n, f"order {n}", "orderCreate", order) for n in range(20)]
    deliveries = [
        counters.send(n + 1, f"delivery {n}", "stockAdjust", {"lines": [line], "reason": "delivery"}) for n in range(20)
    ]
    answers = await asyncio.gather(*orders, *deliveries)
    assert [answer["userErrors"] for answer in answers] == [[]] * 40
    assert await shop.stock(product) == {"SHELF": ("20", "20")}
