"""Case S1: numbers that orders have already, from imports or given by clients, never stop a company's ordering."""

import asyncio
import random
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import pytest

from core import numbering
from core.ids import new_id
from db.runtime.engine import Database
from db.runtime.writer import Writer
from services.kit import numbers, work
from tests.support import imports
from tests.support.clerk import Clerk
from tests.support.desk import Desk

PLACED = "2026-06-01T00:00:00Z"


async def numbered(shop: Clerk, times: int = 1, placed: str = PLACED) -> list[str]:
    """The numbers of new orders, one made after the other."""
    product = await shop.product()
    return [(await shop.order((product, "1"), placedAt=placed))["number"] for _ in range(times)]


async def occupy(shop: Clerk, texts: Iterable[str]) -> None:
    """Orders of these numbers, as an import would store them."""
    wanted = list(texts)
    await shop.admin.execute(
        """INSERT INTO orders (tenant_id, id, number, status, customer_id, currency, placed_at)
           SELECT $1, id, number, 'CLOSED', (SELECT id FROM partners WHERE tenant_id = $1 LIMIT 1), 'EUR', now()
           FROM unnest($2::uuid[], $3::text[]) AS given (id, number)""",
        shop.tenant,
        [new_id() for _ in wanted],
        wanted,
    )


def free(taken: Iterable[int], start: int, times: int) -> list[int]:
    """What the next numbers must be: the first from ``start`` on that are not taken."""
    used = set(taken)
    found = (n for n in count(start) if n not in used)
    return [next(found) for _ in range(times)]


DICE = random.Random(1)
PATTERNS = {
    "contiguous": range(2, 3_002),
    "beyond what is near": range(2, 2 * numbers.NEAR + 500),
    "interleaved": range(2, 3_000, 2),
    "in tens": [n for n in range(2, 3_000) if n % 10],
    "blocks": [n for n in range(2, 2_000) if (n // 128) % 3],
    "at random": DICE.sample(range(2, 3_000), 2_500),
    "one far ahead": [2, 3, 999_999, 10**14],
    "beyond the width": range(999_995, 1_000_300),
}


@pytest.mark.parametrize("pattern", ["SO-{year}-{n:06}", "{n}", "{n:03}/{year} 1", "1{n:02}11"])
@pytest.mark.parametrize("taken", PATTERNS.values(), ids=PATTERNS)
async def test_s1_the_next_free_number_is_found_whatever_is_taken(
    desk: Desk, taken: Iterable[int], pattern: str
) -> None:
    shop, series = await desk.open(order_numbers=pattern), numbering.series(pattern, 2026)
    assert await numbered(shop) == [series.number(1)]  # the series has begun
    await occupy(shop, map(series.number, taken))
    assert await numbered(shop, 12) == [series.number(n) for n in free(taken, 2, 12)]


async def test_s1_far_ahead_any_free_number_will_do(desk: Desk) -> None:
    """No company is stopped by where its gaps are; a gap beyond what is near may stay one."""
    shop, series = await desk.open(), numbering.series("SO-{year}-{n:06}", 2026)
    await numbered(shop)
    far = [2 + numbers.NEAR + 2**k * (8 + j) // 8 for k in range(41) for j in range(8)]
    taken = {*range(2, 2 + numbers.NEAR), *far}
    await occupy(shop, map(series.number, taken))
    found = await numbered(shop, 3)
    assert len({*found}) == 3
    assert not {*found} & {*map(series.number, taken)}


@pytest.mark.parametrize(
    "pattern, seen", [("{n}", 1_000), ("SO-{year}-{n:06}", numbers.SEEN_AT_FIRST), ("{n}/{year}", 1_000)]
)
async def test_s1_a_series_begins_in_bounded_time_after_any_number_of_orders(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, pattern: str, seen: int
) -> None:
    """More than are looked at: where it begins may be taken, and is passed over."""
    first = numbers._FIRST.replace(f"LIMIT {numbers.SEEN_AT_FIRST})", f"LIMIT {seen})")
    assert f"LIMIT {seen})" in first
    monkeypatch.setattr(numbers, "_FIRST", first)
    shop, series = await desk.open(order_numbers=pattern), numbering.series(pattern, 2026)
    await occupy(shop, map(series.number, range(1, seen + 3_000)))
    assert await numbered(shop, 2) == [series.number(seen + 3_000 + n) for n in (0, 1)]


async def test_s1_a_series_goes_on_at_its_width(desk: Desk) -> None:
    shop, series = await desk.open(), numbering.series("SO-{year}-{n:06}", 2026)
    await occupy(shop, map(series.number, range(999_000, 1_000_001)))
    assert await numbered(shop, 2) == ["SO-2026-1000001", "SO-2026-1000002"]


async def test_s1_a_new_year_begins_after_what_was_imported_into_it(desk: Desk) -> None:
    shop, series = await desk.open(), numbering.series("SO-{year}-{n:06}", 2027)
    await numbered(shop)
    await occupy(shop, map(series.number, range(1, 500)))
    assert await numbered(shop, 2, "2027-06-01T00:00:00Z") == ["SO-2027-000500", "SO-2027-000501"]
    assert await numbered(shop) == ["SO-2026-000002"]


async def test_s1_what_only_looks_like_a_number_of_the_series_takes_none(desk: Desk) -> None:
    shop = await desk.open()
    await numbered(shop)
    await occupy(
        shop, ("so-2026-000002", "SO-2026-2", "SO-2026-000002 ", "XSO-2026-000002", "SO-2026-000002x", "SO-2026-٢")
    )
    other = await desk.open()
    await occupy(other, ["SO-2026-000002"])
    assert await numbered(shop) == ["SO-2026-000002"]


async def test_s1_a_pattern_may_end_as_it_begins(desk: Desk) -> None:
    """``11`` begins with the prefix and ends with the suffix, and has no room for both."""
    shop = await desk.open(order_numbers="1{n}11")
    await occupy(shop, ["11", "111", "1111", "1511"])
    assert await numbered(shop) == ["1611"]


async def test_s1_the_block_that_a_process_has_is_dropped_when_one_of_it_was_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of own numbers comes while orders are made fast: one attempt more, and not one for each number."""
    shop, series = await desk.open(), numbering.series("SO-{year}-{n:06}", 2026)
    monkeypatch.setattr(numbers, "monotonic", lambda: 1_000.0)
    assert (await numbered(shop, 60))[-1] == "SO-2026-000060"  # in the middle of a block
    await occupy(shop, map(series.number, range(61, 3_061)))
    before = work.repeated["number taken"]
    assert await numbered(shop, 5) == [series.number(n) for n in range(3_061, 3_066)]
    assert work.repeated["number taken"] == before + 1


async def test_s1_a_jump_takes_the_same_few_statements_however_far_it_goes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    rows, clock = Writer.rows, count(0, 10)
    monkeypatch.setattr(numbers, "monotonic", lambda: next(clock))  # so slow that each block has one number

    async def counted(self: Writer, sql: str, *values: object) -> list[object]:
        ran.append(sql)
        return await rows(self, sql, *values)

    spent = []
    for many in (1, 300, 3_000, 10_000):
        shop, series = await desk.open(), numbering.series("SO-{year}-{n:06}", 2026)
        await numbered(shop)
        await occupy(shop, map(series.number, range(2, 2 + many)))
        product = await shop.product()
        with monkeypatch.context() as patch:
            patch.setattr(Writer, "rows", counted)
            made = await shop.order((product, "1"), placedAt=PLACED)
        assert made["number"] == series.number(2 + many)
        spent.append(len([sql for sql in ran if "number_series" in sql or "generate_series" in sql]))
        ran.clear()
    assert spent == [3, 3, 3, 3]


async def test_s1_twenty_clients_of_two_processes_pass_over_what_is_taken_together(desk: Desk) -> None:
    shop, series = await desk.open(), numbering.series("SO-{year}-{n:06}", 2026)
    await numbered(shop)
    taken = [n for n in range(2, 3_000) if n % 7]
    await occupy(shop, map(series.number, taken))
    product = await shop.product()
    given = shop.ordering([shop.line(product, quantity="1")], placedAt=PLACED)
    other = Database(desk.target, size=4)
    await other.open()
    clerks = [shop, Clerk(other, shop.admin, shop.tenant)] * 10
    made = await asyncio.gather(*(clerk.do("orderCreate", given) for clerk in clerks for _ in range(3)))
    await other.close()
    found = [order["number"] for order in made]
    assert len(set(found)) == 60
    assert set(found) <= set(map(series.number, free(taken, 2, 400)))


async def test_s1_ordering_goes_on_after_an_import_of_own_numbers(desk: Desk, tmp_path: Path) -> None:
    """Case I8: the file's orders have the numbers that the company's own series would give next."""
    shop = await desk.open()
    name = await shop.admin.fetchval("SELECT name FROM tenants WHERE id = $1", shop.tenant)
    assert await numbered(shop) == ["SO-2026-000001"]
    rows = "".join(f"SO-2026-{n:06},C1,A,Thing,1,2.50,2026-02-01 10:00\n" for n in range(2, 42))
    summary = await imports.run(desk.target, name, tmp_path, rows)
    assert (summary.stored.orders, summary.rejected) == (40, {})
    assert await numbered(shop, 2) == ["SO-2026-000042", "SO-2026-000043"]
