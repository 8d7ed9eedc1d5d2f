"""Sums from rollups are those of the rows, in every snapshot: whatever commands, folds and crashes of folds come between."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from db.rollups import DIFFERENT
from db.runtime.engine import administration
from services.imports.transaction import begin, tell
from services.kit.upkeep import Site
from services.sales import rollups
from tests.schema.writing.test_copies import SKUS, Bustle
from tests.support.clerk import Clerk
from tests.support.command import ended, started
from tests.support.desk import Desk
from tests.support.graph import Answer, Asker

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])

SUMS = """count wantedCount shippedInFullCount quantity { unit count sum avg } shippedQuantity { unit sum } returnedQuantity { unit sum }
    cancelledQuantity { unit sum } openQuantity { unit sum avg } total { currency count sum { amount } avg { amount } }
    openTotal { currency sum { amount } } unitPrice { currency unit avg { amount } }"""


def groups(by: str, more: str = "", sums: str = SUMS, *, keys: str = "", inner: str = "") -> str:
    return f"""groups(by: [{by}]{more}) {{ nodes {{ rank share cumulativeShare {f"key {{ {keys} }}" if keys else ""}
        aggregate {{ {sums} }} {inner} }} groupCount other {{ groupCount aggregate {{ {sums} }} }} total {{ {sums} }} }}"""


SOLD = "status: { in: [CONFIRMED, CLOSED] }"
NOW = datetime.now(UTC)
FROM, THROUGH = (f"{NOW - timedelta(days=days):%Y-%m-%d}" for days in (380, 7))
DATED = f'placedAt: {{ within: {{ from: "{FROM}", through: "{THROUGH}" }} }}'
SINCE = f'placedAt: {{ gte: "{FROM}T10:00:00Z", lt: "{THROUGH}T12:30:00Z" }}'
BEST = ", orderBy: [{ field: TOTAL, direction: DESC }], first: 2"

SHAPES = {
    "all": f"{{ lineItems {{ aggregate {{ {SUMS} }} }} }}",
    "sold": f"{{ lineItems(where: {{ orderWhere: {{ {SOLD} {DATED} }} }}) {{ aggregate {{ {SUMS} }} }} }}",
    "by month": f"{{ lineItems(where: {{ orderWhere: {{ {SOLD} {DATED} }} }}) {{ "
    + groups("{ placedAt: MONTH }", ", fill: true", f"orderCount {SUMS}", keys="placedAt { date start end }")
    + " } }",
    "by day of the week": "{ lineItems { " + groups("{ placedAtPart: DAY_OF_WEEK }", keys="placedAtPart") + " } }",
    "by quarter and country": f"{{ lineItems(where: {{ orderWhere: {{ {SINCE} }} }}) {{ "
    + groups(
        "{ placedAt: QUARTER }, { field: CUSTOMER_COUNTRY }",
        ", orderBy: [{ field: ORDER_COUNT, direction: DESC }], first: 3",
        f"orderCount {SUMS}",
        keys="placedAt { date } customerCountry",
    )
    + " } }",
    "by customer and status": "{ lineItems { "
    + groups("{ field: CUSTOMER }, { field: ORDER_STATUS }", keys="customer { code } orderStatus")
    + " } }",
    "best products, by month": f"{{ lineItems(where: {{ orderWhere: {{ {SOLD} }} }}) {{ "
    + groups(
        "{ field: PRODUCT }",
        BEST,
        keys="product { sku }",
        inner=groups("{ placedAt: MONTH }", ", fill: true", keys="placedAt { date }").replace("rank ", "", 1),
    )
    + " } }",
    "of some products": '{ lineItems(where: { productWhere: { sku: { in: ["A", "B"] } } }) { '
    + groups("{ field: UNIT }, { field: CURRENCY }", keys="unit currency")
    + " } }",
    "each product by week": "{ products { nodes { sku lineItems { " + groups("{ placedAt: WEEK }") + " } } } }",
    "each product": f"{{ products {{ nodes {{ sku lineItems(where: {{ orderWhere: {{ {SINCE} }} }}) {{ aggregate {{ {SUMS} }} }} }} }} }}",
}
"""Queries that rollups serve."""

OTHERS = {
    "least": "{ lineItems { aggregate { total { currency min { amount } } } } }",
    "different products": "{ lineItems { aggregate { productCount } } }",
    "products and customers": "{ lineItems { " + groups("{ field: CUSTOMER }, { field: PRODUCT }") + " } }",
    "hours": "{ lineItems { " + groups("{ placedAt: HOUR }") + " } }",
    "bands": '{ lineItems { groups(by: [{ quantity: ["2"] }]) { total { count } } } }',
    "quantities": '{ lineItems(where: { quantity: { gt: "1" } }) { aggregate { count } } }',
    "either time": '{ lineItems(where: { orderWhere: { or: [{ placedAt: { lt: "2026-01-01T00:00:00Z" } }, { status: { eq: CLOSED } }] } }) '
    "{ aggregate { count } } }",
    "not at a time": '{ lineItems(where: { not: { orderWhere: { placedAt: { lt: "2026-01-01T00:00:00Z" } } } }) { aggregate { count } } }',
    "another clock": '{ lineItems { groups(by: [{ placedAt: DAY }], timeZone: "Asia/Tokyo") { total { count } } } }',
    "days of another clock": '{ lineItems(where: { orderWhere: { placedAt: { within: { from: "2026-01-01", timeZone: "Asia/Tokyo" } } } }) '
    "{ aggregate { count } } }",
}
"""Queries that they don't."""


def from_cells(answer: Answer) -> bool:
    return any("sales_cells" in ran.sql for ran in answer.ran)


class Firm:
    """A company with orders of two years, some of them long ago, and its rollups."""

    def __init__(self, desk: Desk, clerk: Clerk, seed: int) -> None:
        self.clerk, self.ask = clerk, Asker(desk.database)
        self.site = Site(desk.target, desk.database, 30)
        self.bustle = _Years(clerk, seed)

    @classmethod
    async def opened(cls, desk: Desk, seed: int, steps: int, *, fold: bool = True) -> "Firm":
        made = cls(desk, await desk.open(), seed)
        await made.bustle.begin()
        for _ in range(steps):
            await made.bustle.step()
        if fold:
            await made.fold()
        return made

    async def fold(self) -> int:
        return await rollups.fold(self.site, self.clerk.tenant, 0)

    async def agree(self, query: str, *, breadth_first: bool = True) -> bool:
        """Whether cells had a part in it; what comes of it is what rows alone give."""
        tenant = self.clerk.tenant
        rolled = await self.ask(query, tenant, rolled=True, breadth_first=breadth_first)
        assert rolled.good == (await self.ask(query, tenant)).good
        return from_cells(rolled)

    async def verify(self) -> list[Any]:
        async with administration(self.site.target, self.clerk.tenant) as connection:
            rows: list[Any] = await connection.fetch(DIFFERENT, self.clerk.tenant)
            return rows


ORDERS = "{ orders(first: 250) { nodes { id status lineItems(first: 20) { nodes { id shippedQuantity } } } } }"


class _Years(Bustle):
    """Commands of which many say that they were long ago."""

    async def begin(self) -> None:
        for sku, unit in zip(SKUS, ("pcs", "kg", "pcs"), strict=True):
            given = {"sku": sku, "name": sku, "unit": unit, "listPrice": {"amount": "2.345", "currency": "EUR"}}
            await self.clerk.do("productUpsert", given)
        for code, country in (("K1", "DE"), ("K2", "FR"), ("K3", None)):
            await self.clerk.do("partnerUpsert", {"code": code, "name": code, "country": country})
        for sku in SKUS:
            line = {"product": {"sku": sku}, "location": self.clerk.places["SHELF"], "delta": "40"}
            await self.clerk.do("stockAdjust", {"lines": [line], "reason": "x"})

    async def step(self) -> None:
        """As there, without reading all that there is."""
        orders = (await self.clerk.ask(ORDERS)).data["orders"]["nodes"]
        choose = self.dice.choice(["make", "make", "stock"] + ["order"] * 5 * bool(orders))
        field, given = getattr(self, choose)(orders)
        assert (await self.clerk.send(field, given)).errors == []

    def make(self, orders: Any) -> tuple[str, Any]:
        field, given = super().make(orders)
        ago = timedelta(days=self.dice.choice((0, 1, 20, 45, 90, 200, 400, 401, 700)), hours=self.dice.randint(0, 23))
        lines = [each | {"unitPrice": "1.37"} for each in given["lineItems"]]
        placed = (datetime.now(UTC) - ago).isoformat()
        customer = {"code": self.dice.choice(("K1", "K2", "K3"))}
        return field, given | {"placedAt": placed, "customer": customer, "lineItems": lines}

    def order(self, orders: Any) -> tuple[str, Any]:
        drafts = [each for each in orders if each["status"] == "DRAFT"]
        if drafts and self.dice.random() < 0.3:  # a draft gets another time and customer
            moved = (datetime.now(UTC) - timedelta(days=self.dice.choice((3, 300)))).isoformat()
            chosen = {"order": {"id": self.dice.choice(drafts)["id"]}, "placedAt": moved}
            return "orderUpdate", chosen | {"customer": {"code": self.dice.choice(("K1", "K2"))}}
        return super().order(orders)


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
    spans, differences = await rollups.verify(target, tenant)
    assert spans > 200
    assert differences == []
    for planted, name in (
        ("UPDATE sales_cells SET total = total + 0.01 WHERE id = $1", "total"),
        ("UPDATE sales_cells SET orders = orders + 1 WHERE id = $1", "orders"),
    ):
        cell = await firm.clerk.admin.fetchrow(
            "SELECT c.id, c.span_id FROM sales_cells c JOIN sales_spans s ON s.id = c.span_id WHERE c.tenant_id = $1 AND kind = 'PRODUCTS' LIMIT 1",
            tenant,
        )
        await firm.clerk.admin.execute(planted, cell["id"])
        [found] = (await rollups.verify(target, tenant))[1]
        assert (found.kind, found.name, found.sku in SKUS, found.customer) == ("PRODUCTS", name, True, None)
        if name == "total":
            company = await firm.clerk.admin.fetchval("SELECT name FROM tenants WHERE id = $1", tenant)
            process = started("rollup", "verify", "--tenant", company, DATABASE_URL=target.admin)
            ran = await asyncio.to_thread(ended, process)
            assert (ran.code, ran.err) == (1, f"{company}: 1 difference in {spans:,} spans\n")
            [_, row] = ran.out.splitlines()
            assert row.split()[0] == "products"
            assert row.split()[-3] == "total"
            assert Decimal(row.split()[-1]) - Decimal(row.split()[-2]) == Decimal("0.01")
        await firm.clerk.admin.execute("DELETE FROM sales_spans WHERE id = $1", cell["span_id"])
        assert await firm.fold() == 1
        assert await firm.verify() == []


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
        await tell(connection, tenant, "ORDER")
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


async def test_whatever_comes_between(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands, folds, and folds that end anywhere: after the place was moved, after some months."""
    served = 0
    for seed in range(2):
        firm = Firm(desk, await desk.open(), seed)
        await firm.bustle.begin()
        dice = random.Random(seed)  # noqa: S311 - the same at every run
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
            served += await firm.agree(dice.choice([*SHAPES.values()]))
            assert await firm.verify() == []
    assert served > 8
