"""The relay and brokers that are slow or refuse: what is under way at a time, and in which order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.relay import outlet as outlets
from app.relay.messages import Message
from app.relay.relay import Relay
from app.relay.sinks import Away, Refused, Sink
from tests.support.brokers import relay, running
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.relayed import ask, partner, told_all


def telling(site: Site, sink: Sink) -> Relay:
    """A relay that tells this broker."""
    found = relay(site.database, site.target, ["nats://nowhere.example"])
    found.outlets[0].sink = sink
    return found


@pytest.fixture(autouse=True)
async def begun(site: Site) -> AsyncIterator[None]:
    """A broker was told all there is."""
    async with running(telling(site, Slow(lambda: asyncio.sleep(0)))):
        await told_all(site)
    yield
    async with site.admin() as admin:
        await admin.execute("DELETE FROM relay_cursors")


class Slow:
    """A broker that takes its time."""

    name = "nats"

    def __init__(self, waits: Callable[[], Awaitable[Any]]) -> None:
        self.waits, self.under_way, self.most = waits, 0, 0
        self.records: set[str] = set()

    async def open(self, _lost: Any) -> None: ...

    async def send(self, message: Message) -> bool:
        assert message.record not in self.records, "one of a record at a time"
        self.records.add(message.record)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.waits()
        finally:
            self.under_way -= 1
            self.records.remove(message.record)
        return True

    async def close(self) -> None: ...


async def test_a_slow_broker_has_a_bounded_number_under_way_and_no_connection(
    site: Site, client: httpx.AsyncClient
) -> None:
    for number in range(outlets.LANES + 6):
        for name in ("slow", "slower"):
            await partner(client, f"RELAY-SLOW-{number}", name)
    goes_on = asyncio.Event()
    slow = Slow(goes_on.wait)
    working = telling(site, slow)
    async with running(working):
        await eventually(lambda: slow.under_way == outlets.LANES)
        looks = working.looks
        await eventually(lambda: working.looks > looks + 1)
        assert slow.most == outlets.LANES
        assert not any(pool.in_use for pool in site.database.pools().values())
        goes_on.set()
        await told_all(site)
    assert slow.most == outlets.LANES


class Moody:
    """A broker that refuses every third message, and takes longer for one than for the next."""

    name = "nats"

    def __init__(self) -> None:
        self.asked = 0
        self.kept: list[Message] = []

    async def open(self, _lost: Any) -> None: ...

    async def send(self, message: Message) -> bool:
        self.asked += 1
        if self.asked % 3 == 0:
            raise Away("not now")
        await asyncio.sleep(0.001 * (7 - self.asked % 7))
        self.kept.append(message)
        return True

    async def close(self) -> None: ...


async def test_a_refused_message_is_not_overtaken(
    site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later one of its record that was kept all the same would be out of order, whatever is sent again."""
    monkeypatch.setattr(outlets, "FIRST", 0.001)
    monkeypatch.setattr(outlets, "LONGEST", 0.001)
    # A batch of three would never be taken as a whole.
    monkeypatch.setattr("app.relay.reading.EVENTS", 2)
    made = [await partner(client, "RELAY-MOODY", f"name {number}") for number in range(8)]
    moody = Moody()
    async with running(telling(site, moody)):
        await told_all(site)
    kept = [each for each in moody.kept if each.record == made[0]]
    first = [*dict.fromkeys(each.attributes["sequence"] for each in kept)]
    assert len(first) == 8
    assert first == sorted(first)
    assert moody.asked > 8


class Picky(Moody):
    """A broker that refuses the messages about one record."""

    record = ""

    async def send(self, message: Message) -> bool:
        self.asked += 1
        if message.record == self.record:
            raise Refused("not this one")
        self.kept.append(message)
        return True


async def test_what_is_before_a_refused_message_is_noted_and_what_is_behind_it_is_not_sent_again_and_again(
    site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlets, "PROBE_FIRST", 0.01)
    monkeypatch.setattr(outlets, "PROBE_LONGEST", 0.01)
    records = [await partner(client, f"RELAY-PICKY-{number}", "one") for number in range(3)]
    picky = Picky()
    picky.record = records[1]
    working = telling(site, picky)
    async with running(working):
        await eventually(lambda: working.outlets[0].turns > 5)
        assert [each.record for each in picky.kept] == [records[0], records[2]]
        assert picky.asked > 5
        picky.record = ""
        await told_all(site)
    assert [each.record for each in picky.kept] == [records[0], records[2], records[1], records[2]]


async def test_a_commit_that_was_told_in_part_is_told_to_its_end(
    site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is the newest, and whoever told of it was ended in the middle."""
    monkeypatch.setattr("app.relay.reading.EVENTS", 1)
    monkeypatch.setattr(outlets, "ROUNDS", 1)
    query = (
        """mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { code } } }"""
    )
    found = await ask(client, "{ partners(first: 1) { nodes { id } } products(first: 1) { nodes { id } } }")
    [customer], [product] = found["partners"]["nodes"], found["products"]["nodes"]
    lines = [{"product": {"id": product["id"]}, "quantity": "1"}]
    given = {"customer": {"id": customer["id"]}, "lineItems": lines, "confirm": True, "allowBackorder": True}
    order = (await ask(client, query, input=given))["orderCreate"]["order"]["id"]
    picky = Picky()
    working = telling(site, picky)
    async with running(working):
        await told_all(site)
        assert working.outlets[0].turns > 1
    assert [each.attributes["type"] for each in picky.kept if each.record == order] == [
        "order.created",
        "order.confirmed",
    ]
