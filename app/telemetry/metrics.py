"""Figures of requests, in plain attributes: counting a request takes 3 µs, and another thread reads them.

A counter of prometheus_client takes a lock and 0.7 µs, and a request changes a dozen.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import accumulate

from app.telemetry.record import RequestRecord

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of a histogram's buckets: a query may take five seconds."""

LOOK_EVERY = 0.1
"""Seconds between two looks at how late the loop is."""

GAUGES_EVERY = 5
"""Looks at the loop between two at everything else."""

MOST_CODES = 60
"""Codes of errors that are counted apart; further ones are ``other``. There are some thirty."""

Gauges = Mapping[str, Mapping[tuple[str, ...], float]]
"""By their names, and the values of their labels."""


class Histogram:
    """Durations, by bucket."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: how many took so long or less."""
        return list(zip((*map(str, SECONDS), "+Inf"), accumulate(self.counts), strict=True))


class Metrics:
    """The figures of one application. The loop changes them, and any thread may read them.

    Nothing is counted by tenant, key or operation: ten thousand of them would be as many series of each figure in each
    process, and any client could add some. Whose requests they are stands in the log.
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, str]] = Counter()
        """By kind, status and outcome."""
        self.errors: Counter[str] = Counter()
        """In answers of which a part was executed, by code."""
        self.refusals: Counter[str] = Counter()
        """Requests that weren't executed, by code."""
        self.durations: dict[str, Histogram] = {}
        """By kind."""
        self.lag = Histogram()
        """How late the loop was."""
        self.in_flight = 0
        self.statements = 0
        self.rows = 0
        self.bytes = 0
        self.requested = 0
        self.actual = 0
        self.charged = 0
        self.statement_seconds = 0.0
        self.loop_seconds = 0.0
        self.gauges: Gauges = {}
        """What there was at the last look."""

    def count(self, record: RequestRecord) -> None:
        """Count a request that has ended."""
        kind = record.kind
        self.requests[kind, str(record.status), record.outcome] += 1
        durations = self.durations.get(kind)
        if durations is None:
            durations = self.durations[kind] = Histogram()
        durations.observe(record.seconds)
        self.bytes += record.bytes
        charge = record.charge
        if charge is not None:
            spent = charge.spent
            self.statements += spent.statements
            self.rows += spent.rows
            self.statement_seconds += spent.statement_seconds
            self.loop_seconds += spent.loop_seconds
            self.requested += record.price
            self.actual += spent.objects
            self.charged += charge.paid
        if record.codes:
            counted = self.errors if record.executed else self.refusals
            for code in record.codes:
                counted[code if code in counted or len(counted) < MOST_CODES else "other"] += 1

    async def watch(self, look: Callable[[], Gauges]) -> None:
        """Look at how late the loop is, and what ``look`` finds, until it is called off.

        The loop looks, since what it looks at is the loop's, and may be half changed where a thread does.
        """
        loop = asyncio.get_running_loop()
        while True:
            self.gauges = look()
            for _ in range(GAUGES_EVERY):
                due = loop.time() + LOOK_EVERY
                await asyncio.sleep(LOOK_EVERY)
                self.lag.observe(max(0.0, loop.time() - due))
