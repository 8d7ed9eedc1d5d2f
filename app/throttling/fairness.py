"""How fast a tenant, and a key of it, may spend what it has while others want to be served as well.

A budget lets a key that was quiet read a million objects at once: seconds in which one process does nothing else,
and in which a neighbour's small query took 1,500 ms instead of 2. While another tenant is there, a tenant spends in one
process half of what a key's budget refills by, and its keys share that evenly; while only other keys of its own tenant
are, each key spends that half; alone, it has the whole process.
"""

import asyncio
from asyncio import sleep
from collections import Counter, OrderedDict
from collections.abc import Callable
from time import monotonic
from weakref import WeakValueDictionary

from app.errors.http_errors import Throttled
from app.garbage import GARBAGE, MANY, MANY_ALONE
from app.throttling.concurrency import Owner
from core.spending import HELD, Held

SHARE = 0.5
"""Of the points that a budget refills by. At 100,000 a second that half keeps a process busy for a fifth of the time:
ten pages of 250 nested orders (26 ms each) or refused documents (20 ms) a second."""

BURST = 0.2
"""Seconds' worth of points that are never held back: 10,000, a screen that asks for everything at once."""

LENT = 4.0
"""Seconds' worth of points that a tenant may owe before it holds back those of its keys too that spend little."""

PRESENT = 1.0
"""Seconds after somebody's last request in which it counts as being there."""

LONGEST = 2.0
"""Seconds that a request is held back, and as long as one waits for its turn (app.throttling.concurrency)."""

LEARNT = 0.25
"""How much the last request counts in what a key's requests spend as a rule."""

STEP_PAUSE = 0.001
"""Seconds that a long request pauses between two steps while another tenant is there; the loop's timers know no less."""

PAUSES = 4
"""How many times it does at most, while one of another tenant's requests is under way: a small query takes 2 ms."""

STEP = 0.02
"""Seconds after which a request that is held back looks whether the others have left."""


class Neighbours:
    """The keys that asked for something lately, and their tenants."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Owner, float] = OrderedDict()
        self._keys: Counter[object] = Counter()
        self._debts: WeakValueDictionary[object, Debt] = WeakValueDictionary()
        self._next = 0.0
        """Before then nobody is to be forgotten."""

    def saw(self, owner: Owner, now: float) -> None:
        """It has asked for something."""
        self._forget(now)
        if owner not in self._seen:
            self._keys[owner[0]] += 1
        self._seen[owner] = now
        self._seen.move_to_end(owner)

    def keys(self, owner: Owner) -> int:
        """How many keys of its tenant are there, itself among them."""
        self._forget(monotonic())
        return self._keys[owner[0]] + (owner not in self._seen)

    def others(self, owner: Owner) -> bool:
        """Whether another tenant is there."""
        self._forget(monotonic())
        return len(self._seen) > self._keys[owner[0]]

    def debt(self, owner: Owner) -> "Debt":
        """What its tenant has spent."""
        found = self._debts.get(owner[0])
        if found is None:
            found = self._debts[owner[0]] = Debt()
        return found

    def _forget(self, now: float) -> None:
        if now < self._next:
            return
        while self._seen:
            owner, at = next(iter(self._seen.items()))
            if now - at < PRESENT:
                self._next = at + PRESENT
                return
            del self._seen[owner]
            self._keys[owner[0]] -= 1
            if not self._keys[owner[0]]:
                del self._keys[owner[0]]


class Debt:
    """What was spent beyond what refilled meanwhile, in points; below zero, what may be spent at once."""

    def __init__(self) -> None:
        self._points: float | None = None
        self._at = monotonic()
        self.turn = asyncio.Lock()
        """Of those who give way to others."""
        self.held = Held()

    def now(self, rate: float) -> float:
        """It, where ``rate`` points a second refill, and ``BURST`` seconds' worth at most are saved."""
        now = monotonic()
        saved = -BURST * rate
        # It starts with all that can be saved.
        self._points = saved if self._points is None else max(saved, self._points - rate * (now - self._at))
        self._at = now
        return self._points

    def add(self, points: int, rate: float) -> None:
        self._points = self.now(rate) + points


class FairShare:
    """What one key may spend in this process while others are there."""

    def __init__(self, owner: Owner, rate: int, neighbours: Neighbours) -> None:
        """``rate`` is what its budget refills by, in points a second."""
        self._owner = owner
        self._rate = SHARE * rate
        self._neighbours = neighbours
        self._debt = Debt()
        self._tenants = neighbours.debt(owner)
        self._gate = asyncio.Lock()
        self._usual = 0.0

    @property
    def usual(self) -> int:
        """What a request spends as a rule, which counts from the moment that it is let through. Sixteen that waited were let
        through together before the first had spent anything, and others waited for all of them: 136 ms instead of 3.
        """
        return int(self._usual)

    @property
    def held(self) -> Held:
        """How long its tenant's requests have held the loop since they last gave way."""
        return self._tenants.held

    @property
    def beside(self) -> bool:
        """Whether another tenant is there."""
        return self._neighbours.others(self._owner)

    def learn(self, points: int) -> None:
        """A request has spent so much."""
        self._usual += LEARNT * (points - self._usual)

    def spend(self, points: int) -> None:
        """So many points more; fewer where some are given back."""
        if not points:
            return
        self._debt.add(points, self._own_rate())
        self._tenants.add(points, self._rate)

    async def wait(self) -> None:
        """Wait, one behind the other, until it is this key's time. Raises ``Throttled`` where that takes too long."""
        if not self._owes():
            return
        try:
            async with asyncio.timeout(LONGEST), self._gate:
                while (seconds := self._owes()) > 0:  # noqa: ASYNC110 - that time passes is no event
                    await sleep(min(STEP, 0.001 + seconds))
        except TimeoutError:
            raise Throttled("This key asks for more than its share while others wait. Try again in 1 s.", 1) from None

    async def give_way(self, beside: Callable[[], bool]) -> None:
        """Between two steps of a long request: let requests of other tenants go on, if there are any. ``beside`` says whether one
        is under way.
        """
        beside_others, held = self.beside, self.held
        GARBAGE.look(MANY if beside_others else MANY_ALONE)  # before half a million are looked at at once
        if not beside_others:
            held.seconds = 0.0
            await sleep(0)
            return
        # One of a tenant's at a time: while one paused, the others went on, and a neighbour's small query took 4.4 ms, not 1.7.
        async with self._tenants.turn:
            if held.seconds <= HELD:
                return  # the one before has paused for all of them
            for _ in range(PAUSES):
                await sleep(STEP_PAUSE)
                if not beside():
                    break
            held.seconds = 0.0

    def _own_rate(self) -> float:
        keys = self._neighbours.keys(self._owner) if self.beside else 1
        return self._rate / keys

    def _owes(self) -> float:
        """Seconds until it has paid what others wait for."""
        beside = self.beside
        if not beside and self._neighbours.keys(self._owner) == 1:
            return 0.0
        rate = self._own_rate()
        own = self._debt.now(rate) / rate
        of_tenant = self._tenants.now(self._rate) / self._rate - LENT if beside else 0.0
        return max(0.0, own, of_tenant)
