"""A document is measured before it is validated: in time linear in its text, whatever it stands for."""

from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLError, parse

from execution.documents.limits import DocumentLimitExceeded, Limits, check
from execution.documents.store import Documents
from tests.support.cpu import least_cpu, within
from tests.support.graph import schema

LIMITS = Limits()
QUICK = 0.05
"""Seconds of CPU that a refusal may take on a busy machine; on a quiet one none takes 20 ms."""


def refused(text: str, limits: Limits = LIMITS) -> str:
    """Which limit refuses a document, and that it does so quickly."""
    documents = Documents(schema()._schema, limits=limits)
    limited: list[str] = []

    def ask() -> None:
        with pytest.raises(DocumentLimitExceeded) as caught:
            documents.get(text)
        limited.append(caught.value.limit)

    assert least_cpu(ask, 3) < within(QUICK)
    return limited[0]


AT_THE_LIMIT: dict[str, tuple[Limits, str, str]] = {
    "characters": (replace(LIMITS, characters=200), "{ viewer { principal } }" + " " * 176, " "),
    "tokens": (replace(LIMITS, tokens=7), "{ viewer { principal } }", "#\n{"),
    "levels": (replace(LIMITS, depth=3), "{ orders { nodes { id } } }", "{ orders { nodes { customer { id } } } }"),
    "aliases": (
        replace(LIMITS, aliases=2),
        "{ a: viewer { b: principal } }",
        "{ a: viewer { b: principal c: principal } }",
    ),
    "root fields": (
        replace(LIMITS, root_fields=2),
        "{ viewer { principal } node(id: 1) { id } }",
        "{ viewer { principal } node(id: 1) { id } nodes(ids: []) { id } }",
    ),
    "fields": (replace(LIMITS, fields=2), "{ viewer { principal } }", "{ viewer { principal permissions } }"),
    "directives at one place": (
        replace(LIMITS, directives=1),
        "{ viewer { principal @skip(if: false) } }",
        "{ viewer { principal @skip(if: false) @include(if: true) } }",
    ),
    "fields that overlap": (
        replace(LIMITS, overlaps=2),
        "{ viewer { principal principal } }",
        "{ viewer { principal principal principal } }",
    ),
    "mutations": (
        replace(LIMITS, mutations=1),
        "mutation { a: orderShip(input: {order: {number: 1}}) { __typename } }",
        "mutation { a: orderShip(input: {order: {number: 1}}) { __typename } b: orderShip(input: {order: {number: 1}}) { __typename } }",
    ),
}
"""For each limit, a document that just fits, and one that is one over it."""


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_just_below_and_just_above(name: str) -> None:
    limits, fits, over = AT_THE_LIMIT[name]
    documents = Documents(schema()._schema, limits=limits)
    documents.get(fits)
    over = fits + over if name in {"characters", "tokens"} else over
    assert refused(over, limits) == name


def bomb(size: int, inside: str = "principal") -> str:
    """Fragments that spread the next one twice each: 2 to the ``size`` fields in a few hundred bytes."""
    spreads = " ".join(f"fragment F{n} on Viewer {{ ...F{n + 1} ...F{n + 1} }}" for n in range(size))
    return f"{{ viewer {{ ...F0 }} }} {spreads} fragment F{size} on Viewer {{ {inside} }}"


HOSTILE = {
    "4: a long document": ("#" + "x" * 20_000, "characters"),
    "4: many tokens": ("{" + "a " * 1_200 + "}", "tokens"),
    "11: deep": ("{ a " * 60 + "}" * 60, "levels"),
    "12: aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }", "aliases"),
    "13: directives": ("{ __typename " + "@aa " * 10 + "}", "directives at one place"),
    "14: duplicates": ("{ " + "__typename " * 900 + "}", "root fields"),
    "14: duplicates below": ("{ viewer { " + "principal " * 900 + "} }", "fields that overlap"),
    "16: a bomb of fragments": (bomb(19), "fields"),
    "16: a larger one": (bomb(60), "fragments"),
    "16: an aliased one": (bomb(40, "a: principal"), "aliases"),
    "16: one that nobody spreads": (bomb(40).replace("{ viewer { ...F0 } }", "{ viewer { principal } }"), "fields"),
    "17: inline fragments": ("{ viewer { " + "... { " * 200 + "principal" + " }" * 202, "levels"),
    "18: circular introspection": (
        "{ __schema { types { fields { type " + "{ fields { type " * 12 + "{ name }" + " } }" * 12 + " } } } }",
        "levels",
    ),
    "21: overlapping fields": (
        "{ viewer { " + " ".join("tenant { " + "name " * 18 + "}" for _ in range(40)) + " } }",
        "fields that overlap",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_quickly(name: str) -> None:
    text, limit = HOSTILE[name]
    assert refused(text) == limit


@pytest.mark.parametrize("size", [1, 2, 30])
def test_15_circular_fragments_are_refused_quickly(size: int) -> None:
    """Each spreads all of them."""
    spreads = " ".join(f"...F{n}" for n in range(size))
    text = "{ viewer { ...F0 } } " + " ".join(f"fragment F{n} on Viewer {{ {spreads} }}" for n in range(size))

    def ask() -> None:
        with pytest.raises((GraphQLError, DocumentLimitExceeded)):
            check(parse(text), LIMITS)

    assert least_cpu(ask, 3) < within(QUICK)


@pytest.mark.parametrize(
    "query, variables, price",
    [
        ("{ viewer { principal tenant { name } } }", {}, 3),
        ("{ products { nodes { sku } } }", {}, 22),
        ("{ products(first: 5) { edges { node { sku listPrice { amount } } } pageInfo { endCursor } } }", {}, 7),
        ("{ orders(first: 10) { nodes { customer { name } } } }", {}, 21),
        ("{ orders(first: 10) { nodes { lineItems(last: 3) { nodes { product { sku } } } } } }", {}, 10 + 30 + 33),
        ("query ($n: Int) { orders(first: $n) { nodes { id } } }", {"n": 7}, 8),
        ("query ($n: Int) { orders(first: $n) { nodes { id } } }", {"n": 10**30}, 275),
        ("query ($n: Int) { orders(first: $n) { nodes { id } } }", {"n": "x"}, 275),
        ("query ($n: Int) { orders(first: $n) { nodes { id } } }", {"n": 7.0}, 8),
        ("query ($n: Int) { orders(first: $n) { nodes { id } } }", {}, 22),
        ("query ($n: Int = 4) { orders(first: $n) { nodes { id customer { id } } } }", {}, 9),
        ("query ($n: Int = 4) { orders(first: $n) { nodes { id } } }", {"n": None}, 22),
        ("{ orders(first: 10) { nodes { ...F } nodes { ...F } } } fragment F on Order { customer { id } }", {}, 21),
        ("{ orders(first: 250) { totalCount { value } } }", {}, 12),
        ("{ orders(first: 250) { pageInfo { hasNextPage } } }", {}, 26),
        ("{ orders(first: 0) { totalCount(max: 100000) { value } } }", {}, 102),
        ("{ orders { totalCount(max: null) { value } } }", {}, 12),
        ("query ($m: Int) { orders { totalCount(max: $m) { value } } }", {"m": 5_000}, 7),
        ("{ partners(first: 250) { nodes { orders(first: 0) { totalCount(max: 100000) { value } } } } }", {}, 250 + 25_275),
        ('{ nodes(ids: ["a", "b"]) { ... on Order { customer { id } } ... on Product { sku } } }', {}, 5),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": []}, 0),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"] * 500}, 110),
        ("{ a: products(first: 1) { nodes { b: sku c: sku d: sku } } }", {}, 2),
        ('mutation { orderShip(input: {order: {number: "1"}}) { order { lineItems { nodes { id } } } } }', {}, 74),
        ('mutation ($l: [StockAdjustLine!]!) { stockAdjust(input: {lines: $l, reason: "x"}) { moves { id } } }', {"l": [{}] * 500}, 1_151),
        ("{ stockDifferences { product { id } } }", {}, 210),
        ('{ orders(first: 10, where: {number: {eq: "x"}}) { nodes { id } } }', {}, 2 + 11),
        ('{ orders(first: 10, where: {lineItems: {every: {sku: {contains: "zzz"}}}}) { nodes { id } } }', {}, 204 + 11),
        ("query ($w: OrderWhere) { orders(first: 10, where: $w) { nodes { id } } }", {"w": {"or": [{"lineItems": {"some": {}}}] * 2}}, 205 + 11),
        ("query ($w: OrderWhere) { orders(first: 10, where: $w) { nodes { id } } }", {}, 11),
        ("query ($w: OrderWhere) { orders(first: 10, where: $w) { nodes { id } } }", {"w": "x"}, 11),
        ("query ($q: String) { orders(first: 10, where: {number: {eq: $q}}) { nodes { id } } }", {"q": "x"}, 2 + 11),
        ("{ partners(first: 250) { nodes { orders(first: 0, where: {lineItems: {none: {quantity: {lt: 0}}}}) { totalCount(max: 1000) { value } } } } }", {}, 250 + 250 * 104 + 525),
        ('{ orders(first: 10, search: "SO") { nodes { id } } }', {}, 100 + 11),
        ("query ($q: String) { orders(first: 10, search: $q) { nodes { id } } }", {"q": "x"}, 100 + 11),
        ("query ($q: String) { orders(first: 10, search: $q) { nodes { id } } }", {"q": None}, 11),
        ("{ orders(first: 100) { nodes { lineItems(first: 100) { nodes { product { lineItems(first: 100) { nodes { id } } } } } } } }", {}, 100 + 10_000 * 2 + 1_100_000),
    ],
)  # fmt: skip
def test_the_price_is_what_an_answer_may_hold_at_most(query: str, variables: dict[str, Any], price: int) -> None:
    documents = Documents(schema()._schema)
    document = documents.get(query)
    assert document.errors == []
    [operation] = [each for each in document.node.definitions if each.kind == "operation_definition"]
    assert documents.price(document, operation, variables) == price  # type: ignore[arg-type]  # the document has that operation
