"""Subscriptions in the explorer: results as they come, a connection that is lost, a place that is gone; by keyboard, for axe, on a phone."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, expect

from db.runtime.engine import Database
from services.platform import keys, tenants
from tests.explorer.conftest import Watched
from tests.explorer.test_reach import faults
from tests.support.http import eventually, serving


@pytest.fixture
async def watched(
    browser: Browser, application: FastAPI, data: tuple[Database, str, str], shots: Path
) -> AsyncIterator[Watched]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    async with serving(application) as port:
        found = Watched(await context.new_page(), f"http://127.0.0.1:{port}", shots)
        found.hub, found.key, found.graph = application.state.hub, data[2], found.origin
        found.watch()
        await found.page.goto(f"{found.origin}/graphql")
        await found.ready()
        yield found
        await context.close()
        await eventually(lambda: found.hub.following == 0)
    assert found.foreign == []
    assert found.console == []


async def test_results_come_until_it_is_stopped_by_the_keyboard(watched: Watched) -> None:
    page = watched.page
    await watched.follow()
    number = await watched.order()
    await expect(watched.count).to_have_text("2 results")
    told = json.loads(await watched.result())["data"]["changes"]["changes"]
    assert [each["node"]["number"] for each in told if each["kind"] == "ORDER"] == [number]
    assert [each["node"]["product"]["sku"] for each in told if each["kind"] == "STOCK_LEVEL"] == ["BOX-10008"]
    newest = page.locator(".panel.live summary").first
    await expect(newest).to_contain_text("2 changes")
    await newest.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".panel.live pre").first).to_contain_text(number)
    # What is long scrolls inside of its panel.
    assert await page.evaluate("document.querySelector('.graphiql-response').getBoundingClientRect().bottom") <= 800
    assert await faults(page) == []
    await watched.shoot("live")
    await page.emulate_media(color_scheme="dark")
    await watched.shoot("live-dark")
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await watched.shoot("live-phone-dark", full_page=True)
    await page.emulate_media(color_scheme="light")
    await watched.shoot("live-phone", full_page=True)
    await page.set_viewport_size({"width": 1280, "height": 800})

    await page.get_by_role("button", name="Stop", exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(watched.status).to_have_text("Ended.")
    await eventually(lambda: watched.hub.following == 0)
    # The button is the same one: who pressed it stands where they were.
    await expect(page.get_by_role("button", name="Follow again")).to_be_focused()
    await watched.order()
    await expect(watched.count).to_have_text("2 results")
    await page.keyboard.press("Enter")
    await expect(watched.status).to_have_text("Live: results come as they happen.")
    await expect(watched.count).to_have_text("1 result")


async def test_a_lost_connection_is_resumed_and_a_place_that_is_gone_is_said(
    watched: Watched, data: tuple[Database, str, str]
) -> None:
    await watched.follow()
    await watched.cut()
    assert await faults(watched.page) == []
    await watched.shoot("live-lost")
    number = await watched.order()
    await watched.page.context.set_offline(False)
    await expect(watched.status).to_have_text("Live again: resumed once from the last cursor, nothing is missing.")
    await expect(watched.count).to_have_text("2 results")
    assert number in await watched.result()
    await watched.shoot("live-resumed")

    # As after a restore to an older state: following goes on, and the page says that something may be missing.
    await watched.cut()
    database, tenant, _ = data
    admin = await asyncpg.connect(database.target.admin)
    await admin.execute("DELETE FROM commits USING tenants WHERE tenants.id = tenant_id AND tenants.name = $1", tenant)
    await admin.close()
    await watched.order()
    await watched.page.context.set_offline(False)
    await expect(watched.status).to_contain_text("The last cursor's place was gone: it began again from now (once).")
    await expect(watched.count).to_have_text("3 results")
    number = await watched.order()
    await expect(watched.count).to_have_text("4 results")
    assert number in await watched.result()
    await watched.shoot("live-began-again")
    watched.console.clear()  # the browser's own lines about a network that is away


async def test_a_partner_follows_its_own_orders_and_another_key_ends_it(
    watched: Watched, data: tuple[Database, str, str]
) -> None:
    database, tenant, _ = data
    owner = await tenants.find(database.target, tenant)
    key = watched.page.get_by_label("API key")
    await key.fill(await keys.create(database.target, owner, "live partner", roles=["partner"], partner="F10004"))
    await watched.page.locator(".viewer summary", has_text="live partner").wait_for()
    await watched.ready()
    await watched.follow("MyOrdersLive")
    number = await watched.order()
    await expect(watched.count).to_have_text("2 results")
    assert number in await watched.result()

    await key.fill("erp_wrong")
    await watched.page.get_by_text("This key isn't known here").wait_for()
    await eventually(lambda: watched.hub.following == 0)
    await watched.run()
    await expect(watched.status).to_contain_text("This key isn't known here")
    await expect(watched.page.get_by_role("button", name="Follow again")).to_be_visible()
    assert await faults(watched.page) == []
    watched.console.clear()  # the browser's own lines about status 401


async def test_a_document_that_is_wrong_is_told_once(watched: Watched) -> None:
    editor = watched.page.locator(".graphiql-query-editor .CodeMirror")
    text = "subscription { record(id: 5) { id } changes { cursor } }"
    await editor.evaluate("(each, text) => each.CodeMirror.setValue(text)", text)
    await watched.run()
    await expect(watched.page.locator(".panel.live .standing.failed")).to_be_visible()
    await expect(watched.count).to_have_text("1 result")
    assert "errors" in json.loads(await watched.result())


async def test_a_copied_program_follows_too(watched: Watched) -> None:
    page = watched.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("tab", name="Live").click()
    for language, command in {"curl": ["sh", "-c"], "Python": [sys.executable, "-c"]}.items():
        await page.get_by_label("Copy as").select_option(language)
        await page.get_by_text(f"Copied as {language}").wait_for()
        text = await page.evaluate("navigator.clipboard.readText()")
        environment = {**os.environ, "ERPGRAPH_KEY": watched.key}
        process = await asyncio.create_subprocess_exec(
            *command, f"exec {text}" if command[0] == "sh" else text, env=environment, stdout=PIPE, stderr=PIPE
        )
        assert process.stdout is not None
        try:
            told = b""
            async with asyncio.timeout(30):
                while b'"changes":' not in told:
                    line = await process.stdout.readline()
                    assert line, told
                    told += line
            assert b"event: next" in told
        finally:
            process.kill()
            await process.wait()
