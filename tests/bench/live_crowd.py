"""A crowd of subscribers in a process of its own, so that its work isn't taken for the server's: ``python -m tests.bench.live_crowd``.

Each line on its standard input names one of ``Crowd``'s questions and what it is given, as JSON; the answer is a line, too. It ends
with its input.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import orjson
import uvloop

from tests.bench.live_clients import AT_ONCE, FOLLOW, Heard, SocketSubscriber, Subscriber, begun, left
from tests.bench.open_files import raise_limit

KINDS: dict[str, type[Subscriber]] = {"events": Subscriber, "sockets": SocketSubscriber}


class Half(asyncio.Protocol):
    """A connection that begins something and doesn't go on with it."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent
        self.said = b""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        transport.write(self._sent)

    def data_received(self, data: bytes) -> None:
        self.said += data

    def connection_lost(self, _: Exception | None) -> None:
        self.over.set_result(None)


class Crowd:
    """All who follow, whatever they came by."""

    def __init__(self) -> None:
        self._heard = Heard()
        self._them: list[Subscriber] = []
        self._half: list[Half] = []

    async def subscribe(
        self, port: int, kind: str, keys: Sequence[str], at_once: int = AT_ONCE, query: str = FOLLOW
    ) -> dict[str, Any]:
        """One more subscriber for each of these keys, so many at once; how long that took, in seconds. They come again who were
        refused.
        """
        began, refused = perf_counter(), Counter[str]()
        them = [KINDS[kind](key, self._heard, query=query) for key in keys]
        self._them += await begun(them, port, at_once, refused)
        return {"took": perf_counter() - began, "refused": refused}

    async def half(self, port: int, count: int, sent: str) -> dict[str, Any]:
        """So many connections that send this, and nothing more; how long that took."""
        loop, began = asyncio.get_running_loop(), perf_counter()

        async def one() -> Half:
            _, made = await loop.create_connection(lambda: Half(sent.encode()), "127.0.0.1", port)
            return made

        self._half += await asyncio.gather(*(one() for _ in range(count)))
        return {"took": perf_counter() - began}

    async def cut(self, within: float) -> dict[str, Any]:
        """When the last of these connections was ended, and what was said to how many of them."""
        began = perf_counter()
        async with asyncio.timeout(within):
            await asyncio.gather(*(each.over for each in self._half))
        said = Counter(each.said.partition(b"\r\n")[0].decode(errors="replace") for each in self._half)
        self._half.clear()
        return {"took": perf_counter() - began, "said": said}

    async def stop_reading(self) -> dict[str, Any]:
        """From now on none of them takes what it is sent."""
        for each in self._them:
            each.transport.pause_reading()
        return {"took": 0.0}

    async def leave(self) -> dict[str, Any]:
        """All go at once."""
        began = perf_counter()
        await left(self._them)
        self._them.clear()
        return {"took": perf_counter() - began}

    async def over(self, within: float) -> dict[str, Any]:
        """When the first and the last of them have ended, how they did, and what they were told."""
        async with asyncio.timeout(within):
            await asyncio.gather(*(each.over for each in self._them))
        ended = [each.ended for each in self._them]
        return {
            "first": min(ended),
            "last": max(ended),
            "ends": Counter(each.end for each in self._them),
        } | self._told()

    async def resume(self, port: int) -> dict[str, Any]:
        """Those that have ended go on somewhere else, from where they were."""
        began, refused = perf_counter(), Counter[str]()
        self._them = await begun([each.again() for each in self._them], port, refused=refused)
        return {"took": perf_counter() - began}

    async def told(self, least: int, within: float) -> dict[str, Any]:
        """What they were told, once each of them was told of so many records."""
        async with asyncio.timeout(within):
            while any(len(each.told) < least for each in self._them):  # noqa: ASYNC110 - they tell nobody
                await asyncio.sleep(0.02)
        return self._told()

    def _told(self) -> dict[str, Any]:
        """Of which records how many of them were told."""
        found = Counter(b" ".join(sorted(each.told)).decode() for each in self._them)
        return {"told": [[records.split(), count] for records, count in found.items()]}


async def main() -> None:
    raise_limit()
    crowd = Crowd()
    print(flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        question, given = orjson.loads(line) if line.startswith("[") else (line.strip(), {})
        print(orjson.dumps(await getattr(crowd, question)(**given)).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
