"""A currency that ends doesn't end the companies that have it: every door takes what it ever took."""

import pytest

from core.money import WITHDRAWN
from tests.support.clerk import Clerk, lines


@pytest.mark.parametrize("code", sorted(WITHDRAWN))
async def test_a_tenant_whose_currency_has_ended_sets_prices_and_sells(shop: Clerk, code: str) -> None:
    await shop.admin.execute("UPDATE tenants SET currency = $1 WHERE id = $2", code, shop.tenant)
    product = await shop.product({"SHELF": "5"}, listPrice={"amount": "19.99", "currency": code})
    assert product["listPrice"] == {"amount": "19.99", "currency": code}
    for given in ({}, {"currency": code}):
        made = await shop.do("orderCreate", shop.ordering([shop.line(product, quantity="1")], confirm=True) | given)
        assert (made["currency"], made["total"]) == (code, {"amount": "19.99", "currency": code})
        assert lines(made)[0]["unitPrice"] == {"amount": "19.99"}


async def test_past_orders_are_recorded_in_the_currency_that_they_were_placed_in(shop: Clerk) -> None:
    product = await shop.product()
    line = shop.line(product, quantity="2", unitPrice="5.5")
    given = shop.ordering([line], currency="HRK", placedAt="2022-05-01T10:00:00Z")
    assert (await shop.do("orderCreate", given))["total"] == {"amount": "11.00", "currency": "HRK"}


@pytest.mark.parametrize("code", ["DEM", "XXX", "XTS", "XAU", "bgn", "BG", "BGNN", "", " BGN", "ВGN"])
async def test_what_never_was_taken_still_isnt(shop: Clerk, code: str) -> None:
    price = {"amount": "1", "currency": code}
    assert "A currency is a code of ISO 4217" in await shop.unread(
        "productUpsert", {"sku": "NO", "name": "No", "listPrice": price}
    )
