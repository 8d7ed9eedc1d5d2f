"""GraphQL over HTTP: all of the specification's audits, then the statuses that its newest draft adds."""

import re

import httpx
import pytest

from tests.clients.conftest import Report
from tests.clients.workshop import CLIENTS, Served, Workshop

QUERY = {"query": "{ viewer { principal } }"}
MUTATION = 'mutation { orderConfirm(input: {order: {number: "none"}}) { order { id } } }'
MEDIA = ("application/graphql-response+json", "application/json")


def test_all_audits_pass(workshop: Workshop, report: Report) -> None:
    said = workshop.run(workshop.copy(CLIENTS / "tools"), "node", "audits.mjs")
    report("the audits of GraphQL over HTTP", said)
    levels = re.findall(r"^\w{4} ok +(MUST|SHOULD|MAY)\b", said, re.MULTILINE)
    assert [levels.count(level) for level in ("MUST", "SHOULD", "MAY")] == [13, 23, 25]
    assert said.endswith("\n61 of 61 audits passed\n")


def assert_refused(answer: httpx.Response, status: int, media: str) -> None:
    """A refusal is a GraphQL answer: one error with a code, no data, in the media type that was asked for."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == f"{media}; charset=utf-8"
    assert {*answer.json()} == {"errors"}
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_405_for_other_methods(http: httpx.Client, served: Served, method: str, media: str) -> None:
    answer = http.request(method, served.url, json=QUERY, headers={"Accept": media})
    assert_refused(answer, 405, media)
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("media", MEDIA)
def test_405_for_a_mutation_by_get(http: httpx.Client, served: Served, media: str) -> None:
    answer = http.get(served.url, params={"query": MUTATION}, headers={"Accept": media})
    assert_refused(answer, 405, media)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("accept", ["text/plain", "application/xml, text/*", "application/json;q=0"])
def test_406_for_media_types_that_are_not_spoken(http: httpx.Client, served: Served, accept: str) -> None:
    assert_refused(http.post(served.url, json=QUERY, headers={"Accept": accept}), 406, "application/json")


@pytest.mark.parametrize("media", MEDIA)
def test_413_for_a_body_that_is_too_large(http: httpx.Client, served: Served, media: str) -> None:
    body = QUERY | {"extensions": {"filler": "x" * 1_048_576}}
    assert_refused(http.post(served.url, json=body, headers={"Accept": media}), 413, media)


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/graphql", "application/jsonp", "application/json; charset=iso-8859-1", ""],
)
def test_415_for_bodies_of_other_types(http: httpx.Client, served: Served, content_type: str, media: str) -> None:
    answer = http.post(
        served.url, content=b'{"query": "{ __typename }"}', headers={"Accept": media, "Content-Type": content_type}
    )
    assert_refused(answer, 415, media)
    assert answer.headers["accept"] == "application/json"
