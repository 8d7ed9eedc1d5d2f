"""Each change leaves exactly one event per record, in its own transaction: who, what, before and after."""

from typing import Any

from tests.support.clerk import Clerk, identity, lines
from tests.support.desk import Desk


class Diary:
    """What happened in a company since one last looked."""

    def __init__(self, shop: Clerk, seen: int) -> None:
        self.shop, self.seen = shop, seen

    @classmethod
    async def open(cls, shop: Clerk) -> "Diary":
        return cls(shop, len(await shop.events()))

    async def new(self) -> list[dict[str, Any]]:
        found = (await self.shop.events())[self.seen :]
        self.seen += len(found)
        assert {each.pop("principal") for each in found} <= {"clerk"}
        return found


def event(type_: str, record: Any, version: int | None, before: Any, after: Any) -> dict[str, Any]:
    told = {"type": type_, "subject_id": identity(record), "version": version}
    return told | {"before": before, "after": after}


async def test_records_that_are_made_and_changed(shop: Clerk) -> None:
    diary = await Diary.open(shop)
    mug = {"sku": "MUG", "name": "Mug", "listPrice": {"amount": "4.50", "currency": "EUR"}, "active": True}
    product = await shop.do("productUpsert", mug)
    after = {"sku": "MUG", "name": "Mug", "active": True, "listPrice": "4.5", "listPriceCurrency": "EUR"}
    assert await diary.new() == [event("product.created", product, 1, None, after)]

    given = {"sku": "MUG", "name": "Cup", "listPrice": {"amount": "5", "currency": "EUR"}, "active": True}
    await shop.do("productUpsert", given)
    before, after = {"name": "Mug", "listPrice": "4.5"}, {"name": "Cup", "listPrice": "5"}
    assert await diary.new() == [event("product.updated", product, 2, before, after)]

    partner = await shop.do("partnerUpsert", {"code": "P1", "name": "Ida", "kinds": ["SUPPLIER", "CUSTOMER"]})
    facts = {"code": "P1", "name": "Ida", "kinds": ["CUSTOMER", "SUPPLIER"]}
    assert await diary.new() == [event("partner.created", partner, 1, None, facts)]
    await shop.do("partnerUpsert", {"code": "P1", "name": "Ida", "country": "DE"})
    assert await diary.new() == [event("partner.updated", partner, 2, {"country": None}, {"country": "DE"})]

    warehouse = await shop.do("warehouseCreate", {"code": "W", "name": "House"})
    assert await diary.new() == [event("warehouse.created", warehouse, 1, None, {"code": "W", "name": "House"})]
    place = await shop.do("locationCreate", {"warehouse": warehouse["id"], "code": "L", "name": "Shelf"})
    facts = {"code": "L", "name": "Shelf", "kind": "INTERNAL"}
    assert await diary.new() == [event("location.created", place, 1, None, facts)]


async def test_stock_that_is_counted_and_moved(desk: Desk) -> None:
    """In a company that has lost nothing yet: the place where losses go is made with the first."""
    shop = await desk.open()
    product, shelf, rack = await shop.product(), shop.places["SHELF"], shop.places["RACK"]
    diary = await Diary.open(shop)
    line = shop.line(product, location=shelf)
    two = [line | {"delta": "7.5"}, line | {"delta": "-0.5"}]
    await shop.do("stockAdjust", {"lines": two, "reason": "found"})
    loss, adjusted = await diary.new()
    assert (loss["type"], loss["after"]) == ("location.created", {"code": "LOSS", "name": "Loss", "kind": "LOSS"})
    told = [{"location": shelf, "delta": "7.5"}, {"location": shelf, "delta": "-0.5"}]
    assert adjusted == event("stock.adjusted", product, None, None, {"reason": "found", "lines": told})
    await shop.do("stockSet", {"lines": [line | {"onHand": "6"}], "reason": "count"})
    told = [{"location": shelf, "delta": "-1"}]
    assert await diary.new() == [event("stock.set", product, None, None, {"reason": "count", "lines": told})]
    moved = {"lines": [shop.line(product, quantity="1")], "source": shelf, "destination": rack}
    await shop.do("stockTransfer", moved)
    told = [{"location": shelf, "delta": "-1"}, {"location": rack, "delta": "1"}]
    assert await diary.new() == [event("stock.transferred", product, None, None, {"reason": "transfer", "lines": told})]


async def test_the_story_of_an_order(desk: Desk) -> None:
    shop = await desk.open()
    product, shelf = await shop.product({"SHELF": "6"}), shop.places["SHELF"]
    partner = (await shop.ask('{ partner(by: {code: "C1"}) { id } }')).data["partner"]
    diary = await Diary.open(shop)
    order = await shop.order((product, "2"), note="Hello")
    [item] = lines(order)
    told = [{"lineItem": item["id"], "product": product["id"], "quantity": "2", "unitPrice": "10"}]
    facts = {"number": order["number"], "customer": partner["id"], "currency": "EUR", "subtotal": "20"}
    assert await diary.new() == [event("order.created", order, 1, None, facts | {"lineItems": told})]

    new = [shop.line(product, quantity="3", unitPrice="1")]
    order = await shop.do("orderUpdate", {"order": {"id": order["id"]}, "note": None, "lineItems": new})
    before = {"note": "Hello", "lineItems": [{"lineItem": item["id"], "sku": product["sku"], "quantity": "2"}]}
    [item] = lines(order)
    told = [{"lineItem": item["id"], "product": product["id"], "quantity": "3", "unitPrice": "1"}]
    after = {"note": None, "lineItems": told, "subtotal": "3"}
    assert await diary.new() == [event("order.updated", order, 2, before, after)]

    await shop.do("orderConfirm", {"order": {"id": order["id"]}})
    told = [{"lineItem": item["id"], "location": shelf, "quantity": "3"}]
    assert await diary.new() == [event("order.confirmed", order, 3, None, {"lineItems": told})]

    some = {"order": {"id": order["id"]}, "lineItems": [{"lineItem": item["id"], "quantity": "2"}]}
    await shop.do("orderShip", some)
    customers, shipped, created = await diary.new()
    [shipment] = (await shop.ask("{ shipments { nodes { id number } } }")).data["shipments"]["nodes"]
    assert (customers["type"], customers["after"]["kind"]) == ("location.created", "CUSTOMER")
    told = [{"lineItem": item["id"], "location": shelf, "quantity": "2"}]
    after = {"status": "CONFIRMED", "shipment": shipment["id"], "lineItems": told}
    assert shipped == event("order.shipped", order, 4, None, after)
    after = {"number": shipment["number"], "order": order["id"], "lineItems": told}
    assert created == event("shipment.created", shipment, 1, None, after)

    await shop.do("orderCancel", {"order": {"id": order["id"]}})
    told = [{"lineItem": item["id"], "quantity": "1"}]
    after = {"status": "CLOSED", "reason": None, "lineItems": told}
    assert await diary.new() == [event("order.cancelled", order, 5, None, after)]

    back = {"lineItem": item["id"], "quantity": "1", "disposition": "RESTOCK"}
    await shop.do("orderReturn", {"order": {"id": order["id"]}, "lineItems": [back]})
    told = [back | {"location": shelf}]
    assert await diary.new() == [event("order.returned", order, 6, None, {"lineItems": told})]
    assert [each["version"] for each in await shop.events(order)] == [1, 2, 3, 4, 5, 6]
    assert await shop.differences() == []


async def test_an_order_that_is_made_and_confirmed_at_once_has_both_events(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    order = await shop.order((product, "2"), confirm=True)
    told = await shop.events(order)
    assert [(each["type"], each["version"]) for each in told] == [("order.created", 1), ("order.confirmed", 2)]


async def test_a_command_about_stock_leaves_one_event_for_each_product(shop: Clerk) -> None:
    one, two, three = [await shop.product({"SHELF": "5"}) for _ in range(3)]
    diary = await Diary.open(shop)
    counts = [(one, "SHELF", "7"), (two, "SHELF", "5"), (three, "SHELF", "4"), (one, "RACK", "1")]
    given = [shop.line(product, location=shop.places[code], onHand=to) for product, code, to in counts]
    await shop.do("stockSet", {"lines": given, "reason": "count"})
    # The second was as it was counted: nothing happened to it.
    assert [(each["type"], each["subject_id"], len(each["after"]["lines"])) for each in await diary.new()] == [
        ("stock.set", identity(one), 2),
        ("stock.set", identity(three), 1),
    ]


async def test_goods_that_arrive_leave_an_event_for_each_order_that_gets_some(shop: Clerk) -> None:
    product = await shop.product()
    orders = [await shop.order((product, "1"), confirm=True, allowBackorder=True) for _ in range(3)]
    diary = await Diary.open(shop)
    line = shop.line(product, location=shop.places["SHELF"], delta="2")
    await shop.do("stockAdjust", {"lines": [line], "reason": "delivery"})
    first, *served = await diary.new()
    assert (first["type"], first["subject_id"]) == ("stock.adjusted", identity(product))
    assert [each["type"] for each in served] == ["order.reserved"] * 2
    assert {each["subject_id"] for each in served} == {identity(order) for order in orders[:2]}


async def test_a_cancellation_that_serves_another_leaves_an_event_of_each(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "1"})
    held = await shop.order((product, "1"), confirm=True)
    waiting = await shop.order((product, "1"), confirm=True, allowBackorder=True)
    diary = await Diary.open(shop)
    await shop.do("orderCancel", {"order": {"id": held["id"]}})
    assert [(each["type"], each["subject_id"], each["version"]) for each in await diary.new()] == [
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
