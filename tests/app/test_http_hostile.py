"""Values that no client should send, and that no answer says more about than it must.

The numbers are those of the list of threats that the cases were drawn from.
"""

import json
import pkgutil
import re
from functools import cache
from importlib import import_module
from typing import Any

import httpx
import pytest

import core
import db
import loaders
import resolvers
import services
from app.registry import build
from core.errors import ErpError
from db.models import metadata
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import GIVE_AWAYS, body

BY_PRICE = "query ($value: Decimal) { products(where: {listPrice: {gt: $value}}) { nodes { id } } }"
BY_DATE = "query ($value: DateTime) { orders(where: {placedAt: {gt: $value}}) { nodes { id } } }"
BY_STATUS = "query ($value: OrderStatus) { orders(where: {status: {eq: $value}}) { nodes { id } } }"
BY_NAME = "query ($value: String) { products(where: {name: {contains: $value}}) { nodes { id } } }"
SEARCH = "query ($value: String) { products(search: $value) { nodes { id } } }"
FIRST = "query ($value: Int) { orders(first: $value) { nodes { id } } }"
AFTER = "query ($value: String) { orders(after: $value) { nodes { id } } }"
NODE = "query ($value: ID!) { node(id: $value) { id } }"
NODES = "query ($value: [ID!]!) { nodes(ids: $value) { id } }"

TEXTS: list[Any] = ["\u0000", "a\u0000b", 5, ["a", "b"], {}]
REFUSED: dict[str, list[Any]] = {
    FIRST: [2**31, -(2**31) - 1, 2**53, 2**64, 1.5, "5", True, [1], {}, -1, 251],
    BY_PRICE: [
        *(1.5, 0.1, 10**21, True, [], {}, "", " 1", "1,5", "1e999", "NaN", "Infinity", "-0x1", "٣", "\u0000"),
        *("1" * 21, "0." + "1" * 21, "9" * 200_000),
    ],
    BY_DATE: [
        *("10000-01-01T00:00:00Z", "9999-12-32T00:00:00Z", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z"),
        *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00"),
        *("2026-01-01", "", "now", 0, 1e300, "9" * 100_000),
    ],
    BY_STATUS: ["confirmed", "NOPE", "", 0, {"a": 1}],
    BY_NAME: TEXTS,
    SEARCH: TEXTS,
    AFTER: [*TEXTS, "", "=", "W10", "bnVsbA", "eyJhIjoxfQ==", "x" * 100_000, "🌵", "//8"],
    NODE: [
        *("", "x", "ord_", "ord_x", "nope_" + "0" * 32, "ord_" + "g" * 32, "\u0000", 1.5, None),
        *("ord_" + "0" * 31, "ord_" + "0" * 33, "ord_" + "0" * 100_000, "ord_" + "٣" * 32, "ord_0193e000-0000-7000"),
    ],
    NODES: [["x"], [None], "x", 5, ["prod_" + "0" * 32] * 101, [["a"]], None],
}
VALUES = [(query, value) for query, values in REFUSED.items() for value in values]


@cache
def secrets() -> frozenset[str]:
    """Names of our classes, modules, tables and columns that aren't the graph's own words."""
    found = {name for table in metadata.tables.values() for name in (table.name, *table.columns.keys())}
    for package in (core, db, loaders, resolvers, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            found |= {name for name, value in vars(import_module(module.name)).items() if isinstance(value, type)}
            found.add(module.name)
    words = set(re.findall(r"\w+", build().as_str()))
    return frozenset(name for name in found - words if "_" in name or "." in name or re.search("[a-z][A-Z]", name))


def give_aways(text: str) -> list[str]:
    """What a text says that it shouldn't."""
    words = set(re.findall(r"[\w.]+", text))
    return [word for word in GIVE_AWAYS if word in text] + sorted(words & secrets())


def refusal(answer: httpx.Response) -> tuple[int, set[str]]:
    """The status and the codes of a refusal, which brings no data and gives nothing away."""
    found = answer.json()
    assert not any((found.get("data") or {}).values())
    assert give_aways(answer.text) == [], answer.text[:2_000]
    return answer.status_code, {error["extensions"]["code"] for error in found["errors"]}


@pytest.mark.parametrize(
    "query, value", VALUES, ids=[f"{place}-{repr(value)[:16]!a}" for place, (_, value) in enumerate(VALUES)]
)
async def test_threats_5_to_8_values_out_of_range_or_of_another_type(
    client: httpx.AsyncClient, query: str, value: Any
) -> None:
    as_variable = await client.post("/graphql", json={"query": query, "variables": {"value": value}})
    assert refusal(as_variable) == (200, {"BAD_USER_INPUT"})
    if isinstance(value, int | float | str | None):  # what JSON and GraphQL write alike
        literal = query[query.index("{") :].replace("$value", json.dumps(value))
        if "OrderStatus" in query and isinstance(value, str):
            literal = literal.replace('"', "")
        status, codes = refusal(await client.post("/graphql", json={"query": literal}))
        assert status == 200
        assert codes <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "DOCUMENT_TOO_LARGE"}


async def test_threat_2_an_integer_too_long_for_json_is_never_rounded(client: httpx.AsyncClient) -> None:
    """Past 64 bits JSON's reader makes it a float, which is no Decimal; past a float's range it is no JSON."""
    exact = {"query": BY_PRICE, "variables": {"value": 2**64 - 1}}
    assert body(await client.post("/graphql", json=exact)) == {"data": {"products": {"nodes": []}}}
    assert refusal(await client.post("/graphql", json={"query": BY_PRICE, "variables": {"value": 2**64}})) == (
        200,
        {"BAD_USER_INPUT"},
    )
    literal = BY_PRICE[BY_PRICE.index("{") :].replace("$value", str(2**64))
    assert body(await client.post("/graphql", json={"query": literal})) == {"data": {"products": {"nodes": []}}}
    assert refusal(await client.post("/graphql", json={"query": BY_PRICE, "variables": {"value": 10**400}})) == (
        400,
        {"BAD_REQUEST"},
    )


async def test_threat_2_of_a_member_that_stands_twice_the_last_counts(client: httpx.AsyncClient) -> None:
    """As JavaScript reads it: nothing in front of this server decides by the body."""
    content = b'{"query": "{ nope }", "variables": {"a": 1}, "query": "{ __typename }", "variables": null}'
    answer = await client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
    assert body(answer) == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "escape, valid",
    [
        ("\\ud83c\\udf35", True),
        ("\\u{1F335}", True),
        ("\\ud83c", False),
        ("\\udf35\\ud83c", False),
        ("\\u{D83C}", False),
    ],
)
async def test_threat_5_half_a_character(client: httpx.AsyncClient, escape: str, valid: bool) -> None:
    query = f'{{ products(where: {{name: {{eq: "{escape}"}}}}) {{ nodes {{ id }} }} }}'
    answer = await client.post("/graphql", json={"query": query})
    if valid:
        assert body(answer) == {"data": {"products": {"nodes": []}}}
    else:
        assert refusal(answer) == (200, {"GRAPHQL_PARSE_FAILED"})
    # In JSON the braces of GraphQL are no escape at all.
    if "{" not in escape:
        content = json.dumps({"query": SEARCH, "variables": {"value": "?"}}).replace("?", escape).encode()
        answer = await client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == (200 if valid else 400)
        assert valid or refusal(answer) == (400, {"BAD_REQUEST"})


async def test_threat_5_the_message_names_the_field_that_holds_nul(client: httpx.AsyncClient) -> None:
    for query, path in ((BY_NAME, ["where", "name", "contains"]), (SEARCH, ["search"]), (AFTER, ["after"])):
        answer = await client.post("/graphql", json={"query": query, "variables": {"value": "a\0b"}})
        [error] = answer.json()["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argumentPath": path, "variablePath": ["value"]}


async def test_threat_8_anothers_id_is_answered_byte_for_byte_as_one_of_no_one(
    site: Site, client: httpx.AsyncClient
) -> None:
    key = await keys.create(site.target, site.tenants[1].id, "other")
    async with site.client(key) as other:
        found = (await other.post("/graphql", json={"query": "{ orders(first: 1) { nodes { id } } }"})).json()
        theirs = found["data"]["orders"]["nodes"][0]["id"]
        given = {"query": NODE, "variables": {"value": theirs}}
        assert body(await other.post("/graphql", json=given)) == {"data": {"node": {"id": theirs}}}
    nobodys = "ord_0193e000000070008000000000000000"
    for query in (NODE, NODES, "query ($value: ID!) { order(by: {id: $value}) { number } }"):
        told = [
            await client.post("/graphql", json={"query": query, "variables": {"value": value}})
            for value in (theirs, nobodys)
        ]
        # What is charged, and remains of the budget, is by measured time, and by nothing else.
        bodies = {re.sub(rb'"(remaining|charged)":\d+', b"", answer.content) for answer in told}
        assert len(bodies) == 1
        assert b"errors" not in bodies.pop()


DOCUMENTS = {
    "nothing but a comment": "# { viewer { principal } }",
    "no operation": "fragment F on Viewer { principal }",
    "the same name twice": "query A { __typename } query A { __typename }",
    "a nameless one beside another": "{ __typename } query A { __typename }",
    "an empty selection": "{ viewer {} }",
    "no selection": "{ viewer }",
    "a selection of a scalar": "{ viewer { principal { x } } }",
    "a circle of fragments": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "a fragment of nothing": "{ ...A }",
    "a fragment on a scalar": "{ ... on String { x } }",
    "a definition of a type": "type A { a: Int }",
    "an unknown directive": "{ viewer @x { principal } }",
    "a directive twice": "{ viewer @skip(if: true) @skip(if: true) { principal } }",
    "a variable without a type": "query ($a) { __typename }",
    "a variable of an output type": "query ($a: Order) { __typename }",
    "a variable that is not used": "query ($a: Int) { __typename }",
    "a subscription": "subscription { __typename }",
    "a mutation of nothing": "mutation { nope }",
    "nested a thousand times": "{ node(id: 1) " * 1_000,
    "a list nested a thousand times": "{ orders(where: " + "[" * 1_000 + "]" * 1_000 + ") { nodes { id } } }",
    "a type nested a thousand times": "query ($a: " + "[" * 1_000 + "Int" + "]" * 1_000 + ") { __typename }",
    "too many tokens": "{ " + "a " * 20_000 + "}",
    "an unended string": '{ node(id: "',
    "an unended block": '{ node(id: """ ',
    "control characters": "{ \x00 \x07 }",
    "a byte order mark within": "{ viewer\ufeff\ufffe { principal } }",
    "a wide blank": "{\u3000viewer { principal } }",
    "python": "__import__('os').system('id')",
    "sql": "'; DROP TABLE orders; --",
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_threats_9_10_and_35_documents_that_are_none(client: httpx.AsyncClient, document: str) -> None:
    status, codes = refusal(await client.post("/graphql", json={"query": document}))
    assert (status, len(codes)) == (200, 1)
    limits = {"DOCUMENT_TOO_LARGE", "LIMIT_EXCEEDED"}
    assert codes < {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "OPERATION_RESOLUTION_FAILURE"} | limits


async def test_threat_35_errors_are_few_however_many_there_are(client: httpx.AsyncClient) -> None:
    query = "{ viewer { " + " ".join(f"nope{number}" for number in range(50)) + " } }"
    errors = (await client.post("/graphql", json={"query": query})).json()["errors"]
    assert len(errors) == 21
    assert errors[-1]["message"] == "Too many validation errors, error limit reached. Validation aborted."


def test_the_scan_finds_what_it_looks_for() -> None:
    assert give_aways("There is no such order.") == []
    assert {"tenant_id", "line_items", "db.runtime.reader", "ErpError"} <= secrets()
    for planted in (
        "asyncpg refused",
        'File "x"',
        f"in {ErpError.__name__}",
        "column tenant_id",
        "db.runtime.reader",
        "value: None",
    ):
        assert give_aways(planted) != [], planted
