"""Several mutations in one request: in their order, each a transaction of its own."""

import pytest

from core.errors import Unavailable
from db.runtime import engine
from db.runtime.engine import Database
from services.kit import work
from tests.support.clerk import Clerk
from tests.support.desk import Desk

BOTH = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])


@BOTH
async def test_each_sees_what_those_before_it_stored(shop: Clerk, *, breadth_first: bool) -> None:
    sku = f"STEPS {breadth_first}"
    query = """mutation ($sku: String!, $shelf: ID!) {
      make: productUpsert(input: {sku: $sku, name: "One", listPrice: {amount: "2", currency: EUR}}) {
        product { name version stock { onHand } } userErrors { code } }
      fill: stockAdjust(input: {reason: "found", lines: [{product: {sku: $sku}, location: $shelf, delta: "5"}]}) {
        stockLevels { onHand } userErrors { code } }
      rename: productUpsert(input: {sku: $sku, name: "Two"}) {
        product { name version stock { onHand } } userErrors { code } }
      tooMany: orderCreate(input: {customer: {code: "C1"}, confirm: true,
          lineItems: [{product: {sku: $sku}, quantity: "6"}]}) {
        order { number } userErrors { code path ... on InsufficientStockError { product { name } available } } }
      sell: orderCreate(input: {customer: {code: "C1"}, confirm: true,
          lineItems: [{product: {sku: $sku}, quantity: "4"}]}) {
        order { version lineItems { nodes { description product { stock { available } } } } } userErrors { code } }
      again: stockAdjust(input: {reason: "lost", lines: [{product: {sku: $sku}, location: $shelf, delta: "-2"}]}) {
        stockLevels { onHand } moves { quantity }
        userErrors { code ... on InsufficientStockError { available product { stock { onHand reserved } } } } }
    }"""
    answer = await shop.ask(query, {"sku": sku, "shelf": shop.places["SHELF"]}, breadth_first=breadth_first)
    assert not answer.errors
    short = {"code": "INSUFFICIENT_STOCK", "path": ["input", "lineItems", "0", "quantity"]}
    line = {"description": "Two", "product": {"stock": {"available": "1"}}}
    assert answer.data == {
        "make": {"product": {"name": "One", "version": 1, "stock": {"onHand": "0"}}, "userErrors": []},
        "fill": {"stockLevels": [{"onHand": "5"}], "userErrors": []},
        "rename": {"product": {"name": "Two", "version": 2, "stock": {"onHand": "5"}}, "userErrors": []},
        "tooMany": {"order": None, "userErrors": [short | {"product": {"name": "Two"}, "available": "5"}]},
        "sell": {"order": {"version": 2, "lineItems": {"nodes": [line]}}, "userErrors": []},
        "again": {
            "stockLevels": None,
            "moves": None,
            "userErrors": [
                {
                    "code": "INSUFFICIENT_STOCK",
                    "available": "1",
                    "product": {"stock": {"onHand": "5", "reserved": "4"}},
                }
            ],
        },
    }
    assert list(answer.data) == ["make", "fill", "rename", "tooMany", "sell", "again"]


@BOTH
async def test_one_that_fails_hides_none_of_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, breadth_first: bool
) -> None:
    """A product that somebody else holds too long, in the middle."""
    monkeypatch.setattr(work, "RETRY_FOR", 0.1)
    monkeypatch.setitem(engine.WRITER_SETTINGS, "lock_timeout", "20")
    impatient = Database(desk.target, size=1)
    await impatient.open()
    shop = await desk.open()
    held = (await shop.product())["sku"]
    shop.database = impatient
    query = """mutation ($held: String!) {
      a: productUpsert(input: {sku: "A", name: "A"}) { product { sku } }
      b: productUpsert(input: {sku: $held, name: "B"}) { product { sku } }
      c: productUpsert(input: {sku: "C", name: "C"}) { product { sku } }
    }"""
    async with shop.admin.transaction():
        await shop.admin.execute("SELECT 1 FROM products WHERE sku = $1 FOR UPDATE", held)
        answer = await shop.ask(query, {"held": held}, breadth_first=breadth_first)
    await impatient.close()
    assert answer.data == {"a": {"product": {"sku": "A"}}, "b": None, "c": {"product": {"sku": "C"}}}
    assert [(error.path, type(error.original_error)) for error in answer.errors] == [(["b"], Unavailable)]
    names = await shop.admin.fetch("SELECT name FROM products WHERE tenant_id = $1 ORDER BY id", shop.tenant)
    assert [row["name"] for row in names] == ["Thing", "A", "C"]


async def test_a_selection_of_nothing_still_carries_the_command_out(shop: Clerk) -> None:
    query = 'mutation { productUpsert(input: {sku: "UNSEEN", name: "Unseen"}) { __typename } }'
    assert await shop.ask(query) == ({"productUpsert": {"__typename": "ProductPayload"}}, [])
    assert (await shop.ask('{ product(by: {sku: "UNSEEN"}) { name } }')).data == {"product": {"name": "Unseen"}}


@BOTH
async def test_a_field_that_is_skipped_is_not_carried_out(shop: Clerk, *, breadth_first: bool) -> None:
    query = """mutation ($no: Boolean!) {
      productUpsert(input: {sku: "SKIPPED", name: "x"}) @skip(if: $no) { product { id } } }"""
    before = await shop.digest()
    assert await shop.ask(query, {"no": True}, breadth_first=breadth_first) == ({}, [])
    assert await shop.digest() == before


async def test_one_field_asked_twice_under_one_name_is_one_command(shop: Clerk) -> None:
    made = 'warehouseCreate(input: {code: "TWICE", name: "Once"})'
    answer = await shop.ask(f"mutation {{ {made} {{ warehouse {{ code }} }} {made} {{ warehouse {{ name }} }} }}")
    assert answer == ({"warehouseCreate": {"warehouse": {"code": "TWICE", "name": "Once"}}}, [])
    events = [each["type"] for each in await shop.events() if (each["after"] or {}).get("code") == "TWICE"]
    assert events == ["warehouse.created"]
