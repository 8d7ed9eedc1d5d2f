"""Somebody who buys for a company: its suppliers, and what is ordered from them."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tests.support.clerk import Clerk
from tests.support.desk import Desk


class Buyer:
    """Buys for a clerk's company, from the supplier S1."""

    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk

    async def supplier(self, code: str = "S1", **given: Any) -> Any:
        fields = {"code": code, "name": f"Supplier {code}", "kinds": ["SUPPLIER"]}
        return await self.clerk.do("partnerUpsert", fields | given)

    async def supplies(self, product: Any, supplier: str = "S1", **given: Any) -> Any:
        named = {"product": {"id": product["id"]}, "supplier": {"code": supplier}}
        return await self.clerk.do("productSupplierUpsert", named | given)

    def given(self, *lines: tuple[Any, str], place: str = "SHELF", **given: Any) -> dict[str, Any]:
        """The input of an order of so much of these products, at 2.50 each."""
        each = [{"product": {"id": product["id"]}, "quantity": many, "unitPrice": "2.5"} for product, many in lines]
        return {"supplier": {"code": "S1"}, "location": self.clerk.places[place], "lines": each} | given

    async def order(self, *lines: tuple[Any, str], place: str = "SHELF", **given: Any) -> Any:
        return await self.clerk.do("purchaseOrderCreate", self.given(*lines, place=place, **given))

    async def rule(self, product: Any, point: str, target: str, place: str = "SHELF", **given: Any) -> Any:
        """A rule of ordering again, to a place of the warehouse NORTH unless another is given."""
        named = {"product": {"id": product["id"]}, "warehouse": self.clerk.warehouses["NORTH"]}
        bounds = {"point": point, "target": target, "location": self.clerk.places[place]}
        return await self.clerk.do("reorderRuleUpsert", named | bounds | given)

    async def proposals(self, **given: Any) -> list[dict[str, Any]]:
        """What is to be ordered again."""
        query = """query ($first: Int! = 100, $warehouse: ID, $supplier: PartnerRef) {
            replenishmentProposals(first: $first, warehouse: $warehouse, supplier: $supplier) { rule { id product { sku } }
                supplier { code } available waiting incoming drafted projected quantity unit unitPrice { amount currency }
                expectedOn reason problem } }"""
        found: list[dict[str, Any]] = (await self.clerk.ask(query, given)).data["replenishmentProposals"]
        return found

    async def act(self, verb: str, order: Any, **given: Any) -> Any:
        """A command about an order: its answer."""
        return await self.clerk.do(f"purchaseOrder{verb}", {"purchaseOrder": {"id": order["id"]}} | given)

    async def refused(self, verb: str, order: Any, **given: Any) -> list[tuple[str, str]]:
        return await self.clerk.refused(f"purchaseOrder{verb}", {"purchaseOrder": {"id": order["id"]}} | given)

    async def incoming(self, product: Any) -> dict[str, str]:
        """How many are announced at each location where any are or were."""
        query = """query ($id: ID!) { stockLevels(where: { product: { eq: $id } }) {
            nodes { location { code } lot { id } incoming } } }"""
        levels = (await self.clerk.ask(query, {"id": product["id"]})).data["stockLevels"]["nodes"]
        # What is announced has no lot.
        return {each["location"]["code"]: each["incoming"] for each in levels if each["lot"] is None}


@contextlib.asynccontextmanager
async def buying(desk: Desk) -> AsyncIterator[Buyer]:
    """A buyer for a company of its own that has the supplier S1; in the end its balances are what its moves come to."""
    buyer = Buyer(await desk.open())
    await buyer.supplier()
    yield buyer
    assert await buyer.clerk.differences() == []


def lines(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = order["lines"]["nodes"]
    return found


def came(order: Any, *quantities: str, **given: Any) -> dict[str, Any]:
    """The input of so much that came of an order's lines."""
    each = [{"line": line["id"], "quantity": many} for line, many in zip(lines(order), quantities, strict=False)]
    return {"purchaseOrder": {"id": order["id"]}, "lines": each} | given


def went(order: Any, quantity: str, place: str, **given: Any) -> dict[str, Any]:
    """The input of so much of an order's first line that goes back from a location."""
    line = {"line": lines(order)[0]["id"], "quantity": quantity, "location": place}
    return {"purchaseOrder": {"id": order["id"]}, "lines": [line]} | given


async def stock(shop: Clerk, product: Any) -> dict[str, tuple[str, str, str]]:
    """What is on hand, reserved and incoming at each location."""
    query = """query ($id: ID!) { stockLevels(where: { product: { eq: $id } }) {
        nodes { location { code } onHand reserved incoming } } }"""
    levels = (await shop.ask(query, {"id": product["id"]})).data["stockLevels"]["nodes"]
    return {each["location"]["code"]: (each["onHand"], each["reserved"], each["incoming"]) for each in levels}


async def ordered_again(shop: Clerk, supplier: str, skus: Sequence[str]) -> None:
    """Each of these products has a rule that wants a million for the warehouse NORTH, and this supplier with a price."""
    await shop.admin.execute(
        """WITH chosen AS (SELECT id FROM products WHERE tenant_id = $1 AND sku = ANY($2::text[])),
        offered AS (
            INSERT INTO product_suppliers (tenant_id, id, product_id, supplier_id, unit, price, currency)
            SELECT $1, gen_random_uuid(), chosen.id, p.id, 'pcs', 1, 'EUR'
            FROM chosen, partners p WHERE p.tenant_id = $1 AND p.code = $3 ON CONFLICT DO NOTHING
        )
        INSERT INTO reorder_rules (tenant_id, id, product_id, warehouse_id, location_id, point, target)
        SELECT $1, gen_random_uuid(), chosen.id, l.warehouse_id, l.id, 1000000, 1000000
        FROM chosen, locations l WHERE l.tenant_id = $1 AND l.code = 'SHELF' ON CONFLICT DO NOTHING""",
        shop.tenant,
        list(skus),
        supplier,
    )
