"""Goods that arrive, in whatever way, go to the orders that wait for them: first come, first served."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.clerk import Clerk, identity, lines, progress


async def waiting(shop: Clerk, product: Any, *quantities: str, **given: Any) -> list[Any]:
    """Orders that wait for so much of a product, in this order."""
    return [await shop.order((product, each), confirm=True, allowBackorder=True, **given) for each in quantities]


async def reserved(shop: Clerk, orders: list[Any]) -> list[str]:
    """What is reserved for each order of one line."""
    return [lines(await shop.again(order))[0]["reservedQuantity"] for order in orders]


async def adjusted(shop: Clerk, product: Any, quantity: str, place: str = "SHELF") -> None:
    line = shop.line(product, location=shop.places[place], delta=quantity)
    await shop.do("stockAdjust", {"lines": [line], "reason": "delivery"})


async def counted(shop: Clerk, product: Any, quantity: str) -> None:
    there = (await shop.stock(product)).get("SHELF", ("0", "0"))[0]
    line = shop.line(product, location=shop.places["SHELF"], onHand=str(int(there) + int(quantity)))
    await shop.do("stockSet", {"lines": [line], "reason": "count"})


async def transferred(shop: Clerk, product: Any, quantity: str) -> None:
    await adjusted(shop, product, quantity, "HOLD")
    given = {"source": shop.places["HOLD"], "destination": shop.places["SHELF"]}
    await shop.do("stockTransfer", given | {"lines": [shop.line(product, quantity=quantity)]})


WAYS: dict[str, Callable[[Clerk, Any, str], Awaitable[None]]] = {
    "adjusted": adjusted,
    "counted": counted,
    "transferred": transferred,
}


@pytest.mark.parametrize("way", WAYS)
async def test_who_came_first_is_served_first(shop: Clerk, way: str) -> None:
    product = await shop.product()
    orders = await waiting(shop, product, "3", "2", "4")
    assert await reserved(shop, orders) == ["0", "0", "0"]
    for held in (["1", "0", "0"], ["2", "0", "0"]):
        await WAYS[way](shop, product, "1")
        assert await reserved(shop, orders) == held
    await WAYS[way](shop, product, "2")
    assert await reserved(shop, orders) == ["3", "1", "0"]
    await WAYS[way](shop, product, "7")
    assert await reserved(shop, orders) == ["3", "2", "4"]
    assert (await shop.stock(product))["SHELF"] == ("11", "9")


async def test_it_is_the_time_of_confirmation_that_counts(shop: Clerk) -> None:
    product = await shop.product()
    drafted = await shop.order((product, "1"))
    [first] = await waiting(shop, product, "1")
    await shop.do("orderConfirm", {"order": {"id": drafted["id"]}, "allowBackorder": True})
    await adjusted(shop, product, "1")
    assert await reserved(shop, [first, drafted]) == ["1", "0"]


async def test_what_is_restocked_is_given_to_who_waits(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "2"})
    sold = await shop.order((product, "2"), confirm=True)
    await shop.do("orderShip", {"order": {"id": sold["id"]}})
    orders = await waiting(shop, product, "1", "1")
    line = {"lineItem": lines(sold)[0]["id"], "quantity": "0.5"}
    for disposition, held in (("QUARANTINE", ["0", "0"]), ("SCRAP", ["0", "0"]), ("RESTOCK", ["0.5", "0"])):
        given = {"order": {"id": sold["id"]}, "lineItems": [line | {"disposition": disposition}]}
        await shop.do("orderReturn", given)
        assert await reserved(shop, orders) == held


async def test_what_is_cancelled_is_given_to_who_waits(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3"})
    held = await shop.order((product, "3"), confirm=True)
    orders = await waiting(shop, product, "2", "2")
    line = {"lineItem": lines(held)[0]["id"], "quantity": "1"}
    await shop.do("orderCancel", {"order": {"id": held["id"]}, "lineItems": [line]})
    assert await reserved(shop, orders) == ["1", "0"]
    await shop.do("orderCancel", {"order": {"id": held["id"]}})
    assert await reserved(shop, orders) == ["2", "1"]
    assert await shop.stock(product) == {"SHELF": ("3", "3")}


async def test_an_order_that_is_cancelled_in_part_gives_nothing_to_itself(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "1"})
    [order] = await waiting(shop, product, "3")
    line = {"lineItem": lines(order)[0]["id"], "quantity": "2"}
    left = await shop.do("orderCancel", {"order": {"id": order["id"]}, "lineItems": [line]})
    assert (progress(left), left["version"]) == ([("3", "1", "0", "2", "0")], 3)


@pytest.mark.parametrize("place,held", [("HOLD", "0"), ("RACK", "1"), ("DOCK", "1")])
async def test_only_goods_that_can_be_sold_are_given(shop: Clerk, place: str, held: str) -> None:
    product = await shop.product()
    orders = await waiting(shop, product, "1")
    await adjusted(shop, product, "1", place)
    assert await reserved(shop, orders) == [held]


async def test_goods_that_are_put_into_quarantine_are_given_to_nobody(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "2"})
    line = shop.line(product, quantity="1")
    given = {"source": shop.places["SHELF"], "destination": shop.places["HOLD"], "lines": [line]}
    await shop.do("stockTransfer", given)
    orders = await waiting(shop, product, "2")
    assert await reserved(shop, orders) == ["1"]
    assert await shop.stock(product) == {"SHELF": ("1", "1"), "HOLD": ("1", "0")}


async def test_an_order_of_one_warehouse_waits_for_goods_there(shop: Clerk) -> None:
    product = await shop.product()
    [north] = await waiting(shop, product, "2", warehouse=shop.warehouses["NORTH"])
    [anywhere] = await waiting(shop, product, "2")
    await adjusted(shop, product, "1", "DOCK")
    assert await reserved(shop, [north, anywhere]) == ["0", "1"]
    await adjusted(shop, product, "1", "RACK")
    assert await reserved(shop, [north, anywhere]) == ["1", "1"]
    # Moving goods from one warehouse to the other brings them to who waits there.
    await adjusted(shop, product, "2", "DOCK")
    assert await reserved(shop, [north, anywhere]) == ["1", "2"]
    given = {"source": shop.places["DOCK"], "destination": shop.places["SHELF"]}
    await shop.do("stockTransfer", given | {"lines": [shop.line(product, quantity="1")]})
    assert await reserved(shop, [north, anywhere]) == ["2", "2"]


async def test_a_transfer_serves_who_waits_wherever_the_goods_were(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "1"})
    await shop.order((product, "1"), confirm=True)
    orders = await waiting(shop, product, "1", "1")
    await transferred(shop, product, "2")
    assert await reserved(shop, orders) == ["1", "1"]


async def test_lines_of_one_order_are_served_in_their_order(shop: Clerk) -> None:
    one, two = await shop.product(), await shop.product()
    order = await shop.order((one, "2"), (two, "1"), (one, "2"), confirm=True, allowBackorder=True)
    arrived = [shop.line(each, location=shop.places["SHELF"], delta="3") for each in (two, one)]
    await shop.do("stockAdjust", {"lines": arrived, "reason": "delivery"})
    served = await shop.again(order)
    assert progress(served) == [("2", "2", "0", "0", "0"), ("1", "1", "0", "0", "0"), ("2", "1", "0", "0", "0")]
    # All that one command brings raises the version once.
    assert served["version"] == 3


async def test_being_served_raises_the_version_and_leaves_an_event(shop: Clerk) -> None:
    product = await shop.product()
    first, second = await waiting(shop, product, "1", "1")
    line = shop.line(product, location=shop.places["RACK"], delta="1.5")
    await shop.do("stockAdjust", {"lines": [line], "reason": "delivery"})
    for order, quantity in ((first, "1"), (second, "0.5")):
        served = await shop.again(order)
        assert (served["version"], served["status"]) == (3, "CONFIRMED")
        assert served["availableActions"] == ["UPDATE", "SHIP", "CANCEL"]
        told = {"lineItem": lines(order)[0]["id"], "location": shop.places["RACK"], "quantity": quantity}
        assert (await shop.events(order))[-1] == {
            "type": "order.reserved",
            "subject_id": identity(order),
            "version": 3,
            "principal": "clerk",
            "before": None,
            "after": {"lineItems": [told]},
        }
    given = {"order": {"id": second["id"]}, "expectedVersion": 2}
    assert (await shop.refusals("orderCancel", given))[0].facts == {"currentVersion": 3}


async def test_an_order_that_may_not_wait_takes_only_what_is_free(shop: Clerk) -> None:
    product = await shop.product()
    orders = await waiting(shop, product, "2")
    await adjusted(shop, product, "3")
    given = shop.ordering([shop.line(product, quantity="2")], confirm=True)
    assert (await shop.refusals("orderCreate", given))[0].facts == {
        "product": {"sku": product["sku"]},
        "requested": "2",
        "available": "1",
    }
    assert await reserved(shop, orders) == ["2"]


async def test_drafts_and_orders_that_are_done_wait_for_nothing(shop: Clerk) -> None:
    product = await shop.product()
    draft = await shop.order((product, "1"), allowBackorder=True)
    [gone] = await waiting(shop, product, "1")
    await shop.do("orderCancel", {"order": {"id": gone["id"]}})
    await adjusted(shop, product, "5")
    assert await reserved(shop, [draft, gone]) == ["0", "0"]
    assert await shop.stock(product) == {"SHELF": ("5", "0")}
