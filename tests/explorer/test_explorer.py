"""The explorer as people use it: its examples, its key, its links, by keyboard, on a phone, in the dark."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, expect

from app.asgi import create_app
from app.settings import CHECKOUT, load
from db.runtime.engine import Database
from tests.explorer.conftest import Open
from tests.support.http import serving

EXAMPLES = {
    "Storefront": ("products", "2 statements"),
    "StockFeed": ("products", "5 statements"),
    "OrderScreen": ("order", "6 statements"),
    "PickList": ("orders", "3 statements"),
    "OrderCreate": ("orderCreate", "statements"),
    "OrderTaxes": ("orderPreview", "statements"),
}
"""The tabs: what their data are, and how many statements their plans have."""


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_shows_data_cost_and_plan(opened: Open, name: str) -> None:
    field, statements = EXAMPLES[name]
    await opened.page.get_by_role("tab", name=name).click()
    panel = await opened.run()
    await expect(opened.page.locator(".result-window")).to_contain_text('"data"')
    answer = json.loads(await opened.result())
    assert "errors" not in answer
    assert answer["data"][field]
    assert "may read" in panel
    assert statements in panel
    assert await opened.page.locator(".plan details").count() >= 2
    await opened.page.locator(".plan summary").first.click()
    await expect(opened.page.locator(".plan pre").first).to_contain_text("SELECT")
    await opened.shoot(name)


def test_no_line_of_an_example_is_cut_off() -> None:
    """The query's editor shows 50 characters of a line where the page is 1,280 pixels wide."""
    queries = re.findall(r"query: `(.*?)`", (CHECKOUT / "explorer" / "src" / "examples.js").read_text(), re.DOTALL)
    assert len(queries) == 13
    assert [line for query in queries for line in query.splitlines() if len(line) > 50] == []


async def test_the_demo_key_is_filled_in_and_never_kept(opened: Open) -> None:
    page = opened.page
    key = await page.get_by_label("API key").input_value()
    assert key.startswith("erp_")
    await page.get_by_role("button", name="Share").click()
    assert key not in page.url
    shared = parse_qs(urlsplit(page.url).fragment)
    assert shared["query"][0].startswith("# A storefront")
    assert json.loads(shared["variables"][0]) == {"first": 12, "search": "mug"}
    kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert key not in kept


async def test_a_link_opens_its_query(opened: Open) -> None:
    page = opened.page
    await page.goto("about:blank")
    await page.goto(f"{opened.origin}/graphql#query=%7Bviewer%7Btenant%7Bname%7D%7D%7D")
    await opened.ready()
    await opened.run()
    await expect(page.locator(".result-window")).to_contain_text("larkspur")


async def test_by_keyboard_alone(opened: Open) -> None:
    page = opened.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("API key")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Share")).to_be_focused()


async def test_the_tab_key_leaves_the_editors(opened: Open) -> None:
    page = opened.page
    for editor in (".graphiql-query-editor", ".graphiql-editor-tool"):
        field = page.locator(f"{editor} .CodeMirror").first
        before = await field.evaluate("each => each.CodeMirror.getValue()")
        for key in ("Tab", "Shift+Tab"):
            await field.evaluate("each => each.CodeMirror.focus()")
            assert await field.evaluate("each => each.contains(document.activeElement)")
            await page.keyboard.press(key)
            assert not await field.evaluate("each => each.contains(document.activeElement)")
        assert await field.evaluate("each => each.CodeMirror.getValue()") == before
    await page.get_by_text("Tab leaves an editor").wait_for()


async def test_the_caller_of_the_key_is_shown(opened: Open) -> None:
    page = opened.page
    body = {"query": "{viewer{tenant{name} principal roles permissions}}"}
    key = await page.get_by_label("API key").input_value()
    asked = await page.request.post(f"{opened.origin}/graphql", data=body, headers={"authorization": f"Bearer {key}"})
    viewer = (await asked.json())["data"]["viewer"]
    shown = page.locator(".viewer")
    assert viewer["roles"] == ["admin"]
    await expect(shown.locator("summary")).to_have_text(f"{viewer['tenant']['name']} · {viewer['principal']} · admin")
    await shown.locator("summary").click()
    await expect(shown.locator("p")).to_have_text(", ".join(viewer["permissions"]))
    await opened.shoot("viewer")
    await page.get_by_label("API key").fill("erp_wrong")
    await page.get_by_text("This key isn't known here").wait_for()
    await expect(shown).to_have_count(0)
    opened.console.clear()  # the browser's own lines about status 401


async def test_a_copied_program_asks_the_same_without_the_key(opened: Open) -> None:
    page = opened.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    key = await page.get_by_label("API key").input_value()
    body = {"query": '{ viewer { principal } } # it\'s \\ "quoted" $HOME `ls` é'}
    await page.locator(".graphiql-query-editor .CodeMirror").evaluate(
        "(each, text) => each.CodeMirror.setValue(text)", body["query"]
    )
    await page.locator(".graphiql-editor-tool .CodeMirror").first.evaluate("each => each.CodeMirror.setValue('')")
    programs = {"curl": ["sh", "-c"], "Python": [sys.executable, "-c"], "JavaScript": None}
    for language, command in programs.items():
        await page.get_by_label("Copy as").select_option(language)
        await page.get_by_text(f"Copied as {language}").wait_for()
        text = await page.evaluate("navigator.clipboard.readText()")
        assert key not in text
        assert "ERPGRAPH_KEY" in text
        if command is None:
            answered = await page.evaluate(
                f"async (process) => {{ {text.replace('console.log', 'return ')} }}", {"env": {"ERPGRAPH_KEY": key}}
            )
            assert answered["data"]["viewer"]["principal"]
            continue
        process = await asyncio.create_subprocess_exec(
            *command, text, env={**os.environ, "ERPGRAPH_KEY": key}, stdout=PIPE, stderr=PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, err
        assert b"principal" in out
        assert b"errors" not in out


async def test_the_panel_shows_status_size_and_time(opened: Open) -> None:
    async with opened.page.expect_response("**/graphql") as answered:
        await opened.run()
    answer = await answered.value
    transport = await opened.page.locator(".transport").inner_text()
    size = len(await answer.body())
    assert re.fullmatch(rf"HTTP 200 · {size:,} bytes · [\d.]+ ms", transport)


async def test_the_documentation_and_the_tree(opened: Open) -> None:
    page = opened.page
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await page.get_by_role("link", name="Query").first.click()
    await expect(page.locator(".graphiql-plugin")).to_contain_text("The caller of the request")
    await opened.shoot("documentation")
    await page.get_by_role("button", name="Show GraphiQL Explorer").click()
    await expect(page.locator(".graphiql-plugin")).to_contain_text("products")
    await opened.shoot("tree")


async def test_a_query_that_is_too_expensive_shows_its_price(opened: Open) -> None:
    page = opened.page
    query = "{orders(first:250){nodes{lineItems(first:250){nodes{product{lineItems(first:250){nodes{id}}}}}}}}"
    await page.goto("about:blank")
    await page.goto(f"{opened.origin}/graphql#query={query}")
    await opened.ready()
    assert "— too expensive" in await opened.run()
    await opened.shoot("too-expensive")
    opened.console.clear()  # the browser's own line about status 400


async def test_a_wrong_key_gets_a_sentence_that_helps(opened: Open) -> None:
    page = opened.page
    await page.get_by_label("API key").fill("erp_wrong")
    await page.get_by_text("This key isn't known here").wait_for()
    await opened.shoot("wrong-key")
    assert "erp_wrong" not in page.url
    # It is the tab's: there after a reload, gone with the tab.
    await page.reload()
    await expect(page.get_by_label("API key")).to_have_value("erp_wrong")
    await page.get_by_text("This key isn't known here").wait_for()
    other = await page.context.new_page()
    await other.goto(f"{opened.origin}/graphql")
    assert await other.get_by_label("API key").input_value() != "erp_wrong"
    opened.console.clear()  # the browser's own line about status 401


async def test_a_server_that_goes_away_is_told(browser: Browser, application: FastAPI, shots: Path) -> None:
    context = await browser.new_context()
    async with serving(application) as port:
        away = Open(await context.new_page(), f"http://127.0.0.1:{port}", shots)
        await away.page.goto(f"{away.origin}/graphql")
        await away.ready()
    assert "went away before it answered" in await away.run()
    await away.shoot("away")
    await context.close()


async def test_a_spent_budget_is_told(browser: Browser, data: tuple[Database, str, str], shots: Path) -> None:
    database, tenant, key = data
    application = create_app(load(limit_cost=60_000, budget=60_000, budget_rate=1), database, {tenant: key})
    context = await browser.new_context()
    async with serving(application) as port:
        spent = Open(await context.new_page(), f"http://127.0.0.1:{port}", shots)
        await spent.page.goto(f"{spent.origin}/graphql")
        await spent.ready()
        idle = spent.page.get_by_label("Execute query (Ctrl-Enter)")
        status = 200
        while status == 200:
            async with spent.page.expect_response("**/graphql") as answered:
                await idle.click()
            status = (await answered.value).status
        await spent.page.get_by_text("This key has read as much as it may for now. Try again in").first.wait_for()
        assert status == 429
        assert "left in the budget" in await spent.page.locator(".panel[aria-label]").inner_text()
    await spent.shoot("spent")
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_phone(browser: Browser, origin: str, shots: Path, scheme: str) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark" if scheme == "dark" else "light", has_touch=True
    )
    phone = Open(await context.new_page(), origin, shots)
    phone.watch()
    await phone.page.goto(f"{origin}/graphql")
    await phone.ready()
    assert await phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    await phone.shoot(f"phone-{scheme}")
    await phone.run()
    await expect(phone.page.locator(".panel[aria-label]")).to_be_visible()
    for time in await phone.page.locator(".plan .time").all():
        box = await time.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390
    assert await phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    await phone.page.screenshot(path=shots / f"phone-{scheme}-answer.png", full_page=True)
    await phone.page.get_by_role("button", name="Open settings dialog").click()
    dialog = await phone.page.get_by_role("dialog").bounding_box()
    last = await phone.page.get_by_role("button", name="Dark").bounding_box()
    assert dialog is not None
    assert last is not None
    assert last["x"] + last["width"] <= dialog["x"] + dialog["width"], "the choice of the theme was cut off"
    await phone.shoot(f"phone-{scheme}-settings")
    await context.close()
    assert phone.foreign == []
    assert phone.console == []


async def test_dark(browser: Browser, origin: str, shots: Path) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    dark = Open(await context.new_page(), origin, shots)
    await dark.page.goto(f"{origin}/graphql")
    await dark.ready()
    await dark.run()
    await dark.shoot("dark")
    await context.close()
