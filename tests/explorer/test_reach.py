"""The explorer without a mouse, without eyes, in the dark and on a phone; and what it keeps over a reload."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Locator, Page, expect

from app.asgi import create_app
from app.settings import load
from db.runtime.engine import Database
from services.platform import keys, tenants
from tests.explorer.conftest import Open
from tests.support.http import serving

SIZES = {"wide": (1280, 800), "phone": (390, 844)}
FOUND = """async (only) => (await axe.run(document, {resultTypes: ["violations"], ...only})).violations.flatMap(
    ({id, nodes}) => nodes.map(({target, any, all, none}) => [id, target.join(" "), [...any, ...all, ...none][0]?.message]))"""
CONTRAST = {"runOnly": ["color-contrast", "link-in-text-block"]}


async def faults(page: Page) -> Any:
    """What axe has to say against the page in the light, by all its rules, mere advice included; and of colours in the dark."""
    await page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    found = await page.evaluate(FOUND, {})
    await page.emulate_media(color_scheme="dark")
    found += await page.evaluate(FOUND, CONTRAST)
    await page.emulate_media(color_scheme="light")
    return found


@pytest.mark.parametrize("size", SIZES)
async def test_axe_finds_nothing(opened: Open, size: str) -> None:
    page = opened.page
    width, height = SIZES[size]
    await page.set_viewport_size({"width": width, "height": height})
    await opened.run()
    await page.locator(".viewer summary").click()
    await page.locator(".plan summary").first.click()
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await page.get_by_role("link", name="Mutation").first.click()
    await expect(page.locator(".graphiql-plugin")).to_contain_text("orderCreate")
    assert await faults(page) == []
    await page.get_by_role("button", name="Show GraphiQL Explorer").click()
    await expect(page.locator(".graphiql-plugin select")).to_have_attribute("aria-label", "Kind of the new operation")
    await page.get_by_label("API key").fill("erp_wrong")
    await page.get_by_text("This key isn't known here").first.wait_for()
    await opened.run()
    assert await faults(page) == []
    for dialog in ("settings", "short keys"):
        await page.get_by_role("button", name=f"Open {dialog} dialog").click()
        await page.get_by_role("dialog").wait_for()
        assert await faults(page) == []
        await page.keyboard.press("Escape")
    opened.console.clear()  # the browser's own lines about status 401


async def test_the_arrow_keys_resize_every_panel(opened: Open) -> None:
    page = opened.page
    await opened.run()
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    editors, result = page.locator(".graphiql-editors"), page.locator(".result-window")
    panels: dict[str, tuple[Locator, str, str]] = {
        "Width of the documentation": (page.locator(".graphiql-plugin"), "width", "ArrowRight"),
        "Width of the editors": (editors, "width", "ArrowRight"),
        "Height of the query": (page.locator(".graphiql-query-editor"), "height", "ArrowUp"),
        "Height of the result": (result, "height", "ArrowUp"),
    }
    for name, (panel, side, key) in panels.items():
        separator = page.get_by_role("separator", name=name)
        await separator.focus()
        before, share = await extent(panel, side), int(await separator.get_attribute("aria-valuenow") or -1)
        await page.keyboard.press(key)
        await page.keyboard.press(key)
        moved = (await extent(panel, side)) - before
        assert (moved if key == "ArrowRight" else -moved) > 24, name  # two steps of 24, less what margins take
        assert (int(await separator.get_attribute("aria-valuenow") or -1) > share) is (key == "ArrowRight"), name
        await page.keyboard.press("a")
        await page.keyboard.press("Enter")
        assert abs(await extent(panel, side) - before) <= 2, name
    await expect(page.get_by_role("separator")).to_have_count(len(panels))


async def extent(panel: Locator, side: str) -> float:
    box = await panel.bounding_box()
    assert box is not None
    return box["width"] if side == "width" else box["height"]


async def test_a_dragged_edge_is_kept_over_a_reload(opened: Open) -> None:
    page = opened.page
    await opened.run()
    edge = page.get_by_role("separator", name="Height of the result")
    box = await edge.bounding_box()
    assert box is not None
    before = await extent(page.locator(".result-window"), "height")
    await page.mouse.move(box["x"] + 50, box["y"] + 4)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 50, box["y"] - 96)
    await page.mouse.up()
    after = await extent(page.locator(".result-window"), "height")
    assert abs(before - after - 100) <= 8
    await page.reload()
    await opened.ready()
    await opened.run()
    assert abs(await extent(page.locator(".result-window"), "height") - after) <= 2


async def test_open_queries_survive_a_reload_and_end_with_the_tab(opened: Open) -> None:
    page = opened.page
    query, variables = "query Mine($first: Int) { products(first: $first) { nodes { sku } } }", '{"first": 3}'
    await page.get_by_role("tab", name="StockFeed").click()
    await page.get_by_role("button", name="Close StockFeed").click()
    await page.get_by_role("button", name="Add tab").click()
    await write(page, query, variables)
    await kept(page, "Mine")
    for _ in range(2):
        await page.reload()
        await opened.ready()
        assert await page.get_by_role("tab").all_inner_texts() == [*GENERAL[:1], *GENERAL[2:], "Mine"]
        await expect(page.get_by_role("tab", selected=True)).to_have_text("Mine")
        assert await written(page) == [query, variables]
    await opened.run()
    assert len(json.loads(await opened.result())["data"]["products"]["nodes"]) == 3
    key = await page.get_by_label("API key").input_value()
    local, session = await page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
    assert local == "{}"
    assert "Mine" in session
    assert key not in session
    other = await page.context.new_page()
    await other.goto(f"{opened.origin}/graphql")
    await expect(other.get_by_role("tab")).to_have_count(len(GENERAL))
    await expect(other.get_by_role("tab", name="Mine")).to_have_count(0)


async def test_a_link_opens_in_front_of_what_was_open_and_is_edited_in_peace(opened: Open) -> None:
    page = opened.page
    await kept(page, "Storefront")
    await page.goto("about:blank")
    await page.goto(f"{opened.origin}/graphql#query=query Shared {{viewer{{principal}}}}")
    await opened.ready()
    await expect(page.get_by_role("tab", selected=True)).to_have_text("Shared")
    await expect(page.get_by_role("tab")).to_have_count(len(GENERAL) + 1)
    await write(page, "query Edited {viewer{principal}}", "")
    await kept(page, "Edited")
    await page.reload()
    await opened.ready()
    await expect(page.get_by_role("tab", selected=True)).to_have_text("Edited")
    await expect(page.get_by_role("tab")).to_have_count(len(GENERAL) + 1)


UNREADABLE = ("{", "null", "[]", '{"tabs": 1}', '{"tabs": [], "activeTabIndex": 0}', '{"tabs": [{}]}')


async def test_what_cannot_be_read_again_gives_the_examples(opened: Open) -> None:
    page = opened.page
    await kept(page, "Storefront")
    for held in UNREADABLE:
        await page.evaluate("held => sessionStorage.setItem('graphiql:tabState', held)", held)
        await page.reload()
        await expect(page.get_by_role("tab")).to_have_count(len(GENERAL))


async def write(page: Page, query: str, variables: str) -> None:
    """Put texts into the open tab's editors."""
    for editor, text in ((".graphiql-query-editor", query), (".graphiql-editor-tool", variables)):
        await page.locator(f"{editor} .CodeMirror").first.evaluate(
            "(each, text) => each.CodeMirror.setValue(text)", text
        )


async def written(page: Page) -> list[str]:
    return [
        await page.locator(f"{editor} .CodeMirror").first.evaluate("each => each.CodeMirror.getValue()")
        for editor in (".graphiql-query-editor", ".graphiql-editor-tool")
    ]


async def kept(page: Page, word: str) -> None:
    """Return once the page has stored what is open: it does so half a second after the last change."""
    await page.wait_for_function("word => sessionStorage.getItem('graphiql:tabState')?.includes(word)", arg=word)


VARIABLES = {
    "a required field that has a default is left out": (
        "OrderCreateInput",
        '{"customer": {"code": "F10004"}, "lineItems": []}',
        0,
    ),
    "the same, given": (
        "OrderCreateInput",
        '{"customer": {"code": "x"}, "lineItems": [], "confirm": false, "allowBackorder": true}',
        0,
    ),
    "null for what may be null": ("OrderCreateInput", '{"customer": {"code": "x"}, "lineItems": [], "note": null}', 0),
    "in a list": ("[OrderOrderBy!]", '[{"field": "PLACED_AT"}, {"field": "TOTAL", "direction": "DESC"}]', 0),
    "a required field is missing": ("OrderCreateInput", '{"lineItems": []}', 1),
    "a field that there isn't": ("OrderCreateInput", '{"customer": {"code": "x"}, "lineItems": [], "x": 1}', 1),
}


MARKED = """count => document.querySelector(".graphiql-editor-tool .CodeMirror").CodeMirror.state.lint.marked.length === count"""


async def test_only_wrong_variables_are_marked(opened: Open) -> None:
    page = opened.page
    for name, (type_, value, marks) in VARIABLES.items():
        query = f"query V($v: {type_}) {{ viewer {{ principal }} }} # {name}"
        # The marks come some time after the last change; that of a variable that there isn't shows that they have come.
        await write(page, query, f'{{"v": {value}, "w": 1}}')
        await page.wait_for_function(MARKED, arg=marks + 1)
        await write(page, query, f'{{"v": {value}}}')
        await page.wait_for_function(MARKED, arg=marks)


SHOWN = ["Storefront", "StockFeed", "OrderScreen"]
GENERAL = [*SHOWN, "PickList", "OrderTaxes", "Live", "OrderCreate"]
OF_ROLES = ("PickList", "ToBuy", "OnItsWay", "Replenish", "Catalog", "MyOrders")
"""Those that only some roles have, what is to be bought before it is ordered; of the others test_explorer.py has the answers."""
ROLES = {
    "viewer": [*SHOWN, "OrderTaxes", "Live"],
    "clerk": [*SHOWN, "OrderTaxes", "Live", "OrderCreate"],
    "warehouse": [*SHOWN, "PickList", "OrderTaxes", "Live"],
    "buyer": [*SHOWN, "OrderTaxes", "ToBuy", "OnItsWay", "Live", "Replenish"],
    "partner": ["Catalog", "MyOrders", "MyOrdersLive"],
}


@pytest.fixture(scope="module")
async def roles(data: tuple[Database, str, str]) -> tuple[FastAPI, dict[str, str]]:
    """An application that fills no key in, and a key of each role."""
    database, tenant, _ = data
    owner = await tenants.find(database.target, tenant)
    made = {role: await keys.create(database.target, owner, role, roles=[role]) for role in ROLES if role != "partner"}
    made["partner"] = await keys.create(database.target, owner, "partner", roles=["partner"], partner="F10004")
    return create_app(load(), database), made


async def test_each_role_gets_examples_that_it_can_run(
    browser: Browser, roles: tuple[FastAPI, dict[str, str]], shots: Path
) -> None:
    application, made = roles
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    async with serving(application) as port:
        opened = Open(await context.new_page(), f"http://127.0.0.1:{port}", shots)
        page = opened.page
        await page.goto(f"{opened.origin}/graphql")
        menu, key = page.get_by_label("Examples"), page.get_by_label("API key")
        for role, names in ROLES.items():
            await key.fill(made[role])
            await expect(page.locator(".viewer summary")).to_have_text(f"larkspur · {role} · {role}")
            await expect(page.get_by_role("tab")).to_have_text(names)
            await opened.ready()
            for name in (each for each in OF_ROLES if each in names):
                await page.get_by_role("tab", name=name, exact=True).click()
                await opened.run()
                await expect(page.locator(".result-window")).to_contain_text('"data"')
                answer = json.loads(await opened.result())
                assert "errors" not in answer, name
                [data] = answer["data"].values()
                assert data if isinstance(data, list) else data.get("nodes", data), name
            against = [text for text in await menu.locator("option:disabled").all_inner_texts() if "needs" in text]
            assert {text.split(" (")[0] for text in against} == {*GENERAL} - {*names}
            await opened.shoot(f"role-{role}")
            await kept(page, names[-1])
        # Another role's key changes examples, and nothing that a person wrote.
        await write(page, "query Mine { viewer { principal } }", "")
        await kept(page, "Mine")
        written_among = await page.get_by_role("tab").all_inner_texts()
        await key.fill(made["clerk"])
        await expect(page.locator(".viewer summary")).to_have_text("larkspur · clerk · clerk")
        await expect(page.get_by_role("tab")).to_have_text(written_among)
        assert "Mine" in written_among
    await context.close()


async def test_an_example_opens_from_the_menu(opened: Open) -> None:
    page = opened.page
    await page.get_by_role("tab", name="StockFeed").click()
    await page.get_by_role("button", name="Close StockFeed").click()
    await page.get_by_label("Examples").select_option("StockFeed")
    await expect(page.get_by_role("tab", selected=True)).to_have_text("StockFeed")
    assert (await written(page))[1] == '{\n  "after": null\n}'
    await page.get_by_label("Examples").select_option("Storefront")
    await expect(page.get_by_role("tab", selected=True)).to_have_text("Storefront")
    await expect(page.get_by_role("tab")).to_have_count(len(GENERAL))
