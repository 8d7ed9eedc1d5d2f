"""Between ``db upgrade`` and ``db finish``: servers of the release before and of this one write the same balances."""

from typing import Any

import asyncpg
import pytest

from app.database import upgrade
from app.settings import Settings
from db.admin import migrate
from db.runtime.engine import Database, Target
from tests.support.clerk import Clerk, identity, lines, progress
from tests.support.desk import Desk
from tests.support.postgres import TestServer

BEFORE = "0031"

# The keys by which the release before finds what it adds to. As literals: it is that program's, and stays as it was.
MOVED = """
    INSERT INTO stock_levels (tenant_id, id, product_id, location_id, on_hand) VALUES ($1, gen_random_uuid(), $2, $3, 1)
    ON CONFLICT (tenant_id, product_id, location_id) DO UPDATE SET on_hand = stock_levels.on_hand + 1
"""
LEDGER = """
    INSERT INTO stock_moves (tenant_id, id, product_id, source_id, destination_id, quantity, reason, principal)
    SELECT $1, gen_random_uuid(), $2, l.id, $3, 1, 'before', 'before' FROM locations l WHERE l.tenant_id = $1 AND l.kind = 'LOSS'
"""
RESERVED = """
    WITH taken AS (
        UPDATE stock_levels SET reserved = reserved + 1 WHERE tenant_id = $1 AND product_id = $2 AND location_id = $3
    ),
    line AS (UPDATE line_items SET reserved = reserved + 1 WHERE tenant_id = $1 AND id = $4)
    INSERT INTO reservations (tenant_id, id, line_item_id, product_id, location_id, quantity)
    VALUES ($1, gen_random_uuid(), $4, $2, $3, 1)
    ON CONFLICT (tenant_id, line_item_id, location_id) DO UPDATE SET quantity = reservations.quantity + 1
"""


async def test_both_programs_write_until_the_upgrade_is_finished(server: TestServer) -> None:
    async with server.fresh("template0") as target:
        await migrate.upgrade(target, BEFORE)
        await upgrade(Settings(database_url=target.admin), target)
        assert (await migrate.current(target), await migrate.left(target)) == (migrate.head(), 3)
        database, admin = Database(target), await asyncpg.connect(target.admin)
        await database.open()
        try:
            await _both(await Desk(target, database, admin).open(), target)
        finally:
            await admin.close()
            await database.close()


async def _both(shop: Clerk, target: Target) -> None:
    new, old = await shop.product({"SHELF": "5"}), await shop.product({"RACK": "1"})
    order = await shop.order((new, "1"), (old, "1"), confirm=True, allowBackorder=True)
    for product in (new, old):
        await _before(shop, product, order)
        await shop.do(
            "stockAdjust", {"lines": [shop.line(product, location=shop.places["SHELF"], delta="1")], "reason": "x"}
        )
        await _before(shop, product, order)
    # What this release books goes to the lines, which wait for more by now, and adds to what the one before reserved there.
    assert await shop.stock(new) == {"SHELF": ("8", "8")}
    assert await shop.stock(old) == {"RACK": ("1", "1"), "SHELF": ("3", "3")}
    assert progress(await shop.again(order)) == [("9", "8", "0", "0", "0"), ("9", "4", "0", "0", "0")]
    tracked = {"sku": new["sku"], "tracking": "LOT"}
    for given in (tracked, {"sku": "NEW", "name": "New", "tracking": "SERIAL"}):
        [problem] = await shop.refusals("productUpsert", given)
        assert (problem[:2], "erpgraph db finish" in problem.message) == (("INVALID_INPUT", "tracking"), True)
    await shop.do("productUpsert", {"sku": new["sku"], "tracking": "NONE"})
    for _ in range(2):
        await migrate.finish(target)
        assert await migrate.left(target) == 0
    assert await migrate.differences(target) == []
    made = await shop.product(tracking="LOT")
    for code in "AB":
        line = shop.line(made, location=shop.places["SHELF"], delta="1", lot=code)
        await shop.do("stockAdjust", {"lines": [line], "reason": "received"})
    with pytest.raises(asyncpg.InvalidColumnReferenceError):
        await _before(shop, new, order)


async def _before(shop: Clerk, product: Any, order: Any) -> None:
    """A piece comes to the shelf and is reserved for its line, which wants nine, by the statements of the release before."""
    [line] = [each for each in lines(order) if each["product"]["sku"] == product["sku"]]
    of = (shop.tenant, identity(product), identity({"id": shop.places["SHELF"]}))
    await shop.admin.execute(MOVED, *of)
    await shop.admin.execute(LEDGER, *of)
    await shop.admin.execute(
        "UPDATE line_items SET quantity = 9 WHERE tenant_id = $1 AND id = $2", shop.tenant, identity(line)
    )
    await shop.admin.execute(RESERVED, *of, identity(line))


async def test_a_new_database_has_nothing_left(target: Target) -> None:
    assert await migrate.left(target) == 0
