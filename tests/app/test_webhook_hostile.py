"""Receivers that mean no good: what drips, never ends, or is another one's. A request is bounded, and tells nothing of the answer."""

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.webhooks.sending import READ, Sender

OURS = [ip_network("127.0.0.0/8")]

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def receiving(serve: Serve, **options: Any) -> AsyncIterator[int]:
    """In here this answers on a port of this machine."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await serve(reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(one, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def sender() -> AsyncIterator[Sender]:
    made = Sender(OURS)
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"]
)
async def test_an_answer_that_drips_ends_in_time(head: bytes) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"a" if not head or head.endswith(b"\r\n\r\n") else b"x-a: a\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with receiving(drip) as port, sender() as made:
        answer = await made.send(f"http://127.0.0.1:{port}/", {}, b"{}", within=0.5)
    # A head without end, or with a line that is none, is a broken one.
    assert answer.status is None
    assert answer.failure in {"There was no answer within 0 seconds.", "The connection was lost."}


async def test_of_an_answer_without_end_a_little_is_read() -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            writer.write(bytes(READ))
            await writer.drain()
            sent += READ

    async with receiving(flood) as port, sender() as made:
        answer = await made.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (answer.status, answer.failure) == (200, None)
    # What else was sent lay in the system's buffers.
    assert sent < 400 * READ


async def test_a_redirect_to_where_only_the_server_is_is_a_failure() -> None:
    asked = 0

    async def redirect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(b"HTTP/1.1 307 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with receiving(redirect) as port, sender() as made:
        answer = await made.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (answer.status, answer.failure, asked) == (307, "The receiver answered with the status 307.", 1)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """One that says that it is this name's, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(whose)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files[1].write_bytes(private)
    return files


@pytest.mark.parametrize(
    "name,trusted,status,failure",
    [
        ("localhost", "localhost", 204, None),
        ("other.example", "other.example", None, "Its certificate isn't valid."),
        ("localhost", None, None, "Its certificate isn't valid."),
    ],
)
async def test_a_certificate_of_another_name_or_of_nobody_known_is_not_taken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    trusted: str | None,
    status: int | None,
    failure: str | None,
) -> None:
    chain, key = certificate(tmp_path, name)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(chain, key)
    ours = ssl.create_default_context(cafile=str(chain) if trusted else None)
    monkeypatch.setattr(ssl, "create_default_context", lambda: ours)

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async with receiving(take, ssl=theirs) as port, sender() as made:
        answer = await made.send(f"https://localhost:{port}/", {}, b"{}")
    assert (answer.status, answer.failure) == (status, failure)
