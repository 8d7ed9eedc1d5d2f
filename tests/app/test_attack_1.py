"""Attack 1: a kilobyte of query that stands for a gigabyte of answer, since what parents share is written for each."""

from typing import Any

import httpx
import orjson
import pytest

from app import serialisation
from execution import levels, ordinary
from tests.support.cpu import within
from tests.support.demo_site import Site
from tests.support.stalls import least_stall

ALIASES = " ".join(f"a{index}:description" for index in range(45))
PRODUCTS = f"""{{ products(first:1) {{ nodes {{ lineItems(first:250) {{ nodes {{ product {{ lineItems(first:250) {{ nodes {{
    product {{ lineItems(first:12) {{ nodes {{ id {ALIASES} }} }} }} }} }} }} }} }} }} }} }}"""
ORDERS = """{ orders(first:30) { nodes { lineItems(first:20) { nodes { product { lineItems(first:60) { nodes { order {
    number note lineItems(first:20) { nodes { id description quantity total { amount } } } } } } } } } } } }"""

FREE: dict[str, Any] = {"limit_cost": 10**9, "budget": 10**9, "budget_rate": 10**9}
"""Their price refuses them as well: here the limit on the answer has to."""

QUERIES = [
    "{ orders(first: 30) { nodes { number note customer { name orders(first: 5) { nodes { number } } } } } }",
    (
        "{ orders(first: 30) { edges { cursor node { number lineItems(first: 3) { nodes { product { sku } } } } }"
        " pageInfo { hasNextPage endCursor } totalCount { value } } }"
    ),
    "{ products(first: 9) { nodes { sku listPrice { amount } stock { onHand levels(first: 3) { nodes { id } } } } } }",
    "{ a: orders(first: 3) { nodes { id availableActions } } b: viewer { permissions tenant { name } } }",
    "{ orders(first: 2) { nodes { events(first: 3) { nodes { before after } } } } }",
    "{ stockMoves(first: 30) { nodes { lineItem { order { number } } product { sku } } } }",
    "{ __schema { types { name fields { name args { name } } } } }",
    '{ order(by: {number: "none"}) { id } nodes(ids: []) { id } }',
]


async def ask(client: httpx.AsyncClient, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.post("/graphql", json={"query": query})).json()
    return answer


async def test_attack_1_what_would_be_too_large_is_never_written(site: Site) -> None:
    async with site.client(limit_answer=2_000_000, **FREE) as client:
        await ask(client, PRODUCTS)  # once, for what is made anew
        longest, answer = await least_stall(lambda: ask(client, PRODUCTS))
    [error] = answer["errors"]
    assert answer["data"] is None
    assert error["extensions"] == {
        "code": "ANSWER_TOO_LARGE",
        "limit": "bytes of the answer",
        "maximum": 2_000_000,
        "place": [*"products nodes lineItems nodes product lineItems nodes product lineItems nodes".split()],
    }
    assert "most of it in products.nodes" in error["message"]
    assert longest < within(25)


async def test_attack_1_a_large_answer_is_written_in_steps(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site.client(limit_answer=64_000_000, **FREE) as client:
        await ask(client, ORDERS)
        plain = {"Accept-Encoding": "identity"}
        longest, found = await least_stall(lambda: client.post("/graphql", json={"query": ORDERS}, headers=plain))
        assert len(found.content) > 3_000_000
        assert longest < within(25)
        monkeypatch.setattr(serialisation, "AT_ONCE", 10**9)
        whole = await client.post("/graphql", json={"query": ORDERS}, headers={"Accept-Encoding": "identity"})
    assert found.json()["data"] == whole.json()["data"]
    cost = found.json()["extensions"]["cost"]
    # What is delivered is paid for, not what was read.
    assert cost["charged"] >= len(found.content) // 100


@pytest.mark.parametrize("cells, turns", [(9_800, 0), (9_799, 2), (1_000, 10), (1, 200)])
async def test_objects_of_many_fields_are_built_by_cells(
    site: Site, monkeypatch: pytest.MonkeyPatch, cells: int, turns: int
) -> None:
    """Of 5,000 objects with 52 fields, which was a step, the loop was held for 131 ms."""
    taken: list[int] = []
    monkeypatch.setattr(levels, "BUILT", cells)
    monkeypatch.setattr(ordinary.Ordinary, "turn", lambda _: _taken(taken))
    query = f"{{ lineItems(first: 200) {{ nodes {{ {' '.join(f'a{index}: quantity' for index in range(49))} }} }} }}"
    async with site.client() as client:
        answer = await ask(client, query)
    assert [len(each) for each in answer["data"]["lineItems"]["nodes"]] == [49] * 200
    assert len(taken) == turns


async def _taken(turns: list[int]) -> None:
    turns.append(1)


async def test_attack_1_too_large_only_once_it_is_written(site: Site) -> None:
    query = "{ orders(first: 20) { nodes { id number } } }"
    async with site.client() as client:
        size = len(orjson.dumps((await ask(client, query))["data"]))
    async with site.client(limit_answer=size) as client:
        assert len((await ask(client, query))["data"]["orders"]["nodes"]) == 20
    async with site.client(limit_answer=size - 1) as client:
        answer = await ask(client, query)
    assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == (None, "ANSWER_TOO_LARGE")


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("role", ["admin", "none"])
async def test_answers_in_slices_are_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch, query: str, role: str
) -> None:
    key = None if role == "admin" else await site.without_roles()
    async with site.client(key) as client:
        whole = await ask(client, query)
        monkeypatch.setattr(serialisation, "AT_ONCE", 1)
        monkeypatch.setattr(ordinary, "STEP", 2)
        monkeypatch.setattr(ordinary, "CELLS", 2)
        monkeypatch.setattr(levels, "STEP", 2)
        monkeypatch.setattr(levels, "BUILT", 2)
        sliced = await ask(client, query)
    for answer in (whole, sliced):
        answer.pop("extensions", None)
    assert sliced == whole
