"""GraphQL over HTTP as its specification has it; what test_answers.py and test_requests.py leave out."""

from typing import Any

import httpx
import pytest
import strawberry

from app import asgi
from app.registry import Graph
from tests.support.demo_site import Site
from tests.support.http import body, told

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
QUERY = {"query": "{ viewer { principal } }"}
DATA = {"data": {"viewer": {"principal": "tests"}}}


@pytest.mark.parametrize(
    "accept, media",
    [
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{JSON};q=0.4, {GRAPHQL};q=0.5, */*;q=0.9", GRAPHQL),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"{JSON};q=0, {GRAPHQL};q=0, */*", None),
        ("*/*;q=0", None),
        ("application/*;q=0, */*", None),
        ("*/*;q=0.001", JSON),
        (f"{GRAPHQL};q=nan, {JSON}", JSON),
        (f"{JSON};q=x", None),
        ("APPLICATION/JSON ; Q=1", JSON),
        (f"text/html, image/png, {GRAPHQL}", GRAPHQL),
        ("text/event-stream", None),
        ("text/html", None),
        (",,", None),
        ("", JSON),
    ],
)
async def test_the_narrowest_range_decides(client: httpx.AsyncClient, accept: str, media: str | None) -> None:
    answer = await client.post("/graphql", json=QUERY, headers={"Accept": accept})
    if media is None:
        assert told(answer) == (406, "BAD_REQUEST")
    else:
        assert (answer.status_code, body(answer)) == (200, DATA)
    assert answer.headers["content-type"] == f"{media or JSON}; charset=utf-8"


async def test_several_accept_headers_are_one(client: httpx.AsyncClient) -> None:
    headers = [("Accept", "image/png"), ("Accept", GRAPHQL)]
    del client.headers["Accept"]
    answer = await client.post("/graphql", json=QUERY, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{GRAPHQL}; charset=utf-8")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
async def test_utf_8_by_its_names(client: httpx.AsyncClient, charset: str) -> None:
    content = '{"query": "{ viewer { principal } } # ü"}'.encode()
    answer = await client.post(
        "/graphql", content=content, headers={"Content-Type": f"Application/JSON ; charset={charset}"}
    )
    assert (answer.status_code, body(answer)) == (200, DATA)


@pytest.mark.parametrize(
    "request_, code",
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nope }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { __typename } query B { __typename }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { __typename }", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "{ __typename }", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query ($n: Int!) { orders(first: $n) { nodes { id } } }"}, "BAD_USER_INPUT"),
        (
            {"query": "query ($n: Int!) { orders(first: $n) { nodes { id } } }", "variables": {"n": "1"}},
            "BAD_USER_INPUT",
        ),
    ],
    ids=["parse", "validate", "which", "named", "anonymous", "missing variable", "wrong variable"],
)
async def test_a_request_error_has_no_data_and_a_status_by_media_type(
    client: httpx.AsyncClient, request_: dict[str, Any], code: str
) -> None:
    bodies = []
    for media, status in ((JSON, 200), (GRAPHQL, 400)):
        answer = await client.post("/graphql", json=request_, headers={"Accept": media})
        assert told(answer) == (status, code)
        assert "data" not in answer.json()
        bodies.append(answer.json())
    assert bodies[0] == bodies[1]


async def test_an_execution_error_has_data_and_200_with_both_media_types(client: httpx.AsyncClient) -> None:
    for media in (JSON, GRAPHQL):
        query = "{ orders(first: -1) { nodes { id } } }"
        answer = await client.post("/graphql", json={"query": query}, headers={"Accept": media})
        assert told(answer) == (200, "BAD_USER_INPUT")
        assert answer.json()["data"] is None


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/graphql", params=QUERY)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_get_takes_all_four_parameters(client: httpx.AsyncClient) -> None:
    query = "query A { __typename } query B($by: Int!) { orders(first: $by) { nodes { number } } }"
    given = {"query": query, "operationName": "B", "variables": '{"by": 0}', "extensions": "{}"}
    assert body(await client.get("/graphql", params=given)) == {"data": {"orders": {"nodes": []}}}
    empty = {"query": "{ __typename }", "operationName": "", "variables": "", "extensions": ""}
    assert body(await client.get("/graphql", params=empty)) == {"data": {"__typename": "Query"}}
    search = {"query": 'query { products(search: "🌵 مرحبا") { nodes { id } } }'}
    assert body(await client.get("/graphql", params=search)) == {"data": {"products": {"nodes": []}}}


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "variables=%7B%7D",
        "query=",
        "query=%7B__typename%7D&variables=%7B",
        "query=%7B__typename%7D&variables=5",
        "query=%7B__typename%7D&variables=%5B%5D",
        "query=%7B__typename%7D&variables=NaN",
        "query=%7B__typename%7D&extensions=%5B%5D",
        "query=%7B__typename%7D&extensions=x",
        "query=%7B__typename%7D&query=%7Bviewer%7Bprincipal%7D%7D",
        "query=%7B__typename%7D&variables=%7B%7D&variables=%7B%7D",
        "query=%7B__typename%7D%23%ff",
        "query=%7B__typename%7D%23%ed%a0%80",
    ],
)
async def test_query_strings_that_are_no_request(client: httpx.AsyncClient, query_string: str) -> None:
    assert told(await client.get(f"/graphql?{query_string}")) == (400, "BAD_REQUEST")


async def test_a_browser_gets_the_page_and_a_query_its_answer(client: httpx.AsyncClient) -> None:
    accept = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = await client.get("/graphql", headers=accept)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert body(await client.get("/graphql", params=QUERY, headers=accept)) == DATA


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/graphql/schema.graphql", "/explorer/index.js"])
async def test_a_query_sent_to_another_address_says_where_the_graph_is(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, json=QUERY)
    message = "This address doesn't answer that method. The graph is at /graphql, by GET and POST."
    assert (answer.status_code, answer.json()) == (
        405,
        {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]},
    )
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_other_paths_lead_nowhere(client: httpx.AsyncClient) -> None:
    """Above all not to where a Host header points (threat 37)."""
    nothing = "There is nothing at this address. The graph is at /graphql; / lists what else is here."
    error = {"message": nothing, "extensions": {"code": "BAD_REQUEST"}}
    for path in (
        "/index.html",
        "/graphql/",
        "/graphql//",
        "/docs",
        "/openapi.json",
        "/graphql/../healthz/",
        "/explorer/none",
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"errors": [error]})
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert "location" not in answer.headers
        foreign = await client.get(path, headers={"Host": "evil.example"})
        assert (foreign.status_code, "location" in foreign.headers) == (400, False)


class Counter:
    """A graph with a mutation that counts."""

    def __init__(self) -> None:
        self.touched = 0
        counter = self

        @strawberry.type
        class Query:
            @strawberry.field
            def touched(self) -> int:
                return counter.touched

        @strawberry.type
        class Mutation:
            @strawberry.mutation
            def touch(self) -> int:
                counter.touched += 1
                return counter.touched

        self.graph = Graph(query=Query, mutation=Mutation)
        self.graph.nodes = {}


async def test_a_mutation_goes_by_post_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter()
    monkeypatch.setattr(asgi, "build", lambda *_, **__: counter.graph)
    both = "query Read { touched } mutation Write { touch }"
    async with site.client() as client:
        for query in ({"query": "mutation { touch }"}, {"query": both, "operationName": "Write"}):
            answer = await client.get("/graphql", params=query)
            assert told(answer) == (405, "BAD_REQUEST")
            assert answer.headers["allow"] == "POST"
        assert counter.touched == 0
        read = await client.get("/graphql", params={"query": both, "operationName": "Read"})
        assert body(read) == {"data": {"touched": 0}}
        written = await client.post("/graphql", json={"query": both, "operationName": "Write"})
        assert body(written) == {"data": {"touch": 1}}
    assert counter.touched == 1


@pytest.mark.parametrize(
    "method, headers, content, status, header",
    [
        ("PUT", {}, b'{"query": "mutation { touch }"}', 405, ("allow", "GET, POST")),
        ("DELETE", {"Accept": "image/png"}, b"", 405, ("allow", "GET, POST")),
        ("POST", {"Accept": "image/png"}, b'{"query": "mutation { touch }"}', 406, None),
        ("POST", {"Accept": f"{JSON};q=0, {GRAPHQL};q=0"}, b'{"query": "mutation { touch }"}', 406, None),
        ("POST", {}, b'{"query": "mutation { touch }"' + b" " * 2_000 + b"}", 413, ("connection", "close")),
        ("POST", {"Content-Type": "text/plain"}, b'{"query": "mutation { touch }"}', 415, ("accept", JSON)),
        ("POST", {"Content-Type": "application/graphql"}, b"mutation { touch }", 415, ("accept", JSON)),
        ("POST", {"Content-Type": ""}, b'{"query": "mutation { touch }"}', 415, ("accept", JSON)),
        ("POST", {"Content-Type": f"{JSON}; charset=latin1"}, b'{"query": "mutation { touch }"}', 415, None),
        ("POST", {"Content-Encoding": "gzip"}, b'{"query": "mutation { touch }"}', 415, None),
    ],
)
@pytest.mark.parametrize("media", [JSON, GRAPHQL])
async def test_the_statuses_of_the_draft(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    media: str,
    method: str,
    headers: dict[str, str],
    content: bytes,
    status: int,
    header: tuple[str, str] | None,
) -> None:
    """Whatever media type is wanted; nothing was run, and the body says why."""
    counter = Counter()
    monkeypatch.setattr(asgi, "build", lambda *_, **__: counter.graph)
    async with site.client(limit_body=1_024) as client:
        sent = {"Accept": media, "Content-Type": JSON, **headers}
        answer = await client.request(method, "/graphql", content=content, headers=sent)
    assert told(answer) == (status, "BAD_REQUEST")
    assert answer.headers["content-type"] == f"{JSON if 'Accept' in headers else media}; charset=utf-8"
    assert header is None or answer.headers[header[0]] == header[1]
    assert counter.touched == 0
