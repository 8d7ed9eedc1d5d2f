"""The explorer in headless Chromium, on a server of the test's own, with every other host blocked.

Debian's chromium is used (``apt-get install chromium``); where there is none, the tests are skipped.
Screenshots are left in ERPGRAPH_SCREENSHOTS, or with the test's other files.
"""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from app.asgi import create_app
from app.settings import load
from db.engine import Database
from services import demo, keys, tenants
from tests.support.http import serving
from tests.support.postgres import TestServer

CHROMIUM = shutil.which("chromium")


@dataclass
class Open:
    """An open page, and what it did besides: requests to other origins, words on the console."""

    page: Page
    origin: str
    shots: Path
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def watch(self) -> None:
        def on_request(request: Request) -> None:
            if not request.url.startswith((f"{self.origin}/", "data:", "blob:")):
                self.foreign.append(request.url)

        def on_console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                self.console.append(message.text)

        self.page.on("request", on_request)
        self.page.on("console", on_console)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))

    async def shoot(self, name: str) -> None:
        await self.page.screenshot(path=self.shots / f"{name}.png")

    async def ready(self) -> None:
        """The page has the schema."""
        await self.page.get_by_text("The key stays in this tab").wait_for()

    async def run(self) -> str:
        """Run the tab's query by the keyboard; the text of the panel beside its result."""
        editor = self.page.locator(".graphiql-query-editor .CodeMirror")
        await editor.click(position={"x": 200, "y": 12})
        await self.page.keyboard.press("Control+Enter")
        panel = self.page.locator(".panel[aria-label]")
        await panel.wait_for()
        return await panel.inner_text()

    async def result(self) -> str:
        """What the result's editor holds."""
        held = await self.page.locator(".result-window .CodeMirror").evaluate("each => each.CodeMirror.getValue()")
        return str(held)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        yield opened
        await opened.close()


@pytest.fixture(scope="session")
async def application(server: TestServer) -> AsyncIterator[FastAPI]:
    async with server.fresh() as target:
        await demo.load(target, demo.Size.SMALL)
        first, *_ = sorted(await tenants.every(target), key=lambda tenant: tenant.name)
        database = Database(target)
        await database.open()
        yield create_app(load(), database, {first.name: await keys.create(target, first.id, "explorer")})
        await database.close()


@pytest.fixture
async def origin(application: FastAPI) -> AsyncIterator[str]:
    async with serving(application) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    given = os.environ.get("ERPGRAPH_SCREENSHOTS")
    folder = Path(given) if given else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
async def opened(browser: Browser, origin: str, shots: Path) -> AsyncIterator[Open]:
    """The explorer, wide and light, with nothing to complain of at the end."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    found = Open(await context.new_page(), origin, shots)
    found.watch()
    await found.page.goto(f"{origin}/graphql")
    await found.ready()
    yield found
    await context.close()
    assert found.foreign == []
    assert found.console == []
