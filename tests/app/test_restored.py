"""A database that is restored to an older state of itself, as by a recovery to a point in time: nobody goes on from a place that is
gone as though nothing had happened, and all who follow are told (docs/backup.md).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from core import ids
from db.admin import numbers
from db.runtime.engine import Database, Target, administration
from services.platform import feeds, keys, tenants
from services.platform.transfer.freeze import freeze
from tests.support.brokers import Got, Nats, relay, running
from tests.support.command import Ended, ended, one_line, started
from tests.support.http import serving
from tests.support.patience import PATIENCE
from tests.support.postgres import TestServer
from tests.support.receiver import Receiver, Shop, shop
from tests.support.relayed import rising
from tests.support.streams import streaming

EVERYTHING = "subscription { eventFeed { events { type } } }"
FEED = "query ($after: String) { eventFeed(after: $after) { cursor events { type subjectId } } }"
FOLLOW = "subscription ($after: String) { eventFeed(after: $after) { cursor events { type } } }"
LAST = "SELECT last_value FROM commit_numbers"


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[Nats]:
    broker = Nats(tmp_path)
    await broker.start()
    yield broker
    broker.kill()


@contextlib.asynccontextmanager
async def opened(target: Target) -> AsyncIterator[Database]:
    database = Database(target)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def feed(made: Shop, after: str | None) -> Any:
    return (await made.client.post("/graphql", json={"query": FEED, "variables": {"after": after}})).json()


async def until(there: Callable[[], list[str]], wanted: list[str]) -> None:
    """Wait until it is so, in whatever order: that of different records isn't promised."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while sorted(there()) != sorted(wanted):  # noqa: ASYNC110 - the worker tells nobody
                await asyncio.sleep(0.02)
    assert sorted(there()) == sorted(wanted)


async def kept(broker: Nats, tenant: UUID, count: int) -> list[Got]:
    """What the broker has of a tenant, once it is so much."""
    return await broker.at_last(ids.encode("ten", tenant), count)


def run(*arguments: str, **settings: str) -> Ended:
    """A command as a process of its own."""
    return ended(started(*arguments, **settings))


def types(receiver: Receiver) -> list[str]:
    """What it got, each message once: a worker that was ended before it noted what it had sent sends it again."""
    once = {got.headers["webhook-id"]: got for got in receiver.got}
    return [event["type"] for got in once.values() for event in got.json["data"]["eventFeed"]["events"]]


async def test_nobody_goes_on_from_what_is_gone(server: TestServer, nats: Nats) -> None:
    receiver = Receiver()
    async with serving(receiver) as receiver.port, server.fresh() as now:
        tenant = await tenants.create(now, "restored", "EUR")
        key = await keys.create(now, tenant, "tests", roles=("admin",))
        async with opened(now) as database, shop(database, now, key) as made:
            await made.hook("all", document=EVERYTHING, url=receiver.url)
            async with made.working(), running(relay(database, now, [nats.url])):
                await made.make("A", "before")
                await until(lambda: types(receiver), ["webhook.created", "partner.created"])
                await kept(nats, tenant, 3)  # that it begins, the webhook, and the partner
            before = (await feed(made, None))["data"]["eventFeed"]["cursor"]
        async with server.fresh(template=urlsplit(now.admin).path[1:]) as older:
            async with opened(now) as database, shop(database, now, key) as made:
                async with made.working(), running(relay(database, now, [nats.url])):
                    await made.make("A", "told and lost")
                    await until(lambda: types(receiver), ["webhook.created", "partner.created", "partner.updated"])
                    told = await kept(nats, tenant, 4)
                gone = (await feed(made, None))["data"]["eventFeed"]["cursor"]

            assert await feeds.restored(older) == feeds.Reported(1, ())

            async with opened(older) as database, shop(database, older, key) as made:
                [refused] = (await feed(made, gone))["errors"]
                assert refused["extensions"]["code"] == "RESYNC_REQUIRED"
                assert (await feed(made, before))["data"]["eventFeed"]["events"] == [
                    {"type": "feed.restored", "subjectId": ids.encode("ten", tenant)}
                ]
                async with made.working(), running(relay(database, older, [nats.url])):
                    await made.make("B", "after")
                    await until(
                        lambda: types(receiver),
                        [
                            *("webhook.created", "partner.created", "partner.updated"),
                            *("feed.restored", "partner.created"),
                        ],
                    )
                    found = await kept(nats, tenant, 6)
            assert found[:4] == told
            assert [each.attributes["type"] for each in found[4:]] == ["feed.restored", "partner.created"]
            assert found[4].attributes["subject"] == ids.encode("ten", tenant)
            assert rising(found)
            # Also of different records: the numbers of what is gone are behind those of now.
            assert found[3].attributes["sequence"] < found[4].attributes["sequence"] < found[5].attributes["sequence"]
            async with opened(older) as database, streaming(database, key) as served:
                async with served.follow(FOLLOW, last=gone) as stream:
                    data = await stream.data()
                    assert data["errors"][0]["extensions"]["code"] == "RESYNC_REQUIRED"
                    assert (await stream.event() or {})["event"] == "complete"
                    assert await stream.event() is None
                async with served.follow(FOLLOW, after=before) as stream:
                    events = (await stream.data())["data"]["eventFeed"]["events"]
                    assert events == [{"type": "feed.restored"}, {"type": "partner.created"}]


async def test_numbers_go_on_behind_all_that_were_drawn(fresh: Target) -> None:
    await tenants.create(fresh, "numbered", "EUR")
    async with administration(fresh) as connection:
        await connection.execute("SELECT setval('commit_numbers', 7)")
    await feeds.restored(fresh)
    async with administration(fresh) as connection:
        assert await connection.fetchval(LAST) == 7 + numbers.AHEAD + 1


async def test_a_frozen_tenant_is_named_and_unchanged(fresh: Target) -> None:
    """What is moved must not change meanwhile."""
    for name in ("moves", "stays"):
        await tenants.create(fresh, name, "EUR")
    moves = await tenants.find(fresh, "moves")
    await freeze(fresh, moves)
    assert await feeds.restored(fresh) == feeds.Reported(1, ("moves",))
    async with administration(fresh, moves) as connection:
        assert await connection.fetchval("SELECT count(*) FROM events WHERE tenant_id = $1", moves) == 0
    done = await asyncio.to_thread(run, "feed", "restored", DATABASE_URL=fresh.admin)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "The feeds of 1 tenant report that the database was restored.",
        "Frozen, and not notified: moves. Unfreeze them, and run 'erpgraph feed restored' again.",
    ]


async def test_what_was_changed_by_hand_is_read_again(fresh: Target) -> None:
    tenant = await tenants.create(fresh, "by hand", "EUR")
    key = await keys.create(fresh, tenant, "tests", roles=("admin",))
    query = "query ($after: String) { changes(after: $after) { cursor reload changes { id } } }"
    async with opened(fresh) as database, shop(database, fresh, key) as made:

        async def changed(after: str | None) -> Any:
            return (await made.ask(query, after=after))["changes"]

        begun = (await changed(None))["cursor"]
        given = ("feed", "reload", "--tenant", "by hand")
        done = await asyncio.to_thread(run, *given, "product", "ORDER", DATABASE_URL=fresh.admin)
        assert done == (0, "", "Followers of by hand are notified to read again: PRODUCT, ORDER.\n")
        found = await changed(begun)
        assert (found["reload"], found["changes"]) == (["PRODUCT", "ORDER"], [])
        wrong = await asyncio.to_thread(run, *given, "TREASURE", DATABASE_URL=fresh.admin)
        assert one_line(wrong).startswith("The feed has no kind TREASURE. It has PRODUCT")
        assert (await changed(found["cursor"]))["reload"] == []
