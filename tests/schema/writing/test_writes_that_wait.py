"""Writes that go out with a command's last statement, and where they go alone."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from core.inventory import Hold
from db.runtime.writer import Writer
from services.inventory import stock
from services.kit import events
from services.kit.later import run_with
from services.kit.work import UnitOfWork
from tests.support.clerk import Clerk, identity, lines
from tests.support.desk import Desk

TABLES = ("INTO orders", "INTO reservations", "INTO events", "INTO idempotency_keys")


class Undone(Exception):
    """Nothing of this shall stay."""


@pytest.fixture(scope="module")
async def shop(desk: Desk) -> AsyncIterator[Clerk]:
    clerk = await desk.open()
    yield clerk
    assert await clerk.differences() == []


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("key", [False, True])
async def test_an_order_leaves_the_same_in_one_statement_and_in_several(
    shop: Clerk, monkeypatch: pytest.MonkeyPatch, *, key: bool, spread: bool
) -> None:
    """Where tables are spread over servers each write is a statement of its own."""
    product, ran, rows = await shop.product({"SHELF": "5"}), list[list[str]](), Writer.rows

    async def noted(self: Writer, sql: str, *values: Any) -> list[Any]:
        # Before the end of the command, which asks for it.
        self.spread = spread
        if written := [table for table in TABLES if table in sql]:
            ran.append(written)
        return await rows(self, sql, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "rows", noted)
        given = {"idempotencyKey": f"order {spread}"} if key else {}
        made = await shop.order((product, "2"), confirm=True, **given)
    end = list(TABLES[2:]) if key else [TABLES[2]]
    assert ran == ([[TABLES[0]], [TABLES[1]], end] if spread else [[*TABLES[:2], *end]])
    assert (made["status"], made["version"]) == ("CONFIRMED", 2)
    assert await shop.stock(product) == {"SHELF": ("5", "2")}
    order = identity(made)
    happened = await shop.admin.fetchrow(
        "SELECT array_agg(id ORDER BY id) AS ids, array_agg(type ORDER BY id) AS types FROM events WHERE subject_id = $1",
        order,
    )
    assert happened["types"] == ["order.created", "order.confirmed"]
    level = await shop.admin.fetchval("SELECT id FROM stock_levels WHERE product_id = $1", identity(product))
    told = await shop.admin.fetchrow("SELECT kinds, subjects FROM commits WHERE events = $1", happened["ids"])
    assert (told["kinds"], told["subjects"]) == ([6, 5], [order, level])


async def test_two_of_the_same_steps_are_both_written(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    order = await shop.order((product, "1"), (product, "2"))
    shelf, ids = identity({"id": shop.places["SHELF"]}), [identity(line) for line in lines(order)]
    told = events.values("test", [events.Event("order.updated", identity(order), 2, None, None)])
    found = list[Any]()
    with pytest.raises(Undone):
        async with shop.database.transaction(shop.tenant) as writer:
            work = UnitOfWork(writer, shop.database, "test")
            for line, quantity in zip(ids, (1, 2), strict=True):
                stock.reserve(work, [Hold(line, identity(product), shelf, Decimal(quantity))])
            await run_with(writer, work.waiting, (), events.STORE, *told)
            found += await writer.rows(
                "SELECT line_item_id, quantity FROM reservations WHERE tenant_id = $1 ORDER BY id"
            )
            raise Undone
    assert [tuple(row) for row in found][-2:] == [(ids[0], 1), (ids[1], 2)]
    assert await shop.stock(product) == {"SHELF": ("5", "0")}
