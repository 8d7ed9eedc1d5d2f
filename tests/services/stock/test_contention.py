"""Cases 29 and 30: commands that meet at the same orders and goods, and how each line of defence holds alone."""

import asyncio
import random
from collections.abc import Awaitable
from decimal import Decimal

import asyncpg
import pytest

from db.runtime.engine import Database
from services import catalog
from services.inventory import stock
from tests.support.clerk import Clerk
from tests.support.crowd import PATIENT, Told, at_once, buy, sums, tell
from tests.support.desk import Desk
from tests.support.invariants import deadlocks
from tests.support.postgres import TestServer

# ---------------------------------------------------------------- goods that cross


async def test_transfers_in_both_directions(shop: Clerk, dice: random.Random) -> None:
    products = [await shop.product({"SHELF": "20", "DOCK": "20"}) for _ in range(4)]

    def transfer(source: str, destination: str) -> Awaitable[Told]:
        lines = [shop.line(product, quantity="1") for product in dice.sample(products, 4)]
        ends = {"source": shop.places[source], "destination": shop.places[destination]}
        return tell(shop, "stockTransfer", ends | {"lines": lines})

    ways = [("SHELF", "DOCK")] * 20 + [("DOCK", "SHELF")] * 20
    answers = await at_once(dice, [transfer(*way) for way in ways])
    assert [each.codes for each in answers] == [set()] * 40
    expected = {"SHELF": ("20", "0"), "DOCK": ("20", "0")}
    assert [await shop.stock(product) for product in products] == [expected] * 4


async def test_orders_of_the_same_products_in_opposite_order(shop: Clerk, dice: random.Random) -> None:
    products = [await shop.product({"SHELF": "40"}) for _ in range(6)]
    lines = [(product, "1") for product in products]
    answers = await at_once(dice, [buy(shop, lines[:: (1, -1)[n % 2]]) for n in range(40)])
    assert [each.codes for each in answers] == [set()] * 40
    assert [await shop.stock(product) for product in products] == [{"SHELF": ("40", "40")}] * 6


# ---------------------------------------------------------------- an order that two change


def adds_up(told: Told) -> bool:
    total = sum((Decimal(line["total"]["amount"]) for line in told.lines), Decimal())
    return Decimal(told.order["subtotal"]["amount"]) == total


async def test_an_order_is_edited_while_it_is_confirmed(shop: Clerk, dice: random.Random) -> None:
    """Both saw the draft: one of them is told that it isn't what he saw any more."""
    product = await shop.product({"SHELF": "100"})
    for _ in range(5):
        draft = await shop.order((product, "3"))
        seen = {"order": {"id": draft["id"]}, "expectedVersion": 1}
        lines = [shop.line(product, quantity="1", unitPrice=price) for price in ("1.10", "2.20")]
        clients = [tell(shop, "orderUpdate", seen | {"lineItems": lines}), tell(shop, "orderConfirm", seen)]
        updated, confirmed = await at_once(dice, clients)
        assert sorted([updated.done, confirmed.done]) == [False, True]
        late, winner = (updated, confirmed) if confirmed.done else (confirmed, updated)
        assert late.codes == {"VERSION_CONFLICT"}
        assert [each["currentVersion"] for each in late.problems] == [2]
        assert adds_up(winner)
        now = await shop.again(draft)
        assert (now["version"], now["status"]) == (2, "CONFIRMED" if confirmed.done else "DRAFT")


async def test_an_order_is_edited_while_it_is_confirmed_by_who_did_not_look(shop: Clerk, dice: random.Random) -> None:
    """Without a version the last one wins, or comes too late; what is confirmed is whole either way."""
    product = await shop.product({"SHELF": "100"})
    for _ in range(5):
        order = {"order": {"id": (await shop.order((product, "3")))["id"]}}
        lines = [shop.line(product, quantity="1", unitPrice=price) for price in ("1.10", "2.20")]
        clients = [tell(shop, "orderUpdate", order | {"lineItems": lines}), tell(shop, "orderConfirm", order)]
        updated, confirmed = await at_once(dice, clients)
        assert confirmed.done
        assert adds_up(confirmed)
        assert updated.codes == (set() if len(confirmed.lines) == 2 else {"INVALID_TRANSITION"})


async def test_what_is_shipped_twice_and_cancelled_at_once_leaves_once(shop: Clerk, dice: random.Random) -> None:
    product = await shop.product({"SHELF": "2", "DOCK": "1"})
    bought = await buy(shop, [(product, "3")])
    order = {"order": {"id": bought.order["id"]}}
    given = ["orderShip"] * 5 + ["orderCancel"] * 5
    answers = await at_once(dice, [tell(shop, field, order) for field in given])
    [winner] = [field for field, told in zip(given, answers, strict=True) if told.done]
    assert {code for told in answers for code in told.codes} == {"INVALID_TRANSITION"}
    left = "0" if winner == "orderShip" else "3"
    assert sums((await shop.stock(product)).values()) == (left, "0")


# ---------------------------------------------------------------- two processes


async def test_the_same_with_two_pools(desk: Desk, shop: Clerk, dice: random.Random) -> None:
    """Nothing of what keeps the goods together is in the memory of one process."""
    product = await shop.product({"SHELF": "6", "DOCK": "4"})
    other = Database(desk.target, acquire_timeout=PATIENT)
    await other.open()
    twin = Clerk(other, desk.admin, shop.tenant)
    clients = [buy((shop, twin)[n % 2], [(product, "1")]) for n in range(50)]
    answers = await at_once(dice, clients)
    await other.close()
    assert [each.done for each in answers].count(True) == 10
    assert {code for each in answers for code in each.codes} == {"INSUFFICIENT_STOCK"}
    numbers = {each.order["number"] for each in answers if each.done}
    assert len(numbers) == 10
    assert sums((await shop.stock(product)).values()) == ("10", "10")


# ---------------------------------------------------------------- each line of defence alone


async def rush(shop: Clerk) -> tuple[int, set[str]]:
    """Fifty clients for four units: how many got one, and what stopped the others."""
    product = await shop.product({"SHELF": "4"})

    async def one() -> str:
        answer = await shop.send("orderCreate", shop.ordering([shop.line(product, quantity="1")], confirm=True))
        if answer.errors:
            return type(answer.errors[0].original_error).__name__
        return "".join(each["code"] for each in answer.data["orderCreate"]["userErrors"])

    answers = await asyncio.gather(*(one() for _ in range(50)))
    on_hand, reserved = (await shop.stock(product))["SHELF"]
    assert (on_hand, reserved) == ("4", str(answers.count("")))
    return answers.count(""), {*answers} - {""}


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "_LOCK", stock._LOCK.replace(catalog.LOCK, ""))
    monkeypatch.setattr(catalog, "_FIND_AND_LOCK", catalog._FIND)


@pytest.fixture
def no_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_RESERVE_NEW", "_RESERVE_MORE"):
        monkeypatch.setattr(stock, name, getattr(stock, name).replace("AND s.on_hand - s.reserved >= g.quantity", ""))


async def test_all_lines_of_defence(shop: Clerk) -> None:
    assert await rush(shop) == (4, {"INSUFFICIENT_STOCK"})


async def test_without_the_locks_the_guard_of_the_statement_holds(shop: Clerk, no_locks: None) -> None:
    """It is a fault then, and no words for a clerk; but nothing is sold that isn't there."""
    sold, others = await rush(shop)
    assert sold <= 4
    assert "BrokenInvariant" in others


async def test_without_both_the_constraint_of_the_table_holds(shop: Clerk, no_locks: None, no_guard: None) -> None:
    sold, others = await rush(shop)
    assert sold <= 4
    assert "CheckViolationError" in others


async def test_a_deadlock_would_be_counted(server: TestServer) -> None:
    """Shows that the count which every file here ends with is more than a nought."""
    async with server.fresh() as target:
        first, second, admin = [await asyncpg.connect(target.admin) for _ in range(3)]
        await admin.execute("CREATE TABLE t AS SELECT generate_series(1, 2) AS id")
        for connection, own in ((first, 1), (second, 2)):
            await connection.execute("BEGIN")
            await connection.execute("SELECT FROM t WHERE id = $1 FOR UPDATE", own)
        crossed = (
            first.execute("SELECT FROM t WHERE id = 2 FOR UPDATE"),
            second.execute("SELECT FROM t WHERE id = 1 FOR UPDATE"),
        )
        outcomes = await asyncio.gather(*crossed, return_exceptions=True)
        assert [type(each) for each in outcomes if isinstance(each, Exception)] == [asyncpg.DeadlockDetectedError]
        await first.close()
        await second.close()
        assert await deadlocks(admin) == 1
        await admin.close()
