"""Somebody of a tenant who changes things through the graph, and sees what came of it."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from graphql import GraphQLError

from app.context import Principal, RequestContext
from core import ids
from db.models import metadata
from db.runtime.engine import Database
from tests.support.graph import executed, posting, schema

PRODUCT = """product { id sku name description barcode unit active externalId version category { code }
    listPrice { amount currency } }"""
CATEGORY = "category { id code name costMethod version parent { code } children { nodes { code } } }"
PARTNER = "partner { id code name kinds email country externalId version }"
WAREHOUSE = "warehouse { id code name locations { nodes { code } } }"
LOCATION = "location { id code name kind warehouse { code } }"
ORDER = """order { id number status version currency note externalId placedAt customer { code }
    reservationStatus shipmentStatus returnStatus availableActions
    subtotal { amount currency } taxTotal { amount currency } total { amount currency }
    lineItems(first: 250) { nodes { id position description quantity reservedQuantity shippedQuantity
        cancelledQuantity returnedQuantity unitPrice { amount } total { amount } product { sku } } } }"""
SHIPMENT = """shipment { id number status version carrier trackingNumber note shippedAt order { id }
    lines { lineItem { id } location { code } quantity } }"""
PURCHASE = """purchaseOrder { id number status version currency note externalId orderedAt expectedOn supplier { code }
    location { code } availableActions subtotal { amount currency } total { amount }
    lines(first: 250) { nodes { id position description quantity unit baseQuantity unitPrice { amount } total { amount }
        expectedOn overReceipt receivedQuantity returnedQuantity cancelledQuantity product { sku } } } receiptStatus }"""
RECEIPT = """receipt { id number reference principal purchaseOrder { number } lines { quantity location { code }
    purchaseLine { id } } moves { nodes { quantity reason source { kind } destination { code } receipt { number }
        purchaseLine { id } } } }"""
SUPPLIES = """productSupplier { id product { sku } supplier { code } supplierSku unit minimum multiple leadDays priority
    price { amount currency } version }"""
RULE = """reorderRule { id product { sku } warehouse { code } location { code } point target supplier { code } active version }"""
HOLD = """hold { id reference status version expiresAt order { number }
    lines { product { sku } location { code } quantity } }"""
PRICE_LIST = """priceList { id code name currency taxIncluded active version
    prices(first: 250) { nodes { product { sku } minimum amount { amount currency } validFrom validTo } } }"""
TAX = "tax { id code name category rate reverseRate exemptionCode exemptionReason active version }"
TAX_GROUP = "taxGroup { id code name version substitutions { from { code } to { code } } }"
WEBHOOK = "webhook { id name url document roles status batch version }"
POLICY = "allocationPolicy { id rule version }"
STOCK = """stockLevels { product { sku } location { code } onHand reserved available }
    moves { product { sku } source { code } destination { code } quantity reason principal lineItem { id } }"""
ERRORS = """userErrors { __typename code message path
    ... on InsufficientStockError { product { sku } requested available }
    ... on VersionConflictError { currentVersion }
    ... on InvalidTransitionError { status availableActions }
    ... on OverQuantityError { wanted: requested left }
    ... on PurchaseTransitionError { purchaseStatus: status purchaseActions: availableActions }
    ... on StaleStockError { expected actual }
    ... on LotExpiredError { lot { code } } }"""

PAYLOADS = {
    "productUpsert": PRODUCT,
    "productCategoryUpsert": CATEGORY,
    "partnerUpsert": PARTNER,
    "warehouseCreate": WAREHOUSE,
    **dict.fromkeys(
        ("rename", "archive"),
        """record { id ... on Product { sku version archivedAt }
        ... on Partner { code version archivedAt } ... on Warehouse { code version archivedAt }
        ... on Location { code version archivedAt } }""",
    ),
    "warehouseUpdate": "warehouse { id name version address { name lines } }",
    "tenantUpdate": "tenant { name address { name lines } }",
    "locationCreate": LOCATION,
    "allocationUpdate": POLICY,
    "stockHold": HOLD,
    **dict.fromkeys(("priceListUpsert", "pricesSet"), PRICE_LIST),
    "lotUpdate": "lot { id code expiresOn blocked onHand version }",
    "taxUpsert": TAX,
    "taxGroupUpsert": TAX_GROUP,
    "stockAdjust": STOCK,
    "stockSet": STOCK,
    "stockTransfer": STOCK,
    **dict.fromkeys(
        ("orderCreate", "orderUpdate", "orderConfirm", "orderShip", "orderCancel", "orderReturn", "orderReserve"), ORDER
    ),
    **dict.fromkeys(("shipmentUpdate", "shipmentCancel"), SHIPMENT),
    "productSupplierUpsert": SUPPLIES,
    **dict.fromkeys((f"purchaseOrder{verb}" for verb in ("Create", "Update", "Confirm", "Cancel", "Return")), PURCHASE),
    "purchaseOrderReceive": f"{RECEIPT} {PURCHASE}",
    "reorderRuleUpsert": RULE,
    "purchaseSettingsUpdate": "settings { overReceiptPercent priceTolerancePercent priceToleranceAmount version }",
    **dict.fromkeys((f"webhook{verb}" for verb in ("Create", "Update", "Delete", "SecretRotate", "Replay")), WEBHOOK),
    "webhookTest": "responseStatus failure",
    "replenish": PURCHASE.replace("purchaseOrder {", "purchaseOrders {"),
}
FACTS = {
    "INVALID_INPUT": ("InvalidInputError", ()),
    "DUPLICATE": ("InvalidInputError", ()),
    "NOT_FOUND": ("NotFoundError", ()),
    "INSUFFICIENT_STOCK": ("InsufficientStockError", ("product", "requested", "available")),
    "VERSION_CONFLICT": ("VersionConflictError", ("currentVersion",)),
    "INVALID_TRANSITION": ("InvalidTransitionError", ("status", "availableActions")),
    "STALE_STOCK": ("StaleStockError", ("expected", "actual")),
    "LOT_EXPIRED": ("LotExpiredError", ("lot",)),
    "IDEMPOTENCY_KEY_REUSED": ("IdempotencyConflictError", ()),
    "LIMIT_REACHED": ("LimitReachedError", ()),
    "OVER_QUANTITY": ("OverQuantityError", ("wanted", "left")),
}
PURCHASES = ("PurchaseTransitionError", ("purchaseStatus", "purchaseActions"))
"""The type that the contract gives each code, and what it has besides code, message and path."""

BESIDE = {"idempotency_keys", "number_series"}
"""A refusal may leave its answer under its key, and a number that it took stays taken."""

TABLES = [table.name for table in metadata.sorted_tables if "tenant_id" in table.columns]
_NUMBERS = itertools.count(1)


class Answer(NamedTuple):
    data: Any
    errors: list[GraphQLError]


class Refusal(NamedTuple):
    """An entry of ``userErrors``. ``path`` is the path below "input", with dots."""

    code: str
    path: str
    message: str
    facts: dict[str, Any]


class Clerk:
    """Works for one tenant. ``places`` has the ids of its locations by code, ``warehouses`` those of its
    warehouses, ``customer`` is the code of one of its partners. ``read`` is how many statements read the last
    answer.
    """

    def __init__(self, database: Database, admin: Any, tenant: UUID) -> None:
        self.database, self.admin, self.tenant = database, admin, tenant
        self.places: dict[str, str] = {}
        self.warehouses: dict[str, str] = {}
        self.customer = "C1"
        self.read = 0

    # ------------------------------------------------------------ asking

    async def ask(
        self, query: str, variables: Mapping[str, Any] | None = None, *, breadth_first: bool = True
    ) -> Answer:
        graph = schema(breadth_first=breadth_first)
        reader = self.database.reader(self.tenant)
        context = RequestContext(Principal(self.tenant, "clerk"), reader, graph.nodes, database=self.database)
        context.post = posting(self.database)
        try:
            result = await executed(graph, query, context, variables)
        finally:
            await context.reader.close()
        self.read = len(context.reader.ran)
        return Answer(result.data, list(result.errors or ()))

    async def send(self, field: str, given: Mapping[str, Any]) -> Answer:
        """Whatever a mutation answers."""
        return await self.ask(mutation(field), {"input": given})

    async def payload(self, field: str, given: Mapping[str, Any]) -> Any:
        """A mutation's payload: there is no error beside it."""
        answer = await self.send(field, given)
        assert not answer.errors, (answer.errors, answer.errors[0].original_error)
        return answer.data[field]

    async def do(self, field: str, given: Mapping[str, Any]) -> Any:
        """What a mutation made or changed: there is no problem."""
        payload = await self.payload(field, given)
        assert payload.pop("userErrors") == []
        return payload if len(payload) > 1 else next(iter(payload.values()))

    async def refusals(self, field: str, given: Mapping[str, Any]) -> list[Refusal]:
        """The problems of a mutation, which changed nothing."""
        before = await self.digest()
        payload = await self.payload(field, given)
        assert await self.digest() == before
        problems = payload.pop("userErrors")
        assert problems
        assert set(payload.values()) == {None}
        return [_refusal(each) for each in problems]

    async def refused(self, field: str, given: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The codes and paths of those problems."""
        return [each[:2] for each in await self.refusals(field, given)]

    async def unread(self, field: str, given: Mapping[str, Any]) -> str:
        """The message of an input that isn't of the schema's types: it isn't even looked at."""
        before = await self.digest()
        answer = await self.send(field, given)
        assert await self.digest() == before
        assert answer.data is None
        [error] = answer.errors
        return error.message

    # ------------------------------------------------------------ making

    async def product(self, on: Mapping[str, str] | None = None, **given: Any) -> Any:
        """A new product, with so much of it at these locations."""
        fields = {"sku": f"P{next(_NUMBERS)}", "name": "Thing", "listPrice": {"amount": "10", "currency": "EUR"}}
        made = await self.do("productUpsert", fields | given)
        if on:
            lines = [self.line(made, location=self.places[code], delta=quantity) for code, quantity in on.items()]
            await self.do("stockAdjust", {"lines": lines, "reason": "found"})
        return made

    async def order(self, *lines: tuple[Any, str], **given: Any) -> Any:
        """A new order of so much of these products."""
        named = [self.line(product, quantity=quantity) for product, quantity in lines]
        return await self.do("orderCreate", self.ordering(named, **given))

    def ordering(self, lines: Sequence[Mapping[str, Any]], **given: Any) -> dict[str, Any]:
        """The input of an order."""
        return {"customer": {"code": self.customer}, "lineItems": list(lines), **given}

    def line(self, product: Any, **given: Any) -> dict[str, Any]:
        """A line of an input about a product."""
        return {"product": {"sku": product["sku"]}, **given}

    # ------------------------------------------------------------ seeing

    async def stock(self, product: Any) -> dict[str, tuple[str, str]]:
        """What is on hand, and reserved, of a product, by its locations' codes."""
        query = """query ($id: ID!) { stockLevels(where: {product: {eq: $id}}) {
            nodes { location { code } onHand reserved } } }"""
        found = (await self.ask(query, {"id": product["id"]})).data["stockLevels"]["nodes"]
        return {row["location"]["code"]: (row["onHand"], row["reserved"]) for row in found}

    async def again(self, order: Any) -> Any:
        """The order as it is now."""
        found = await self.ask(f"query ($id: ID!) {{ order(by: {{id: $id}}) {ORDER[5:]} }}", {"id": order["id"]})
        assert not found.errors
        return found.data["order"]

    async def events(self, *records: Any) -> list[dict[str, Any]]:
        """What happened to these records, or to all of the tenant's, in order."""
        rows = await self.admin.fetch(
            """SELECT type, subject_id, version, principal, before, after FROM events
               WHERE tenant_id = $1 AND ($2 OR subject_id = ANY($3)) ORDER BY id""",
            self.tenant,
            not records,
            [identity(record) for record in records],
        )
        return [dict(row) | {name: json.loads(row[name] or "null") for name in ("before", "after")} for row in rows]

    async def digest(self) -> dict[str, tuple[int, str]]:
        """How many rows each of the tenant's tables has, and a digest of them."""
        parts = [
            f"""SELECT '{table}', count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY id), ''))
                FROM {table} t WHERE tenant_id = $1"""
            for table in TABLES
            if table not in BESIDE
        ]
        return {
            name: (count, sum_) for name, count, sum_ in await self.admin.fetch(" UNION ALL ".join(parts), self.tenant)
        }

    async def differences(self) -> Any:
        """Where the books are wrong."""
        return (await self.ask("{ stockDifferences { rule expected actual } }")).data["stockDifferences"]


async def of_a_lot(shop: Clerk) -> tuple[str, Any]:
    """A lot, and an order that has goods of it."""
    tracked = await shop.product(tracking="LOT")
    came = shop.line(tracked, location=shop.places["SHELF"], delta="1", lot="BAD")
    await shop.do("stockAdjust", {"lines": [came], "reason": "received"})
    query = "query ($id: ID!) { product(by: {id: $id}) { lots { nodes { id } } } }"
    [lot] = (await shop.ask(query, {"id": tracked["id"]})).data["product"]["lots"]["nodes"]
    return lot["id"], await shop.order((tracked, "1"), confirm=True)


def mutation(field: str) -> str:
    """The document of a mutation, whose variable is its input."""
    type_ = f"{field[0].upper()}{field[1:]}Input"
    return f"mutation ($input: {type_}!) {{ {field}(input: $input) {{ {PAYLOADS[field]} {ERRORS} }} }}"


def identity(record: Any) -> UUID:
    """The UUID of a record that the graph gave."""
    return ids.parse(record["id"])[1]


def lines(order: Any) -> list[dict[str, Any]]:
    """An order's lines."""
    found: list[dict[str, Any]] = order["lineItems"]["nodes"]
    return found


def progress(order: Any) -> list[tuple[str, str, str, str, str]]:
    """Of each line what is ordered, reserved, shipped, cancelled and returned."""
    names = ("quantity", "reservedQuantity", "shippedQuantity", "cancelledQuantity", "returnedQuantity")
    return [tuple(line[name] for name in names) for line in lines(order)]


def keyless(found: Sequence[Refusal]) -> list[Refusal]:
    """Refusals without the keys that their messages repeat: another's and nobody's are alike then."""
    return [each._replace(message=re.sub(r'"[^"]*"', '"…"', each.message)) for each in found]


def _refusal(told: dict[str, Any]) -> Refusal:
    bought = told["__typename"] == PURCHASES[0] and told["code"] == "INVALID_TRANSITION"
    typename, names = PURCHASES if bought else FACTS[told["code"]]
    facts = {name: value for name, value in told.items() if name not in ("__typename", "code", "message", "path")}
    assert (told["__typename"], {*facts}) == (typename, {*names})
    assert told["path"][0] == "input"
    assert not told["message"][0].islower()
    assert told["message"].endswith((".", "?"))
    return Refusal(told["code"], ".".join(told["path"][1:]), told["message"], facts)
