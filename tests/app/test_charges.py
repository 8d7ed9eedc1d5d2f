"""What requests pay on a real server: however they end, what they spent (docs/decisions/0018-spending.md)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.throttling import budgets, spending
from app.throttling.spending import points
from tests.support.demo_site import Site
from tests.support.locks import locked, waiting


@pytest.fixture
async def charged(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[budgets.Charge]]:
    """The charges of the requests, as they were settled."""
    found: list[budgets.Charge] = []
    settle = budgets.Charge.settle

    def noted(charge: budgets.Charge) -> None:
        settle(charge)
        if charge not in found:
            found.append(charge)

    monkeypatch.setattr(budgets.Charge, "settle", noted)
    monkeypatch.setattr("core.spending.LAGS", 0)  # it depends on the machine
    yield found
    async with site.admin() as connection:
        await connection.execute("TRUNCATE budgets")


async def test_a_refused_document_costs_what_it_took_to_refuse_it(
    site: Site, charged: list[budgets.Charge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending, "FREE", 0.0)
    fields = " ".join(f"nope{n}" for n in range(900))
    async with site.client(limit_fields=10_000) as client:
        answer = await client.post("/graphql", json={"query": f"{{ orders {{ nodes {{ {fields} }} }} }}"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    [charge] = charged
    spent, paid = charge.spent, charge.paid
    assert paid == max(100, int(spent.loop_seconds * 250_000)) > 500


async def test_a_query_that_was_stopped_costs_the_time_of_its_statement(
    site: Site, charged: list[budgets.Charge]
) -> None:
    async with site.client(limit_seconds=1) as client, locked(site.target) as holder:
        answer = await client.post("/graphql", json={"query": "{ orders(first: 1) { nodes { id } } }"})
        await waiting(holder, 0)
    assert answer.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"
    [charge] = charged
    spent, paid = charge.spent, charge.paid
    assert spent.statement_seconds > 0.5
    assert paid == points(spent, carried_out=False) > 100_000


async def test_a_client_that_left_has_paid(site: Site, charged: list[budgets.Charge]) -> None:
    async with site.client() as client, locked(site.target) as holder:
        asking = asyncio.create_task(client.post("/graphql", json={"query": "{ orders(first: 1) { nodes { id } } }"}))
        await waiting(holder, 1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await waiting(holder, 0)
    [charge] = charged
    spent, paid = charge.spent, charge.paid
    assert spent.statement_seconds > 0
    assert paid == max(100, points(spent, carried_out=False))


async def test_a_command_costs_its_price_or_what_it_spent(
    site: Site, charged: list[budgets.Charge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending, "FREE", 0.0)
    command = 'mutation { productUpsert(input: {sku: "SPENT", name: "x"}) { product { id } } }'
    async with site.client() as client:
        assert (await client.post("/graphql", json={"query": command})).json()["data"]["productUpsert"]["product"]
    [charge] = charged
    spent, paid = charge.spent, charge.paid
    assert spent.statement_seconds > 0
    assert paid == max(100, points(spent))
