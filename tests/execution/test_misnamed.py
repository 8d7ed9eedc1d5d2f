"""What is suggested for a field by another name than ours."""

import re

import pytest
from graphql import build_schema

from execution import Documents
from execution.documents.misnamed import LISTED, akin, listed

NAMES = ["order", "orders", "orderCreate", "orderCancel", "productUpsert", "listPrice", "placedAt", "URLOf", "x"]


@pytest.mark.parametrize(
    "name, meant",
    [
        ("createOrder", ["orderCreate"]),
        ("create_orders", ["orderCreate"]),
        ("cancelTheOrder", ["orderCancel"]),
        ("allOrders", ["order", "orders"]),
        ("updateProduct", ["productUpsert"]),
        ("price", ["listPrice"]),
        ("placed_at", ["placedAt"]),
        ("imageURL", ["URLOf"]),
        ("customer", []),
        ("", []),
        ("_", []),
        ("1", []),
        ("order" * 13, []),
    ],
)
def test_names_with_the_same_words_are_meant(name: str, meant: list[str]) -> None:
    assert akin(name, NAMES) == meant


SCHEMA = build_schema(
    "type Query { orderCreate: Int node: Node find(by: Key, first: Int): Int } input Key { key: Int in: Other } input Other { other: Int }"
    " interface Node { placedAt: Int } type Order implements Node { placedAt: Int }"
)


@pytest.mark.parametrize(
    "document, message",
    [
        ("{ createOrder }", "Cannot query field 'createOrder' on type 'Query'. Did you mean 'orderCreate'?"),
        ("{ node { at } }", "Cannot query field 'at' on type 'Node'. Did you mean 'placedAt'?"),
        ("{ orderCreat }", "Cannot query field 'orderCreat' on type 'Query'. Did you mean 'orderCreate'?"),
        ("{ other }", "Cannot query field 'other' on type 'Query'. It has orderCreate, node and find."),
        ("{ placedAt }", "Cannot query field 'placedAt' on type 'Query'. Did you mean 'node { placedAt }'?"),
        ("{ find(key: 1) }", "Unknown argument 'key' on field 'Query.find'. Did you mean 'by: {key: …}' or 'by'?"),
        ("{ find(frist: 1) }", "Unknown argument 'frist' on field 'Query.find'. Did you mean 'first'?"),
        (
            "{ find(limit: 1) }",
            "Unknown argument 'limit' on field 'Query.find'. Did you mean 'first'? It takes by and first.",
        ),
        ("{ orderCreate(x: 1) }", "Unknown argument 'x' on field 'Query.orderCreate'. It takes none."),
        ("{ find(by: {x: 1}) }", "Key has no field 'x'. It has key and in."),
        ("{ find(by: {kye: 1}) }", "Key has no field 'kye'. Did you mean 'key'?"),
        ("{ find(by: {key: 1, other: 1}) }", "Key has no field 'other'. Did you mean 'in: {other: …}'?"),
    ],
)
def test_a_key_that_may_not_read_the_schema_is_told_no_name(document: str, message: str) -> None:
    documents = Documents(SCHEMA)
    assert [error.message for error in documents.examined(document).errors] == [message]
    hidden = documents.examined(document, hide_suggestions=True)
    said = re.split(r" Did| It ", message)[0]
    assert [error.message for error in hidden.errors] == [said.replace("Key has no field", "There is no field")]


def test_what_is_listed_has_a_bound() -> None:
    names = [f"f{number}" for number in range(LISTED + 5)]
    assert listed(names[:1]) == " It has f0."
    assert listed(names[:LISTED]).endswith(" and f29.")
    assert listed(names).endswith(", f29 and 5 more.")
    assert listed([]) == " It has none."
