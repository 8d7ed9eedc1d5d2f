"""How many requests of one key are served at once, so that one key can't take all connections."""

import asyncio
from collections.abc import Hashable
from typing import Self

from app.errors.http_errors import Throttled
from core.errors import Overloaded
from db.runtime.failures import UNAVAILABLE_MESSAGE

WAIT = 2.0
"""Seconds that a request waits for its turn, and as long as one waits for a connection (THREATS.md 40)."""


class Turns:
    """``running`` queries of an owner run at once, in this process, and as many commands, which have connections of
    their own; those beyond wait. ``most`` requests are there in all.
    """

    def __init__(self, running: int, most: int) -> None:
        self._running = running
        self._most = most
        self._owners: dict[Hashable, Turn] = {}

    def of(self, owner: Hashable) -> "Turn":
        """A request's place among its owner's, to be entered with ``with``. Raises ``Throttled`` where there are too
        many.
        """
        turn = self._owners.get(owner)
        if turn is None:
            turn = self._owners[owner] = Turn(self._owners, owner, self._running)
        if turn.flying >= self._most:
            raise Throttled(f"This key has {self._most} requests in flight, and may not have more.", 1)
        return turn


class Turn:
    """An owner's requests: how many there are, and which may run."""

    def __init__(self, owners: "dict[Hashable, Turn]", owner: Hashable, running: int) -> None:
        self.flying = 0
        self._owners = owners
        self._owner = owner
        self._queries = asyncio.Semaphore(running)
        self._commands = asyncio.Semaphore(running)

    def __enter__(self) -> Self:
        self.flying += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.flying -= 1
        if not self.flying:
            del self._owners[self._owner]

    async def take(self, *, writes: bool) -> asyncio.Semaphore:
        """Run now, or when others have ended; release it then. Raises ``Overloaded`` for whom that takes too long."""
        free = self._commands if writes else self._queries
        if not free.locked():
            await free.acquire()
            return free
        try:
            async with asyncio.timeout(WAIT):
                await free.acquire()
        except TimeoutError:
            raise Overloaded(UNAVAILABLE_MESSAGE) from None
        return free
