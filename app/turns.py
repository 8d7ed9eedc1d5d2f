"""How many requests of one key are served at once, so that one key can't take all connections."""

import asyncio
from collections.abc import Hashable
from types import TracebackType

from app.attempts import Throttled


class Turns:
    """``running`` requests of an owner run at once, in this process; those beyond wait, ``most`` in all."""

    def __init__(self, running: int, most: int) -> None:
        self._running = running
        self._most = most
        self._owners: dict[Hashable, _Turn] = {}

    def of(self, owner: Hashable) -> "_Turn":
        """A turn, to be entered with ``async with``. Raises ``Throttled`` where too many are in flight."""
        turn = self._owners.get(owner)
        if turn is None:
            turn = self._owners[owner] = _Turn(self._owners, owner, self._running)
        if turn.flying >= self._most:
            raise Throttled(f"This key has {self._most} requests in flight, and may not have more.", 1)
        return turn


class _Turn:
    def __init__(self, owners: dict[Hashable, "_Turn"], owner: Hashable, running: int) -> None:
        self.flying = 0
        self._owners = owners
        self._owner = owner
        self._free = asyncio.Semaphore(running)

    async def __aenter__(self) -> None:
        self.flying += 1
        try:
            await self._free.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free.release()
        self._leave()

    def _leave(self) -> None:
        self.flying -= 1
        if not self.flying:
            self._owners.pop(self._owner, None)
