"""Each change leaves exactly one event per record, in its own transaction: who, what, before and after."""

from typing import Any

from tests.support.clerk import Clerk, identity, lines
from tests.support.desk import Desk


async def since(shop: Clerk, seen: int) -> list[dict[str, Any]]:
    """What happened after the first ``seen`` events, without what is the same for all."""
    found = (await shop.events())[seen:]
    assert {each.pop("principal") for each in found} <= {"clerk"}
    return found


async def test_the_whole_story_of_a_company(desk: Desk) -> None:
    shop = await desk.bare()
    seen = 0

    async def happened() -> list[dict[str, Any]]:
        nonlocal seen
        found = await since(shop, seen)
        seen += len(found)
        return found

    def event(type_: str, record: Any, version: int | None, before: Any, after: Any) -> dict[str, Any]:
        told = {"type": type_, "subject_id": identity(record), "version": version}
        return told | {"before": before, "after": after}

    mug = {"sku": "MUG", "name": "Mug", "listPrice": {"amount": "4.50", "currency": "EUR"}, "active": True}
    product = await shop.do("productUpsert", mug)
    after = {"sku": "MUG", "name": "Mug", "active": True, "listPrice": "4.5", "listPriceCurrency": "EUR"}
    assert await happened() == [event("product.created", product, 1, None, after)]

    given = {"sku": "MUG", "name": "Cup", "listPrice": {"amount": "5", "currency": "EUR"}, "active": True}
    await shop.do("productUpsert", given)
    before, after = {"name": "Mug", "listPrice": "4.5"}, {"name": "Cup", "listPrice": "5"}
    assert await happened() == [event("product.updated", product, 2, before, after)]

    partner = await shop.do("partnerUpsert", {"code": "C1", "name": "Ida", "kinds": ["SUPPLIER", "CUSTOMER"]})
    after = {"code": "C1", "name": "Ida", "kinds": ["CUSTOMER", "SUPPLIER"]}
    assert await happened() == [event("partner.created", partner, 1, None, after)]
    await shop.do("partnerUpsert", {"code": "C1", "name": "Ida", "country": "DE"})
    assert await happened() == [event("partner.updated", partner, 2, {"country": None}, {"country": "DE"})]

    warehouse = await shop.do("warehouseCreate", {"code": "W", "name": "House"})
    assert await happened() == [event("warehouse.created", warehouse, None, None, {"code": "W", "name": "House"})]
    place = await shop.do("locationCreate", {"warehouse": warehouse["id"], "code": "L", "name": "Shelf"})
    facts = {"code": "L", "name": "Shelf", "kind": "INTERNAL"}
    assert await happened() == [event("location.created", place, None, None, facts)]
    other = await shop.do("locationCreate", {"warehouse": warehouse["id"], "code": "M", "name": "Rack"})
    await happened()

    line = {"product": {"sku": "MUG"}, "location": place["id"]}
    two = [line | {"delta": "7.5"}, line | {"delta": "-0.5"}]
    await shop.do("stockAdjust", {"lines": two, "reason": "found"})
    loss, adjusted = await happened()
    assert (loss["type"], loss["after"]) == ("location.created", {"code": "LOSS", "name": "Loss", "kind": "LOSS"})
    told = [{"location": place["id"], "delta": "7.5"}, {"location": place["id"], "delta": "-0.5"}]
    assert adjusted == event("stock.adjusted", product, None, None, {"reason": "found", "lines": told})
    await shop.do("stockSet", {"lines": [line | {"onHand": "6"}], "reason": "count"})
    told = [{"location": place["id"], "delta": "-1"}]
    assert await happened() == [event("stock.set", product, None, None, {"reason": "count", "lines": told})]
    moved = {"lines": [{"product": {"sku": "MUG"}, "quantity": "1"}], "source": place["id"], "destination": other["id"]}
    await shop.do("stockTransfer", moved)
    told = [{"location": place["id"], "delta": "-1"}, {"location": other["id"], "delta": "1"}]
    assert await happened() == [event("stock.transferred", product, None, None, {"reason": "transfer", "lines": told})]

    order = await shop.order((product, "2"), note="Hello")
    [item] = lines(order)
    told = [{"lineItem": item["id"], "product": product["id"], "quantity": "2", "unitPrice": "5"}]
    facts = {"number": order["number"], "customer": partner["id"], "currency": "EUR", "subtotal": "10"}
    assert await happened() == [event("order.created", order, 1, None, facts | {"lineItems": told})]

    new = [{"product": {"sku": "MUG"}, "quantity": "3", "unitPrice": "1"}]
    order = await shop.do("orderUpdate", {"order": {"id": order["id"]}, "note": None, "lineItems": new})
    before = {"note": "Hello", "lineItems": [{"lineItem": item["id"], "sku": "MUG", "quantity": "2"}]}
    [item] = lines(order)
    told = [{"lineItem": item["id"], "product": product["id"], "quantity": "3", "unitPrice": "1"}]
    after = {"note": None, "lineItems": told, "subtotal": "3"}
    assert await happened() == [event("order.updated", order, 2, before, after)]

    await shop.do("orderConfirm", {"order": {"id": order["id"]}})
    told = [{"lineItem": item["id"], "location": place["id"], "quantity": "3"}]
    assert await happened() == [event("order.confirmed", order, 3, None, {"lineItems": told})]

    some = {"order": {"id": order["id"]}, "lineItems": [{"lineItem": item["id"], "quantity": "2"}]}
    await shop.do("orderShip", some)
    customers, shipped = await happened()
    assert (customers["type"], customers["after"]["kind"]) == ("location.created", "CUSTOMER")
    told = [{"lineItem": item["id"], "location": place["id"], "quantity": "2"}]
    assert shipped == event("order.shipped", order, 4, None, {"status": "CONFIRMED", "lineItems": told})

    await shop.do("orderCancel", {"order": {"id": order["id"]}})
    told = [{"lineItem": item["id"], "quantity": "1"}]
    after = {"status": "CLOSED", "reason": None, "lineItems": told}
    assert await happened() == [event("order.cancelled", order, 5, None, after)]

    back = {"lineItem": item["id"], "quantity": "1", "disposition": "RESTOCK"}
    await shop.do("orderReturn", {"order": {"id": order["id"]}, "lineItems": [back]})
    told = [back | {"location": place["id"]}]
    assert await happened() == [event("order.returned", order, 6, None, {"lineItems": told})]
    assert [each["version"] for each in await shop.events(order)] == [1, 2, 3, 4, 5, 6]
    assert await shop.differences() == []


async def test_an_order_that_is_made_and_confirmed_at_once_has_both_events(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    order = await shop.order((product, "2"), confirm=True)
    told = await shop.events(order)
    assert [(each["type"], each["version"]) for each in told] == [("order.created", 1), ("order.confirmed", 2)]


async def test_a_command_about_stock_leaves_one_event_for_each_product(shop: Clerk) -> None:
    one, two, three = [await shop.product({"SHELF": "5"}) for _ in range(3)]
    seen = len(await shop.events())
    counts = [(one, "SHELF", "7"), (two, "SHELF", "5"), (three, "SHELF", "4"), (one, "RACK", "1")]
    given = [shop.line(product, location=shop.places[code], onHand=to) for product, code, to in counts]
    await shop.do("stockSet", {"lines": given, "reason": "count"})
    # The second was as it was counted: nothing happened to it.
    assert [(each["type"], each["subject_id"], len(each["after"]["lines"])) for each in await since(shop, seen)] == [
        ("stock.set", identity(one), 2),
        ("stock.set", identity(three), 1),
    ]


async def test_goods_that_arrive_leave_an_event_for_each_order_that_gets_some(shop: Clerk) -> None:
    product = await shop.product()
    orders = [await shop.order((product, "1"), confirm=True, allowBackorder=True) for _ in range(3)]
    seen = len(await shop.events())
    line = shop.line(product, location=shop.places["SHELF"], delta="2")
    await shop.do("stockAdjust", {"lines": [line], "reason": "delivery"})
    first, *served = await since(shop, seen)
    assert (first["type"], first["subject_id"]) == ("stock.adjusted", identity(product))
    assert [each["type"] for each in served] == ["order.reserved"] * 2
    assert {each["subject_id"] for each in served} == {identity(order) for order in orders[:2]}


async def test_a_cancellation_that_serves_another_leaves_an_event_of_each(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "1"})
    held = await shop.order((product, "1"), confirm=True)
    waiting = await shop.order((product, "1"), confirm=True, allowBackorder=True)
    seen = len(await shop.events())
    await shop.do("orderCancel", {"order": {"id": held["id"]}})
    assert [(each["type"], each["subject_id"], each["version"]) for each in await since(shop, seen)] == [
        ("order.cancelled", identity(held), 3),
        ("order.reserved", identity(waiting), 3),
    ]


async def test_the_graph_tells_them_newest_first(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    order = await shop.order((product, "2"), confirm=True)
    query = """query ($id: ID!, $product: ID!) {
      order(by: {id: $id}) { events(first: 1) { totalCount { value } pageInfo { hasNextPage }
        nodes { id type version principal before after } } }
      product(by: {id: $product}) { events(where: {type: {startsWith: "stock."}}) { nodes { type version after } } } }"""
    answer = await shop.ask(query, {"id": order["id"], "product": product["id"]})
    assert not answer.errors
    [event] = answer.data["order"]["events"].pop("nodes")
    assert event.pop("id").startswith("evt_")
    held = {"lineItem": lines(order)[0]["id"], "location": shop.places["SHELF"], "quantity": "2"}
    assert event == {
        "type": "order.confirmed",
        "version": 2,
        "principal": "clerk",
        "before": None,
        "after": {"lineItems": [held]},
    }
    assert answer.data["order"]["events"] == {"totalCount": {"value": 2}, "pageInfo": {"hasNextPage": True}}
    told = {"reason": "found", "lines": [{"location": shop.places["SHELF"], "delta": "5"}]}
    assert answer.data["product"]["events"]["nodes"] == [{"type": "stock.adjusted", "version": None, "after": told}]
