"""Records renamed, found by their old keys, and archived."""

from typing import Any

import pytest

from tests.support.buyer import Buyer
from tests.support.clerk import Clerk

KINDS = {
    "product": ("prod", "sku"),
    "partner": ("par", "code"),
    "warehouse": ("wh", "code"),
    "location": ("loc", "code"),
}


async def made(shop: Clerk, kind: str, key: str) -> Any:
    """A record of a kind with this key."""
    if kind in ("product", "partner"):
        return await shop.do(f"{kind}Upsert", {KINDS[kind][1]: key, "name": "Thing"})
    more = {"warehouse": shop.warehouses["NORTH"]} if kind == "location" else {}
    return await shop.do(f"{kind}Create", {"code": key, "name": "Thing", **more})


@pytest.mark.parametrize("kind", KINDS)
async def test_a_record_is_renamed_once_and_its_event_tells_of_it(shop: Clerk, kind: str) -> None:
    record, name = await made(shop, kind, f"OLD-{kind}"), KINDS[kind][1]
    given = {"id": record["id"], "key": f"NEW-{kind}", "expectedVersion": 1}
    renamed = await shop.do("rename", given)
    assert renamed == {"id": record["id"], name: f"NEW-{kind}", "version": 2, "archivedAt": None}
    event = (await shop.events(record))[-1]
    assert (event["type"], event["version"]) == (f"{kind}.renamed", 2)
    assert (event["before"], event["after"]) == ({name: f"OLD-{kind}"}, {name: f"NEW-{kind}"})
    before = await shop.digest()
    assert await shop.do("rename", {"id": record["id"], "key": f"NEW-{kind}"}) == renamed
    assert await shop.digest() == before
    assert await shop.refused("rename", given | {"key": "THIRD"}) == [("VERSION_CONFLICT", "expectedVersion")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_that_another_has_or_had_is_refused(shop: Clerk, kind: str) -> None:
    one, two = await made(shop, kind, f"ONE-{kind}"), await made(shop, kind, f"TWO-{kind}")
    taken = {"id": two["id"], "key": f"ONE-{kind}"}
    assert await shop.refused("rename", taken) == [("DUPLICATE", "key")]
    await shop.do("rename", {"id": one["id"], "key": f"UNO-{kind}"})
    assert await shop.refused("rename", taken) == [("DUPLICATE", "key")]
    # Its own old key it may have again; the one in between is then the old one.
    assert (await shop.do("rename", {"id": one["id"], "key": f"ONE-{kind}"}))["version"] == 3
    assert await shop.refused("rename", taken | {"key": f"UNO-{kind}"}) == [("DUPLICATE", "key")]


async def test_old_keys_go_on_finding_products_and_partners(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"}, sku="OLD-SKU")
    partner = await shop.do("partnerUpsert", {"code": "OLD-CODE", "name": "Ida"})
    await shop.do("rename", {"id": product["id"], "key": "NEW-SKU"})
    await shop.do("rename", {"id": partner["id"], "key": "NEW-CODE"})
    for sku, code in (("OLD-SKU", "OLD-CODE"), ("NEW-SKU", "NEW-CODE")):
        query = f'{{ product(by: {{sku: "{sku}"}}) {{ id sku }} partner(by: {{code: "{code}"}}) {{ id code }} }}'
        for breadth_first in (True, False):
            answer = await shop.ask(query, breadth_first=breadth_first)
            assert answer.data == {
                "product": {"id": product["id"], "sku": "NEW-SKU"},
                "partner": {"id": partner["id"], "code": "NEW-CODE"},
            }
        lines = [{"product": {"sku": sku}, "quantity": "1"}]
        for confirm in (False, True):
            order = await shop.do("orderCreate", {"customer": {"code": code}, "lineItems": lines, "confirm": confirm})
            assert order["customer"] == {"code": "NEW-CODE"}
        found = {"product": {"sku": sku}, "location": shop.places["SHELF"], "delta": "1"}
        await shop.do("stockAdjust", {"lines": [found], "reason": "found"})


async def test_a_program_that_knows_the_old_key_changes_the_same_record(shop: Clerk) -> None:
    product = await shop.product(sku="WAS")
    await shop.do("rename", {"id": product["id"], "key": "IS"})
    changed = await shop.do("productUpsert", {"sku": "WAS", "barcode": "123"})
    assert (changed["id"], changed["sku"], changed["barcode"]) == (product["id"], "IS", "123")
    place = await made(shop, "location", "WAS-LOC")
    await shop.do("rename", {"id": place["id"], "key": "IS-LOC"})


async def test_a_change_need_not_say_the_name_again(shop: Clerk) -> None:
    product = await shop.product()
    assert (await shop.do("productUpsert", {"sku": product["sku"], "barcode": "77"}))["name"] == product["name"]
    await shop.do("partnerUpsert", {"code": "NAMED", "name": "Ida"})
    assert (await shop.do("partnerUpsert", {"code": "NAMED", "country": "DE"}))["name"] == "Ida"
    assert await shop.refused("productUpsert", {"sku": "NAMELESS"}) == [("INVALID_INPUT", "name")]
    assert await shop.refused("partnerUpsert", {"code": "NAMELESS", "country": "DE"}) == [("INVALID_INPUT", "name")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_record_is_archived_and_taken_back(shop: Clerk, kind: str) -> None:
    record = await made(shop, kind, f"ARCHIVED-{kind}")
    gone = await shop.do("archive", {"id": record["id"]})
    assert gone["version"] == 2
    assert gone["archivedAt"] is not None
    before = await shop.digest()
    assert await shop.do("archive", {"id": record["id"], "archived": True}) == gone
    assert await shop.digest() == before
    back = await shop.do("archive", {"id": record["id"], "archived": False})
    assert (back["version"], back["archivedAt"]) == (3, None)
    assert [each["type"] for each in await shop.events(record)][1:] == [f"{kind}.archived", f"{kind}.unarchived"]


async def test_what_is_archived_stays_where_it_is_and_is_in_nothing_new(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    await shop.do("partnerUpsert", {"code": "LEAVES", "name": "Leaves"})
    customer = {"customer": {"code": "LEAVES"}}
    draft = await shop.order((product, "1"), **customer)
    held = await shop.order((product, "1"), confirm=True, **customer)
    await shop.do("archive", {"id": product["id"]})
    new = shop.ordering([shop.line(product, quantity="1")], confirm=True)
    assert await shop.refused("orderCreate", new) == [("INVALID_INPUT", "lineItems.0.product")]
    await shop.do("archive", {"id": product["id"], "archived": False})
    query = 'query { partner(by: {code: "LEAVES"}) { id } }'
    partner = (await shop.ask(query)).data["partner"]
    await shop.do("archive", {"id": partner["id"]})
    [refusal] = await shop.refusals("orderCreate", new | customer)
    assert refusal[:3] == ("INVALID_INPUT", "customer", "Leaves is archived.")
    assert await shop.refused("orderConfirm", {"order": {"id": draft["id"]}}) == [("INVALID_INPUT", "order")]
    assert (await shop.do("orderShip", {"order": {"id": held["id"]}}))["status"] == "CLOSED"
    found = await shop.ask('{ partners(where: {archived: {eq: true}, code: {eq: "LEAVES"}}) { nodes { code } } }')
    assert found.data["partners"]["nodes"] == [{"code": "LEAVES"}]


async def test_a_place_with_goods_isnt_archived_and_an_archived_one_gets_none(shop: Clerk) -> None:
    site = await shop.do("warehouseCreate", {"code": "SITE", "name": "Site"})
    place = await shop.do("locationCreate", {"warehouse": site["id"], "code": "SITE-1", "name": "One"})
    product = await shop.product()
    line = {"product": {"sku": product["sku"]}, "location": place["id"]}
    await shop.do("stockAdjust", {"lines": [line | {"delta": "2"}], "reason": "found"})
    for record in (site, place):
        [refusal] = await shop.refusals("archive", {"id": record["id"]})
        assert refusal[:2] == ("INVALID_INPUT", "id")
        assert "1 products have goods in SITE-1" in refusal.message
    buyer = Buyer(shop)
    await buyer.supplier()
    shop.places["SITE-1"] = place["id"]
    coming = await buyer.order((product, "3"), place="SITE-1", confirm=True)
    await shop.do("stockSet", {"lines": [line | {"onHand": "0"}], "reason": "empty"})
    for record in (site, place):
        [refusal] = await shop.refusals("archive", {"id": record["id"]})
        assert refusal[:2] == ("INVALID_INPUT", "id")
        assert "1 products are expected in SITE-1: receive or cancel them first" in refusal.message
    await buyer.act("Cancel", coming)
    await shop.do("archive", {"id": site["id"]})
    refused = {"lines": [line | {"delta": "1"}], "reason": "found"}
    assert await shop.refused("stockAdjust", refused) == [("INVALID_INPUT", "lines.0.location")]
    more = {"warehouse": site["id"], "code": "SITE-2", "name": "Two"}
    assert await shop.refused("locationCreate", more) == [("NOT_FOUND", "warehouse")]
    order = shop.ordering([shop.line(product, quantity="1")], warehouse=site["id"])
    assert await shop.refused("orderCreate", order) == [("NOT_FOUND", "warehouse")]


async def test_an_id_that_is_none_or_of_something_else_or_anothers_is_refused(shop: Clerk, rival: Clerk) -> None:
    theirs = await rival.product()
    product = await shop.product()
    order = await shop.order((product, "1"))
    for field, more in (("rename", {"key": "K"}), ("archive", {})):
        for given in ("nonsense", order["id"]):
            assert await shop.refused(field, {"id": given, **more}) == [("INVALID_INPUT", "id")]
        assert await shop.refused(field, {"id": theirs["id"], **more}) == [("NOT_FOUND", "id")]
