"""What a request's head may cost, and what of it may be there once only."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from time import process_time

import orjson
import pytest

from app.asgi import create_app
from app.http.head import LISTS, MAX_LINES, MAX_READ, SINGLES
from app.settings import load
from tests.support.cpu import within
from tests.support.demo_site import Site
from tests.support.http import Wire, serving

APP = Path(__file__).parents[2] / "app"
KILOBYTES = 65_000
WITHIN = 0.005
"""Seconds of CPU that a request may take more than one without the header."""


@pytest.fixture(scope="module")
async def port(site: Site) -> AsyncIterator[int]:
    app = create_app(load(cors_origins=("https://shop.example",)), site.database)
    async with serving(app) as found:
        yield found


def request(target: str, lines: Sequence[bytes] = (), method: str = "GET") -> bytes:
    return b"\r\n".join([f"{method} {target} HTTP/1.1".encode(), b"Host: localhost", *lines, b"", b""])


async def cost(port: int, data: bytes) -> tuple[float, int]:
    """The least seconds of CPU of seven tries, of server and client together, and the status."""
    least, status = 1.0, 0
    for _ in range(7):
        async with Wire(port) as wire:
            before = process_time()
            wire.send(data)
            status = (await wire.answer()).status
            least = min(least, process_time() - before)
    return least, status


WAYS = {
    "GET": ("/graphql", "GET", []),
    "page": ("/graphql", "GET", [b"Accept: text/html"]),
    "POST": ("/graphql", "POST", [b"Content-Length: 0"]),
    "schema": ("/graphql/schema.graphql", "GET", []),
    "preflight": ("/graphql", "OPTIONS", [b"Origin: https://shop.example", b"Access-Control-Request-Method: POST"]),
    "health": ("/healthz", "GET", []),
}


@pytest.mark.parametrize("way", WAYS)
async def test_attack_2_no_header_costs_more_than_five_milliseconds(port: int, way: str) -> None:
    target, method, more = WAYS[way]
    quiet, _ = await cost(port, request(target, more, method))
    taken = {line.split(b":")[0].lower() for line in more} | {b"host"}
    dear, most = {}, quiet + within(WITHIN)
    for name in sorted((LISTS | SINGLES | {b"cookie", b"x-unknown", b"forwarded"}) - taken):
        for piece in (b",", b";", b"a,b;q=1 ", b"="):
            value = (piece * KILOBYTES)[:KILOBYTES]
            spent, status = await cost(port, request(target, [*more, name + b": " + value], method))
            if name in LISTS | SINGLES:
                assert status in {400, 431, 501}, name
            if spent > most:
                dear[name, piece] = spent
    assert dear == {}


@pytest.mark.parametrize("way", WAYS)
async def test_attack_2_nor_does_what_is_let_in(port: int, way: str) -> None:
    target, method, more = WAYS[way]
    quiet, _ = await cost(port, request(target, more, method))
    taken = {line.split(b":")[0].lower() for line in more} | {b"host", b"content-length", b"transfer-encoding"}
    lines = [name + b": " + b"," * MAX_READ for name in sorted((LISTS | SINGLES) - taken)]
    spent, status = await cost(port, request(target, [*more, *lines], method))
    assert status not in {431, 400} or way == "preflight"
    assert spent < quiet + within(WITHIN)


@pytest.mark.parametrize(
    "lines",
    [
        [b"a:"] * 60_000,
        [b"a:" + b"b" * 600] * 105,
        [b"Accept: " + b"," * 500] * 3,
        [b"X-Forwarded-For: 10.0.0.1, 10.0.0.2"] * 90,
        [b"If-None-Match: *"] * (MAX_LINES + 1),
    ],
    ids=["empty", "long", "two lines of a list", "many lines of a list", "one too many"],
)
async def test_attack_2_many_lines_are_refused_at_once(port: int, lines: Sequence[bytes]) -> None:
    quiet, _ = await cost(port, request("/healthz"))
    spent, status = await cost(port, request("/healthz", lines))
    assert status == 431
    assert spent < quiet + within(WITHIN)


@pytest.mark.parametrize(
    "query, status",
    [
        ("&" * 8_000, 400),
        ("a&" * 4_000, 400),
        ("a=b&" * 2_000, 400),
        ("%41" * 2_700, 401),
        ("query=" + "%C3%A9" * 1_300, 401),
        ("a" * 16_000, 414),
        (";" * 8_000, 401),
        ("=" * 8_000, 401),
        ("+" * 8_000, 401),
    ],
)
async def test_attack_2_nor_does_a_query_string(port: int, query: str, status: int) -> None:
    quiet, _ = await cost(port, request("/graphql"))
    for accept in (b"Accept: text/html, */*", b"Accept: */*"):
        spent, found = await cost(port, request(f"/graphql?{query}", [accept]))
        assert spent < quiet + within(WITHIN)
        if accept == b"Accept: */*":
            assert found in {status, 401}  # asked for a key first
        else:
            assert found in {status, 200}


async def test_attack_2_nor_does_a_path(port: int) -> None:
    quiet, _ = await cost(port, request("/nowhere"))
    for path in ("/" * 16_000, "/%41" * 4_000, "/explorer/" + "%2e%2e%2f" * 1_700, "/" + ";" * 16_000):
        spent, status = await cost(port, request(path))
        assert status == 404
        assert spent < quiet + within(WITHIN)


ANSWERED: Mapping[bytes, bytes] = {
    b"content-type": b"application/json",
    b"x-cost-only": b"1",
    b"origin": b"https://shop.example",
}


@pytest.mark.parametrize("name", sorted(SINGLES - {b"transfer-encoding"}), ids=bytes.decode)
async def test_h3_of_two_headers_none_is_guessed(port: int, name: bytes) -> None:
    value = ANSWERED.get(name, b"0")
    for values in ((value, value), (value, b"1")):
        async with Wire(port) as wire:
            wire.send(b"\r\n".join([b"GET /healthz HTTP/1.1", *(name + b": " + each for each in values), b"", b""]))
            answer = await wire.answer()
            assert (answer.status, answer.headers["connection"]) == (400, "close")
            if name != b"content-length":  # the parser's own
                [error] = orjson.loads(answer.body)["errors"]
                assert error["message"].startswith(f"The header {name.decode()} was sent twice")
            assert await wire.ended()


@pytest.mark.parametrize(
    "refused", [b"Host: localhost\r\nHost: other", b"Transfer-Encoding: gzip", b"No colon"], ids=bytes.decode
)
async def test_h2_a_refusal_of_head_has_no_body(port: int, refused: bytes) -> None:
    """It comes before anybody has looked at the request, and has the head that GET's has."""
    heads = {}
    for method in (b"GET", b"HEAD"):
        async with Wire(port) as wire:
            wire.send(method + b" /healthz HTTP/1.1\r\n" + refused + b"\r\n\r\n")
            answer = await wire.answer(with_body=method == b"GET")
            assert await wire.ended()
            heads[method] = (answer.status, answer.headers)
    assert heads[b"HEAD"] == heads[b"GET"]


async def test_h2_a_request_that_has_no_target_yet_is_not_taken_for_the_head_before_it(port: int) -> None:
    async with Wire(port) as wire:
        wire.send(request("/healthz", method="HEAD") + b"GET\x00 / HTTP/1.1\r\n\r\n")
        assert (await wire.answer(with_body=False)).status == 200
        answer = await wire.answer()
        assert (answer.status, orjson.loads(answer.body)["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
        assert await wire.ended()


def test_every_header_that_is_read_has_a_bound() -> None:
    """A header that somebody begins to read is added to the lists."""
    read = set()
    for path in APP.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        read |= set(re.findall(r"headers\.(?:get|getlist)\(\s*\"([\w-]+)\"", text))
        read |= set(re.findall(r"headers\.get\(b\"([\w-]+)\"", text))
        read |= set(re.findall(r"name == b\"([\w-]+)\"", text))
    assert len(read) > 8
    assert {name.encode() for name in read} - LISTS - SINGLES == set()
