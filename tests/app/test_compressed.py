"""Answers are compressed for who takes that, where it is worth it, and stay what they are."""

import asyncio
import gzip
import zlib
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.http.compression import AT_ONCE, WORTH_IT, compressed, squeezed
from app.http.negotiation import takes_gzip
from tests.support.demo_site import Site

SMALL = {"query": "{ viewer { principal } }"}
LARGE = {"query": "{ products(first: 40) { nodes { id sku name } } }"}


async def raw(client: httpx.AsyncClient, query: dict[str, Any], accept: str | None) -> tuple[httpx.Headers, bytes]:
    """Headers and bytes of an answer, as they come over the wire."""
    client.headers.pop("accept-encoding", None)
    headers = {} if accept is None else {"Accept-Encoding": accept}
    async with client.stream("POST", "/graphql", json=query, headers=headers) as answer:
        return answer.headers, b"".join([chunk async for chunk in answer.aiter_raw()])


async def test_a_large_answer_is_compressed_and_a_small_one_not(site: Site) -> None:
    async with site.client() as client:
        headers, content = await raw(client, LARGE, "gzip, deflate, br")
        assert headers["content-encoding"] == "gzip"
        assert headers["vary"] == "accept-encoding"
        assert int(headers["content-length"]) == len(content)
        plain_headers, plain = await raw(client, LARGE, None)
        assert gzip.decompress(content).split(b'"extensions"')[0] == plain.split(b'"extensions"')[0]
        assert len(content) * 2 < len(plain) > WORTH_IT
        assert plain_headers["vary"] == "accept-encoding"
        assert "content-encoding" not in plain_headers
        assert int(plain_headers["content-length"]) == len(plain)
        headers, content = await raw(client, SMALL, "gzip")
        assert len(content) < WORTH_IT
        assert "content-encoding" not in headers


async def test_pages_of_listed_origins_vary_by_both(site: Site) -> None:
    async with site.client(cors_origins=("https://shop.example",)) as client:
        answer = await client.post("/graphql", json=LARGE, headers={"Origin": "https://shop.example"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "accept-encoding, Origin"
        assert len(answer.json()["data"]["products"]["nodes"]) == 40


@pytest.mark.parametrize(
    "accept, taken",
    [
        ("gzip", True),
        ("x-gzip", True),
        ("GZIP;Q=0.5", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("br;q=1.0, gzip;q=0.1", True),
        ("*", True),
        ("identity;q=0.5, gzip;q=1", True),
        ("identity;q=0, gzip;q=0.1", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("br, deflate", False),
        ("gzip;q=x", False),
        ("gzip;q=nan", False),
        ("gzip;q=-1", False),
        ("gzip;q=2", False),
        ("identity, gzip;q=0.5", False),
        (",;,", False),
    ],
)
def test_what_the_header_says(accept: str, taken: bool) -> None:
    assert takes_gzip(accept) is taken


async def test_several_headers_are_one(site: Site) -> None:
    async with site.client() as client:
        headers = [("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")]
        answer = await client.post("/graphql", json=LARGE, headers=headers)
    assert answer.headers["content-encoding"] == "gzip"


def asking(accept: str) -> Request:
    return Request({"type": "http", "headers": [(b"accept-encoding", accept.encode())]})


@pytest.mark.parametrize("size", [WORTH_IT - 1, WORTH_IT, AT_ONCE, AT_ONCE + 1])
async def test_by_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing below a kilobyte, at once up to half a megabyte, and by a thread beyond."""
    threads = []

    async def counted(work: Any, *given: Any) -> Any:
        threads.append(work)
        return work(*given)

    monkeypatch.setattr(asyncio, "to_thread", counted)
    answer = await compressed(asking("gzip"), Response(b"x" * size))
    assert (answer.headers.get("content-encoding") == "gzip") is (size >= WORTH_IT)
    assert len(threads) == (size > AT_ONCE)
    content = zlib.decompress(answer.body, wbits=31) if size >= WORTH_IT else answer.body
    assert content == b"x" * size


async def test_a_large_answer_doesnt_keep_others_waiting() -> None:
    """20 MB are compressed beside the loop, which turns meanwhile."""
    content = bytes(range(256)) * 80_000
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(turning())
    answer = await compressed(asking("gzip"), Response(content))
    beside.cancel()
    assert turns > 10
    assert zlib.decompress(answer.body, wbits=31) == content


def test_the_same_content_gives_the_same_bytes() -> None:
    assert squeezed(b"erp" * 1000) == squeezed(b"erp" * 1000)
