"""Commands about lots take as many SQL statements for 500 lots as for 2."""

from typing import Any

import pytest

from tests.schema.writing.test_lots import in_days, lot, tracked
from tests.schema.writing.test_statements_of_commands import counter
from tests.support.clerk import Clerk, lines
from tests.support.counter import Counter

pytestmark = pytest.mark.one_server

__all__ = ["counter"]

COST = {"stockAdjust, new lots": 9, "stockAdjust": 8, "stockSet": 8, "stockTransfer": 7, "orderCreate, confirmed": 2}
"""Two more than without lots where these are new, one more where they are named, none where they are chosen."""


class Case:
    """A product with so many lots at SHELF, three of each."""

    def __init__(self, shop: Clerk, counter: Counter, product: Any, size: int) -> None:
        self.shop, self.counter, self.product = shop, counter, product
        self.codes = [f"L{number}" for number in range(size)]

    async def run(self, field: str, given: dict[str, Any]) -> int:
        self.counter.taken()
        await self.shop.do(field, given)
        return self.counter.taken()

    def each(self, **given: str) -> list[dict[str, Any]]:
        return [self.shop.line(self.product, lot=code, **given) for code in self.codes]

    async def stock(self) -> dict[str, int]:
        at = self.shop.places["SHELF"]
        came = {"lines": self.each(location=at, delta="1", expiresOn=in_days(9)), "reason": "received"}
        found = {"stockAdjust, new lots": await self.run("stockAdjust", came)}
        found["stockAdjust"] = await self.run("stockAdjust", came)
        counted = {"lines": self.each(location=at, onHand="3"), "reason": "count"}
        found["stockSet"] = await self.run("stockSet", counted)
        ends = {"source": at, "destination": self.shop.places["RACK"]}
        found["stockTransfer"] = await self.run("stockTransfer", {"lines": self.each(quantity="1"), **ends})
        back = {"source": self.shop.places["RACK"], "destination": at}
        await self.shop.do("stockTransfer", {"lines": self.each(quantity="1"), **back})
        return found

    async def orders(self) -> dict[str, int]:
        """One line takes all of each lot."""
        quantity = str(3 * len(self.codes))
        wanted = [self.shop.line(self.product, quantity=quantity)]
        given = self.shop.ordering(wanted, confirm=True, number=f"LOTS {quantity}")
        found = {"orderCreate, confirmed": await self.run("orderCreate", given)}
        [number] = (await self.shop.ask("{ orders(first: 1) { nodes { id number } } }")).data["orders"]["nodes"]
        order = await self.shop.again(number)
        [line] = lines(order)
        named = {"order": {"id": order["id"]}}
        found["orderShip"] = await self.run("orderShip", named)
        found["shipmentCancel"] = await self.unship(order)
        lots = [{"lot": code, "quantity": "1"} for code in self.codes]
        part = {"lineItem": line["id"], "quantity": str(len(lots)), "lots": lots}
        found["orderShip, named lots"] = await self.run("orderShip", named | {"lineItems": [part]})
        back = [{"lineItem": line["id"], "quantity": "1", "disposition": "RESTOCK", "lot": code} for code in self.codes]
        found["orderReturn"] = await self.run("orderReturn", named | {"lineItems": back})
        found["orderCancel"] = await self.run("orderCancel", named)
        hold = {"reference": f"basket of {quantity}", "lines": wanted}
        found["stockHold"] = await self.run("stockHold", hold)
        await self.shop.do("stockHold", hold | {"lines": []})
        return found

    async def unship(self, order: Any) -> int:
        query = f'{{ order(by: {{id: "{order["id"]}"}}) {{ shipments(first: 1) {{ nodes {{ id }} }} }} }}'
        [shipment] = (await self.shop.ask(query)).data["order"]["shipments"]["nodes"]
        return await self.run("shipmentCancel", {"shipment": shipment["id"]})

    async def lots(self) -> dict[str, int]:
        change = {"lot": (await lot(self.shop, self.product, "L0"))["id"]}
        found = {"lotUpdate": await self.run("lotUpdate", change | {"blocked": True})}
        wanted = [self.shop.line(self.product, quantity=str(3 * len(self.codes)))]
        await self.shop.do("orderCreate", self.shop.ordering(wanted, confirm=True, allowBackorder=True))
        served = await self.run("lotUpdate", change | {"blocked": False})
        return found | {"lotUpdate, served to one who waits": served}


async def test_a_command_takes_as_many_statements_for_500_lots_as_for_2(shop: Clerk, counter: Counter) -> None:
    # The places outside are made by a company's first commands.
    first = await tracked(shop, ("A", "SHELF", "1", None))
    order = await shop.order((first, "1"), confirm=True)
    await shop.do("orderShip", {"order": {"id": order["id"]}})
    found = {}
    for size in (2, 500):
        case = Case(shop, counter, await tracked(shop), size)
        found[size] = await case.stock() | await case.orders() | await case.lots()
    assert found[2] == found[500]
    assert {name: found[2][name] for name in COST} == COST


async def test_lots_are_read_in_one_statement_for_a_level(shop: Clerk) -> None:
    """Those edges that nothing leads to in the demo, whose goods aren't tracked."""
    for number in range(20):
        product = await tracked(shop, (f"R{number}", "SHELF", "2", None))
        order = await shop.order((product, "1"), confirm=True)
        await shop.do("orderShip", {"order": {"id": order["id"]}})
        await shop.order((product, "1"), confirm=True)
    at = 'at: "2100-01-01T00:00:00Z"'
    for selection, statements in (
        ("stockLevels(first: %d) { nodes { lot { code } } }", 2),
        ("stockMoves(first: %d) { nodes { lot { code } } }", 2),
        (f"stockPositions({at}, first: %d) {{ nodes {{ lot {{ code }} }} }}", 2),
        ("shipments(first: %d) { nodes { lines { lot { code } shipment { number } } } }", 4),
        ("orders(first: %d) { nodes { lineItems { nodes { holds { lot { code } } } } } }", 4),
        ("products(first: %d) { nodes { lots { nodes { code shipmentLines { nodes { quantity } } } } } }", 3),
    ):
        for size in (2, 20):
            answer = await shop.ask(f"{{ {selection % size} }}")
            assert not answer.errors
            assert (selection, shop.read) == (selection, statements)
