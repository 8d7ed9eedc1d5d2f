"""Cases S7 and S8: one meaning of "available", and a count below what is reserved."""

from decimal import Decimal
from typing import Any

import pytest

from core.errors import BrokenInvariant
from core.ids import new_id
from core.inventory import Hold
from services.inventory import stock
from services.kit import later
from services.kit.work import UnitOfWork
from tests.support.clerk import Clerk, identity, lines

SEEN = """query ($id: ID!) {
    stockLevels(where: {product: {eq: $id}}, orderBy: [{field: AVAILABLE, direction: DESC}]) {
        nodes { location { code } onHand reserved available } }
    some: stockLevels(where: {product: {eq: $id}, available: {gt: "0"}}) { nodes { location { code } } }
    none: stockLevels(where: {product: {eq: $id}, available: {eq: "0"}}) { nodes { location { code } } }
    products(where: {id: {eq: $id}, available: {eq: "7"}}) { nodes { sku } }
    product(by: {id: $id}) { stock { onHand reserved available quarantined inTransit
        levels { nodes { location { code } available } } } } }"""


async def test_s7_what_cannot_be_sold_is_on_hand_and_not_available(shop: Clerk) -> None:
    way = await shop.do(
        "locationCreate", {"warehouse": shop.warehouses["NORTH"], "code": "VAN", "name": "Van", "kind": "TRANSIT"}
    )
    shop.places["VAN"] = way["id"]
    product = await shop.product({"SHELF": "6", "DOCK": "4", "HOLD": "5.5", "VAN": "1.25"})
    await shop.order((product, "3"), confirm=True)
    seen = (await shop.ask(SEEN, {"id": product["id"]})).data
    found = [(each["location"]["code"], *list(each.values())[1:]) for each in seen["stockLevels"]["nodes"]]
    assert found[:2] == [("DOCK", "4", "0", "4"), ("SHELF", "6", "3", "3")]
    assert sorted(found[2:]) == [("HOLD", "5.5", "0", "0"), ("VAN", "1.25", "0", "0")]
    assert sorted(each["location"]["code"] for each in seen["some"]["nodes"]) == ["DOCK", "SHELF"]
    assert sorted(each["location"]["code"] for each in seen["none"]["nodes"]) == ["HOLD", "VAN"]
    assert [each["sku"] for each in seen["products"]["nodes"]] == [product["sku"]]
    levels = seen["product"]["stock"].pop("levels")["nodes"]
    assert seen["product"]["stock"] == {
        "onHand": "10",
        "reserved": "3",
        "available": "7",
        "quarantined": "5.5",
        "inTransit": "1.25",
    }
    assert sorted((each["location"]["code"], each["available"]) for each in levels) == [("DOCK", "4"), ("SHELF", "3")]
    # What is shown as available is what can be promised, to the last.
    [refusal] = await shop.refusals(
        "orderCreate", shop.ordering([shop.line(product, quantity="7.000001")], confirm=True)
    )
    assert refusal.facts["available"] == "7"
    await shop.order((product, "7"), confirm=True)


async def test_s7_a_product_without_stock_has_nothing_apart(shop: Clerk) -> None:
    product = await shop.product()
    stock_ = (await shop.ask(SEEN, {"id": product["id"]})).data["product"]["stock"]
    assert (stock_["quarantined"], stock_["inTransit"]) == ("0", "0")


def counted(shop: Clerk, product: Any, value: str) -> dict[str, Any]:
    line = {"product": {"sku": product["sku"]}, "location": shop.places["SHELF"], "onHand": value}
    return {"lines": [line], "reason": "count"}


async def test_s8_a_count_below_what_is_reserved_says_what_holds_it(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "50"}, unit="kg")
    numbers = [(await shop.order((product, "3"), confirm=True))["number"] for _ in range(2)]
    [refusal] = await shop.refusals("stockSet", counted(shop, product, "5.5"))
    assert refusal[:2] == ("INSUFFICIENT_STOCK", "lines.0.onHand")
    sku = product["sku"]
    assert refusal.message == (
        f"6 kg of {sku} at SHELF are reserved for {numbers[0]} and {numbers[1]}, and only 5.5 would be left."
        " Ship or cancel those first, or count again."
    )
    assert refusal.facts == {"product": {"sku": sku}, "requested": "44.5", "available": "44"}
    numbers += [(await shop.order((product, "3"), confirm=True))["number"] for _ in range(3)]
    [refusal] = await shop.refusals("stockSet", counted(shop, product, "0"))
    assert f"15 kg of {sku} at SHELF are reserved for {', '.join(numbers[:3])} and 2 more, and" in refusal.message
    await shop.do("stockSet", counted(shop, product, "15"))


@pytest.mark.parametrize("quantity", ["6", "5.000001"])
async def test_nothing_is_reserved_that_is_not_there(shop: Clerk, quantity: str) -> None:
    """Not even by the engine's own statement, and not by an assert, which ``python -O`` leaves out."""
    product = await shop.product({"SHELF": "5"})
    order = await shop.order((product, "9"))
    hold = Hold(identity(lines(order)[0]), identity(product), identity({"id": shop.places["SHELF"]}), Decimal(quantity))
    before = await shop.digest()
    with pytest.raises(BrokenInvariant, match="More was to be reserved"):
        async with shop.database.transaction(shop.tenant) as writer:
            work = UnitOfWork(writer, shop.database, "test")
            stock.reserve(work, [hold])
            await later.run(writer, work.waiting)
    async with shop.database.transaction(shop.tenant) as writer:
        # The statement by itself: no reservation without its goods.
        alone = f"WITH {stock._RESERVE_NEW} SELECT {stock._TAKEN}"
        assert await writer.rows(alone, *([value] for value in hold), [new_id()]) == [([],)]
    assert await shop.digest() == before


async def test_nothing_is_released_or_shipped_that_is_not_reserved(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    order = await shop.order((product, "2"), confirm=True)
    hold = Hold(identity(lines(order)[0]), identity(product), identity({"id": shop.places["SHELF"]}), Decimal(3))
    before = await shop.digest()
    async with shop.database.transaction(shop.tenant) as writer:
        columns = [*([value] for value in hold), [new_id()]]
        assert await writer.rows(stock._RELEASE, *columns) == [(0, [])]
        assert await writer.rows(stock._SHIP, *columns, identity({"id": shop.places["DOCK"]}), "test") == [(0, [])]
    assert await shop.digest() == before
    with pytest.raises(BrokenInvariant, match="not what it was"):
        async with shop.database.transaction(shop.tenant) as writer:
            await stock.release(UnitOfWork(writer, shop.database, "test"), [hold])
