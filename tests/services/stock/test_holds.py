"""Fifty clients on one hold, and holds and orders for the same goods: exact, whoever comes first."""

import random
from decimal import Decimal
from typing import Any

from core.money import decimal_text
from tests.schema.writing.test_holds import held, over, spots, standing
from tests.schema.writing.test_lots import in_days, levels, tracked
from tests.support.clerk import Clerk, identity, progress
from tests.support.crowd import at_once, buy, sums


async def ask(shop: Clerk, field: str, given: dict[str, Any]) -> Any:
    return await shop.payload(field, given)


async def test_fifty_clients_fill_one_basket(shop: Clerk) -> None:
    dice = random.Random(1)
    one, two = await shop.product({"SHELF": "30", "DOCK": "30"}), await shop.product({"SHELF": "5"})
    amounts = [str(1 + number) for number in range(50)]

    async def fill(amount: str) -> Any:
        lines = [shop.line(one, quantity=amount), *([shop.line(two, quantity="1")] if int(amount) % 2 else [])]
        return await ask(shop, "stockHold", {"reference": "basket", "lines": lines})

    answers = await at_once(dice, [fill(amount) for amount in amounts])
    assert {each["hold"]["id"] for each in answers} == {answers[0]["hold"]["id"]}
    last = await standing(shop, "basket")
    assert last["version"] == 50
    kept = sum((Decimal(quantity) for _, quantity in spots(last)), Decimal())
    reserved = [Decimal(sums((await shop.stock(product)).values())[1]) for product in (one, two)]
    assert sum(reserved) == kept


async def test_two_that_make_one_basket_are_not_short_of_what_the_basket_has(shop: Clerk) -> None:
    """Whoever comes second saw no hold before it had the locks, and then less stock: what the first one keeps is its own."""
    dice = random.Random(5)
    for number in range(20):
        product = await shop.product({"SHELF": "60"})
        given = {"reference": f"pair {number}", "lines": [shop.line(product, quantity="40")]}
        answers = await at_once(dice, [ask(shop, "stockHold", given) for _ in range(2)])
        assert [each["userErrors"] for each in answers] == [[], []]
        assert await shop.stock(product) == {"SHELF": ("60", "40")}


async def test_fifty_clients_make_one_hold_an_order(shop: Clerk) -> None:
    dice = random.Random(2)
    product = await shop.product({"SHELF": "60"})
    hold = await held(shop, "basket", (product, "2"))
    given = shop.ordering([shop.line(product, quantity="1")], confirm=True, hold=hold["id"])
    answers = await at_once(dice, [ask(shop, "orderCreate", given) for _ in range(50)])
    made = [each["order"] for each in answers if not each["userErrors"]]
    assert len(made) == 1
    assert progress(made[0]) == [("1", "1", "0", "0", "0")]
    assert {(each["code"], each["path"][-1]) for answer in answers for each in answer["userErrors"]} == {
        ("INVALID_INPUT", "hold")
    }
    assert await shop.stock(product) == {"SHELF": ("60", "1")}


async def test_holds_and_orders_get_what_there_is_and_no_more(shop: Clerk) -> None:
    dice = random.Random(3)
    product = await shop.product({"SHELF": "6", "DOCK": "4"})
    line = [shop.line(product, quantity="1")]

    async def keep(number: int) -> bool:
        return not (await ask(shop, "stockHold", {"reference": f"basket {number}", "lines": line}))["userErrors"]

    async def order() -> bool:
        return (await buy(shop, [(product, "1")])).done

    got = await at_once(dice, [keep(number) if number % 2 else order() for number in range(50)])
    assert sum(got) == 10
    assert sums((await shop.stock(product)).values()) == ("10", "10")


async def test_fifty_clients_meet_a_hold_that_ended(shop: Clerk) -> None:
    """One of them lets it go, once; and the one that waited is served before all of them."""
    dice = random.Random(4)
    product = await shop.product({"SHELF": "10"})
    holds = [await held(shop, f"basket {number}", (product, "5")) for number in range(2)]
    waiting = await shop.order((product, "3"), confirm=True, allowBackorder=True)
    await over(shop, *holds)
    answers = await at_once(dice, [buy(shop, [(product, "1")]) for _ in range(50)])
    assert sum(each.done for each in answers) == 7
    assert progress(await shop.again(waiting)) == [("3", "3", "0", "0", "0")]
    for hold in holds:
        assert [event["type"] for event in await shop.events(hold)] == ["hold.created", "hold.expired"]
    assert await shop.stock(product) == {"SHELF": ("10", "10")}


async def test_fifty_clients_are_at_one_hold_at_once(shop: Clerk) -> None:
    """Some give it more time, some make it an order, some let it go, and others order beside it: each piece is somebody's, once."""
    dice = random.Random(6)
    product = await tracked(shop, ("A", "SHELF", "6", in_days(5)), ("B", "SHELF", "6", in_days(9)))
    hold = await held(shop, "basket", (product, "8"))
    given = {"reference": "basket", "lines": [shop.line(product, quantity="8")], "seconds": 600}
    ordering = shop.ordering([shop.line(product, quantity="8")], confirm=True, hold=hold["id"])
    clients = [
        *(ask(shop, "stockHold", given) for _ in range(15)),
        *(ask(shop, "orderCreate", ordering) for _ in range(15)),
        *(ask(shop, "stockHold", given | {"lines": []}) for _ in range(5)),
        *(ask(shop, "orderCreate", shop.ordering([shop.line(product, quantity="1")], confirm=True)) for _ in range(15)),
    ]
    answers = await at_once(dice, clients)
    assert sum(not each["userErrors"] for each in answers[15:30]) <= 1
    orders = [each["order"] for each in answers if not each["userErrors"] and each.get("order")]
    reserved = sum([Decimal(progress(await shop.again(order))[0][1]) for order in orders], Decimal())
    stands = await standing(shop, "basket")
    kept = sum((Decimal(line["quantity"]) for line in stands["lines"]), Decimal()) if stands else Decimal()
    assert kept in {0, 8}
    found = await levels(shop, product)
    assert sums(found.values()) == ("12", decimal_text(reserved + kept))
    ended = [event["type"] for event in await shop.events(hold) if event["type"] in {"hold.released", "hold.ordered"}]
    assert len(ended) <= 1
    assert (ended == ["hold.ordered"]) == any(not each["userErrors"] for each in answers[15:30])


async def test_fifty_clients_come_at_the_moment_that_a_hold_ends(shop: Clerk) -> None:
    """By the database's clock, and no client's: what it kept is free from then on, and nobody makes an order of it."""
    dice = random.Random(7)
    product = await tracked(shop, ("A", "SHELF", "9", in_days(5)))
    hold = await held(shop, "basket", (product, "9"), seconds=1)
    early = shop.ordering([shop.line(product, quantity="1")], confirm=True)
    await shop.admin.execute("SELECT pg_sleep_until(expires_at) FROM stock_holds WHERE id = $1", identity(hold))
    ordering = shop.ordering([shop.line(product, quantity="9")], confirm=True, hold=hold["id"])
    clients = [
        *(ask(shop, "orderCreate", ordering) for _ in range(20)),
        *(ask(shop, "orderCreate", early) for _ in range(30)),
    ]
    answers = await at_once(dice, clients)
    assert all("hold" in [each["path"][-1] for each in answer["userErrors"]] for answer in answers[:20])
    assert sum(not each["userErrors"] for each in answers[20:]) == 9
    assert [event["type"] for event in await shop.events(hold)] == ["hold.created", "hold.expired"]
    assert await levels(shop, product) == {("SHELF", "A"): ("9", "9")}
