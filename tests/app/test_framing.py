"""Each head has one body and one answer, in the order in which they came, whatever it offers and however it is cut
into segments."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from tests.support.http import Answer, Wire, serving

RELEASE = asyncio.Event()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what came: the method, the target, the body and the headers. ``/slow`` waits for ``RELEASE``."""
    request = Request(scope, receive)
    try:
        body = (await request.body()).decode("latin-1")
    except ClientDisconnect:
        return
    if scope["path"] == "/slow":
        await RELEASE.wait()
    headers = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
    said = {"method": scope["method"], "path": scope["path"], "body": body, "headers": headers}
    await JSONResponse(said)(scope, receive, send)


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    async with serving(echo) as found:
        yield found


def said(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    found: dict[str, Any] = orjson.loads(answer.body)
    return found


def refusal(answer: Answer) -> int:
    """The status of a refusal that says why and that it is the last answer."""
    assert answer.headers["connection"] == "close"
    [error] = orjson.loads(answer.body)["errors"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}
    assert error["message"].endswith(".")
    return answer.status


def framed(path: str, body: bytes, offer: Sequence[str], *, chunked: bool, version: str = "1.1") -> bytes:
    """A POST of this body, as one length or in chunks of three bytes."""
    if chunked:
        pieces = [body[at : at + 3] for at in range(0, len(body), 3)]
        content = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    else:
        content = body
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    lines = [f"POST {path} HTTP/{version}", "Host: localhost", *offer, framing]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


TOKENS = st.sampled_from(["h2c", "websocket", "WebSocket", "TLS/1.0", "h2c, websocket", "IRC/6.9, RTA/x11", ""])
CONNECTION = st.sampled_from(
    [
        "Upgrade",
        "upgrade",
        "UPGRADE",
        "Upgrade, HTTP2-Settings",
        "keep-alive, Upgrade",
        "Upgrade,keep-alive",
        "Upgrade,",
    ]
)
BODIES = st.sampled_from(
    [b"{}", b"x" * 70, b"GET /stolen HTTP/1.1\r\nHost: localhost\r\n\r\n", b'{"query":"{viewer{principal}}"}', b""]
)


@st.composite
def offers(draw: st.DrawFn) -> list[str]:
    lines = [f"Connection: {draw(CONNECTION)}" for _ in range(draw(st.integers(1, 2)))]
    lines += [f"{draw(st.sampled_from(['Upgrade', 'UPGRADE', 'upgrade']))}: {draw(TOKENS)}"]
    lines += [f"Upgrade: {draw(TOKENS)}"] * draw(st.integers(0, 1))
    lines += ["HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"] * draw(st.integers(0, 1))
    return list(draw(st.permutations(lines)))


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({place % len(data) for place in places} - {0})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


async def exchange(port: int, segments: Sequence[bytes], answers: int) -> list[Answer]:
    """The answers to these segments, each sent once the server has the one before."""
    async with Wire(port) as wire:
        for segment in segments:
            wire.send(segment)
            await wire.writer.drain()
            await asyncio.sleep(0)
        found = [await wire.answer() for _ in range(answers)]
        wire.writer.write_eof()
        assert await wire.ended()  # not one answer more
        return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(offers(), BODIES, st.booleans()), min_size=1, max_size=3),
    st.lists(st.integers(0, 2_000), max_size=6),
)
async def test_h1_every_head_has_one_body_and_one_answer(
    port: int, requests: list[tuple[list[str], bytes, bool]], places: list[int]
) -> None:
    data = b"".join(
        framed(f"/{number}", body, offer, chunked=chunked) for number, (offer, body, chunked) in enumerate(requests)
    )
    answers = await exchange(port, cut(data, places), len(requests))
    for number, (answer, (_, body, _)) in enumerate(zip(answers, requests, strict=True)):
        found = said(answer)
        assert (found["path"], found["body"]) == (f"/{number}", body.decode())


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("token", ["h2c", "websocket", "anything"])
@pytest.mark.parametrize("way", ["one segment", "head and body", "byte by byte"])
async def test_h1_an_offer_loses_no_body(port: int, token: str, way: str, *, chunked: bool) -> None:
    data = framed("/first", b'{"a":1}', ["Connection: Upgrade", f"Upgrade: {token}"], chunked=chunked)
    segments = {
        "one segment": [data],
        "head and body": [data[: data.index(b"\r\n\r\n") + 4], data[data.index(b"\r\n\r\n") + 4 :]],
        "byte by byte": [bytes([byte]) for byte in data],
    }[way]
    first, second = await exchange(port, [*segments, b"GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"], 2)
    assert (said(first)["path"], said(first)["body"]) == ("/first", '{"a":1}')
    assert (said(second)["path"], said(second)["method"]) == ("/second", "GET")


async def test_h1_the_other_headers_of_an_offer_stay(port: int) -> None:
    offer = ["X-One: 1", "Connection: close, upgrade", "Upgrade: h2c", "X-Two: a, b", "X-Empty:"]
    async with Wire(port) as wire:
        wire.send(framed("/", b"x", offer, chunked=False))
        answer = await wire.answer()
        assert said(answer)["headers"] == [
            ["host", "localhost"],
            *(["x-one", "1"], ["connection", "close"], ["x-two", "a, b"], ["x-empty", ""], ["content-length", "1"]),
        ]
        assert answer.headers["connection"] == "close"
        assert await wire.ended()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("framing", ["Content-Length: 9", "Transfer-Encoding: chunked"])
async def test_h1_curl_http2(port: int, framing: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--fail", "--max-time", "10", "--noproxy", "*", "--http2"),
        *("--header", framing, "--data", '{"a": [1]}'[:9], f"http://127.0.0.1:{port}/curl"),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert (orjson.loads(output)["path"], orjson.loads(output)["body"]) == ("/curl", '{"a": [1]')


@pytest.mark.parametrize(
    "data, status",
    [
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\nxx", 501),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 501),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET http://me@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET http:///x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
async def test_h1_what_is_no_request_is_refused_and_closed(port: int, data: bytes, status: int) -> None:
    async with Wire(port) as wire:
        wire.send(data)
        assert refusal(await wire.answer()) == status
        assert await wire.ended()


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "identity, chunked", "chunked, chunked", "gzip", "identity", "chunked;q=1", "xchunked"]
)
async def test_h3_a_coding_other_than_chunked_is_refused(port: int, coding: str) -> None:
    async with Wire(port) as wire:
        wire.send(f"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {coding}\r\n\r\n".encode() + b"0\r\n\r\n")
        assert refusal(await wire.answer()) in ({501} if coding != "chunked, chunked" else {400, 501})
        assert await wire.ended()


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED ", "\tchunked"])
async def test_h3_chunked_in_any_case(port: int, coding: str) -> None:
    async with Wire(port) as wire:
        wire.send(f"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n1\r\nx\r\n0\r\n\r\n".encode())
        assert said(await wire.answer())["body"] == "x"


async def test_attack_12_trailers_are_refused(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    for trailer in (b"Authorization: Bearer x", b"X-Forwarded-For: 198.51.100.66", b"X-Any: 1", b"Content-Length: 3"):
        for data in (head + trailer + b"\r\n\r\n", head + trailer + b"\r\nX-Other: 2\r\n\r\n"):
            async with Wire(port) as wire:
                wire.send(data)
                assert refusal(await wire.answer()) == 400
                assert await wire.ended()


async def test_a_refusal_waits_for_the_answers_before_it(port: int) -> None:
    """A client takes what comes first for the answer to what it sent first."""
    slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
    queued_and_bad = b"POST /bad HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nnonsense"
    for bad in (b"nonsense\r\n\r\n", b"GET / HTTP/7\r\n\r\n", queued_and_bad):
        RELEASE.clear()
        async with Wire(port) as wire:
            wire.send(slow + bad)
            await wire.writer.drain()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await wire.answer()
            RELEASE.set()
            assert said(await wire.answer())["path"] == "/slow"
            assert refusal(await wire.answer()) == 400
            assert await wire.ended()


async def test_no_more_than_fifty_requests_wait_on_a_connection(port: int) -> None:
    async with Wire(port) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3_000)
        for _ in range(51):
            assert said(await wire.answer())["path"] == "/"
        assert refusal(await wire.answer()) == 429
        assert await wire.ended()


async def test_attack_14_who_closes_half_gets_the_answer(port: int) -> None:
    RELEASE.clear()
    async with Wire(port) as wire:
        wire.send(framed("/slow", b"x", [], chunked=False))
        wire.writer.write_eof()
        asyncio.get_running_loop().call_later(0.2, RELEASE.set)
        answer = await wire.answer()
        assert (said(answer)["body"], answer.headers["connection"]) == ("x", "close")
        assert await wire.ended()


async def test_attack_14_half_a_request_and_an_end_is_no_request(port: int) -> None:
    for data in (b"GET / HT", framed("/", b"xyz", [], chunked=False)[:-1]):
        async with Wire(port) as wire:
            wire.send(data)
            wire.writer.write_eof()
            assert await wire.ended()


@pytest.mark.parametrize(
    "target, path, host",
    [
        ("http://shop.localhost:81/a?b=c", "/a", "shop.localhost:81"),
        ("HTTPS://[::1]", "/", "[::1]"),
        ("http://other?x", "/", "other"),
        ("/a", "/a", "localhost"),
    ],
)
async def test_attack_14_the_authority_of_the_target_goes_before_host(
    port: int, target: str, path: str, host: str
) -> None:
    async with Wire(port) as wire:
        wire.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        found = said(await wire.answer())
        assert (found["path"], found["headers"]) == (path, [["host", host]])


async def test_a_client_of_http_1_0_gets_no_word_before_its_answer(port: int) -> None:
    """It doesn't know what 100 means, and would take it for the answer (RFC 9110, section 10.1.1)."""
    for version, first in ((b"1.0", 200), (b"1.1", 100)):
        async with Wire(port) as wire:
            head = b"POST /x HTTP/%b\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
            wire.send(head % version + b"hi")
            line = await wire.reader.readline()
            assert line.startswith(b"HTTP/1.1 %d " % first)
