"""How close nested reading comes to hand-written SQL: ``make bench``.

    python -m tests.bench.bench_read [--short] [--size medium|large] [--load]

One run, one table. For each query, in turn within one loop so that a noisy machine hits all alike, and six times in a
row, of which the first isn't counted, because a client that asks for one thing after the other finds a server that is awake:
(a) the floor, hand-written batched statements with asyncpg, dictionaries and orjson; (b) this
executor in process, from text to JSON bytes; (c) the same over HTTP on one connection; (d) graphql-core's executor on
the same schema. All four answers are checked to be equal first, and the number of SQL statements
to be the number of relations in the query. Exits 1 where a ratio is past its bound.

``--short`` is for CI: fewer rounds, bounds twice as wide. The data are the demo's, in an embedded
PostgreSQL under ``.data/bench-SIZE``, kept between runs; ``--load`` loads them and measures nothing.
"""

import argparse
import asyncio
import gc
import re
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvloop

from app.asgi import settle_memory
from app.context import Principal, RequestContext
from app.database import open_migrated
from app.registry import build
from app.settings import CHECKOUT, load
from db.runtime.engine import Database, Target
from db.runtime.reader import Reader
from execution import Documents
from services import demo
from services.platform import keys
from tests.bench import floors, queries

Call = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True)
class Case:
    """A query, its floor, how many statements it takes, and its bounds.

    ``ratio`` bounds (b) and ``http_ratio`` (c) as multiples of the floor, ``http_extra`` (c) as
    milliseconds above it where the floor takes ``usual`` of them or less, and as many times more as it takes longer than
    that: milliseconds are the machine's doing as well. ``faster`` is how many times faster than (d) (b) must be.
    """

    name: str
    query: str
    floor: floors.Floor
    statements: int
    variables: dict[str, Any] = field(default_factory=dict)
    ratio: float | None = None
    http_ratio: float | None = None
    http_extra: float | None = None
    usual: float = 0.1
    faster: float | None = None
    rounds: int = 60


CASES = (
    Case("one order", queries.ONE, floors.one, 1, http_extra=0.8, rounds=300),
    Case("20 orders, flat", queries.FLAT, floors.flat, 1, http_extra=0.8, usual=0.2, rounds=300),
    Case("25 orders, nested", queries.NESTED, floors.nested, 5, {"first": 25}),
    Case("50 orders, nested", queries.NESTED, floors.nested, 5, {"first": 50}, 1.5, 2.0, faster=15),
    Case("250 orders, nested", queries.NESTED, floors.nested, 5, {"first": 250}, 1.5, 2.0, faster=15, rounds=20),
    Case("250 products", queries.PRODUCTS, floors.products, 3, {}, 1.5, 2.0),
    Case("100 orders, 5 lines", queries.FIRST_LINES, floors.first_lines, 2),
    Case("50 purchase orders", queries.PURCHASES, floors.purchases, 5, {}, 1.5),
    Case("searched", queries.SEARCHED, floors.searched, 1),
)
SAMPLE = """
SELECT o.number, o.note, (SELECT p.sku FROM line_items l JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
                  WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id ORDER BY l.position LIMIT 1) AS sku
FROM orders o WHERE o.tenant_id = $1 AND o.note IS NOT NULL ORDER BY o.placed_at DESC, o.id DESC LIMIT 1
"""


LOG = CHECKOUT / ".data" / "bench.log"
"""What the server says."""

IN_A_ROW = 5
"""Calls of one way that are counted, after one that isn't. With one that was, 1 ms after the last, the flat page took
1.24 ms over HTTP, and 0.86 in a loop of its own at the same time: a server that was asleep is slow to wake."""

TRIES = 3
"""Times that a query is measured before it counts as past its bound, all of them printed. On a machine that others share
the floor's own median moved by a third from one minute to the next."""


class Bench:
    """The ways to answer a query, over one database and one tenant."""

    def __init__(self, target: Target, database: Database, floor: Any, tenant: UUID) -> None:
        self.target = target
        self.database = database
        self.floor = floor
        self.tenant = tenant
        self.graphs = {breadth_first: build(breadth_first=breadth_first) for breadth_first in (True, False)}
        self.documents = Documents(self.graphs[True]._schema)
        self.statements = 0
        self.opened: list[Reader] = []

    async def execute(self, case: Case, *, breadth_first: bool = True) -> bytes:
        graph = self.graphs[breadth_first]
        reader = self.database.reader(self.tenant)
        self.opened.append(reader)
        context = RequestContext(Principal(self.tenant, "bench"), reader, graph.nodes)
        document = self.documents.get(case.query)
        result = await graph.execute_document(document.node, case.variables, context=context)
        self.statements = len(reader.ran)
        if result.errors:
            raise RuntimeError(result.errors)
        return orjson.dumps(result.data)

    async def end(self) -> None:
        """End the snapshots of what was executed; the server, too, does so when the answer is out."""
        while self.opened:
            await self.opened.pop().close()

    async def by_hand(self, case: Case) -> bytes:
        return await case.floor(self.floor, self.tenant, case.variables)


class Http:
    """One kept-alive connection that sends ready-made requests: the client costs next to nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self.reader, self.writer, self.key = reader, writer, key

    async def call(self, case: Case) -> bytes:
        body = orjson.dumps({"query": case.query, "variables": case.variables})
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return await self.reader.readexactly(length)


@asynccontextmanager
async def served(target: Target, tenant: UUID) -> AsyncIterator[Http]:
    """The server in a process of its own."""
    key = await keys.create(target, tenant, "bench", replace=True)
    command = [sys.executable, "-m", "tests.bench.server", target.admin, target.serving]
    with (
        LOG.open("wb") as log,  # a line for each request, as operators have it
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=CHECKOUT) as process,
    ):
        assert process.stdout is not None
        port = int(await asyncio.to_thread(process.stdout.readline))
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        yield Http(reader, writer, key)
        writer.close()
        assert process.stdin is not None
        process.stdin.close()


@dataclass
class Row:
    """A case measured: milliseconds by way, the reference's included where there is one."""

    case: Case
    times: dict[str, list[float]]
    cpu: dict[str, float]
    peak: float
    size: int

    def median(self, way: str) -> float:
        return statistics.median(self.times[way])

    def broken(self, slack: float) -> list[str]:
        """The bounds that this case is past, widened by ``slack``."""
        case, floor, here, http = self.case, self.median("floor"), self.median("here"), self.median("http")
        checks = [
            (case.ratio, here / floor, "times the floor in process"),
            (case.http_ratio, http / floor, "times the floor over HTTP"),
            (
                case.http_extra and case.http_extra * max(1.0, floor / case.usual),
                http - floor,
                "ms above the floor over HTTP",
            ),
        ]
        found = [
            f"{case.name}: {value:.2f} {what}, bound {bound * slack:.2f}"
            for bound, value, what in checks
            if bound and value > bound * slack
        ]
        if case.faster and self.median("reference") / here < case.faster / slack:
            found.append(
                f"{case.name}: {self.median('reference') / here:.1f} times faster than the reference, bound {case.faster / slack:.1f}"
            )
        return found


async def measure(bench: Bench, http: Http, case: Case, rounds: int) -> Row:
    """All ways in turn, round after round; the reference in a few rounds only, because it is slow."""
    ways: dict[str, Call] = {
        "floor": lambda: bench.by_hand(case),
        "here": lambda: bench.execute(case),
        "http": lambda: http.call(case),
        "reference": lambda: bench.execute(case, breadth_first=False),
    }
    answers = {way: orjson.loads(await call()) for way, call in ways.items()}
    await bench.end()
    answers["http"] = answers["http"]["data"]
    different = [way for way, answer in answers.items() if answer != answers["floor"]]
    if different:
        raise RuntimeError(f"{case.name}: {different} answer something else")
    size = len(await bench.execute(case))
    await bench.end()
    if bench.statements != case.statements:
        raise RuntimeError(f"{case.name}: {bench.statements} statements instead of {case.statements}")
    times: dict[str, list[float]] = {way: [] for way in ways}
    cpu = dict.fromkeys(ways, 0.0)
    for round_ in range(-1, rounds // IN_A_ROW):
        for way, call in ways.items():
            slow = way == "reference"
            if slow and round_ % max(rounds // IN_A_ROW // 5, 1):
                continue
            for number in range(2 if slow else 1 + IN_A_ROW):
                start, used = perf_counter(), process_time()
                await call()
                if round_ >= 0 and number:
                    times[way].append((perf_counter() - start) * 1000)
                    cpu[way] += (process_time() - used) * 1000
                await bench.end()
            if slow:
                gc.collect()  # its garbage isn't for the others to work among
    cpu = {way: used / len(times[way]) for way, used in cpu.items()}
    return Row(case, times, cpu, await peak(bench, case), size)


def growth(rows: list[Row], slack: float) -> list[str]:
    """Ten times the rows in the answer may cost ten times the time and memory, not more."""
    small, large = (next(row for row in rows if row.case.name == f"{count} orders, nested") for count in (25, 250))
    found = {"time": large.median("here") / small.median("here"), "memory": large.peak / small.peak}
    print(
        f"\n{large.size / small.size:.1f} times the answer: "
        + ", ".join(f"{ratio:.1f} times the {what}" for what, ratio in found.items())
    )
    return [
        f"ten times the rows cost {ratio:.1f} times the {what}" for what, ratio in found.items() if ratio > 10 * slack
    ]


async def peak(bench: Bench, case: Case) -> float:
    """Megabytes that one execution has allocated at its peak."""
    gc.collect()
    tracemalloc.start()
    await bench.execute(case)
    found = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    await bench.end()
    return found


HEAD = f"{'':20} {'floor':>14} {'in process':>14} {'HTTP':>14} {'reference':>10}   {'b/a':>5} {'c/a':>5} {'c-a':>6} {'d/b':>5}   {'CPU a':>6} {'CPU b':>6} {'peak':>7} {'answer':>8}"


def line(row: Row) -> str:
    def spread(way: str) -> str:
        ordered = sorted(row.times[way])
        return f"{row.median(way):7.2f} ±{(ordered[len(ordered) * 3 // 4] - ordered[len(ordered) // 4]) / 2:5.2f}"

    floor, here, http, reference = (row.median(way) for way in ("floor", "here", "http", "reference"))
    return (
        f"{row.case.name:20} {spread('floor'):>14} {spread('here'):>14} {spread('http'):>14} {reference:10.1f}   "
        f"{here / floor:5.2f} {http / floor:5.2f} {http - floor:6.2f} {reference / here:5.1f}   "
        f"{row.cpu['floor']:6.2f} {row.cpu['here']:6.2f} {row.peak:5.1f}MB {row.size / 1000:6.0f}kB"
    )


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer rounds, wider bounds")
    parser.add_argument("--size", default="medium", choices=["medium", "large"])
    parser.add_argument("--load", action="store_true", help="load the data and measure nothing")
    given = parser.parse_args()
    settings = load(data_dir=CHECKOUT / ".data" / f"bench-{given.size}", database_url="")
    async with open_migrated(settings) as target:
        if await demo.is_empty(target):
            print(f"Loading the {given.size} demo", flush=True)
            await demo.load(target, demo.Size(given.size))
        return 0 if given.load else await run(target, short=given.short)


async def run(target: Target, *, short: bool) -> int:
    floor = await asyncpg.connect(target.admin, server_settings={"jit": "off"})
    tenant = await floor.fetchval("SELECT id FROM tenants ORDER BY name LIMIT 1")
    sample = await floor.fetchrow(SAMPLE, tenant)
    given = {
        "number": sample["number"],
        "sku": sample["sku"],
        "words": " ".join(re.findall(r"\w+", sample["note"])[:2]),
    }
    database = Database(target)
    await database.open()
    failures: list[str] = []
    rows: list[Row] = []
    slack = 2.0 if short else 1.0
    settle_memory()
    async with served(target, tenant) as http:
        bench = Bench(target, database, floor, tenant)
        print("milliseconds: median ± half the distance between the quartiles\n" + HEAD)
        for case in CASES:
            chosen = (
                Case(**{**vars(case), "variables": {**given, **case.variables}})
                if "$number" in case.query or "$sku" in case.query
                else case
            )
            for _ in range(TRIES):
                row = await measure(bench, http, chosen, max(case.rounds // (4 if short else 1), 5))
                print(line(row), flush=True)
                if not row.broken(slack):
                    break
            rows.append(row)
            failures += row.broken(slack)
    failures += growth(rows, slack)
    await database.close()
    await floor.close()
    print(
        "\n".join(
            ["", *(f"PAST ITS BOUND  {failure}" for failure in failures)] if failures else ["\nall within their bounds"]
        )
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
