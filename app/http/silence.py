"""Signs of life for whoever hears nothing for long, so that proxies don't take the connection for dead: one task looks after all of a process.

With a timer for each, ten thousand silent streams took twice as much of a processor: a sign costs some microseconds, and waking up for it
many times as much, once for the sign and once for its answer.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

import structlog

from app.http.untaken import bound_unsent

log = structlog.get_logger()

EVERY = 50.0
"""Seconds of silence after which there is a sign. Proxies and load balancers cut after 60, unless they are told otherwise: most of what a
silent stream costs is the system's work to send.
"""

LOOK = 1.0
"""Seconds between two looks."""

SLICE = 50
"""Signs in one step of the loop: requests have their turn in between."""

GONE_WITHIN = 60_000
"""Milliseconds in which the client's machine must say that it has what was sent: one that is gone without a word is noticed by that."""

BREATHE = "erpgraph.breathe"
"""What a request's scope has where its answer can get bytes past the application: a function that makes what writes them."""

HANG_UP = "erpgraph.hang_up"
"""What it has where it can be ended in the same way: a function that ends it so that the client comes back."""

Sign = Callable[[], None]


class Silence:
    """Those that are given signs, those first that have heard nothing for longest."""

    def __init__(self) -> None:
        self._since: dict[Sign, float] = {}
        self._looking: asyncio.Task[None] | None = None

    def broken(self, sign: Sign) -> None:
        """Something was said, or there is something to keep silent."""
        self._since.pop(sign, None)
        self._since[sign] = monotonic()
        if self._looking is None or self._looking.get_loop() is not asyncio.get_running_loop():
            self._looking = asyncio.create_task(self._look())

    def over(self, sign: Sign) -> None:
        """It has ended."""
        self._since.pop(sign, None)

    async def _look(self) -> None:
        while self._since:
            await asyncio.sleep(min(LOOK, EVERY))
            before, due = monotonic() - EVERY, list[Sign]()
            for sign, since in self._since.items():
                if since > before:
                    break
                due.append(sign)
            for start in range(0, len(due), SLICE):
                for sign in due[start : start + SLICE]:
                    if sign in self._since:
                        self._give(sign)
                await asyncio.sleep(0)
        self._looking = None

    def _give(self, sign: Sign) -> None:
        self.broken(sign)
        try:
            sign()
        except Exception:
            # Of all others there is nobody else who looks after them.
            log.exception("a sign of life can't be given")
            self.over(sign)


SILENCE = Silence()
"""This process's."""


def breathing(found: Callable[[], Any], sign: bytes) -> Sign:
    """What writes a sign into an answer that is under way, past the application; whatever else it writes is whole chunks.

    ``found`` is a weak reference to uvicorn's part of the answer, which holds the scope that this is found by: a circle of
    the two held every request and its body until the collector came round.
    """
    cycle = found()

    def breathe() -> None:
        over = cycle.response_complete or cycle.disconnected or cycle.transport.is_closing()
        if cycle.response_started and not over and not cycle.flow.write_paused:
            cycle.transport.write(b"%x\r\n%b\r\n" % (len(sign), sign) if cycle.chunked_encoding else sign)

    with contextlib.suppress(
        OSError, AttributeError, TypeError, ValueError
    ):  # it may have gone: uvloop says ValueError then
        client = cycle.transport.get_extra_info("socket")
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_WITHIN)
    bound_unsent(cycle.transport)
    return breathe


def hang_up(found: Callable[[], Any]) -> None:
    """End an answer that is under way, past the application: what was written goes out, and the client finds it whole. By the application
    it takes ten times as long, and of thousands of streams the first would end when the last is about to. ``found`` is as of ``breathing``.
    """
    cycle = found()
    if cycle is not None and cycle.response_started and not cycle.response_complete and not cycle.disconnected:
        if cycle.chunked_encoding:
            cycle.transport.write(b"0\r\n\r\n")
        cycle.disconnected = True
        cycle.message_event.set()
        cycle.transport.close()
