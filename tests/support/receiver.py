"""A receiver of webhooks, on a real socket, and a worker that sends to it."""

import asyncio
import base64
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import httpx
import orjson

from app.asgi import create_app
from app.settings import load
from app.webhooks.dispatcher import Dispatcher
from app.webhooks.posting import Posting
from db.runtime.engine import Database, Target
from tests.support.graph import RECEIVING
from tests.support.http import serving

DOCUMENT = (
    'subscription { eventFeed(where: {types: ["partner.*"]}) { events { type subject { ... on Partner { name } } } } }'
)
CREATE = (
    "mutation ($input: WebhookCreateInput!) { webhookCreate(input: $input)"
    " { webhook { id name status publicKey version } secret userErrors { code message path } } }"
)
MAKE = (
    "mutation ($code: String!, $name: String!) { partnerUpsert(input: {code: $code, name: $name}) { partner { id } } }"
)


DELIVERIES = """query ($id: ID!) { node(id: $id) { ... on Webhook { status reason failingSince deliveredUpTo
    deliveries(first: 50) { nodes { id status attempts responseStatus failure nextAttemptAt messageId event { type } } } } } }"""


class Got(NamedTuple):
    """A request that the receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def name(self) -> str:
        """The name of the partner that it tells of."""
        return str(self.json["data"]["eventFeed"]["events"][0]["subject"]["name"])

    def signed_by(self, secret: str) -> bool:
        """Whether one of its signatures is the symmetric one of this secret, as the specification has it."""
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), content, "sha256")
        return f"v1,{base64.b64encode(digest).decode()}" in self.headers["webhook-signature"].split()


class Receiver:
    """Answers with what ``status`` says; ``got`` has all that came."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.status: Callable[[Got], int] = lambda _: 204
        self.waits_for: Callable[[Got], Awaitable[Any]] = lambda _: asyncio.sleep(0)
        self.headers: list[tuple[bytes, bytes]] = []
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # its sender was killed in the middle of it: half a request is none
            body, more = body + message.get("body", b""), message.get("more_body", False)
        got = Got(scope["path"], {name.decode(): value.decode() for name, value in scope["headers"]}, body)
        self.got.append(got)
        await self.waits_for(got)
        await send({"type": "http.response.start", "status": self.status(got), "headers": self.headers})
        await send({"type": "http.response.body", "body": b""})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/erp"

    async def names(self, count: int) -> list[str]:
        """The names told so far, once there are so many."""
        async with asyncio.timeout(120):
            while len(self.got) < count:  # noqa: ASYNC110 - requests have no event here
                await asyncio.sleep(0.01)
        return [each.name for each in self.got]


class Shop:
    """A server, a worker and a receiver."""

    def __init__(self, app: Any, client: httpx.AsyncClient, receiver: Receiver, target: Target) -> None:
        self.app, self.client, self.receiver, self.target = app, client, receiver, target
        self.worker: Dispatcher

    async def ask(self, query: str, **variables: Any) -> Any:
        answer = (await self.client.post("/graphql", json={"query": query, "variables": variables})).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def hook(self, name: str, **more: Any) -> Any:
        """What ``webhookCreate`` answers."""
        given = {"name": name, "url": self.receiver.url, "document": DOCUMENT, "roles": ["viewer"]} | more
        return (await self.ask(CREATE, input=given))["webhookCreate"]

    async def make(self, code: str, name: str) -> None:
        await self.ask(MAKE, code=code, name=name)

    async def told(self, id_: str) -> Any:
        """A webhook as the graph shows it, with its deliveries."""
        return (await self.ask(DELIVERIES, id=id_))["node"]

    async def becomes(self, id_: str, status: str) -> Any:
        """The webhook, once it has this status."""
        async with asyncio.timeout(120):
            while (found := await self.told(id_))["status"] != status:  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.05)
        return found

    async def waits(self, id_: str, wanted: list[tuple[str, int]]) -> Any:
        """The deliveries, oldest first, once they have these states and numbers of attempts."""
        async with asyncio.timeout(120):
            while True:
                nodes = (await self.told(id_))["deliveries"]["nodes"][::-1]
                if [(each["status"], each["attempts"]) for each in nodes] == wanted:
                    return nodes
                await asyncio.sleep(0.05)

    def dispatcher(self) -> Dispatcher:
        """Of another worker, which doesn't work yet."""
        state = self.app.state
        posting = Posting(state.posting.database, state.posting.reading, load(**RECEIVING))
        return Dispatcher({"main": self.target}, posting.database, lambda: posting, state.budgets)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """In here another worker works: ``worker``."""
        self.worker = self.dispatcher()
        running = asyncio.create_task(self.worker.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@contextlib.asynccontextmanager
async def shop(database: Database, target: Target, key: str, **settings: object) -> AsyncIterator[Shop]:
    """A server with a receiver beside it; the worker is there and doesn't work yet."""
    receiver = Receiver()
    app = create_app(load(**RECEIVING, **settings), database)
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        serving(receiver) as port,
        serving(app) as own,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{own}", headers=headers, timeout=30) as client,
    ):
        receiver.port = port
        try:
            yield Shop(app, client, receiver, target)
        finally:
            await app.state.posting.sender.close()
