"""How many SQL statements each edge of the graph costs: exactly, and the same whatever the number of rows.

The edges are walked in the schema itself, so that a new field is measured too: one that isn't in
``COST`` fails here until its number is written down.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_leaf_type,
    is_list_type,
)

from app.documents.roots import FEEDS
from tests.support.graph import Asker, schema
from tests.support.oddments import Oddments
from tests.support.ways import HAND_MADE, WAYS

pytestmark = pytest.mark.one_server

TAXES = {
    **dict.fromkeys(("Query.tax", "Query.taxes", "Query.taxGroup", "Query.taxGroups"), 1),
    **dict.fromkeys(("Order.taxes", "PurchaseOrder.taxes"), 1),
    **dict.fromkeys(("Tax.events", "TaxGroup.events", "TaxGroup.substitutions"), 1),
    **dict.fromkeys(("TaxSubstitution.from", "TaxSubstitution.to"), 1),
    **dict.fromkeys(("ProductCategory.tax", "Partner.taxGroup", "LineItem.tax", "PurchaseLine.tax"), 1),
    # The demo's products have none of their own: tests/schema/writing/test_taxes.py counts where they have.
    **dict.fromkeys(("Product.tax", "LineItem.net"), 0),
    **dict.fromkeys(("TaxTotal.base", "TaxTotal.amount", "OrderPreview.taxes", "OrderPreviewLine.tax"), 0),
}

COST = {
    "Query.node": 1,
    "Query.nodes": 1,
    "Query.viewer": 0,
    "Query.product": 1,
    "Query.products": 1,
    "Query.partner": 1,
    "Query.partners": 1,
    "Query.order": 1,
    "Query.orders": 1,
    "Query.lineItems": 1,
    "Query.shipments": 1,
    "Query.allocationPolicy": 1,
    "AllocationPolicy.events": 1,
    "Query.purchaseOrder": 1,
    "Query.purchaseOrders": 1,
    "Query.purchaseLines": 1,
    "Query.replenishmentProposals": 1,
    "Product.reorderRules": 1,
    **{f"ReorderRule.{name}": 1 for name in ("product", "warehouse", "location", "supplier", "events")},
    **{f"ReplenishmentProposal.{name}": 1 for name in ("rule", "supplier")},
    "ReplenishmentProposal.unitPrice": 0,
    "Product.suppliers": 1,
    "Product.purchaseLines": 1,
    "Partner.supplies": 1,
    "Partner.purchaseOrders": 1,
    **{f"ProductSupplier.{name}": 1 for name in ("product", "supplier", "events")},
    **{f"PurchaseOrder.{name}": 1 for name in ("supplier", "location", "lines", "receipts", "events")},
    **{f"PurchaseOrder.{name}": 1 for name in ("receiptStatus", "availableActions")},
    **{f"PurchaseOrder.{name}": 0 for name in ("subtotal", "taxTotal", "total")},
    **{f"PurchaseLine.{name}": 1 for name in ("purchaseOrder", "product")},
    **{f"Receipt.{name}": 1 for name in ("purchaseOrder", "lines", "moves", "events")},
    **{f"ReceiptLine.{name}": 1 for name in ("purchaseLine", "location")},
    **{f"StockMove.{name}": 1 for name in ("receipt", "purchaseLine")},
    **dict.fromkeys(("ProductSupplier.price", "PurchaseLine.unitPrice", "PurchaseLine.total"), 0),
    **{f"Query.{name}": 1 for name in ("productCategory", "productCategories", "purchaseSettings")},
    "Product.category": 1,
    "Product.units": 0,
    **{f"ProductCategory.{name}": 1 for name in ("parent", "children", "products", "events")},
    "Query.priceList": 1,
    "Query.priceLists": 1,
    **dict.fromkeys(("PriceList.prices", "Product.prices"), 1),
    "PriceList.events": 1,
    "Price.priceList": 1,
    "Price.product": 1,
    "Price.amount": 0,
    # The tenant's currency; and the taxes of the products' categories, of which one is shown. The rest is in
    # tests/schema/writing/test_prices_of_products.py.
    "Product.price": 1,
    "ProductPrice.tax": 2,
    **dict.fromkeys(("ProductPrice.amount", "ProductPrice.price"), 0),
    **TAXES,
    **dict.fromkeys(("Partner.priceList", "Order.priceList"), 1),
    # None of the demo's buys by such a list; tests/schema/writing/test_prices_of_orders.py counts where a customer has one.
    **dict.fromkeys(("Partner.purchasePriceList", "OrderPreviewLine.priceList"), 0),
    "Query.stockHold": 1,
    "Query.webhooks": 1,
    "Webhook.deliveries": 1,
    "WebhookDelivery.event": 1,
    # The tenant's currency, the products, their taxes, and what is there of them.
    "Query.orderPreview": 4,
    **dict.fromkeys(("OrderPreview.subtotal", "OrderPreview.taxTotal", "OrderPreview.total"), 0),
    **dict.fromkeys(("OrderPreview.lines", "OrderPreview.problems"), 0),
    **dict.fromkeys(("OrderPreviewLine.unitPrice", "OrderPreviewLine.net"), 0),
    "OrderPreviewLine.product": 1,
    "StockHold.order": 1,
    "StockHold.lines": 1,
    "StockHold.events": 1,
    **{f"StockHoldLine.{name}": 1 for name in ("product", "location")},
    "Query.lots": 1,
    **{f"Lot.{name}": 1 for name in ("product", "stockLevels", "moves", "shipmentLines", "events")},
    "Product.lots": 1,
    "ShipmentLine.shipment": 1,
    "LineItem.holds": 1,
    "LineItemHold.location": 1,
    # Nothing that is tracked is met here: tests/schema/writing/test_lots.py counts these.
    **{f"{name}.lot": 0 for name in ("StockLevel", "StockMove", "StockPosition", "ShipmentLine", "LineItemHold")},
    "Query.warehouses": 1,
    "Query.stockLevels": 1,
    "Query.stockMoves": 1,
    "Query.stockDifferences": 3,
    "Query.stockPositions": 1,
    "Product.movement": 1,
    "ProductMovement.flows": 0,
    **{f"StockPosition.{name}": 1 for name in ("product", "location")},
    "Product.listPrice": 0,
    "Product.stock": 0,
    "Product.lineItems": 1,
    "Product.events": 1,
    **{f"ProductStock.{name}": 1 for name in ("onHand", "reserved", "available", "quarantined", "inTransit")},
    **{f"ProductStock.{name}": 1 for name in ("incoming", "expired", "levels")},
    "Viewer.tenant": 1,
    "Tenant.address": 0,
    "Partner.addresses": 0,
    "PartnerAddress.party": 0,
    "Partner.orders": 1,
    "Partner.events": 1,
    "Order.customer": 1,
    "Order.subtotal": 0,
    "Order.taxTotal": 0,
    "Order.total": 0,
    "Order.lineItems": 1,
    "Order.events": 1,
    **{f"Order.{name}": 1 for name in ("shippingAddress", "billingAddress")},
    **{f"Order.{name}": 1 for name in ("reservationStatus", "shipmentStatus", "returnStatus", "availableActions")},
    "Order.shipments": 1,
    "Shipment.order": 1,
    "Shipment.address": 0,
    "Shipment.lines": 1,
    "Shipment.events": 1,
    **{f"ShipmentLine.{name}": 1 for name in ("lineItem", "location")},
    "LineItem.order": 1,
    "LineItem.product": 1,
    "LineItem.unitPrice": 0,
    "LineItem.total": 0,
    "StockLevel.product": 1,
    "StockLevel.location": 1,
    **{f"StockMove.{name}": 1 for name in ("product", "source", "destination", "lineItem")},
    "Warehouse.address": 0,
    "Warehouse.locations": 1,
    "Location.warehouse": 1,
    "Location.stockLevels": 1,
    "Event.subject": 1,
    **{f"StockDifference.{name}": 1 for name in ("product", "location", "lineItem", "order")},
}
"""The statements of each field that leads to an object, and of each leaf that isn't a column."""

PARTS = {
    "nodes { __typename }": 1,
    "edges { cursor node { __typename } }": 1,
    "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }": 1,
    "totalCount { value exact }": 1,
    "nodes { __typename } edges { cursor } pageInfo { endCursor }": 1,
    "nodes { __typename } pageInfo { endCursor } totalCount { value }": 2,
}
"""The statements of the parts of a connection: the page is read once, and counted only if asked for."""

SUMS = {
    "aggregate { count }": 1,
    "nodes { __typename } aggregate { count productCount }": 2,
    "nodes { __typename } aggregate { count customerCount }": 2,
}
"""Those of its aggregate, whatever measures are asked for: as far as it has one, and these."""


BELOW = {
    "ReplenishmentProposal": "quantity",
    "Money": "amount currency",
    "Tenant": "name",
    "ProductStock": "__typename",
    "ShipmentLine": "quantity",
    "ReceiptLine": "quantity",
    "LineItemHold": "quantity",
    "ProductMovement": "opening flows { kind }",
    "StockFlow": "kind",
    "StockDifference": "rule",
    "Party": "name",
    "PartnerAddress": "code",
    "ProductUnit": "code",
    "ProductPrice": "taxIncluded",
    "PurchaseSettings": "version",
    "TaxSubstitution": "__typename",
    "TaxTotal": "category",
}
"""What to ask of an object that has no id."""


NEEDED = {"movement": '(from: "2026-01-01T00:00:00Z")', "stockPositions": '(at: "2100-01-01T00:00:00Z")'}
"""Arguments that must be given."""


def edges() -> Iterator[tuple[str, GraphQLField]]:
    """Every field of every object type but those that a page, an amount or a count is made of, and what a
    mutation answers: ``tests/schema/writing/test_statements_of_commands.py`` measures that.
    """
    for type_ in schema()._schema.type_map.values():
        made = type_.name.endswith(("Connection", "Edge", "Payload", "Error", "Mutation", "Aggregate", "Groups"))
        made |= type_.name.endswith(("Group", "GroupKey", "Rest")) and type_.name != "TaxGroup"
        made |= type_.name in {"PageInfo", "Count", "Money", "Period", "Band"}
        # tests/schema/writing/test_feed.py counts theirs, which streams read as well.
        made |= type_.name in {"Change", "ChangeBatch", "EventBatch", "Subscription"}
        if isinstance(type_, GraphQLObjectType) and not is_introspection_type(type_) and not made:
            yield from ((f"{type_.name}.{name}", field) for name, field in type_.fields.items() if name not in FEEDS)


def selections(name: str, field: GraphQLField) -> Iterator[tuple[str, int]]:
    """What to ask of a field, and the statements that it takes: each part of a connection by itself."""
    called = name.partition(".")[2]
    called += NEEDED.get(called, "")
    named: Any = get_named_type(field.type)
    if is_leaf_type(named):
        yield called, COST.get(name, 0)
    elif named.name.endswith("Connection"):
        cost = COST.get(name, -1)
        yield from ((f"{called} {{ {part} }}", cost * statements) for part, statements in PARTS.items())
        if "aggregate" in named.fields:
            aggregate: Any = get_named_type(named.fields["aggregate"].type)
            for part, statements in SUMS.items():
                if all(word in aggregate.fields for word in part.partition("aggregate")[2].strip(" {}").split()):
                    yield f"{called} {{ {part} }}", cost * statements
    else:
        yield f"{called} {{ {BELOW.get(named.name, 'id')} }}", COST.get(name, -1)


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_every_edge_takes_as_many_statements_as_written_down(
    ask: Asker, larkspur: UUID, oddments: Oddments, *, breadth_first: bool
) -> None:
    found: dict[str, tuple[int, int]] = {}
    wanted: dict[str, tuple[int, int]] = {}
    for name, field in edges():
        type_ = name.partition(".")[0]
        if type_ not in WAYS:
            continue
        way, tenant = WAYS[type_], oddments.tenant if type_ in HAND_MADE else larkspur
        [base] = {len((await ask(f"{{ {way % (n, '__typename')} }}", tenant)).ran) for n in (2, 20)}
        for selection, cost in selections(name, field):
            answers = [
                await ask(f"{{ {way % (size, selection)} }}", tenant, breadth_first=breadth_first) for size in (2, 20)
            ]
            few, many = (len(answer.ran) for answer in answers if answer.good)
            assert answers[0].ran[0].rows < answers[1].ran[0].rows or type_ in {
                "Warehouse",
                "StockDifference",
                "StockHoldLine",
            }
            found[f"{name}: {selection}"] = (few - base, many - base)
            wanted[f"{name}: {selection}"] = (cost, cost)
    assert found == wanted


def test_every_edge_is_known() -> None:
    walked = dict(edges())
    types = {name.partition(".")[0] for name in walked}
    # tests/schema/writing/test_previews.py asks for previews of one line and of many.
    previews = {"OrderPreview", "OrderPreviewLine"}
    apart = {"Query", "Viewer", "Tenant", "AllocationPolicy", "StockHold", "PurchaseSettings"}
    assert types == {*WAYS, *previews, *apart}, "A new type: say in WAYS how to come to many of it."
    leads = {name for name, field in walked.items() if not is_leaf_type(get_named_type(field.type))}
    assert leads <= {*COST}, "A new edge: write its number of statements down in COST."
    assert {*COST} <= {*walked}


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_every_root_field_takes_as_many_statements_as_written_down(
    ask: Asker, larkspur: UUID, *, breadth_first: bool
) -> None:
    [product, partner, order, purchase] = [
        (await ask(f"{{ {field}(first: 1) {{ nodes {{ id }} }} }}", larkspur)).good[field]["nodes"][0]["id"]
        for field in ("products", "partners", "orders", "purchaseOrders")
    ]
    asked = {
        "node": f'node(id: "{order}") {{ id }}',
        "nodes": f'nodes(ids: ["{order}", "{order}"]) {{ id }}',
        "product": f'product(by: {{ id: "{product}" }}) {{ sku }}',
        "partner": f'partner(by: {{ id: "{partner}" }}) {{ code }}',
        "order": f'order(by: {{ id: "{order}" }}) {{ number }}',
        "purchaseOrder": f'purchaseOrder(by: {{ id: "{purchase}" }}) {{ number }}',
        "productCategory": 'productCategory(by: {code: "GARDEN"}) { name }',
        "priceList": 'priceList(by: {code: "nobody"}) { id }',
        "tax": 'tax(by: {code: "nobody"}) { id }',
        "taxGroup": 'taxGroup(by: {code: "nobody"}) { id }',
        "stockHold": 'stockHold(reference: "basket 2") { id }',
        "orderPreview": f'orderPreview(input: {{lineItems: [{{product: {{id: "{product}"}}, quantity: "1"}}]}}) {{ currency }}',
        "viewer": "viewer { principal permissions }",
    }
    for name, field in schema()._schema.query_type.fields.items():  # type: ignore[union-attr]  # the schema's types are known
        if name in FEEDS:
            continue
        costs = {asked[name]: COST[f"Query.{name}"]} if name in asked else dict(selections(f"Query.{name}", field))
        for selection, cost in costs.items():
            answer = await ask(f"{{ {selection} }}", larkspur, breadth_first=breadth_first)
            assert answer.good
            assert (selection, len(answer.ran)) == (selection, cost)
    assert len((await ask("{ viewer { tenant { id name } } }", larkspur)).ran) == COST["Viewer.tenant"]


def test_lists_are_walked_too() -> None:
    """The only lists of objects are a page's, and some that say how many: no other field needs a size."""
    lists = {
        name
        for name, field in edges()
        if is_list_type(get_nullable_type(field.type)) and not is_leaf_type(get_named_type(field.type))
    }
    assert lists == {
        "Order.taxes",
        "OrderPreview.lines",
        "OrderPreview.problems",
        "OrderPreview.taxes",
        "Partner.addresses",
        "Product.units",
        "PurchaseOrder.taxes",
        "ProductMovement.flows",
        "Query.nodes",
        "Query.replenishmentProposals",
        "Query.stockDifferences",
        "Receipt.lines",
        "LineItem.holds",
        "Shipment.lines",
        "StockHold.lines",
        "TaxGroup.substitutions",
    }


async def test_nodes_take_a_statement_per_type(ask: Asker, larkspur: UUID) -> None:
    fields = {"products": "sku", "partners": "code", "orders": "number", "warehouses": "code"}
    selection = " ".join(f"{field}(first: 2) {{ nodes {{ id }} }}" for field in fields)
    found = (await ask(f"{{ {selection} }}", larkspur)).good
    given = [row["id"] for field in fields for row in found[field]["nodes"]]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    for wanted, statements in ((given, 4), (given[::-1], 4), (given[:2], 1), ([], 0)):
        answer = await ask(query, larkspur, {"ids": wanted})
        assert [row["id"] for row in answer.good["nodes"]] == wanted
        assert len(answer.ran) == statements


async def test_the_page_of_a_front_end_takes_a_statement_per_level(ask: Asker, larkspur: UUID) -> None:
    page = """query ($n: Int!) { orders(first: $n) { nodes { number customer { name } availableActions shipmentStatus
      lineItems(first: 5) { nodes { quantity product { sku stock { onHand available
        levels(first: 3) { nodes { onHand location { code warehouse { name } } } } } } } } } } }"""
    # graphql-core asks for both parts of an order's progress, and of a product's stock, at once: two more.
    for breadth_first, statements in ((True, 9), (False, 11)):
        for size in (2, 50):
            answer = await ask(page, larkspur, {"n": size}, breadth_first=breadth_first)
            assert len(answer.good["orders"]["nodes"]) == size
            assert len(answer.ran) == statements


async def test_an_alias_with_other_arguments_is_another_statement_and_one_with_the_same_is_not(
    ask: Asker, larkspur: UUID
) -> None:
    same = "{ orders { nodes { a: lineItems(first: 2) { nodes { id } } b: lineItems(first: 2) { nodes { id } } } } }"
    assert len((await ask(same, larkspur)).ran) == 2
    other = same.replace("b: lineItems(first: 2)", "b: lineItems(first: 3)")
    assert len((await ask(other, larkspur)).ran) == 3


async def test_only_the_columns_asked_for_are_read(ask: Asker, larkspur: UUID) -> None:
    answer = await ask("{ products(first: 3) { nodes { sku } } }", larkspur)
    [ran] = answer.ran
    read = ran.sql.partition("FROM")[0]
    assert read.split() == ["SELECT", "products.sku", "AS", "sku"]


async def test_an_empty_page_and_a_page_that_nobody_looks_at_read_nothing(ask: Asker, larkspur: UUID) -> None:
    answer = await ask("{ products(first: 0) { nodes { id } pageInfo { endCursor } } }", larkspur)
    assert answer == ({"products": {"nodes": [], "pageInfo": {"endCursor": None}}}, [], [])
    answer = await ask("{ products(first: 5) { __typename } }", larkspur)
    assert answer == ({"products": {"__typename": "ProductConnection"}}, [], [])
