"""A query by GET has a tag, and who has its answer isn't sent it again."""

from typing import Any

import httpx
import pytest

from app.asgi import create_app
from app.settings import load
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import Wire, body, serving, told

QUERY = {"query": "{ products(first: 40) { nodes { id sku name } } }"}
OTHER = {"query": "{ products(first: 39) { nodes { id sku name } } }"}
VARY = "authorization, accept, accept-encoding"


async def get(
    client: httpx.AsyncClient, known: str = "", query: dict[str, str] = QUERY, more: dict[str, str] | None = None
) -> httpx.Response:
    headers = {"If-None-Match": known} if known else {}
    return await client.get("/graphql", params=query, headers={**headers, **(more or {})})


async def test_what_is_known_isnt_sent_again(client: httpx.AsyncClient) -> None:
    first = await get(client)
    tag = first.headers["etag"]
    assert len(body(first)["data"]["products"]["nodes"]) == 40
    for known in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        again = await get(client, known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert "content-type" not in again.headers
        assert "content-length" not in again.headers
    for answer in (first, again):
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["vary"] == VARY
        assert answer.headers["x-request-id"]
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


async def test_the_cost_changes_and_the_tag_doesnt(client: httpx.AsyncClient) -> None:
    first, second = await get(client), await get(client)
    costs = [answer.json()["extensions"]["cost"] for answer in (first, second)]
    assert costs[0]["requested"] == costs[1]["requested"]
    assert first.headers["etag"] == second.headers["etag"]
    assert [*first.json()] == ["data", "extensions"]


async def test_other_data_have_another_tag(client: httpx.AsyncClient) -> None:
    first = await get(client)
    graphql = "application/graphql-response+json"
    others = [await get(client, query=OTHER), await get(client, more={"Accept": graphql})]
    assert len({answer.headers["etag"] for answer in (first, *others)}) == 3
    changed = await get(client, first.headers["etag"], OTHER)
    assert (changed.status_code, len(changed.json()["data"]["products"]["nodes"])) == (200, 39)


async def test_compressed_or_not_it_is_one_answer(client: httpx.AsyncClient) -> None:
    plain = await get(client, more={"Accept-Encoding": "identity"})
    packed = await get(client, more={"Accept-Encoding": "gzip"})
    assert ("content-encoding" in plain.headers, packed.headers["content-encoding"]) == (False, "gzip")
    assert plain.headers["etag"] == packed.headers["etag"]
    assert plain.headers["vary"] == packed.headers["vary"] == VARY
    assert plain.json()["data"] == packed.json()["data"]


async def test_another_tenant_isnt_told_that_it_knows(site: Site, client: httpx.AsyncClient) -> None:
    theirs = await keys.create(site.target, site.tenants[1].id, "tags")
    tag = (await get(client)).headers["etag"]
    async with site.client(theirs) as other:
        answer = await get(other, tag)
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag


async def test_after_a_change_the_tag_is_another(site: Site, client: httpx.AsyncClient) -> None:
    query = {"query": '{ product(by: {sku: "TAG-1"}) { name } }'}
    write = 'mutation ($name: String!) { productUpsert(input: {sku: "TAG-1", name: $name}) { userErrors { code } } }'
    before = await get(client, query=query)
    assert before.json()["data"] == {"product": None}
    for name in ("One", "Two"):
        written = await client.post("/graphql", json={"query": write, "variables": {"name": name}})
        assert body(written)["data"]["productUpsert"]["userErrors"] == []
        after = await get(client, before.headers["etag"], query)
        assert (after.status_code, after.json()["data"]) == (200, {"product": {"name": name}})
        assert (await get(client, after.headers["etag"], query)).status_code == 304
        before = after


@pytest.mark.parametrize("header", ["X-Explain", "X-Cost-Only"])
async def test_who_asks_for_more_than_the_answer_gets_it(client: httpx.AsyncClient, header: str) -> None:
    tag = (await get(client)).headers["etag"]
    answer = await get(client, tag, more={header: "1"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in answer.headers


async def test_nothing_else_is_kept(site: Site, client: httpx.AsyncClient) -> None:
    async with site.client("erp_wrong") as stranger:
        refused: list[Any] = [await get(stranger, "*")]
    refused += [await get(client, "*", {"query": "{ nope }"}), await get(client, "*", more={"Accept": "image/png"})]
    posted = await client.post("/graphql", json=QUERY, headers={"If-None-Match": "*"})
    assert [told(answer)[0] for answer in refused] == [401, 200, 406]
    for answer in (*refused, posted):
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
    assert posted.status_code == 200


async def test_pages_of_listed_origins_may_ask_and_see(site: Site) -> None:
    shop = {"Origin": "https://shop.example"}
    wish = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,if-none-match"}
    async with site.client(cors_origins=(shop["Origin"],)) as client:
        assert (await client.options("/graphql", headers={**shop, **wish})).status_code == 200
        answer = await get(client, more=shop)
        again = await get(client, answer.headers["etag"], more=shop)
    assert "etag" in answer.headers["access-control-expose-headers"].split(", ")
    assert again.status_code == 304
    assert again.headers["vary"] == f"{VARY}, Origin"


async def test_a_connection_goes_on_after_a_304(site: Site) -> None:
    head = f"GET /graphql?query=%7Bviewer%7Bprincipal%7D%7D HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.key}\r\n"
    async with serving(create_app(load(), site.database)) as port, Wire(port) as wire:
        wire.send(f"{head}\r\n".encode())
        first = await wire.answer()
        for _ in range(2):
            wire.send(f"{head}If-None-Match: {first.headers['etag'].removeprefix('w/')}\r\n\r\n".encode())
            head_of = await wire.reader.readuntil(b"\r\n\r\n")
            assert head_of.startswith(b"HTTP/1.1 304 ")
            assert b"transfer-encoding" not in head_of.lower()
        wire.send(f"{head}\r\n".encode())
        assert (await wire.answer()).status == 200
