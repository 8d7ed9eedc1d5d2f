"""Clients that are slow on purpose: none of them holds a connection for longer than it may (docs/security.md, cases 3 and 24)."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from app.asgi import create_app
from app.http.protocol import BoundedHttpProtocol
from app.settings import load
from tests.support.demo_site import Site
from tests.support.http import Wire, post, serving
from tests.support.patience import PATIENCE

QUERY = {"query": "{ viewer { principal } }"}


@pytest.fixture
async def port(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr("app.http.protocol.HEAD_WITHIN", 0.3)
    monkeypatch.setattr("app.http.protocol.BODY_WITHIN", 0.3)
    async with serving(create_app(load(), site.database)) as found:
        yield found


def parts(key: str) -> tuple[bytes, bytes]:
    """A request's head and its body."""
    head, _, content = post(key, QUERY).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", content


async def test_24_who_sends_nothing(port: int) -> None:
    async with Wire(port) as wire:
        assert await wire.ended()


@pytest.mark.parametrize("bytes_", [1, 20, -3])
async def test_24_half_a_head(site: Site, port: int, bytes_: int) -> None:
    async with Wire(port) as wire:
        wire.send(parts(site.key)[0][:bytes_])
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert orjson.loads(answer.body)["errors"][0]["message"] == "The request didn't come in time."
        assert await wire.ended()


async def test_24_a_byte_now_and_then(site: Site, port: int) -> None:
    """Each byte in time, and the head not: the clock isn't set anew."""
    async with Wire(port) as wire:
        for byte in parts(site.key)[0][:5]:
            wire.send(bytes([byte]))
            await asyncio.sleep(0.05)
        assert (await wire.answer()).status == 408


async def test_24_half_a_second_head_on_a_connection_that_was_used(site: Site, port: int) -> None:
    async with Wire(port) as wire:
        wire.send(post(site.key, QUERY))
        assert (await wire.answer()).status == 200
        await asyncio.sleep(0.4)  # idle for longer than a head may take, which it may be
        wire.send(post(site.key, QUERY))
        assert (await wire.answer()).status == 200
        wire.send(b"POST /gra")
        assert (await wire.answer()).status == 408
        assert await wire.ended()


@pytest.mark.parametrize("length", [0, 1, -1])
async def test_24_half_a_body(site: Site, port: int, length: int) -> None:
    head, content = parts(site.key)
    async with Wire(port) as wire:
        wire.send(head + content[:length])
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert await wire.ended()


async def test_24_who_does_not_read_the_answer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.protocol.SENT_WITHIN", 0.3)
    looked = asyncio.Event()
    give_up = BoundedHttpProtocol._give_up

    def look(protocol: BoundedHttpProtocol, answers: int) -> None:
        give_up(protocol, answers)
        if protocol.transport.is_closing():  # and not that of the first client, who read all
            looked.set()

    made = BoundedHttpProtocol.connection_made

    def make(protocol: BoundedHttpProtocol, transport: asyncio.Transport) -> None:
        # Left to itself the kernel took 4 MB of an answer that nobody reads, and there was nothing to give up.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        made(protocol, transport)

    monkeypatch.setattr(BoundedHttpProtocol, "connection_made", make)
    monkeypatch.setattr(BoundedHttpProtocol, "_give_up", look)
    line = "id quantity unitPrice { amount } product { id sku name description }"
    page = f"orders(first: 250) {{ nodes {{ id number lineItems(first: 200) {{ nodes {{ {line} }} }} }} }}"
    large = {"query": "{ " + " ".join(f"a{n}: {page}" for n in range(7)) + " }"}
    async with serving(create_app(load(), site.database)) as port:
        async with Wire(port) as wire:
            wire.send(post(site.key, large))
            answer = await wire.answer()
            whole = len(answer.body)
            assert whole > 2_000_000, answer.body
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.connect(("127.0.0.1", port))
            connection.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(connection, post(site.key, large))
            await asyncio.wait_for(looked.wait(), PATIENCE)
            received = 0
            while chunk := await asyncio.wait_for(loop.sock_recv(connection, 1_048_576), PATIENCE):
                received += len(chunk)
    assert received < whole


@pytest.mark.parametrize(
    "line, status",
    [
        (b"X-Long: " + b"x" * 60_000, 200),
        (b"X-Long: " + b"x" * 66_000, 431),
        (b"X-Long: " + b"x" * 2_000_000, 431),
        (b"\r\n".join(b"X-%d: 1" % n for n in range(20_000)), 431),
    ],
    ids=["60 kB", "66 kB", "2 MB", "many"],
)
async def test_3_headers(site: Site, port: int, line: bytes, status: int) -> None:
    async with Wire(port) as wire:
        wire.send(post(site.key, QUERY).replace(b"Host:", line + b"\r\nHost:", 1))
        assert (await wire.answer()).status == status


async def test_3_a_header_that_does_not_end(port: int) -> None:
    async with Wire(port) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 200_000)
        assert (await wire.answer()).status == 431


@pytest.mark.parametrize("length, status", [(8_000, 200), (8_400, 414), (20_000, 414), (300_000, 414)])
async def test_3_addresses(site: Site, port: int, length: int, status: int) -> None:
    query = b"/graphql?query=%7Bviewer%7Bprincipal%7D%7D&variables=%7B%22x%22:%22" + b"x" * (length - 70) + b"%22%7D"
    async with Wire(port) as wire:
        wire.send(
            b"GET "
            + query
            + b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            + site.key.encode()
            + b"\r\n\r\n"
        )
        assert (await wire.answer()).status == status


async def test_24_five_hundred_slow_clients(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While they are there others are served, and then they are gone."""
    monkeypatch.setattr("app.http.protocol.HEAD_WITHIN", 2.0)
    head = parts(site.key)[0]
    async with serving(create_app(load(), site.database)) as port:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(500)]
        for number, (_, writer) in enumerate(slow):
            writer.write(head[: number % 60])
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {site.key}"}) as client:
            answers = [await client.post(f"http://127.0.0.1:{port}/graphql", json=QUERY) for _ in range(20)]
            answers.append(await client.get(f"http://127.0.0.1:{port}/healthz"))
        assert {answer.status_code for answer in answers} == {200}
        ends = await asyncio.gather(*(asyncio.wait_for(reader.read(), PATIENCE) for reader, _ in slow))
        assert {end[:12] for end in ends} == {b"HTTP/1.1 408", b""}
        for _, writer in slow:
            writer.close()


async def test_34_an_upgrade_is_no_way_in(site: Site, port: int) -> None:
    """Who asks for a WebSocket, and not in full, is answered as anybody who sends no query."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    async with Wire(port) as wire:
        wire.send(b"GET /graphql HTTP/1.1\r\nHost: localhost\r\n" + upgrade + b"\r\n")
        assert (await wire.answer()).status == 401


async def test_24_a_body_that_nobody_waits_for(port: int) -> None:
    """Who is refused before its body was read gets no second answer."""
    async with Wire(port) as wire:
        wire.send(post("erp_wrong", b"", {"Content-Length": "100"}) + b"{")
        assert (await wire.answer()).status == 401
        assert await wire.ended()
