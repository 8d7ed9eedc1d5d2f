"""Fifty clients on one lot and on one serial number: exact, whoever comes first."""

import random
from typing import Any

from tests.schema.writing.test_lots import held, in_days, levels, lot, tracked
from tests.support.clerk import Clerk
from tests.support.crowd import at_once, buy, tell


def dice_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable, and no secret


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
