"""How many SQL statements each command takes: exactly, and as many for 100 lines as for 2.

Counted is what its transaction runs between BEGIN and COMMIT; the payload is read afterwards, as a query is.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import get_named_type, is_leaf_type, is_object_type

from db.runtime.writer import Writer
from tests.support import hooks
from tests.support.buyer import came, ordered_again
from tests.support.clerk import Clerk, lines, of_a_lot
from tests.support.counter import Counter
from tests.support.desk import Desk
from tests.support.graph import schema

pytestmark = pytest.mark.one_server

COST = {
    "orderCreate": 2,
    "orderCreate, with backorder, all waiting": 2,
    "orderCreate, confirmed": 2,
    "orderUpdate, the note": 4,
    "orderUpdate, the lines": 7,
    "orderConfirm": 5,
    "orderShip": 8,
    "orderShip, in parts": 8,
    "orderShip, from a location": 10,
    "orderShip, from another location": 13,
    "shipmentCancel": 11,
    **{f"orderReserve, {how}": count for how, count in (("released", 8), ("again", 6))},
    "stockAdjust, taken from orders": 13,
    "orderCancel, a draft": 4,
    "orderCancel": 8,
    "orderCancel, in parts": 8,
    "orderCancel, served to one who waits": 11,
    "orderReturn": 12,
    "stockAdjust": 7,
    "stockAdjust, served to one who waits": 10,
    "stockAdjust, served to as many as lines": 10,
    "stockSet": 7,
    "stockTransfer": 6,
    **{f"stockHold, {how}": count for how, count in (("new", 8), ("more time", 10), ("released", 8))},
    "orderCreate, from a hold": 11,
}
"""The statements of each command, for any number of lines."""

SINGLE = {
    "productUpsert, new": 3,
    "productUpsert, changed": 3,
    "productUpsert, the same": 1,
    "partnerUpsert, new": 3,
    "warehouseCreate": 2,
    "warehouseUpdate": 3,
    "warehouseUpdate, the same": 1,
    "rename": 4,
    "archive": 1,
    "tenantUpdate": 3,
    "locationCreate": 3,
    "partnerUpsert, its addresses": 3,
    "allocationUpdate": 5,
    "allocationUpdate, the same": 2,
}


READ = dict.fromkeys(
    (
        *("ProductPayload.product", "PartnerPayload.partner", "WarehousePayload.warehouse"),
        *("LocationPayload.location", "OrderPayload.order", "OrderPayload.shipment"),
        *("ShipmentPayload.shipment", "TenantPayload.tenant", "RecordPayload.record"),
        *("AllocationPolicyPayload.allocationPolicy", "PurchaseOrderPayload.purchaseOrder"),
        *("PriceListPayload.priceList", "ProductCategoryPayload.category"),
        *("TaxPayload.tax", "TaxGroupPayload.taxGroup"),
        *("ProductSupplierPayload.productSupplier", "ReorderRulePayload.reorderRule"),
        *("ReplenishPayload.purchaseOrders", "ReceiptPayload.receipt", "ReceiptPayload.purchaseOrder"),
        *("StockPayload.stockLevels", "StockPayload.moves", "StockPayload.waitingOrders"),
        *("InsufficientStockError.product", "StockHoldPayload.hold", "LotPayload.lot", "LotExpiredError.lot"),
        "PurchaseSettingsPayload.settings",
        *("WebhookPayload.webhook", "WebhookSecretPayload.webhook", "WebhookReplayPayload.webhook"),
    ),
    1,
)
"""The statements of each edge that leads from a mutation's answer into the graph, for any number of lines."""


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter, rows = Counter(), Writer.rows

    async def counted(self: Writer, sql: str, *values: Any) -> list[Any]:
        if "budgets" not in sql:  # applications of tests before give back what lies idle
            counter.ran.append(sql)
        return await rows(self, sql, *values)

    monkeypatch.setattr(Writer, "rows", counted)
    return counter


@pytest.fixture(scope="module")
async def shop(desk: Desk) -> AsyncIterator[Clerk]:
    """With 100 products, and the places outside, which a company's first commands make."""
    clerk = await desk.open()
    await clerk.do(
        "locationCreate", {"warehouse": clerk.warehouses["NORTH"], "code": "TO", "name": "T", "kind": "CUSTOMER"}
    )
    await clerk.do(
        "locationCreate", {"warehouse": clerk.warehouses["NORTH"], "code": "AT", "name": "A", "kind": "LOSS"}
    )
    yield clerk
    assert await clerk.differences() == []


@pytest.fixture(scope="module")
async def shelf(shop: Clerk) -> list[Any]:
    """A hundred products, with nothing in stock."""
    return [await shop.product() for _ in range(100)]


class Case:
    """A command about so many lines, of one product each."""

    def __init__(self, shop: Clerk, shelf: list[Any], size: int, counter: Counter) -> None:
        self.shop, self.products, self.counter = shop, shelf[:size], counter

    def named(self, **given: Any) -> list[dict[str, Any]]:
        return [self.shop.line(product, **given) for product in self.products]

    async def fill(self, delta: str = "10") -> None:
        there = self.named(location=self.shop.places["SHELF"], delta=delta)
        await self.shop.do("stockAdjust", {"lines": there, "reason": "found"})

    async def empty(self) -> None:
        """Without what is left in stock, and without orders that wait."""
        rows = await self.shop.admin.fetch(
            "SELECT number FROM orders WHERE tenant_id = $1 AND status = 'CONFIRMED'", self.shop.tenant
        )
        for row in rows:
            await self.shop.do("orderCancel", {"order": {"number": row["number"]}})
        for place in ("SHELF", "DOCK", "RACK"):
            zero = self.named(location=self.shop.places[place], onHand="0")
            await self.shop.do("stockSet", {"lines": zero, "reason": "empty"})

    async def order(self, **given: Any) -> Any:
        return await self.shop.do("orderCreate", self.shop.ordering(self.named(quantity="4"), **given))

    async def run(self, field: str, given: dict[str, Any]) -> int:
        self.counter.taken()
        await self.shop.do(field, given)
        return self.counter.taken()

    async def on(self, field: str, order: Any, quantity: str | None = None, **more: str) -> int:
        given: dict[str, Any] = {"order": {"id": order["id"]}}
        if quantity:
            given["lineItems"] = [{"lineItem": each["id"], "quantity": quantity, **more} for each in lines(order)]
        return await self.run(field, given)

    async def unship(self, order: Any) -> int:
        """Cancel the order's last shipment."""
        query = f'{{ order(by: {{id: "{order["id"]}"}}) {{ shipments(first: 1) {{ nodes {{ id }} }} }} }}'
        [shipment] = (await self.shop.ask(query)).data["order"]["shipments"]["nodes"]
        return await self.run("shipmentCancel", {"shipment": shipment["id"]})

    async def orders(self) -> dict[str, int]:
        new, shop = self.shop.ordering(self.named(quantity="4")), self.shop
        found = {"orderCreate": await self.run("orderCreate", new | {"number": self.number()})}
        waits = {"confirm": True, "allowBackorder": True, "number": self.number()}
        found["orderCreate, with backorder, all waiting"] = await self.run("orderCreate", new | waits)
        await self.empty()
        await self.fill("100")
        confirmed = {"confirm": True, "number": self.number()}
        found["orderCreate, confirmed"] = await self.run("orderCreate", new | confirmed)
        draft = await self.order()
        changed = {"order": {"id": draft["id"]}, "lineItems": self.named(quantity="5")}
        found["orderUpdate, the lines"] = await self.run("orderUpdate", changed)
        found["orderUpdate, the note"] = await self.run("orderUpdate", {"order": {"id": draft["id"]}, "note": "N"})
        found["orderConfirm"] = await self.on("orderConfirm", draft)
        draft = await shop.again(draft)
        found["orderShip, in parts"] = await self.on("orderShip", draft, "1")
        await self.unship(draft)
        shelf, rack = self.shop.places["SHELF"], self.shop.places["RACK"]
        found["orderShip, from a location"] = await self.on("orderShip", draft, "1", location=shelf)
        await self.unship(draft)
        more = self.named(location=rack, delta="1")
        await self.shop.do("stockAdjust", {"lines": more, "reason": "found"})
        found["orderShip, from another location"] = await self.on("orderShip", draft, "1", location=rack)
        found["shipmentCancel"] = await self.unship(draft)
        draft = await shop.again(draft)
        found["orderReserve, released"] = await self.on("orderReserve", draft, "1")
        found["orderReserve, again"] = await self.on("orderReserve", draft)
        await self.on("orderShip", draft, "1")
        found["orderCancel, in parts"] = await self.on("orderCancel", draft, "1")
        found["orderShip"] = await self.on("orderShip", draft)
        found["orderReturn"] = await self.on("orderReturn", draft, "1", disposition="RESTOCK")
        found["orderCancel"] = await self.on("orderCancel", await self.order(confirm=True))
        found["orderCancel, a draft"] = await self.on("orderCancel", await self.order())
        await self.empty()
        await self.fill("4")
        held = await self.order(confirm=True)
        await self.order(confirm=True, allowBackorder=True)
        found["orderCancel, served to one who waits"] = await self.on("orderCancel", held)
        return found

    async def stock(self) -> dict[str, int]:
        await self.empty()
        there = self.named(location=self.shop.places["SHELF"])
        more = {"lines": [line | {"delta": "8"} for line in there], "reason": "found"}
        found = {"stockAdjust": await self.run("stockAdjust", more)}
        count = {"lines": [line | {"onHand": "9", "expectedOnHand": "8"} for line in there], "reason": "count"}
        found["stockSet"] = await self.run("stockSet", count)
        moved = {"lines": self.named(quantity="9"), "source": self.shop.places["SHELF"]}
        found["stockTransfer"] = await self.run("stockTransfer", moved | {"destination": self.shop.places["DOCK"]})
        await self.empty()
        await self.order(confirm=True, allowBackorder=True)
        found["stockAdjust, served to one who waits"] = await self.run("stockAdjust", more)
        await self.empty()
        for product in self.products:
            await self.shop.order((product, "1"), confirm=True, allowBackorder=True)
        found["stockAdjust, served to as many as lines"] = await self.run("stockAdjust", more)
        await self.order(confirm=True)
        gone = [line | {"delta": "-7"} for line in there]
        taken = {"lines": gone, "reason": "broken", "takeReserved": True}
        found["stockAdjust, taken from orders"] = await self.run("stockAdjust", taken)
        await self.empty()
        return found

    async def holds(self) -> dict[str, int]:
        await self.empty()
        await self.fill("9")
        hold = {"reference": "basket", "lines": self.named(quantity="4")}
        found = {"stockHold, new": await self.run("stockHold", hold)}
        found["stockHold, more time"] = await self.run("stockHold", hold)
        found["stockHold, released"] = await self.run("stockHold", hold | {"lines": []})
        made = await self.shop.do("stockHold", hold)
        new = self.shop.ordering(self.named(quantity="4"), confirm=True, number=self.number(), hold=made["id"])
        found["orderCreate, from a hold"] = await self.run("orderCreate", new)
        await self.empty()
        return found

    _numbers = iter(range(10_000))

    def number(self) -> str:
        """A number of one's own: taking one from the series may take a statement, beside the transaction."""
        return f"OWN {next(self._numbers)}"


async def test_a_command_takes_as_many_statements_for_100_lines_as_for_2(
    shop: Clerk, shelf: list[Any], counter: Counter
) -> None:
    found = {}
    for size in (2, 100):
        case = Case(shop, shelf, size, counter)
        found[size] = await case.orders() | await case.stock()
    for size in (2, 100):  # afterwards: where there never was a hold, nobody looks for one
        found[size] |= await Case(shop, shelf, size, counter).holds()
    assert found == {2: COST, 100: COST}


def test_every_edge_of_an_answer_is_known() -> None:
    types = schema()._schema.type_map.values()
    answers = [type_ for type_ in types if type_.name.endswith(("Payload", "Error")) and is_object_type(type_)]
    leads = {
        f"{type_.name}.{name}"
        for type_ in answers
        for name, field in type_.fields.items()
        if not is_leaf_type(get_named_type(field.type)) and name != "userErrors"
    }
    assert leads == {*READ}, "A new edge: write its number of statements down in READ, and ask it below."


async def test_an_answer_is_read_with_as_many_statements_for_100_lines_as_for_2(
    shop: Clerk, shelf: list[Any], counter: Counter
) -> None:
    place = {"warehouse": shop.warehouses["NORTH"], "name": "Read"}
    for size in (2, 100):
        case = Case(shop, shelf, size, counter)
        there = case.named(location=shop.places["SHELF"], delta="1")
        adjusted = {"lines": there, "reason": "found"}
        await shop.do(
            "stockAdjust", {"lines": case.named(location=shop.places["SHELF"], delta="99"), "reason": "found"}
        )
        await case.order(confirm=True)
        counted = case.named(location=shop.places["SHELF"], onHand="1")
        less = {"lines": counted, "reason": "broken", "takeReserved": True}
        supplies = {"product": {"id": case.products[0]["id"]}, "supplier": {"code": "SELLER"}}
        await shop.do("partnerUpsert", {"code": "SELLER", "name": "Seller", "kinds": ["SUPPLIER"]})
        await ordered_again(shop, "SELLER", [product["sku"] for product in case.products])
        again = {"product": supplies["product"], "warehouse": shop.warehouses["NORTH"], "active": True}
        priced = [line | {"unitPrice": "1"} for line in case.named(quantity="1")]
        buying = {"supplier": {"code": "SELLER"}, "location": shop.places["SHELF"], "lines": priced}
        bought = await shop.do("purchaseOrderCreate", buying | {"confirm": True})
        arrived = came(bought, *["0.1"] * size)
        held = {"reference": "READ", "lines": case.named(quantity="1")}
        shipping = {"order": {"id": (await case.order(confirm=True))["id"]}}
        much = shop.ordering(case.named(quantity="1000000"), confirm=True)
        lot, expired = await of_a_lot(shop)
        told = "userErrors { ... on %sError { %s { id } } }"
        found = {}
        hook = {"webhook": (await shop.do("webhookCreate", hooks.GIVEN | {"name": f"read {size}"}))["id"]}
        for name, field, given, selection in (
            ("ProductPayload.product", "productUpsert", {"sku": "READ", "name": "Read"}, "product { id }"),
            ("PartnerPayload.partner", "partnerUpsert", {"code": "READ", "name": "Read"}, "partner { id }"),
            ("WarehousePayload.warehouse", "warehouseCreate", {"code": f"R{size}", "name": "R"}, "warehouse { id }"),
            ("TenantPayload.tenant", "tenantUpdate", {}, "tenant { id }"),
            ("RecordPayload.record", "archive", {"id": place["warehouse"], "archived": False}, "record { id }"),
            ("LocationPayload.location", "locationCreate", place | {"code": f"R{size}"}, "location { id }"),
            ("OrderPayload.order", "orderCreate", shop.ordering(case.named(quantity="1")), "order { id }"),
            ("OrderPayload.shipment", "orderShip", shipping, "shipment { id }"),
            ("AllocationPolicyPayload.allocationPolicy", "allocationUpdate", {}, "allocationPolicy { id }"),
            ("ProductCategoryPayload.category", "productCategoryUpsert", {"code": "R", "name": "R"}, "category { id }"),
            ("PriceListPayload.priceList", "priceListUpsert", {"code": "READ", "name": "Read"}, "priceList { id }"),
            ("TaxPayload.tax", "taxUpsert", {"code": "READ", "name": "Read", "rate": "7"}, "tax { id }"),
            ("TaxGroupPayload.taxGroup", "taxGroupUpsert", {"code": "READ", "name": "Read"}, "taxGroup { id }"),
            ("ShipmentPayload.shipment", "shipmentUpdate", {}, "shipment { id }"),
            ("PurchaseOrderPayload.purchaseOrder", "purchaseOrderCreate", buying, "purchaseOrder { id }"),
            ("ReorderRulePayload.reorderRule", "reorderRuleUpsert", again, "reorderRule { id }"),
            ("PurchaseSettingsPayload.settings", "purchaseSettingsUpdate", {}, "settings { version }"),
            ("ReplenishPayload.purchaseOrders", "replenish", {}, "purchaseOrders { id }"),
            ("ReceiptPayload.receipt", "purchaseOrderReceive", arrived, "receipt { id }"),
            ("ReceiptPayload.purchaseOrder", "purchaseOrderReceive", arrived, "purchaseOrder { id }"),
            ("ProductSupplierPayload.productSupplier", "productSupplierUpsert", supplies, "productSupplier { id }"),
            ("StockHoldPayload.hold", "stockHold", held, "hold { id }"),
            ("LotPayload.lot", "lotUpdate", {"lot": lot, "blocked": True}, "lot { id }"),
            ("LotExpiredError.lot", "orderShip", {"order": {"id": expired["id"]}}, told % ("LotExpired", "lot")),
            ("WebhookSecretPayload.webhook", "webhookSecretRotate", hook, "webhook { id }"),
            ("WebhookPayload.webhook", "webhookUpdate", hook, "webhook { id }"),
            ("WebhookReplayPayload.webhook", "webhookReplay", hook | hooks.SINCE, "webhook { id }"),
            ("StockPayload.stockLevels", "stockAdjust", adjusted, "stockLevels { id }"),
            ("StockPayload.moves", "stockAdjust", adjusted, "moves { id }"),
            ("StockPayload.waitingOrders", "stockSet", less, "waitingOrders { id }"),
            ("InsufficientStockError.product", "orderCreate", much, told % ("InsufficientStock", "product")),
        ):
            type_ = f"{field[0].upper()}{field[1:]}Input"
            query = f"mutation ($input: {type_}!) {{ {field}(input: $input) {{ {selection} }} }}"
            if name == "ShipmentPayload.shipment":
                nodes = (await shop.ask("{ shipments(first: 1) { nodes { id } } }")).data["shipments"]["nodes"]
                given["shipment"] = nodes[0]["id"]
            answer = await shop.ask(query, {"input": given})
            assert not answer.errors
            found[name] = shop.read
        assert found == READ
    await Case(shop, shelf, 100, counter).empty()


async def test_a_command_about_one_record_takes_few(shop: Clerk, counter: Counter) -> None:
    given = {"sku": "ONE", "name": "One"}
    place = {"warehouse": shop.warehouses["NORTH"], "code": "NEW", "name": "New"}
    there, party = {"warehouse": shop.warehouses["SOUTH"]}, {"name": "One", "country": "DE"}
    addresses = [{"code": f"a{number}", "roles": ["SHIPPING"], "party": party} for number in range(100)]
    found = {}
    for name, field, each in (
        ("productUpsert, new", "productUpsert", given),
        ("productUpsert, changed", "productUpsert", given | {"name": "Two"}),
        ("productUpsert, the same", "productUpsert", given | {"name": "Two"}),
        ("partnerUpsert, new", "partnerUpsert", {"code": "ONE", "name": "One"}),
        ("warehouseCreate", "warehouseCreate", {"code": "ONE", "name": "One"}),
        ("warehouseUpdate", "warehouseUpdate", there | {"name": "Two"}),
        ("warehouseUpdate, the same", "warehouseUpdate", there | {"name": "Two"}),
        ("tenantUpdate", "tenantUpdate", {"address": party}),
        ("rename", "rename", {"id": there["warehouse"], "key": "SOUTHERN"}),
        ("archive", "archive", {"id": shop.places["RACK"], "archived": False}),
        ("locationCreate", "locationCreate", place),
        ("partnerUpsert, its addresses", "partnerUpsert", {"code": "ONE", "name": "One", "addresses": addresses}),
        ("allocationUpdate", "allocationUpdate", {"rule": "BY_RANK", "warehouses": [shop.warehouses["SOUTH"]]}),
        ("allocationUpdate, the same", "allocationUpdate", {"rule": "BY_RANK"}),
    ):
        counter.taken()
        await shop.do(field, each)
        found[name] = counter.taken()
    assert found == SINGLE


async def test_a_key_takes_no_statement_and_a_retry_one_more(shop: Clerk, counter: Counter) -> None:
    await shop.do("productUpsert", {"sku": "X", "name": "X", "idempotencyKey": "sweeps first"})
    given = {"sku": "KEY", "name": "Key", "idempotencyKey": "key"}
    counter.taken()
    await shop.do("productUpsert", given)
    assert counter.taken() == SINGLE["productUpsert, new"]
    # The command is tried, its key turns out to be taken, and the answer is looked up.
    await shop.do("productUpsert", given)
    assert counter.taken() == SINGLE["productUpsert, the same"] + 2


async def test_a_block_of_numbers_takes_one_statement_and_the_first_of_a_series_two(
    desk: Desk, counter: Counter
) -> None:
    shop = await desk.open()
    product = await shop.product()
    taken = []
    for _ in range(2):
        counter.taken()
        await shop.order((product, "1"), placedAt="2026-06-01T00:00:00Z")
        taken.append(counter.taken())
    assert taken == [COST["orderCreate"] + 2, COST["orderCreate"] + 1]
