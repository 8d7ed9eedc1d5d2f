"""What is suggested for a field by another name than ours."""

import pytest
from graphql import build_schema

from execution import Documents
from execution.documents.misnamed import akin

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
    "type Query { orderCreate: Int node: Node } interface Node { placedAt: Int } type Order implements Node { placedAt: Int }"
)


@pytest.mark.parametrize(
    "document, message",
    [
        ("{ createOrder }", "Cannot query field 'createOrder' on type 'Query'. Did you mean 'orderCreate'?"),
        ("{ node { at } }", "Cannot query field 'at' on type 'Node'. Did you mean 'placedAt'?"),
        ("{ orderCreat }", "Cannot query field 'orderCreat' on type 'Query'. Did you mean 'orderCreate'?"),
        ("{ other }", "Cannot query field 'other' on type 'Query'."),
    ],
)
def test_a_key_that_may_not_read_the_schema_is_told_no_name(document: str, message: str) -> None:
    documents = Documents(SCHEMA)
    assert [error.message for error in documents.examined(document).errors] == [message]
    hidden = documents.examined(document, hide_suggestions=True)
    assert [error.message for error in hidden.errors] == [message.partition(" Did")[0]]
