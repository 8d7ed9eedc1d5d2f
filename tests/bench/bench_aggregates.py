"""What sums and groups cost beside the same written by hand: ``make bench-aggregates``.

    python -m tests.bench.bench_aggregates [--short] [--size small|medium|large|huge]

In process, over the demo (medium: 20,000 orders and 160,000 lines; large: 1.6 million lines, loaded in some four minutes), in
turn within one loop with the least SQL for the same on a connection that no policy binds, and the same answer made of its rows
(``aggregate_cases``). Then reports from sums that are kept, beside the same from lines. Exits 1 where the median of the ratios is
past its bound, or a case takes another number of statements. A ratio bears a busy machine; a time doesn't.

``huge``: ten million lines (``huge``), of which sums that are kept are asked alone (``huge_cases``): 7 GB, and a quarter of an hour.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import uvloop

from app.asgi import settle_memory
from app.database import open_migrated
from app.settings import CHECKOUT, load
from db.runtime.engine import Database
from services import demo
from services.kit.upkeep import Site
from services.sales import rollups
from tests.bench import huge
from tests.bench.aggregate_cases import CASES, FIXED, Case
from tests.bench.huge_cases import SHAPES, compare_huge, one_process
from tests.support.graph import Asker

ROUNDS = 6

Run = Callable[[], Awaitable[Any]]


class Opened(NamedTuple):
    """A database that is asked: by the graph, and by hand."""

    ask: Asker
    floor: Any
    tenant: UUID
    site: Site


SOLD = "where: { orderWhere: { status: { in: [CONFIRMED, CLOSED] } } }"
SUMS = "aggregate { count total { currency sum { amount } } quantity { unit sum } }"
KEPT = {
    "by month": f"{{ lineItems({SOLD}) {{ groups(by: [{{placedAt: MONTH}}]) {{ nodes {{ {SUMS} }} }} }} }}",
    "ten best and the rest": f"{{ lineItems({SOLD}) {{ groups(by: [{{field: PRODUCT}}], first: 10, orderBy: [{{field: TOTAL, direction: DESC}}])"
    f" {{ nodes {{ share {SUMS} }} other {{ {SUMS} }} }} }} }}",
    "by month and country": f"{{ lineItems({SOLD}) {{ groups(by: [{{placedAt: MONTH}}, {{field: CUSTOMER_COUNTRY}}], first: 500)"
    f" {{ nodes {{ {SUMS} }} }} }} }}",
}
"""Reports that come from sums that are kept, and what they may take at most of what they take from lines."""

OF_LINES = 0.7


async def taken(run: Run) -> float:
    start = perf_counter()
    await run()
    return (perf_counter() - start) * 1000


async def compare(case: Case, ask: Asker, floor: Any, tenant: UUID) -> bool:
    """Measure in turn, print a line, and tell whether it is within its bounds."""
    ran: list[int] = []

    async def here() -> Any:
        answer = await ask(case.query, tenant)
        ran.append(len(answer.ran))
        return answer.good

    async def by_hand() -> Any:
        return await case.by_hand(floor, tenant)

    assert await here() == await by_hand()
    pairs = [(await taken(here), await taken(by_hand)) for _ in range(ROUNDS)]
    ratio = statistics.median((mine - FIXED) / theirs for mine, theirs in pairs)
    mine, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(
        f"{case.name:22} {ran[-1]:10} {mine:10.1f} {theirs:10.1f} {mine / theirs:7.2f} {ratio:12.2f}   at most {case.bound}",
        flush=True,
    )
    return ratio <= case.bound and {*ran} == {case.statements}


async def compare_kept(name: str, ask: Asker, tenant: UUID) -> bool:
    """Measure a report from sums that are kept, and from lines, in turn; whether it is the same and takes so much less."""

    async def run(*, rolled: bool) -> tuple[float, Any]:
        start = perf_counter()
        answer = await ask(KEPT[name], tenant, rolled=rolled)
        spent = (perf_counter() - start) * 1000
        assert not rolled or "sales_cells" in answer.ran[-1].sql
        return spent, answer.good

    await run(rolled=True)
    pairs = [(await run(rolled=True), await run(rolled=False)) for _ in range(ROUNDS)]
    assert all(mine == theirs for (_, mine), (_, theirs) in pairs)
    ratio = statistics.median(mine / theirs for (mine, _), (theirs, _) in pairs)
    mine, theirs = (statistics.median(each[place][0] for each in pairs) for place in (0, 1))
    print(f"{name:22} {'':10} {mine:10.1f} {theirs:10.1f} {ratio:7.2f}   at most {OF_LINES}", flush=True)
    return ratio <= OF_LINES


@asynccontextmanager
async def opened(size: str, settled: demo.Size) -> AsyncIterator[Opened]:
    """The database of a size, with the demo in it."""
    async with AsyncExitStack() as stack:
        folder = CHECKOUT / ".data" / f"bench-{size}"
        target = await stack.enter_async_context(open_migrated(load(data_dir=folder, database_url="")))
        if await demo.is_empty(target):
            print(f"Loading the {settled} demo", flush=True)
            await demo.load(target, settled)
        floor = await asyncpg.connect(target.admin, server_settings={"jit": "off", "max_parallel_workers": "0"})
        stack.push_async_callback(floor.close)
        tenant = await floor.fetchval("SELECT id FROM tenants ORDER BY name LIMIT 1")
        database = Database(target)
        await database.open()
        stack.push_async_callback(database.close)
        settle_memory()
        yield Opened(Asker(database), floor, tenant, Site(target, database, 30))


async def main(size: demo.Size) -> int:
    async with opened(size, size) as (ask, floor, tenant, site):
        print(f"{'':22} {'statements':>10} {'graph, ms':>10} {'by hand':>10} {'ratio':>7} {f'less {FIXED} ms':>12}")
        within = [await compare(case, ask, floor, tenant) for case in CASES]
        start = perf_counter()
        spans = await rollups.fold(site, tenant, 0)
        print(f"\n{spans:,} spans of rollups worked out in {perf_counter() - start:.1f} s")
        print(f"{'':22} {'':>10} {'kept, ms':>10} {'lines, ms':>10} {'ratio':>7}")
        within += [await compare_kept(name, ask, tenant) for name in KEPT]
    return told(within)


async def main_huge() -> int:
    async with opened("huge", demo.Size.MEDIUM) as (ask, floor, tenant, site):
        if not await huge.is_grown(floor, tenant):
            print(await huge.grow(site.target, tenant), flush=True)
        start = perf_counter()
        spans = await rollups.fold(site, tenant, 0)
        print(f"{spans:,} spans of rollups worked out in {perf_counter() - start:.0f} s", flush=True)
        await one_process(floor)
        print(f"{'milliseconds of a processor':38} {'graph':>9} {'by hand':>9} {'ratio':>6} {'lines':>9} {'times':>7}")
        return told([await compare_huge(shape, ask, floor, tenant) for shape in SHAPES])


def told(within: list[bool]) -> int:
    print("\nall within their bounds" if all(within) else "\nPAST A BOUND")
    return 0 if all(within) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=[*(each.value for each in demo.Size), "huge"], default=demo.Size.MEDIUM.value)
    parser.add_argument("--short", action="store_true", help="the small demo, which says whether it works and no more")
    given = parser.parse_args()
    if given.size == "huge":
        sys.exit(uvloop.run(asyncio.wait_for(main_huge(), 3_600)))
    chosen = demo.Size.SMALL if given.short else demo.Size(given.size)
    sys.exit(uvloop.run(asyncio.wait_for(main(chosen), 1_800)))
