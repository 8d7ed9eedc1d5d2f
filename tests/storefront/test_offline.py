"""examples/offline in Chromium: a copy that is kept, a network that goes, an order that is taken without it, and what it is like afterwards."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, Request, Route, expect
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.routing import Route as Path_
from starlette.staticfiles import StaticFiles

from tests.explorer.test_reach import faults
from tests.storefront.conftest import Site, build
from tests.storefront.test_storefront import available, orders, someone_orders
from tests.support import browser as browsers
from tests.support.http import serving
from tests.support.postgres import TestServer

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self'; worker-src 'self';"
    " connect-src 'self' {graph}"
)
SEAGRASS = "Wieland Storage Basket, seagrass, L"
SKU = "BOX-10008"
CUSTOMER = "Quast Raumausstattung GmbH"

COPY = """async () => {
    const opened = await new Promise((done) => {
        const asked = indexedDB.open("order-pad");
        asked.onsuccess = () => done(asked.result);
    });
    const rows = (name) => new Promise((done) => {
        const asked = opened.transaction(name).objectStore(name).getAll();
        asked.onsuccess = () => done(asked.result);
    });
    const names = ["products", "partners", "orders", "outbox"];
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await rows(name)])));
}"""


@dataclass
class Pad(browsers.Open):
    """An open order pad. ``sent``: the names of the operations that it sent, in their order."""

    sent: list[str] = field(default_factory=list)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self) -> None:
        def on_request(request: Request) -> None:
            if request.method == "POST":
                body: dict[str, Any] = request.post_data_json or {}
                self.sent += re.findall(r"^(?:query|mutation) (\w+)", body["query"])

        self.page.on("request", on_request)

    async def up_to_date(self) -> None:
        await expect(self.page.get_by_text("Up to date.")).to_be_visible(timeout=20_000)

    async def copy(self) -> dict[str, Any]:
        """What is on the device, without what only the copy knows."""
        held: dict[str, Any] = await self.page.evaluate(COPY)
        for rows in held.values():
            for row in rows:
                row.pop("round", None)
        return held

    @contextlib.asynccontextmanager
    async def losing_answers(self, site: Site) -> AsyncIterator[None]:
        """Meanwhile orders arrive, and their answers don't."""

        async def lose(route: Route) -> None:
            if "orderCreate" in (route.request.post_data or ""):
                await route.fetch(max_retries=3)
                await route.abort()
                self.lost.set()
            else:
                await route.continue_()

        self.lost.clear()
        await self.page.route(f"{site.graph}/graphql", lose)
        yield
        await self.page.unroute(f"{site.graph}/graphql", lose)

    async def go_offline(self) -> None:
        await self.page.context.set_offline(True)
        await expect(self.page.get_by_text("Offline.")).to_be_visible()

    async def take(self, quantity: str) -> None:
        page = self.page
        await page.get_by_label("Customer").select_option(label=CUSTOMER)
        await page.get_by_label("Find products").fill("seagrass l")
        await page.get_by_role("button", name=f"Add {SEAGRASS}").click()
        await page.get_by_label(f"Quantity of {SEAGRASS}").fill(quantity)
        await page.get_by_role("button", name="Take order").click()
        await expect(page.get_by_text(f"Taken for {CUSTOMER}.")).to_be_visible()


LISTS = {
    "products": "{ page: products(first: 100) { nodes { id sku name unit active listPrice { amount currency } stock { available } } } }",
    "partners": "{ page: partners(first: 100) { nodes { id code name kinds } } }",
    "orders": "query($after: String) { page: orders(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes"
    " { id number status placedAt externalId customer { name } total { amount currency } } } }",
}


async def everything(site: Site) -> dict[str, Any]:
    """What a full read of the same finds."""
    found: dict[str, Any] = {"outbox": []}
    for name, query in LISTS.items():
        rows: list[Any] = []
        after: str | None = None
        more = True
        while more:
            page = (await site.ask(query, **({"after": after} if "$after" in query else {})))["page"]
            rows += page["nodes"]
            more, after = (page.get("pageInfo") or {"hasNextPage": False, "endCursor": None}).values()
        found[name] = sorted(rows, key=lambda row: str(row["id"]))
    return found


@pytest.fixture(scope="module")
async def offline_site(pytestconfig: pytest.Config, server: TestServer) -> AsyncIterator[Site]:
    built = build("offline", pytestconfig)

    async def index(_: Asked) -> HTMLResponse:
        page = (built / "index.html").read_text().replace('content="/graphql"', f'content="{found.graph}/graphql"')
        return HTMLResponse(page, headers={"content-security-policy": POLICY.format(graph=found.graph)})

    pages = Starlette(routes=[Path_("/", index), Mount("/", StaticFiles(directory=built))])
    async with serving(pages) as port, browsers.demo_data(server) as (database, _, key):
        found = Site(f"http://127.0.0.1:{port}", database, key)
        async with serving(found.application()) as graph:
            found.graph = f"http://127.0.0.1:{graph}"
            yield found


@pytest.fixture
async def pad(browser: Browser, offline_site: Site, tmp_path: Path) -> AsyncIterator[Pad]:
    """An order pad that has its copy."""
    context = await browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(10_000)
    found = Pad(await context.new_page(), offline_site.origin, browsers.screenshots(tmp_path))
    found.watch(offline_site.graph)
    found.note()
    await found.page.goto(offline_site.origin)
    await found.page.get_by_label("API key").fill(offline_site.key)
    await found.page.keyboard.press("Enter")
    await found.up_to_date()
    await found.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    yield found
    await context.close()
    assert found.foreign == []
    assert found.console == []


async def test_an_order_is_taken_without_a_network_and_sent_when_it_is_back(pad: Pad, offline_site: Site) -> None:
    page, site = pad.page, offline_site
    assert await pad.copy() == await everything(site)
    before, there = await orders(site), int(await available(site, SKU))
    await pad.go_offline()
    await page.reload()  # the page itself is there without a network
    await expect(page.get_by_text("This is as of")).to_be_visible()
    await pad.take("2")
    await expect(page.get_by_text("Waits to be sent")).to_be_visible()
    await expect(page.get_by_text(f"{there - 2} left")).to_be_visible()
    await pad.shoot("offline-1-taken", full_page=True)
    assert await faults(page) == []
    assert await orders(site) == before
    await someone_orders(site, SKU, "3")

    # Back, but the answer to the first try gets lost.
    pad.sent.clear()
    async with pad.losing_answers(site):
        await page.context.set_offline(False)
        await pad.lost.wait()
        await expect(page.get_by_text("The server can't be reached.")).to_be_visible()
    assert {*pad.sent} == {"OrderCreate"}
    await expect(page.get_by_text("Waits to be sent")).to_be_visible()
    assert await orders(site) == before + 2
    await page.evaluate("dispatchEvent(new Event('online'))")
    await pad.up_to_date()
    await expect(page.get_by_role("heading", name="Outbox")).to_have_count(0)
    await expect(page.get_by_text(f"{there - 5} left")).to_be_visible()
    assert await orders(site) == before + 2
    assert await pad.copy() == await everything(site)
    assert "List" not in pad.sent
    pad.console.clear()  # the browser's own lines about a network that is away


async def test_a_copy_that_was_away_for_too_long_is_read_again(pad: Pad, offline_site: Site) -> None:
    page, site = pad.page, offline_site
    await pad.go_offline()
    await pad.take("1")
    await someone_orders(site, SKU, "2")
    admin = await asyncpg.connect(site.database.target.admin)
    await admin.execute("DELETE FROM commits")  # as after 30 days, or a restore
    await admin.close()
    await someone_orders(site, SKU, "1")
    pad.sent.clear()
    await page.context.set_offline(False)
    await expect(page.get_by_role("heading", name="Outbox")).to_have_count(0)
    await pad.up_to_date()
    assert await pad.copy() == await everything(site)
    assert [*dict.fromkeys(pad.sent)] == ["OrderCreate", "Follow", "Begin", "List"]
    assert pad.sent.count("List") >= 3
    pad.console.clear()  # the browser's own lines about a network that is away


async def test_a_key_that_its_server_has_forgotten_makes_no_second_order(pad: Pad, offline_site: Site) -> None:
    """Idempotency keys are kept for two days; an order that waits for longer is told by its own key."""
    page, site = pad.page, offline_site
    before = await orders(site)
    await pad.go_offline()
    await pad.take("1")

    async with pad.losing_answers(site):
        await page.context.set_offline(False)
        await pad.lost.wait()
    assert await orders(site) == before + 1
    admin = await asyncpg.connect(site.database.target.admin)
    await admin.execute("DELETE FROM idempotency_keys")
    await admin.close()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.get_by_role("heading", name="Outbox")).to_have_count(0)
    await pad.up_to_date()
    assert await orders(site) == before + 1
    assert await pad.copy() == await everything(site)
    pad.console.clear()  # the browser's own lines about a network that is away


async def test_what_is_refused_is_said_and_can_be_taken_otherwise(pad: Pad, offline_site: Site) -> None:
    """This one takes all that there is."""
    page, site = pad.page, offline_site
    before, there = await orders(site), int(await available(site, SKU))
    await pad.go_offline()
    await pad.take(str(there + 1))
    await page.context.set_offline(False)
    await expect(page.get_by_text("Refused")).to_be_visible()
    assert await faults(page) == []
    await pad.shoot("offline-2-refused", full_page=True)
    assert await orders(site) == before
    await page.get_by_role("button", name="Let what is short arrive later").click()
    await expect(page.get_by_role("heading", name="Outbox")).to_have_count(0)
    assert await orders(site) == before + 1
    assert await pad.copy() == await everything(site)
    pad.console.clear()  # the browser's own lines about a network that is away


async def test_a_device_is_forgotten(pad: Pad) -> None:
    await pad.page.get_by_role("button", name="Forget this device").click()
    await expect(pad.page.get_by_label("API key")).to_be_visible()
    assert await pad.copy() == {"products": [], "partners": [], "orders": [], "outbox": []}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_offline_on_a_phone(pad: Pad, scheme: Any) -> None:
    page = pad.page
    await page.emulate_media(color_scheme=scheme)
    await pad.shoot(f"offline-wide-{scheme}", full_page=True)
    await page.set_viewport_size({"width": 390, "height": 844})
    await pad.go_offline()
    await pad.take("1")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await pad.shoot(f"offline-phone-{scheme}", full_page=True)
    pad.console.clear()  # the browser's own lines about a network that is away
