"""Shipments are documents: they say what left, from where and how, and can be undone while nothing depends on them."""

import asyncio
from typing import Any

from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk


async def shipped(shop: Clerk, order: Any, *parts: dict[str, Any], **given: Any) -> Any:
    """Ship, and the shipment that came of it."""
    if parts:
        [item] = lines(order)
        given["lineItems"] = [{"lineItem": item["id"], **part} for part in parts]
    await shop.do("orderShip", {"order": {"id": order["id"]}, **given})
    return (await shipments(shop, order))[0]


async def shipments(shop: Clerk, order: Any) -> list[Any]:
    """An order's shipments, newest first."""
    query = """query ($id: ID!) { order(by: {id: $id}) { shipments { nodes { id number status version carrier trackingNumber
        note shippedAt order { id } lines { lineItem { id } location { code } quantity } } } } }"""
    found: list[Any] = (await shop.ask(query, {"id": order["id"]})).data["order"]["shipments"]["nodes"]
    return found


async def levels(shop: Clerk, product: Any) -> dict[str, tuple[str, str]]:
    query = "query ($id: ID!) { product(by: {id: $id}) { stock { levels { nodes { location { code } onHand reserved } } } } }"
    nodes = (await shop.ask(query, {"id": product["id"]})).data["product"]["stock"]["levels"]["nodes"]
    return {node["location"]["code"]: (node["onHand"], node["reserved"]) for node in nodes}


async def test_what_left_how_and_from_where(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "5"), confirm=True)
    how = {"carrier": "Larch Freight", "trackingNumber": "LF 1", "note": "Fragile", "shippedAt": "2026-11-20T08:00:00Z"}
    first = await shipped(shop, order, {"quantity": "2"}, **how)
    [item] = lines(order)
    assert first | how == first
    assert (first["number"], first["status"], first["version"]) == (f"{order['number']}-1", "SHIPPED", 1)
    assert first["order"] == {"id": order["id"]}
    assert first["lines"] == [{"lineItem": {"id": item["id"]}, "location": {"code": "SHELF"}, "quantity": "2"}]
    second = await shipped(shop, order)
    assert (second["number"], second["carrier"], second["lines"][0]["quantity"]) == (f"{order['number']}-2", None, "3")
    assert (await shop.again(order))["status"] == "CLOSED"


async def test_the_payload_has_the_shipment_and_other_commands_have_none(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "5"), confirm=True)
    ship = "mutation ($i: OrderShipInput!) { orderShip(input: $i) { shipment { number } } }"
    answer = await shop.ask(ship, {"i": {"order": {"id": order["id"]}}})
    assert answer.data == {"orderShip": {"shipment": {"number": f"{order['number']}-1"}}}
    made = "mutation ($i: OrderCreateInput!) { orderCreate(input: $i) { shipment { number } } }"
    answer = await shop.ask(made, {"i": shop.ordering([shop.line(product, quantity="1")])})
    assert answer.data == {"orderCreate": {"shipment": None}}


async def test_a_retry_ships_once(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "5"), confirm=True)
    [item] = lines(order)
    given = {
        "order": {"id": order["id"]},
        "lineItems": [{"lineItem": item["id"], "quantity": "1"}],
        "idempotencyKey": "S",
    }
    await shop.do("orderShip", given)
    await shop.do("orderShip", given)
    assert len(await shipments(shop, order)) == 1


async def test_a_line_leaves_from_where_the_caller_says(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6", "RACK": "2", "DOCK": "1"})
    order = await shop.order((product, "5"), confirm=True)
    rack, dock = shop.places["RACK"], shop.places["DOCK"]
    parts = ({"quantity": "2", "location": rack}, {"quantity": "1", "location": dock}, {"quantity": "1"})
    found = await shipped(shop, order, *parts)
    assert sorted((line["location"]["code"], line["quantity"]) for line in found["lines"]) == [
        ("DOCK", "1"),
        ("RACK", "2"),
        ("SHELF", "1"),
    ]
    assert await levels(shop, product) == {"SHELF": ("5", "1"), "RACK": ("0", "0"), "DOCK": ("0", "0")}


async def test_what_it_lets_go_of_is_for_those_who_wait(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "2"})
    order = await shop.order((product, "2"), confirm=True)
    waiting = await shop.order((product, "3"), confirm=True, allowBackorder=True, warehouse=shop.warehouses["NORTH"])
    line = shop.line(product, location=shop.places["DOCK"], delta="2")  # in another warehouse
    await shop.do("stockAdjust", {"lines": [line], "reason": "found"})
    await shipped(shop, order, {"quantity": "2", "location": shop.places["DOCK"]})
    assert lines(await shop.again(waiting))[0]["reservedQuantity"] == "2"


async def test_locations_that_nothing_can_leave_from(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "2", "DOCK": "2"})
    order = await shop.order((product, "2"), confirm=True, warehouse=shop.warehouses["NORTH"])
    await shop.order((product, "1"), confirm=True, warehouse=shop.warehouses["SOUTH"])
    other = await shop.order((product, "1"), confirm=True)  # from the dock
    [item] = lines(order)

    async def refused(order: Any, location: str, quantity: str = "1") -> list[tuple[str, str]]:
        part = {"lineItem": lines(order)[0]["id"], "quantity": quantity, "location": location}
        return await shop.refused("orderShip", {"order": {"id": order["id"]}, "lineItems": [part]})

    path = "lineItems.0.location"
    assert await refused(order, "loc_00000000000070008000000000000000") == [("NOT_FOUND", path)]
    assert await refused(order, shop.places["HOLD"]) == [("INVALID_INPUT", path)]
    assert await refused(order, shop.places["DOCK"]) == [("INVALID_INPUT", path)]
    assert await refused(other, shop.places["SHELF"]) == [("INSUFFICIENT_STOCK", "lineItems.0.quantity")]
    cancel = {"lineItem": item["id"], "quantity": "1", "location": shop.places["SHELF"]}
    given = {"order": {"id": order["id"]}, "lineItems": [cancel]}
    assert await shop.refused("orderCancel", given) == [("INVALID_INPUT", path)]


async def test_a_shipment_that_was_a_mistake(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "2", "RACK": "2"})
    order = await shop.order((product, "3"), confirm=True)
    found = await shipped(shop, order)
    assert (await shop.again(order))["status"] == "CLOSED"
    await shop.order((product, "1"), confirm=True)  # nothing of the shipment's goods is there for others
    undone = await shop.do("shipmentCancel", {"shipment": found["id"], "reason": "wrong box", "expectedVersion": 1})
    assert (undone["status"], undone["version"], undone["lines"]) == ("CANCELLED", 2, found["lines"])
    order = await shop.again(order)
    [item] = lines(order)
    assert (order["status"], item["reservedQuantity"], item["shippedQuantity"]) == ("CONFIRMED", "3", "0")
    assert await levels(shop, product) == {"SHELF": ("2", "2"), "RACK": ("2", "2")}
    assert await shop.refused("shipmentCancel", {"shipment": found["id"]}) == [("INVALID_TRANSITION", "shipment")]
    again = await shipped(shop, order)
    assert again["number"] == f"{order['number']}-2"
    events = [each["type"] for each in await shop.events(found)]
    assert events == ["shipment.created", "shipment.cancelled"]
    assert [each["type"] for each in await shop.events(order)][-3:] == [
        "order.shipped",
        "order.shipment_cancelled",
        "order.shipped",
    ]


async def test_what_came_back_stands_against_it(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "3"), confirm=True)
    first, second = await shipped(shop, order, {"quantity": "2"}), await shipped(shop, order)
    [item] = lines(order)
    back = {"lineItem": item["id"], "quantity": "1", "disposition": "RESTOCK"}
    await shop.do("orderReturn", {"order": {"id": order["id"]}, "lineItems": [back]})
    await shop.do("shipmentCancel", {"shipment": second["id"]})
    [refused] = await shop.refusals("shipmentCancel", {"shipment": first["id"]})
    assert (refused.code, refused.path) == ("INVALID_TRANSITION", "shipment")
    assert refused.facts["status"] == "CONFIRMED"
    assert "came back" in refused.message


async def test_what_is_written_about_it(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "3"), confirm=True)
    found = await shipped(shop, order, carrier="A", note="N")
    changed = await shop.do("shipmentUpdate", {"shipment": found["id"], "carrier": None, "trackingNumber": "T"})
    assert (changed["carrier"], changed["trackingNumber"], changed["note"], changed["version"]) == (None, "T", "N", 2)
    same = await shop.do("shipmentUpdate", {"shipment": found["id"], "trackingNumber": "T"})
    assert same["version"] == 2
    stale = {"shipment": found["id"], "note": "M", "expectedVersion": 1}
    [refused] = await shop.refusals("shipmentUpdate", stale)
    assert (refused.code, refused.facts["currentVersion"]) == ("VERSION_CONFLICT", 2)
    assert await shop.refused("shipmentCancel", {"shipment": found["id"], "expectedVersion": 3}) == [
        ("VERSION_CONFLICT", "expectedVersion")
    ]


async def test_another_tenants_shipment_isnt_there(desk: Desk, shop: Clerk, rival: Clerk) -> None:
    product = await shop.product({"SHELF": "6"})
    found = await shipped(shop, await shop.order((product, "3"), confirm=True))
    for field in ("shipmentCancel", "shipmentUpdate"):
        assert await rival.refused(field, {"shipment": found["id"]}) == [("NOT_FOUND", "shipment")]


async def test_lists_of_shipments(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "6"})
    one, two = [await shop.order((product, "1"), confirm=True) for _ in range(2)]
    await shipped(shop, one, shippedAt="2026-11-20T08:00:00Z", trackingNumber="LF 7")
    await shipped(shop, two, shippedAt="2026-11-21T08:00:00Z")
    first, second = f"{one['number']}-1", f"{two['number']}-1"
    for arguments, expected in {
        "": [second, first],
        "(orderBy: [{field: SHIPPED_AT}])": [first, second],
        "(orderBy: [{field: NUMBER, direction: DESC}])": [second, first],
        f'(where: {{number: {{startsWith: "{one["number"]}"}}}})': [first],
        '(where: {trackingNumber: {eq: "LF 7"}})': [first],
        '(where: {shippedAt: {gt: "2026-11-20T09:00:00Z"}})': [second],
        f'(where: {{order: {{eq: "{two["id"]}"}}}})': [second],
        "(where: {status: {eq: CANCELLED}})": [],
    }.items():
        nodes = (await shop.ask(f"{{ shipments{arguments} {{ nodes {{ number }} }} }}")).data["shipments"]["nodes"]
        assert [node["number"] for node in nodes] == expected, arguments


async def test_it_is_undone_once_however_many_try(shop: Clerk) -> None:
    """Whoever comes second finds it done."""
    product = await shop.product({"SHELF": "6"})
    order = await shop.order((product, "3"), confirm=True)
    found = await shipped(shop, order)
    given = {"shipment": found["id"]}
    answers = await asyncio.gather(*(shop.payload("shipmentCancel", given) for _ in range(8)))
    assert sorted(len(answer["userErrors"]) for answer in answers) == [0, *[1] * 7]
    assert await levels(shop, product) == {"SHELF": ("6", "3")}
