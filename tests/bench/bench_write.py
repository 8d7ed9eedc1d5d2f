"""How many orders a second are created and confirmed, beside the same rows written by hand: ``make bench-write``.

    python -m tests.bench.bench_write [--short] [--rollups]

For orders of 1, 5 and 50 lines and for 1, 8 and 32 clients at once, on products of all the catalog
("spread") and with one product in every order ("hot"), in turn: (a) the server, one ``orderCreate`` with
``confirm`` and an idempotency key per order, over HTTP on kept-alive connections; (b) the floor,
``write_floor``, in a process of its own. Server, floor, PostgreSQL and the clients (this process) share
the machine. Before the first round the rows of an order are compared, and after each round the rows are
counted: both ways must have left the same. No order may be refused, for there is enough of everything, and
at the end the stock's books must be right. Exits 1 past a bound.

``--rollups`` compares the server with itself: while sums of order lines are kept, and while none are.

``--short`` is for CI: two cases, bounds twice as wide. The database is an embedded one in
``.data/bench-write``, made anew, with durable commits as the embedded server has them.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvloop

from app.asgi import settle_memory
from app.settings import CHECKOUT
from db.admin import embedded
from db.runtime.engine import Database, Target
from services.kit.upkeep import Site
from services.platform import keys
from services.sales import rollups
from services.verify import verify
from tests.bench import write_setup
from tests.bench.write_load import Child, Client, child, connected
from tests.bench.write_work import Job, Result, drive

WAYS = ("server", "floor")
MOST_PASSED = 50
"""Commands of others that a client waits for at the median, on one hot product."""

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True)
class Case:
    """Orders of so many lines by so many clients. ``least`` bounds the ratio of the two rates."""

    lines: int
    clients: int
    hot: bool
    least: float | None = None

    @property
    def name(self) -> str:
        lines = "1 line" if self.lines == 1 else f"{self.lines} lines"
        clients = "1 client" if self.clients == 1 else f"{self.clients} clients"
        return f"{lines:>8}, {clients:>10}, {'hot' if self.hot else 'spread':6}"


CASES = [
    Case(lines, clients, hot, 0.5 if (lines, clients, hot) == (5, 8, False) else None)
    for hot in (False, True)
    for lines in (1, 5, 50)
    for clients in (1, 8, 32)
]
SHORT = [case for case in CASES if case.least or (case.lines, case.clients, case.hot) == (1, 32, True)]


@dataclass
class Row:
    """A case measured. ``waiting`` has samples of how many connections waited for a lock."""

    case: Case
    results: dict[str, Result] = field(default_factory=lambda: {way: Result() for way in WAYS})
    waiting: dict[str, list[int]] = field(default_factory=lambda: {way: [] for way in WAYS})
    ratios: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The server's rate as a part of the floor's: the median of the rounds."""
        return statistics.median(self.ratios)

    @property
    def passed(self) -> float:
        """How many commands of others were answered during one, at the median."""
        return statistics.median(self.results["server"].passed)

    def broken(self, slack: float) -> list[str]:
        """The bounds that this case is past, widened by ``slack``."""
        found = []
        if self.case.least and self.ratio < self.case.least / slack:
            found.append(f"{self.case.name}: {self.ratio:.2f} of the floor, bound {self.case.least / slack:.2f}")
        if self.case.hot and self.passed > MOST_PASSED * slack:
            found.append(f"{self.case.name}: waits for {self.passed:.0f} others, bound {MOST_PASSED * slack:.0f}")
        return found


@dataclass
class Bench:
    """The two ways, the clients, and a connection that looks on."""

    server: Child
    floor: Child
    clients: list[Client]
    admin: Any
    tenant: UUID

    async def run(self, way: str, job: Job) -> Result:
        """Do a job one way."""
        if way == "floor":
            return Result(**await self.floor.ask(orjson.dumps(asdict(job))))
        before = await self.server.ask()
        result = await drive(job, lambda client, cart: self.clients[client].place(cart))
        after = await self.server.ask()
        used = {name: after[name] - before[name] for name in after}
        result.retries, result.deadlocks = used["retries"], used["deadlocks"]
        result.load, result.cpu = result.cpu, used["cpu"]
        return result

    async def compare(self) -> None:
        """Raise ``RuntimeError`` unless both ways leave the same rows of the same order."""
        left = {}
        for way in WAYS:
            await self.observed(way, Job(5, 1, hot=False, seconds=10, seed=0, each=1))
            order = await self.admin.fetchval("SELECT id FROM orders ORDER BY id DESC LIMIT 1")
            left[way] = await write_setup.rows_of(self.admin, self.tenant, order)
        for table, rows in left["server"].items():
            if rows != left["floor"][table]:
                raise RuntimeError(f"{table}: the server leaves {rows}, the floor {left['floor'][table]}")

    async def begin(self) -> None:
        """Place the first orders. PostgreSQL plans the checks of foreign keys once for a connection, and in
        empty tables it takes any index for as good as the right one.
        """
        for way in WAYS:
            await self.run(way, Job(5, 8, hot=False, seconds=0.6, seed=-2))

    async def measure(self, case: Case, rounds: int, seconds: float) -> Row:
        """Both ways in turn, round after round, each first in every other."""
        # What the last case left behind is not this one's, and the plans of foreign keys' checks are made anew.
        await self.admin.execute("VACUUM (ANALYZE)")
        row = Row(case)
        for round_ in range(-1, rounds):
            rates = {}
            for way in WAYS if round_ % 2 else reversed(WAYS):
                job = Job(case.lines, case.clients, case.hot, seconds if round_ >= 0 else seconds / 4, round_)
                result, waiting = await self.observed(way, job)
                if round_ >= 0:
                    row.results[way].add(result)
                    row.waiting[way] += waiting
                    rates[way] = result.rate
            if rates:
                row.ratios.append(rates["server"] / rates["floor"])
        return row

    async def observed(self, way: str, job: Job) -> tuple[Result, list[int]]:
        """Do a job, with an eye on the waiting, and see that it left what it should."""
        waiting: list[int] = []
        before = await write_setup.counted(self.admin)
        watching = asyncio.create_task(self._watch(waiting))
        result = await self.run(way, job)
        watching.cancel()
        await asyncio.wait([watching])
        after = await write_setup.counted(self.admin)
        write_setup.check(before, after, job.lines, len(result.latencies))
        return result, waiting

    async def _watch(self, waiting: list[int]) -> None:
        """Count the connections that wait for a lock, again and again."""
        while True:
            waiting.append(await self.admin.fetchval(WAITING))
            await asyncio.sleep(0.025)


@asynccontextmanager
async def benched(target: Target, tenant: UUID) -> AsyncIterator[Bench]:
    """Server, floor and clients, started; ended at the end."""
    key = await keys.create(target, tenant, "bench")
    admin = await asyncpg.connect(target.admin)
    with child("write_server", target.admin, target.serving) as server:
        port = int(await server.line())
        with child("write_floor", target.admin, str(tenant)) as floor:
            async with connected(port, key, max(case.clients for case in CASES)) as clients:
                yield Bench(server, floor, clients, admin, tenant)
    # Both have gone, so PostgreSQL has their counts.
    print(f"\ndeadlocks that PostgreSQL counted: {await admin.fetchval(DEADLOCKS)}")
    await admin.close()


HEAD = (
    f"{'':28} {'orders/s':>13} {'':>6}   {'server: ms':>20}   {'floor: ms':>20}   {'retries':>9} {'deadlocks':>9} "
    f"{'waiting':>9} {'passed':>9} {'CPU %':>14}\n"
    f"{'':28} {'server':>6} {'floor':>6} {'ratio':>6}   {'p50':>6} {'p95':>6} {'p99':>6}   {'p50':>6} {'p95':>6} {'p99':>6}   "
    f"{'s':>4} {'f':>4} {'s':>4} {'f':>4} {'s':>4} {'f':>4} {'s':>4} {'f':>4} {'s':>4} {'load':>4} {'f':>4}"
)


def line(row: Row) -> str:
    """A case as a line of the table."""
    results = [row.results[way] for way in WAYS]
    server, floor = results
    rates = " ".join(f"{result.rate:6.0f}" for result in results)
    latencies = "   ".join(percentiles(result.latencies) for result in results)
    retries = " ".join(f"{result.retries:4}" for result in results)
    deadlocks = " ".join(f"{result.deadlocks:4}" for result in results)
    waiting = " ".join(f"{statistics.fmean(row.waiting[way]):4.1f}" for way in WAYS)
    passed = " ".join(f"{statistics.median(result.passed):4.0f}" for result in results)
    cpu = " ".join(
        f"{100 * used / result.seconds:4.0f}"
        for result, used in ((server, server.cpu), (server, server.load), (floor, floor.cpu))
    )
    return f"{row.case.name} {rates} {row.ratio:6.2f}   {latencies}   {retries} {deadlocks} {waiting} {passed} {cpu}"


def percentiles(latencies: list[float]) -> str:
    """The 50th, 95th and 99th percentile in milliseconds."""
    ordered = sorted(latencies)
    return " ".join(f"{1000 * ordered[len(ordered) * percent // 100]:6.1f}" for percent in (50, 95, 99))


PAIRS = 12
LEAST_KEPT = 0.97
"""Of the orders that are placed where no sums are kept."""

_NONE_KEPT = ("DELETE FROM sales_spans WHERE tenant_id = $1", "DELETE FROM sales_folds WHERE tenant_id = $1")


async def with_rollups(target: Target, tenant: UUID, pairs: int) -> list[str]:
    """Place orders while sums are kept and while none are, in turn, each first in every other pair; the bound if it is past it."""
    rates: list[tuple[float, float]] = []
    folds: list[float] = []
    job = Job(5, 8, hot=False, seconds=1.0, seed=0)
    database = Database(target)
    await database.open()
    try:
        async with benched(target, tenant) as bench:
            await bench.begin()
            for pair in range(pairs):
                found = {}
                for kept in (True, False) if pair % 2 else (False, True):
                    start = perf_counter()
                    if kept:
                        await rollups.fold(Site(target, database, 30), tenant, 0)
                        folds.append(perf_counter() - start)
                    else:
                        for statement in _NONE_KEPT:
                            await bench.admin.execute(statement, tenant)
                    found[kept] = (await bench.observed("server", replace(job, seed=pair)))[0].rate
                rates.append((found[True], found[False]))
                print(f"{found[True]:6.0f} orders/s with sums kept, {found[False]:6.0f} without", flush=True)
    finally:
        await database.close()
    ratio = statistics.median(kept / without for kept, without in rates)
    print(f"median of {pairs} pairs: {ratio:.3f}, at least {LEAST_KEPT}; a fold took {statistics.median(folds):.2f} s")
    return [] if ratio >= LEAST_KEPT else [f"with sums kept: {ratio:.3f}, bound {LEAST_KEPT}"]


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="two cases, wider bounds")
    parser.add_argument("--rollups", action="store_true", help="with sums of order lines kept, and without")
    given = parser.parse_args()
    server = embedded.start(CHECKOUT / ".data" / "bench-write")
    try:
        async with write_setup.database(server) as (target, tenant):
            if given.rollups:
                failures = await with_rollups(target, tenant, PAIRS // 2 if given.short else PAIRS)
            else:
                failures = await run(target, tenant, short=given.short)
    finally:
        server.stop()
    print("\n".join(f"PAST ITS BOUND  {failure}" for failure in failures) or "all within their bounds")
    return 1 if failures else 0


async def run(target: Target, tenant: UUID, *, short: bool) -> list[str]:
    """Measure the cases and print them; the bounds that they are past."""
    failures = []
    settle_memory()
    async with benched(target, tenant) as bench:
        settings = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "server_version")
        print(", ".join([f"{name} {await bench.admin.fetchval(f'SHOW {name}')}" for name in settings]))
        await bench.compare()
        await bench.begin()
        print(HEAD, flush=True)
        for case in SHORT if short else CASES:
            row = await bench.measure(case, rounds=3, seconds=0.5 if short else 1.0)
            print(line(row), flush=True)
            failures += row.broken(2.0 if short else 1.0)
    return failures + [f"books: {difference}" for difference in await verify(target, tenant)]


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
