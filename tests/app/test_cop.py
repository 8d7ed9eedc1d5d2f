"""The twelve checks of graphql-cop, as a stranger with a key of the smallest role would run them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.demo_site import Site

GRAPHQL = {"Accept": "application/graphql-response+json"}


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose key may not read the schema."""
    async with site.client(await site.without_roles()) as opened:
        yield opened


async def refused(client: httpx.AsyncClient, query: str, **more: Any) -> str:
    """The code that a document is refused with, in a single error, before anything of it is run."""
    answer = await client.post("/graphql", json={"query": query, **more}, headers=GRAPHQL)
    found = answer.json()
    assert answer.status_code == 400
    assert "data" not in found
    [error] = found["errors"]
    return str(error["extensions"]["code"])


async def test_1_alias_overloading(client: httpx.AsyncClient) -> None:
    aliases = " ".join(f"alias{number}: __typename" for number in range(101))
    assert await refused(client, f"query cop {{ {aliases} }}") == "LIMIT_EXCEEDED"


async def test_2_array_based_batching(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=[{"query": "query cop { __typename }"}] * 10, headers=GRAPHQL)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


async def test_3_directive_overloading(client: httpx.AsyncClient) -> None:
    assert await refused(client, f"query cop {{ __typename {'@aa' * 10} }}") == "LIMIT_EXCEEDED"
    unknown = await client.post("/graphql", json={"query": f"query cop {{ __typename {'@aa' * 5} }}"}, headers=GRAPHQL)
    assert (unknown.status_code, len(unknown.json()["errors"])) == (400, 5)


async def test_4_circular_introspection(client: httpx.AsyncClient) -> None:
    fields = "{ name fields { name type " * 4 + "{ name }" + " } }" * 4
    code = await refused(client, f"query cop {{ __schema {{ types {fields} }} }}")
    assert code in {"FORBIDDEN", "GRAPHQL_VALIDATION_FAILED", "LIMIT_EXCEEDED"}


async def test_4_circular_fragments(client: httpx.AsyncClient) -> None:
    query = "query cop { ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
    assert await refused(client, query) == "GRAPHQL_VALIDATION_FAILED"


async def test_5_field_duplication(client: httpx.AsyncClient) -> None:
    assert await refused(client, "query cop { " + "__typename \n" * 500 + "}") == "LIMIT_EXCEEDED"
    assert await refused(client, "query cop { " + "__typename \n" * 5_000 + "}") == "DOCUMENT_TOO_LARGE"


async def test_6_field_suggestions(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "query cop { order { numbr } }"}, headers=GRAPHQL)
    assert answer.status_code == 400
    assert "Did you mean" not in answer.text


async def test_7_mutations_by_get(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", params={"query": "mutation cop { __typename }"}, headers=GRAPHQL)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_8_queries_by_get_from_another_site(client: httpx.AsyncClient) -> None:
    """GET is spoken, for there is no cookie that a foreign page could use; a page is refused all the same."""
    asked = {"query": "query cop { __typename }"}
    assert (await client.get("/graphql", params=asked, headers=GRAPHQL)).status_code == 200
    foreign = GRAPHQL | {"Sec-Fetch-Site": "cross-site"}
    assert (await client.get("/graphql", params=asked, headers=foreign)).status_code == 403
    del client.headers["Authorization"]
    assert (await client.get("/graphql", params=asked, headers=GRAPHQL)).status_code == 401


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
async def test_9_forms(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post("/graphql", content="query=query cop { __typename }", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "BAD_REQUEST")


async def test_10_introspection(client: httpx.AsyncClient) -> None:
    assert await refused(client, "query cop { __schema { types { name fields { name } } } }") == "FORBIDDEN"
    assert (await client.get("/graphql/schema.graphql")).status_code == 403


async def test_11_trace_mode(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/graphql", json={"query": "query cop { __typename }"}, headers=GRAPHQL | {"X-Explain": "1"}
    )
    assert {*answer.json()["extensions"]} == {"cost"}


async def test_12_unhandled_errors(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "qwerty cop { abc }"}, headers=GRAPHQL)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "GRAPHQL_PARSE_FAILED")
    for word in ("exception", "Traceback", "stack", ".py", "graphql-core", "strawberry"):
        assert word not in answer.text


async def test_the_explorer_holds_no_key_in_production(site: Site) -> None:
    async with site.client("", environment="production", explorer=False) as stranger:
        answer = await stranger.get("/graphql", headers={"Accept": "text/html"})
        assert answer.status_code in {401, 406}
