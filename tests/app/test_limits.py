"""What a request may ask for, over HTTP: its price, its limits, and what a key without the right learns of the schema."""

from typing import Any

import httpx
import pytest

GRAPHQL = {"Accept": "application/graphql-response+json"}
DEAR = """{ orders(first: 100) { nodes { lineItems(first: 100) { nodes { product { lineItems(first: 100) { nodes { id } } } } } } } }"""


async def post(client: httpx.AsyncClient, query: str, **more: Any) -> tuple[int, Any]:
    headers = GRAPHQL | more.pop("headers", {})
    answer = await client.post("/graphql", json={"query": query, **more}, headers=headers)
    return answer.status_code, answer.json()


async def test_every_answer_says_what_it_cost(client: httpx.AsyncClient) -> None:
    status, answer = await post(client, "{ orders(first: 5) { nodes { id customer { name } } } }")
    assert status == 200
    # Five orders and their customers, and a tenth for each leaf: what they may be at most, and are.
    cost = answer["extensions"]["cost"]
    assert (cost["requested"], cost["actual"], cost["limit"]) == (11, 11, 1_000_000)
    assert cost["charged"] >= 100


async def test_21_what_is_too_dear_is_not_begun(client: httpx.AsyncClient) -> None:
    status, answer = await post(client, DEAR)
    assert status == 400
    assert answer == {
        "errors": [
            {
                "message": "This may cost 1,120,100 points, and a request may cost 1,000,000. 1,100,000 of them are for"
                " orders.nodes.lineItems.nodes.product.lineItems: ask for fewer there, or for smaller pages above it.",
                "extensions": {
                    "code": "COST_LIMIT",
                    "cost": {"requested": 1_120_100, "limit": 1_000_000},
                    "place": ["orders", "nodes", "lineItems", "nodes", "product", "lineItems"],
                    "share": 0.982,
                },
            }
        ]
    }


async def test_the_price_alone_runs_nothing(client: httpx.AsyncClient) -> None:
    query = 'mutation { productUpsert(input: {sku: "X", name: "X"}) { product { id } } }'
    status, answer = await post(client, query, headers={"X-Cost-Only": "1"})
    cost = answer["extensions"]["cost"]
    assert (status, answer) == (200, {"data": None, "extensions": {"cost": cost}})
    assert (cost["requested"], cost["limit"], sorted(cost)) == (
        53,
        1_000_000,
        ["limit", "remaining", "requested", "restoreRate"],
    )
    _, there = await post(client, '{ product(by: {sku: "X"}) { id } }')
    assert there["data"] == {"product": None}


@pytest.mark.parametrize("count, code", [(100, None), (500, "BAD_USER_INPUT"), (501, "LIMIT_EXCEEDED")])
async def test_20_lists_in_variables(client: httpx.AsyncClient, count: int, code: str | None) -> None:
    """Of 101 to 500 ids the field itself says that they are too many."""
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    _, answer = await post(client, query, variables={"ids": ["prod_" + "0" * 32] * count})
    assert [error["extensions"]["code"] for error in answer.get("errors", ())] == ([code] if code else [])


async def test_a_document_over_a_limit_says_by_how_much(client: httpx.AsyncClient) -> None:
    status, answer = await post(client, "{ " + " ".join(f"a{n}: __typename" for n in range(51)) + " }")
    [error] = answer["errors"]
    facts = {"code": "LIMIT_EXCEEDED", "limit": "aliases", "maximum": 50, "actual": 51}
    assert (status, error["extensions"]) == (400, facts)
    status, answer = await post(client, "{ viewer { principal } } #" + "x" * 15_000)
    assert (status, answer["errors"][0]["extensions"]["code"]) == (400, "DOCUMENT_TOO_LARGE")


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks hasn't the permission to read the schema: nobody has."""
    monkeypatch.setattr("app.documents.preparation.SCHEMA", "schema:nobody")


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { name } } }",
        '{ __type(name: "Order") { name } }',
        "{ ...F } fragment F on Query { a: __schema { queryType { name } } }",
    ],
)
async def test_18_without_the_right_there_is_no_introspection(
    stranger: None, client: httpx.AsyncClient, query: str
) -> None:
    status, answer = await post(client, query)
    assert (status, [error["extensions"]["code"] for error in answer["errors"]]) == (400, ["FORBIDDEN"])


@pytest.mark.parametrize(
    "query",
    [
        "{ viewr { principal } }",
        "{ viewer { principl } }",
        "{ orders(frst: 1) { nodes { id } } }",
        "{ orders(where: {statu: {eq: CONFIRMED}}) { nodes { id } } }",
        "{ orders(where: {status: {eq: CONFIRMD}}) { nodes { id } } }",
        "{ ... on Ordr { id } }",
        "query ($a: Sting) { viewer { principal } }",
    ],
)
async def test_36_without_the_right_no_name_is_suggested(stranger: None, client: httpx.AsyncClient, query: str) -> None:
    _, answer = await post(client, query)
    assert answer["errors"]
    assert [error["message"] for error in answer["errors"] if "Did you mean" in error["message"]] == []


@pytest.mark.parametrize("size, code", [(262_144, "BAD_USER_INPUT"), (262_145, "LIMIT_EXCEEDED")])
async def test_3_bytes_besides_the_document(client: httpx.AsyncClient, size: int, code: str) -> None:
    """The longest text that fits is refused by the field that it is for."""
    query = "query ($id: ID!) { node(id: $id) { id } }"
    around = len('{"query":"","variables":{"id":""}}')
    body = f'{{"query":"{query}","variables":{{"id":"{"x" * (size - around)}"}}}}'
    answer = await client.post("/graphql", content=body, headers=GRAPHQL | {"Content-Type": "application/json"})
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == code
    if code == "LIMIT_EXCEEDED":
        assert error["extensions"] == {
            "code": code,
            "limit": "bytes besides the document",
            "maximum": 262_144,
            "actual": size,
        }
