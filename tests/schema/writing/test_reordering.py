"""What is ordered again: rules, proposals, and drafts that count."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.buyer import Buyer, buying, came, lines
from tests.support.clerk import Clerk
from tests.support.desk import Desk

COUNTS = ("available", "waiting", "incoming", "drafted", "projected", "quantity")
PRICE = {"amount": "2", "currency": "EUR"}


@pytest.fixture
async def buyer(desk: Desk) -> AsyncIterator[Buyer]:
    async with buying(desk) as found:
        yield found


@pytest.fixture
def shop(buyer: Buyer) -> Clerk:
    return buyer.clerk


def counts(proposal: dict[str, Any]) -> list[str]:
    return [proposal[name] for name in COUNTS]


async def test_a_rule_is_made_and_changed(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.rule(product, "5", "20")
    assert made | {"id": None} == {
        "id": None,
        "product": {"sku": product["sku"]},
        "warehouse": {"code": "NORTH"},
        "location": {"code": "SHELF"},
        "point": "5",
        "target": "20",
        "supplier": None,
        "active": True,
        "version": 1,
    }
    assert await buyer.rule(product, "5", "20") == made
    named = {"product": {"id": product["id"]}, "warehouse": shop.warehouses["NORTH"]}
    changed = await shop.do(
        "reorderRuleUpsert", named | {"target": "30", "supplier": {"code": "S1"}, "expectedVersion": 1}
    )
    assert changed == made | {"target": "30", "supplier": {"code": "S1"}, "version": 2}
    assert (await shop.do("reorderRuleUpsert", named | {"supplier": None}))["supplier"] is None
    query = """query ($id: ID!) { product(by: { id: $id }) { reorderRules { nodes { id
        events { nodes { type } } } } } }"""
    [found] = (await shop.ask(query, {"id": product["id"]})).data["product"]["reorderRules"]["nodes"]
    assert found["id"] == made["id"]
    assert [each["type"] for each in found["events"]["nodes"]] == [
        "reorder_rule.updated",
        "reorder_rule.updated",
        "reorder_rule.created",
    ]


async def test_what_a_rule_cannot_be(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    named = {"product": {"id": product["id"]}, "warehouse": shop.warehouses["NORTH"]}
    whole = named | {"location": shop.places["SHELF"], "point": "5", "target": "20"}
    assert sorted(await shop.refused("reorderRuleUpsert", named)) == [
        ("INVALID_INPUT", "location"),
        ("INVALID_INPUT", "point"),
        ("INVALID_INPUT", "target"),
    ]
    for wrong, problem in (
        ({"target": "4.999999"}, ("INVALID_INPUT", "target")),
        ({"point": "-1"}, ("INVALID_INPUT", "point")),
        ({"warehouse": shop.warehouses["SOUTH"]}, ("INVALID_INPUT", "location")),
        ({"warehouse": "wh_" + "0" * 32}, ("NOT_FOUND", "warehouse")),
        ({"location": "loc_" + "0" * 32}, ("NOT_FOUND", "location")),
        ({"product": {"sku": "NOTHING"}}, ("NOT_FOUND", "product")),
        ({"supplier": {"code": "NOBODY"}}, ("NOT_FOUND", "supplier")),
        ({"supplier": {"code": "C1"}}, ("INVALID_INPUT", "supplier")),
        ({"expectedVersion": 1}, ("NOT_FOUND", "expectedVersion")),
    ):
        assert problem in await shop.refused("reorderRuleUpsert", whole | wrong)
    # What came to a place that nobody sells from would be ordered again.
    quarantine = whole | {"location": shop.places["HOLD"]}
    assert await shop.refused("reorderRuleUpsert", quarantine) == [("INVALID_INPUT", "location")]
    await shop.do("reorderRuleUpsert", whole)
    assert await shop.refused("reorderRuleUpsert", whole | {"point": "21"}) == [
        ("INVALID_INPUT", "target"),
    ]
    assert await shop.refused("reorderRuleUpsert", whole | {"expectedVersion": 2}) == [
        ("VERSION_CONFLICT", "expectedVersion")
    ]
    # Its figures are in the product's unit.
    assert await shop.refused("productUpsert", {"sku": product["sku"], "name": "N", "unit": "kg"}) == [
        ("INVALID_INPUT", "unit")
    ]


async def test_a_proposal_counts_what_is_there_waits_comes_and_is_drafted(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product({"SHELF": "4"})
    await buyer.supplies(product, price=PRICE, multiple="6", minimum="10", leadDays=3)
    await buyer.rule(product, "10", "20")
    [found] = await buyer.proposals()
    assert counts(found) == ["4", "0", "0", "0", "4", "18"]
    assert (found["supplier"], found["unit"], found["unitPrice"]["amount"]) == ({"code": "S1"}, "pcs", "2.00")
    assert found["problem"] is None
    assert found["reason"] == "4 pcs are projected, fewer than the reorder point of 10."
    await shop.order((product, "7"), confirm=True, allowBackorder=True)
    [found] = await buyer.proposals()
    assert counts(found) == ["0", "3", "0", "0", "-3", "24"]
    await buyer.order((product, "5"), confirm=True)
    await buyer.order((product, "6"))
    [found] = await buyer.proposals()
    assert counts(found) == ["0", "3", "5", "6", "8", "12"]
    await buyer.order((product, "2"))
    # At the point nothing is needed.
    assert await buyer.proposals() == []


async def test_two_runs_make_one_draft(buyer: Buyer, shop: Clerk) -> None:
    products = [await shop.product() for _ in range(3)]
    for product in products:
        await buyer.supplies(product, price=PRICE)
        await buyer.rule(product, "5", "10")
    [draft] = await shop.do("replenish", {})
    assert (draft["status"], draft["supplier"], draft["location"]) == ("DRAFT", {"code": "S1"}, {"code": "SHELF"})
    assert [(each["product"], each["quantity"], each["total"]["amount"]) for each in lines(draft)] == [
        ({"sku": product["sku"]}, "10", "20.00") for product in sorted(products, key=lambda each: each["sku"])
    ]
    assert draft["subtotal"] == {"amount": "60.00", "currency": "EUR"}
    assert await buyer.proposals() == []
    assert await shop.do("replenish", {}) == []
    # A draft that is given up isn't coming; what is ordered is, and what came is there.
    await buyer.act("Cancel", draft)
    assert len(await buyer.proposals()) == 3
    [again] = await shop.do("replenish", {})
    await buyer.act("Confirm", again)
    assert await buyer.proposals() == []
    await shop.do("purchaseOrderReceive", came(again, "10", "10", "10"))
    assert await buyer.proposals() == []


async def test_a_draft_for_each_supplier_location_and_currency(buyer: Buyer, shop: Clerk) -> None:
    await buyer.supplier("S2")
    products = [await shop.product() for _ in range(4)]
    for product, supplier, price in zip(
        products, ("S1", "S2", "S1", "S1"), (PRICE, PRICE, PRICE | {"currency": "USD"}, PRICE), strict=True
    ):
        await buyer.supplies(product, supplier, price=price)
    for product, place in zip(products, ("SHELF", "SHELF", "SHELF", "RACK"), strict=True):
        await buyer.rule(product, "5", "10", place)
    made = await shop.do("replenish", {})
    assert sorted((each["supplier"]["code"], each["location"]["code"], each["currency"]) for each in made) == [
        ("S1", "RACK", "EUR"),
        ("S1", "SHELF", "EUR"),
        ("S1", "SHELF", "USD"),
        ("S2", "SHELF", "EUR"),
    ]
    assert len({each["number"] for each in made}) == 4


async def test_the_supplier_with_the_smallest_priority_and_then_the_cheapest(buyer: Buyer, shop: Clerk) -> None:
    for code in ("S2", "S3"):
        await buyer.supplier(code)
    product = await shop.product()
    await buyer.rule(product, "5", "10")
    [found] = await buyer.proposals()
    assert (found["supplier"], found["problem"], found["expectedOn"]) == (None, "NO_SUPPLIER", None)
    await buyer.supplies(product, "S1")
    [found] = await buyer.proposals()
    assert (found["supplier"], found["problem"], found["unitPrice"]) == ({"code": "S1"}, "NO_PRICE", None)
    assert await shop.do("replenish", {}) == []
    await buyer.supplies(product, "S2", price=PRICE | {"amount": "3"})
    await buyer.supplies(product, "S3", price=PRICE | {"amount": "2.5"})
    [found] = await buyer.proposals()
    assert found["supplier"] == {"code": "S3"}
    await buyer.supplies(product, "S3", priority=1)
    [found] = await buyer.proposals()
    assert found["supplier"] == {"code": "S2"}
    await buyer.rule(product, "5", "10", supplier={"code": "S3"})
    [found] = await buyer.proposals()
    assert found["supplier"] == {"code": "S3"}
    assert await buyer.proposals(supplier={"code": "S2"}) == []
    assert len(await buyer.proposals(supplier={"code": "S3"})) == 1
    assert await buyer.proposals(supplier={"code": "NOBODY"}) == []
    partner = (await shop.ask('{ partner(by: { code: "S3" }) { id } }')).data["partner"]["id"]
    await shop.do("archive", {"id": partner})
    [found] = await buyer.proposals()
    assert (found["supplier"], found["problem"]) == (None, "NO_SUPPLIER")


async def test_what_waits_for_any_warehouse_is_bought_once(buyer: Buyer, shop: Clerk) -> None:
    """Fault 36: two rules of one product don't both buy for it."""
    product = await shop.product()
    await buyer.supplies(product, price=PRICE)
    await buyer.rule(product, "0", "0")
    await buyer.rule(product, "0", "0", "DOCK", warehouse=shop.warehouses["SOUTH"])
    await shop.order((product, "7"), confirm=True, allowBackorder=True)
    [found] = await buyer.proposals()
    assert counts(found) == ["0", "7", "0", "0", "-7", "7"]
    assert await buyer.proposals(warehouse=shop.warehouses["SOUTH"]) == []
    await shop.do("allocationUpdate", {"warehouses": [shop.warehouses["SOUTH"], shop.warehouses["NORTH"]]})
    assert await buyer.proposals(warehouse=shop.warehouses["NORTH"]) == []
    [found] = await buyer.proposals(warehouse=shop.warehouses["SOUTH"])
    assert found["waiting"] == "7"
    # What may only come from one warehouse is bought for that.
    await shop.order((product, "2"), confirm=True, allowBackorder=True, warehouse=shop.warehouses["NORTH"])
    assert [each["waiting"] for each in await buyer.proposals(warehouse=shop.warehouses["NORTH"])] == ["2"]


async def test_some_rules_alone_and_what_is_not_known(buyer: Buyer, shop: Clerk) -> None:
    products = [await shop.product() for _ in range(2)]
    rules = []
    for product in products:
        await buyer.supplies(product, price=PRICE)
        rules.append((await buyer.rule(product, "5", "10"))["id"])
    nothing = "ror_" + "0" * 32
    assert await shop.refused("replenish", {"rules": [rules[0], nothing]}) == [("NOT_FOUND", "rules.1")]
    assert await shop.refused("replenish", {"rules": []}) == [("INVALID_INPUT", "rules")]
    assert await shop.refused("replenish", {"warehouse": "wh_" + "0" * 32}) == [("NOT_FOUND", "warehouse")]
    assert await shop.refused("replenish", {"supplier": {"code": "NOBODY"}}) == [("NOT_FOUND", "supplier")]
    assert await shop.do("replenish", {"warehouse": shop.warehouses["SOUTH"]}) == []
    [draft] = await shop.do("replenish", {"rules": [rules[1]], "supplier": {"code": "S1"}})
    assert [each["product"] for each in lines(draft)] == [{"sku": products[1]["sku"]}]
    [left] = await buyer.proposals()
    assert left["rule"]["id"] == rules[0]
    named = {"product": {"id": products[0]["id"]}, "warehouse": shop.warehouses["NORTH"], "active": False}
    assert (await shop.do("reorderRuleUpsert", named))["active"] is False
    assert await buyer.proposals() == []
    assert await shop.do("replenish", {"rules": [rules[0]]}) == []


async def test_what_nobody_offers_is_not_ordered_again(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    await buyer.supplies(product, price=PRICE)
    await buyer.rule(product, "5", "10")
    await shop.do("archive", {"id": product["id"]})
    assert await buyer.proposals() == []
    await shop.do("archive", {"id": product["id"], "archived": False})
    assert len(await buyer.proposals(first=1)) == 1
    assert await buyer.proposals(first=0) == []
    answer = await shop.ask("{ replenishmentProposals(first: 501) { quantity } }")
    assert [each.message for each in answer.errors] == ["first must be between 0 and 500."]


async def test_a_retry_makes_no_second_draft(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    await buyer.supplies(product, price=PRICE)
    await buyer.rule(product, "5", "10")
    first = await shop.payload("replenish", {"idempotencyKey": "again"})
    assert len(first["purchaseOrders"]) == 1
    assert await shop.payload("replenish", {"idempotencyKey": "again"}) == first
