"""How many requests are served at once: fair by tenant first, and by key within it, so that nobody takes all connections.

Users of tokens are a credential each, so a company has many: bounds by credential alone let two of them take all of a
pool.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from typing import Self

from app.errors.http_errors import Throttled
from core.errors import Overloaded
from db.runtime.failures import UNAVAILABLE_MESSAGE

WAIT = 2.0
"""Seconds that a request waits for its turn, and as long as one waits for a connection (docs/security.md, 40)."""

KEPT_FREE = 2
"""Connections that a tenant leaves to the others, of a pool with so many to spare."""

ALL = object()
"""Whose all requests are."""

Owner = tuple[object, str]
"""A tenant and one of its credentials."""


class ConcurrencyLimits:
    """Bounds for one process, with a pool of ``pool`` connections for queries and one for commands. ``most`` requests of
    a key and ``most_tenant`` of a tenant are in flight, those that wait included.
    """

    def __init__(self, pool: int, most: int, most_tenant: int) -> None:
        self._most = most
        self._most_tenant = most_tenant
        self._in_flight: Counter[object] = Counter()
        self._queries = Slots(pool)
        self._commands = Slots(pool)

    def waiting(self) -> dict[str, int]:
        """How many queries and mutations wait for their turn."""
        return {"query": self._queries.waiting, "mutation": self._commands.waiting}

    def beside(self, owner: Owner) -> bool:
        """Whether a request of another tenant is in flight."""
        return self._in_flight[ALL] > self._in_flight[owner[0]]

    def slot(self, owner: Owner) -> "Slot":
        """A request's place among its owner's, to be entered with ``with``. Raises ``Throttled`` where there are too
        many.
        """
        if self._in_flight[owner] >= self._most:
            raise Throttled(f"This key has {self._most} requests in flight, and may not have more.", 1)
        if self._in_flight[owner[0]] >= self._most_tenant:
            raise Throttled(f"This tenant has {self._most_tenant} requests in flight, and may not have more.", 1)
        return Slot(self._in_flight, owner, self._queries, self._commands)


class Slot:
    """One request in flight, which may run when its turn comes."""

    def __init__(self, in_flight: Counter[object], owner: Owner, queries: "Slots", commands: "Slots") -> None:
        self._in_flight = in_flight
        self._owner = owner
        self._queries = queries
        self._commands = commands

    def __enter__(self) -> Self:
        # Not Counter.update, which takes as long as ten of these.
        self._in_flight[self._owner] += 1
        self._in_flight[self._owner[0]] += 1
        self._in_flight[ALL] += 1
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._owner, self._owner[0], ALL):
            self._in_flight[each] -= 1
            if not self._in_flight[each]:
                del self._in_flight[each]

    def beside(self) -> bool:
        """Whether a request of another tenant is in flight."""
        return self._in_flight[ALL] > self._in_flight[self._owner[0]]

    async def acquire(self, *, writes: bool) -> "Running":
        """Run now, or when others have ended; release it then. Raises ``Overloaded`` where that takes too long."""
        slots = self._commands if writes else self._queries
        await slots.acquire(self._owner)
        return Running(slots, self._owner)


class Running:
    """Leave to run, until it is released."""

    def __init__(self, slots: "Slots", owner: Owner) -> None:
        self._slots = slots
        self._owner = owner

    def release(self) -> None:
        self._slots.release(self._owner)


class Slots:
    """A pool's connections, as far as requests run on them.

    A key runs half of them at most, a tenant all but two; and the last two go only to tenants that run nothing, so that
    a tenant which comes later finds one. Whoever waits is served by how little its tenant runs, then its key, then by
    how long it has waited.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = min(KEPT_FREE, size - 1) if size < 2 * KEPT_FREE else KEPT_FREE
        self._by_key = max(1, size // 2)
        self._by_tenant = max(1, size - self._free)
        self._running: Counter[object] = Counter()
        self._total = 0
        self._waiting: OrderedDict[Owner, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    async def acquire(self, owner: Owner) -> None:
        """Raises ``Overloaded`` after ``WAIT`` seconds."""
        if self._may_run(owner):
            self._start(owner)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            async with asyncio.timeout(WAIT):
                await turn
        except BaseException as error:
            self._leave(owner, turn)
            if isinstance(error, TimeoutError):
                raise Overloaded(UNAVAILABLE_MESSAGE) from None
            raise

    def release(self, owner: Owner) -> None:
        """One of the owner's has ended; those run for whom there is room now."""
        self._total -= 1
        for each in (owner, owner[0]):
            self._running[each] -= 1
            if not self._running[each]:
                del self._running[each]
        while self._total < self.size:
            ready = [each for each in self._waiting if self._may_run(each)]
            if not ready:
                return
            best = min(ready, key=lambda each: (self._running[each[0]], self._running[each]))
            turn = self._waiting[best].popleft()
            # Behind the others that run as little, where it has more to wait for.
            self._waiting.move_to_end(best)
            if not self._waiting[best]:
                del self._waiting[best]
            if not turn.done():
                self._start(best)
                turn.set_result(None)

    def _may_run(self, owner: Owner) -> bool:
        of_tenant = self._running[owner[0]]
        room = self.size if not of_tenant else self.size - self._free
        return self._total < room and of_tenant < self._by_tenant and self._running[owner] < self._by_key

    def _start(self, owner: Owner) -> None:
        self._running[owner] += 1
        self._running[owner[0]] += 1
        self._total += 1

    def _leave(self, owner: Owner, turn: "asyncio.Future[None]") -> None:
        """It waits no longer. Where its turn came at the same moment, that goes to another one."""
        if turn.done() and not turn.cancelled():
            self.release(owner)
            return
        waiting = self._waiting.get(owner)
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[owner]
