"""Debian's nginx in between, as ``examples/nginx.conf`` has it: streams and sockets come through at once, and outlive its end."""

import asyncio
import contextlib
import os
import shutil
import ssl
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI
from playwright.async_api import Browser, expect
from websockets.asyncio.client import connect

from app.settings import CHECKOUT
from db.runtime.engine import Database
from tests.explorer.conftest import Watched
from tests.support.http import eventually, serving
from tests.support.metrics import free_ports
from tests.support.patience import PATIENCE
from tests.support.sockets import PROTOCOL

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx here: apt-get install nginx-light")

AROUND = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    gzip_types *;
    {example}
}}
"""
"""What a distribution has around it, with compression of everything, which streams must come through."""


def certificate(folder: Path) -> None:
    """One for this machine, of nobody's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    (folder / "erp.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "erp.key").write_bytes(written)


class Proxy:
    """nginx on a port, before a server's."""

    def __init__(self, folder: Path, port: int, server: int) -> None:
        self.folder, self.port, self.plain = folder, port, port + 1
        example = (CHECKOUT / "examples" / "nginx.conf").read_text()
        for theirs, ours in {
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "listen 80;": f"listen 127.0.0.1:{self.plain};",
            "listen [::]:443 ssl http2;": "",
            "listen [::]:80;": "",
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{server};",
            "/etc/ssl/erp.example.pem": f"{folder}/erp.pem",
            "/etc/ssl/erp.example.key": f"{folder}/erp.key",
        }.items():
            assert example.count(theirs) == 1, theirs
            example = example.replace(theirs, ours)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder, example=example))
        certificate(folder)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        log = self.folder / "error.log"
        log.touch()
        command = (str(NGINX), "-p", str(self.folder), "-e", str(log), "-c", str(self.folder / "nginx.conf"))
        process: Process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    assert process.returncode is None, log.read_text()
                    with contextlib.suppress(ConnectionError):
                        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                        writer.close()
                        break
                    await asyncio.sleep(0.02)
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@pytest.fixture
async def proxy(application: FastAPI, tmp_path: Path) -> AsyncIterator[tuple[Proxy, str]]:
    """The proxy, not running yet, and the server's own address."""
    async with serving(application) as port:
        yield Proxy(tmp_path, free_ports(2), port), f"http://127.0.0.1:{port}"


async def test_a_browsers_stream_comes_through_and_goes_on_after_the_proxys_end(
    browser: Browser,
    application: FastAPI,
    data: tuple[Database, str, str],
    proxy: tuple[Proxy, str],
    shots: Path,
) -> None:
    nginx, direct = proxy
    context = await browser.new_context(ignore_https_errors=True)
    found = Watched(await context.new_page(), f"https://127.0.0.1:{nginx.port}", shots)
    found.hub, found.key, found.graph = application.state.hub, data[2], direct
    async with nginx.running():
        async with found.page.expect_response("**/graphql") as page:
            await found.page.goto(f"{found.origin}/graphql")
        assert (await page.value).status == 200
        protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
        assert await found.page.evaluate(protocol) == "h2"
        await found.page.get_by_label("API key").fill(found.key)  # a proxy's page has no demo key
        await found.ready()
        await found.follow()
        await found.order()
        await expect(found.count).to_have_text("2 results")
    await expect(found.status).to_have_text("The connection is lost. Trying again, from the last cursor.")
    await eventually(lambda: found.hub.following == 0)
    number = await found.order()
    async with nginx.running():
        await expect(found.status).to_contain_text("Live again: resumed once", timeout=30_000)
        await expect(found.count).to_have_text("3 results")
        assert number in await found.result()
        await context.close()
        await eventually(lambda: found.hub.following == 0)


async def test_a_socket_comes_through(proxy: tuple[Proxy, str], data: tuple[Database, str, str]) -> None:
    nginx, _ = proxy
    trusted = ssl.create_default_context()
    trusted.check_hostname, trusted.verify_mode = False, ssl.CERT_NONE
    url = f"wss://127.0.0.1:{nginx.port}/graphql"
    async with (
        nginx.running(),
        connect(url, subprotocols=[PROTOCOL], ssl=trusted, compression=None) as socket,
        asyncio.timeout(20),
    ):
        payload = {"authorization": f"Bearer {data[2]}"}
        await socket.send(orjson.dumps({"type": "connection_init", "payload": payload}).decode())
        assert orjson.loads(await socket.recv()) == {"type": "connection_ack"}
        query = "subscription { changes { changes { id } } }"
        await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}).decode())
        sent = orjson.loads(await socket.recv())
        assert sent["payload"]["data"]["changes"]["changes"] == []


def refusal(answer: httpx.Response) -> Any:
    """The code of an answer's only error, which has the form that the graph's have."""
    assert answer.headers["content-type"] == "application/json"
    [error] = answer.json()["errors"]
    assert error["message"]
    return error["extensions"]["code"]


async def test_what_the_proxy_itself_refuses_reads_like_the_graphs_errors(
    proxy: tuple[Proxy, str], data: tuple[Database, str, str]
) -> None:
    """Clients that parse each answer as JSON met a page of HTML."""
    nginx, _ = proxy
    url = f"https://127.0.0.1:{nginx.port}/graphql"
    headers = {"authorization": f"Bearer {data[2]}", "content-type": "application/json"}
    async with nginx.running(), httpx.AsyncClient(verify=False) as client:  # noqa: S501 - a certificate of nobody's
        large = await client.post(url, headers=headers, content=b" " * (1024 * 1024 + 1))
        assert (large.status_code, refusal(large)) == (413, "BAD_REQUEST")
        own = await client.post(url, headers=headers, content=b" " * (1024 * 1024))
        assert (own.status_code, own.json()["errors"][0]["extensions"]["code"]) == (413, "BAD_REQUEST")
        assert "x-request-id" in own.headers, "the graph's own answers pass as they are"
        begun = await client.get(f"http://127.0.0.1:{nginx.plain}/graphql?x=1")
        assert (begun.status_code, begun.headers["location"]) == (301, "https://127.0.0.1/graphql?x=1")


async def test_a_server_that_is_away_is_an_error_that_may_be_retried(tmp_path: Path) -> None:
    ports = free_ports(3)
    nginx = Proxy(tmp_path, ports, ports + 2)
    async with nginx.running(), httpx.AsyncClient(verify=False) as client:  # noqa: S501 - a certificate of nobody's
        away = await client.post(f"https://127.0.0.1:{nginx.port}/graphql", json={"query": "{ __typename }"})
    assert (away.status_code, refusal(away), away.headers["retry-after"]) == (503, "UNAVAILABLE", "2")
