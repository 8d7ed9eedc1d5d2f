"""Pages in Debian's Chromium (``apt-get install chromium``), headless, with every host but this machine out of reach."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

from db.runtime.engine import Database
from services.platform import keys, tenants
from tests.support.postgres import TestServer

CHROMIUM = shutil.which("chromium")
PATIENT = 15_000
"""Milliseconds that a page may take for what is expected of it: a busy machine is no fault of the page's."""


@dataclass
class Open:
    """An open page, and what it did besides: requests to other origins, words on the console."""

    page: Page
    origin: str
    shots: Path
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def watch(self, *others: str) -> None:
        """``others``: origins that it may ask, too."""
        ours = (f"{self.origin}/", *(f"{other}/" for other in others), "data:", "blob:")

        def on_request(request: Request) -> None:
            if not request.url.startswith(ours):
                self.foreign.append(request.url)

        def on_console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                self.console.append(message.text)

        self.page.on("request", on_request)
        self.page.on("console", on_console)
        self.page.on("pageerror", lambda error: self.console.append(str(error)))

    async def shoot(self, name: str, *, full_page: bool = False) -> None:
        await self.page.screenshot(path=self.shots / f"{name}.png", full_page=full_page)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    expect.set_options(timeout=PATIENT)
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        try:
            yield opened
        finally:
            await opened.close()


def screenshots(tmp_path: Path) -> Path:
    """Where pictures are left: ERPGRAPH_SCREENSHOTS, or with the test's other files."""
    given = os.environ.get("ERPGRAPH_SCREENSHOTS")
    folder = Path(given) if given else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.asynccontextmanager
async def demo_data(server: TestServer) -> AsyncIterator[tuple[Database, str, str]]:
    """A database of its own with the small demo; the name of the first tenant, and a key of it."""
    async with server.with_demo() as target:
        first, *_ = sorted(await tenants.every(target), key=lambda tenant: tenant.name)
        database = Database(target)
        await database.open()
        try:
            yield database, first.name, await keys.create(target, first.id, "browser")
        finally:
            await database.close()
