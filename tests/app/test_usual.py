"""A price near to what is read: by how many rows a tenant's relations have, and never below what is delivered."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.context import Principal
from app.throttling import usual as module
from app.throttling.usual import UNKNOWN, UsualSizes
from core.errors import Unavailable
from core.ids import new_id
from db.runtime.engine import Database
from loaders.kit.kept import ZONE, KeptOf
from loaders.kit.usual import AllOf, RowsOf, sizes, usual
from loaders.sales import LinesOfOrder
from services.kit.upkeep import Site as Upkept
from services.platform import keys
from services.sales import rollups
from tests.support.demo_site import Site
from tests.support.http import app_of, eventually

PAGE = """{ orders(first: 50) { nodes { id lineItems(first: 100) { nodes { id product { id stock { levels(first: 50) {
  nodes { id } } } } } } } } }"""


def looks(client: httpx.AsyncClient) -> UsualSizes:
    found: UsualSizes = app_of(client).state.usual
    return found


async def cost(client: httpx.AsyncClient, query: str = PAGE, **headers: str) -> dict[str, int]:
    response = await client.post("/graphql", json={"query": query}, headers=headers)
    assert response.status_code == 200, response.text
    found: dict[str, int] = response.json()["extensions"]["cost"]
    return found


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client(price_by_data=True) as opened:
        yield opened


async def test_a_page_is_priced_by_what_is_usual_once_that_was_found(client: httpx.AsyncClient) -> None:
    first = await cost(client)
    await eventually(lambda: looks(client).looking is None)
    then = await cost(client)
    assert first["requested"] > 250_000
    assert then["actual"] == first["actual"] > 500
    assert then["actual"] <= then["requested"] < 20 * then["actual"]


async def test_a_list_that_is_longer_than_usual_raises_the_price(site: Site, client: httpx.AsyncClient) -> None:
    await cost(client)
    await eventually(lambda: looks(client).looking is None)
    [found] = looks(client)._known.values()
    looks(client)._known[site.tenants[0].id] = found._replace(rows=dict.fromkeys(found.rows, 1))
    outgrown = await cost(client)
    asked = await cost(client, **{"X-Cost-Only": "1"})
    assert asked["requested"] < outgrown["actual"] == outgrown["requested"]
    assert outgrown["charged"] >= outgrown["actual"]


async def test_the_limit_holds_where_the_data_outgrow_the_price(site: Site) -> None:
    async with site.client(price_by_data=True, limit_cost=500, budget=100_000) as client:
        looks(client)._known[site.tenants[0].id] = UNKNOWN._replace(
            at=float("inf"), rows=dict.fromkeys(looks(client)._relations, 0)
        )
        response = await client.post("/graphql", json={"query": PAGE})
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "COST_LIMIT"
    assert error["extensions"]["place"]
    assert response.json()["data"] is None


async def test_a_partners_prices_say_nothing_of_others(site: Site) -> None:
    async with site.admin() as admin:
        code = await admin.fetchval(
            "SELECT code FROM partners WHERE tenant_id = $1 AND 'CUSTOMER' = ANY(kinds) LIMIT 1", site.tenants[0].id
        )
    key = await keys.create(
        site.target, site.tenants[0].id, "usual partner", roles=("partner",), partner=code, replace=True
    )
    query = "{ orders(first: 50) { nodes { id lineItems(first: 100) { nodes { id } } } } }"
    async with site.client(key, price_by_data=True) as client:
        first = await cost(client, query)
        assert looks(client).looking is None
        assert (await cost(client, query))["requested"] == first["requested"]
        assert not looks(client)._known


async def test_what_cant_be_looked_at_leaves_prices_as_they_are(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any) -> dict[Any, int]:
        raise Unavailable("away")

    monkeypatch.setattr(module, "usual", fails)
    async with site.client(price_by_data=True) as client:
        first = await cost(client)
        await eventually(lambda: looks(client).looking is None)
        assert (await cost(client))["requested"] == first["requested"]


async def test_it_takes_one_statement_for_each_relation_and_reads_one_row(site: Site) -> None:
    async with site.database.reader(site.tenants[0].id) as reader:
        found = await usual(reader, [LinesOfOrder])
        assert [ran.rows for ran in reader.ran] == [1]
    async with site.admin() as admin:
        most = await admin.fetchval(
            "SELECT max(n) FROM (SELECT count(*) n FROM line_items WHERE tenant_id = $1 GROUP BY order_id) lines",
            site.tenants[0].id,
        )
    assert most <= found[LinesOfOrder] <= most + most // 4 + 2
    async with site.database.reader(new_id()) as reader:
        assert await usual(reader, [LinesOfOrder]) == {LinesOfOrder: 1}


async def test_tenants_are_forgotten_and_looked_at_one_by_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TENANTS", 2)
    database: Database = site.database
    sizes = UsualSizes(database, [LinesOfOrder])
    for _ in range(5):
        assert sizes.of(Principal(new_id(), "x")) == {}
    await eventually(lambda: sizes.looking is None)
    assert len(sizes._known) == 2


SUMS = "{ orders(first: 0) { aggregate { count } } }"
NESTED = "{ partners(first: %d) { nodes { orders(first: 0) { aggregate { count %s } } } } }"


async def test_an_aggregate_is_priced_by_the_rows_that_it_reads(site: Site, client: httpx.AsyncClient) -> None:
    """All of the tenant's at the root; of a level's lists no more than there are, however many parents."""
    unknown = await cost(client, SUMS)
    await eventually(lambda: looks(client).looking is None)
    known = await cost(client, SUMS)
    async with site.admin() as admin:
        rows = await admin.fetchval("SELECT count(*) FROM orders WHERE tenant_id = $1", site.tenants[0].id)
    assert unknown["requested"] > 10 * known["requested"]
    assert rows / 8 < known["requested"] < rows / 4
    prices = [(await cost(client, NESTED % (size, "")))["requested"] for size in (1, 20, 40, 80)]
    assert prices == sorted(prices)
    # As many partners more are as many objects more; their orders are all read by then.
    assert prices[3] - prices[2] < 2 * (prices[2] - prices[1]) + 80
    assert prices[3] < 80 * 3.2 + rows / 4


async def test_what_a_measure_reads_besides_has_a_price(client: httpx.AsyncClient) -> None:
    await cost(client, SUMS)
    await eventually(lambda: looks(client).looking is None)
    measures = ["", "total { sum { amount } }", "customerCount", "customerCount total { sum { amount } }"]
    prices = [(await cost(client, SUMS.replace("count", f"count {each}")))["requested"] for each in measures]
    assert prices == sorted({*prices})
    twice = await cost(client, "{ a: orders { aggregate { count } } b: orders { aggregate { count } } }")
    assert twice["requested"] >= 2 * prices[0] - 2


async def test_of_many_rows_the_database_says_how_many(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loaders.kit.usual.COUNTED", 10)
    async with site.admin() as admin:
        await admin.execute("ANALYZE line_items")
        lines = await admin.fetchval("SELECT count(*) FROM line_items WHERE tenant_id = $1", site.tenants[0].id)
    async with site.database.reader(site.tenants[0].id) as reader:
        found = await sizes(reader, [LinesOfOrder], {LinesOfOrder: 300})
    assert {*found} == {RowsOf("line_items"), AllOf(LinesOfOrder)}
    assert all(lines / 3 < rows < lines * 3 for rows in found.values())
    async with site.database.reader(site.tenants[0].id) as reader:
        assert (await sizes(reader, [LinesOfOrder], {LinesOfOrder: 9}))[AllOf(LinesOfOrder)] == 9


async def test_too_many_rows_are_refused_before_they_are_read(site: Site, client: httpx.AsyncClient) -> None:
    await cost(client, SUMS)
    await eventually(lambda: looks(client).looking is None)
    [found] = looks(client)._known.values()
    many = {**found.rows, RowsOf("orders"): 10_000_000}
    looks(client)._known[site.tenants[0].id] = found._replace(rows=many)
    response = await client.post("/graphql", json={"query": SUMS})
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "COST_LIMIT"
    assert error["extensions"]["place"] == ["orders", "aggregate"]
    assert error["message"].endswith(
        " of them are for orders.aggregate, which reads every row of the list, whatever its filter leaves. Ask for what comes from sums"
        " that are kept (docs/numbers.md says which do), ask it of one record's list, or read the rows page by page."
    )
    assert "data" not in response.json()


async def test_proposals_cost_what_the_rules_take_however_few_are_shown(site: Site, client: httpx.AsyncClient) -> None:
    """A thousand rules are taken to be there until they are counted; the price says so before anything is read."""
    async with site.admin() as admin:
        rules = await admin.fetchval("SELECT count(*) FROM reorder_rules WHERE tenant_id = $1", site.tenants[0].id)
    found = []
    for first in (0, 3):
        query = f"{{ replenishmentProposals(first: {first}) {{ quantity }} }}"
        looks(client)._known.clear()
        before = await cost(client, query, **{"X-Cost-Only": "1"})
        await eventually(lambda: looks(client).looking is None)
        after = await cost(client, query, **{"X-Cost-Only": "1"})
        found.append((before["requested"], after["requested"]))
    assert rules
    assert found == [(17_000, 17 * rules), (17_004, 17 * rules + 4)]


async def test_a_run_costs_the_rules_that_it_names_else_all_of_them(site: Site, client: httpx.AsyncClient) -> None:
    """Twice each: proposals are worked out once more under locks."""
    async with site.admin() as admin:
        rules = await admin.fetchval("SELECT count(*) FROM reorder_rules WHERE tenant_id = $1", site.tenants[0].id)

    async def price(given: dict[str, Any]) -> int:
        query = "mutation ($input: ReplenishInput!) { replenish(input: $input) { userErrors { code } } }"
        headers = {"X-Cost-Only": "1"}
        body = {"query": query, "variables": {"input": given}}
        answer = (await client.post("/graphql", json=body, headers=headers)).json()
        return int(answer["extensions"]["cost"]["requested"])

    looks(client)._known.clear()
    unknown = await price({})
    await eventually(lambda: looks(client).looking is None)
    known = await price({})
    assert unknown - known == 34 * (1_000 - rules)
    assert await price({"rules": None}) == known
    name = f"ror_{'0' * 32}"
    one, two = [await price({"rules": [name] * many}) for many in (1, 2)]
    # A rule that is named makes room for two problems more, of an object and a leaf each.
    each = 2 * 1.1
    assert two - one == pytest.approx(34 + each, abs=1)
    assert known - one == pytest.approx(34 * (rules - 1) - each, abs=1)


BY_MONTH = "{ lineItems { groups(by: [{ placedAt: MONTH }]) { nodes { aggregate { count total { currency sum { amount } } } } } } }"
BY_HOUR = BY_MONTH.replace("MONTH", "HOUR")
LEAST = BY_MONTH.replace("sum {", "min {")
WITHIN = BY_MONTH.replace("nodes {", "nodes { groups(by: [{ placedAtPart: HOUR_OF_DAY }]) { nodes { rank } }")


async def test_sums_that_are_kept_cost_the_cells_and_what_these_leave_out(
    site: Site, client: httpx.AsyncClient
) -> None:
    async def looked_at() -> None:
        looks(client)._known.clear()
        await cost(client, BY_MONTH)
        await eventually(lambda: looks(client).looking is None)

    async def answered(query: str) -> tuple[int, str, Any]:
        response = await client.post("/graphql", json={"query": query}, headers={"x-explain": "1"})
        found = response.json()
        loaders = [batch["loader"] for level in found["extensions"]["plan"]["levels"] for batch in level["batches"]]
        return found["extensions"]["cost"]["requested"], loaders[-1], found["data"]

    await looked_at()
    queries = (BY_MONTH, BY_HOUR, LEAST, WITHIN)
    before = {query: await answered(query) for query in queries}
    assert all(before[query][1] == "Groups" for query in queries)
    await rollups.fold(Upkept(site.target, site.database, 30), site.tenants[0].id, 0)
    await looked_at()
    after = {query: await answered(query) for query in queries}
    assert [after[query][2] for query in queries] == [before[query][2] for query in queries]
    assert after[BY_MONTH][1].startswith("Groups (DAYS: ")
    assert after[BY_MONTH][0] < before[BY_MONTH][0]
    for query in queries[1:]:
        assert after[query][:1] == before[query][:1]
        assert after[query][1] == "Groups (rows: no rollup has all of it)"


COUNTED = "aggregate { count }"


@pytest.mark.parametrize(
    "query, names",
    [
        (BY_HOUR, ["HOUR"]),
        (LEAST, ["min"]),
        (WITHIN, ["HOUR_OF_DAY"]),
        ("{ lineItems { aggregate { count orderCount customerCount } } }", ["customerCount", "orderCount"]),
        ("{ lineItems { groups(by: [{ age: [8] }]) { nodes { %s } } } }" % COUNTED, ["age"]),
        ("{ lineItems { groups(by: [{ quantity: [8] }]) { nodes { %s } } } }" % COUNTED, ["quantity"]),
        (
            "{ lineItems { groups(by: [{ field: PRODUCT }, { field: CUSTOMER }]) { nodes { %s } } } }" % COUNTED,
            ["PRODUCT"],
        ),
        (BY_MONTH.replace("MONTH }]", 'MONTH }], timeZone: "Asia/Tokyo"'), ["timeZone"]),
        (
            '{ lineItems(where: { orderWhere: { number: { eq: "1" }, placedAt: { gt: "2026-01-01T00:00:00Z" } } }) { %s } }'
            % COUNTED,
            ["where.orderWhere.number"],
        ),
        (
            '{ lineItems(where: { not: { orderWhere: { placedAt: { gt: "2026-01-01T00:00:00Z" } } } }) { %s } }'
            % COUNTED,
            ["where.orderWhere.placedAt"],
        ),
        (BY_MONTH, []),
        (SUMS, []),
    ],
)
async def test_a_sum_that_is_too_dear_names_what_keeps_it_from_those_that_are_kept(
    site: Site, query: str, names: list[str]
) -> None:
    await rollups.fold(Upkept(site.target, site.database, 30), site.tenants[0].id, 0)
    async with site.client(price_by_data=True) as client:
        await cost(client, SUMS)
        await eventually(lambda: looks(client).looking is None)
        found = looks(client)._known[site.tenants[0].id]
        sizes_of: dict[Any, Any] = {**found.rows}
        many: dict[Any, Any] = {
            of: {**size, **{kind: 10**8 for kind in size if kind != ZONE}} if isinstance(of, KeptOf) else 10**8
            for of, size in sizes_of.items()
        }
        looks(client)._known[site.tenants[0].id] = found._replace(rows=many)
        [error] = (await client.post("/graphql", json={"query": query})).json()["errors"]
    assert error["extensions"]["code"] == "COST_LIMIT"
    assert error["extensions"].get("notKept", []) == names
    reason = f": sums that are kept for the rest of it lack {', '.join(names)}. Ask" if names else "filter leaves. Ask"
    assert reason in error["message"]
