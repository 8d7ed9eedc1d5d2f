"""Those that are told what happens without a broker: a subscriber that comes back, and a receiver of webhooks."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import httpx
import orjson

from core.changes import read_cursor
from tests.chaos.heard import Told
from tests.chaos.server import STARTS_WITHIN
from tests.chaos.site import Site, Tenant
from tests.support.http import serving
from tests.support.receiver import CREATE, Got, Receiver

FOLLOW = "subscription { eventFeed(first: 500) { cursor events { id subjectId } } }"
DOCUMENT = "subscription { eventFeed { events { id subjectId } } }"
PLACE = "SELECT commit_id FROM webhooks WHERE tenant_id = $1"

AWAY = {"UNAVAILABLE", "TIMEOUT"}
"""What a fault may be told as."""


class Follower:
    """A client that follows the feed by events, and comes back with its cursor, to the next server, whenever its stream ends."""

    def __init__(self, site: Site, tenant: Tenant) -> None:
        self._site, self._tenant = site, tenant
        self.told: list[Told] = []
        self.wrong: list[str] = []
        self.began: UUID
        """The commit behind which it follows."""
        self.came_back = -1
        self._cursor = ""
        self._begun = asyncio.Event()

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """In here it follows."""
        task = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(STARTS_WITHIN):
                await self._begun.wait()
            yield
        finally:
            task.cancel()
            [ended] = await asyncio.gather(task, return_exceptions=True)
            if not isinstance(ended, asyncio.CancelledError):
                self.wrong.append(f"a subscriber failed: {ended!r}")

    async def _run(self) -> None:
        async with self._site.client(self._tenant) as client:
            for server in itertools.cycle(self._site.servers):
                self.came_back += 1
                with contextlib.suppress(httpx.TransportError):
                    await self._follow(client, server.url)
                await asyncio.sleep(0.05)

    async def _follow(self, client: httpx.AsyncClient, url: str) -> None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self._cursor} if self._cursor else {})
        async with client.stream("POST", f"{url}/graphql/stream", json={"query": FOLLOW}, headers=headers) as answer:
            if answer.status_code != 200:
                return self._judge(orjson.loads(await answer.aread()))
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    self._take(orjson.loads(line.removeprefix("data: ")))
            return None

    def _take(self, batch: Any) -> None:
        if "errors" in batch:
            return self._judge(batch)
        feed = batch["data"]["eventFeed"]
        self._cursor = feed["cursor"]
        self.told += [Told(each["id"], each["subjectId"], each["id"]) for each in feed["events"]]
        if not self._begun.is_set():
            self.began = read_cursor(self._cursor, None).commit
            self._begun.set()
        return None

    def _judge(self, answer: Any) -> None:
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        if not codes <= AWAY:
            self.wrong.append(f"a subscriber was answered strangely: {answer['errors']}")


class Receiving(Receiver):
    """A receiver of all runs' webhooks: each has a path of its own, after its tenant."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: Callable[[], bool] = lambda: False
        """Whether it refuses what comes next."""
        self.hangs = 0.0
        """Seconds for which it keeps whoever sends waiting."""
        self.status, self.waits_for = self._answer, lambda _: asyncio.sleep(self.hangs)
        self._taken: dict[str, list[Got]] = {}
        self._stack = contextlib.AsyncExitStack()

    async def start(self) -> None:
        self.port = await self._stack.enter_async_context(serving(self))

    async def stop(self) -> None:
        await self._stack.aclose()

    def begin(self, tenant: Tenant) -> None:
        """Expect what happens in a tenant, and remember nothing of others."""
        self.got.clear()
        self._taken = {f"/{tenant.id.hex}": []}

    async def ordered(self, site: Site, tenant: Tenant) -> UUID:
        """Have everything sent here that happens from now on; the commit behind which that is."""
        url = f"http://127.0.0.1:{self.port}/{tenant.id.hex}"
        given = {"name": "chaos", "url": url, "document": DOCUMENT, "roles": ["admin"]}
        async with site.client(tenant) as client:
            body = {"query": CREATE, "variables": {"input": given}}
            answer = (await client.post(f"{site.url}/graphql", json=body)).json()
        assert answer["data"]["webhookCreate"]["webhook"], answer
        async with site.admin() as connection:
            return UUID(int=(await connection.fetchval(PLACE, tenant.id)).int)

    def told(self, tenant: Tenant) -> list[Told]:
        """What it has taken, in the order in which it took it."""
        return [
            Told(event["id"], event["subjectId"], got.headers["webhook-id"])
            for got in self._taken[f"/{tenant.id.hex}"]
            for event in got.json["data"]["eventFeed"]["events"]
        ]

    def repeated(self, tenant: Tenant) -> int:
        """How many messages it has taken that it had already."""
        taken = [got.headers["webhook-id"] for got in self._taken[f"/{tenant.id.hex}"]]
        return len(taken) - len({*taken})

    def _answer(self, got: Got) -> int:
        if self.refuses():
            return 503
        if got.path in self._taken:
            self._taken[got.path].append(got)
        return 204
