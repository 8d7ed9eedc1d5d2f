"""The server under siege: ``python -m tests.siege.server ADMIN_URL SERVING_URL BYTES SETTINGS``.

Budgets are whole when it begins: what a process before it had leased, and died with, is missing from them. As it serves otherwise, but with a bound on its memory (``BYTES`` of data, as a container's would be; 0: none), with
settings from JSON, and with one address more: ``/siege`` answers the loop's longest stall since it was asked last, and
the seconds of a processor that the process had when the question came and when it was answered.
Prints its port when it accepts requests, and ends when its standard input does.
"""

import asyncio
import resource
import sys
from time import perf_counter, process_time
from typing import Any

import asyncpg
import orjson
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from db.runtime.engine import Database, Target
from tests.bench.server import serve

BEAT = 0.001
"""Seconds from one look at the clock to the next."""


class Watch:
    """A watch on the loop: the longest time in which it gave nobody a turn, while it is asked for.

    What counts is the processor's time: on a busy machine others' work between two beats isn't a stall of ours. It is
    the whole process's, since a thread that holds the interpreter's lock stops the loop as well; a thread that doesn't
    lets the beats go on.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._longest = 0.0
        self._beating: asyncio.TimerHandle | None = None
        self._last = (0.0, 0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/siege":
            await self.app(scope, receive, send)
            return
        told = {"now": process_time(), "stall": self._turn(begin=scope["query_string"] == b"begin")}
        content = orjson.dumps(told | {"then": process_time()})
        headers = [(b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _turn(self, *, begin: bool) -> float:
        """The longest stall so far, in seconds."""
        if self._beating is not None:
            self._beating.cancel()
            self._look()
        longest, self._longest, self._beating = self._longest, 0.0, None
        if begin:
            self._last = (perf_counter(), process_time())
            self._beat()
        return longest

    def _beat(self) -> None:
        self._look()
        self._beating = asyncio.get_running_loop().call_later(BEAT, self._beat)

    def _look(self) -> None:
        now = (perf_counter(), process_time())
        self._longest = max(self._longest, min(now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now


async def forget_budgets(admin: str) -> None:
    """Have all budgets be whole: those that aren't there are.

    They refill by a point a second in a siege, and its database is kept from one to the next: where some of its processes
    had died with what they had leased, half of all requests were refused.
    """
    connection = await asyncpg.connect(admin)
    try:
        await connection.execute("DELETE FROM budgets")
    finally:
        await connection.close()


async def main(admin: str, serving: str, settings: dict[str, Any]) -> None:
    await forget_budgets(admin)
    await serve(Database(Target(admin, serving)), lambda: asyncio.to_thread(sys.stdin.read), settings, Watch)


if __name__ == "__main__":
    if limit := int(sys.argv[3]):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    uvloop.run(main(sys.argv[1], sys.argv[2], orjson.loads(sys.argv[4])))
