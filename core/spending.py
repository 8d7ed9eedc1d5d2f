"""What a request spends, measured while it runs: each layer adds what it sees, and nothing is told twice.

Rows and statements are added by the database's reader and writer, the loop's time by ``measure`` and ``measured``,
what the answer holds by the endpoint. A request's own is found by ``current``, in its tasks as well.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf
from time import perf_counter, thread_time
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

LOOK = 0.005
"""Seconds between two looks at the loop while a statement runs; most statements end before the first."""

SHORT = 0.0005
"""Seconds up to which a step is taken by the clock."""

FRESH = 0.002
"""Seconds after which the thread's time is read again, before a step begins."""

HELD = 0.002
"""Seconds that a tenant's requests may hold the loop together before one that gives others a turn gives them time."""

OWN = 0.0005
"""Seconds of those that a request must have held itself: a small one doesn't wait for what large ones did."""

TIMER = 0.0003
"""Seconds that a timer is late by itself: 0.15 ms, and 0.25 in one of a hundred. A count of 1.2 ms was charged for 0.8 where a look
fell into it.
"""

LAGS = 3
"""How many times the loop's lag a statement isn't charged for: it may wait for its turn before it is sent, between its
preparation and its execution, and once its rows are there.
"""


@dataclass(slots=True)
class Held:
    """How long the requests of one tenant have held the loop since they last gave others time."""

    seconds: float = 0.0


class Observer(Protocol):
    """What follows a request in detail while it runs."""

    def level(self, path: str, type_: str, objects: int) -> AbstractContextManager[None]:
        """In here a level is executed: so many objects of a type, at this place of the answer."""

    def statement(self, sql: str, seconds: float, rows: int, error: BaseException | None) -> None:
        """A statement has just ended that took so long, and perhaps failed."""


@dataclass(slots=True)
class Spending:
    """What one request has spent so far. Seconds of the loop are CPU time of its thread, in which nobody else was
    served; those of statements are by the clock, without the wait for a connection, and for the loop (``Stopwatch``).
    """

    statements: int = 0
    rows: int = 0
    objects: int = 0
    """What the answer holds, in points; an object that several parents share counts for each of them."""
    bytes: int = 0
    loop_seconds: float = 0.0
    statement_seconds: float = 0.0
    observer: Observer | None = None
    gives_way: Callable[[], Coroutine[Any, Any, None]] | None = None
    """How it lets others go on, in place of one turn of the loop, once its tenant has held that for ``HELD`` seconds."""
    held: Held = field(default_factory=Held)
    """Its tenant's, where it is one of several requests. Sixteen that gave way each for itself held the loop for 29 ms between
    two turns of others.
    """
    gave_way: float = 0.0
    """Its seconds of the loop when it last did."""

    async def measure(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work. What it does until then is added here, and is ``current`` to all that it calls."""
        token = _current.set(self)
        try:
            return await _Steps(work, self)
        finally:
            _current.reset(token)

    def give_way(self) -> Generator[Any, Any, None]:
        """A turn for others; time for them where this has held the loop for long. A small query takes four turns: it waited
        for a step of 6 ms before each of them, 34 ms in all, where a request gave turns alone.
        """
        if self.gives_way is not None and self.held.seconds > HELD and self.loop_seconds - self.gave_way > OWN:
            self.gave_way = self.loop_seconds
            yield from self.gives_way().__await__()
        else:
            yield

    def statement(self, seconds: float, rows: int = 0) -> None:
        """A statement took so long, whether it came to its end or was stopped."""
        self.statements += 1
        self.statement_seconds += seconds
        self.rows += rows


class Heartbeat:
    """Looks at the loop every ``LOOK`` seconds while statements run, and notes how late it was. One timer for all of
    them: one for each took as long as everything else that is measured of a small query.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.running = 0
        self._due = float("inf")
        self._late: deque[tuple[float, float]] = deque()
        """When it was late, and by how much: of two the later one, where that was later as well."""

    def began(self, now: float) -> None:
        """A statement begins."""
        self.running += 1
        if self._due == float("inf"):
            self._wait(now)

    def latest(self, since: float, now: float) -> float:
        """The longest that the loop was late since then; the statement that began then has ended."""
        self.running -= 1
        late = now - self._due - TIMER
        for at, seconds in self._late:
            if at >= since:
                return max(late, seconds)
        return max(late, 0.0)

    def _wait(self, now: float) -> None:
        self._due = now + LOOK
        self.loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        now = perf_counter()
        late = max(0.0, now - self._due - TIMER)
        while self._late and (self._late[-1][1] <= late or not self.running):
            self._late.pop()
        if self.running:
            self._late.append((now, late))
            self._wait(now)
        else:
            self._due = float("inf")


class Stopwatch:
    """Takes the time of a statement, and how late the loop is meanwhile: from its making until ``stop``.

    On a busy machine the clock goes on while the rows lie there and the loop does something else. A query for the
    tenant's name was charged 10,622 points so, for 4 ms of the processor.
    """

    __slots__ = ("_began", "_heartbeat")

    def __init__(self) -> None:
        self._heartbeat = _heartbeat()
        self._began = perf_counter()
        self._heartbeat.began(self._began)

    def stop(self, sql: str, rows: int = 0, error: BaseException | None = None) -> float:
        """The seconds since, for this statement and what it ended with. The request that this belongs to, if any, has spent them but for the loop's lag."""
        now = perf_counter()
        seconds, late = now - self._began, self._heartbeat.latest(self._began, now)
        spending = _current.get()
        if spending is not None:
            spending.statement(max(0.0, seconds - LAGS * late), rows)
            if spending.observer is not None:
                spending.observer.statement(sql, seconds, rows, error)
        return seconds


_last: Heartbeat | None = None


def _heartbeat() -> Heartbeat:
    """That of the running loop."""
    global _last  # noqa: PLW0603 - a process has one loop, but for its tests
    loop = asyncio.get_running_loop()
    if _last is None or _last.loop is not loop:
        _last = Heartbeat(loop)
    return _last


_current: ContextVar[Spending | None] = ContextVar("spending", default=None)


def current() -> Spending | None:
    """The spending of the request that this belongs to, if it belongs to one."""
    return _current.get()


async def measured(work: Coroutine[Any, Any, T]) -> T:
    """The result of what becomes a task of its own: its time is added to that of its request."""
    spending = _current.get()
    return await (work if spending is None else _Steps(work, spending))


class _ThreadClock:
    """The CPU time of the loop's thread in each step, mostly at the price of the clock.

    On a busy machine a step is interrupted, for which nobody is to pay: so it is the thread's time that counts. To ask for
    it takes 0.8 µs, or 4 where it wasn't asked just before; a small query asked eight times, and an order 22 times. A step that
    is over in no time was hardly interrupted, and pays by the clock. For a longer one the thread's time is read at its end, and compared with
    the reading before, which is at most ``FRESH`` older than the step.
    """

    __slots__ = ("_at", "_cpu", "_steps")

    def __init__(self) -> None:
        self._at = self._cpu = -inf
        self._steps = 0.0
        """Seconds of steps since the reading, by the clock."""

    def begin(self) -> float:
        """A step begins; its beginning is for ``end``."""
        now = perf_counter()
        if now - self._at > FRESH:
            self._read(now)
        return now

    def end(self, began: float) -> float:
        """The seconds that the step took of the thread's time; never more than by the clock."""
        now = perf_counter()
        seconds = now - began
        if seconds <= SHORT:
            self._steps += seconds
            return seconds
        before, steps = self._cpu, self._steps
        self._read(now)
        return min(seconds, max(0.0, self._cpu - before - steps))

    def _read(self, now: float) -> None:
        self._at, self._cpu, self._steps = now, thread_time(), 0.0


_clock = _ThreadClock()


@dataclass(slots=True)
class _Steps(Generic[T]):
    """Drives a coroutine as ``await`` does, with a clock around each of its steps; a small query has four."""

    work: Coroutine[Any, Any, T]
    spending: Spending

    def __await__(self) -> Generator[Any, Any, T]:
        step: Callable[[Any], Any] = self.work.send
        given: Any = None
        while True:
            began = _clock.begin()
            try:
                waits_for = step(given)
            except StopIteration as done:
                result: T = done.value
                return result
            finally:
                seconds = _clock.end(began)
                self.spending.loop_seconds += seconds
                self.spending.held.seconds += seconds
            try:
                if waits_for is None:  # a turn for others
                    yield from self.spending.give_way()
                    step, given = self.work.send, None
                else:
                    step, given = self.work.send, (yield waits_for)
            except BaseException as error:  # noqa: BLE001 - it is the work's, and handed on
                step, given = self.work.throw, error
