"""WebSockets byte by byte: handshakes, frames that nobody should send, floods, and clients that vanish."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from app.http import silence, socket_protocol
from tests.support.demo_site import Site
from tests.support.http import Wire, eventually
from tests.support.patience import PATIENCE
from tests.support.streams import CHANGES, Served, streaming


@pytest.fixture
async def served(site: Site) -> AsyncIterator[Served]:
    async with streaming(site.database, site.key) as found:
        yield found


HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
)


MASK = b"\x25\x5a\xa5\xda"
"""The same at each run: frames are parameters here, and two processes that collect others run none of the tests."""


def frame(first: int, payload: bytes = b"") -> bytes:
    """A masked frame of less than 126 bytes."""
    return bytes([first, 0x80 | len(payload)]) + MASK + bytes(b ^ MASK[i % 4] for i, b in enumerate(payload))


async def opened(wire: Wire) -> None:
    wire.send((HANDSHAKE + "\r\n").encode())
    async with asyncio.timeout(PATIENCE):
        assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")


async def rest(wire: Wire) -> bytes:
    """What comes until the connection is cut."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := await wire.reader.read(1_000):
            found += piece
    return found


async def close_code(wire: Wire) -> int:
    """Of the next closing frame, past all others."""
    async with asyncio.timeout(PATIENCE):
        while True:
            first, length = await wire.reader.readexactly(2)
            content = await wire.reader.readexactly(length)
            if first == 0x88:
                return int.from_bytes(content[:2], "big")


async def test_34_who_answers_no_ping_is_cut_and_who_does_stays(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client's machine that is gone without a word looks like a client that says nothing."""
    monkeypatch.setattr(silence, "EVERY", 0.1)
    async with Wire(served.client.base_url.port or 0) as silent, Wire(served.client.base_url.port or 0) as wire:
        for each in (silent, wire):
            await opened(each)
        async with asyncio.timeout(PATIENCE):
            for _ in range(5):
                first, length = await wire.reader.readexactly(2)
                assert (first, length) == (0x89, 4)
                wire.send(frame(0x8A, await wire.reader.readexactly(4)))
            assert b"\x88" not in await rest(silent)
            # A pong that answers nothing is none.
            wire.send(frame(0x8A, b"none"))
            assert b"\x88" not in await rest(wire)


@pytest.mark.parametrize(
    "sent,code",
    [
        (frame(0x81, b"\xff\xfe"), 1007),
        (frame(0x83, b"x"), 1002),
        (frame(0xC1, b"x"), 1002),
        (b"\x81\x01x", 1002),
        (frame(0x80, b"x"), 1002),
        (frame(0x01, b"{") + frame(0x81, b"x"), 1002),
        (frame(0x09, b"x"), 1002),
        (b"\x81\xff\x00\x00\x00\x00\x00\x10\x00\x00", 1009),
        (frame(0x88, (1000).to_bytes(2, "big")), 1000),
        (frame(0x88), 1005),
        (frame(0x82, b"{}"), 4400),
        (frame(0x01, b"{") + frame(0x89, b"p") + frame(0x80, b'"type":"nothing"}'), 4400),
    ],
)
async def test_34_frames_that_nobody_should_send(served: Served, sent: bytes, code: int) -> None:
    async with Wire(served.client.base_url.port or 0) as wire:
        await opened(wire)
        wire.send(sent)
        async with asyncio.timeout(PATIENCE):
            found = await close_code(wire)
        assert found == (code if code != 1005 else 0)


async def test_34_what_is_no_text_leaves_nothing_in_the_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async with Wire(served.client.base_url.port or 0) as wire:
        await opened(wire)
        wire.send(frame(0x81, b"\xff"))
        assert await close_code(wire) == 1007
    assert [record.message for record in caplog.records if record.name.startswith("uvicorn")] == []


@pytest.mark.parametrize(
    "sent",
    [
        frame(0x89) * (socket_protocol.MOST_FRAMES + 1),
        frame(0x8A) * (socket_protocol.MOST_FRAMES + 1),
        frame(0x01) + frame(0x00) * (socket_protocol.MOST_FRAMES + 1),
        frame(0x81, b'{"type":"ping"}') * (socket_protocol.MOST_FRAMES + 100),
    ],
)
async def test_34_a_flood_of_frames_is_cut(served: Served, sent: bytes) -> None:
    async with Wire(served.client.base_url.port or 0) as wire:
        await opened(wire)
        wire.send(sent)
        async with asyncio.timeout(PATIENCE):
            try:
                while await wire.reader.read(65_536):
                    pass
            except ConnectionError:
                pass
    await eventually(lambda: served.hub.held == 0)


@pytest.mark.parametrize("early", [frame(0x81, b'{"type":"ping"}'), frame(0x89), b"GET / HTTP/1.1\r\n\r\n"])
async def test_34_nothing_is_taken_before_the_handshake_is_answered(served: Served, early: bytes) -> None:
    async with Wire(served.client.base_url.port or 0) as wire:
        wire.send((HANDSHAKE + "\r\n").encode() + early)
        async with asyncio.timeout(PATIENCE):
            try:
                while await wire.reader.read(65_536):
                    pass
            except ConnectionError:
                pass


@pytest.mark.parametrize(
    "change",
    [
        ("GET /graphql", "GET /graphql/stream"),
        ("GET /graphql", "GET /"),
        ("GET /graphql", "POST /graphql"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("Version: 13", "Version: 8"),
        ("AAAA==", "AAA="),
        ("Upgrade: WebSocket", "Upgrade: h2c"),
        ("Upgrade: WebSocket", "Upgrade: websocket, h2c"),
        ("Connection: keep-alive, Upgrade", "Connection: keep-alive"),
        ("\r\nHost", "\r\nContent-Length: 3\r\nHost"),
    ],
)
async def test_34_an_offer_that_is_not_whole_is_passed_over(served: Served, change: tuple[str, str]) -> None:
    async with Wire(served.client.base_url.port or 0) as wire:
        wire.send((HANDSHAKE.replace(*change, 1) + "\r\n").encode() + b"{}\n" * ("Content-Length" in change[1]))
        answer = await wire.answer()
    assert answer.status in {200, 400, 401, 405, 415}
    assert "sec-websocket-accept" not in answer.headers


async def test_a_socket_may_follow_requests_on_its_connection(served: Served) -> None:
    async with Wire(served.client.base_url.port or 0) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await wire.answer()).status == 200
        await opened(wire)
        wire.send(frame(0x81, b'{"type":"ping"}'))
        async with asyncio.timeout(PATIENCE):
            assert await wire.reader.readexactly(17) == b'\x81\x0f{"type":"pong"}'


async def test_clients_that_come_and_go_leave_nothing_behind(served: Served, site: Site) -> None:
    async def visit(number: int) -> None:
        async with Wire(served.client.base_url.port or 0) as wire:
            wire.send((HANDSHAKE + f"Authorization: Bearer {site.key}\r\n\r\n").encode())
            if number % 3:
                await wire.reader.readuntil(b"\r\n\r\n")
                wire.send(frame(0x81, b'{"type":"connection_init"}'))
                query = b'{"type":"subscribe","id":"1","payload":{"query":"subscription{changes{cursor}}"}}'
                wire.send(frame(0x81, query))
            if number % 2:
                await asyncio.sleep(0.005 * (number % 7))
            wire.vanish()

    async with served.follow(CHANGES) as stays:
        assert await stays.names() == []
        tasks = len(asyncio.all_tasks())
        await asyncio.gather(*(visit(number) for number in range(40)))
        await eventually(lambda: (served.hub.following, served.hub.held) == (1, 0))
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
        await served.make("STAYS-WS", "stays")
        assert await stays.names() == ["stays"]
