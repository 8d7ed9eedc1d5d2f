"""Subscribers of ``bench_live``, ten thousand of them in one process: each a protocol that looks at the bytes as they come."""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import Iterable
from time import perf_counter
from typing import Any

import orjson

FOLLOW = "subscription ($after: String) { changes(after: $after, kinds: [PARTNER]) { cursor changes { id } } }"
MUCH = (
    "subscription ($after: String) { changes(after: $after, kinds: [PARTNER]) { cursor changes { id node { ... on Partner { %s } } } } }"
    % " ".join(f"n{number}: name" for number in range(25))
)
"""The same with some kilobytes of each."""
AT_ONCE = 16
"""Subscribers that connect at a time."""
FIRST, LONGEST = 1.0, 16.0
"""Seconds until those come again that weren't let in: twice as long each time, and half of it by chance."""

WITHIN = 120.0
"""Seconds in which one must have its first batch."""

_ID = re.compile(rb'"id":"(par_[0-9a-f]{32})"')
_CODE = re.compile(r'"code":"([A-Z_]+)"')
_CURSOR = re.compile(rb'"cursor":"([^"]+)"')


class Heard:
    """Counts what was told, to any of many subscribers."""

    def __init__(self) -> None:
        self.count = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    def add(self) -> None:
        self.count += 1
        if self.count == self._wanted:
            self._reached.set()

    async def reach(self, number: int) -> None:
        """Return when there are so many. Raises ``TimeoutError`` after two minutes."""
        self._wanted = number
        self._reached.clear()
        if self.count < number:
            async with asyncio.timeout(120):
                await self._reached.wait()


class Subscriber(asyncio.Protocol):
    """Counts what it is told, and notes when: by server-sent events."""

    def __init__(self, key: str, heard: Heard, after: str | None = None, query: str = FOLLOW) -> None:
        self.key, self.heard, self.cursor, self._query = key, heard, after, query
        self.told: dict[bytes, float] = {}
        """When each record was told first."""
        self.began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = 0.0
        self.end = ""
        """How it ended: the code by which a socket is closed, and whether events say that they are complete."""
        self.transport: Any = None
        self._rest = b""

    def again(self) -> "Subscriber":
        """The same, to go on from where it was."""
        later = type(self)(self.key, self.heard, self.cursor, self._query)
        later.told = self.told
        return later

    def leave(self) -> None:
        """Go, without a word."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def request(self) -> dict[str, Any]:
        """What it follows."""
        return {"query": self._query, "variables": {"after": self.cursor}}

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        body = orjson.dumps(self.request)
        transport.write(self._head("POST /graphql/stream") + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def data_received(self, data: bytes) -> None:
        if not self.began.done():
            self._rest += data
            if b'"data":{"changes"' in self._rest:
                data, self._rest = self._rest, b""
                self.began.set_result(None)
                self._hear(data)
            elif b'"errors"' in self._rest or b'"type":"error"' in self._rest:
                self.began.set_exception(RuntimeError(self._rest.decode()))
            return
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        # A batch in several pieces: the end of an id may be in the next one.
        data = self._rest + data
        for found in _ID.findall(data):
            if found not in self.told:
                self.told[found] = perf_counter()
                self.heard.add()
        if cursors := _CURSOR.findall(data):
            self.cursor = cursors[-1].decode()
        if b"event: complete" in data:
            self.end = "complete"
            self._over()  # the connection is good for another request
            self.transport.close()
        self._rest = data[-64:]

    def connection_lost(self, _: Exception | None) -> None:
        if not self.began.done():
            self.began.set_exception(RuntimeError(f"it was ended: {self._rest.decode(errors='replace')}"))
        self._over()

    def _over(self) -> None:
        if not self.over.done():
            self.ended = perf_counter()
            self.over.set_result(None)

    def _head(self, line: str) -> bytes:
        head = f"{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
        return head.encode()


class SocketSubscriber(Subscriber):
    """The same by WebSocket; a ping is answered."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        upgrade = (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        transport.write(self._head("GET /graphql") + upgrade.encode())
        self._frames = b""
        self._accepted = False

    def data_received(self, data: bytes) -> None:
        self._frames += data
        if not self._accepted:
            head, whole, rest = self._frames.partition(b"\r\n\r\n")
            if not whole:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.began.set_exception(RuntimeError(self._frames.decode(errors="replace")))
                return
            self._frames = rest
            self._accepted = True
            self._say(1, orjson.dumps({"type": "connection_init"}))
            self._say(1, orjson.dumps({"type": "subscribe", "id": "1", "payload": self.request}))
        while frame := self._frame():
            if frame[0] == 0x89:
                self._say(10, frame[1:])
            elif frame[0] == 0x88:
                self.end = str(int.from_bytes(frame[1:3], "big"))
                self._say(8, frame[1:3])
            else:
                super().data_received(frame[1:])

    def _frame(self) -> bytes:
        """The next frame that is whole: its first byte and its content; nothing where there is none."""
        frames = self._frames
        if len(frames) < 2:
            return b""
        begin = 2 + {126: 2, 127: 8}.get(frames[1], 0)
        length = int.from_bytes(frames[2:begin], "big") if begin > 2 else frames[1]
        if len(frames) < begin + length:
            return b""
        self._frames = frames[begin + length :]
        return frames[:1] + frames[begin : begin + length]

    def _say(self, opcode: int, content: bytes) -> None:
        mask = os.urandom(4)
        length = bytes([128 | len(content)]) if len(content) < 126 else b"\xfe" + len(content).to_bytes(2, "big")
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))
        self.transport.write(bytes([128 | opcode]) + length + mask + masked)


async def subscribed(kind: type[Subscriber], port: int, key: str, count: int, heard: Heard) -> list[Subscriber]:
    """So many subscribers that have their first batch."""
    return await begun([kind(key, heard) for _ in range(count)], port)


async def begun(
    subscribers: list[Subscriber], port: int, at_once: int = AT_ONCE, refused: Counter[str] | None = None
) -> list[Subscriber]:
    """They have their first batch. Where ``refused`` counts how often they weren't let in, they come again, later each time;
    whoever has no right to come doesn't."""
    loop = asyncio.get_running_loop()
    turns = asyncio.Semaphore(at_once)

    async def one(each: Subscriber) -> Subscriber:
        pause = FIRST
        while True:
            try:
                await loop.create_connection(lambda: each, "127.0.0.1", port)  # noqa: B023 - it is called at once
                async with asyncio.timeout(WITHIN):
                    await each.began
            except (RuntimeError, OSError) as error:
                code = _code(error)
                if refused is None or code == "UNAUTHENTICATED":
                    raise
                refused[code] += 1
                each.leave()
            else:
                return each
            await asyncio.sleep(random.uniform(0.5, 1.0) * pause)
            each, pause = each.again(), min(LONGEST, 2 * pause)

    async def in_turn(each: Subscriber) -> Subscriber:
        async with turns:
            return await one(each)

    return [*await asyncio.gather(*map(in_turn, subscribers))]


def _code(error: Exception) -> str:
    found = _CODE.search(str(error))
    return found[1] if found else type(error).__name__


async def left(subscribers: Iterable[Subscriber]) -> None:
    """All of them leave."""
    for each in subscribers:
        each.transport.abort()
    await asyncio.gather(*(each.over for each in subscribers))
