"""A company in which everything happens, by the dice."""

import random
from typing import Any

from tests.support.clerk import Clerk
from tests.support.copies import full

SKUS, PLACES = ("A", "B", "C"), ("SHELF", "RACK", "DOCK")


class Bustle:
    """Commands by the dice, some of which are refused. ``done`` has the fields of those that weren't."""

    def __init__(self, clerk: Clerk, seed: int) -> None:
        self.clerk, self.dice = clerk, random.Random(seed)
        self.done: list[str] = []

    async def begin(self) -> None:
        for sku in SKUS:
            given: dict[str, Any] = {"sku": sku, "name": sku, "listPrice": {"amount": "2", "currency": "EUR"}}
            given |= {"units": [{"code": "duo", "quantity": "2", "base": "3"}]} if sku == "C" else {}
            await self.clerk.do("productUpsert", given)

    async def step(self) -> None:
        """One command."""
        rows = await full(self.clerk)
        orders = [row for row in rows.values() if row["__typename"] == "Order"]
        choose = self.dice.choice(["make", "make", "stock", "stock", "record"] + ["order"] * 6 * bool(orders))
        field, given = getattr(self, choose)(orders)
        answer = await self.clerk.send(field, given)
        assert answer.errors == []
        if not answer.data[field]["userErrors"]:
            self.done.append(field)

    def lines(self) -> list[dict[str, Any]]:
        number = self.dice.randint(1, 3)
        drawn = [(self.dice.choice(SKUS), self.dice.randint(1, 4)) for _ in range(number)]
        # Some are in another unit, whose price isn't one that a piece may have.
        in_unit = {"unit": "duo", "unitPrice": "1"}
        return [
            {"product": {"sku": sku}, "quantity": str(many)} | (in_unit if sku == "C" and many % 2 == 0 else {})
            for sku, many in drawn
        ]

    def make(self, _orders: Any) -> tuple[str, Any]:
        given = {"customer": {"code": self.clerk.customer}, "lineItems": self.lines()}
        return "orderCreate", given | {"confirm": self.dice.random() < 0.5, "allowBackorder": self.dice.random() < 0.7}

    def stock(self, _orders: Any) -> tuple[str, Any]:
        product, place = {"sku": self.dice.choice(SKUS)}, self.clerk.places[self.dice.choice(PLACES)]
        match self.dice.randint(0, 2):
            case 0:
                line = {"product": product, "location": place, "delta": str(self.dice.choice((-1, 2, 5)))}
                return "stockAdjust", {"lines": [line], "reason": "x"}
            case 1:
                line = {"product": product, "location": place, "onHand": str(self.dice.randint(0, 9))}
                return "stockSet", {"lines": [line], "reason": "x"}
            case _:
                given = {"lines": [{"product": product, "quantity": "1"}], "source": place}
                return "stockTransfer", given | {"destination": self.clerk.places[self.dice.choice(PLACES)]}

    def record(self, _orders: Any) -> tuple[str, Any]:
        name, code = self.dice.choice("xyz"), self.dice.choice("NM")
        match self.dice.randint(0, 3):
            case 0:
                return "productUpsert", {"sku": self.dice.choice(SKUS), "name": name}
            case 1:
                return "partnerUpsert", {"code": code, "name": name}
            case 2:
                return "warehouseCreate", {"code": f"W{code}", "name": name}
            case _:
                warehouse = self.clerk.warehouses["NORTH"]
                return "locationCreate", {"warehouse": warehouse, "code": f"L{code}", "name": name}

    def order(self, orders: Any) -> tuple[str, Any]:
        left = [
            (order, line) for order in orders for line in order["lineItems"]["nodes"] if line["shippedQuantity"] != "0"
        ]
        if left and self.dice.random() < 0.2:
            chosen, line = self.dice.choice(left)
            given = {"lineItem": line["id"], "quantity": "1", "disposition": self.dice.choice(("RESTOCK", "SCRAP"))}
            return "orderReturn", {"order": {"id": chosen["id"]}, "lineItems": [given]}
        order = {"order": {"id": self.dice.choice(orders)["id"]}}
        verb = self.dice.choice(("Confirm", "Ship", "Cancel", "Update"))
        return f"order{verb}", order | ({"note": self.dice.choice("abc")} if verb == "Update" else {})
