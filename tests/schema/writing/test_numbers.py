"""Numbers of orders: by the company's pattern, unique, and taken without waiting."""

import asyncio

import pytest

from db.runtime.engine import Database
from services.kit import numbers
from tests.support.clerk import Clerk
from tests.support.desk import Desk


async def numbered(shop: Clerk, **given: str) -> str:
    """The number of a new order."""
    product = await shop.product()
    number: str = (await shop.order((product, "1"), placedAt=given.pop("placedAt", "2026-06-01T00:00:00Z"), **given))[
        "number"
    ]
    return number


@pytest.mark.parametrize(
    "pattern,first",
    [
        ("SO-{year}-{n:06}", ["SO-2026-000001", "SO-2026-000002"]),
        ("{n}", ["1", "2"]),
        ("{n:03}/{year} Köln", ["001/2026 Köln", "002/2026 Köln"]),
    ],
)
async def test_numbers_follow_the_companys_pattern(desk: Desk, pattern: str, first: list[str]) -> None:
    shop = await desk.open(order_numbers=pattern)
    assert [await numbered(shop), await numbered(shop)] == first


@pytest.mark.parametrize(
    "timezone,moment,year",
    [
        ("Europe/Berlin", "2026-12-31T22:59:59Z", 2026),
        ("Europe/Berlin", "2026-12-31T23:00:00Z", 2027),
        ("Pacific/Auckland", "2026-12-31T11:00:00Z", 2027),
        ("America/Los_Angeles", "2027-01-01T07:59:59Z", 2026),
        ("America/Los_Angeles", "2027-01-01T09:00:00+01:00", 2027),
    ],
)
async def test_the_year_is_the_one_where_the_company_is(desk: Desk, timezone: str, moment: str, year: int) -> None:
    shop = await desk.open(timezone=timezone)
    assert await numbered(shop, placedAt=moment) == f"SO-{year}-000001"


async def test_each_year_has_a_series_of_its_own(desk: Desk) -> None:
    shop = await desk.open()
    years = ("2025", "2026", "2025", "2026")
    found = [await numbered(shop, placedAt=f"{year}-06-01T00:00:00Z") for year in years]
    assert found == ["SO-2025-000001", "SO-2026-000001", "SO-2025-000002", "SO-2026-000002"]


async def test_numbers_go_on_after_those_that_are_there(desk: Desk) -> None:
    """Imported, or given by clients before the first of the series was needed."""
    shop = await desk.open()
    for number in ("SO-2026-000041", "SO-2026-7", "SO-2025-000099", "SO-2026-99x", "so-2026-000500", "SO-2026-"):
        assert await numbered(shop, number=number) == number
    assert await numbered(shop) == "SO-2026-000042"


async def test_numbers_that_are_too_long_to_count_are_left_aside(desk: Desk) -> None:
    shop = await desk.open()
    for number in ("SO-2026-" + "9" * 16, "SO-2026-" + "9" * 30, "SO-2026-٣"):
        await numbered(shop, number=number)
    assert await numbered(shop) == "SO-2026-000001"


async def test_a_number_that_a_client_gave_is_passed_over(desk: Desk) -> None:
    shop = await desk.open()
    assert await numbered(shop) == "SO-2026-000001"
    for ahead in ("SO-2026-000003", "SO-2026-000004"):
        await numbered(shop, number=ahead)
    assert [await numbered(shop) for _ in range(3)] == ["SO-2026-000002", "SO-2026-000005", "SO-2026-000006"]


async def test_a_refused_order_may_leave_a_gap_and_never_a_number_twice(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product()
    given = shop.ordering([shop.line(product, quantity="1")], confirm=True, placedAt="2026-06-01T00:00:00Z")
    assert [each.code for each in await shop.refusals("orderCreate", given)] == ["INSUFFICIENT_STOCK"]
    assert await numbered(shop) == "SO-2026-000002"


async def test_companies_have_series_of_their_own(desk: Desk) -> None:
    one, two = await desk.open(), await desk.open()
    assert [await numbered(each) for each in (one, two, one, two)] == ["SO-2026-000001"] * 2 + ["SO-2026-000002"] * 2


async def test_two_processes_never_give_the_same_number(desk: Desk) -> None:
    shop = await desk.open()
    other = Database(shop.database.target, size=4)
    await other.open()
    product = await shop.product()
    given = shop.ordering([shop.line(product, quantity="1")], placedAt="2026-06-01T00:00:00Z")
    beside = Clerk(other, shop.admin, shop.tenant)
    made = await asyncio.gather(*(clerk.do("orderCreate", given) for _ in range(20) for clerk in (shop, beside)))
    await other.close()
    found = [order["number"] for order in made]
    assert len(set(found)) == 40
    assert all(number.startswith("SO-2026-") and len(number) == 14 for number in found)


async def test_orders_do_not_wait_for_each_others_commit(desk: Desk) -> None:
    """A number is taken beside the order's own transaction: one that is still open holds no other up."""
    shop = await desk.open()
    product, scarce = await shop.product(), await shop.product({"SHELF": "1"})
    given = shop.ordering([shop.line(scarce, quantity="1")], confirm=True, placedAt="2026-06-01T00:00:00Z")
    async with shop.admin.transaction():
        await shop.admin.execute("SELECT 1 FROM products WHERE sku = $1 FOR UPDATE", scarce["sku"])
        held = asyncio.create_task(shop.do("orderCreate", given))
        free = await shop.order((product, "1"), placedAt="2026-06-01T00:00:00Z")
        assert not held.done()
    assert {free["number"], (await held)["number"]} == {"SO-2026-000001", "SO-2026-000002"}


async def test_blocks_grow_while_numbers_go_fast(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One order now and then takes one number: a restart loses none."""
    shop = await desk.open()
    now = 1_000.0
    monkeypatch.setattr(numbers, "monotonic", lambda: now)

    async def ahead() -> int:
        sql = "SELECT next FROM number_series WHERE tenant_id = $1"
        found: int = await shop.admin.fetchval(sql, shop.tenant)
        return found

    taken = []
    for _ in range(4):
        await numbered(shop)
        taken.append(await ahead())
        now += 2
    assert taken == [2, 3, 4, 5]
    for _ in range(6):
        await numbered(shop)
        taken.append(await ahead())
    assert taken[4:] == [6, 8, 8, 12, 12, 12]
