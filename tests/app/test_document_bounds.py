"""Documents and variables are bounded by all that they are, and refused by their size before anybody looks at them
(attack 5)."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from graphql import parse

from app.context import Principal
from app.documents.preparation import OperationPreparer, too_much
from app.documents.request import GraphQLRequest
from app.documents.variables import check_size, check_weight, widest
from app.errors.formatting import entry
from app.errors.http_errors import Rejected
from app.settings import load
from core.ids import new_id
from execution import DocumentLimitExceeded, Documents, Limits
from tests.support.cpu import least_cpu, within
from tests.support.graph import schema

SETTINGS = load()
WHO = Principal(new_id(), "bounds", credential="key:bounds")

PARTS = " ".join(["id", "number", "externalId", "status", "placedAt", "note", "total{amount currency}"] * 9)


def many(count: int, what: Callable[[int], str]) -> str:
    return " ".join(map(what, range(count)))


def spread(operations: int) -> str:
    fragment = f"fragment f on Query{{orders{{nodes{{{PARTS}}}}}}}"
    return f"{many(operations, lambda n: f'query q{n}{{...f}}')} {fragment}"


DOCUMENTS: dict[str, tuple[str, str]] = {
    "a fragment, expanded for each operation": (spread(20), "fields that overlap"),
    "many operations": (many(21, lambda n: f"query q{n}{{__typename}}"), "operations"),
    "many fragments": (
        "{viewer{...f0}}" + many(51, lambda n: f"fragment f{n} on Viewer{{principal}}"),
        "fragments",
    ),
    "fields of all definitions": (
        many(20, lambda n: f"query q{n}{{viewer{{...f}}}}")
        + " fragment f on Viewer{"
        + many(50, lambda n: f"a{n}:principal")
        + many(60, lambda n: f"tenant{{a{n}:__typename}} ")
        + "}",
        "aliases",
    ),
    "operations over fields": (
        many(20, lambda n: f"query q{n}{{viewer{{...f}}}}")
        + " fragment f on Viewer{"
        + "principal permissions tenant{id name} " * 20
        + "}",
        "fields",
    ),
    "variables": (
        f"query q({many(101, lambda n: f'$a{n}:ID')}){{viewer{{principal}}}}",
        "variables",
    ),
    "uses of variables": (
        many(20, lambda n: f"query q{n}($a:ID!){{...f}}") + " fragment f on Query{nodes(ids:[" + "$a " * 40 + "]){id}}",
        "uses of variables",
    ),
    "uses in directives": (
        many(20, lambda n: f"query q{n}($a:Boolean!){{...f}}")
        + " fragment f on Query{viewer{"
        + "principal@skip(if:$a) " * 40
        + "}}",
        "uses of variables",
    ),
    "a long list": ("{nodes(ids:[" + '"a" ' * 301 + "]){id}}", "values"),
    "a long list by default": ("query($a:[ID!]=[" + '"a" ' * 301 + "]){nodes(ids:$a){id}}", "values"),
    "many objects": ("{orders(where:{or:[" + "{} " * 301 + "]}){nodes{id}}}", "values"),
    "fragments beside each other": (
        f"{{viewer{{{many(49, lambda n: f'...f{n}')}}}}}"
        + many(49, lambda n: f"fragment f{n} on Viewer{{principal permissions}}"),
        "fields that overlap",
    ),
    "type conditions": (
        '{node(id:"1"){' + many(110, lambda n: f"... on {('Order', 'Product')[n % 2]}{{id}}") + "}}",
        "fields that overlap",
    ),
    "long arguments, compared": (
        "{" + "orders(where:{status:{in:[" + "DRAFT " * 13 + "]}}){nodes{id}} " + "}",
        "",
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_attack_5_a_document_is_bounded_as_a_whole(name: str) -> None:
    text, limit = DOCUMENTS[name]
    documents = Documents(schema()._schema, limits=Limits())
    numbers = count()

    def ask() -> None:
        once = text + " " * next(numbers)  # otherwise the store knows the document
        if limit:
            with pytest.raises(DocumentLimitExceeded) as caught:
                documents.get(once)
            assert caught.value.limit == limit
        else:
            assert documents.get(once).errors == []

    assert least_cpu(ask, 3) < within(0.06)


AT_MOST = {
    "a flat list of values": "{nodes(ids:[" + '"a" ' * 299 + "]){id}}",
    "objects": "{orders(where:{or:[" + "{} " * 297 + "]}){nodes{id}}}",
    "uses of variables": "query($a:ID!){nodes(ids:[" + "$a " * 299 + "]){id}}",
    "variables": f"query({many(100, lambda n: f'$a{n}:ID!')}){{nodes(ids:[{many(100, lambda n: f'$a{n}')}]){{id}}}}",
    "operations": many(20, lambda n: f"query q{n}{{viewer{{principal permissions}}}}"),
    "operations over fragments": spread(8),
    "type conditions": '{node(id:"1"){' + many(80, lambda n: f"... on {('Order', 'Product')[n % 2]}{{id}}") + "}}",
    "fragments beside each other": f"{{viewer{{{many(25, lambda n: f'...f{n}')}}}}}"
    + many(25, lambda n: f"fragment f{n} on Viewer{{principal permissions}}"),
    "directives": "{viewer{" + "principal @skip(if:false) @include(if:true) " * 60 + "}}",
    "objects of a command": 'mutation{orderCreate(input:{customer:{code:"a"} lineItems:['
    + '{product:{sku:"a"} quantity:"1"} ' * 60
    + "]}){order{id}}}",
}


@pytest.mark.parametrize("name", AT_MOST)
def test_attack_5_what_just_fits_is_validated_soon(name: str) -> None:
    """20 ms on a quiet machine; here others work beside it."""
    documents = Documents(schema()._schema, limits=Limits())
    numbers = count()
    assert least_cpu(lambda: documents.get(AT_MOST[name] + " " * next(numbers)), 4) < within(0.08)


VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "empty lists": ({"a": [[]] * 340_000}, "values in its variables"),
    "empty objects": ({"a": [{}] * 340_000}, "values in its variables"),
    "a list of 501": ({"a": [1] * 501}, "entries in a list"),
    "lists in lists": ({"w": {"or": [{"or": [{}] * 500}] * 21}}, "values in its variables"),
    "many names": ({f"a{n}": n for n in range(10_001)}, "values in its variables"),
    "deep": ({"a": json.loads("[" * 60 + "]" * 60)}, "levels in its variables"),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_attack_5_variables_are_refused_by_their_size(name: str) -> None:
    given, limit = VARIABLES[name]

    def check() -> None:
        with pytest.raises(DocumentLimitExceeded) as caught:
            check_size(given, SETTINGS)
        assert caught.value.limit == limit

    assert least_cpu(check) < within(0.01)


def test_a_list_that_is_too_long_is_found_by_its_place() -> None:
    given = {"input": {"notes": [], "lineItems": [{"tags": [1]}, {"tags": [{}] * 501}]}}
    with pytest.raises(DocumentLimitExceeded) as caught:
        check_size(given, SETTINGS)
    error = entry(too_much(caught.value))
    assert error["extensions"]["variablePath"] == ["input", "lineItems", 1, "tags"]


async def test_attack_5_bytes_come_before_everything() -> None:
    """Not even the document is looked at."""
    preparing = OperationPreparer(Documents(schema()._schema, limits=Limits()), SETTINGS)
    asked = GraphQLRequest("{ nope }", {"a": [[]] * 340_000}, None, size=1_000_000)
    with pytest.raises(Rejected) as caught:
        await preparing.prepare(asked, WHO, "")
    [error] = caught.value.errors
    assert error["extensions"] == {
        "code": "LIMIT_EXCEEDED",
        "limit": "bytes besides the document",
        "maximum": 262_144,
        "actual": 1_000_000,
    }
    assert preparing.documents.misses == 0


def test_attack_3_variables_that_are_dear_to_coerce_are_refused_before() -> None:
    text = "query ($w: OrderWhere, $u: [StockAdjustLine!]) { orders(where: $w) { nodes { id } } }"
    operation: Any = parse(text).definitions[0]

    def check(given: dict[str, Any]) -> None:
        check_weight(schema()._schema, operation, given, SETTINGS)

    check({"w": {"or": [{}] * 250}, "u": [{"product": {"sku": "a"}, "quantity": "1"}] * 300, "other": [{}] * 5_000})

    dear: dict[str, Any] = {"w": {"or": [{"or": [{}] * 450}] * 20}}

    def refuse() -> None:
        with pytest.raises(DocumentLimitExceeded) as caught:
            check(dear)
        assert caught.value.limit == "values in its variables, or fields that these may have"

    assert least_cpu(refuse) < within(0.01)


async def test_attack_3_few_values_that_are_dear_to_coerce_are_looked_at() -> None:
    """Where that many could be too much work. Here 500 are empty conditions, with as many fields each as the widest input."""
    inputs: Any = schema()._schema.type_map
    given: dict[str, Any] = {"w": {"or": [{}] * 500}}
    size = check_size(given, SETTINGS)
    assert size == 502
    assert SETTINGS.limit_nodes < size + 501 * len(inputs["OrderWhere"].fields) <= size * (1 + widest(schema()._schema))
    preparing = OperationPreparer(Documents(schema()._schema, limits=Limits()), SETTINGS)
    text = "query ($w: OrderWhere) { orders(where: $w) { nodes { id } } }"
    with pytest.raises(Rejected) as caught:
        await preparing.prepare(GraphQLRequest(text, given, None, size=1_600), WHO, "")
    [error] = caught.value.errors
    assert error["extensions"]["limit"] == "values in its variables, or fields that these may have"


def test_five_hundred_lines_fit() -> None:
    text = "mutation ($i: OrderCreateInput!) { orderCreate(input: $i) { order { id } } }"
    operation: Any = parse(text).definitions[0]
    line = {"product": {"sku": "a"}, "quantity": "1", "unitPrice": "2.00", "description": "x"}
    given = {"i": {"customer": {"code": "a"}, "lineItems": [line] * 500}}
    check_size(given, SETTINGS)
    check_weight(schema()._schema, operation, given, SETTINGS)
