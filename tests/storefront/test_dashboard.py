"""examples/dashboard in Chromium: every number of the page in one request, light and dark, wide and narrow."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Request, expect
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from app.asgi import create_app
from app.settings import CHECKOUT, load
from tests.support import browser as browsers
from tests.support.http import serving
from tests.support.postgres import TestServer

SOURCE = CHECKOUT / "examples" / "dashboard"
PARTS = ("package.json", "package-lock.json", "vite.config.js", "index.html", "src")


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built page, of a copy; of the modules that are installed in its place, where they are."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no Node here, which builds the page: Node 20 or newer, with npm")
    folder = tmp_path_factory.mktemp("dashboard")
    for part in PARTS:
        source = SOURCE / part
        if source.is_dir():
            shutil.copytree(source, folder / part)
        else:
            shutil.copyfile(source, folder / part)
    for command in ("ci --no-audit --no-fund --prefer-offline", "run build"):
        done = subprocess.run(["npm", *command.split()], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder / "build"


@pytest.fixture(scope="module")
async def dashboard(page_folder: Path, server: TestServer) -> AsyncIterator[tuple[str, str, str]]:
    """The page's origin, the graph's, and a key."""
    told = {"graph": ""}

    async def index(_: Asked) -> HTMLResponse:
        page = (
            (page_folder / "index.html").read_text().replace('content="/graphql"', f'content="{told["graph"]}/graphql"')
        )
        return HTMLResponse(page)

    pages = Starlette(routes=[Route("/", index), Mount("/", StaticFiles(directory=page_folder))])
    async with serving(pages) as port, browsers.demo_data(server) as (database, _, key):
        origin = f"http://127.0.0.1:{port}"
        async with serving(create_app(load(cors_origins=(origin,)), database)) as graph:
            told["graph"] = f"http://127.0.0.1:{graph}"
            yield origin, told["graph"], key


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width, height", [(1280, 900), (390, 844)], ids=["desktop", "phone"])
async def test_all_numbers_come_in_one_request(
    browser: Browser, dashboard: tuple[str, str, str], tmp_path: Path, scheme: Any, width: int, height: int
) -> None:
    origin, graph, key = dashboard
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB", timezone_id="UTC"
    )
    try:
        opened = browsers.Open(await context.new_page(), origin, browsers.screenshots(tmp_path))
        opened.watch(graph)
        sent: list[str] = []

        def on_request(request: Request) -> None:
            if request.method == "POST":
                sent.append(request.url)

        opened.page.on("request", on_request)
        await opened.page.goto(origin)
        await opened.page.get_by_label("API key").fill(key)
        await opened.page.get_by_role("button").click()
        await expect(opened.page.get_by_role("heading", name="Sales by month")).to_be_visible()
        await expect(opened.page.locator(".tile")).to_have_count(5)
        await expect(opened.page.locator(".chart svg")).to_have_count(5)
        assert sent == [f"{graph}/graphql"]
        # Nothing stands out of a narrow window.
        assert await opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert await opened.page.locator("#sales svg path").count() >= 12
        await opened.shoot(f"dashboard-{scheme}-{width}", full_page=True)
        await opened.page.get_by_label("Months").select_option("24")
        await expect(opened.page.locator("#span")).to_contain_text(" to ")
        assert len(sent) == 2
        assert (opened.foreign, opened.console) == ([], [])
    finally:
        await context.close()
