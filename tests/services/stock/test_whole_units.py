"""A product is to be counted in whole pieces while others want parts of one: it is, or they have them, and never both."""

import asyncio
import random
from typing import Any

import asyncpg

from tests.support.buyer import Buyer, came
from tests.support.clerk import Clerk, identity
from tests.support.crowd import at_once, buy, tell
from tests.support.desk import Desk

PARTS = """
    SELECT count(*) FROM (
        SELECT quantity FROM stock_moves WHERE tenant_id = $1
        UNION ALL SELECT quantity FROM reservations WHERE tenant_id = $1
        UNION ALL SELECT quantity FROM stock_hold_lines WHERE tenant_id = $1
        UNION ALL SELECT l.quantity FROM line_items l JOIN orders o ON o.tenant_id = $1 AND o.id = l.order_id
                  WHERE l.tenant_id = $1 AND o.status = 'CONFIRMED'
    ) there WHERE quantity % 1 <> 0
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def waits(connection: Any, count: int) -> None:
    """Returns once so many wait for locks of others."""
    async with asyncio.timeout(60):
        while await connection.fetchval(WAITING) < count:  # noqa: ASYNC110 - PostgreSQL has no event for it
            await asyncio.sleep(0.01)


async def test_whoever_read_the_product_before_it_was_changed_reads_it_again(shop: Clerk, desk: Desk) -> None:
    """All of them have found that it may be cut, and wait for its lock."""
    buyer = Buyer(shop)
    await buyer.supplier()
    product = await shop.product({"SHELF": "90"})
    order, sent = [await shop.order((product, "4"), confirm=True) for _ in range(2)]
    await shop.do("orderShip", {"order": {"id": sent["id"]}})
    bought = await buyer.order((product, "4"), confirm=True)
    named = {"order": {"id": order["id"]}}
    half = [{"lineItem": order["lineItems"]["nodes"][0]["id"], "quantity": "0.5"}]
    back = {"lineItem": sent["lineItems"]["nodes"][0]["id"], "quantity": "0.5", "disposition": "RESTOCK"}
    line = shop.line(product, quantity="0.5")
    wanted = (
        ("orderShip", named | {"lineItems": half}, "lineItems.0.quantity"),
        ("orderReturn", {"order": {"id": sent["id"]}, "lineItems": [back]}, "lineItems.0.quantity"),
        ("orderCreate", shop.ordering([line], confirm=True), "lineItems.0.quantity"),
        (
            "orderCreate",
            shop.ordering([line | {"quantity": "200.5"}], confirm=True, allowBackorder=True),
            "lineItems.0.quantity",
        ),
        ("stockHold", {"reference": "half", "lines": [line]}, "lines.0.quantity"),
        (
            "stockAdjust",
            {"lines": [shop.line(product, location=shop.places["RACK"], delta="0.5")], "reason": "found"},
            "lines.0.delta",
        ),
        ("purchaseOrderReceive", came(bought, "0.5"), "lines.0.quantity"),
    )
    connection = await asyncpg.connect(desk.target.admin)
    async with connection.transaction():
        await connection.execute("SELECT FROM products WHERE id = $1 FOR UPDATE", identity(product))
        tasks = [asyncio.create_task(shop.payload(field, given)) for field, given, _ in wanted]
        await waits(desk.admin, len(tasks))
        await connection.execute("UPDATE products SET unit_decimals = 0 WHERE id = $1", identity(product))
    await connection.close()
    told = [[(each["code"], ".".join(each["path"])) for each in (await task)["userErrors"]] for task in tasks]
    assert told == [[("INVALID_INPUT", f"input.{path}")] for *_, path in wanted]
    assert await shop.admin.fetchval(PARTS, shop.tenant) == 0


async def test_a_draft_that_is_older_is_not_confirmed(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    draft = await shop.order((product, "1.5"))
    # As if the draft had been stored at the same moment: by productUpsert it would stand against it.
    await shop.admin.execute("UPDATE products SET unit_decimals = 0 WHERE id = $1", identity(product))
    assert await shop.refused("orderConfirm", {"order": {"id": draft["id"]}}) == [("INVALID_INPUT", "order")]
    await shop.do("orderUpdate", {"order": {"id": draft["id"]}, "lineItems": [shop.line(product, quantity="2")]})
    await shop.do("orderConfirm", {"order": {"id": draft["id"]}})


async def test_fifty_clients_want_parts_while_it_becomes_whole(shop: Clerk, dice: random.Random) -> None:
    product = await shop.product({"SHELF": "90"})
    orders = [await shop.order((product, "2"), confirm=True) for _ in range(15)]

    async def whole() -> bool:
        given = {"sku": product["sku"], "unitDecimals": 0}
        return not (await shop.payload("productUpsert", given))["userErrors"]

    async def send(order: Any) -> bool:
        part = {"lineItem": order["lineItems"]["nodes"][0]["id"], "quantity": "0.5"}
        return (await tell(shop, "orderShip", {"order": {"id": order["id"]}, "lineItems": [part]})).done

    async def order(quantity: str) -> bool:
        told = await buy(shop, [(product, quantity)], allowBackorder=True)
        assert told.codes <= {"INVALID_INPUT"}
        return told.done

    wanted = [*map(send, orders), *(order("0.5") for _ in range(30)), *(order("200.5") for _ in range(5))]
    became, *got = await at_once(dice, [whole(), *wanted])
    assert got == [not became] * 50
    assert (await shop.admin.fetchval(PARTS, shop.tenant) == 0) == became
