"""Automatic persisted queries: Apollo's protocol, each tenant's apart, in bounded room."""

import json
import sys
from hashlib import sha256
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.persisted import ENTRY, Persisted
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import app_of, body, told

FULL = {"Accept": "application/graphql-response+json"}
WHO = "{ viewer { principal } }"
NOT_FOUND = (400, "PERSISTED_QUERY_NOT_FOUND")


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def named(text: str, **more: Any) -> dict[str, Any]:
    """A request for a text by its hash alone."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashed(text)}}, **more}


async def ask(client: httpx.AsyncClient, request: dict[str, Any], key: str = "") -> httpx.Response:
    headers = FULL | ({"Authorization": f"Bearer {key}"} if key else {})
    return await client.post("/graphql", json=request, headers=headers)


def held(client: httpx.AsyncClient) -> tuple[int, int]:
    """How many texts the client's server keeps, and their bytes."""
    found: tuple[int, int] = app_of(client).state.resolver.persisted.held
    return found


async def test_first_the_hash_then_the_text_then_the_hash(client: httpx.AsyncClient) -> None:
    answer = await ask(client, named(WHO))
    assert answer.json() == {
        "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
    }
    assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store")
    for request in (named(WHO, query=WHO), named(WHO), named(WHO)):
        answer = await ask(client, request)
        assert (answer.status_code, body(answer)) == (200, {"data": {"viewer": {"principal": "tests"}}})
    assert held(client) == (1, ENTRY + sys.getsizeof(WHO))
    # Clients that ask for plain JSON get the statuses that they know.
    answer = await client.post("/graphql", json=named("{ a }"))
    assert told(answer) == (200, NOT_FOUND[1])


async def test_by_get(client: httpx.AsyncClient) -> None:
    page = "query ($first: Int) { products(first: $first) { nodes { sku } } }"
    asked = {"extensions": json.dumps(named(page)["extensions"]), "variables": '{"first": 3}'}
    assert told(await client.get("/graphql", params=asked, headers=FULL)) == NOT_FOUND
    assert held(client) == (0, 0)
    for more in ({"query": page}, {}):
        answer = await client.get("/graphql", params=asked | more, headers=FULL)
        assert (answer.status_code, len(body(answer)["data"]["products"]["nodes"])) == (200, 3)
    # A client may keep what it got by the hash, and ask whether it is still so.
    assert answer.headers["cache-control"] == "private, no-cache"
    again = await client.get("/graphql", params=asked, headers=FULL | {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_mutation_by_its_hash_is_no_get(client: httpx.AsyncClient) -> None:
    add = 'mutation { productUpsert(input: {sku: "PERSISTED", name: "x"}) { product { sku } } }'
    asked = {"extensions": json.dumps(named(add)["extensions"])}
    answer = await client.get("/graphql", params=asked | {"query": add}, headers=FULL)
    assert told(answer) == (405, "BAD_REQUEST")
    assert told(await client.get("/graphql", params=asked, headers=FULL)) == (405, "BAD_REQUEST")
    there = await ask(client, {"query": '{ product(by: {sku: "PERSISTED"}) { sku } }'})
    assert there.json()["data"] == {"product": None}


@pytest.mark.parametrize(
    "hash_",
    [hashed("{ a }"), hashed(WHO).upper(), hashed(WHO)[:-1], f"sha256:{hashed(WHO)}", "x", "ﬀ", "0" * 100_000],
    ids=lambda hash_: hash_[:20],
)
async def test_nothing_is_kept_under_a_foreign_hash(client: httpx.AsyncClient, hash_: str) -> None:
    request = {"query": WHO, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}}
    answer = await ask(client, request)
    assert told(answer) == (400, "BAD_REQUEST")
    assert answer.json()["errors"][0]["message"] == "The hash isn't the SHA-256 of this document."
    del request["query"]
    assert told(await ask(client, request)) == NOT_FOUND
    assert held(client) == (0, 0)


@pytest.mark.parametrize(
    "extension",
    [
        *(5, [], "x", {}, {"version": 1}, {"sha256Hash": "x"}, {"version": 2, "sha256Hash": hashed(WHO)}),
        *({"version": 1, "sha256Hash": 5}, {"version": 1, "sha256Hash": None}, {"version": 1, "sha256Hash": ""}),
    ],
    ids=str,
)
async def test_an_extension_that_is_none(client: httpx.AsyncClient, extension: Any) -> None:
    assert told(await ask(client, {"extensions": {"persistedQuery": extension}})) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "query, code",
    [
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ viewer { principal } } #" + "x" * 15_000, "DOCUMENT_TOO_LARGE"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(51)) + " }", "LIMIT_EXCEEDED"),
        ("{ orders(first: 250) { nodes { lineItems(first: 250) { nodes { product { sku } } } } } }", "COST_LIMIT"),
    ],
    ids=["not valid", "no GraphQL", "too long", "over a limit", "too dear"],
)
async def test_only_what_is_good_is_kept(site: Site, query: str, code: str) -> None:
    async with site.client(limit_cost=100_000) as client:
        assert told(await ask(client, named(query, query=query))) == (400, code)
        assert told(await ask(client, named(query))) == NOT_FOUND
        assert held(client) == (0, 0)


async def test_introspection_is_kept_for_who_may(site: Site, client: httpx.AsyncClient) -> None:
    schema = "{ __schema { queryType { name } } }"
    assert body(await ask(client, named(schema, query=schema)))["data"]
    # By its hash no one gets what isn't allowed by its text.
    assert told(await ask(client, named(schema), await site.without_roles())) == (400, "FORBIDDEN")


async def test_a_hash_tells_nothing_of_another_tenant(site: Site) -> None:
    other = await keys.create(site.target, site.tenants[1].id, "elsewhere")
    async with site.client() as client:
        before = await ask(client, named(WHO), other)
        assert body(await ask(client, named(WHO, query=WHO)))["data"] == {"viewer": {"principal": "tests"}}
        after = await ask(client, named(WHO), other)
        assert (told(after), after.content) == (NOT_FOUND, before.content)
        assert {*after.headers} == {*before.headers}
        assert body(await ask(client, named(WHO, query=WHO), other))["data"] == {"viewer": {"principal": "elsewhere"}}
        assert body(await ask(client, named(WHO), other))["data"] == {"viewer": {"principal": "elsewhere"}}
        assert held(client) == (2, 2 * (ENTRY + sys.getsizeof(WHO)))


async def test_keys_of_a_tenant_share_theirs(site: Site) -> None:
    colleague = await keys.create(site.target, site.tenants[0].id, "colleague", roles=["viewer"])
    async with site.client() as client:
        assert body(await ask(client, named(WHO, query=WHO)))["data"]
        assert body(await ask(client, named(WHO), colleague))["data"] == {"viewer": {"principal": "colleague"}}


async def test_who_fills_it_pushes_out_nobody_else(site: Site) -> None:
    other = await keys.create(site.target, site.tenants[1].id, "flooded")
    async with site.client(persisted_documents=50) as client:
        assert body(await ask(client, named(WHO, query=WHO), other))["data"]
        for number in range(60):
            query = f"{WHO} #{number}"
            assert (await ask(client, named(query, query=query))).status_code == 200
        assert held(client)[0] == 10 + 1
        assert body(await ask(client, named(WHO), other))["data"]
        found = [(await ask(client, named(f"{WHO} #{number}"))).status_code for number in (49, 50, 59)]
    assert found == [400, 200, 200]


async def test_it_can_be_off(site: Site) -> None:
    async with site.client(persisted_documents=0) as client:
        answer = await ask(client, named(WHO))
        assert told(answer) == (400, "PERSISTED_QUERY_NOT_SUPPORTED")
        assert answer.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
        # With its text it is a request like any other.
        assert body(await ask(client, named(WHO, query=WHO)))["data"]
        assert told(await ask(client, named(WHO))) == (400, "PERSISTED_QUERY_NOT_SUPPORTED")
        assert held(client) == (0, 0)


def test_what_was_used_longest_ago_goes_first() -> None:
    store = Persisted(10, 10**6)
    for key in "ab":
        store.keep("owner", key, key)
    assert store.get("owner", "a") == "a"
    store.keep("owner", "c", "c")
    assert [store.get("owner", key) for key in "abc"] == ["a", None, "c"]
    # Once more what is there already changes nothing but its turn.
    store.keep("owner", "a", "a")
    store.keep("owner", "d", "d")
    assert [store.get("owner", key) for key in "acd"] == ["a", None, "d"]


def test_a_text_larger_than_a_share_is_not_kept() -> None:
    store = Persisted(100, 5_000)
    store.keep("owner", "small", "x")
    store.keep("owner", "large", "x" * 1_000)
    assert (store.get("owner", "small"), store.get("owner", "large")) == ("x", None)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30), st.integers(0, 900)), max_size=200))
def test_it_is_never_over_what_it_may_hold(asked: list[tuple[int, int, int]]) -> None:
    """Ten owners of whom five could have a full share: no matter who keeps what, all of it stays within bounds."""
    store = Persisted(20, 5_000)
    for owner, number, length in asked:
        key = f"{number} {length}"
        store.keep(owner, key, "x" * length)
        count, size = store.held
        assert count <= 20
        assert size <= 5_000
        assert size == sum(ENTRY + sys.getsizeof(text) for text in store.kept)


def test_where_all_want_room_who_has_most_gives_way() -> None:
    store = Persisted(20, 10**6)
    for owner in range(5):
        for number in range(4):
            store.keep(owner, str(number), "x")
    store.keep("new", "mine", "x")
    assert store.get("new", "mine") == "x"
    assert store.held[0] == 20
    for number in range(100):
        store.keep(0, f"more {number}", "x")
    assert store.get("new", "mine") == "x"
