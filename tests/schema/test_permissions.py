"""Who may see what: each field says what it needs, and asks for it before anything is loaded."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_leaf_type

from core.errors import Forbidden
from core.permissions import EVERYTHING, PERMISSIONS, ROLES, permitted
from execution import BatchField
from execution.fields import BACKREF
from tests.support.graph import Answer, Asker, schema

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])

OPEN = {
    "ProductMovement.flows": "parts of a movement, which was asked for",
    "Query.viewer": "who is asking may know it",
    "Query.node": "asks by the type that the id is of",
    "Query.nodes": "asks by the types that the ids are of",
    "Viewer.tenant": "one's own tenant",
    "Query.changes": "tells of the kinds that may be read",
    "Subscription.changes": "tells of the kinds that may be read",
    "Subscription.record": "asks by the type that the id is of",
    "ChangeBatch.changes": "those of the batch, whose kinds may be read",
    "Change.node": "asks by the type of the record",
    "EventBatch.events": "those of the batch, which was asked for",
    "Shipment.lines": "those of the shipment, which may be read",
    **dict.fromkeys(("OrderPreview.lines", "OrderPreview.taxes"), "those of the preview, which was asked for"),
    **dict.fromkeys(("Order.taxes", "PurchaseOrder.taxes"), "what it comes to, as its totals are"),
    "Product.price": "a partner's key sees its own price; of others it asks pricing:read",
    "TaxGroup.substitutions": "those of the group, which may be read",
    "StockHold.lines": "those of the hold, which may be read",
    "Product.units": "those of the product, which may be read",
    "Receipt.lines": "those of the receipt, which may be read",
    "Event.subject": "asks by the type of what it is about",
    "TenantPayload.tenant": "one's own tenant",
    **dict.fromkeys(
        ("Mutation.rename", "Mutation.archive", "RecordPayload.record"), "asks by the type that the id is of"
    ),
}
"""Fields to objects that need no permission of their own, and why."""

PARTS = (
    "Connection",
    "Edge",
    "PageInfo",
    "Count",
    "Money",
    "Party",
    "PartnerAddress",
    "UserError",
    "Aggregate",
    "Groups",
    "Group",
    "Rest",
    "Key",
    "Period",
    "Band",
)
"""Types that are parts of what has asked already: a connection's nodes, a payload's errors."""


def is_part(type_: GraphQLNamedType, parts: tuple[str, ...] = PARTS) -> bool:
    """By its name, but for a tax group: that isn't a group of records."""
    return type_.name.endswith(parts) and type_.name != "TaxGroup"


def declared() -> Iterator[tuple[str, BatchField, GraphQLObjectType, Any]]:
    """Every field of ours that leads to an object, and every root field."""
    graph = schema()._schema
    for type_ in graph.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or is_part(type_):
            continue
        for name, field in type_.fields.items():
            batch = field.extensions.get(BACKREF)
            is_root = type_ in {graph.query_type, graph.mutation_type}
            target = get_named_type(field.type)
            if isinstance(batch, BatchField) and (is_root or not is_leaf_type(target)):
                yield f"{type_.name}.{name}", batch, type_, field


def test_every_root_field_and_relation_needs_a_permission_and_says_so() -> None:
    seen = 0
    for place, batch, _, field in declared():
        if place in OPEN or is_part(get_named_type(field.type), PARTS[2:]):
            assert batch.permission is None, place
            continue
        assert batch.permission in PERMISSIONS, place
        assert field.description.endswith(f"Needs {batch.permission}."), place
        seen += 1
    assert seen > 50


def test_what_fields_and_filters_need_is_in_some_role() -> None:
    needed = {batch.permission for _, batch, _, _ in declared()} - {None}
    assert needed | {"plan:read", "schema:read"} == EVERYTHING
    assert permitted(["viewer", "unheard of"]) == ROLES["viewer"]
    assert permitted(["clerk", "warehouse"]) == ROLES["clerk"] | ROLES["warehouse"]
    assert ROLES["admin"] == EVERYTHING


def denials(answer: Answer) -> list[tuple[list[str | int] | None, str]]:
    """Where an answer was denied, and what it would have needed."""
    found = []
    for error in answer.errors:
        assert isinstance(error.original_error, Forbidden), error
        found.append((error.path, error.original_error.message.rpartition(" ")[2].rstrip(".")))
    return found


@EXECUTORS
@pytest.mark.parametrize(
    "query, missing, paths",
    [
        ("{ products(first: 1) { nodes { sku } } }", "catalog:read", [["products"]]),
        ("{ orders { totalCount { value } } }", "orders:read", [["orders"]]),
        ('{ order(by: {number: "SO-2026-000087"}) { number } }', "orders:read", [["order"]]),
        ("{ stockMoves(first: 1) { nodes { id } } }", "stock:read", [["stockMoves"]]),
        ("{ stockDifferences { rule } }", "stock:verify", [["stockDifferences"]]),
        ('{ node(id: "ord_00000000000070008000000000000000") { id } }', "orders:read", [["node"]]),
        ('{ nodes(ids: ["prod_00000000000070008000000000000000"]) { id } }', "catalog:read", [["nodes"]]),
        ('{ products(where: {available: {gt: "0"}}) { nodes { sku } } }', "stock:read", [["products"]]),
        ('{ products(where: {or: [{not: {available: {gt: "0"}}}]}) { nodes { sku } } }', "stock:read", [["products"]]),
        (
            '{ orders(where: {lineItems: {some: {sku: {eq: "A"}}}}) { totalCount { value } } }',
            "catalog:read",
            [["orders"]],
        ),
    ],
)
async def test_a_denied_root_reads_nothing(
    ask: Asker, larkspur: UUID, query: str, missing: str, paths: list[Any], *, breadth_first: bool
) -> None:
    denied = await ask(query, larkspur, breadth_first=breadth_first, permissions=EVERYTHING - {missing})
    assert denials(denied) == [(path, missing) for path in paths]
    assert denied.ran == []
    allowed = await ask(query, larkspur, breadth_first=breadth_first)
    assert not allowed.errors


@EXECUTORS
async def test_a_denied_field_that_may_be_null_is_null_and_the_rest_stands(
    ask: Asker, larkspur: UUID, *, breadth_first: bool
) -> None:
    query = """{
        viewer { principal }
        products(first: 1) { nodes { sku } }
        stockLevels(first: 1) { totalCount { value } }
        product(by: {sku: "BOX-10008"}) { name }
    }"""
    answer = await ask(query, larkspur, breadth_first=breadth_first, permissions=frozenset({"catalog:read"}))
    # stockLevels can't be null: the whole answer is its parent.
    assert answer.data is None
    assert denials(answer) == [(["stockLevels"], "stock:read")]
    query = """{ viewer { principal } order(by: {number: "SO-2026-000087"}) { id } product(by: {sku: "BOX-10008"}) { sku } }"""
    answer = await ask(query, larkspur, breadth_first=breadth_first, permissions=frozenset({"catalog:read"}))
    assert answer.data == {"viewer": {"principal": "tests"}, "order": None, "product": {"sku": "BOX-10008"}}
    assert denials(answer) == [(["order"], "orders:read")]
    assert len(answer.ran) == 1


@EXECUTORS
async def test_a_denied_relation_is_denied_on_every_way_to_it(
    ask: Asker, larkspur: UUID, *, breadth_first: bool
) -> None:
    may = EVERYTHING - {"partners:read"}
    [order] = (await ask("{ orders(first: 1) { nodes { id } } }", larkspur)).good["orders"]["nodes"]
    for query, path in (
        ("{ orders(first: 1) { nodes { customer { name } } } }", ["orders", "nodes", 0, "customer"]),
        ("{ orders(first: 1) { edges { node { customer { id } } } } }", ["orders", "edges", 0, "node", "customer"]),
        (f'{{ node(id: "{order["id"]}") {{ ... on Order {{ customer {{ id }} }} }} }}', ["node", "customer"]),
    ):
        answer = await ask(query, larkspur, breadth_first=breadth_first, permissions=may)
        assert denials(answer) == [(path, "partners:read")]
        assert len(answer.ran) == 1
