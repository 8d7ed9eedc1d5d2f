"""Fifty clients on one lot and on one serial number: exact, whoever comes first."""

import random
from typing import Any

from tests.schema.writing.test_lots import booking, held, in_days, levels, lot, tracked
from tests.support.clerk import Clerk, lines
from tests.support.crowd import at_once, buy, tell


def dice_of(seed: int) -> random.Random:
    return random.Random(seed)


async def test_fifty_clients_order_of_two_lots(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "7", in_days(5)), ("B", "DOCK", "4", in_days(9)))
    answers = await at_once(dice_of(1), [buy(shop, [(product, "1")]) for _ in range(50)])
    done = [each.order for each in answers if each.done]
    assert len(done) == 11
    assert {code for each in answers for code in each.codes} == {"INSUFFICIENT_STOCK"}
    assert await levels(shop, product) == {("SHELF", "A"): ("7", "7"), ("DOCK", "B"): ("4", "4")}
    sent = await at_once(dice_of(2), [tell(shop, "orderShip", {"order": {"id": each["id"]}}) for each in done])
    assert all(each.done for each in sent)
    assert await levels(shop, product) == {}


async def test_fifty_clients_send_keep_and_reserve_of_one_lot(shop: Clerk) -> None:
    """Each wants one of twenty: by an order that it sends at once, by a basket, or for an order that had let its goods go."""
    product = await tracked(shop, ("A", "SHELF", "20", in_days(5)))
    waiting = [await shop.order((product, "1"), confirm=True) for _ in range(16)]
    for order in waiting:
        part = {"lineItem": lines(order)[0]["id"], "quantity": "0"}
        await shop.do("orderReserve", {"order": {"id": order["id"]}, "lineItems": [part]})
    assert await levels(shop, product) == {("SHELF", "A"): ("20", "0")}

    async def send() -> bool:
        told = await buy(shop, [(product, "1")])
        if told.done:
            part = {"lineItem": told.lines[0]["id"], "quantity": "1", "lots": [{"lot": "A", "quantity": "1"}]}
            sent = await tell(shop, "orderShip", {"order": {"id": told.order["id"]}, "lineItems": [part]})
            assert sent.done
        return told.done

    async def keep(number: int) -> bool:
        given = {"reference": f"basket {number}", "lines": [shop.line(product, quantity="1")]}
        return not (await shop.payload("stockHold", given))["userErrors"]

    async def reserve(order: Any) -> bool:
        told = await tell(shop, "orderReserve", {"order": {"id": order["id"]}})
        return bool(told.lines[0]["reservedQuantity"] == "1")

    sending, keeping = [send() for _ in range(17)], [keep(number) for number in range(17)]
    got = await at_once(dice_of(6), [*sending, *keeping, *map(reserve, waiting)])
    assert sum(got) == 20
    sent = sum(got[:17])
    there = str(20 - sent)
    assert await levels(shop, product) == ({("SHELF", "A"): (there, there)} if sent < 20 else {})


async def test_fifty_clients_receive_one_new_lot(shop: Clerk) -> None:
    """One of them makes it, and those that say the same last day, or none, add to it."""
    product = await tracked(shop)

    async def receive(number: int) -> bool:
        line = booking(shop, product, "A", ("SHELF", "DOCK")[number % 2], "2")
        line |= {"expiresOn": in_days(9)} if number % 5 else {"expiresOn": in_days(8)}
        return (await tell(shop, "stockAdjust", {"lines": [line], "reason": "received"})).done

    got = await at_once(dice_of(7), [receive(number) for number in range(50)])
    found = await lot(shop, product, "A")
    made = [number % 5 != 0 for number in range(50)]
    assert got in (made, [not each for each in made])
    assert found["expiresOn"] == in_days(9 if got == made else 8)
    assert found["onHand"] == str(2 * sum(got))
    assert [each["type"] for each in await shop.events(found)] == ["lot.created"]


async def test_fifty_clients_receive_one_serial_number(shop: Clerk) -> None:
    product = await tracked(shop, by="SERIAL")
    places = ("SHELF", "RACK", "DOCK", "HOLD")

    async def receive(number: int) -> bool:
        line = shop.line(product, location=shop.places[places[number % 4]], delta="1", lot="S1")
        return (await tell(shop, "stockAdjust", {"lines": [line], "reason": "received"})).done

    got = await at_once(dice_of(3), [receive(number) for number in range(50)])
    assert got.count(True) == 1
    assert (await lot(shop, product, "S1"))["onHand"] == "1"


async def test_fifty_clients_want_one_serial_number(shop: Clerk) -> None:
    product = await tracked(shop, ("S1", "SHELF", "1", None), by="SERIAL")
    answers = await at_once(dice_of(4), [buy(shop, [(product, "1")]) for _ in range(50)])
    [winner] = [each.order for each in answers if each.done]
    assert await held(shop, winner) == [[("SHELF", "S1", "1")]]
    part = {
        "lineItem": winner["lineItems"]["nodes"][0]["id"],
        "quantity": "1",
        "lots": [{"lot": "S1", "quantity": "1"}],
    }
    given = {"order": {"id": winner["id"]}, "lineItems": [part]}
    sent = await at_once(dice_of(8), [tell(shop, "orderShip", given) for _ in range(50)])
    assert sum(each.done for each in sent) == 1
    assert await levels(shop, product) == {}


async def test_fifty_clients_take_one_serial_number_back(shop: Clerk) -> None:
    product = await tracked(shop, ("S1", "SHELF", "1", None), by="SERIAL")
    order = (await buy(shop, [(product, "1")])).order
    await tell(shop, "orderShip", {"order": {"id": order["id"]}})
    back = {"lineItem": order["lineItems"]["nodes"][0]["id"], "quantity": "1", "disposition": "RESTOCK", "lot": "S1"}
    given = {"order": {"id": order["id"]}, "lineItems": [back]}
    answers = await at_once(dice_of(9), [tell(shop, "orderReturn", given) for _ in range(50)])
    assert sum(each.done for each in answers) == 1
    assert await levels(shop, product) == {("SHELF", "S1"): ("1", "0")}


async def test_a_lot_is_blocked_while_fifty_order_and_ship_of_it(shop: Clerk) -> None:
    """What was promised before stays reserved; nothing is promised after; nothing of it leaves once it is blocked."""
    product = await tracked(shop, ("A", "SHELF", "30", in_days(5)))
    found = await lot(shop, product, "A")

    async def order_and_ship() -> Any:
        told = await buy(shop, [(product, "1")])
        return told.done and await tell(shop, "orderShip", {"order": {"id": told.order["id"]}})

    async def block() -> Any:
        await shop.do("lotUpdate", {"lot": found["id"], "blocked": True})

    answers = await at_once(dice_of(5), [*(order_and_ship() for _ in range(40)), block()])
    sent = [each for each in answers if each and each.done]
    refused = [each for each in answers if each and not each.done]
    assert {code for each in refused for code in each.codes} <= {"LOT_EXPIRED"}
    there = 30 - len(sent)
    now = await levels(shop, product)
    assert now == ({("SHELF", "A"): (str(there), str(len(refused)))} if there else {})
    assert (await buy(shop, [(product, "1")])).codes == {"INSUFFICIENT_STOCK"}
