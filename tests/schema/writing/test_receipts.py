"""Goods of purchase orders that come: in parts, more than was ordered, to several places, and to orders that wait."""

from tests.support.buyer import Buyer, came, lines, stock
from tests.support.clerk import Clerk, progress


async def test_an_order_is_received_in_parts_and_closed(buyer: Buyer, shop: Clerk) -> None:
    product, other = await shop.product(), await shop.product()
    made = await buyer.order((product, "10"), (other, "4"), confirm=True)
    first = await shop.do("purchaseOrderReceive", came(made, "6", "4", reference="DN-1"))
    receipt, order = first["receipt"], first["purchaseOrder"]
    assert (receipt["number"], receipt["reference"], receipt["principal"]) == (f"{made['number']}-1", "DN-1", "clerk")
    assert receipt["purchaseOrder"] == {"number": made["number"]}
    ids = [line["id"] for line in lines(made)]
    assert [(each["quantity"], each["location"], each["purchaseLine"]["id"]) for each in receipt["lines"]] == [
        ("6", {"code": "SHELF"}, ids[0]),
        ("4", {"code": "SHELF"}, ids[1]),
    ]
    moves = receipt["moves"]["nodes"]
    assert sorted((each["quantity"], each["purchaseLine"]["id"] == ids[0]) for each in moves) == [
        ("4", False),
        ("6", True),
    ]
    assert {(each["reason"], each["source"]["kind"], each["destination"]["code"]) for each in moves} == {
        ("receipt", "SUPPLIER", "SHELF")
    }
    assert {each["receipt"]["number"] for each in moves} == {receipt["number"]}
    assert (order["status"], order["receiptStatus"], order["version"]) == ("CONFIRMED", "PARTIAL", 3)
    assert [each["receivedQuantity"] for each in lines(order)] == ["6", "4"]
    assert await stock(shop, product) == {"SHELF": ("6", "0", "4")}
    last = await shop.do("purchaseOrderReceive", came(made, "4", reference="DN-2", expectedVersion=3))
    order = last["purchaseOrder"]
    assert (order["status"], order["receiptStatus"], order["availableActions"]) == ("CLOSED", "FULL", ["RETURN"])
    assert last["receipt"]["number"] == f"{made['number']}-2"
    assert await stock(shop, product) == {"SHELF": ("10", "0", "0")}
    assert await stock(shop, other) == {"SHELF": ("4", "0", "0")}
    assert await shop.refused("purchaseOrderReceive", came(made, "1")) == [("INVALID_TRANSITION", "purchaseOrder")]
    query = """query ($id: ID!) { purchaseOrder(by: { id: $id }) { receipts { nodes { number } }
        events { nodes { type } } } }"""
    found = (await shop.ask(query, {"id": made["id"]})).data["purchaseOrder"]
    assert [each["number"] for each in found["receipts"]["nodes"]] == [f"{made['number']}-2", f"{made['number']}-1"]
    assert [each["type"].partition(".")[2] for each in found["events"]["nodes"]] == [
        "received",
        "received",
        "confirmed",
        "created",
    ]


async def test_fault_2_no_more_comes_than_was_ordered_and_is_tolerated(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.order((product, "100"), confirm=True)
    [over] = await shop.refusals("purchaseOrderReceive", came(made, "100.002"))
    assert over[:2] == ("OVER_QUANTITY", "lines.0.quantity")
    assert over.facts == {"wanted": "100.002", "left": "100"}
    sku = product["sku"]
    assert over.message == f"Only 100 pcs of line 1 ({sku}) may still come, not 100.002."
    given = buyer.given((product, "10"), confirm=True)
    given["lines"][0]["overReceipt"] = "2"
    tolerant = await shop.do("purchaseOrderCreate", given)
    assert lines(tolerant)[0]["overReceipt"] == "2"
    assert await shop.refused("purchaseOrderReceive", came(tolerant, "12.000001")) == [
        ("OVER_QUANTITY", "lines.0.quantity")
    ]
    done = (await shop.do("purchaseOrderReceive", came(tolerant, "12")))["purchaseOrder"]
    assert (done["status"], lines(done)[0]["receivedQuantity"]) == ("CLOSED", "12")
    assert await stock(shop, product) == {"SHELF": ("12", "0", "100")}
    # Nor does anything come of an order that was cancelled.
    gone = await buyer.order((product, "1"), confirm=True)
    await buyer.act("Cancel", gone)
    assert await shop.refused("purchaseOrderReceive", came(gone, "1")) == [("INVALID_TRANSITION", "purchaseOrder")]


async def test_fault_5_entries_of_one_line_are_summed(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.order((product, "10"), confirm=True)
    [line] = lines(made)
    twice = [{"line": line["id"], "quantity": "6"}, {"line": line["id"], "quantity": "5"}]
    given = {"purchaseOrder": {"id": made["id"]}, "lines": twice}
    assert await shop.refused("purchaseOrderReceive", given) == [("OVER_QUANTITY", "lines.1.quantity")]
    twice[1] |= {"quantity": "4", "location": shop.places["HOLD"]}
    done = await shop.do("purchaseOrderReceive", given)
    assert [(each["quantity"], each["location"]["code"]) for each in done["receipt"]["lines"]] == [
        ("6", "SHELF"),
        ("4", "HOLD"),
    ]
    # All of it was announced at the order's location.
    assert await stock(shop, product) == {"SHELF": ("6", "0", "0"), "HOLD": ("4", "0", "0")}


async def test_what_cannot_be_received(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    draft = await buyer.order((product, "1"))
    assert await shop.refused("purchaseOrderReceive", came(draft, "1")) == [("INVALID_TRANSITION", "purchaseOrder")]
    made, other = await buyer.order((product, "3"), confirm=True), await buyer.order((product, "3"), confirm=True)
    foreign = came(made, "1") | {"lines": came(other, "1")["lines"]}
    assert await shop.refused("purchaseOrderReceive", foreign) == [("NOT_FOUND", "lines.0.line")]
    wrong = came(made, "1")
    wrong["lines"][0] |= {"unit": "carton", "location": "loc_" + "0" * 32}
    assert sorted(await shop.refused("purchaseOrderReceive", wrong)) == [
        ("INVALID_INPUT", "lines.0.unit"),
        ("NOT_FOUND", "lines.0.location"),
    ]
    assert await shop.refused("purchaseOrderReceive", came(made, "0")) == [("INVALID_INPUT", "lines.0.quantity")]
    assert await shop.refused("purchaseOrderReceive", came(made)) == [("INVALID_INPUT", "lines")]
    await shop.do("purchaseOrderReceive", came(made, "1", reference="DN"))
    assert await shop.refused("purchaseOrderReceive", came(made, "1", reference="DN")) == [("DUPLICATE", "reference")]
    await shop.do("purchaseOrderReceive", came(other, "1", reference="DN"))
    assert await shop.refused("purchaseOrderReceive", came(made, "1", expectedVersion=2)) == [
        ("VERSION_CONFLICT", "expectedVersion")
    ]


async def test_what_came_stays_when_the_rest_is_cancelled(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.order((product, "10"), confirm=True)
    await shop.do("purchaseOrderReceive", came(made, "3"))
    assert await buyer.refused("Cancel", made, lines=came(made, "8")["lines"]) == [
        ("INVALID_INPUT", "lines.0.quantity")
    ]
    gone = await buyer.act("Cancel", made)
    assert (gone["status"], gone["receiptStatus"]) == ("CLOSED", "FULL")
    assert (lines(gone)[0]["receivedQuantity"], lines(gone)[0]["cancelledQuantity"]) == ("3", "7")
    assert await stock(shop, product) == {"SHELF": ("3", "0", "0")}


async def test_orders_that_wait_are_served_first_come_first_served(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    first, second = [await shop.order((product, "5"), confirm=True, allowBackorder=True) for _ in range(2)]
    made = await buyer.order((product, "10"), confirm=True)
    await shop.do("purchaseOrderReceive", came(made, "7"))
    assert await stock(shop, product) == {"SHELF": ("7", "7", "3")}
    assert [progress(await shop.again(order))[0][1] for order in (first, second)] == ["5", "2"]
    # In quarantine nobody may sell them.
    held = came(made, "3")
    held["lines"][0]["location"] = shop.places["HOLD"]
    await shop.do("purchaseOrderReceive", held)
    assert [progress(await shop.again(order))[0][1] for order in (first, second)] == ["5", "2"]


async def test_a_retry_receives_once(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.order((product, "10"), confirm=True)
    given = came(made, "4", idempotencyKey="received")
    first, second = await shop.do("purchaseOrderReceive", given), await shop.do("purchaseOrderReceive", given)
    assert first == second
    assert await stock(shop, product) == {"SHELF": ("4", "0", "6")}
