"""What sums and groups cost beside the same SQL written by hand: ``make bench-aggregates``.

    python -m tests.bench.bench_aggregates [--short] [--size small|medium|large]

In process, over the demo (medium: 20,000 orders and 160,000 lines; large: 1.6 million lines, loaded in some four minutes), in
turn within one loop with hand-written SQL on a connection that no policy binds. By hand the rows are fetched and no answer is
made of them, which shows where there are many groups of few rows. Then reports from sums that are kept, beside the same from lines. Exits 1 where the median of the ratios is
past its bound, or a case takes another number of statements. A ratio bears a busy machine; a time doesn't.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
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
from tests.support.graph import Asker

ROUNDS = 6

Run = Callable[[], Awaitable[Any]]


class Case(NamedTuple):
    """A query, the statements that it takes, what the same takes by hand, and how much longer it may take at most."""

    name: str
    query: str
    statements: int
    floor: tuple[str, ...]
    bound: float


MONEY = "total { currency count sum { amount } avg { amount } min { amount } max { amount } }"
AMOUNTS = "count(*), sum({0}.total), round(avg({0}.total), 6), min({0}.total), max({0}.total)"
LINES = "line_items l JOIN orders o ON (o.tenant_id, o.id) = (l.tenant_id, l.order_id)"
PRODUCTS = "SELECT id FROM products WHERE tenant_id = $1 ORDER BY sku LIMIT 20"
BEST = "SELECT product_id FROM line_items WHERE tenant_id = $1 GROUP BY 1 ORDER BY sum(total) DESC LIMIT 10"

CASES = (
    Case(
        "all orders",
        f"{{ orders {{ aggregate {{ count {MONEY} }} }} }}",
        1,
        (f"SELECT currency, {AMOUNTS.format('o')} FROM orders o WHERE tenant_id = $1 GROUP BY 1",),
        1.3,
    ),
    Case(
        "all lines by month",
        f'{{ lineItems {{ groups(by: [{{placedAt: MONTH}}], timeZone: "UTC", currency: EUR) {{ nodes {{ key {{ placedAt {{ date }} }}'
        f" aggregate {{ {MONEY} }} }} }} }} }}",
        1,
        (
            f"""SELECT date_trunc('month', o.placed_at, 'UTC'), l.currency, {AMOUNTS.format("l")} FROM {LINES}
                WHERE l.tenant_id = $1 AND o.tenant_id = $1 GROUP BY 1, 2""",
        ),
        1.3,
    ),
    Case(
        "ten best of three",
        '{ lineItems { groups(by: [{field: PRODUCT}, {field: CUSTOMER_COUNTRY}, {placedAt: QUARTER}], first: 10, timeZone: "UTC",'
        " currency: EUR, orderBy: [{field: TOTAL, direction: DESC}]) { nodes { share aggregate { total { currency sum { amount } } } }"
        " other { aggregate { total { currency sum { amount } } } } } } }",
        1,
        (
            f"""WITH cells AS MATERIALIZED (SELECT l.product_id AS a, c.country AS b, date_trunc('quarter', o.placed_at, 'UTC') AS d,
                l.currency, sum(l.total) AS s FROM {LINES} JOIN partners c ON (c.tenant_id, c.id) = (o.tenant_id, o.customer_id)
                WHERE l.tenant_id = $1 AND o.tenant_id = $1 AND c.tenant_id = $1 GROUP BY 1, 2, 3, 4),
            placed AS (SELECT *, dense_rank() OVER (ORDER BY v DESC NULLS LAST, a, b, d) AS place FROM (
                SELECT *, sum(s) FILTER (WHERE currency = 'EUR') OVER (PARTITION BY a, b, d) AS v FROM cells) valued)
            SELECT least(place, 11), currency, sum(s) FROM placed GROUP BY 1, 2 UNION ALL SELECT 0, currency, sum(s) FROM cells
            GROUP BY 2""",
        ),
        1.5,
    ),
    Case(
        "50 partners each",
        f"{{ partners(first: 50) {{ nodes {{ code orders {{ aggregate {{ count {MONEY} }} }} }} }} }}",
        2,
        (
            "SELECT id, code FROM partners WHERE tenant_id = $1 ORDER BY code LIMIT 50",
            f"""SELECT customer_id, currency, {AMOUNTS.format("o")} FROM orders o WHERE tenant_id = $1 AND customer_id = ANY(
                ARRAY(SELECT id FROM partners WHERE tenant_id = $1 ORDER BY code LIMIT 50)) GROUP BY 1, 2""",
        ),
        2.5,
    ),
    Case(
        "20 products by month",
        '{ products(first: 20) { nodes { sku lineItems { groups(by: [{placedAt: MONTH}], timeZone: "UTC", currency: EUR) { nodes {'
        " key { placedAt { date } } aggregate { total { currency sum { amount } } } } } } } } }",
        2,
        (
            "SELECT id, sku FROM products WHERE tenant_id = $1 ORDER BY sku LIMIT 20",
            f"""SELECT l.product_id, date_trunc('month', o.placed_at, 'UTC'), l.currency, sum(l.total) FROM {LINES}
                WHERE l.tenant_id = $1 AND o.tenant_id = $1 AND l.product_id = ANY(ARRAY({PRODUCTS})) GROUP BY 1, 2, 3""",
        ),
        3.0,
    ),
    Case(
        "ten best, by month",
        '{ lineItems { groups(by: [{field: PRODUCT}], first: 10, timeZone: "UTC", currency: EUR, orderBy: [{field: TOTAL, direction: DESC}])'
        " { nodes { key { product { sku } } groups(by: [{placedAt: MONTH}]) { nodes { aggregate { total { currency sum { amount } } } } } } } } }",
        3,
        (
            "SELECT product_id, currency, sum(total) FROM line_items WHERE tenant_id = $1 GROUP BY 1, 2",
            f"SELECT id, sku FROM products WHERE tenant_id = $1 AND id = ANY(ARRAY({BEST}))",
            f"""SELECT l.product_id, date_trunc('month', o.placed_at, 'UTC'), l.currency, sum(l.total) FROM {LINES}
                WHERE l.tenant_id = $1 AND o.tenant_id = $1 AND l.product_id = ANY(ARRAY({BEST})) GROUP BY 1, 2, 3""",
        ),
        1.6,
    ),
)


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

    async def here() -> None:
        answer = await ask(case.query, tenant)
        assert answer.good
        ran.append(len(answer.ran))

    async def by_hand() -> None:
        for sql in case.floor:
            await floor.fetch(sql, tenant)

    await here()
    await by_hand()
    pairs = [(await taken(here), await taken(by_hand)) for _ in range(ROUNDS)]
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    mine, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"{case.name:22} {ran[-1]:10} {mine:10.1f} {theirs:10.1f} {ratio:7.2f}   at most {case.bound}", flush=True)
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


async def main(size: demo.Size) -> int:
    async with AsyncExitStack() as stack:
        folder = CHECKOUT / ".data" / f"bench-{size}"
        target = await stack.enter_async_context(open_migrated(load(data_dir=folder, database_url="")))
        if await demo.is_empty(target):
            print(f"Loading the {size} demo", flush=True)
            await demo.load(target, size)
        floor = await asyncpg.connect(target.admin, server_settings={"jit": "off"})
        stack.push_async_callback(floor.close)
        tenant = await floor.fetchval("SELECT id FROM tenants ORDER BY name LIMIT 1")
        database = Database(target)
        await database.open()
        stack.push_async_callback(database.close)
        settle_memory()
        print(f"{'':22} {'statements':>10} {'graph, ms':>10} {'by hand':>10} {'ratio':>7}")
        ask = Asker(database)
        within = [await compare(case, ask, floor, tenant) for case in CASES]
        start = perf_counter()
        spans = await rollups.fold(Site(target, database, 30), tenant, 0)
        print(f"\n{spans:,} spans of rollups worked out in {perf_counter() - start:.1f} s")
        print(f"{'':22} {'':>10} {'kept, ms':>10} {'lines, ms':>10} {'ratio':>7}")
        within += [await compare_kept(name, ask, tenant) for name in KEPT]
    print("\nall within their bounds" if all(within) else "\nPAST A BOUND")
    return 0 if all(within) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=[each.value for each in demo.Size], default=demo.Size.MEDIUM.value)
    parser.add_argument("--short", action="store_true", help="the small demo, which says whether it works and no more")
    given = parser.parse_args()
    chosen = demo.Size.SMALL if given.short else demo.Size(given.size)
    sys.exit(uvloop.run(asyncio.wait_for(main(chosen), 1_800)))
