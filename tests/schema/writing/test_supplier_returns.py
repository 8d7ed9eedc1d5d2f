"""Received goods that go back to their supplier: no more than came, and only what is available."""

from tests.support.buyer import Buyer, came, lines, stock, went
from tests.support.clerk import Clerk


async def test_what_came_goes_back_in_parts(buyer: Buyer, shop: Clerk) -> None:
    product, shelf = await shop.product(), shop.places["SHELF"]
    made = await buyer.order((product, "10"), confirm=True)
    assert await shop.refused("purchaseOrderReturn", went(made, "1", shelf)) == [
        ("INVALID_TRANSITION", "purchaseOrder")
    ]
    partly = (await shop.do("purchaseOrderReceive", came(made, "6")))["purchaseOrder"]
    assert partly["availableActions"] == ["UPDATE", "RECEIVE", "RETURN", "CANCEL"]
    back = await shop.do("purchaseOrderReturn", went(made, "2", shelf, reason="broken", expectedVersion=3))
    [line] = lines(back)
    assert (back["status"], back["version"], back["receiptStatus"]) == ("CONFIRMED", 4, "PARTIAL")
    assert (line["receivedQuantity"], line["returnedQuantity"]) == ("6", "2")
    # What went back isn't expected again.
    assert await stock(shop, product) == {"SHELF": ("4", "0", "4")}
    closed = (await shop.do("purchaseOrderReceive", came(made, "4")))["purchaseOrder"]
    assert (closed["status"], closed["availableActions"]) == ("CLOSED", ["RETURN"])
    assert await shop.refused("purchaseOrderReceive", came(made, "1")) == [("INVALID_TRANSITION", "purchaseOrder")]
    last = await shop.do("purchaseOrderReturn", went(made, "8", shelf))
    assert (last["status"], last["availableActions"], lines(last)[0]["returnedQuantity"]) == ("CLOSED", [], "10")
    assert await stock(shop, product) == {"SHELF": ("0", "0", "0")}
    query = """query ($order: ID!, $product: ID!) {
        purchaseOrder(by: { id: $order }) { events(first: 1) { nodes { type } } }
        stockMoves(where: { product: { eq: $product } }) { nodes { quantity reason destination { kind } receipt { id }
            purchaseLine { id } } } }"""
    told = (await shop.ask(query, {"order": made["id"], "product": product["id"]})).data
    assert told["purchaseOrder"]["events"]["nodes"] == [{"type": "purchase_order.returned"}]
    moves = [each for each in told["stockMoves"]["nodes"] if each["destination"]["kind"] == "SUPPLIER"]
    assert sorted((each["reason"], each["quantity"], each["receipt"], each["purchaseLine"]) for each in moves) == [
        ("broken", "2", None, {"id": line["id"]}),
        ("return to supplier", "8", None, {"id": line["id"]}),
    ]


async def test_fault_6_no_more_goes_back_than_came_and_stayed(buyer: Buyer, shop: Clerk) -> None:
    product, shelf = await shop.product({"SHELF": "50"}), shop.places["SHELF"]
    made = await buyer.order((product, "10"), confirm=True)
    await shop.do("purchaseOrderReceive", came(made, "5"))
    twice = went(made, "3", shelf)
    twice["lines"] *= 2
    [over] = await shop.refusals("purchaseOrderReturn", twice)
    assert (over[:2], over.facts) == (("OVER_QUANTITY", "lines.1.quantity"), {"wanted": "6", "left": "5"})
    sku = product["sku"]
    assert over.message == f"Only 5 pcs of line 1 ({sku}) can go back, not 6."
    await shop.do("purchaseOrderReturn", went(made, "3", shelf))
    assert await shop.refused("purchaseOrderReturn", went(made, "2.000001", shelf)) == [
        ("OVER_QUANTITY", "lines.0.quantity")
    ]
    assert await stock(shop, product) == {"SHELF": ("52", "0", "5")}


async def test_only_what_is_available_goes_back(buyer: Buyer, shop: Clerk) -> None:
    product, shelf = await shop.product(), shop.places["SHELF"]
    made = await buyer.order((product, "10"), confirm=True)
    await shop.do("purchaseOrderReceive", came(made, "10"))
    order = await shop.order((product, "7"), confirm=True)
    [short] = await shop.refusals("purchaseOrderReturn", went(made, "4", shelf))
    assert short[:2] == ("INSUFFICIENT_STOCK", "lines.0.quantity")
    assert short.facts == {"product": {"sku": product["sku"]}, "requested": "4", "available": "3"}
    assert order["number"] in short.message
    assert await shop.refused("purchaseOrderReturn", went(made, "1", shop.places["HOLD"])) == [
        ("INSUFFICIENT_STOCK", "lines.0.quantity")
    ]
    wrong = went(made, "11", "loc_" + "0" * 32)
    assert sorted(await shop.refused("purchaseOrderReturn", wrong)) == [
        ("NOT_FOUND", "lines.0.location"),
        ("OVER_QUANTITY", "lines.0.quantity"),
    ]
    other = await buyer.order((product, "1"), confirm=True)
    foreign = went(made, "1", shelf) | {"lines": went(other, "1", shelf)["lines"]}
    assert await shop.refused("purchaseOrderReturn", foreign) == [("NOT_FOUND", "lines.0.line")]
    assert await shop.refused("purchaseOrderReturn", went(made, "0", shelf)) == [("INVALID_INPUT", "lines.0.quantity")]
    assert await shop.refused("purchaseOrderReturn", went(made, "1", shelf, expectedVersion=2)) == [
        ("VERSION_CONFLICT", "expectedVersion")
    ]
    assert await stock(shop, product) == {"SHELF": ("10", "7", "1")}


async def test_a_retry_returns_once(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.order((product, "10"), confirm=True)
    await shop.do("purchaseOrderReceive", came(made, "4"))
    given = went(made, "1", shop.places["SHELF"], idempotencyKey="returned")
    first, second = await shop.do("purchaseOrderReturn", given), await shop.do("purchaseOrderReturn", given)
    assert first == second
    assert await stock(shop, product) == {"SHELF": ("3", "0", "6")}
