"""Case 27: clients who buy the same goods at the same time get what there is, and not a piece more.

Each as often as there are dice: they shuffle who comes first, and what each does.
"""

import random
from decimal import Decimal
from typing import Any

import pytest

from tests.support.clerk import Clerk
from tests.support.crowd import Told, at_once, buy, sums, tell


def short(told: Told) -> list[tuple[str, str, str, str]]:
    """Of a refusal for want of stock: the path, the product, what was wanted and what was there."""
    assert told.codes == {"INSUFFICIENT_STOCK"}
    return [
        (".".join(each["path"][1:]), each["product"]["sku"], each["requested"], each["available"])
        for each in told.problems
    ]


def apart(answers: list[Told]) -> tuple[list[Told], list[Told]]:
    """Those who got what they wanted, and those who didn't."""
    return [each for each in answers if each.done], [each for each in answers if not each.done]


async def confirmed_later(shop: Clerk, lines: list[tuple[Any, str]]) -> Told:
    """Bought in two steps: a draft, which promises nothing, and its confirmation."""
    draft = await shop.order(*lines)
    return await tell(shop, "orderConfirm", {"order": {"id": draft["id"]}})


@pytest.mark.parametrize("wanted,sold,left", [("1", 10, "0"), ("3", 3, "1")])
async def test_fifty_clients_buy_ten_units(shop: Clerk, dice: random.Random, wanted: str, sold: int, left: str) -> None:
    product = await shop.product({"SHELF": "6", "DOCK": "4"})
    got, refused = apart(await at_once(dice, [buy(shop, [(product, wanted)]) for _ in range(50)]))
    assert (len(got), len(refused)) == (sold, 50 - sold)
    assert {line["reservedQuantity"] for each in got for line in each.lines} == {wanted}
    expected = [("lineItems.0.quantity", product["sku"], wanted, left)]
    assert [short(each) for each in refused] == [expected] * (50 - sold)
    assert sums((await shop.stock(product)).values()) == ("10", str(10 - int(left)))


async def test_drafts_that_are_confirmed_at_the_same_time(shop: Clerk, dice: random.Random) -> None:
    product = await shop.product({"SHELF": "10"})
    clients = [confirmed_later(shop, [(product, "1")]) for _ in range(50)]
    got, refused = apart(await at_once(dice, clients))
    assert (len(got), len(refused)) == (10, 40)
    assert [short(each) for each in refused] == [[("order", product["sku"], "1", "0")]] * 40
    assert await shop.stock(product) == {"SHELF": ("10", "10")}


async def test_two_lines_of_one_product_are_summed(shop: Clerk, dice: random.Random) -> None:
    product = await shop.product({"SHELF": "11"})
    lines = [(product, "0.5"), (product, "1.5")]
    got, refused = apart(await at_once(dice, [buy(shop, lines) for _ in range(50)]))
    assert (len(got), len(refused)) == (5, 45)
    # The one that is left is enough for the first line.
    assert [short(each) for each in refused] == [[("lineItems.1.quantity", product["sku"], "2", "1")]] * 45
    assert await shop.stock(product) == {"SHELF": ("11", "10")}


async def test_five_products_in_any_order(shop: Clerk, dice: random.Random) -> None:
    products = [await shop.product({"SHELF": str(10 + 20 * rank)}) for rank in range(5)]
    orders = [[(product, "1") for product in dice.sample(products, 5)] for _ in range(50)]
    answers = await at_once(dice, [buy(shop, order) for order in orders])
    got, refused = apart(answers)
    assert (len(got), len(refused)) == (10, 40)
    scarce = products[0]["sku"]
    for order, told in zip(orders, answers, strict=True):
        if not told.done:
            place = [product["sku"] for product, _ in order].index(scarce)
            assert short(told) == [(f"lineItems.{place}.quantity", scarce, "1", "0")]
    held = [(await shop.stock(product))["SHELF"] for product in products]
    assert held == [(str(10 + 20 * rank), "10") for rank in range(5)]


async def test_twenty_clients_want_the_last_unit(shop: Clerk, dice: random.Random) -> None:
    product = await shop.product({"RACK": "1"})
    got, refused = apart(await at_once(dice, [buy(shop, [(product, "1")]) for _ in range(20)]))
    assert (len(got), len(refused)) == (1, 19)
    assert [short(each) for each in refused] == [[("lineItems.0.quantity", product["sku"], "1", "0")]] * 19
    assert await shop.stock(product) == {"RACK": ("1", "1")}


class Market:
    """Ten units of each of two products, and clients who buy, ship, cancel, take back, move and count them.

    ``on_hand`` is what must be there of each in the end, by what the clients were told.
    """

    def __init__(self, shop: Clerk, products: list[Any], dice: random.Random) -> None:
        self.shop, self.products, self.dice = shop, products, dice
        self.on_hand = {product["sku"]: Decimal(10) for product in products}
        self.told: list[Told] = []

    async def tell(self, field: str, given: dict[str, Any]) -> Told:
        self.told.append(await tell(self.shop, field, given))
        return self.told[-1]

    async def customer(self) -> None:
        """Buys one of each; then maybe calls off, or gets them, and maybe brings one back."""
        fate = self.dice.random()
        bought = await buy(self.shop, [(product, "1") for product in self.dice.sample(self.products, 2)])
        self.told.append(bought)
        if not bought.done or fate < 0.3:
            return
        order = {"order": {"id": bought.order["id"]}}
        if fate < 0.6:
            assert (await self.tell("orderCancel", order)).done
            return
        assert (await self.tell("orderShip", order)).done
        for sku in self.on_hand:
            self.on_hand[sku] -= 1
        if fate < 0.8:
            back = [
                {"lineItem": line["id"], "quantity": "1", "disposition": self.dice.choice(("RESTOCK", "QUARANTINE"))}
                for line in bought.lines
            ]
            assert (await self.tell("orderReturn", order | {"lineItems": back})).done
            for sku in self.on_hand:
                self.on_hand[sku] += 1

    async def mover(self) -> None:
        source, destination = self.dice.sample(["SHELF", "DOCK", "HOLD"], 2)
        given = {"source": self.shop.places[source], "destination": self.shop.places[destination]}
        lines = [self.shop.line(product, quantity="1") for product in self.dice.sample(self.products, 2)]
        await self.tell("stockTransfer", given | {"lines": lines})

    async def counter(self) -> None:
        product, delta = self.dice.choice(self.products), self.dice.choice((-1, 1))
        place = self.shop.places[self.dice.choice(("SHELF", "DOCK"))]
        line = self.shop.line(product, location=place, delta=str(delta))
        if (await self.tell("stockAdjust", {"lines": [line], "reason": "count"})).done:
            self.on_hand[product["sku"]] += delta


async def test_others_cancel_return_move_and_count_meanwhile(shop: Clerk, dice: random.Random) -> None:
    market = Market(shop, [await shop.product({"SHELF": "5", "DOCK": "5"}) for _ in range(2)], dice)
    crowd = [*(market.customer() for _ in range(50)), *(market.mover() for _ in range(15))]
    await at_once(dice, [*crowd, *(market.counter() for _ in range(10))])
    assert set.union(*(each.codes for each in market.told)) == {"INSUFFICIENT_STOCK"}
    for product in market.products:
        on_hand, _ = sums((await shop.stock(product)).values())
        assert on_hand == str(market.on_hand[product["sku"]])
