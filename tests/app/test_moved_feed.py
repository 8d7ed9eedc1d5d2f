"""A tenant that moves to another database takes along what follows it: nobody misses anything, or is told anything under another id."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.relay.outlet import Outlet
from app.relay.reading import Reading
from app.relay.relay import Relay
from app.relay.sinks import made
from app.settings import load
from app.webhooks.dispatcher import Dispatcher
from app.webhooks.posting import Posting
from core import ids
from db.runtime.engine import Database, Target, administration
from db.runtime.spread import Spread
from services.platform import keys, tenants
from services.platform.transfer.move import Move
from services.webhooks import turns
from tests.support.brokers import Got as Kept
from tests.support.brokers import Nats, running
from tests.support.graph import RECEIVING, schema
from tests.support.http import eventually
from tests.support.postgres import TestServer
from tests.support.receiver import Got, Shop, shop
from tests.support.relayed import rising

FEED = "query ($after: String) { eventFeed(after: $after) { cursor events { type after } } }"
NOW = "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE tenant_id = $1 AND next_attempt_at IS NOT NULL"
DUE = "UPDATE webhook_turns SET due_at = now() WHERE tenant_id = $1"


WITHOUT_A_LEASE = turns.LASTS / 2
"""Seconds in which a worker has what the one before had, which was ended in order: less than a lease lasts."""


class Places:
    """Two databases as one process sees them, and a tenant that lives in one of them."""

    def __init__(self, targets: dict[str, Target], database: Spread, tenant: UUID, broker: Nats) -> None:
        self.targets, self.database, self.tenant, self.broker = targets, database, tenant, broker

    @contextlib.asynccontextmanager
    async def working(self, made_: Shop) -> AsyncIterator[None]:
        """In here a worker tells the broker and the receiver."""
        state = made_.app.state
        posting = Posting(self.database, state.posting.reading, load(**RECEIVING))
        dispatcher = Dispatcher(self.targets, self.database, lambda: posting, state.budgets)
        task = asyncio.create_task(dispatcher.run())
        try:
            async with running(self.relay()):
                yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def relay(self) -> Relay:
        [sink] = made([self.broker.url])
        return Relay(self.targets, [Outlet(sink, self.database, lambda: Reading(schema(), self.database, sink.name))])

    async def move(self, to: str) -> None:
        await Move(self.targets, "main", self.tenant, to, grace=0, settled=0).run()
        await eventually(lambda: self.database.places.get(self.tenant, "main") == to)

    async def kept(self, count: int) -> list[Kept]:
        """What the broker has, once it is so much."""
        return await self.broker.at_last(ids.encode("ten", self.tenant), count)

    async def later(self, to: str) -> None:
        """What waits is tried again."""
        async with administration(self.targets[to], self.tenant) as owner:
            for statement in (NOW, DUE):
                await owner.execute(statement, self.tenant)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Nats]:
    it = Nats(tmp_path)
    await it.start()
    yield it
    it.kill()


@pytest.fixture
async def places(server: TestServer, broker: Nats) -> AsyncIterator[Places]:
    async with server.fresh() as main, server.fresh() as emea:
        tenant = await tenants.create(main, "moves", "EUR")
        database = Spread(main, others={"emea": Database(emea)})
        await database.open()
        yield Places({"main": main, "emea": emea}, database, tenant, broker)
        await database.close()


async def names(made_: Shop, after: str) -> list[str]:
    """The names that were given behind a place."""
    found = (await made_.ask(FEED, after=after))["eventFeed"]["events"]
    return [each["after"]["name"] for each in found]


async def test_who_follows_a_tenant_follows_it_to_another_database_and_back(places: Places) -> None:
    main = places.targets["main"]
    key = await keys.create(main, places.tenant, "tests", roles=("admin",))
    refusing, refused = False, list[Got]()
    taken: dict[str, Got] = {}
    """What the receiver has taken, by ids: a worker that was ended before it noted what it had sent sends it again."""

    def answer(got: Got) -> int:
        if refusing and got.name == "refused":
            refused.append(got)
            return 503
        taken.setdefault(got.headers["webhook-id"], got)
        return 204

    async with shop(places.database, main, key) as made_:
        made_.receiver.status = answer
        hook = (await made_.hook("moves"))["webhook"]["id"]
        async with places.working(made_):
            await made_.make("A", "told")
            await eventually(lambda: len(taken) == 1)
            await places.kept(3)  # that it begins, the webhook, and the partner
            start = (await made_.ask(FEED, after=None))["eventFeed"]["cursor"]
            refusing = True
            await made_.make("B", "refused")
            # What isn't noted as refused is written anew when it is sent again, with the name that it tells of then.
            await made_.waits(hook, [("TAKEN", 1), ("WAITING", 1)])
            await places.kept(4)
        await made_.make("A", "told nobody")
        await made_.make("B", "behind the refused one")
        refusing = False

        # Numbers that are drawn there are smaller, as there was less.
        await places.move("emea")
        await made_.make("C", "there")
        expected = ["refused", "told nobody", "behind the refused one", "there"]
        assert await names(made_, start) == expected
        async with places.working(made_):
            await places.later("emea")
            await eventually(lambda: len(taken) == 5, WITHOUT_A_LEASE)
            found = await places.kept(7)
        await places.move("main")
        async with places.working(made_):
            await made_.make("A", "here again")
            await eventually(lambda: len(taken) == 6, WITHOUT_A_LEASE)
            found = await places.kept(8)
        assert await names(made_, start) == [*expected, "here again"]

    told = [got.name for got in taken.values()]
    assert told[0] == "told"
    # What the document reads of a record is as it is when it is sent, and not as it was then.
    assert {*told} <= {"told", "told nobody", "here again", "refused", "behind the refused one", "there"}
    again = taken[refused[0].headers["webhook-id"]]
    assert again.body == refused[0].body
    types = [each.attributes["type"] for each in found]
    assert types[:3] == ["feed.resync_required", "webhook.created", "partner.created"]
    assert len(types) == len({each.attributes["id"] for each in found}) == 8
    assert types.count("feed.resync_required") == 1
    assert rising(found)
    numbers: list[Any] = [each.attributes["sequence"] for each in found]
    assert numbers[-1] == max(numbers)
