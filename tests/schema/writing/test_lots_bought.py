"""Lots and serial numbers that are bought: named when they come, and when they go back to the supplier."""

from typing import Any

from tests.schema.writing.test_holds import over
from tests.schema.writing.test_lots import in_days, levels, lot, receive, tracked
from tests.support.buyer import Buyer, came, went
from tests.support.clerk import Clerk, progress


def of_lots(order: Any, *entries: dict[str, Any]) -> dict[str, Any]:
    """The input of what came of an order's first line."""
    [line] = came(order, "1")["lines"]
    return {"purchaseOrder": {"id": order["id"]}, "lines": [line | entry for entry in entries]}


async def test_a_receipt_names_its_lots_and_new_ones_are_made(buyer: Buyer, shop: Clerk) -> None:
    product, soon = await tracked(shop), in_days(30)
    waiting = await shop.order((product, "3"), confirm=True, allowBackorder=True)
    made = await buyer.order((product, "10"), confirm=True)
    given = of_lots(
        made,
        {"quantity": "4", "lot": "A", "expiresOn": soon},
        {"quantity": "3", "lot": "B", "location": shop.places["DOCK"]},
        {"quantity": "1", "lot": "A"},
    )
    receipt = (await shop.do("purchaseOrderReceive", given))["receipt"]
    assert await levels(shop, product) == {("SHELF", "A"): ("5", "3"), ("DOCK", "B"): ("3", "0")}
    assert progress(await shop.again(waiting)) == [("3", "3", "0", "0", "0")]
    assert (await lot(shop, product, "A"))["expiresOn"] == soon
    assert await buyer.incoming(product) == {"SHELF": "2"}
    query = """query ($r: ID!) { stockMoves(where: {receipt: {eq: $r}}) { nodes { quantity lot { code } receipt { id } } } }"""
    nodes = (await shop.ask(query, {"r": receipt["id"]})).data["stockMoves"]["nodes"]
    assert sorted((each["lot"]["code"], each["quantity"]) for each in nodes) == [("A", "1"), ("A", "4"), ("B", "3")]
    assert {each["receipt"]["id"] for each in nodes} == {receipt["id"]}
    [told] = [each for each in await shop.events(receipt) if each["type"] == "receipt.created"]
    a, b = [(await lot(shop, product, code))["id"] for code in "AB"]
    assert [each["lot"] for each in told["after"]["lines"]] == [a, b, a]


async def test_a_receipt_demands_a_lot_only_where_goods_are_tracked(buyer: Buyer, shop: Clerk) -> None:
    product, plain = await tracked(shop, ("A", "SHELF", "1", in_days(9))), await shop.product()
    made = await buyer.order((product, "9"), (plain, "9"), confirm=True)
    given = came(made, "1", "1")
    given["lines"][1] |= {"lot": "A"}
    given["lines"].append(given["lines"][0] | {"lot": "A", "expiresOn": in_days(8)})
    given["lines"].append(given["lines"][1] | {"lot": None, "expiresOn": in_days(8)})
    # And what else is wrong is told beside it.
    given["lines"].append(given["lines"][0] | {"lot": "NEW", "quantity": "90"})
    assert await shop.refused("purchaseOrderReceive", given) == [
        ("OVER_QUANTITY", "lines.4.quantity"),
        ("INVALID_INPUT", "lines.0.lot"),
        ("INVALID_INPUT", "lines.1.lot"),
        ("INVALID_INPUT", "lines.2.expiresOn"),
        ("INVALID_INPUT", "lines.3.lot"),
    ]
    await shop.do("purchaseOrderReceive", came(made, "1", "1") | {"lines": [came(made, "1", "1")["lines"][1]]})


async def test_serial_numbers_come_one_by_one(buyer: Buyer, shop: Clerk) -> None:
    product = await tracked(shop, ("S1", "SHELF", "1", None), by="SERIAL")
    made = await buyer.order((product, "5"), confirm=True)
    given = of_lots(made, {"lot": "S2"}, {"lot": "S1"}, {"lot": "S3", "quantity": "2"}, {"lot": "S4"}, {"lot": "S4"})
    assert await shop.refused("purchaseOrderReceive", given) == [
        ("OVER_QUANTITY", "lines.4.quantity"),
        ("INVALID_INPUT", "lines.1.quantity"),
        ("INVALID_INPUT", "lines.2.quantity"),
        ("INVALID_INPUT", "lines.3.quantity"),
        ("INVALID_INPUT", "lines.4.quantity"),
    ]
    await shop.do("purchaseOrderReceive", of_lots(made, {"lot": "S2"}, {"lot": "S3", "location": shop.places["DOCK"]}))
    assert set(await levels(shop, product)) == {("SHELF", "S1"), ("SHELF", "S2"), ("DOCK", "S3")}


async def test_the_lot_that_goes_back_is_named_and_may_be_expired(buyer: Buyer, shop: Clerk) -> None:
    product, plain, shelf = await tracked(shop), await shop.product(), shop.places["SHELF"]
    made = await buyer.order((product, "5"), confirm=True)
    other = await buyer.order((plain, "5"), confirm=True)
    await shop.do("purchaseOrderReceive", came(other, "5"))
    expired = {"quantity": "3", "lot": "OLD", "expiresOn": in_days(-3)}
    await shop.do("purchaseOrderReceive", of_lots(made, expired, {"quantity": "2", "lot": "NEW"}))
    back = went(made, "3", shelf)
    assert await shop.refused("purchaseOrderReturn", back) == [("INVALID_INPUT", "lines.0.lot")]
    for code, problem in (("NONE", ("NOT_FOUND", "lines.0.lot")), ("NEW", ("INSUFFICIENT_STOCK", "lines.0.quantity"))):
        named = went(made, "3", shelf)
        named["lines"][0]["lot"] = code
        assert await shop.refused("purchaseOrderReturn", named) == [problem]
    untracked = went(other, "1", shelf)
    untracked["lines"][0]["lot"] = "OLD"
    assert await shop.refused("purchaseOrderReturn", untracked) == [("INVALID_INPUT", "lines.0.lot")]
    back["lines"][0]["lot"] = "OLD"
    done = await shop.do("purchaseOrderReturn", back)
    assert await levels(shop, product) == {("SHELF", "NEW"): ("2", "0")}
    query = 'query ($id: ID!) { lots(where: {product: {eq: $id}, code: {eq: "OLD"}}) { nodes { moves { nodes { destination { kind } quantity } } } } }'
    [found] = (await shop.ask(query, {"id": product["id"]})).data["lots"]["nodes"]
    assert found["moves"]["nodes"][0] == {"destination": {"kind": "SUPPLIER"}, "quantity": "3"}
    told = (await shop.events(done))[-1]
    assert [each["lot"] for each in told["after"]["lines"]] == [(await lot(shop, product, "OLD"))["id"]]


async def test_what_is_expired_or_blocked_is_ordered_again(buyer: Buyer, shop: Clerk) -> None:
    """It is on hand, and nobody can have it."""
    product = await tracked(
        shop, ("OLD", "SHELF", "9", in_days(-2)), ("BAD", "RACK", "9", in_days(90)), ("GOOD", "SHELF", "4", in_days(9))
    )
    await buyer.supplies(product, price={"amount": "2", "currency": "EUR"})
    await buyer.rule(product, "5", "20")

    async def proposed() -> list[tuple[str, str]]:
        mine = [each for each in await buyer.proposals() if each["rule"]["product"]["sku"] == product["sku"]]
        return [(each["available"], each["quantity"]) for each in mine]

    assert await proposed() == []
    await shop.do("lotUpdate", {"lot": (await lot(shop, product, "BAD"))["id"], "blocked": True})
    assert await proposed() == [("4", "16")]
    # A basket whose time is over has nothing of its lot any more, and none of another.
    kept = await shop.do("stockHold", {"reference": "of lots", "lines": [shop.line(product, quantity="3")]})
    assert await proposed() == [("1", "19")]
    await over(shop, kept)
    assert await proposed() == [("4", "16")]
    [draft] = await shop.do("replenish", {})
    assert [(each["product"]["sku"], each["quantity"]) for each in draft["lines"]["nodes"]] == [(product["sku"], "16")]


# ---------------------------------------------------------------- whole pieces


async def test_pieces_with_serial_numbers_are_never_cut(buyer: Buyer, shop: Clerk) -> None:
    product = await tracked(shop, ("S1", "SHELF", "1", None), ("S2", "SHELF", "1", None), by="SERIAL")
    half = [shop.line(product, quantity="0.5")]
    for field, given, path in (
        ("orderCreate", shop.ordering(half), "lineItems.0.quantity"),
        ("orderCreate", shop.ordering(half, confirm=True), "lineItems.0.quantity"),
        ("stockHold", {"reference": "half", "lines": half}, "lines.0.quantity"),
        ("purchaseOrderCreate", buyer.given((product, "1.5")), "lines.0.quantity"),
    ):
        assert await shop.refused(field, given) == [("INVALID_INPUT", path)]
    preview = "query ($i: OrderPreviewInput!) { orderPreview(input: $i) { problems { code path } } }"
    found = (await shop.ask(preview, {"i": {"lineItems": half}})).data["orderPreview"]["problems"]
    assert found == [{"code": "INVALID_INPUT", "path": ["input", "lineItems", "0", "quantity"]}]
    draft, order = await shop.order((product, "1")), await shop.order((product, "2"), confirm=True)
    named, [line] = {"order": {"id": order["id"]}}, order["lineItems"]["nodes"]
    part = [{"lineItem": line["id"], "quantity": "0.5"}]
    for field, given, path in (
        ("orderUpdate", {"order": {"id": draft["id"]}, "lineItems": half}, "lineItems.0.quantity"),
        ("orderUpdate", named | {"changes": part}, "changes.0.quantity"),
        ("orderUpdate", named | {"changes": half}, "changes.0.quantity"),
        ("orderShip", named | {"lineItems": part}, "lineItems.0.quantity"),
        ("orderReserve", named | {"lineItems": part}, "lineItems.0.quantity"),
        ("orderCancel", named | {"lineItems": part}, "lineItems.0.quantity"),
    ):
        assert (field, await shop.refused(field, given)) == (field, [("INVALID_INPUT", path)])
    await shop.do("orderShip", named)
    back = [part[0] | {"disposition": "RESTOCK", "lot": "S1"}]
    assert ("INVALID_INPUT", "lineItems.0.quantity") in await shop.refused("orderReturn", named | {"lineItems": back})
    bought = await buyer.order((product, "2"), confirm=True)
    given = of_lots(bought, {"lot": "S7", "quantity": "0.5"})
    assert ("INVALID_INPUT", "lines.0.quantity") in await shop.refused("purchaseOrderReceive", given)


async def test_what_was_ordered_in_parts_gets_no_serial_numbers(buyer: Buyer, shop: Clerk) -> None:
    sold, bought = await shop.product(), await shop.product()
    order = await shop.order((sold, "0.5"), confirm=True, allowBackorder=True)
    made = await buyer.order((bought, "1.5"), confirm=True)
    for product in (sold, bought):
        change = {"sku": product["sku"], "tracking": "SERIAL"}
        assert await shop.refused("productUpsert", change) == [("INVALID_INPUT", "tracking")]
    await shop.do("productUpsert", {"sku": sold["sku"], "tracking": "LOT"})
    await shop.do("orderCancel", {"order": {"id": order["id"]}})
    await buyer.act("Cancel", made)
    for product in (sold, bought):
        await shop.do("productUpsert", {"sku": product["sku"], "tracking": "SERIAL"})
    await receive(shop, sold, ("S1", "SHELF", "1", None))
