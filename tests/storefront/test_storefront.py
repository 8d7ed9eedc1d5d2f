"""The storefront as people use it: browsing, ordering, mending what is short, an order's screen, and what goes wrong."""

import contextlib
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.storefront.conftest import Opening, Shop, Site
from tests.support.http import serving

SEAGRASS, WILLOW = "Wieland Storage Basket, seagrass, L", "Kastell Storage Basket, willow, M"
PRODUCT = """
query($sku: String!) {
  product(by: {sku: $sku}) { stock { available levels { nodes { available location { id } } } } }
}
"""
ORDERS = "{ orders { totalCount { value } } }"


async def available(site: Site, sku: str) -> str:
    found = await site.ask(PRODUCT, sku=sku)
    return str(found["product"]["stock"]["available"])


async def orders(site: Site) -> int:
    found = await site.ask(ORDERS)
    return int(found["orders"]["totalCount"]["value"])


async def choose_customer(page: Page) -> None:
    await page.get_by_label("For", exact=True).select_option(label="Quast Raumausstattung GmbH")


async def test_browse_search_and_load_more(shop: Shop) -> None:
    page, cards = shop.page, shop.page.locator(".product")
    await expect(cards).to_have_count(12)
    await expect(cards.first).to_contain_text("€53.50")
    await expect(cards.first).to_contain_text("425 left")
    await shop.shoot("1-products")
    for count in (24, 36, 37):
        await page.get_by_role("button", name="Show more").click()
        await expect(cards).to_have_count(count)
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    assert shop.sent == ["Products"] * 3
    await shop.shoot("2-all-products", full_page=True)
    await shop.find("mug cel")
    await expect(page.get_by_text("2 products")).to_be_visible()
    await expect(cards).to_have_count(2)
    await expect(cards.filter(has_text="Aurel")).to_contain_text("Arrives later: 84 announced")
    await shop.shoot("3-search")
    await shop.find("nothing of that kind")
    await expect(page.get_by_text("Nothing is called “nothing of that kind”")).to_be_visible()
    await expect(cards).to_have_count(0)
    assert "erp_" not in page.url


CREATE = """
mutation($input: OrderCreateInput!) {
  orderCreate(input: $input) { order { number } userErrors { message } }
}
"""
LANTERN = "LAN-10021"


async def someone_orders(site: Site, sku: str, quantity: str = "1") -> str:
    """An order by another client; its number."""
    lines = [{"product": {"sku": sku}, "quantity": quantity}]
    given = {"customer": {"code": "F10004"}, "lineItems": lines, "confirm": True}
    made = (await site.ask(CREATE, input=given))["orderCreate"]
    assert made["userErrors"] == []
    return str(made["order"]["number"])


async def test_another_clients_order_lowers_what_is_shown(shop: Shop, site: Site) -> None:
    before = int(await available(site, LANTERN))
    await shop.find("edda lantern")
    await expect(shop.page.get_by_text(f"{before} left")).to_be_visible()
    await shop.live()
    shop.sent.clear()
    await someone_orders(site, LANTERN, "3")
    await expect(shop.page.get_by_text(f"{before - 3} left")).to_be_visible()
    assert await available(site, LANTERN) == str(before - 3)
    assert shop.sent == []
    await shop.shoot("16-live")


async def test_what_happened_while_it_was_cut_off_is_told_when_it_is_back(shop: Shop, site: Site) -> None:
    await shop.find("edda lantern")
    await shop.live()
    before = int(await available(site, LANTERN))
    await expect(shop.page.get_by_text(f"{before} left")).to_be_visible()
    assert site.served is not None
    await shop.page.context.set_offline(True)
    for socket in [*site.served.state.hub._sockets]:
        socket.end(None)
    await expect(shop.page.get_by_text("Not live")).to_be_visible()
    await shop.shoot("17-not-live")
    await someone_orders(site, LANTERN)
    shop.sent.clear()
    await shop.page.context.set_offline(False)
    await expect(shop.page.get_by_text(f"{before - 1} left")).to_be_visible()
    await shop.live()
    assert shop.sent == []
    shop.console.clear()  # the browser's own lines about a network that is away


async def test_a_page_that_cannot_be_told_asks(deaf: Shop, site: Site) -> None:
    await deaf.find("edda lantern")
    before = int(await available(site, LANTERN))
    await expect(deaf.page.get_by_text(f"{before} left")).to_be_visible()
    await someone_orders(site, LANTERN)
    await deaf.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(deaf.page.get_by_text(f"{before - 1} left")).to_be_visible()
    assert deaf.sent[-1] == "Availability"


async def test_orders_are_live(shop: Shop, site: Site) -> None:
    page = shop.page
    await page.get_by_role("link", name="Orders").click()
    await shop.live()
    number = await someone_orders(site, LANTERN)
    await page.get_by_role("link", name=number).click()
    await expect(page.locator(".timeline strong")).to_have_text(["Confirmed", "Order made"])
    await shop.live()
    shop.sent.clear()
    cancelled = await site.ask(
        "mutation($input: OrderCancelInput!) { orderCancel(input: $input) { userErrors { message } } }",
        input={"order": {"number": number}},
    )
    assert cancelled["orderCancel"]["userErrors"] == []
    await expect(page.locator(".heading .state")).to_have_text("Cancelled")
    await expect(page.locator(".timeline strong").first).to_have_text("Cancelled")
    await expect(page.get_by_role("button", name="Cancel order")).to_have_count(0)
    assert shop.sent == []
    await shop.shoot("18-order-live")


async def test_an_order_at_shelf_prices_says_what_of_them_is_tax(shop: Shop) -> None:
    page = shop.page
    await page.evaluate("location.hash = '#/orders/SO-2026-000087'")
    await expect(page.locator(".total")).to_contain_text("€566.32")
    await expect(page.locator(".taxes li")).to_have_count(2)
    await expect(page.locator(".taxes li").first).to_contain_text("Exempt under section 4")
    await expect(page.locator(".taxes li").nth(1)).to_contain_text("Of it VAT 19")
    await expect(page.locator(".taxes .sum")).to_have_text(["€0.00", "€88.62"])
    await shop.shoot("19-order-with-tax")


async def test_an_order_with_a_line_short_is_mended_placed_and_cancelled(shop: Shop, site: Site) -> None:
    page, before = shop.page, await orders(site)
    await shop.add(SEAGRASS)
    await shop.add(WILLOW)
    await page.get_by_label(f"Quantity of {WILLOW}").fill("12")
    await choose_customer(page)
    await expect(page.locator(".total")).to_contain_text("€359.50")
    await shop.shoot("4-basket")
    await page.get_by_role("button", name="Place order").click()

    short = page.locator("[data-sku=BOX-10029]")
    await expect(short.get_by_text("Only 10 left, and you want 12.")).to_be_visible()
    await expect(page.locator("[data-sku=BOX-10008] .fault")).to_have_count(0)
    await expect(page.get_by_label(f"Quantity of {WILLOW}")).to_be_focused()
    await shop.shoot("5-short")
    assert (await orders(site), await available(site, "BOX-10029")) == (before, "10")

    await short.get_by_role("button", name="Take 10").click()
    await expect(page.locator(".fault")).to_have_count(0)
    shop.sent.clear()
    await page.get_by_role("button", name="Place order").click()
    await expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    assert shop.sent == ["OrderCreate", "Order"]  # the whole screen is one request
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"SO-2026-\d{6}"))
    await expect(page.locator(".heading")).to_contain_text("Quast Raumausstattung GmbH, DE")
    await expect(page.locator(".order .line")).to_have_count(2)
    await expect(page.locator(".order .line").nth(1)).to_contain_text("10 reserved")
    await expect(page.locator(".order .line").nth(1)).to_contain_text("Arrives later: 72 announced")
    await expect(page.locator(".timeline strong")).to_have_text(["Confirmed", "Order made"])
    assert (await orders(site), await available(site, "BOX-10029")) == (before + 1, "0")
    # The basket said "before tax".
    await expect(page.locator(".taxes .sum")).to_have_text(["€308.50", "€58.62"])
    await expect(page.locator(".taxes li").nth(1)).to_contain_text("VAT 19")
    await expect(page.locator(".total")).to_contain_text("€367.12")
    await shop.shoot("6-order")

    shop.sent.clear()
    await page.reload()
    await expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    assert shop.sent == ["Order"]

    await page.get_by_role("button", name="Cancel order").click()
    await expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    await shop.shoot("7-really")
    await page.get_by_role("button", name="Cancel the order").click()
    await expect(page.locator(".heading .state")).to_have_text("Cancelled")
    await expect(page.locator(".timeline strong").first).to_have_text("Cancelled")
    await expect(page.get_by_role("button", name="Cancel order")).to_have_count(0)
    assert shop.sent == ["Order", "OrderCancel"]
    assert await available(site, "BOX-10029") == "10"
    await shop.shoot("8-cancelled")


async def test_what_is_short_may_arrive_later(shop: Shop, site: Site) -> None:
    page = shop.page
    await shop.find("string lights")
    await shop.add("Ophelia String Lights, warm white, 20 m")
    await choose_customer(page)
    await page.get_by_role("button", name="Place order").click()
    await expect(page.get_by_text("None left, and you want 1.")).to_be_visible()
    await expect(page.get_by_role("button", name="Leave it out")).to_be_visible()
    await page.get_by_role("button", name="Let it arrive later").click()
    await page.get_by_role("button", name="Place order").click()
    await expect(page.locator(".order .line")).to_contain_text("1 waiting")
    await shop.shoot("9-backorder")


async def test_a_draft_that_somebody_changed_meanwhile(deaf: Shop, site: Site) -> None:
    page = deaf.page
    await deaf.add(SEAGRASS)
    await choose_customer(page)
    await page.get_by_role("button", name="Save as draft").click()
    await expect(page.locator(".heading .state")).to_have_text("Draft")
    await expect(page.locator(".order .line")).to_contain_text("Nothing reserved yet")
    number = await page.get_by_role("heading", level=1).inner_text()
    await site.ask(
        "mutation($input: OrderUpdateInput!) { orderUpdate(input: $input) { userErrors { message } } }",
        input={"order": {"number": number}, "note": "By the back door, please."},
    )
    await page.get_by_role("button", name="Confirm order").click()
    await expect(page.get_by_role("alert")).to_contain_text("Somebody changed this order meanwhile")
    await expect(page.locator(".timeline strong")).to_have_text(["Changed", "Order made"])
    await expect(page.locator(".heading .state")).to_have_text("Draft")
    await deaf.shoot("10-conflict")
    await page.get_by_role("button", name="Confirm order").click()
    await expect(page.locator(".heading .state")).to_have_text("Confirmed")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_an_answer_that_gets_lost_makes_no_second_order(shop: Shop, site: Site) -> None:
    page, before = shop.page, await orders(site)
    await shop.add(SEAGRASS)
    await choose_customer(page)

    async def lose(route: Route) -> None:
        if route.request.method == "POST":
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    shop.sent.clear()
    await page.route(f"{site.graph}/graphql", lose)
    await page.get_by_role("button", name="Place order").click()
    await expect(page.get_by_text("The server can't be reached.")).to_be_visible()
    await expect(page.get_by_text("Nobody knows yet whether the order was placed.")).to_be_visible()
    await expect(page.get_by_label(f"Quantity of {SEAGRASS}")).to_be_disabled()
    await shop.shoot("11-no-answer")
    assert shop.sent == ["OrderCreate"] * 3
    assert await orders(site) == before + 1
    await page.unroute(f"{site.graph}/graphql", lose)
    await page.reload()
    await page.get_by_role("button", name="Send it again").click()
    await expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    assert await orders(site) == before + 1
    shop.console.clear()  # the browser's own lines about requests that failed


async def test_a_wrong_key_and_too_many_of_them(opening: Opening, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.auth.throttle.time", lambda: 30.0)
    async with serving(site.application(failed_attempts=1)) as port:
        site.graph = f"http://127.0.0.1:{port}"
        async with opening() as shop:
            await shop.enter("erp_wrong")
            await expect(shop.page.get_by_text("This key isn't known here, or it has ended.")).to_be_visible()
            await shop.shoot("12-wrong-key")
            await shop.page.get_by_label("API key").fill("")
            await shop.enter("erp_another")
            await expect(shop.page.get_by_text("Try again in 30 seconds.")).to_be_visible()
            await shop.shoot("13-throttled")
            assert "erp_" not in shop.page.url
            kept = await shop.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
            assert "erp_" not in kept


async def test_a_key_that_ends(graph: None, opening: Opening, site: Site) -> None:
    async with opening() as shop:
        page = shop.page
        await shop.come_in(site.key)
        kept = await page.evaluate("JSON.stringify([{...localStorage}, document.cookie])")
        assert "erp_" not in kept
        await page.evaluate("sessionStorage.setItem('storefront:key', 'erp_ended')")
        await page.reload()
        await expect(page.get_by_text("This key isn't known here, or it has ended.")).to_be_visible()
        await shop.shoot("14-ended-key")
        await page.get_by_role("button", name="Enter another key").click()
        await shop.come_in(site.key)


async def test_a_server_that_goes_away(opening: Opening, site: Site) -> None:
    async with contextlib.AsyncExitStack() as server:
        port = await server.enter_async_context(serving(site.application()))
        site.graph = f"http://127.0.0.1:{port}"
        async with opening() as shop:
            await shop.come_in(site.key)
            await server.aclose()
            await shop.page.get_by_role("button", name="Show more").click()
            await expect(shop.page.get_by_text("The server can't be reached.")).to_be_visible()
            await expect(shop.page.locator(".product")).to_have_count(12)
            await shop.shoot("15-server-gone")


async def test_by_keyboard_alone(shop: Shop) -> None:
    page = shop.page
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Search products")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".count")).to_contain_text("1")
    await expect(page.get_by_label(f"Quantity of {SEAGRASS}")).to_have_value("1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_phone(graph: None, opening: Opening, site: Site, scheme: str) -> None:
    async with opening(390, 844, scheme) as shop:
        page = shop.page
        await shop.come_in(site.key)
        await shop.add(SEAGRASS)
        await shop.add("Elbe Garden Chair, grey aluminium, folding")
        await shop.shoot(f"phone-{scheme}-1-products")
        await page.get_by_role("link", name="Basket").click()
        await choose_customer(page)
        await page.get_by_role("button", name="Place order").click()
        await expect(page.get_by_text("None left, and you want 1.")).to_be_visible()
        await shop.shoot(f"phone-{scheme}-2-short", full_page=True)
        await page.get_by_role("link", name="Orders").click()
        await page.get_by_role("link", name="SO-2026-000087").click()
        await expect(page.get_by_role("heading", name="What happened")).to_be_visible()
        await shop.shoot(f"phone-{scheme}-3-order", full_page=True)
        for place in ("", "basket", "orders", "orders/SO-2026-000087"):
            await page.goto(f"{site.origin}/#/{place}")
            await page.locator("main .card").first.wait_for()
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert shop.console == []


async def test_dark(graph: None, opening: Opening, site: Site) -> None:
    async with opening(scheme="dark") as shop:
        await shop.come_in(site.key)
        await shop.add(SEAGRASS)
        await shop.shoot("dark")
    assert shop.console == []
