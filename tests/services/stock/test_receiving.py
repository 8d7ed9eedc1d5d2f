"""Goods of purchase orders that many receive at once, while orders wait for them: exactly what was ordered comes, without a deadlock."""

import asyncio
from decimal import Decimal
from typing import Any

from tests.support.buyer import Buyer, came, stock, went
from tests.support.clerk import Clerk, progress


async def taxed(shop: Clerk) -> Any:
    """A product whose lines bear its category's tax, of orders and of purchase orders."""
    await shop.do("taxUpsert", {"code": "FULL", "name": "Full", "rate": "19"})
    await shop.do("productCategoryUpsert", {"code": "GOODS", "name": "Goods", "tax": {"code": "FULL"}})
    return await shop.product(category={"code": "GOODS"})


async def test_fault_3_twenty_clients_receive_one_of_ten(shop: Clerk) -> None:
    buyer, product = Buyer(shop), await taxed(shop)
    await buyer.supplier()
    waiting = await shop.order((product, "4"), confirm=True, allowBackorder=True)
    made = await buyer.order((product, "10"), confirm=True)
    answers = await asyncio.gather(*(shop.payload("purchaseOrderReceive", came(made, "1")) for _ in range(20)))
    refused = [each["userErrors"][0]["code"] for each in answers if each["userErrors"]]
    # Whoever comes after the tenth finds the order closed.
    assert (len(refused), {*refused}) == (10, {"INVALID_TRANSITION"})
    assert await stock(shop, product) == {"SHELF": ("10", "4", "0")}
    numbers = sorted(each["receipt"]["number"].rpartition("-")[2] for each in answers if each["receipt"])
    assert sorted(map(int, numbers)) == list(range(1, 11))
    assert progress(await shop.again(waiting))[0][1] == "4"
    taxes = "SELECT tax_total FROM purchase_orders WHERE tenant_id = $1 UNION ALL SELECT tax_total FROM orders WHERE tenant_id = $1"
    assert [row["tax_total"] for row in await shop.admin.fetch(taxes, shop.tenant)] == [Decimal("4.75"), Decimal("7.6")]


async def test_fault_1_a_draft_that_twenty_confirm_is_on_its_way_once(shop: Clerk) -> None:
    """Fabric-Inventory 190: state checked and then written without a lock."""
    buyer, product = Buyer(shop), await taxed(shop)
    await buyer.supplier()
    made = await buyer.order((product, "10"))
    given = {"purchaseOrder": {"id": made["id"]}}
    answers = await asyncio.gather(*(shop.payload("purchaseOrderConfirm", given) for _ in range(20)))
    refused = [each["userErrors"][0]["code"] for each in answers if each["userErrors"]]
    assert (len(refused), {*refused}) == (19, {"INVALID_TRANSITION"})
    assert await stock(shop, product) == {"SHELF": ("0", "0", "10")}


async def test_fault_10_a_receipt_that_is_sent_twenty_times_is_booked_once(shop: Clerk) -> None:
    """Django-timepiece 655: a double click made two. With one key it is one receipt; with keys of their own no more than was
    ordered."""
    buyer, product = Buyer(shop), await taxed(shop)
    await buyer.supplier()
    made = await buyer.order((product, "10"), confirm=True)
    once = came(made, "3", idempotencyKey="lorry 1")
    answers = await asyncio.gather(*(shop.payload("purchaseOrderReceive", once) for _ in range(20)))
    assert {each["receipt"]["number"] for each in answers} == {answers[0]["receipt"]["number"]}
    assert await stock(shop, product) == {"SHELF": ("3", "0", "7")}
    others = (came(made, "7", idempotencyKey=f"lorry {number}") for number in range(2, 22))
    answers = await asyncio.gather(*(shop.payload("purchaseOrderReceive", each) for each in others))
    assert sum(not each["userErrors"] for each in answers) == 1
    assert await stock(shop, product) == {"SHELF": ("10", "0", "0")}


async def test_receiving_and_cancelling_at_once_lose_nothing(shop: Clerk) -> None:
    buyer, product = Buyer(shop), await taxed(shop)
    await buyer.supplier()
    made = await buyer.order((product, "10"), confirm=True)
    sell = {"confirm": True, "allowBackorder": True}
    commands = [shop.payload("purchaseOrderReceive", came(made, "1")) for _ in range(6)]
    commands += [shop.payload("purchaseOrderCancel", came(made, "1")) for _ in range(6)]
    commands += [
        shop.payload("orderCreate", shop.ordering([shop.line(product, quantity="1")], **sell)) for _ in range(6)
    ]
    answers = await asyncio.gather(*commands)
    done = [not each["userErrors"] for each in answers[:12]]
    assert sum(done) == 10
    assert {each["userErrors"][0]["code"] for each in answers[:12] if each["userErrors"]} == {"INVALID_TRANSITION"}
    arrived = sum(done[:6])
    assert await stock(shop, product) == {"SHELF": (str(arrived), str(min(arrived, 6)), "0")}


async def test_returning_and_selling_at_once_take_no_more_than_there_is(shop: Clerk) -> None:
    buyer, product = Buyer(shop), await taxed(shop)
    await buyer.supplier()
    made = await buyer.order((product, "10"), confirm=True)
    await shop.do("purchaseOrderReceive", came(made, "10"))
    commands = [shop.payload("purchaseOrderReturn", went(made, "1", shop.places["SHELF"])) for _ in range(10)]
    commands += [
        shop.payload("orderCreate", shop.ordering([shop.line(product, quantity="1")], confirm=True)) for _ in range(10)
    ]
    answers = await asyncio.gather(*commands)
    done = [not each["userErrors"] for each in answers]
    gone, sold = sum(done[:10]), sum(done[10:])
    assert gone + sold == 10
    assert {each["userErrors"][0]["code"] for each in answers if each["userErrors"]} <= {"INSUFFICIENT_STOCK"}
    assert await stock(shop, product) == {"SHELF": (str(10 - gone), str(sold), "0")}


async def test_confirming_and_receiving_what_serves_others_at_once(shop: Clerk) -> None:
    """Orders are confirmed while goods come that they wait for: every piece is promised once, and nobody waits beside goods."""
    buyer, product = Buyer(shop), await taxed(shop)
    await buyer.supplier()
    drafts = [await shop.order((product, "1"), allowBackorder=True) for _ in range(8)]
    made = await buyer.order((product, "10"), confirm=True)
    commands = [shop.payload("orderConfirm", {"order": {"id": each["id"]}}) for each in drafts]
    commands[4:4] = [shop.payload("purchaseOrderReceive", came(made, "1")) for _ in range(6)]
    answers = await asyncio.gather(*commands)
    assert [each["userErrors"] for each in answers] == [[]] * 14
    assert await stock(shop, product) == {"SHELF": ("6", "6", "4")}
    served = [progress(await shop.again(each))[0][1] for each in drafts]
    assert sorted(served) == ["0"] * 2 + ["1"] * 6
