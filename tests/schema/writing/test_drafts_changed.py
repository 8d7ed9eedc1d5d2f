"""A draft changed in all that it says: customer, currency, time, keys, addresses; and what a confirmed order keeps."""

from typing import Any

import pytest

from tests.support.clerk import Clerk, lines

BERLIN = {"name": "Ida", "street": "Hauptstr. 5", "postcode": "10827", "city": "Berlin", "country": "DE"}
DATES = {"placedAt": "2026-03-01T10:00:00Z"}


async def test_a_draft_gets_another_customer_and_its_lines_with_it(shop: Clerk) -> None:
    other = await shop.do("partnerUpsert", {"code": "OTHER", "name": "Other"})
    product = await shop.product({"SHELF": "10"})
    draft = await shop.order((product, "1"), (product, "2"))
    changed = await shop.do("orderUpdate", {"order": {"id": draft["id"]}, "customer": {"code": "OTHER"}})
    assert changed == draft | {"customer": {"code": "OTHER"}, "version": 2}
    query = "query ($id: ID!) { partner(by: {id: $id}) { orders { nodes { number lineItems { nodes { id } } } } } }"
    [theirs] = (await shop.ask(query, {"id": other["id"]})).data["partner"]["orders"]["nodes"]
    assert theirs == {"number": draft["number"], "lineItems": {"nodes": [{"id": each["id"]} for each in lines(draft)]}}
    event = (await shop.events(draft))[-1]
    assert (event["type"], event["version"]) == ("order.updated", 2)
    assert event["after"] == {"customer": other["id"]}
    await shop.do("orderConfirm", {"order": {"id": draft["id"]}})


async def test_all_of_a_draft_at_once_and_the_same_again_is_nothing(shop: Clerk) -> None:
    await shop.do("partnerUpsert", {"code": "ALL", "name": "All"})
    product = await shop.product()
    draft = await shop.order((product, "1"))
    given: dict[str, Any] = {
        "order": {"id": draft["id"]},
        "customer": {"code": "ALL"},
        "currency": "JPY",
        "externalId": "shop-77",
        "note": "Ring twice",
        "lineItems": [shop.line(product, quantity="3", unitPrice="250")],
        **DATES,
    }
    changed = await shop.do("orderUpdate", given)
    assert [changed[name] for name in ("currency", "externalId", "note", "placedAt", "version")] == [
        *("JPY", "shop-77", "Ring twice", "2026-03-01T10:00:00Z", 2)
    ]
    assert (changed["customer"], changed["total"]) == ({"code": "ALL"}, {"amount": "750", "currency": "JPY"})
    event = (await shop.events(draft))[-1]
    assert {*event["after"]} == {"customer", "currency", "externalId", "note", "placedAt", "lineItems", "subtotal"}
    del given["lineItems"]
    before = await shop.digest()
    assert await shop.do("orderUpdate", given) == changed
    assert await shop.digest() == before


async def test_an_external_id_is_unique_and_null_empties_it(shop: Clerk) -> None:
    product = await shop.product()
    await shop.order((product, "1"), externalId="taken")
    draft = await shop.order((product, "1"), externalId="free")
    given = {"order": {"id": draft["id"]}}
    assert await shop.refused("orderUpdate", given | {"externalId": "taken"}) == [("DUPLICATE", "externalId")]
    assert (await shop.do("orderUpdate", given | {"externalId": None}))["externalId"] is None


async def test_another_currency_needs_prices_in_it(shop: Clerk) -> None:
    product = await shop.product()
    draft = await shop.order((product, "1"))
    given = {"order": {"id": draft["id"]}, "currency": "USD"}
    [refusal] = await shop.refusals("orderUpdate", given)
    assert refusal[:3] == ("INVALID_INPUT", "currency", "The prices are in EUR: give lineItems with their new ones.")
    line = shop.line(product, quantity="1")
    assert await shop.refused("orderUpdate", given | {"lineItems": [line]}) == [
        ("INVALID_INPUT", "lineItems.0.unitPrice")
    ]
    changed = await shop.do("orderUpdate", given | {"lineItems": [line | {"unitPrice": "12"}]})
    assert changed["total"] == {"amount": "12.00", "currency": "USD"}


@pytest.mark.parametrize(
    "given, path",
    [
        ({"customer": {"code": "C1"}}, "customer"),
        ({"currency": "USD"}, "currency"),
        (DATES, "placedAt"),
        ({"lineItems": None}, "lineItems"),
    ],
)
async def test_what_a_promise_was_about_stands(shop: Clerk, given: dict[str, Any], path: str) -> None:
    product = await shop.product({"SHELF": "10"})
    order = await shop.order((product, "1"), confirm=True)
    if path == "lineItems":
        given = {"lineItems": [shop.line(product, quantity="2")]}
    found = await shop.refused("orderUpdate", {"order": {"id": order["id"]}, **given})
    assert ("INVALID_TRANSITION", path) in found
    named = {"order": {"id": order["id"]}, "externalId": f"late-{path}", "note": "Late"}
    assert (await shop.do("orderUpdate", named))["externalId"] == f"late-{path}"


@pytest.mark.parametrize("path", ["customer", "currency", "placedAt"])
async def test_null_is_no_value_for_them(shop: Clerk, path: str) -> None:
    product = await shop.product()
    draft = await shop.order((product, "1"))
    found = await shop.refused("orderUpdate", {"order": {"id": draft["id"]}, path: None})
    assert found == [("INVALID_INPUT", path)]


async def test_who_is_no_customer_or_not_there_gets_no_draft(shop: Clerk) -> None:
    await shop.do("partnerUpsert", {"code": "SUPPLIER", "name": "Sup", "kinds": ["SUPPLIER"]})
    product = await shop.product()
    draft = await shop.order((product, "1"))
    for code, problem in (("SUPPLIER", "INVALID_INPUT"), ("NOBODY", "NOT_FOUND")):
        given = {"order": {"id": draft["id"]}, "customer": {"code": code}}
        assert await shop.refused("orderUpdate", given) == [(problem, "customer")]


async def test_an_address_that_the_old_customer_had_goes_with_him(shop: Clerk) -> None:
    address = {"code": "home", "roles": ["SHIPPING"], "party": BERLIN}
    await shop.do("partnerUpsert", {"code": "OLD", "name": "Old", "addresses": [address]})
    await shop.do("partnerUpsert", {"code": "NEW", "name": "New"})
    product = await shop.product({"SHELF": "10"})
    draft = await shop.order((product, "1"), customer={"code": "OLD"}, shippingAddress={"code": "home"})
    own = await shop.order((product, "1"), customer={"code": "OLD"}, shippingAddress={"party": BERLIN})
    for order, kept in ((draft, None), (own, {"city": "Berlin"})):
        await shop.do("orderUpdate", {"order": {"id": order["id"]}, "customer": {"code": "NEW"}})
        query = "query ($id: ID!) { order(by: {id: $id}) { shippingAddress { city } } }"
        assert (await shop.ask(query, {"id": order["id"]})).data["order"]["shippingAddress"] == kept
    given = {"order": {"id": draft["id"]}, "customer": {"code": "OLD"}, "shippingAddress": {"code": "home"}}
    await shop.do("orderUpdate", given)
    await shop.do("orderConfirm", {"order": {"id": draft["id"]}})
