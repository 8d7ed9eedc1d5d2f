"""The explorer in headless Chromium, on a server of the test's own, with every other host blocked."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Locator, expect

from app.asgi import create_app
from app.live.hub import Hub
from app.settings import load
from db.runtime.engine import Database
from tests.support import browser as browsers
from tests.support.http import serving
from tests.support.postgres import TestServer


class Open(browsers.Open):
    """An open explorer."""

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


ORDER = """mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { number } userErrors { message } } }"""


class Watched(Open):
    """An explorer, and the server behind it."""

    hub: Hub
    key: str
    graph: str
    """Where others reach the graph."""

    @property
    def status(self) -> Locator:
        return self.page.locator(".panel.live [role=status]")

    @property
    def count(self) -> Locator:
        return self.page.locator(".panel.live .standing b")

    async def follow(self, name: str = "Live") -> None:
        """Run the example, and wait until it is live."""
        await self.page.get_by_role("tab", name=name, exact=True).click()
        await self.run()
        await expect(self.status).to_have_text("Live: results come as they happen.")
        await expect(self.count).to_have_text("1 result")

    async def order(self) -> str:
        """Somebody else's order; its number."""
        line = {"product": {"sku": "BOX-10008"}, "quantity": "1"}
        given = {"customer": {"code": "F10004"}, "lineItems": [line], "confirm": True}
        async with httpx.AsyncClient(base_url=self.graph, headers={"authorization": f"Bearer {self.key}"}) as client:
            answer = await client.post("/graphql", json={"query": ORDER, "variables": {"input": given}})
        made = answer.json()["data"]["orderCreate"]
        assert made["userErrors"] == []
        return str(made["order"]["number"])

    async def cut(self) -> None:
        """End the connection as a server does that stops; the network stays away."""
        await self.page.context.set_offline(True)
        for stream in [*self.hub._streams]:
            stream.end(None)
        await expect(self.status).to_have_text("The connection is lost. Trying again, from the last cursor.")


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with browsers.chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
async def data(server: TestServer) -> AsyncIterator[tuple[Database, str, str]]:
    """The demo's database, the name of a tenant of it, and a key."""
    async with browsers.demo_data(server) as made:
        yield made


@pytest.fixture(scope="session")
def application(data: tuple[Database, str, str]) -> FastAPI:
    database, tenant, key = data
    return create_app(load(), database, {tenant: key})


@pytest.fixture
async def origin(application: FastAPI) -> AsyncIterator[str]:
    async with serving(application) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    return browsers.screenshots(tmp_path)


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
