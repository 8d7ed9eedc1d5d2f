"""Which warehouse serves an order: by the order's rule, the tenant's, or from as few as can."""

from typing import Any

from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk

POLICY = "{ allocationPolicy { rule version } warehouses { nodes { code rank } } }"


async def holds(shop: Clerk, order: Any) -> list[tuple[str, str, str]]:
    """What is reserved for an order: sku, location, quantity."""
    rows = await shop.admin.fetch(
        "SELECT p.sku, l.code, trim_scale(r.quantity)::text FROM reservations r"
        " JOIN line_items i ON i.id = r.line_item_id JOIN orders o ON o.id = i.order_id"
        " JOIN products p ON p.id = r.product_id JOIN locations l ON l.id = r.location_id"
        " WHERE r.tenant_id = $1 AND o.number = $2 ORDER BY i.position, l.code",
        *(shop.tenant, order["number"]),
    )
    return [tuple(row) for row in rows]


async def stocked(shop: Clerk) -> tuple[Any, Any]:
    """Two products: most of one is in the north, and only the south has all of both."""
    return await shop.product({"SHELF": "9", "DOCK": "3"}), await shop.product({"SHELF": "1", "DOCK": "2"})


async def test_an_order_comes_from_the_one_warehouse_that_has_all_of_it(desk: Desk) -> None:
    shop = await desk.open()
    one, two = await stocked(shop)
    order = await shop.order((one, "2"), (two, "2"), confirm=True)
    assert await holds(shop, order) == [(one["sku"], "DOCK", "2"), (two["sku"], "DOCK", "2")]


async def test_an_order_may_have_a_rule_of_its_own(desk: Desk) -> None:
    shop = await desk.open()
    one, two = await stocked(shop)
    for confirm in (True, False):
        order = await shop.order((one, "1"), (two, "1"), confirm=confirm, allocation="MOST_FIRST")
        if not confirm:
            await shop.do("orderConfirm", {"order": {"id": order["id"]}})
        assert [place for _, place, _ in await holds(shop, order)] == ["SHELF", "DOCK"]
        query = "query ($id: ID!) { order(by: {id: $id}) { allocation } }"
        assert (await shop.ask(query, {"id": order["id"]})).data == {"order": {"allocation": "MOST_FIRST"}}
        await shop.do("orderCancel", {"order": {"id": order["id"]}})
    created = (await shop.events(order))[0]
    assert created["after"]["allocation"] == "MOST_FIRST"


async def test_a_tenant_may_prefer_warehouses(desk: Desk) -> None:
    shop = await desk.open()
    north, south = shop.warehouses["NORTH"], shop.warehouses["SOUTH"]
    assert (await shop.ask(POLICY)).data["allocationPolicy"] is None
    await shop.do("allocationUpdate", {"rule": "BY_RANK", "warehouses": [south, north]})
    late = await shop.do(
        "locationCreate", {"warehouse": south, "code": "LATE", "name": "Made after the ranks were set"}
    )
    shop.places["LATE"] = late["id"]
    product = await shop.product({"SHELF": "9", "LATE": "3"})
    order = await shop.order((product, "4"), confirm=True)
    assert await holds(shop, order) == [(product["sku"], "LATE", "3"), (product["sku"], "SHELF", "1")]
    await shop.do("allocationUpdate", {"warehouses": [north], "expectedVersion": 1})
    data = (await shop.ask(POLICY)).data
    assert data["allocationPolicy"] == {"rule": "BY_RANK", "version": 2}
    assert {node["code"]: node["rank"] for node in data["warehouses"]["nodes"]} == {"NORTH": 1, "SOUTH": None}
    order = await shop.order((product, "4"), confirm=True)
    assert await holds(shop, order) == [(product["sku"], "SHELF", "4")]
    assert await shop.differences() == []


async def test_goods_that_arrive_are_chosen_by_the_orders_rule(desk: Desk) -> None:
    shop = await desk.open()
    one, two = await shop.product(), await shop.product()
    order = await shop.order((one, "2"), (two, "2"), confirm=True, allowBackorder=True)
    spots = ((one, "SHELF", "9"), (one, "DOCK", "3"), (two, "SHELF", "1"), (two, "DOCK", "2"))
    found = [shop.line(product, location=shop.places[place], delta=delta) for product, place, delta in spots]
    await shop.do("stockAdjust", {"lines": found, "reason": "received"})
    assert await holds(shop, order) == [(one["sku"], "DOCK", "2"), (two["sku"], "DOCK", "2")]
    assert [line["reservedQuantity"] for line in lines(await shop.again(order))] == ["2", "2"]


async def test_policies_that_cant_be(shop: Clerk, rival: Clerk) -> None:
    north, theirs = shop.warehouses["NORTH"], rival.warehouses["NORTH"]
    refused = await shop.refused("allocationUpdate", {"warehouses": [north, theirs, north]})
    assert refused == [("NOT_FOUND", "warehouses.1"), ("INVALID_INPUT", "warehouses.2")]
    assert await shop.refused("allocationUpdate", {"expectedVersion": 1}) == [("NOT_FOUND", "expectedVersion")]
    made = await shop.do("allocationUpdate", {"idempotencyKey": "policy"})
    assert made["rule"] == "WHOLE_FIRST"
    assert await shop.do("allocationUpdate", {"idempotencyKey": "policy"}) == made
    [stale] = await shop.refusals("allocationUpdate", {"expectedVersion": 2, "rule": "BY_RANK"})
    assert (stale.code, stale.facts["currentVersion"]) == ("VERSION_CONFLICT", 1)
