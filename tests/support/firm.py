"""A company with orders of years and sums of them that are kept, and what is asked of these."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from app.context import Principal, RequestContext
from core.permissions import EVERYTHING
from db.rollups import CLEAN, cells, different
from db.runtime.engine import administration
from services.kit.upkeep import Site
from services.sales import rollups
from tests.support.bustle import SKUS, Bustle
from tests.support.clerk import Clerk
from tests.support.desk import Desk
from tests.support.graph import Answer, Asker, executed, schema

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
    "products by year": "{ lineItems { "
    + groups("{ placedAt: YEAR }, { field: PRODUCT }", BEST, keys="placedAt { date start end } product { sku }")
    + " } }",
    "best customers of some quarters": f"{{ lineItems(where: {{ orderWhere: {{ {DATED} }} }}) {{ "
    + groups(
        "{ placedAt: QUARTER }, { field: CUSTOMER }",
        BEST,
        f"orderCount {SUMS}",
        keys="customer { code }",
        inner=groups("{ field: CURRENCY }", "", f"orderCount {SUMS}").replace("rank ", "", 1),
    )
    + " } }",
    "each product by quarter": "{ products { nodes { sku lineItems { " + groups("{ placedAt: QUARTER }") + " } } } }",
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
    """A company with orders of two and a half years, some of them long ago, and its rollups."""

    def __init__(self, desk: Desk, clerk: Clerk, seed: int) -> None:
        self.clerk, self.ask = clerk, Asker(desk.database)
        self.site = Site(desk.target, desk.database, 30)
        self.bustle = Years(clerk, seed)

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

    async def agree_at_once(self, query: str) -> bool:
        """The same in one snapshot, whatever is written meanwhile."""
        graph = schema()
        async with self.ask.database.reader(self.clerk.tenant) as reader:
            answers = []
            for rolled in (False, True):
                context = RequestContext(Principal(reader.tenant, "tests", EVERYTHING), reader, graph.nodes)
                context.rolled = rolled
                answers.append(await executed(graph, query, context))
            rows, cells = answers
            assert rows.errors is None
            assert (cells.data, cells.errors) == (rows.data, None)
            return any("sales_cells" in ran.sql for ran in reader.ran)

    async def fold_until(self, over: asyncio.Event) -> int:
        """Fold again and again; how often one was ended in the midst of it."""
        ends = 0
        while not over.is_set():
            try:
                await self.fold()
            # Of a connection that is ended between two statements asyncpg says, too, that another operation is in progress.
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
                ends += 1
            await asyncio.sleep(0)
        return ends

    async def read_until(self, over: asyncio.Event, dice: random.Random) -> int:
        """Read again and again, at least twice; how often cells had a part in it."""
        served = [await self.agree_at_once(SHAPES["all"])]
        while not over.is_set():
            served.append(await self.agree_at_once(dice.choice([*SHAPES.values()])))
        return sum(served)

    async def verify(self) -> list[Any]:
        async with administration(self.site.target, self.clerk.tenant) as connection:
            # All from lines, where the command compares quarters and years with their months.
            clean = different("clean s", cells("clean s"))
            sql = f"WITH clean AS MATERIALIZED ({CLEAN}) SELECT * FROM ({clean}) d"
            rows: list[Any] = await connection.fetch(sql, self.clerk.tenant)
            return rows


ORDERS = "{ orders(first: 250) { nodes { id status lineItems(first: 20) { nodes { id shippedQuantity } } } } }"


class Years(Bustle):
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

    async def step(self, tries: int = 1) -> None:
        """As there, without reading all that there is. Where others are at it at once, it may have to be sent again."""
        orders = (await self.clerk.ask(ORDERS)).data["orders"]["nodes"]
        choose = self.dice.choice(["make", "make", "stock"] + ["order"] * 5 * bool(orders))
        field, given = getattr(self, choose)(orders)
        answer = await self.clerk.send(field, given)
        while tries > 1 and answer.errors and answer.errors[0].message.startswith("Too many others"):
            tries -= 1
            answer = await self.clerk.send(field, given)
        assert answer.errors == []

    def make(self, orders: Any) -> tuple[str, Any]:
        field, given = super().make(orders)
        ago = timedelta(
            days=self.dice.choice((0, 1, 20, 45, 90, 200, 400, 401, 700, 900)), hours=self.dice.randint(0, 23)
        )
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
