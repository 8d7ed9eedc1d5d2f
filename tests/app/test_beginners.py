"""The mistakes of beginners, each with what it is answered: what is wrong, where, and what to do."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.demo_site import Site

DOCUMENTS = json.loads((Path(__file__).parents[1] / "data" / "beginners.json").read_text())


def test_there_are_fifty() -> None:
    assert len({each["mistake"] for each in DOCUMENTS}) + len(REQUESTS) > 60


@pytest.mark.parametrize("given", DOCUMENTS, ids=lambda each: each["mistake"])
async def test_a_document(client: httpx.AsyncClient, given: dict[str, Any]) -> None:
    answer = await client.post("/graphql", json={"query": given["query"], "variables": given["variables"]})
    told = [
        {
            "code": error["extensions"]["code"],
            "message": error["message"],
            "locations": [[place["line"], place["column"]] for place in error.get("locations", ())],
            "argumentPath": error["extensions"].get("argumentPath"),
        }
        for error in answer.json()["errors"]
    ]
    assert told == given["errors"]


JSON = {"Content-Type": "application/json"}
REQUESTS: dict[str, tuple[bytes, dict[str, str], int, str, str]] = {
    "a form": (
        b"query={viewer{principal}}",
        {"Content-Type": "application/x-www-form-urlencoded"},
        415,
        "BAD_REQUEST",
        "Send the request as application/json in UTF-8.",
    ),
    "no type": (b"{}", {}, 415, "BAD_REQUEST", "Send the request as application/json in UTF-8."),
    "GraphQL instead of JSON": (
        b"{ viewer { principal } }",
        JSON,
        400,
        "BAD_REQUEST",
        "The body is not valid JSON: ",
    ),
    "single quotes": (b"{'query': '{ a }'}", JSON, 400, "BAD_REQUEST", "The body is not valid JSON: "),
    "a comma too many": (b'{"query": "{ a }",}', JSON, 400, "BAD_REQUEST", "The body is not valid JSON: "),
    "nothing": (b"", JSON, 400, "BAD_REQUEST", "The body is not valid JSON: "),
    "no query": (
        b'{"variables": {}}',
        JSON,
        400,
        "BAD_REQUEST",
        "query must be there, and be text; or documentId, where the server knows the document.",
    ),
    "variables as text": (
        b'{"query": "{ a }", "variables": "{}"}',
        JSON,
        400,
        "BAD_REQUEST",
        "variables must be an object, or left out.",
    ),
    "a batch": (b'[{"query": "{ a }"}]', JSON, 400, "BAD_REQUEST", "Batches are off: send one request at a time."),
    "onError in small letters": (
        b'{"query": "{ a }", "onError": "null"}',
        JSON,
        400,
        "BAD_REQUEST",
        "onError must be ",
    ),
    "onError: HALT": (b'{"query": "{ a }", "onError": "HALT"}', JSON, 400, "BAD_REQUEST", "onError must be "),
    "onError: false": (b'{"query": "{ a }", "onError": false}', JSON, 400, "BAD_REQUEST", "onError must be "),
}


@pytest.mark.parametrize("content, headers, status, code, message", REQUESTS.values(), ids=REQUESTS)
async def test_a_request(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int, code: str, message: str
) -> None:
    answer = await client.post("/graphql", content=content, headers=headers)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (status, code)
    assert error["message"].startswith(message)


SCREEN = "{ products(first: 1) { nodes { sku stock { onHand } } } viewer { principal } }"


async def test_g7_on_error_by_post_and_by_get(site: Site) -> None:
    async with site.client(await site.without_roles()) as client:
        for given, data in (
            ({}, None),
            ({"onError": "PROPAGATE"}, None),
            ({"onError": "NULL"}, {"products": None, "viewer": {"principal": "without roles"}}),
        ):
            posted = (await client.post("/graphql", json={"query": SCREEN, **given})).json()
            got = (await client.get("/graphql", params={"query": SCREEN, **given})).json()
            for answer in (posted, got):
                assert answer["data"] == data
                assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
                    (["products"], "FORBIDDEN")
                ]
        wrong = await client.get("/graphql", params={"query": SCREEN, "onError": "HALT"})
        assert wrong.status_code == 400
        assert wrong.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
