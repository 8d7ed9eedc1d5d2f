"""G7: two roles share a screen's query. What is denied or fails is null with its error, its neighbours stand."""

from typing import Any
from uuid import UUID

import pytest

from core.errors import BadInput, Forbidden
from core.permissions import EVERYTHING
from tests.support.graph import Answer, Asker

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
PARTNER = frozenset({"catalog:read", "schema:read"})
SCREEN = "{ products(first: 3) { nodes { sku stock { onHand } } } viewer { principal } }"


def refusals(answer: Answer) -> list[tuple[Any, str]]:
    """Where something was refused, and what the refusal says last."""
    for error in answer.errors:
        assert isinstance(error.original_error, Forbidden | BadInput), error
    return [(error.path, error.message.rpartition(" ")[2].rstrip(".")) for error in answer.errors]


@EXECUTORS
async def test_g7_a_denied_field_is_null_and_its_neighbours_stand(
    ask: Asker, larkspur: UUID, *, breadth_first: bool
) -> None:
    options: Any = {"breadth_first": breadth_first, "permissions": PARTNER}
    answer = await ask(SCREEN, larkspur, propagate=False, **options)
    rows = answer.data["products"]["nodes"]
    assert len(rows) == 3
    assert all(row["sku"] and row["stock"] is None for row in rows)
    assert answer.data["viewer"] == {"principal": "tests"}
    assert refusals(answer) == [(["products", "nodes", index, "stock"], "stock:read") for index in range(3)]
    strict = await ask(SCREEN, larkspur, **options)
    assert strict.data is None
    assert refusals(strict) == [(["products", "nodes", 0, "stock"], "stock:read")]


MANY = """{
    products(first: 2) { nodes { sku stock { onHand } lineItems(first: 1) { nodes { id } } } }
    partners(first: 2) { nodes { code } }
    orders(first: 2) { edges { node { number customer { name } } } }
    viewer { principal }
}"""


@EXECUTORS
async def test_g7_root_fields_lists_and_connections(ask: Asker, larkspur: UUID, *, breadth_first: bool) -> None:
    may = EVERYTHING - {"stock:read", "partners:read"}
    answer = await ask(MANY, larkspur, breadth_first=breadth_first, permissions=may, propagate=False)
    assert answer.data["partners"] is None
    assert [row["stock"] for row in answer.data["products"]["nodes"]] == [None, None]
    assert all(row["lineItems"]["nodes"] for row in answer.data["products"]["nodes"])
    assert [edge["node"]["customer"] for edge in answer.data["orders"]["edges"]] == [None, None]
    assert all(edge["node"]["number"] for edge in answer.data["orders"]["edges"])
    assert sorted(refusals(answer), key=repr) == [
        (["orders", "edges", 0, "node", "customer"], "partners:read"),
        (["orders", "edges", 1, "node", "customer"], "partners:read"),
        (["partners"], "partners:read"),
        (["products", "nodes", 0, "stock"], "stock:read"),
        (["products", "nodes", 1, "stock"], "stock:read"),
    ]


async def test_g7_a_refusal_names_every_denied_field_once(ask: Asker, larkspur: UUID) -> None:
    may = EVERYTHING - {"stock:read", "partners:read", "orders:read"}
    answer = await ask(MANY, larkspur, permissions=may)
    assert answer.data is None
    assert refusals(answer) == [
        (["products", "nodes", 0, "stock"], "stock:read"),
        (["products", "nodes", 0, "lineItems"], "orders:read"),
        (["partners"], "partners:read"),
        (["orders"], "orders:read"),
    ]


async def test_every_argument_that_is_refused_is_named_in_one_answer(ask: Asker, larkspur: UUID) -> None:
    query = "{ a: orders(first: -1) { nodes { id } } b: products(first: 251) { nodes { id } } viewer { principal } }"
    answer = await ask(query, larkspur)
    assert answer.data is None
    assert [(error.path, error.original_error.path) for error in answer.errors] == [  # type: ignore[union-attr]  # errors of ours have a path
        (["a"], ("first",)),
        (["b"], ("first",)),
    ]


@EXECUTORS
async def test_a_mutation_stands_where_its_payload_may_not_be_seen(
    ask: Asker, larkspur: UUID, *, breadth_first: bool
) -> None:
    query = """mutation {
        a: stockAdjust(input: {lines: [], reason: "none"}) { userErrors { code } }
        b: productUpsert(input: {sku: "", name: "nothing"}) { product { id } userErrors { code } }
    }"""
    may = EVERYTHING - {"stock:adjust"}
    answer = await ask(query, larkspur, breadth_first=breadth_first, permissions=may, propagate=False, writes=True)
    assert answer.data == {"a": None, "b": {"product": None, "userErrors": [{"code": "INVALID_INPUT"}]}}
    assert refusals(answer) == [(["a"], "stock:adjust")]


async def test_a_failure_of_a_level_is_reported_at_so_many_places_and_no_more(ask: Asker, larkspur: UUID) -> None:
    query = """{ a: products(first: 200) { nodes { stock { onHand } } } b: orders(first: 100) { nodes {
        lineItems(first: 5) { nodes { product { sku stock { onHand } } } } } } }"""
    answer = await ask(query, larkspur, permissions=EVERYTHING - {"stock:read"}, propagate=False)
    per_field = [sum(error.path[0] == name for error in answer.errors if error.path) for name in "ab"]
    rows = [
        sum(len(order["lineItems"]["nodes"]) for order in answer.data["b"]["nodes"]),
        len(answer.data["a"]["nodes"]),
    ]
    assert per_field == [min(250, rows[1]), min(250, rows[0])]
    assert per_field[1] == 250
