"""A price near to what is read: by how many rows a tenant's relations have, and never below what is delivered."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.context import Principal
from app.throttling import usual as module
from app.throttling.usual import UsualSizes
from core.errors import Unavailable
from core.ids import new_id
from db.runtime.engine import Database
from loaders.kit.usual import usual
from loaders.sales import LinesOfOrder
from services.platform import keys
from tests.app.conftest import Site
from tests.support.http import eventually

PAGE = """{ orders(first: 50) { nodes { id lineItems(first: 100) { nodes { id product { id stock { levels(first: 50) {
  nodes { id } } } } } } } } }"""


def looks(client: httpx.AsyncClient) -> UsualSizes:
    found: UsualSizes = client._transport.app.state.usual  # type: ignore[attr-defined]  # httpx has no public name for it
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
    [(at, found)] = looks(client)._known.values()
    looks(client)._known[site.tenants[0].id] = (at, dict.fromkeys(found, 1))
    outgrown = await cost(client)
    asked = await cost(client, **{"X-Cost-Only": "1"})
    assert asked["requested"] < outgrown["actual"] == outgrown["requested"]
    assert outgrown["charged"] >= outgrown["actual"]


async def test_the_limit_holds_where_the_data_outgrow_the_price(site: Site) -> None:
    async with site.client(price_by_data=True, limit_cost=500, budget=100_000) as client:
        looks(client)._known[site.tenants[0].id] = (float("inf"), dict.fromkeys(looks(client)._relations, 0))
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
