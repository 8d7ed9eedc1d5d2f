"""What a request may be: each malformed one has its clear answer, and none of them reaches the database."""

import json
from typing import Any

import httpx
import pytest

from app.settings import load
from tests.support.http import body

MAX_BODY = load().largest_body
"""ERPGRAPH_LIMIT_BODY, where nothing else is set."""

JSON = {"Content-Type": "application/json"}
GIVE_AWAYS = ("Traceback", "asyncpg", "sqlalchemy", "SELECT ", "graphql.", "Error(", "line_items.", "/loaders", "0x")


def told(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code; and that the message gives nothing away and isn't data."""
    found = answer.json()
    [error] = found["errors"]
    assert found.get("data") is None
    assert not any(word in answer.text for word in GIVE_AWAYS), answer.text
    return answer.status_code, error["extensions"]["code"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"5",
        b'"x"',
        b"null",
        b"true",
        b"[]",
        b"[1]",
        b'[{"query": "{ viewer { principal } }"}]',
        b"{}",
        b'{"query": ""}',
        b'{"query": 5}',
        b'{"query": null}',
        b'{"query": ["{ a }"]}',
        b'{"query": "{ a }", "variables": 5}',
        b'{"query": "{ a }", "variables": []}',
        b'{"query": "{ a }", "operationName": 5}',
        b'{"query": "{ a }", "extensions": "x"}',
        b"1" * 5_000,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"query": "\xff"}',
        '{"query": "{ a }"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"query": "{ a }"}',
        b'{"query": NaN}',
        b'{"query": "{ a }", "variables": {"a": Infinity}}',
        b'{"query": "\\ud800"',
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_threats_1_and_2_a_body_that_is_no_request(client: httpx.AsyncClient, body: bytes) -> None:
    assert told(await client.post("/graphql", content=body, headers=JSON)) == (400, "BAD_REQUEST")


async def test_threat_3_a_body_over_the_limit_by_its_length_and_by_its_chunks(client: httpx.AsyncClient) -> None:
    exact = json.dumps({"query": "{ viewer { principal } }", "filler": ""}).encode()
    exact = exact[:-2] + b"x" * (MAX_BODY - len(exact)) + exact[-2:]
    assert len(exact) == MAX_BODY
    assert told(await client.post("/graphql", content=exact, headers=JSON)) == (
        200,
        "LIMIT_EXCEEDED",
    )  # by the next limit
    assert told(await client.post("/graphql", content=exact + b" ", headers=JSON)) == (413, "BAD_REQUEST")
    query = json.dumps({"query": "{ viewer { principal } }" + " " * 2_000_000}).encode()
    assert told(await client.post("/graphql", content=query, headers=JSON)) == (413, "BAD_REQUEST")
    read = 0

    async def chunks() -> Any:
        nonlocal read
        for start in range(0, len(query), 65_536):
            read += 1
            yield query[start : start + 65_536]

    assert told(await client.post("/graphql", content=chunks(), headers=JSON)) == (413, "BAD_REQUEST")


async def test_threat_3_compressed_bodies_and_long_urls(client: httpx.AsyncClient) -> None:
    gzip = await client.post("/graphql", content=b"\x1f\x8b", headers=JSON | {"Content-Encoding": "gzip"})
    assert told(gzip) == (415, "BAD_REQUEST")
    assert told(await client.get("/graphql", params={"query": "{ a }" + " " * 9_000})) == (414, "BAD_REQUEST")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-16",
    ],
)
async def test_other_content_types_are_refused(client: httpx.AsyncClient, content_type: str) -> None:
    content = b'{"query": "{ viewer { principal } }"}'
    answer = await client.post("/graphql", content=content, headers={"Content-Type": content_type})
    assert told(answer) == (415, "BAD_REQUEST")


async def ask(client: httpx.AsyncClient, query: str, **more: Any) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, **more})


@pytest.mark.parametrize(
    "query, code",
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "BAD_REQUEST"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { } }", "GRAPHQL_PARSE_FAILED"),
        ("{ viewer }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Query { viewer { principal } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { viewer { principal } } query B { viewer { principal } }", "OPERATION_RESOLUTION_FAILURE"),
        ("{ orders(first: 99999999999) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ products(where: {listPrice: {gt: 1.5}}) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ products(where: {listPrice: {gt: "1e999"}}) { nodes { id } } }', "GRAPHQL_VALIDATION_FAILED"),
        (
            f'{{ products(where: {{listPrice: {{gt: "{"9" * 10_000}"}}}}) {{ nodes {{ id }} }} }}',
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            '{ orders(where: {placedAt: {gt: "9999-12-31T23:59:59-14:00"}}) { nodes { id } } }',
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ orders(where: {status: {eq: confirmed}}) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ product(by: {sku: 5}) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ product(by: {sku: "a", externalId: "b"}) { id } }', "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: Nope) { viewer { principal } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer @nope { principal } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_documents_that_are_refused(client: httpx.AsyncClient, query: str, code: str) -> None:
    answer = await ask(client, query)
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert "data" not in answer.json()
    # The same as a GraphQL response proper: a client that understands it sees a refusal in the status.
    strict = await client.post(
        "/graphql", json={"query": query}, headers={"Accept": "application/graphql-response+json"}
    )
    assert strict.status_code == 400
    assert answer.status_code == (400 if code == "BAD_REQUEST" else 200)
    assert not any(word in answer.text for word in GIVE_AWAYS)


@pytest.mark.parametrize(
    "arguments, path",
    [
        ("first: -1", ["first"]),
        ("first: 100000", ["first"]),
        ("last: 251", ["last"]),
        ("first: 1, last: 1", ["last"]),
        ('after: "nonsense"', ["after"]),
        ('before: "W10"', ["before"]),
        ('where: {id: {eq: "nonsense"}}', ["where", "id", "eq"]),
        ('where: {id: {eq: "prod_0193e000000070008000000000000000"}}', ["where", "id", "eq"]),
        ('where: {number: {eq: "a\\u0000b"}}', ["where", "number", "eq"]),
        ("orderBy: [{field: RELEVANCE}]", ["orderBy", 0, "field"]),
        ("where: " + "{not: " * 40 + '{number: {eq: "x"}}' + "}" * 40, ["where"]),
    ],
)
async def test_arguments_that_make_no_sense(client: httpx.AsyncClient, arguments: str, path: list[str | int]) -> None:
    [error] = (await ask(client, f"{{ orders({arguments}) {{ nodes {{ id }} }} }}")).json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["path"] == ["orders"]
    assert error["extensions"]["argumentPath"][: len(path)] == path


async def test_a_cursor_of_another_sort(client: httpx.AsyncClient) -> None:
    page = (await ask(client, "{ orders(first: 1) { pageInfo { endCursor } } }")).json()["data"]["orders"]
    query = "query ($after: String) { orders(after: $after, orderBy: [{field: NUMBER}]) { nodes { id } } }"
    answer = (await ask(client, query, variables={"after": page["pageInfo"]["endCursor"]})).json()
    assert answer["data"] is None
    extensions = {"code": "BAD_USER_INPUT", "argumentPath": ["after"], "variablePath": ["after"]}
    assert answer["errors"][0]["extensions"] == extensions


async def test_g9_what_a_field_refuses_leads_into_the_variables(client: httpx.AsyncClient) -> None:
    query = "query ($ids: [ID!], $where: OrderWhere) { a: orders(where: {and: [{id: {in: $ids}}]}) { nodes { id } } b: orders(where: $where) { nodes { id } } }"
    variables = {"ids": ["ord_" + "0" * 32, "x"], "where": {"or": [{"id": {"eq": "x"}}]}}
    errors = (await ask(client, query, variables=variables)).json()["errors"]
    assert [(each["extensions"]["argumentPath"], each["extensions"]["variablePath"]) for each in errors] == [
        (["where", "and", 0, "id", "in", 1], ["ids", 1]),
        (["where", "or", 0, "id", "eq"], ["where", "or", 0, "id", "eq"]),
    ]


async def test_variables_that_do_not_fit(client: httpx.AsyncClient) -> None:
    query = "query ($price: Decimal) { products(where: {listPrice: {gt: $price}}) { totalCount { value } } }"
    unfit: list[Any] = [1.5, True, "x", "1e5", {}, ["1", "2"]]
    for price in unfit:
        answer = await ask(client, query, variables={"price": price})
        assert told(answer) == (200, "BAD_USER_INPUT"), price
        assert "data" not in answer.json()
    assert body(await ask(client, query, variables={"price": "1.50"})).keys() == {"data"}


async def test_the_operation_is_chosen_by_its_name(client: httpx.AsyncClient) -> None:
    query = "query A { viewer { principal } } query B { viewer { tenant { name } } }"
    chosen = await ask(client, query, operationName="B")
    assert body(chosen) == {"data": {"viewer": {"tenant": {"name": "larkspur"}}}}
    assert told(await ask(client, query, operationName="C")) == (200, "OPERATION_RESOLUTION_FAILURE")


async def test_emoji_and_right_to_left_script_are_text_like_any_other(client: httpx.AsyncClient) -> None:
    for text in ("🌵🏡", "مرحبا بالعالم", "שלום", "日本語", "e\u0301"):
        query = "query ($text: String) { products(search: $text, where: {name: {contains: $text}}) { nodes { id } } }"
        assert body(await ask(client, query, variables={"text": text})) == {"data": {"products": {"nodes": []}}}
