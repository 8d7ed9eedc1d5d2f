"""What both ways of ``bench_write`` have in common: which orders are placed, by how many at once, and what is measured.

The load is closed: each client places its next order when the last one was answered.
"""

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from time import perf_counter, process_time
from typing import Self

import orjson

CLIENTS = 32
"""The most there are at once."""

RANGE = 311
"""Products of each client, which no other one orders: only the hot product is shared. A prime, so that
steps of any width meet each product once."""

PRODUCTS = CLIENTS * RANGE + 1
HOT = PRODUCTS - 1
"""The product that is in every order of the hot cases."""

CUSTOMER = "BENCH"
CURRENCY = "EUR"
QUANTITY = 2


def sku(product: int) -> str:
    return f"W-{product:05}"


@dataclass(frozen=True)
class Job:
    """Place orders for so many seconds, at most ``each`` by each client. ``hot``: one line of each order is
    the hot product.
    """

    lines: int
    clients: int
    hot: bool
    seconds: float
    seed: int
    each: int | None = None

    def carts(self, client: int) -> Iterator[list[str]]:
        """The orders of one client without end: distinct products in an order that no lock follows."""
        dice = random.Random(f"{self.seed} {client}")
        while True:
            start, step = dice.randrange(RANGE), dice.randrange(1, RANGE)
            products = [client * RANGE + (start + index * step) % RANGE for index in range(self.lines)]
            if self.hot:
                products[dice.randrange(self.lines)] = HOT
            yield [sku(product) for product in products]


@dataclass
class Result:
    """What came of a job. ``latencies`` are in seconds, by order; ``passed`` tells of each how many
    orders of others were answered while it was under way. ``cpu`` is the seconds of the process that worked,
    ``load`` those of another one that its clients were in.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)
    retries: int = 0
    deadlocks: int = 0
    cpu: float = 0.0
    load: float = 0.0

    @property
    def rate(self) -> float:
        """Orders per second."""
        return len(self.latencies) / self.seconds

    def add(self, other: Self) -> None:
        """Take another round of the same job in."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()


Place = Callable[[int, list[str]], Awaitable[None]]
"""Place a client's order. Raises ``RuntimeError`` where it was refused: there is enough of everything."""


async def drive(job: Job, place: Place) -> Result:
    """All clients of a job at once, each until the time is over and its last order answered."""
    result = Result()
    start, used = perf_counter(), process_time()

    async def client(number: int) -> None:
        for cart in islice(job.carts(number), job.each):
            began, before = perf_counter(), len(result.latencies)
            if began - start >= job.seconds:
                return
            await place(number, cart)
            result.passed.append(len(result.latencies) - before)
            result.latencies.append(perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for number in range(job.clients):
            group.create_task(client(number))
    result.seconds = perf_counter() - start
    result.cpu = process_time() - used
    gc.collect()
    return result
