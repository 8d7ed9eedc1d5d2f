"""Many that order again at once: one draft."""

import asyncio

from tests.support.buyer import Buyer
from tests.support.clerk import Clerk


async def test_fault_36_twenty_runs_make_one_draft(shop: Clerk) -> None:
    buyer, products = Buyer(shop), [await shop.product() for _ in range(3)]
    await buyer.supplier()
    for product in products:
        await buyer.supplies(product, price={"amount": "2", "currency": "EUR"})
        await buyer.rule(product, "5", "10")
    answers = await asyncio.gather(*(shop.payload("replenish", {}) for _ in range(20)))
    assert [each["userErrors"] for each in answers] == [[]] * 20
    [draft] = [order for each in answers for order in each["purchaseOrders"]]
    assert sorted(each["product"]["sku"] for each in draft["lines"]["nodes"]) == sorted(
        each["sku"] for each in products
    )
    assert await buyer.proposals() == []
