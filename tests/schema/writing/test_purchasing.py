"""Suppliers of products, and purchase orders: created, changed, confirmed, cancelled."""

from tests.support.buyer import Buyer, lines
from tests.support.clerk import Clerk


async def test_a_purchase_order_from_draft_to_cancelled(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product(name="Nail")
    made = await buyer.order(
        (product, "10"), (product, "2.5"), expectedOn="2026-12-24", note="by ship", externalId="X-1"
    )
    assert made["number"].startswith("PO-20")
    assert (made["status"], made["version"], made["availableActions"]) == ("DRAFT", 1, ["UPDATE", "CONFIRM", "CANCEL"])
    assert (made["subtotal"], made["total"]) == ({"amount": "31.25", "currency": "EUR"}, {"amount": "31.25"})
    assert (made["supplier"], made["location"], made["note"]) == ({"code": "S1"}, {"code": "SHELF"}, "by ship")
    assert (made["expectedOn"], made["externalId"]) == ("2026-12-24", "X-1")
    assert [(each["position"], each["quantity"], each["unit"], each["baseQuantity"]) for each in lines(made)] == [
        (1, "10", "pcs", "10"),
        (2, "2.5", "pcs", "2.5"),
    ]
    assert [(each["description"], each["total"], each["expectedOn"]) for each in lines(made)] == [
        ("Nail", {"amount": "25.00"}, "2026-12-24"),
        ("Nail", {"amount": "6.25"}, "2026-12-24"),
    ]
    assert await buyer.incoming(product) == {}
    confirmed = await buyer.act("Confirm", made)
    assert (confirmed["status"], confirmed["version"]) == ("CONFIRMED", 2)
    assert confirmed["availableActions"] == ["UPDATE", "RECEIVE", "CANCEL"]
    assert await buyer.incoming(product) == {"SHELF": "12.5"}
    first = lines(confirmed)[0]
    parts = [{"line": first["id"], "quantity": "3"}, {"line": first["id"], "quantity": "1"}]
    fewer = await buyer.act("Cancel", made, lines=parts, expectedVersion=2)
    assert (fewer["status"], [each["cancelledQuantity"] for each in lines(fewer)]) == ("CONFIRMED", ["4", "0"])
    assert await buyer.incoming(product) == {"SHELF": "8.5"}
    gone = await buyer.act("Cancel", made, reason="too dear")
    assert (gone["status"], gone["availableActions"], gone["version"]) == ("CANCELLED", [], 4)
    assert [each["cancelledQuantity"] for each in lines(gone)] == ["10", "2.5"]
    assert await buyer.incoming(product) == {"SHELF": "0"}
    query = (
        "query ($id: ID!) { purchaseOrder(by: { id: $id }) { events { nodes { type version after subject { id } } } } }"
    )
    found = (await shop.ask(query, {"id": made["id"]})).data["purchaseOrder"]["events"]["nodes"]
    assert [(each["type"], each["version"]) for each in found] == [
        ("purchase_order.cancelled", 4),
        ("purchase_order.cancelled", 3),
        ("purchase_order.confirmed", 2),
        ("purchase_order.created", 1),
    ]
    assert found[0]["after"]["reason"] == "too dear"
    assert {each["subject"]["id"] for each in found} == {made["id"]}


async def test_create_and_confirm_at_once(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.order((product, "4"), place="HOLD", confirm=True)
    assert (made["status"], made["version"], made["location"]) == ("CONFIRMED", 2, {"code": "HOLD"})
    assert await buyer.incoming(product) == {"HOLD": "4"}


async def test_a_cancelled_draft_announces_nothing(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.order((product, "4"))
    assert await buyer.refused("Cancel", made, lines=[{"line": lines(made)[0]["id"], "quantity": "1"}]) == [
        ("INVALID_INPUT", "lines")
    ]
    gone = await buyer.act("Cancel", made)
    assert (gone["status"], [each["cancelledQuantity"] for each in lines(gone)]) == ("CANCELLED", ["4"])
    assert await buyer.incoming(product) == {}


async def test_what_a_supplier_asks_is_the_price(buyer: Buyer, shop: Clerk) -> None:
    product, other = await shop.product(), await shop.product()
    made = await buyer.supplies(
        product,
        supplierSku="N-77",
        price={"amount": "1.2345", "currency": "EUR"},
        leadDays=14,
        minimum="12",
        multiple="6",
    )
    assert (made["supplierSku"], made["unit"], made["minimum"], made["multiple"]) == ("N-77", "pcs", "12", "6")
    assert (made["leadDays"], made["priority"], made["version"]) == (14, 0, 1)
    assert made["price"] == {"amount": "1.2345", "currency": "EUR"}
    named = [{"product": {"id": product["id"]}, "quantity": "1000"}]
    order = await buyer.order(orderedAt="2026-10-31T23:30:00Z", lines=named)
    [line] = lines(order)
    # It was the 1st of November in Berlin already.
    assert (line["unitPrice"], line["total"], line["expectedOn"]) == (
        {"amount": "1.2345"},
        {"amount": "1234.50"},
        "2026-11-15",
    )
    assert (order["expectedOn"], order["number"][:8]) == ("2026-11-15", "PO-2026-")
    assert await shop.refused("purchaseOrderCreate", buyer.given(lines=named, currency="USD")) == [
        ("INVALID_INPUT", "lines.0.unitPrice")
    ]
    unknown = [*named, {"product": {"id": other["id"]}, "quantity": "1"}]
    assert await shop.refused("purchaseOrderCreate", buyer.given(lines=unknown)) == [
        ("INVALID_INPUT", "lines.1.unitPrice")
    ]
    again = await buyer.supplies(product, price=None, expectedVersion=1)
    assert (again["price"], again["supplierSku"], again["version"]) == (None, "N-77", 2)
    assert (await buyer.supplies(product, price=None))["version"] == 2
    given = {"product": {"id": product["id"]}, "supplier": {"code": "S1"}}
    assert await shop.refused("productSupplierUpsert", given | {"expectedVersion": 1}) == [
        ("VERSION_CONFLICT", "expectedVersion")
    ]
    assert await shop.do("productSupplierUpsert", given | {"active": False}) is None
    query = "query ($id: ID!) { product(by: { id: $id }) { suppliers { nodes { id } } } }"
    assert (await shop.ask(query, {"id": product["id"]})).data == {"product": {"suppliers": {"nodes": []}}}
    assert await shop.refused("productSupplierUpsert", given | {"expectedVersion": 2}) == [
        ("NOT_FOUND", "expectedVersion")
    ]


async def test_what_is_wrong_is_told_all_at_once(buyer: Buyer, shop: Clerk) -> None:
    product, gone = await shop.product(unit="kg"), await shop.product(active=False)
    taken = await buyer.order((product, "1"), externalId="taken")
    bad = buyer.given(
        (product, "1"),
        (gone, "2"),
        supplier={"code": "C1"},
        location="loc_" + "0" * 32,
        number=taken["number"],
        externalId="taken",
    )
    bad["lines"][0]["unit"] = "carton"
    bad["lines"].append({"product": {"sku": "nobody's"}, "quantity": "1", "unitPrice": "1"})
    assert sorted(await shop.refused("purchaseOrderCreate", bad)) == [
        ("DUPLICATE", "externalId"),
        ("DUPLICATE", "number"),
        ("INVALID_INPUT", "lines.0.unit"),
        ("INVALID_INPUT", "lines.1.product"),
        ("INVALID_INPUT", "supplier"),
        ("NOT_FOUND", "lines.2.product"),
        ("NOT_FOUND", "location"),
    ]
    many = [
        ({"quantity": "0"}, "lines.0.quantity"),
        ({"quantity": "1.0000001"}, "lines.0.quantity"),
        ({"unitPrice": "-1"}, "lines.0.unitPrice"),
        ({"expectedOn": "1066-10-14"}, "lines.0.expectedOn"),
    ]
    for field, path in many:
        wrong = buyer.given((product, "1"))
        wrong["lines"][0] |= field
        assert await shop.refused("purchaseOrderCreate", wrong) == [("INVALID_INPUT", path)]
    assert await shop.refused("purchaseOrderCreate", buyer.given()) == [("INVALID_INPUT", "lines")]
    too_dear = buyer.given((product, "99999999999999"), (product, "1"))
    assert ("INVALID_INPUT", "lines.0.quantity") in await shop.refused("purchaseOrderCreate", too_dear)
    assert "2026-02-30" in await shop.unread(
        "purchaseOrderCreate", buyer.given((product, "1"), expectedOn="2026-02-30")
    )


async def test_a_state_that_does_not_allow_it(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    made = await buyer.order((product, "3"), confirm=True)
    [line] = lines(made)
    given = {"purchaseOrder": {"number": made["number"]}}
    [refusal] = await shop.refusals("purchaseOrderConfirm", given)
    assert refusal[:2] == ("INVALID_TRANSITION", "purchaseOrder")
    assert refusal.message == f"{made['number']} is confirmed and can't be confirmed now."
    assert refusal.facts == {"purchaseStatus": "CONFIRMED", "purchaseActions": ["UPDATE", "RECEIVE", "CANCEL"]}
    replaced = [{"product": {"id": product["id"]}, "quantity": "1", "unitPrice": "1"}]
    assert await buyer.refused("Update", made, lines=replaced) == [("INVALID_TRANSITION", "lines")]
    assert await buyer.refused("Cancel", made, expectedVersion=1) == [("VERSION_CONFLICT", "expectedVersion")]
    half = [{"line": line["id"], "quantity": "2"}, {"line": line["id"], "quantity": "1.000001"}]
    assert await buyer.refused("Cancel", made, lines=half) == [("INVALID_INPUT", "lines.1.quantity")]
    other = lines(await buyer.order((product, "1")))[0]
    assert await buyer.refused("Cancel", made, lines=[{"line": other["id"], "quantity": "1"}]) == [
        ("NOT_FOUND", "lines.0.line")
    ]
    assert await shop.refused("purchaseOrderCancel", {"purchaseOrder": {"externalId": "nobody's"}}) == [
        ("NOT_FOUND", "purchaseOrder")
    ]


async def test_a_draft_is_changed(buyer: Buyer, shop: Clerk) -> None:
    product, other = await shop.product(), await shop.product()
    made = await buyer.order((product, "3"), expectedOn="2026-12-01")
    unchanged = await buyer.act("Update", made, expectedOn="2026-12-01")
    assert unchanged["version"] == 1
    later = await buyer.act("Update", made, expectedOn="2026-12-05", note="late")
    assert (later["version"], later["note"], later["expectedOn"]) == (2, "late", "2026-12-05")
    assert [each["expectedOn"] for each in lines(later)] == ["2026-12-05"]
    new = [{"product": {"id": other["id"]}, "quantity": "7", "unitPrice": "3"}]
    changed = await buyer.act("Update", made, lines=new, note=None)
    assert (changed["version"], changed["note"], changed["subtotal"]["amount"]) == (3, None, "21.00")
    assert [(each["product"]["sku"], each["quantity"]) for each in lines(changed)] == [(other["sku"], "7")]
    await buyer.act("Confirm", made)
    assert (await buyer.incoming(product), await buyer.incoming(other)) == ({}, {"SHELF": "7"})
    moved = await buyer.act("Update", made, expectedOn=None)
    assert (moved["version"], moved["expectedOn"]) == (5, None)


async def test_a_retry_gets_the_first_answer(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    given = buyer.given((product, "3"), confirm=True, idempotencyKey="po-1")
    first, second = await shop.do("purchaseOrderCreate", given), await shop.do("purchaseOrderCreate", given)
    assert first == second
    assert await buyer.incoming(product) == {"SHELF": "3"}
    other = given | {"note": "another"}
    assert [each[0] for each in await shop.refusals("purchaseOrderCreate", other)] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_a_partner_that_is_archived_or_no_supplier_gets_no_order(buyer: Buyer, shop: Clerk) -> None:
    await buyer.supplier("S9")
    product = await shop.product()
    made = await buyer.order((product, "1"), supplier={"code": "S9"})
    await shop.do("partnerUpsert", {"code": "S9", "kinds": ["CUSTOMER"]})
    assert await buyer.refused("Confirm", made) == [("INVALID_INPUT", "purchaseOrder")]
    fresh = buyer.given((product, "2"))["lines"]
    assert await buyer.refused("Update", made, lines=fresh) == [("INVALID_INPUT", "purchaseOrder")]
    assert (await buyer.act("Update", made, note="No longer ours."))["note"] == "No longer ours."
    assert await shop.refused("purchaseOrderCreate", buyer.given((product, "1"), supplier={"code": "S9"})) == [
        ("INVALID_INPUT", "supplier")
    ]
    assert await shop.refused(
        "purchaseOrderCreate", buyer.given((product, "1"), location=shop.places["DOCK"][:-1])
    ) == [("INVALID_INPUT", "location")]


async def test_another_tenant_sees_and_touches_none_of_it(buyer: Buyer, shop: Clerk, rival: Clerk) -> None:
    product = await shop.product()
    await buyer.supplies(product)
    made = await buyer.order((product, "1"), externalId="theirs")
    assert await rival.refused("purchaseOrderConfirm", {"purchaseOrder": {"id": made["id"]}}) == [
        ("NOT_FOUND", "purchaseOrder")
    ]
    query = "{ purchaseOrders { totalCount { value } } purchaseLines { totalCount { value } } }"
    assert (await rival.ask(query)).data == {
        "purchaseOrders": {"totalCount": {"value": 0}},
        "purchaseLines": {"totalCount": {"value": 0}},
    }
