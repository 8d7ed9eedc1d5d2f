"""Tracking that changes: never while a command reads it as it was, and what left under other tracking still comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from tests.schema.writing.test_lots import booking, levels, receive, tracked
from tests.schema.writing.test_shipments import shipped
from tests.support.buyer import Buyer, came
from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk

BLOCKED_WITHIN = 30.0


@pytest.fixture
async def shop(desk: Desk) -> AsyncIterator[Clerk]:
    shop = await desk.open()
    await Buyer(shop).supplier()
    yield shop
    assert await shop.differences() == []


async def while_changing(shop: Clerk, desk: Desk, product: Any, field: str, given: Any) -> list[str]:
    """The paths of a command's problems that has come to the product's lock when its tracking becomes LOT."""
    other = await asyncpg.connect(desk.target.admin)
    try:
        change = other.transaction()
        await change.start()
        await other.execute(
            "UPDATE products SET tracking = 'LOT' WHERE tenant_id = $1 AND sku = $2", shop.tenant, product["sku"]
        )
        asked = asyncio.create_task(shop.payload(field, given))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))"
        async with asyncio.timeout(BLOCKED_WITHIN):
            while not await desk.admin.fetchval(waits, other.get_server_pid()):
                assert not asked.done(), "it doesn't wait for the product's lock"
                await asyncio.sleep(0.005)
        await change.commit()
        answer = await asked
    finally:
        await other.close()
    return [".".join(each["path"][1:]) for each in answer["userErrors"]]


async def adjusting(shop: Clerk, product: Any) -> tuple[str, Any, str]:
    """Its lines name products by keys of two kinds, so the products are read before they are locked."""
    plain = await shop.product()
    line = booking(shop, product, None, "SHELF", "1")
    by_id = {"product": {"id": plain["id"]}, "location": shop.places["SHELF"], "delta": "1"}
    return "stockAdjust", {"lines": [by_id, line], "reason": "found"}, "lines.1.lot"


async def receiving(shop: Clerk, product: Any) -> tuple[str, Any, str]:
    made = await Buyer(shop).order((product, "1"), confirm=True)
    return "purchaseOrderReceive", came(made, "1"), "lines.0.lot"


async def returning(shop: Clerk, product: Any) -> tuple[str, Any, str]:
    order = await sent(shop, product)
    part = {"lineItem": lines(order)[0]["id"], "quantity": "1", "disposition": "RESTOCK"}
    return "orderReturn", {"order": {"id": order["id"]}, "lineItems": [part]}, "lineItems.0.lot"


async def unshipping(shop: Clerk, product: Any) -> tuple[str, Any, str]:
    order = await sent(shop, product)
    query = "query ($id: ID!) { order(by: {id: $id}) { shipments { nodes { id } } } }"
    [shipment] = (await shop.ask(query, {"id": order["id"]})).data["order"]["shipments"]["nodes"]
    return "shipmentCancel", {"shipment": shipment["id"]}, "shipment"


async def sent(shop: Clerk, product: Any) -> Any:
    """An order of which everything left, so that nothing is on hand."""
    await shop.do("stockAdjust", {"lines": [booking(shop, product, None, "SHELF", "1")], "reason": "found"})
    order = await shop.order((product, "1"), confirm=True)
    await shipped(shop, order)
    return order


@pytest.mark.parametrize("way", [adjusting, receiving, returning, unshipping])
async def test_goods_without_a_lot_dont_come_to_a_product_that_has_them_by_now(
    shop: Clerk, desk: Desk, way: Callable[[Clerk, Any], Any]
) -> None:
    product = await shop.product()
    field, given, path = await way(shop, product)
    assert await while_changing(shop, desk, product, field, given) == [path]
    assert await levels(shop, product) == {}


async def test_what_left_under_other_tracking_is_returned_and_its_shipment_stands(shop: Clerk) -> None:
    product = await shop.product()
    before = await sent(shop, product)
    await shop.do("productUpsert", {"sku": product["sku"], "tracking": "LOT"})
    query = "query ($id: ID!) { order(by: {id: $id}) { shipments { nodes { id } } } }"
    [shipment] = (await shop.ask(query, {"id": before["id"]})).data["order"]["shipments"]["nodes"]
    assert await shop.refused("shipmentCancel", {"shipment": shipment["id"]}) == [("INVALID_INPUT", "shipment")]
    await receive(shop, product, ("A", "SHELF", "1", None))
    part = {"lineItem": lines(before)[0]["id"], "quantity": "1", "disposition": "RESTOCK", "lot": "A"}
    await shop.do("orderReturn", {"order": {"id": before["id"]}, "lineItems": [part]})
    assert await levels(shop, product) == {("SHELF", "A"): ("2", "0")}


async def test_balances_of_serial_numbers_may_be_filled_with_a_lot_afterwards(shop: Clerk) -> None:
    product = await tracked(shop, ("7", "SHELF", "1", None), by="SERIAL")
    await shop.do("stockAdjust", {"lines": [booking(shop, product, "7", "SHELF", "-1")], "reason": "x"})
    await shop.do("productUpsert", {"sku": product["sku"], "tracking": "LOT"})
    await receive(shop, product, ("7", "SHELF", "5", None))
    assert await levels(shop, product) == {("SHELF", "7"): ("5", "0")}
    await shop.do("stockAdjust", {"lines": [booking(shop, product, "7", "SHELF", "-5")], "reason": "x"})
    await shop.do("productUpsert", {"sku": product["sku"], "tracking": "SERIAL"})
    two = {"lines": [booking(shop, product, "7", "SHELF", "2")], "reason": "x"}
    assert await shop.refused("stockAdjust", two) == [("INVALID_INPUT", "lines.0.delta")]
