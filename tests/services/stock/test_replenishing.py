"""Many that order again at once: one draft."""

import asyncio
from random import Random
from typing import Any

from tests.support.buyer import Buyer
from tests.support.clerk import Clerk


async def test_fault_36_twenty_runs_make_one_draft(shop: Clerk) -> None:
    await shop.do("taxUpsert", {"code": "FULL", "name": "Full", "rate": "19"})
    buyer, products = Buyer(shop), [await shop.product(tax={"code": "FULL"}) for _ in range(3)]
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
    assert (draft["subtotal"]["amount"], draft["total"]["amount"]) == ("60.00", "71.40")
    assert await buyer.proposals() == []


async def test_ordering_while_taxes_change_waits_for_nobody_in_a_circle(shop: Clerk, dice: Random) -> None:
    """Whoever orders holds products and then taxes; whoever changes a tax holds that one alone. What is borne keeps its rate."""
    for code, rate in (("A", "7"), ("B", "19")):
        await shop.do("taxUpsert", {"code": code, "name": code, "rate": rate})
        await shop.do("productCategoryUpsert", {"code": code, "name": code, "tax": {"code": code}})
    buyer = Buyer(shop)
    await buyer.supplier()
    products = [await shop.product({"SHELF": "4"}, category={"code": "AB"[number % 2]}) for number in range(4)]
    for product in products:
        await buyer.supplies(product, price={"amount": "2", "currency": "EUR"})
        await buyer.rule(product, "5", "10")
    cart = [shop.line(product, quantity="1") for product in products]
    bought = [line | {"unitPrice": "3"} for line in cart]
    commands: list[tuple[str, dict[str, Any]]] = [("replenish", {})] * 4
    commands += [("orderCreate", shop.ordering(cart, confirm=True))] * 4
    commands += [("purchaseOrderCreate", buyer.given(lines=bought, confirm=True))] * 4
    commands += [("taxUpsert", {"code": code, "rate": str(rate)}) for code in "AB" for rate in (8, 9, 10)]
    commands += [
        ("productCategoryUpsert", {"code": code, "tax": {"code": other}}) for code, other in ("AB", "BA", "AA", "BB")
    ]
    commands += [("productUpsert", {"sku": each["sku"], "tax": {"code": "A"}}) for each in products]
    dice.shuffle(commands)
    answers = await asyncio.gather(*(shop.payload(field, given) for field, given in commands))
    refused = {
        (field, each["code"], each["path"][-1])
        for (field, _), answer in zip(commands, answers, strict=True)
        for each in answer["userErrors"]
    }
    # Only a rate that is borne already stands against a change; nobody who orders is hindered.
    assert refused <= {("taxUpsert", "INVALID_INPUT", "rate")}
    assert await shop.differences() == []
