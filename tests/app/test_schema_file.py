"""The schema as a file, and a server that shows its schema to nobody."""

import httpx
import pytest
from graphql import build_schema

from app.http.compression import squeezed
from app.registry import build
from app.throttling.budgets import Charge
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import body, told

FILE = "/graphql/schema.graphql"
INTROSPECTION = {"query": "{ __schema { queryType { name } } }"}


async def test_it_is_the_running_schema(client: httpx.AsyncClient) -> None:
    answer = await client.get(FILE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/graphql; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == build().as_str() + "\n"
    assert "Order" in build_schema(answer.text).type_map


async def test_it_has_the_installed_modules_only(site: Site) -> None:
    async with site.client(modules=("catalog",)) as client:
        found = build_schema((await client.get(FILE)).text)
    assert ("Product" in found.type_map, "Order" in found.type_map) == (True, False)


async def test_who_has_it_isnt_sent_it_again(client: httpx.AsyncClient) -> None:
    first = await client.get(FILE)
    again = await client.get(FILE, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    for answer in (first, again):
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["vary"] == "authorization, accept, accept-encoding"


async def test_it_is_compressed_once_and_pays_for_its_bytes_at_its_keys_pace(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time anew it took 3 ms of the loop, for the least price of a request, and nobody held it back."""
    compressed, ended, paced = list[bytes](), list[int](), list[Charge]()
    end, keep_pace = Charge.end, Charge.keep_pace

    def counting(content: bytes) -> bytes:
        compressed.append(content)
        return squeezed(content)

    def noting(charge: Charge) -> None:
        ended.append(charge.spent.bytes)
        end(charge)

    async def pacing(charge: Charge) -> None:
        paced.append(charge)
        await keep_pace(charge)

    monkeypatch.setattr("app.http.schema_file.squeezed", counting)
    monkeypatch.setattr(Charge, "end", noting)
    monkeypatch.setattr(Charge, "keep_pace", pacing)
    answers = [await client.get(FILE) for _ in range(2)]
    plain = await client.get(FILE, headers={"Accept-Encoding": "identity"})
    assert [len(answers[0].text.encode()), len(plain.content)] == [len(compressed[0])] * 2
    assert (len(compressed), len(paced)) == (1, 3)
    assert ended == [*(int(each.headers["content-length"]) for each in answers), len(plain.content)]


async def test_without_a_key_there_is_none(site: Site) -> None:
    for key in ("", "erp_wrong"):
        async with site.client(key) as stranger:
            answer = await stranger.get(FILE, headers={"If-None-Match": "*"})
        assert told(answer) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


async def test_without_the_permission_there_is_none(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.documents.preparation.SCHEMA", "schema:nobody")
    answer = await client.get(FILE, headers={"If-None-Match": "*"})
    assert told(answer) == (403, "FORBIDDEN")
    assert "schema:nobody" in answer.text


async def test_wrong_keys_are_held_back_here_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.schema_file.REFUSAL_TAKES", 0)
    async with site.client("erp_wrong", failed_attempts=2) as stranger:
        assert [(await stranger.get(FILE)).status_code for _ in range(3)] == [401, 401, 429]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_other_methods(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, FILE)
    assert (answer.status_code, {*answer.headers["allow"].split(", ")}) == (405, {"GET", "HEAD"})


async def test_introspection_off_is_for_everybody(site: Site) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "owner", roles=["admin"])
    async with site.client(key, introspection=False) as client:
        refused = await client.post("/graphql", json=INTROSPECTION)
        assert told(refused) == (200, "FORBIDDEN")
        [error] = refused.json()["errors"]
        assert error["message"] == "This server doesn't show its schema to anybody: ERPGRAPH_INTROSPECTION is off."
        assert told(await client.get(FILE)) == (403, "FORBIDDEN")
        misspelt = await client.post("/graphql", json={"query": "{ viewr { principal } }"})
        assert told(misspelt) == (200, "GRAPHQL_VALIDATION_FAILED")
        assert "Did you mean" not in misspelt.text
        named = await client.post("/graphql", json={"query": "{ __typename viewer { __typename } }"})
        assert body(named) == {"data": {"__typename": "Query", "viewer": {"__typename": "Viewer"}}}
    async with site.client(key) as client:
        assert body(await client.post("/graphql", json=INTROSPECTION))["data"]["__schema"]["queryType"]
