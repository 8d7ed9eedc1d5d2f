"""One key floods the server; do others notice? ``make bench-flood``.

    python -m tests.bench.bench_flood [--short]

On the medium demo, with the settings as they come: a client of one tenant sends a small query every ten
milliseconds, first while it is quiet, then while a process with another tenant's key sends documents that are refused
(each another text, as dear to refuse as they get) and pages of 250 nested orders, on 32 connections, as fast as
it is answered. The median of the small queries may be twice the quiet one (THREATS.md 22). The two are measured
in turn, several times, and the ratios' median counts. Exits 1 past the bound; ``--short`` is for CI, with a bound
twice as wide.
"""

import argparse
import asyncio
import contextlib
import itertools
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from time import perf_counter
from typing import NamedTuple

import asyncpg
import orjson
import uvloop

from app.database import migrated
from app.settings import CHECKOUT, load
from db.runtime.engine import Target
from services import demo
from services.platform import keys
from tests.bench.queries import NESTED

BOUND = 2.0
FLOODING = 32
SMALL = "{ orders(first: 1) { nodes { number customer { name } } } }"
EVERY = 0.01
"""Seconds from one small query to the next: the client is a person's screen, not a load of its own. Each is timed
from when it was due, so that one that waits long counts for those that would have come meanwhile."""


def refused(number: int) -> str:
    """A document that takes long to refuse, and another one each time."""
    fields = " ".join(f"a{index}: nope{index}" for index in range(45))
    return "{ " + fields + " " + "id " * 850 + f" }} # {number}"


def flood(number: int) -> dict[str, object]:
    """Three documents that are refused, then one page that is dear."""
    if number % 4:
        return {"query": refused(number)}
    return {"query": NESTED, "variables": {"first": 250}}


class Http:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self.reader, self.writer, self.key = reader, writer, key

    @classmethod
    async def to(cls, port: int, key: str) -> "Http":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**24), key)

    async def ask(self, body: dict[str, object]) -> int:
        """The answer's status, once all of it has come."""
        content = orjson.dumps(body)
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\n"
            f"Accept: application/graphql-response+json\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        self.writer.write(head.encode() + content)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readexactly(int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        return int(answer[9:12])


async def flooding(port: int, key: str) -> None:
    """Flood until the standard input ends; then print what was answered, by status."""
    statuses: Counter[int] = Counter()
    numbers = itertools.count()

    async def one() -> None:
        http = await Http.to(port, key)
        while True:
            statuses[await http.ask(flood(next(numbers)))] += 1

    running = [asyncio.create_task(one()) for _ in range(FLOODING)]
    await asyncio.to_thread(sys.stdin.read)
    broken = [task.exception() for task in running if task.done()]
    for task in running:
        task.cancel()
    if broken:
        raise RuntimeError(broken)
    print(orjson.dumps({str(status): count for status, count in statuses.items()}).decode(), flush=True)


@contextlib.contextmanager
def child(*command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A module of ours as a process, which ends when its standard input does."""
    arguments = [sys.executable, "-m", *command]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=CHECKOUT) as process:
        assert process.stdin is not None
        try:
            yield process
        finally:
            process.stdin.close()


def line(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


class Times(NamedTuple):
    """A small query's, in milliseconds."""

    median: float
    last: float
    """Of a hundred the longest but one."""


async def small(http: Http, seconds: float) -> Times:
    """Send a small query again and again for so many seconds."""
    times, begin = [], perf_counter()
    for number in range(int(seconds / EVERY)):
        due = begin + number * EVERY
        await asyncio.sleep(max(0.0, due - perf_counter()))
        status = await http.ask({"query": SMALL})
        times.append((perf_counter() - due) * 1000)
        if status != 200:
            raise RuntimeError(f"a small query of the tenant next door was answered with {status}")
    return Times(statistics.median(times), statistics.quantiles(times, n=100)[98])


@contextlib.asynccontextmanager
async def served(target: Target) -> AsyncIterator[tuple[int, str, str]]:
    """The server's port, and a key of each of two tenants."""
    admin = await asyncpg.connect(target.admin)
    tenants = [row["id"] for row in await admin.fetch("SELECT id FROM tenants ORDER BY name LIMIT 2")]
    await admin.close()
    ours, theirs = [await keys.create(target, tenant, "flood", replace=True) for tenant in tenants]
    with child("tests.bench.server", target.admin, target.serving, "--budget") as process:
        yield int(await asyncio.to_thread(line, process)), ours, theirs


async def run(target: Target, *, short: bool) -> int:
    rounds, seconds, bound = (2, 4.0, 2 * BOUND) if short else (3, 15.0, BOUND)
    ratios = []
    async with served(target) as (port, ours, theirs):
        http = await Http.to(port, theirs)
        await small(http, 1)
        print(
            "a small query: median and 99 of 100, quiet and flooded (ms), their ratios; the flood's answers by status"
        )
        for _ in range(rounds):
            quiet = await small(http, seconds / 3)
            with child("tests.bench.bench_flood", "--flood", str(port), ours) as flooder:
                await asyncio.sleep(1)
                flooded = await small(http, seconds)
                assert flooder.stdin is not None
                flooder.stdin.close()
                statuses = orjson.loads(await asyncio.to_thread(line, flooder))
            ratios.append(flooded.median / quiet.median)
            figures = (*quiet, *flooded, ratios[-1], flooded.last / quiet.last)
            print(" ".join(f"{figure:.2f}" for figure in figures), statuses, flush=True)
    ratio = statistics.median(ratios)
    print(f"{ratio:.2f} times the quiet median, bound {bound:.1f}")
    return int(ratio > bound)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="less time, a wider bound")
    parser.add_argument("--flood", nargs=2, metavar=("PORT", "KEY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.flood:
        await flooding(int(given.flood[0]), given.flood[1])
        return 0
    settings = load(data_dir=CHECKOUT / ".data" / "bench-medium", database_url="")
    async with migrated(settings) as target:
        if await demo.is_empty(target):
            print("Loading the medium demo", flush=True)
            await demo.load(target, demo.Size.MEDIUM)
        return await run(target, short=given.short)


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
