"""What ten times the rows in the tables cost: ``make bench-grown``.

    python -m tests.bench.bench_grown

The queries of ``make bench`` against the medium and the large demo, in turn within one loop, in process, and their
floors likewise. A page of orders names more different products in the large demo, which has ten times as many, so the
times are compared for each row that is read. Exits 1 where one takes more than 1.3 times as long there.

The large demo (200,000 orders, 1.6 million lines, 4 GB) is loaded into ``.data/bench-large`` the first time, in some
four minutes.
"""

import statistics
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from time import perf_counter

import asyncpg
import uvloop

from app.asgi import settle_memory
from app.database import open_migrated
from app.settings import CHECKOUT, load
from db.runtime.engine import Database
from services import demo
from tests.bench.bench_read import CASES, IN_A_ROW, SAMPLE, Bench, Case

BOUND = 1.3
SIZES = (demo.Size.MEDIUM, demo.Size.LARGE)
# A search is no matter of how many rows there are, but of how many have the words.
COMPARED = [case for case in CASES if case.name != "searched"]


@dataclass
class Side:
    """One database, and what a query took there."""

    bench: Bench
    number: str
    rows: int = 0
    here: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)

    async def measure(self, case: Case) -> None:
        """Some calls in a row, of which the first isn't counted, as in ``bench_read``."""
        mine = replace(case, variables={"number": self.number, **case.variables})
        for call, times in ((self.bench.execute, self.here), (self.bench.by_hand, self.floor)):
            for counted in [False, *[True] * IN_A_ROW]:
                start = perf_counter()
                await call(mine)
                if counted:
                    times.append((perf_counter() - start) * 1000)
                if self.bench.opened:
                    self.rows = sum(ran.rows for ran in self.bench.opened[-1].ran)
                await self.bench.end()


async def side(stack: AsyncExitStack, size: demo.Size) -> Side:
    target = await stack.enter_async_context(
        open_migrated(load(data_dir=CHECKOUT / ".data" / f"bench-{size}", database_url=""))
    )
    if await demo.is_empty(target):
        print(f"Loading the {size} demo", flush=True)
        await demo.load(target, size)
    floor = await asyncpg.connect(target.admin, server_settings={"jit": "off"})
    stack.push_async_callback(floor.close)
    tenant = await floor.fetchval("SELECT id FROM tenants ORDER BY name LIMIT 1")
    database = Database(target)
    await database.open()
    stack.push_async_callback(database.close)
    return Side(Bench(target, database, floor, tenant), (await floor.fetchrow(SAMPLE, tenant))["number"])


async def compare(case: Case, sides: list[Side]) -> bool:
    """Measure, print a line, and tell whether it is within the bound."""
    for each in sides:
        each.here.clear()
        each.floor.clear()
    for _ in range(max(case.rounds // IN_A_ROW, 5)):
        for each in sides:
            await each.measure(case)
    small, large = sides
    rows = large.rows / small.rows
    medians = [(statistics.median(each.here), statistics.median(each.floor)) for each in sides]
    here, floor = (after / before for before, after in zip(*medians, strict=True))
    print(
        f"{case.name:20} {small.rows:6} {large.rows:6} {rows:6.2f}   {medians[0][0]:7.2f} {medians[1][0]:7.2f} {here:6.2f}   "
        f"{medians[0][1]:7.2f} {medians[1][1]:7.2f} {floor:6.2f}   {here / rows:6.2f}",
        flush=True,
    )
    return bool(here / rows <= BOUND)


async def main() -> int:
    async with AsyncExitStack() as stack:
        sides = [await side(stack, size) for size in SIZES]
        settle_memory()
        print(f"{'':20} {'rows read':^20}   {'in process, ms':^22}   {'floor, ms':^22}   per row")
        within = [await compare(case, sides) for case in COMPARED]
    print("\nall within the bound" if all(within) else f"\nPAST ITS BOUND of {BOUND}")
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
