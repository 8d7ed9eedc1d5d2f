"""An order asks for its customer, its products with their locks, and what is there of them, in one statement: and still sees what was
stored while it waited for the locks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import asyncpg
import pytest

from core.ids import new_id
from services.inventory import stock
from tests.services.stock.test_arrivals import until_it_waits
from tests.support.clerk import Clerk, identity, lines
from tests.support.crowd import Told, buy, tell

MOVED = """
    INSERT INTO stock_moves (tenant_id, id, product_id, source_id, destination_id, quantity, reason, principal)
    SELECT $1, $2, $3, m.source_id, $4, $5, 'delivery', 'test' FROM stock_moves m WHERE m.tenant_id = $1 LIMIT 1
"""
MORE = "UPDATE stock_levels SET on_hand = on_hand + $4 WHERE tenant_id = $1 AND product_id = $2 AND location_id = $3"
NEW = "INSERT INTO stock_levels (tenant_id, id, product_id, location_id, on_hand) VALUES ($1, $5, $2, $3, $4)"


Wanted = Sequence[tuple[Any, str]]
ByWay = Callable[[Clerk, Wanted], Awaitable[Coroutine[Any, Any, Told]]]


async def created(shop: Clerk, wanted: Wanted) -> Coroutine[Any, Any, Told]:
    return buy(shop, wanted)


async def confirmed(shop: Clerk, wanted: Wanted) -> Coroutine[Any, Any, Told]:
    """Of a draft that is there already. Another holds its products before their stock is looked at."""
    draft = await shop.order(*wanted)
    return tell(shop, "orderConfirm", {"order": {"id": draft["id"]}})


@pytest.mark.parametrize("by_way", [created, confirmed])
async def test_goods_that_come_while_it_waits_for_the_locks_are_there_for_it(shop: Clerk, by_way: ByWay) -> None:
    """One more of what a place has, at a place that had none left, and at one that never had any."""
    some, none, never = [await shop.product(each) for each in ({"SHELF": "1"}, {"SHELF": "2"}, {})]
    assert (await buy(shop, [(none, "2")])).done
    order = await by_way(shop, [(some, "2"), (none, "1"), (never, "1")])
    hand = await asyncpg.connect(shop.database.target.admin)
    async with hand.transaction():
        every = [identity(each) for each in (some, none, never)]
        await hand.execute(
            "SELECT FROM products WHERE tenant_id = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE",
            shop.tenant,
            every,
        )
        ordering = asyncio.create_task(order)
        await until_it_waits(shop)
        for product, place in (some, "SHELF"), (none, "SHELF"), (never, "RACK"):
            where = (shop.tenant, identity(product), identity({"id": shop.places[place]}))
            await hand.execute(MOVED, shop.tenant, new_id(), *where[1:], 1)
            await hand.execute(*((NEW, *where, 1, new_id()) if product is never else (MORE, *where, 1)))
    await hand.close()
    told = await ordering
    assert told.problems == []
    assert [line["reservedQuantity"] for line in lines(told.order)] == ["2", "1", "1"]
    assert [await shop.stock(each) for each in (some, none, never)] == [
        {"SHELF": ("2", "2")},
        {"SHELF": ("3", "3")},
        {"RACK": ("1", "1")},
    ]


async def test_goods_that_go_while_it_waits_for_the_locks_are_gone_for_it(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3"})
    first, second = await asyncio.gather(*(buy(shop, [(product, "2")]) for _ in range(2)))
    [done] = [each for each in (first, second) if each.done]
    [refused] = [each for each in (first, second) if not each.done]
    assert [line["reservedQuantity"] for line in lines(done.order)] == ["2"]
    assert [(each["code"], each["available"]) for each in refused.problems] == [("INSUFFICIENT_STOCK", "1")]
    assert await shop.stock(product) == {"SHELF": ("3", "2")}


async def test_a_product_by_its_former_sku_gets_stock_beside_one_by_its_own(shop: Clerk) -> None:
    """It is found by a second statement, and what is there of it is looked up after its lock as well."""
    renamed, other = [await shop.product({"SHELF": "2"}) for _ in range(2)]
    await shop.do("rename", {"id": renamed["id"], "key": f"{renamed['sku']} new"})
    told = await buy(shop, [(renamed, "2"), (other, "1")])
    assert told.problems == []
    assert [line["reservedQuantity"] for line in lines(told.order)] == ["2", "1"]


async def test_the_function_looks_as_the_statement_does(shop: Clerk) -> None:
    """``stock_places`` is the query of ``services.inventory.stock``: who changes one, changes the other by a migration."""
    body: Any = await shop.admin.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'stock_places'")
    _, _, asked = body.partition("RETURN QUERY")
    assert asked.partition(";")[0].split() == stock._PLACES.split()
    assert await shop.admin.fetchval(
        "SELECT provolatile = 'v' AND NOT prosecdef FROM pg_proc WHERE proname = 'stock_places'"
    )
