"""Mistakes put right: goods of an order released for others, and reserved goods that break or must be moved."""

from typing import Any

import pytest

from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk


async def reserved(shop: Clerk, order: Any) -> tuple[str, ...]:
    return tuple(line["reservedQuantity"] for line in lines(await shop.again(order)))


def named(order: Any, quantity: str) -> list[dict[str, str]]:
    return [{"lineItem": line["id"], "quantity": quantity} for line in lines(order)]


async def reserve(shop: Clerk, order: Any, quantity: str | None = None, **given: Any) -> Any:
    given |= {"lineItems": named(order, quantity)} if quantity else {}
    return await shop.do("orderReserve", {"order": {"id": order["id"]}, **given})


async def test_what_is_released_is_for_others_and_reserved_again_on_request(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "6"), confirm=True)
    await reserve(shop, order, "2")
    assert await reserved(shop, order) == ("2",)
    urgent = await shop.order((product, "3"), confirm=True)
    assert await reserved(shop, urgent) == ("3",)
    await reserve(shop, order)  # what is there, which is less than it lacks
    assert await reserved(shop, order) == ("3",)
    events = (await shop.events(order))[-2:]
    assert [each["type"] for each in events] == ["order.unreserved", "order.reserved"]
    told = [{"lineItem": lines(order)[0]["id"], "location": shop.places["SHELF"], "quantity": "4"}]
    assert events[0]["after"] == {"lineItems": [], "released": told}
    # What it lacks waits, though it wasn't to: others took it.
    line = shop.line(product, location=shop.places["SHELF"], delta="9")
    await shop.do("stockAdjust", {"lines": [line], "reason": "received"})
    assert await reserved(shop, order) == ("6",)


async def test_it_goes_to_those_who_wait_and_waits_behind_them(desk: Desk) -> None:
    for behind, last in ((True, ("0", "2")), (False, ("2", "0"))):
        shop = await desk.open()
        product = await shop.product({"SHELF": "3"})
        first = await shop.order((product, "3"), confirm=True, allowBackorder=True)
        second = await shop.order((product, "5"), confirm=True, allowBackorder=True)
        await reserve(shop, first, "0", behindOthers=behind)
        assert (await reserved(shop, first), await reserved(shop, second)) == (("0",), ("3",))
        line = shop.line(product, location=shop.places["SHELF"], delta="2")
        await shop.do("stockAdjust", {"lines": [line], "reason": "received"})
        found = (*await reserved(shop, first), *await reserved(shop, second))
        assert found == (last[0], str(3 + int(last[1])))
        assert await shop.differences() == []


async def test_nothing_to_do_changes_nothing(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "2"), confirm=True)
    assert (await reserve(shop, order))["version"] == order["version"]


async def test_what_cant_be_reserved(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "2"), confirm=True)
    [item] = lines(order)

    async def refused(**given: Any) -> list[tuple[str, str]]:
        return await shop.refused("orderReserve", {"order": {"id": order["id"]}, **given})

    line = {"lineItem": item["id"], "quantity": "1"}
    assert await refused(lineItems=[line | {"quantity": "3"}]) == [("INVALID_INPUT", "lineItems.0.quantity")]
    assert await refused(lineItems=[line, line]) == [("INVALID_INPUT", "lineItems.1.lineItem")]
    assert await refused(lineItems=[line | {"location": shop.places["SHELF"]}]) == [
        ("INVALID_INPUT", "lineItems.0.location")
    ]
    assert await refused(expectedVersion=9) == [("VERSION_CONFLICT", "expectedVersion")]
    for field in ("orderShip", "orderCancel"):
        none = {"order": {"id": order["id"]}, "lineItems": [line | {"quantity": "0"}]}
        assert await shop.refused(field, none) == [("INVALID_INPUT", "lineItems.0.quantity")]
    draft = await shop.order((product, "1"))
    assert await shop.refused("orderReserve", {"order": {"id": draft["id"]}}) == [("INVALID_TRANSITION", "order")]


TAKE = """mutation ($input: %s) { %s(input: $input) { waitingOrders { number } moves { quantity }
    userErrors { code path } } }"""


async def take(shop: Clerk, field: str, **given: Any) -> Any:
    """A change of stock that may take reserved goods: the numbers of the orders that wait then."""
    query = TAKE % (f"{field[0].upper()}{field[1:]}Input!", field)
    payload = (await shop.ask(query, {"input": given | {"takeReserved": True}})).data[field]
    assert payload["userErrors"] == []
    return [each["number"] for each in payload["waitingOrders"]]


async def test_reserved_goods_that_break_are_reserved_elsewhere_or_their_order_waits(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3", "DOCK": "1"})
    first, second = [await shop.order((product, "2"), confirm=True, allocation="MOST_FIRST") for _ in range(2)]
    line = shop.line(product, location=shop.places["SHELF"], delta="-1")
    assert await shop.refused("stockAdjust", {"lines": [line], "reason": "broken"}) == [
        ("INSUFFICIENT_STOCK", "lines.0.delta")
    ]
    assert await take(shop, "stockAdjust", lines=[line], reason="broken") == [second["number"]]
    assert (await reserved(shop, first), await reserved(shop, second)) == (("2",), ("1",))
    event = (await shop.events(second))[-1]
    assert (event["type"], event["after"]["reason"]) == ("order.unreserved", "broken")
    # More than there is can't break.
    line = line | {"delta": "-9"}
    given = {"lines": [line], "reason": "broken", "takeReserved": True}
    [refused] = await shop.refusals("stockAdjust", given)
    assert (refused.code, refused.facts["available"]) == ("INSUFFICIENT_STOCK", "2")
    # Found again: the order that waits gets it.
    line = shop.line(product, location=shop.places["RACK"], delta="1")
    await shop.do("stockAdjust", {"lines": [line], "reason": "found"})
    assert await reserved(shop, second) == ("2",)


async def test_reserved_goods_that_are_moved_stay_reserved(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3"})
    order = await shop.order((product, "2"), confirm=True)
    ends = {"source": shop.places["SHELF"], "destination": shop.places["RACK"]}
    assert await take(shop, "stockTransfer", lines=[shop.line(product, quantity="3")], **ends) == []
    assert await reserved(shop, order) == ("2",)
    ends = {"source": shop.places["RACK"], "destination": shop.places["HOLD"]}
    assert await take(shop, "stockTransfer", lines=[shop.line(product, quantity="3")], **ends) == [order["number"]]
    assert await reserved(shop, order) == ("0",)


async def test_a_count_may_find_fewer_than_are_reserved(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3"})
    order = await shop.order((product, "2"), confirm=True)
    line = shop.line(product, location=shop.places["SHELF"], onHand="1")
    assert await take(shop, "stockSet", lines=[line], reason="count") == [order["number"]]
    assert await reserved(shop, order) == ("1",)


@pytest.mark.parametrize("field", ["orderReserve", "orderCancel"])
async def test_only_goods_that_leave_have_a_place_and_lots(shop: Clerk, field: str) -> None:
    """A lot that was named and left aside let a client believe that goods of another one were kept."""
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "2"), confirm=True)
    before = await shop.digest()
    entry = named(order, "1")[0] | {"location": shop.places["SHELF"], "lots": [{"lot": "L1", "quantity": "1"}]}
    found = await shop.refusals(field, {"order": {"id": order["id"]}, "lineItems": [entry]})
    assert [each[:3] for each in found] == [
        ("INVALID_INPUT", "lineItems.0.location", "Only orderShip takes a location."),
        ("INVALID_INPUT", "lineItems.0.lots", "Only orderShip takes lots."),
    ]
    assert await shop.digest() == before
