"""How fast a key may spend what it has while others want to be served as well.

A budget lets a key that was quiet read a million objects at once: seconds in which one process does nothing else,
and in which a neighbour's small query took 1,500 ms instead of 2. While somebody else is there, a key spends in one
process half of what its budget refills by, in the same points; alone, it has the whole process.
"""

import asyncio
from asyncio import sleep
from collections.abc import Hashable
from time import monotonic

from app.errors.http_errors import Throttled

PART = 0.5
"""Of the objects that a budget refills by. At 100,000 a second that half keeps a process busy for a quarter of the
time: ten pages of 250 nested orders (26 ms each) or refused documents (7.5 ms) a second."""

AHEAD = 0.2
"""Seconds' worth of objects that are never held back: 10,000, a screen that asks for everything at once."""

COMPANY = 1.0
"""Seconds after somebody's last request in which it counts as being there."""

LONGEST = 2.0
"""Seconds that a request is held back, and as long as one waits for its turn (app.throttling.concurrency)."""

STEP = 0.02
"""Seconds after which a request that is held back looks whether the others have left."""


class Company:
    """Who was there lately: the last to ask, and the last to ask that was somebody else."""

    def __init__(self) -> None:
        self._last: tuple[Hashable, float] = (None, float("-inf"))
        self._other = float("-inf")

    def seen(self, owner: Hashable, now: float) -> None:
        """It has asked for something."""
        last, at = self._last
        if last != owner:
            self._other = at
        self._last = (owner, now)

    def of(self, owner: Hashable) -> bool:
        """Whether somebody else than this one is there."""
        last, at = self._last
        return monotonic() - (self._other if last == owner else at) < COMPANY


class Pace:
    """What one key has spent in this process beyond what refilled meanwhile."""

    def __init__(self, owner: Hashable, rate: int, company: Company) -> None:
        self._owner = owner
        self._rate = PART * rate
        self._company = company
        self._spent = -AHEAD * self._rate
        self._at = monotonic()
        self._gate = asyncio.Lock()

    def spend(self, points: int) -> None:
        """So many objects more; fewer where some are given back."""
        self._spent = self._since() + points
        self._at = monotonic()

    async def keep(self) -> None:
        """Wait, one behind the other, until it is this key's time. Raises ``Throttled`` where that takes too long."""
        if not self._fast():
            return
        try:
            async with asyncio.timeout(LONGEST), self._gate:
                while self._fast():  # noqa: ASYNC110 - that time passes is no event
                    await sleep(min(STEP, 0.001 + self._since() / self._rate))
        except TimeoutError:
            raise Throttled("This key asks for more than its share while others wait. Try again in 1 s.", 1) from None

    def _since(self) -> float:
        return max(-AHEAD * self._rate, self._spent - self._rate * (monotonic() - self._at))

    def _fast(self) -> bool:
        return self._since() > 0 and self._company.of(self._owner)
