"""What becomes of orders: shipped, cancelled, and come back, whole and in parts."""

from typing import Any

import pytest

from core import ids
from tests.support.clerk import Clerk, keyless, lines, progress


def by(order: Any, **given: Any) -> dict[str, Any]:
    return {"order": {"id": order["id"]}, **given}


def of(order: Any, *quantities: str | None, **given: Any) -> dict[str, Any]:
    """The input for so much of each line; None: nothing of it."""
    named = zip(lines(order), quantities, strict=True)
    return by(order, lineItems=[{"lineItem": line["id"], "quantity": each, **given} for line, each in named if each])


async def moves(shop: Clerk, order: Any) -> list[tuple[str, str, str, str]]:
    """From where to where how much was moved for an order, and why."""
    query = """{ stockMoves(first: 250) { nodes {
        quantity reason source { code } destination { code } lineItem { order { id } } } } }"""
    rows = (await shop.ask(query)).data["stockMoves"]["nodes"]
    return [
        (row["source"]["code"], row["destination"]["code"], row["quantity"], row["reason"])
        for row in reversed(rows)
        if row["lineItem"] and row["lineItem"]["order"]["id"] == order["id"]
    ]


# ---------------------------------------------------------------- ship


async def test_all_that_is_reserved_is_shipped(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5", "DOCK": "3"})
    made = await shop.order((product, "6"), (product, "1"), confirm=True)
    shipped = await shop.do("orderShip", by(made, expectedVersion=2))
    assert shipped == shipped | {
        "status": "CLOSED",
        "version": 3,
        "reservationStatus": "FULL",
        "shipmentStatus": "FULL",
        "returnStatus": "NONE",
        "availableActions": ["RETURN"],
        "total": made["total"],
    }
    assert progress(shipped) == [("6", "0", "6", "0", "0"), ("1", "0", "1", "0", "0")]
    assert await shop.stock(product) == {"SHELF": ("0", "0"), "DOCK": ("1", "0")}
    assert sorted(await moves(shop, made)) == [
        ("DOCK", "CUSTOMERS", "1", "shipment"),
        ("DOCK", "CUSTOMERS", "1", "shipment"),
        ("SHELF", "CUSTOMERS", "5", "shipment"),
    ]


async def test_an_order_is_shipped_in_parts(shop: Clerk) -> None:
    one, two = await shop.product({"SHELF": "5"}), await shop.product({"SHELF": "5"})
    made = await shop.order((one, "4"), (two, "2"), confirm=True)
    first = await shop.do("orderShip", of(made, "1.5", None))
    assert (first["status"], first["shipmentStatus"], first["reservationStatus"]) == ("CONFIRMED", "PARTIAL", "FULL")
    assert first["availableActions"] == ["UPDATE", "SHIP", "CANCEL", "RETURN"]
    assert progress(first) == [("4", "2.5", "1.5", "0", "0"), ("2", "2", "0", "0", "0")]
    # A line may be named twice: the quantities are summed.
    twice = by(made, lineItems=[{"lineItem": lines(made)[0]["id"], "quantity": "1"}] * 2)
    assert progress(await shop.do("orderShip", twice))[0] == ("4", "0.5", "3.5", "0", "0")
    last = await shop.do("orderShip", by(made))
    assert (last["status"], last["version"], last["availableActions"]) == ("CLOSED", 5, ["RETURN"])
    assert await shop.stock(one) == {"SHELF": ("1", "0")}
    assert await shop.stock(two) == {"SHELF": ("3", "0")}


async def test_what_waits_is_not_shipped(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "2"})
    made = await shop.order((product, "5"), confirm=True, allowBackorder=True)
    [refusal] = await shop.refusals("orderShip", of(made, "2.000001"))
    assert (refusal.code, refusal.path) == ("INSUFFICIENT_STOCK", "lineItems.0.quantity")
    assert refusal.facts == {"product": {"sku": product["sku"]}, "requested": "2.000001", "available": "2"}
    assert refusal.message == f"Only 2 pcs of {product['sku']} are reserved for line 1."
    shipped = await shop.do("orderShip", by(made))
    assert (shipped["status"], progress(shipped)) == ("CONFIRMED", [("5", "0", "2", "0", "0")])
    assert shipped["availableActions"] == ["UPDATE", "CANCEL", "RETURN"]


async def test_more_of_a_line_than_is_reserved_is_refused_where_it_becomes_too_much(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    made = await shop.order((product, "3"), (product, "1"), confirm=True)
    first, second = (line["id"] for line in lines(made))
    given = [
        {"lineItem": first, "quantity": "2"},
        {"lineItem": second, "quantity": "5"},
        {"lineItem": first, "quantity": "2"},
    ]
    refusals = await shop.refusals("orderShip", by(made, lineItems=given))
    assert [(each.path, each.facts["requested"], each.facts["available"]) for each in refusals] == [
        ("lineItems.1.quantity", "5", "1"),
        ("lineItems.2.quantity", "4", "3"),
    ]


@pytest.mark.parametrize("field", ["orderShip", "orderCancel", "orderReturn"])
async def test_a_line_of_another_order_or_company_is_as_unknown_as_none(shop: Clerk, rival: Clerk, field: str) -> None:
    product, theirs = await shop.product({"SHELF": "9"}), await rival.product({"SHELF": "9"})
    made = await shop.order((product, "2"), confirm=True)
    await shop.do("orderShip", of(made, "1"))
    other, foreign = await shop.order((product, "1"), confirm=True), await rival.order((theirs, "1"), confirm=True)
    more = {"disposition": "RESTOCK"} if field == "orderReturn" else {}
    told = []
    for line in (lines(other)[0]["id"], lines(foreign)[0]["id"], ids.encode("lin", ids.new_id())):
        given = [{"lineItem": line, "quantity": "1", **more}]
        told.append(await shop.refusals(field, by(made, lineItems=given)))
    assert keyless(told[0]) == keyless(told[1]) == keyless(told[2])
    assert ("NOT_FOUND", "lineItems.0.lineItem") in [each[:2] for each in told[0]]


@pytest.mark.parametrize("field", ["orderShip", "orderCancel", "orderReturn"])
async def test_quantities_that_make_no_sense_are_refused(shop: Clerk, field: str) -> None:
    product = await shop.product({"SHELF": "9"})
    made = await shop.order((product, "2"), confirm=True)
    await shop.do("orderShip", of(made, "1"))
    more = {"disposition": "RESTOCK"} if field == "orderReturn" else {}
    for quantity in ("0", "-1", "0.0000001", "100000000000000"):
        refused = await shop.refused(field, of(made, quantity, **more))
        assert refused == [("INVALID_INPUT", "lineItems.0.quantity")]
    assert await shop.refused(field, by(made, lineItems=[])) == [("INVALID_INPUT", "lineItems")]
    line = {"lineItem": made["id"], "quantity": "1", **more}  # an order's id is no line's
    assert await shop.refused(field, by(made, lineItems=[line])) == [("INVALID_INPUT", "lineItems.0.lineItem")]


# ---------------------------------------------------------------- cancel


async def test_a_draft_is_cancelled_whole(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    made = await shop.order((product, "2"), (product, "1"))
    assert await shop.refused("orderCancel", of(made, "1", None)) == [("INVALID_INPUT", "lineItems")]
    cancelled = await shop.do("orderCancel", by(made, reason="Changed their mind", expectedVersion=1))
    assert (cancelled["status"], cancelled["version"], cancelled["availableActions"]) == ("CANCELLED", 2, [])
    assert progress(cancelled) == [("2", "0", "0", "2", "0"), ("1", "0", "0", "1", "0")]
    assert (await shop.events(made))[-1]["after"]["reason"] == "Changed their mind"


async def test_cancelling_releases_the_stock_and_keeps_the_amounts(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    made = await shop.order((product, "2"), (product, "3"), confirm=True)
    part = await shop.do("orderCancel", of(made, "0.5", "3"))
    assert progress(part) == [("2", "1.5", "0", "0.5", "0"), ("3", "0", "0", "3", "0")]
    assert (part["status"], part["reservationStatus"], part["total"]) == ("CONFIRMED", "FULL", made["total"])
    assert await shop.stock(product) == {"SHELF": ("9", "1.5")}
    rest = await shop.do("orderCancel", by(made))
    assert (rest["status"], rest["version"], rest["availableActions"]) == ("CANCELLED", 4, [])
    assert await shop.stock(product) == {"SHELF": ("9", "0")}


async def test_what_waits_is_cancelled_before_what_is_reserved(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3"})
    made = await shop.order((product, "5"), confirm=True, allowBackorder=True)
    waiting = await shop.do("orderCancel", of(made, "1.5"))
    # The version rises once: nothing was released only to be reserved again.
    assert (progress(waiting), waiting["version"]) == ([("5", "3", "0", "1.5", "0")], 3)
    assert progress(await shop.do("orderCancel", of(made, "1.5"))) == [("5", "2", "0", "3", "0")]
    assert await shop.stock(product) == {"SHELF": ("3", "2")}


async def test_an_order_is_closed_when_the_rest_of_it_is_cancelled(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    made = await shop.order((product, "4"), confirm=True)
    await shop.do("orderShip", of(made, "1"))
    [refusal] = await shop.refusals("orderCancel", of(made, "3.5"))
    assert refusal[:2] == ("INVALID_INPUT", "lineItems.0.quantity")
    assert refusal.message == f"Only 3 pcs of line 1 ({product['sku']}) can be cancelled, not 3.5."
    closed = await shop.do("orderCancel", by(made))
    assert (closed["status"], closed["shipmentStatus"], closed["availableActions"]) == ("CLOSED", "FULL", ["RETURN"])
    assert progress(closed) == [("4", "0", "1", "3", "0")]
    assert await shop.stock(product) == {"SHELF": ("8", "0")}


# ---------------------------------------------------------------- return


async def test_what_comes_back_goes_where_its_disposition_says(shop: Clerk) -> None:
    product = await shop.product({"DOCK": "9"})
    made = await shop.order((product, "8"), confirm=True)
    await shop.do("orderShip", by(made))
    line = lines(made)[0]["id"]
    given = [
        {"lineItem": line, "quantity": "1", "disposition": "RESTOCK"},
        {"lineItem": line, "quantity": "2", "disposition": "QUARANTINE"},
        {"lineItem": line, "quantity": "3", "disposition": "SCRAP"},
        {"lineItem": line, "quantity": "0.5", "disposition": "RESTOCK", "location": shop.places["RACK"]},
    ]
    returned = await shop.do("orderReturn", by(made, lineItems=given, expectedVersion=3))
    assert progress(returned) == [("8", "0", "8", "0", "6.5")]
    assert (returned["status"], returned["returnStatus"], returned["version"]) == ("CLOSED", "PARTIAL", 4)
    assert returned["availableActions"] == ["RETURN"]
    # Back to where it came from; to the only quarantine there is; and nowhere.
    assert await shop.stock(product) == {"DOCK": ("2", "0"), "HOLD": ("2", "0"), "RACK": ("0.5", "0")}
    assert (await moves(shop, made))[1:] == [
        ("CUSTOMERS", "DOCK", "1", "return, restocked"),
        ("CUSTOMERS", "HOLD", "2", "return, quarantined"),
        ("CUSTOMERS", "LOSS", "3", "return, scrapped"),
        ("CUSTOMERS", "RACK", "0.5", "return, restocked"),
    ]
    rest = await shop.do("orderReturn", of(made, "1.5", disposition="SCRAP"))
    assert (rest["returnStatus"], rest["availableActions"]) == ("FULL", [])


async def test_what_comes_back_to_quarantine_stays_in_its_warehouse(shop: Clerk) -> None:
    given = {"warehouse": shop.warehouses["SOUTH"], "code": "ZONE", "name": "Zone", "kind": "QUARANTINE"}
    zone = (await shop.do("locationCreate", given))["id"]
    south = await shop.product({"DOCK": "1"})
    made = await shop.order((south, "1"), confirm=True)
    await shop.do("orderShip", by(made))
    await shop.do("orderReturn", of(made, "0.25", disposition="QUARANTINE"))
    await shop.do("orderReturn", of(made, "0.5", disposition="QUARANTINE", location=shop.places["HOLD"]))
    await shop.do("orderReturn", of(made, "0.25", disposition="QUARANTINE", location=zone))
    assert await shop.stock(south) == {"DOCK": ("0", "0"), "ZONE": ("0.5", "0"), "HOLD": ("0.5", "0")}


async def test_no_more_comes_back_than_was_shipped(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    made = await shop.order((product, "4"), confirm=True)
    await shop.do("orderShip", of(made, "2"))
    [refusal] = await shop.refusals("orderReturn", of(made, "2.5", disposition="RESTOCK"))
    assert refusal[:2] == ("INVALID_INPUT", "lineItems.0.quantity")
    assert refusal.message == f"Only 2 pcs of line 1 ({product['sku']}) can come back, not 2.5."
    returned = await shop.do("orderReturn", of(made, "2", disposition="RESTOCK"))
    assert (returned["status"], returned["availableActions"]) == ("CONFIRMED", ["UPDATE", "SHIP", "CANCEL"])
    assert await shop.stock(product) == {"SHELF": ("9", "2")}


async def test_what_comes_back_goes_only_to_a_place_of_the_right_kind(shop: Clerk, rival: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    made = await shop.order((product, "4"), confirm=True)
    await shop.do("orderShip", by(made))
    for disposition, code in (("RESTOCK", "HOLD"), ("QUARANTINE", "SHELF"), ("SCRAP", "SHELF")):
        given = of(made, "1", disposition=disposition, location=shop.places[code])
        assert await shop.refused("orderReturn", given) == [("INVALID_INPUT", "lineItems.0.location")]
    told = [
        await shop.refusals("orderReturn", of(made, "1", disposition="RESTOCK", location=place))
        for place in (rival.places["SHELF"], "loc_" + "0" * 32)
    ]
    assert keyless(told[0]) == keyless(told[1])
    assert [each[:2] for each in told[0]] == [("NOT_FOUND", "lineItems.0.location")]


async def test_without_a_quarantine_one_has_to_say_where(desk: Any) -> None:
    shop = await desk.bare()
    await shop.do("partnerUpsert", {"code": "C1", "name": "Ida"})
    house = await shop.do("warehouseCreate", {"code": "W", "name": "W"})
    made = await shop.do("locationCreate", {"warehouse": house["id"], "code": "L", "name": "L"})
    shop.places["L"] = made["id"]
    order = await shop.order((await shop.product({"L": "1"}), "1"), confirm=True)
    await shop.do("orderShip", by(order))
    [refusal] = await shop.refusals("orderReturn", of(order, "1", disposition="QUARANTINE"))
    assert refusal[:2] == ("INVALID_INPUT", "lineItems.0.location")
    assert refusal.message == "Say where it goes: there is no place that it would go to."
