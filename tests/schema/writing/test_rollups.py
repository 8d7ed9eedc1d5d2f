"""Sums from rollups are those of the rows, in every snapshot: whatever commands, folds and crashes of folds come between.

``ERPGRAPH_FUZZ_ROLLUPS=…`` draws so many histories of each sort, from the seed ``ERPGRAPH_FUZZ_SEED`` on.
"""

import asyncio
import calendar
import itertools
import os
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from db.rollups import LONG
from db.runtime.writer import Writer
from loaders.kit import rollups as kit
from services.imports.transaction import announce, begin
from services.sales import rollups
from services.sales.rollup_faults import verify
from tests.support.bustle import SKUS
from tests.support.command import ended, started
from tests.support.desk import Desk
from tests.support.firm import OTHERS, SHAPES, SUMS, Firm, from_cells, groups

FIRST = int(os.environ.get("ERPGRAPH_FUZZ_SEED", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("ERPGRAPH_FUZZ_ROLLUPS", "2")))

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])


@pytest.fixture(scope="module")
async def firm(desk: Desk) -> Firm:
    return await Firm.opened(desk, 1, 30)


@EXECUTORS
async def test_cells_give_what_rows_give(firm: Firm, *, breadth_first: bool) -> None:
    for name, query in SHAPES.items():
        assert await firm.agree(query, breadth_first=breadth_first), name
    for name, query in OTHERS.items():
        assert not await firm.agree(query, breadth_first=breadth_first), name


async def test_a_statement_says_which_spans_are_right(firm: Firm) -> None:
    counts = {
        name: len((await firm.ask(SHAPES[name], firm.clerk.tenant, rolled=True)).ran) for name in ("all", "by month")
    }
    assert counts == {"all": 2, "by month": 2 + 1}  # the tenant's time zone


async def test_lines_are_read_where_cells_are_missing_alone(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafts always; and what is before, between and behind the spans, as far as the filter has it."""

    async def reads(query: str) -> int:
        answer = await firm.ask(query, firm.clerk.tenant, rolled=True)
        assert answer.good == (await firm.ask(query, firm.clerk.tenant)).good
        [ran] = [each.sql for each in answer.ran if "sales_cells" in each.sql]
        return ran.count("FROM line_items")

    def since(first: str, last: str) -> str:
        return f"{{ lineItems(where: {{ orderWhere: {{ placedAt: {{ {first} {last} }} }} }}) {{ aggregate {{ {SUMS} }} }} }}"

    spans = await firm.clerk.admin.fetch(
        "SELECT * FROM sales_spans WHERE tenant_id = $1 AND kind = 'DAYS' ORDER BY starts_at", firm.clerk.tenant
    )
    first, last = (f"{spans[place]['starts_at']:%Y-%m-%dT%H:%M:%SZ}" for place in (3, -3))
    begin, end = f'gte: "{first}"', f'lt: "{last}"'
    assert [await reads(query) for query in (SHAPES["all"], SHAPES["sold"], since(begin, end))] == [2, 1, 1]
    assert [await reads(since(*each)) for each in ((begin, ""), ("", end), (f'gt: "{first}"', end))] == [2, 2, 2]
    await firm.clerk.admin.execute("DELETE FROM sales_spans WHERE id = ANY($1)", [span["id"] for span in spans[5:-5:7]])
    assert await reads(since(begin, end)) == 2
    monkeypatch.setattr(kit, "MOST", 2)
    assert await reads(since(begin, end)) == 2
    assert await firm.fold() == len(spans[5:-5:7])


def longer(months: Mapping[date, date]) -> Iterator[tuple[date, date]]:
    """The first and last days of the quarters and years that these months, by their first days, are all of."""
    for first, length in itertools.product(months, (3, 12)):
        parts = [date(first.year, month, 1) for month in range(first.month, min(first.month + length, 13))]
        if first.month % length == 1 and len(parts) == length and months.keys() >= {*parts}:
            yield first, months[parts[-1]]


async def test_quarters_and_years_have_cells_of_their_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read where no shorter periods are asked for; and once an order in them was changed, what is left of them."""
    firm = await Firm.opened(desk, 5, 0, fold=False)
    tenant, admin = firm.clerk.tenant, firm.clerk.admin
    line = {"product": {"sku": "A"}, "quantity": "2", "unitPrice": "1.37"}
    made = []
    for days in (1200, 500, 45):
        placed = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        given = {"customer": {"code": "K1"}, "lineItems": [line], "placedAt": placed, "confirm": True}
        made.append(await firm.clerk.do("orderCreate", given))
    await firm.fold()
    spans = "SELECT first_day, last_day FROM sales_spans WHERE tenant_id = $1 AND kind = $2 AND first_day < last_day"
    for short, long in LONG.items():
        months = {row["first_day"]: row["last_day"] for row in await admin.fetch(spans, tenant, short)}
        wanted = {*longer(months)}
        assert {tuple(row) for row in await admin.fetch(spans, tenant, long)} == wanted
        assert {(last - first).days > 300 for first, last in wanted} == {True, False}

    chosen: list[Any] = []
    inside = kit._inside

    def noted(*given: Any) -> Iterator[Any]:
        chosen[:] = inside(*given)
        return iter(chosen)

    monkeypatch.setattr(kit, "_inside", noted)

    async def longest(by: str) -> int:
        assert await firm.agree(f"{{ lineItems {{ {groups(f'{{ field: PRODUCT }}, {by}')} }} }}")
        days: list[int] = [(span["last_day"] - span["first_day"]).days + 1 for span in chosen]
        return max(days)

    assert await longest("{ field: UNIT }") in (365, 366)
    assert await longest("{ placedAt: YEAR }") in (365, 366)
    assert await longest("{ placedAt: QUARTER }") == 92
    assert await longest("{ placedAt: MONTH }") == 31
    assert await longest("{ placedAtPart: MONTH_OF_YEAR }") == 31
    assert await longest("{ placedAt: WEEK }") == await longest("{ placedAtPart: DAY_OF_WEEK }") == 1

    at = datetime.fromisoformat(made[1]["placedAt"]).astimezone(ZoneInfo("Europe/Berlin")).date()

    async def of_its_year() -> list[tuple[date, date]]:
        await longest("{ placedAt: YEAR }")
        return [(each["first_day"], each["last_day"]) for each in chosen if each["first_day"].year == at.year]

    whole = [(date(at.year, 1, 1), date(at.year, 12, 31))]
    assert await of_its_year() == whole
    for field in ("orderUpdate", "orderCancel"):
        await firm.clerk.do(field, {"order": {"id": made[1]["id"]}} | ({"note": "x"} if field == "orderUpdate" else {}))
        left = await of_its_year()
        assert not any(first <= at <= last for first, last in left)
        assert sum((last - first).days + 1 for first, last in left) + calendar.monthrange(at.year, at.month)[1] in (
            365,
            366,
        )
        assert len(left) == 3 + 2  # the other quarters, and the other months of its own
        assert (
            await firm.fold() == 1 + 2 * 3
        )  # the day; and by product and by customer the month, the quarter and the year
        assert await of_its_year() == whole
    assert await firm.verify() == []
    await admin.execute("UPDATE tenants SET timezone = 'Pacific/Auckland' WHERE id = $1", tenant)
    await firm.clerk.do("partnerUpsert", {"code": "K9", "name": "K9"})
    await firm.fold()
    assert await of_its_year() == whole
    assert chosen[0]["timezone"] == "Pacific/Auckland"
    assert await firm.verify() == []


async def test_partners_never_read_them(firm: Firm) -> None:
    customer = await firm.clerk.admin.fetchval(
        "SELECT id FROM partners WHERE tenant_id = $1 AND code = 'K1'", firm.clerk.tenant
    )
    answer = await firm.ask(SHAPES["all"], firm.clerk.tenant, partner=customer, rolled=True)
    assert answer.good["lineItems"]["aggregate"]["count"] > 0
    assert not from_cells(answer)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with firm.ask.database.reader(firm.clerk.tenant, customer) as reader:
            await reader.fetch("SELECT 1 FROM sales_cells")


async def test_a_planted_fault_is_found(firm: Firm) -> None:
    tenant, target = firm.clerk.tenant, firm.site.target
    spans, differences = await verify(target, tenant)
    assert spans > 200
    assert differences == []
    for kind, planted, name in (
        ("PRODUCTS", "UPDATE sales_cells SET total = total + 0.01 WHERE id = $1", "total"),
        ("PRODUCTS", "UPDATE sales_cells SET orders = orders + 1 WHERE id = $1", "orders"),
        ("PRODUCTS_LONG", "UPDATE sales_cells SET lines = lines - 1 WHERE id = $1", "lines"),
        ("CUSTOMERS_LONG", "UPDATE sales_cells SET wanted = wanted + 1 WHERE id = $1", "wanted"),
    ):
        cell = await firm.clerk.admin.fetchrow(
            "SELECT c.id, c.span_id FROM sales_cells c JOIN sales_spans s ON s.id = c.span_id WHERE c.tenant_id = $1 AND kind = $2 LIMIT 1",
            tenant,
            kind,
        )
        await firm.clerk.admin.execute(planted, cell["id"])
        [found] = (await verify(target, tenant))[1]
        assert (found.kind, found.name) == (kind, name)
        assert [found.sku in SKUS, found.customer is None] == [kind.startswith("PRODUCTS")] * 2
        if name == "total":
            company = await firm.clerk.admin.fetchval("SELECT name FROM tenants WHERE id = $1", tenant)
            process = started("rollup", "verify", "--tenant", company, DATABASE_URL=target.admin)
            ran = await asyncio.to_thread(ended, process)
            assert (ran.code, ran.err) == (1, f"{company}: 1 difference in {spans:,} spans\n")
            [_, row] = ran.out.splitlines()
            assert row.split()[0] == "products"
            assert row.split()[-3] == "total"
            assert Decimal(row.split()[-1]) - Decimal(row.split()[-2]) == Decimal("0.01")
            before = started(
                "rollup", "verify", "--tenant", company, "--through", "1999-12-31", DATABASE_URL=target.admin
            )
            ran = await asyncio.to_thread(ended, before)
            assert (ran.code, ran.out, ran.err) == (0, "", f"{company}: no differences in 0 spans\n")
        await firm.clerk.admin.execute("DELETE FROM sales_spans WHERE id = $1", cell["span_id"])
        assert await firm.fold() == 1
        assert await firm.verify() == []


async def test_quarters_and_years_are_compared_with_their_months_or_the_lines(firm: Firm) -> None:
    """A month that is wrong isn't what its year should be, and one that isn't there tells nothing: a fault is found once, where it is."""
    tenant, admin = firm.clerk.tenant, firm.clerk.admin
    month = await admin.fetchrow(
        """SELECT c.id, m.id AS span, m.first_day, y.first_day AS since, y.last_day AS through
           FROM sales_spans m JOIN sales_cells c ON c.span_id = m.id
           JOIN sales_spans y ON y.tenant_id = m.tenant_id AND y.kind = 'CUSTOMERS_LONG' AND y.last_day - y.first_day > 300
                AND m.starts_at >= y.starts_at AND m.ends_at <= y.ends_at
           WHERE m.tenant_id = $1 AND m.kind = 'CUSTOMERS' AND m.first_day < m.last_day LIMIT 1""",
        tenant,
    )
    year = {"since": month["since"], "through": month["through"]}
    told: list[tuple[str, int, int]] = []
    spans, found = await verify(firm.site.target, tenant, lambda *each: told.append(each), **year)
    assert found == []
    assert told[-1] == ("Spans", spans, spans)
    assert len(told) == 2  # the months, few as their lines are, and what is longer
    assert spans == 365 + (month["since"].year % 4 == 0) + 2 * (12 + 4 + 1)
    await admin.execute("UPDATE sales_cells SET open = open + 1 WHERE id = $1", month["id"])
    [fault] = (await verify(firm.site.target, tenant, **year))[1]
    assert (fault.kind, fault.name, int(fault.actual - fault.expected)) == ("CUSTOMERS", "open", 1)
    await admin.execute("DELETE FROM sales_spans WHERE id = $1", month["span"])
    assert await verify(firm.site.target, tenant, **year) == (spans - 1, [])
    planted = """UPDATE sales_cells SET orders = orders + 1 WHERE id = (
        SELECT c.id FROM sales_cells c JOIN sales_spans s ON s.id = c.span_id WHERE s.tenant_id = $1 AND kind = 'CUSTOMERS_LONG'
        AND s.first_day <= $2 AND s.last_day >= $2 ORDER BY s.last_day - s.first_day LIMIT 1) RETURNING span_id"""
    quarter = await admin.fetchval(planted, tenant, month["first_day"])
    [fault] = (await verify(firm.site.target, tenant, **year))[1]
    assert (fault.kind, fault.name, int(fault.actual - fault.expected)) == ("CUSTOMERS_LONG", "orders", 1)
    await admin.execute("DELETE FROM sales_spans WHERE id = $1", quarter)
    assert await firm.fold() == 2
    assert await firm.verify() == []


async def test_commands_run_the_same_statements_with_rollups(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written for rollups by who changes orders: the log says it. (Numbers are taken in blocks.)"""
    firm = await Firm.opened(desk, 4, 0, fold=False)
    ran: list[str] = []
    rows = Writer.rows

    async def noted(writer: Writer, sql: str, *values: Any) -> list[Any]:
        ran.append(sql)
        return await rows(writer, sql, *values)

    monkeypatch.setattr(Writer, "rows", noted)
    line = {"product": {"sku": "A"}, "quantity": "1", "unitPrice": "1"}
    made = []
    for turn in range(3):
        ran.clear()
        order = await firm.clerk.do("orderCreate", {"customer": {"code": "K1"}, "lineItems": [line], "confirm": True})
        await firm.clerk.do("orderShip", {"order": {"id": order["id"]}})
        made.append([sql for sql in ran if "number_series" not in sql])
        assert turn == 0 or await firm.fold() > 0
    [_, before, after] = made  # the first makes the place where shipped goods are as well
    assert len(before) == 10
    assert before == after
    assert await firm.agree(SHAPES["all"])


@pytest.mark.one_server
async def test_without_its_place_in_the_log_no_span_is_right(desk: Desk) -> None:
    firm = await Firm.opened(desk, 2, 10)
    tenant, admin = firm.clerk.tenant, firm.clerk.admin
    query = SHAPES["by customer and status"]
    assert await firm.agree(query)
    await admin.execute("UPDATE tenants SET timezone = 'America/New_York' WHERE id = $1", tenant)
    assert not await firm.agree(query)
    await firm.clerk.do("partnerUpsert", {"code": "K9", "name": "K9"})
    assert await firm.fold() > 200
    assert await firm.agree(query)
    async with begin(desk.target, tenant) as connection:
        await announce(connection, tenant, "ORDER")
    assert not await firm.agree(query)
    assert await firm.fold() > 200
    assert await firm.agree(query)
    await admin.execute("DELETE FROM commits WHERE tenant_id = $1", tenant)
    assert not await firm.agree(query)
    assert await firm.fold() > 200
    assert await firm.agree(query)


async def test_small_tenants_have_none_and_two_folds_at_once_do_no_harm(desk: Desk) -> None:
    firm = await Firm.opened(desk, 3, 10, fold=False)
    assert await rollups.keep_up(firm.site, firm.clerk.tenant) == 0
    assert not await firm.agree(SHAPES["all"])
    await asyncio.gather(*(firm.fold() for _ in range(3)), return_exceptions=True)
    await firm.fold()
    assert await firm.agree(SHAPES["all"])
    assert await firm.verify() == []


@pytest.mark.one_server
async def test_whatever_comes_between(desk: Desk) -> None:
    """Commands, folds, and folds that end anywhere: after the place was moved, after some months."""
    served = 0
    for seed in SEEDS:
        firm = Firm(desk, await desk.open(), seed)
        await firm.bustle.begin()
        dice = random.Random(seed)
        for _ in range(10):
            for _ in range(dice.randint(1, 5)):
                await firm.bustle.step()
            match dice.randint(0, 3):
                case 0:
                    await firm.fold()
                case 1:
                    await rollups._move(firm.site, firm.clerk.tenant, 0)
                case 2:
                    if await rollups._move(firm.site, firm.clerk.tenant, 0):
                        for _ in range(dice.randint(1, 20)):
                            await rollups._fill(firm.site.target, firm.clerk.tenant)
                        for _ in range(dice.randint(0, 4)):
                            await rollups._fill_longer(firm.site.target, firm.clerk.tenant)
            served += await firm.agree(dice.choice([*SHAPES.values()]))
            assert await firm.verify() == []
        assert (await verify(firm.site.target, firm.clerk.tenant))[1] == []
    assert served > 4 * len(SEEDS)


KILL = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = session_user AND pid <> pg_backend_pid() AND query ~ '(INSERT INTO|UPDATE|DELETE FROM) sales_'"""
"""Ends the connection of a fold: it alone writes these."""


async def test_whatever_goes_on_beside(desk: Desk) -> None:
    """Commands, folds whose connection is ended, and readers, all at once. Each reader has one snapshot for cells and for rows."""
    served = 0
    for seed in SEEDS:
        firm = await Firm.opened(desk, seed, 5)
        dice, over = random.Random(seed), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            folds = group.create_task(firm.fold_until(over))
            reads = [group.create_task(firm.read_until(over, random.Random(seed + each))) for each in (1, 2)]
            for _ in range(15):
                await firm.bustle.step(3)
                if dice.random() < 0.3:
                    await firm.clerk.admin.fetchval(KILL)
            over.set()
        served += sum(each.result() for each in reads)
        assert folds.result() <= 15
        await firm.fold()
        assert await firm.agree(SHAPES["all"])
        assert await firm.verify() == []
    assert served >= len(SEEDS)
