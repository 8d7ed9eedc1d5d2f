"""The feed over HTTP: the place of an answer, and the order of what is read."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import parse

from app.context import RequestContext
from app.documents.roots import reads_feed
from core.changes import ANY, read_cursor
from db.runtime.engine import administration
from services.platform import keys
from tests.support import imports
from tests.support.demo_site import Site

MAKE = 'mutation { partnerUpsert(input: {code: "FEED", name: "%s"}) { userErrors { code } } }'


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    return (await client.post("/graphql", json={"query": query, "variables": variables})).json()


async def test_a_mutation_tells_where_it_is_in_the_feed(client: httpx.AsyncClient) -> None:
    start = (await ask(client, "{ changes { cursor } }"))["data"]["changes"]["cursor"]
    place = (await ask(client, MAKE % "one"))["extensions"]["changes"]["cursor"]
    assert read_cursor(place, bytes(6)).mark == ANY
    follow = "query ($after: String!) { changes(after: $after) { hasMore changes { kind node { ... on Partner { name } } } } }"
    told = {"kind": "PARTNER", "node": {"name": "one"}}
    assert (await ask(client, follow, after=start))["data"]["changes"] == {"hasMore": False, "changes": [told]}
    assert (await ask(client, follow, after=place))["data"]["changes"] == {"hasMore": False, "changes": []}
    # What changes nothing, and what isn't a mutation, has no place.
    assert "changes" not in (await ask(client, MAKE % "one"))["extensions"]
    assert "changes" not in (await ask(client, "{ changes { cursor } }"))["extensions"]


async def test_several_mutations_tell_the_place_of_the_last(client: httpx.AsyncClient) -> None:
    both = "mutation { a: %s b: %s }" % tuple((MAKE % name)[11:-2] for name in ("a", "b"))
    place = (await ask(client, both))["extensions"]["changes"]["cursor"]
    follow = "query ($after: String!) { changes(after: $after) { changes { kind } } }"
    assert (await ask(client, follow, after=place))["data"]["changes"]["changes"] == []


@pytest.mark.parametrize(
    "query",
    [
        "{ products { nodes { id } } changes { cursor } }",
        "{ ...F } fragment F on Query { viewer { principal } changes { cursor } }",
    ],
)
async def test_the_log_is_looked_at_before_anything_is_read(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Else the list beside it would be older than the cursor, and a copy would miss what was stored between the two."""
    begun: list[bool] = []
    settle = RequestContext.settle

    async def watched(self: RequestContext) -> Any:
        begun.append(self.reader.begun and self.head is None)
        return await settle(self)

    monkeypatch.setattr(RequestContext, "settle", watched)
    assert "errors" not in await ask(client, query)
    assert len(begun) == 2
    assert not any(begun)


@pytest.mark.parametrize(
    "document,operation,expected",
    [
        ("{ changes { cursor } }", None, True),
        ("{ a: eventFeed { cursor } }", None, True),
        ("{ products { nodes { id } } }", None, False),
        ("query A { viewer { principal } } query B { changes { cursor } }", "A", False),
        ("query A { viewer { principal } } query B { changes { cursor } }", "B", True),
        (
            "{ ... on Query { ... F } } fragment F on Query { ... G } fragment G on Query { changes { cursor } }",
            None,
            True,
        ),
        ('{ order(by: {number: "1"}) { events { nodes { changes: id } } } }', None, False),
    ],
)
def test_which_operations_read_the_feed(document: str, operation: str | None, expected: bool) -> None:
    parsed = parse(document)
    assert reads_feed(parsed, operation) is expected
    assert reads_feed(parsed, operation) is expected


async def test_a_feed_is_priced_by_its_size(client: httpx.AsyncClient) -> None:
    async def price(first: int) -> int:
        query = "{ changes(first: %d) { cursor changes { kind id node { id } } } }" % first
        answer = await client.post("/graphql", json={"query": query}, headers={"x-cost-only": "1"})
        return int(answer.json()["extensions"]["cost"]["requested"])

    assert await price(500) - await price(100) == 400 * 2 + 400 * 3 // 10


async def test_an_import_tells_what_to_read_again(site: Site, tmp_path: Path) -> None:
    tenant = site.tenants[1]
    key = await keys.create(site.target, tenant.id, "importing", replace=True)
    async with site.client(key) as client:
        start = (await ask(client, "{ changes { cursor } }"))["data"]["changes"]["cursor"]
        await imports.run(site.target, tenant.name, tmp_path, "FEED-1,C-FEED,FEED,x,1,2.00,2026-01-02\n")
        follow = "query ($after: String!) { changes(after: $after) { reload changes { kind } } }"
        assert (await ask(client, follow, after=start))["data"]["changes"] == {
            "reload": ["PARTNER", "PRODUCT", "ORDER", "STOCK_LEVEL"],
            "changes": [],
        }
    async with administration(site.target, tenant.id) as owner:
        assert await owner.fetchval("SELECT reload FROM commits WHERE reload <> '{}'") == [2, 1, 6, 5]
