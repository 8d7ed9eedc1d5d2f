"""Goods arrive for orders that wait, while other commands hold those orders' locks.

The orders come before the products in the order of locks, so a command that has the products can't wait for
the orders: it begins anew, and takes the orders first. Here it is made to, by a hand that holds an order.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from services.kit import work
from services.sales import promises
from tests.support.clerk import Clerk, identity, lines
from tests.support.crowd import Told, at_once, buy, sums, tell
from tests.support.patience import PATIENCE

REASON = "waiting orders held"


@contextlib.asynccontextmanager
async def held(shop: Clerk, order: Any) -> AsyncIterator[None]:
    """An order that somebody else is at, for as long as this lasts."""
    connection = await asyncpg.connect(shop.database.target.admin)
    try:
        async with connection.transaction():
            query = "SELECT FROM orders WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"
            await connection.execute(query, shop.tenant, identity(order))
            yield
    finally:
        await connection.close()


async def until_it_waits(shop: Clerk, waiters: int = 1) -> None:
    """Until so many commands wait for a lock."""
    async with asyncio.timeout(PATIENCE):
        while waiters > await shop.admin.fetchval(  # noqa: ASYNC110 - there is no event to wait for
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.002)


def arrive(shop: Clerk, product: Any, quantity: str) -> Coroutine[Any, Any, Told]:
    line = shop.line(product, location=shop.places["SHELF"], delta=quantity)
    return tell(shop, "stockAdjust", {"lines": [line], "reason": "delivery"})


async def waiting(shop: Clerk, product: Any, quantity: str = "1") -> Any:
    told = await buy(shop, [(product, quantity)], allowBackorder=True)
    assert told.done
    return told.order


async def served(shop: Clerk, order: Any) -> tuple[str, int, list[str]]:
    """What is reserved for an order's first line, its version, and what happened to it."""
    now = await shop.again(order)
    return lines(now)[0]["reservedQuantity"], now["version"], [event["type"] for event in await shop.events(order)]


CONFIRMED = ["order.created", "order.confirmed"]
SERVED = [*CONFIRMED, "order.reserved"]


async def test_it_waits_for_the_order_and_not_with_the_goods(shop: Clerk) -> None:
    product = await shop.product()
    first, second = [await waiting(shop, product) for _ in range(2)]
    repeated = work.repeated[REASON]
    async with held(shop, first):
        delivery = asyncio.create_task(arrive(shop, product, "2"))
        await until_it_waits(shop)
        # Others get at the product meanwhile; nothing of the delivery is there yet.
        refused = await buy(shop, [(product, "1")])
        assert [each["available"] for each in refused.problems] == ["0"]
        assert await served(shop, second) == ("0", 2, CONFIRMED)
        assert not delivery.done()
    assert (await delivery).done
    assert work.repeated[REASON] == repeated + 1
    assert await served(shop, first) == ("1", 3, SERVED)
    assert await served(shop, second) == ("1", 3, SERVED)
    assert await shop.stock(product) == {"SHELF": ("2", "2")}


async def test_who_came_first_gets_it_though_somebody_holds_his_order(shop: Clerk) -> None:
    product = await shop.product()
    first, second = [await waiting(shop, product) for _ in range(2)]
    async with held(shop, first):
        delivery = asyncio.create_task(arrive(shop, product, "1"))
        await until_it_waits(shop)
    assert (await delivery).done
    assert await served(shop, first) == ("1", 3, SERVED)
    assert await served(shop, second) == ("0", 2, CONFIRMED)


async def test_an_order_that_gets_nothing_isnt_waited_for(shop: Clerk) -> None:
    product = await shop.product()
    first, second = [await waiting(shop, product) for _ in range(2)]
    async with held(shop, second):
        assert (await arrive(shop, product, "1")).done
    assert await served(shop, first) == ("1", 3, SERVED)
    assert await served(shop, second) == ("0", 2, CONFIRMED)


async def test_who_is_called_off_meanwhile_leaves_it_to_the_next(shop: Clerk) -> None:
    product = await shop.product()
    first, second = [await waiting(shop, product) for _ in range(2)]
    async with held(shop, first):
        off = asyncio.create_task(tell(shop, "orderCancel", {"order": {"id": first["id"]}}))
        await until_it_waits(shop)
        delivery = asyncio.create_task(arrive(shop, product, "1"))
        await until_it_waits(shop, 2)
    assert (await off).order["status"] == "CANCELLED"
    assert (await delivery).done
    assert await served(shop, second) == ("1", 3, SERVED)
    assert await shop.stock(product) == {"SHELF": ("1", "1")}


async def test_a_cancelled_order_frees_goods_for_one_that_is_held(shop: Clerk) -> None:
    """The command has an order of its own: it takes that one again, and in the order of ids."""
    product = await shop.product({"SHELF": "1"})
    owner = await buy(shop, [(product, "1")])
    later = await waiting(shop, product)
    async with held(shop, later):
        off = asyncio.create_task(tell(shop, "orderCancel", {"order": {"id": owner.order["id"]}}))
        await until_it_waits(shop)
        assert not off.done()
    assert (await off).order["version"] == 3
    assert await served(shop, later) == ("1", 3, SERVED)


async def test_two_that_cancel_for_each_other(shop: Clerk) -> None:
    """Each order has what the other waits for, and both are cut down at once: each needs the other's lock."""
    for _ in range(10):
        mine, yours = await shop.product({"SHELF": "2"}), await shop.product({"SHELF": "2"})
        first = await buy(shop, [(mine, "2"), (yours, "1")], allowBackorder=True)
        second = await buy(shop, [(yours, "2"), (mine, "1")], allowBackorder=True)
        cuts = [
            {"order": {"id": told.order["id"]}, "lineItems": [{"lineItem": told.lines[0]["id"], "quantity": "1"}]}
            for told in (first, second)
        ]
        answers = await asyncio.gather(*(tell(shop, "orderCancel", cut) for cut in cuts))
        assert [each.codes for each in answers] == [set(), set()]
        for told, held_ in ((first, ["1", "1"]), (second, ["1", "1"])):
            assert [line["reservedQuantity"] for line in lines(await shop.again(told.order))] == held_


async def test_twenty_orders_and_twenty_deliveries(shop: Clerk, dice: random.Random) -> None:
    """Nobody waits in the end while something is there, and the goods went by the time of confirmation."""
    await twenty_orders_and_twenty_deliveries(shop, dice, at_once)


async def twenty_orders_and_twenty_deliveries(
    shop: Clerk, dice: random.Random, together: Callable[..., Awaitable[list[Told]]]
) -> None:
    product = await shop.product()
    wanted = [dice.choice(("1", "2", "3")) for _ in range(20)]
    buying = [buy(shop, [(product, quantity)], allowBackorder=True) for quantity in wanted]
    answers = await together(dice, [*buying, *(arrive(shop, product, "1") for _ in range(20))])
    assert [each.codes for each in answers] == [set()] * 40
    assert sums((await shop.stock(product)).values()) == ("20", "20")
    query = """SELECT l.quantity, l.reserved FROM line_items l JOIN orders o USING (tenant_id)
        WHERE o.tenant_id = $1 AND o.id = l.order_id ORDER BY o.confirmed_at"""
    left = Decimal(20)
    for quantity, reserved in await shop.admin.fetch(query, shop.tenant):
        assert reserved == min(quantity, left)
        left -= reserved


async def test_several_products_arrive_for_orders_of_several(shop: Clerk, dice: random.Random) -> None:
    products = [await shop.product() for _ in range(3)]

    def delivery() -> Coroutine[Any, Any, Told]:
        place = shop.places[dice.choice(("SHELF", "DOCK"))]
        found = [shop.line(each, location=place, delta="1") for each in dice.sample(products, 3)]
        return tell(shop, "stockAdjust", {"lines": found, "reason": "delivery"})

    async def customer(*, cancels: bool) -> Told:
        told = await buy(shop, [(each, "1") for each in dice.sample(products, 3)], allowBackorder=True)
        return await tell(shop, "orderCancel", {"order": {"id": told.order["id"]}}) if cancels else told

    clients = [*(customer(cancels=n % 2 == 0) for n in range(30)), *(delivery() for _ in range(15))]
    answers = await at_once(dice, clients)
    assert [each.codes for each in answers] == [set()] * 45
    for product in products:
        assert sums((await shop.stock(product)).values()) == ("15", "15")


async def test_goods_that_are_given_in_any_order_would_be_seen(
    shop: Clerk, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test of twenty orders can fail: here the last who came is served first, and all came before the goods."""

    async def in_turn(_dice: random.Random, commands: list[Awaitable[Told]]) -> list[Told]:
        return [await command for command in commands]

    late = promises._WAITING.replace("o.confirmed_at), ", "o.confirmed_at) DESC, ")
    assert late != promises._WAITING
    monkeypatch.setattr(promises, "_WAITING", late)
    with pytest.raises(AssertionError, match="assert Decimal"):
        await twenty_orders_and_twenty_deliveries(shop, dice, in_turn)
