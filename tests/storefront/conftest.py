"""The storefront's built page in headless Chromium, on an origin of its own, against a server with the small demo.

The page asks the graph across origins, under a content policy without ``unsafe-inline``. It is built anew when a
file of examples/storefront changes, which needs Node and npm; where there are none, the tests are skipped.
"""

import contextlib
import hashlib
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Request, expect
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from app.asgi import create_app
from app.settings import CHECKOUT, load
from db.runtime.engine import Database
from tests.support import browser as browsers
from tests.support.http import serving
from tests.support.postgres import TestServer

PARTS = ("package.json", "package-lock.json", "vite.config.js", "index.html", "public", "src")
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src {graph} {socket}"
"""All that the page needs."""


@dataclass
class Site:
    """Where the page is and which graph it asks; ``application`` lets that page in."""

    origin: str
    database: Database
    key: str
    graph: str = ""
    served: FastAPI | None = None
    """The application that runs."""

    def application(self, **settings: object) -> FastAPI:
        return create_app(load(cors_origins=(self.origin,), **settings), self.database)

    async def ask(self, query: str, **variables: object) -> Any:
        """The data of an answer: what somebody else does meanwhile, or what has become of it."""
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {self.key}"}) as client:
            answer = await client.post(f"{self.graph}/graphql", json={"query": query, "variables": variables})
        found = answer.json()
        assert "errors" not in found, found
        return found["data"]


@dataclass
class Shop(browsers.Open):
    """An open page. ``sent``: the names of the operations that it sent, in their order."""

    sent: list[str] = field(default_factory=list)

    def note(self) -> None:
        def on_request(request: Request) -> None:
            if request.method == "POST":
                body: dict[str, Any] = request.post_data_json or {}
                self.sent.append(body["operationName"])

        self.page.on("request", on_request)

    async def enter(self, key: str) -> None:
        await self.page.get_by_label("API key").fill(key)
        await self.page.keyboard.press("Enter")

    async def come_in(self, key: str) -> None:
        await self.enter(key)
        await expect(self.page.get_by_text("37 products")).to_be_visible()

    async def add(self, name: str) -> None:
        await self.page.get_by_role("button", name=f"Add {name}").click()

    async def find(self, words: str) -> None:
        await self.page.get_by_label("Search products").fill(words)

    async def live(self) -> None:
        """The page is told of changes."""
        await expect(self.page.get_by_text("Live", exact=True)).to_be_visible()


def build(name: str, config: pytest.Config) -> Path:
    """The built page of ``examples/NAME``; of a copy, so that nobody's node_modules are touched."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no Node here, which builds the page: Node 20 or newer, with npm")
    source = CHECKOUT / "examples" / name
    files = sorted(file for part in PARTS for file in (source / part, *(source / part).rglob("*")) if file.is_file())
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = config.cache.mkdir(name) / digest
    if not (folder / "build" / "index.html").exists():
        shutil.rmtree(folder.parent)
        for file in files:
            copy = folder / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        for command in ("ci --no-audit --no-fund --prefer-offline", "run build"):
            done = subprocess.run(["npm", *command.split()], cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    return folder / "build"


@pytest.fixture(scope="session")
def built(pytestconfig: pytest.Config) -> Path:
    return build("storefront", pytestconfig)


@pytest.fixture(scope="session")
async def site(built: Path, server: TestServer) -> AsyncIterator[Site]:
    async def index(_: Asked) -> HTMLResponse:
        page = (built / "index.html").read_text().replace('content="/graphql"', f'content="{found.graph}/graphql"')
        return HTMLResponse(
            page,
            headers={
                "content-security-policy": POLICY.format(graph=found.graph, socket=found.graph.replace("http", "ws", 1))
            },
        )

    pages = Starlette(routes=[Route("/", index), Mount("/", StaticFiles(directory=built))])
    async with serving(pages) as port, browsers.demo_data(server) as (database, _, key):
        found = Site(f"http://127.0.0.1:{port}", database, key)
        yield found


@pytest.fixture
async def graph(site: Site) -> AsyncIterator[None]:
    """The graph, running."""
    site.served = site.application()
    async with serving(site.served) as port:
        site.graph = f"http://127.0.0.1:{port}"
        yield


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with browsers.chromium() as opened:
        yield opened


Opening = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def opening(browser: Browser, site: Site, tmp_path: Path) -> Opening:
    """Opens the page in a window of its own; at the end it has asked nobody else."""

    @contextlib.asynccontextmanager
    async def opened(width: int = 1280, height: int = 860, scheme: str = "light") -> AsyncIterator[Shop]:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(10_000)
        shop = Shop(await context.new_page(), site.origin, browsers.screenshots(tmp_path))
        shop.watch(site.graph)
        shop.note()
        try:
            await shop.page.goto(site.origin)
            yield shop
        finally:
            await context.close()
        assert shop.foreign == []

    return opened


@pytest.fixture
async def shop(graph: None, opening: Opening, site: Site) -> AsyncIterator[Shop]:
    """The open shop, wide and light, with nothing to complain of at the end."""
    async with opening() as found:
        await found.come_in(site.key)
        assert found.sent == ["Viewer", "Products"]
        found.sent.clear()
        yield found
    assert found.console == []


@pytest.fixture
async def deaf(graph: None, opening: Opening, site: Site) -> AsyncIterator[Shop]:
    """The open shop of somebody whom nothing can be told: behind a proxy that knows no WebSockets."""
    async with opening() as found:
        await found.page.route_web_socket(re.compile("/graphql$"), lambda _: None)
        await found.page.reload()
        await found.come_in(site.key)
        found.sent.clear()
        yield found
    assert found.console == []
