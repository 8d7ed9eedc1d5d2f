"""Subscriptions by WebSocket as a client has them, message by message, with the ``websockets`` library."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.patience import PATIENCE
from tests.support.streams import Served

PROTOCOL = Subprotocol("graphql-transport-ws")


class Talk:
    """A socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, kind: str, **more: Any) -> None:
        await self.connection.send(orjson.dumps({"type": kind, **more}).decode())

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(PATIENCE):
            found: dict[str, Any] = orjson.loads(await self.connection.recv())
        return found

    async def begin(self, key: str) -> None:
        await self.say("connection_init", payload={"authorization": f"Bearer {key}"})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, id_: str, query: str, **variables: Any) -> None:
        await self.say("subscribe", id=id_, payload={"query": query, "variables": variables})

    async def names(self, id_: str) -> list[str]:
        """The names of the partners that the next message tells of, which is this subscription's."""
        found = await self.hear()
        assert (found["id"], found["type"]) == (id_, "next"), found
        return [each["node"]["name"] for each in found["payload"]["data"]["changes"]["changes"]]

    async def code(self) -> int:
        """The code that the server closes the socket with, whatever it says before."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
        return self.connection.close_code or 0


def url(served: Served) -> str:
    return str(served.client.base_url).rstrip("/").replace("http", "ws") + "/graphql"


@contextlib.asynccontextmanager
async def talking(served: Served, key: str = "", **options: Any) -> AsyncIterator[Talk]:
    """A socket; with a key it has said whose it is."""
    async with connect(url(served), **({"subprotocols": [PROTOCOL], "compression": None} | options)) as connection:
        talk = Talk(connection)
        if key:
            await talk.begin(key)
        yield talk
