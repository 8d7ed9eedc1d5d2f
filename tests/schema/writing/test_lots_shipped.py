"""Lots and serial numbers that leave and come back: those that are reserved or named, and none that may not be sold."""

from typing import Any

from tests.schema.writing.test_lots import booking, in_days, levels, lot, receive, tracked
from tests.schema.writing.test_shipments import shipped
from tests.support.clerk import Clerk, lines


async def left(shop: Clerk, order: Any) -> list[tuple[str, str | None, str]]:
    """What an order's last shipment says left: from where, of which lot, how many."""
    query = """query ($id: ID!) { order(by: {id: $id}) { shipments(first: 1) { nodes {
        lines { location { code } lot { code } quantity } } } } }"""
    [node] = (await shop.ask(query, {"id": order["id"]})).data["order"]["shipments"]["nodes"]
    return sorted(
        ((each["location"]["code"], (each["lot"] or {}).get("code"), each["quantity"]) for each in node["lines"]),
        key=str,
    )


async def test_the_lots_that_are_reserved_leave_or_those_that_are_named(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "3", in_days(5)), ("B", "RACK", "3", in_days(6)))
    order = await shop.order((product, "3"), confirm=True)
    await shipped(shop, order, {"quantity": "1"})
    assert await left(shop, order) == [("SHELF", "A", "1")]
    await shipped(
        shop, order, {"quantity": "2", "lots": [{"lot": "B", "quantity": "1"}, {"lot": "A", "quantity": "1"}]}
    )
    assert await left(shop, order) == [("RACK", "B", "1"), ("SHELF", "A", "1")]
    assert await levels(shop, product) == {("SHELF", "A"): ("1", "0"), ("RACK", "B"): ("2", "0")}


async def test_lots_that_dont_add_up_arent_there_or_are_others_are_refused(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "1", in_days(5)), ("B", "RACK", "3", in_days(6)))
    plain = await shop.product({"SHELF": "1"})
    await shop.order((product, "1"), confirm=True)  # takes all of A
    order = await shop.order((product, "2"), (plain, "1"), confirm=True)
    first, second = lines(order)

    async def refused(line: Any, quantity: str, *lots: tuple[str, str]) -> list[tuple[str, str]]:
        named = [{"lot": code, "quantity": each} for code, each in lots]
        given = [{"lineItem": line["id"], "quantity": quantity, "lots": named}]
        return await shop.refused("orderShip", {"order": {"id": order["id"]}, "lineItems": given})

    assert await refused(first, "2", ("B", "1")) == [("INVALID_INPUT", "lineItems.0.lots")]
    assert await refused(first, "1", ("NONE", "1")) == [("NOT_FOUND", "lineItems.0.lots.0.lot")]
    assert await refused(first, "1", ("A", "1")) == [("INSUFFICIENT_STOCK", "lineItems.0.quantity")]
    assert await refused(second, "1", ("A", "1")) == [("INVALID_INPUT", "lineItems.0.lots")]


async def test_what_was_blocked_meanwhile_isnt_shipped_and_another_lot_is(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "2", in_days(5)), ("B", "RACK", "2", in_days(6)))
    order = await shop.order((product, "2"), confirm=True)
    await shop.do("lotUpdate", {"lot": (await lot(shop, product, "A"))["id"], "blocked": True})
    given = {"order": {"id": order["id"]}}
    [problem] = await shop.refusals("orderShip", given)
    assert (problem.code, problem.path, problem.facts) == ("LOT_EXPIRED", "order", {"lot": {"code": "A"}})
    [line] = lines(order)
    part = {"lineItem": line["id"], "quantity": "2"}
    assert await shop.refused("orderShip", given | {"lineItems": [part]}) == [("LOT_EXPIRED", "lineItems.0")]
    await shop.do("orderShip", given | {"lineItems": [part | {"lots": [{"lot": "B", "quantity": "2"}]}]})
    assert await left(shop, order) == [("RACK", "B", "2")]
    assert await levels(shop, product) == {("SHELF", "A"): ("2", "0")}


async def test_a_shipment_that_is_cancelled_brings_its_lots_back(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "1", in_days(5)), ("B", "SHELF", "1", in_days(6)))
    order = await shop.order((product, "2"), confirm=True)
    shipment = await shipped(shop, order)
    assert await levels(shop, product) == {}
    await shop.do("shipmentCancel", {"shipment": shipment["id"]})
    assert await levels(shop, product) == {("SHELF", "A"): ("1", "1"), ("SHELF", "B"): ("1", "1")}


async def test_what_comes_back_is_of_a_lot_that_left(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "2", in_days(5)), ("B", "SHELF", "5", in_days(6)))
    order = await shop.order((product, "3"), confirm=True)
    await shipped(shop, order)
    [line] = lines(order)

    def back(quantity: str, **more: str) -> dict[str, Any]:
        part = {"lineItem": line["id"], "quantity": quantity, "disposition": "RESTOCK"} | more
        return {"order": {"id": order["id"]}, "lineItems": [part]}

    assert await shop.refused("orderReturn", back("1")) == [("INVALID_INPUT", "lineItems.0.lot")]
    assert await shop.refused("orderReturn", back("1", lot="C")) == [("NOT_FOUND", "lineItems.0.lot")]
    assert await shop.refused("orderReturn", back("2", lot="B")) == [("INVALID_INPUT", "lineItems.0.lot")]
    await shop.do("orderReturn", back("1", lot="A"))
    assert await shop.refused("orderReturn", back("2", lot="A")) == [("INVALID_INPUT", "lineItems.0.lot")]
    await shop.do("orderReturn", back("1", lot="B", disposition="QUARANTINE"))
    assert await levels(shop, product) == {("SHELF", "A"): ("1", "0"), ("SHELF", "B"): ("4", "0")}
    assert (await lot(shop, product, "B"))["onHand"] == "5"
    plain = await shop.product({"SHELF": "1"})
    sold = await shop.order((plain, "1"), confirm=True)
    await shipped(shop, sold)
    [item] = lines(sold)
    part = {"lineItem": item["id"], "quantity": "1", "disposition": "RESTOCK", "lot": "A"}
    assert await shop.refused("orderReturn", {"order": {"id": sold["id"]}, "lineItems": [part]}) == [
        ("INVALID_INPUT", "lineItems.0.lot")
    ]


# ---------------------------------------------------------------- serial numbers


async def test_a_serial_number_is_one_piece_in_one_place(shop: Clerk) -> None:
    product = await tracked(shop, ("S1", "SHELF", "1", None), ("S2", "RACK", "1", None), by="SERIAL")
    for place, delta in (("SHELF", "1"), ("DOCK", "1"), ("SHELF", "0.5"), ("SHELF", "-0.5")):
        wanted = {"lines": [booking(shop, product, "S1", place, delta)], "reason": "x"}
        assert await shop.refused("stockAdjust", wanted) == [("INVALID_INPUT", "lines.0.delta")]
    two = {"lines": [booking(shop, product, "S3", place, "1") for place in ("SHELF", "DOCK")], "reason": "x"}
    assert await shop.refused("stockAdjust", two) == [
        ("INVALID_INPUT", "lines.0.delta"),
        ("INVALID_INPUT", "lines.1.delta"),
    ]
    counted = [shop.line(product, location=shop.places["DOCK"], onHand="1", lot="S1")]
    assert await shop.refused("stockSet", {"lines": counted, "reason": "x"}) == [("INVALID_INPUT", "lines.0.onHand")]
    ends = {"source": shop.places["SHELF"], "destination": shop.places["DOCK"]}
    await shop.do("stockTransfer", {"lines": [shop.line(product, quantity="1", lot="S1")], **ends})
    assert await levels(shop, product) == {("DOCK", "S1"): ("1", "0"), ("RACK", "S2"): ("1", "0")}


async def test_a_serial_number_that_is_there_again_doesnt_come_back_once_more(shop: Clerk) -> None:
    product = await tracked(shop, ("S1", "SHELF", "1", None), by="SERIAL")
    order = await shop.order((product, "1"), confirm=True)
    shipment = await shipped(shop, order)
    await receive(shop, product, ("S1", "DOCK", "1", None))
    assert await shop.refused("shipmentCancel", {"shipment": shipment["id"]}) == [("INVALID_INPUT", "shipment")]
    [line] = lines(order)
    part = {"lineItem": line["id"], "quantity": "1", "disposition": "RESTOCK", "lot": "S1"}
    back = {"order": {"id": order["id"]}, "lineItems": [part]}
    assert await shop.refused("orderReturn", back) == [("INVALID_INPUT", "lineItems.0")]
    await shop.do("stockAdjust", {"lines": [booking(shop, product, "S1", "DOCK", "-1")], "reason": "a slip"})
    await shop.do("orderReturn", back)
    assert await levels(shop, product) == {("SHELF", "S1"): ("1", "0")}
