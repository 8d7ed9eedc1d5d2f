"""Addresses: of partners, warehouses, the tenant and orders, which keep theirs when they are confirmed."""

from typing import Any

import pytest

from tests.support.clerk import Clerk

PARTY = "name street city postcode region country taxNumber lines"
ADDRESSES = f"addresses {{ code roles default defaultFor party {{ {PARTY} }} }}"
BERLIN = {"name": "Ida", "street": "Hauptstr. 5", "postcode": "10827", "city": "Berlin", "country": "DE"}
PARIS = {"name": "Ida", "street": "1 rue de Rivoli", "postcode": "75001", "city": "Paris", "country": "FR"}
BOTH = ["SHIPPING", "BILLING"]
LINES = ["Ida", "Hauptstr. 5", "10827 Berlin"]


async def addresses(shop: Clerk, code: str) -> dict[str, Any]:
    """A partner's addresses by their codes, in their order."""
    answer = await shop.ask(f"query ($c: String!) {{ partner(by: {{code: $c}}) {{ {ADDRESSES} }} }}", {"c": code})
    assert not answer.errors
    return {each.pop("code"): each for each in answer.data["partner"]["addresses"]}


async def partner(shop: Clerk, code: str, *given: dict[str, Any]) -> Any:
    return await shop.do("partnerUpsert", {"code": code, "name": "Ida", "addresses": list(given)})


async def on_order(shop: Clerk, order: Any, *, breadth_first: bool = True) -> tuple[Any, Any]:
    """The lines of an order's shipping and billing address."""
    query = """query ($id: ID!) { order(by: {id: $id}) { shippingAddress { lines } billingAddress { lines } } }"""
    answer = await shop.ask(query, {"id": order["id"]}, breadth_first=breadth_first)
    assert not answer.errors
    found = answer.data["order"]
    return tuple(found[name] and found[name]["lines"] for name in ("shippingAddress", "billingAddress"))


async def test_a_partner_has_addresses_and_those_that_arent_named_stay(shop: Clerk) -> None:
    made = await partner(shop, "ADDR", {"code": "home", "roles": BOTH, "party": BERLIN | {"taxNumber": "DE1"}})
    assert made["version"] == 1
    changed = await partner(shop, "ADDR", {"code": "away", "roles": ["SHIPPING"], "default": True, "party": PARIS})
    assert changed["version"] == 2
    assert await addresses(shop, "ADDR") == {
        "away": {
            "roles": ["SHIPPING"],
            "default": True,
            "defaultFor": ["SHIPPING"],
            "party": PARIS | {"region": None, "taxNumber": None, "lines": ["Ida", "1 rue de Rivoli", "75001 Paris"]},
        },
        "home": {
            "roles": BOTH,
            "default": False,
            "defaultFor": ["BILLING"],
            "party": BERLIN | {"region": None, "taxNumber": "DE1", "lines": LINES},
        },
    }
    events = await shop.events(made)
    assert [each["type"] for each in events] == ["partner.created", "partner.updated"]
    assert [each["code"] for each in events[1]["before"]["addresses"]] == ["home"]
    assert [each["code"] for each in events[1]["after"]["addresses"]] == ["away", "home"]


async def test_the_same_again_changes_nothing_and_null_removes(shop: Clerk) -> None:
    home = {"code": "home", "roles": ["BILLING", "SHIPPING", "BILLING"][:2], "party": BERLIN}
    await partner(shop, "AGAIN", home)
    before = await shop.digest()
    await partner(shop, "AGAIN", home, *([]))
    await partner(shop, "AGAIN", {"code": "home", "roles": BOTH})  # without its party: that stays
    assert await shop.digest() == before
    await partner(shop, "AGAIN", {"code": "home", "roles": BOTH, "party": None})
    assert await addresses(shop, "AGAIN") == {}
    await partner(shop, "AGAIN", {"code": "home", "roles": BOTH, "party": None})  # not there: nothing to do


REAL: list[dict[str, Any]] = [
    {"name": "Nicaragua", "street": "De la Rotonda El Güegüense 2 c. al lago, ½ c. arriba", "city": "Managua", "country": "NI"},
    {"name": "No postcode", "street": "Flat 25, 12/F, Acacia Building\n150 Kennedy Road", "region": "Hong Kong", "country": "HK"},
    {"name": "Box only", "street": "P.O. Box 1234", "city": "Dubai", "country": "AE"},
    {"name": "A place of one letter", "city": "Å", "postcode": "8392", "country": "NO"},
    {"name": "X Æ A-Xii", "street": "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch 1", "country": "GB"},
    {"name": "Forces", "street": "PSC 802 Box 74", "city": "APO", "region": "AE", "postcode": "09499-0074", "country": "US"},
    {"name": "Kosovo", "street": "Rr. Nënë Tereza 1", "city": "Prishtinë", "postcode": "10000", "country": "XK"},
    {"name": "Antarctica", "street": "McMurdo Station", "country": "AQ"},
    {"name": "स्वाति", "street": "१२, गांधी मार्ग\nमंदिर के पास", "city": "मुंबई", "postcode": "400001", "country": "IN"},
    {"name": "أحمد", "street": "شارع التحرير ١٢", "city": "القاهرة", "country": "EG"},
    {"name": "대한", "street": "세종대로 110", "city": "중구", "region": "서울", "postcode": "04524", "country": "KR"},
    {"name": "Åland", "street": "Storagatan 1", "postcode": "AX-22100", "city": "Mariehamn", "country": "AX"},
    {"name": "Only a country", "country": "TV"},
    {"name": "Mannheim", "street": "C 3, 11 // 2. OG", "city": "Mannheim", "postcode": "68159", "country": "DE"},
    {"name": "O'Neill & Söhne (c/o)", "street": "1½ Rue de l'Hôtel-de-Ville bis", "city": "L'Haÿ-les-Roses", "country": "FR"},
    {"name": "Blank parts", "street": "", "city": "  ", "postcode": "", "region": "", "taxNumber": " ", "country": "DE"},
]  # fmt: skip


@pytest.mark.parametrize("given", REAL, ids=[each["name"] for each in REAL])
async def test_no_real_address_is_refused(shop: Clerk, given: dict[str, Any]) -> None:
    await partner(shop, f"REAL-{given['name']}", {"code": "a", "roles": BOTH, "party": given})
    found = (await addresses(shop, f"REAL-{given['name']}"))["a"]["party"]
    for name in ("name", "street", "city", "postcode", "region", "country", "taxNumber"):
        assert found[name] == ((given.get(name) or "").strip() or None)


@pytest.mark.parametrize(
    "given, path, message",
    [
        ({"country": "UK"}, "country", "This is not a country. The United Kingdom's code is GB."),
        ({"country": "XX"}, "country", "This is not a country. Give two capital letters of ISO 3166-1, such as DE."),
        ({"name": " "}, "name", "This must not be empty."),
        ({"street": "a\n" * 11}, "street", "At most 10 lines are allowed."),
        ({"city": "c" * 501}, "city", "This may have at most 500 characters."),
        ({"postcode": "1\x07"}, "postcode", "This contains U+0007, which is a control character: leave it out."),
    ],
)
async def test_what_is_no_address_is_refused_where_it_stands(
    shop: Clerk, given: dict[str, Any], path: str, message: str
) -> None:
    each = {"code": "a", "roles": BOTH, "party": BERLIN | given}
    [refusal] = await shop.refusals("partnerUpsert", {"code": "BAD", "name": "Bad", "addresses": [each]})
    assert refusal[:3] == ("INVALID_INPUT", f"addresses.0.party.{path}", message)
    [refusal] = await shop.refusals("warehouseCreate", {"code": "BAD", "name": "Bad", "address": BERLIN | given})
    assert refusal[:3] == ("INVALID_INPUT", f"address.{path}", message)


async def test_problems_of_addresses_come_together(shop: Clerk) -> None:
    given: list[dict[str, Any]] = [
        {"code": "a", "roles": BOTH, "party": BERLIN},
        {"code": "a", "roles": BOTH, "party": BERLIN},
        {"code": "new", "roles": BOTH},
    ]
    assert await shop.refused("partnerUpsert", {"code": "BAD", "name": "Bad", "addresses": given}) == [
        ("INVALID_INPUT", "addresses.1.code"),
        ("NOT_FOUND", "addresses.2.code"),
    ]
    many = [{"code": f"a{number}", "roles": BOTH, "party": BERLIN} for number in range(101)]
    assert await shop.refused("partnerUpsert", {"code": "BAD", "name": "Bad", "addresses": many}) == [
        ("INVALID_INPUT", "addresses")
    ]


async def test_a_warehouse_and_the_tenant_have_one(shop: Clerk) -> None:
    made = await shop.do("warehouseCreate", {"code": "ADDR", "name": "Ost", "address": BERLIN})
    changed = await shop.do("warehouseUpdate", {"warehouse": made["id"], "address": PARIS, "expectedVersion": 1})
    assert (changed["name"], changed["version"], changed["address"]["lines"][2]) == ("Ost", 2, "75001 Paris")
    assert await shop.refused("warehouseUpdate", {"warehouse": made["id"], "name": "West", "expectedVersion": 1}) == [
        ("VERSION_CONFLICT", "expectedVersion")
    ]
    before = await shop.digest()
    await shop.do("warehouseUpdate", {"warehouse": made["id"], "address": PARIS, "name": "Ost"})
    assert await shop.digest() == before
    gone = await shop.do("warehouseUpdate", {"warehouse": made["id"], "address": None})
    assert (gone["version"], gone["address"]) == (3, None)
    nobodys = "wh_00000000000070008000000000000000"
    assert await shop.refused("warehouseUpdate", {"warehouse": nobodys, "name": "N"}) == [("NOT_FOUND", "warehouse")]

    ours = await shop.do("tenantUpdate", {"address": BERLIN})
    assert ours["address"] == {"name": "Ida", "lines": LINES}
    before = await shop.digest()
    assert (await shop.do("tenantUpdate", {"address": BERLIN})) == (await shop.do("tenantUpdate", {})) == ours
    assert await shop.digest() == before
    assert (await shop.do("tenantUpdate", {"address": None}))["address"] is None


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_an_order_keeps_its_addresses_when_it_is_confirmed(shop: Clerk, *, breadth_first: bool) -> None:
    code = f"KEEPS-{breadth_first}"
    await partner(shop, code, {"code": "home", "roles": BOTH, "party": BERLIN})
    product = await shop.product({"SHELF": "10"})
    customer = {"customer": {"code": code}}
    draft = await shop.order((product, "1"), **customer)
    at_once = await shop.order((product, "1"), confirm=True, **customer)
    later = await shop.order((product, "1"), **customer)
    later = await shop.do("orderConfirm", {"order": {"id": later["id"]}})
    await partner(shop, code, {"code": "home", "roles": BOTH, "party": PARIS})
    there = ["Ida", "1 rue de Rivoli", "75001 Paris"]
    for order, lines in ((draft, there), (at_once, LINES), (later, LINES)):
        assert await on_order(shop, order, breadth_first=breadth_first) == (lines, lines)
    confirmed = (await shop.events(later))[-1]
    assert confirmed["after"]["shippingAddress"] == {"code": "home", "party": BERLIN}


async def test_an_order_names_an_address_by_its_code_or_has_one_of_its_own(shop: Clerk) -> None:
    await partner(shop, "NAMES", {"code": "home", "roles": BOTH, "party": BERLIN})
    await partner(shop, "NAMES", {"code": "shop", "roles": ["SHIPPING"], "party": PARIS})
    product = await shop.product({"SHELF": "10"})
    given: dict[str, Any] = {"customer": {"code": "NAMES"}, "shippingAddress": {"code": "shop"}}
    own = BERLIN | {"name": "For Ada"}
    for confirm in (False, True):
        order = await shop.order((product, "1"), confirm=confirm, billingAddress={"party": own}, **given)
        assert await on_order(shop, order) == (["Ida", "1 rue de Rivoli", "75001 Paris"], ["For Ada", *LINES[1:]])
    refused = shop.ordering([shop.line(product, quantity="1")], **given)
    bad = {"shippingAddress": {"code": "nowhere"}, "billingAddress": {"code": "shop"}}
    for confirm in (False, True):
        assert await shop.refused("orderCreate", refused | bad | {"confirm": confirm}) == [
            ("NOT_FOUND", "shippingAddress.code"),
            ("INVALID_INPUT", "billingAddress.code"),
        ]


async def test_an_order_of_a_customer_without_addresses_has_none(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "10"})
    for confirm in (False, True):
        order = await shop.order((product, "1"), confirm=confirm)
        assert await on_order(shop, order) == (None, None)


async def test_a_draft_whose_address_is_gone_isnt_confirmed(shop: Clerk) -> None:
    await partner(shop, "GONE", {"code": "home", "roles": BOTH, "party": BERLIN})
    product = await shop.product({"SHELF": "10"})
    draft = await shop.order((product, "1"), customer={"code": "GONE"}, shippingAddress={"code": "home"})
    await partner(shop, "GONE", {"code": "home", "roles": BOTH, "party": None})
    assert await on_order(shop, draft) == (None, None)
    [refusal] = await shop.refusals("orderConfirm", {"order": {"id": draft["id"]}})
    assert refusal[:2] == ("INVALID_INPUT", "order")
    await shop.do("orderUpdate", {"order": {"id": draft["id"]}, "shippingAddress": None})
    await shop.do("orderConfirm", {"order": {"id": draft["id"]}})


async def test_the_addresses_of_a_confirmed_order_can_be_changed(shop: Clerk) -> None:
    await partner(shop, "MOVES", {"code": "home", "roles": BOTH, "party": BERLIN})
    product = await shop.product({"SHELF": "10"})
    order = await shop.order((product, "1"), customer={"code": "MOVES"}, confirm=True)
    given = {"order": {"id": order["id"]}, "shippingAddress": {"party": PARIS}}
    changed = await shop.do("orderUpdate", given)
    assert changed["version"] == order["version"] + 1
    assert await on_order(shop, order) == (["Ida", "1 rue de Rivoli", "75001 Paris"], LINES)
    assert (await shop.do("orderUpdate", given))["version"] == changed["version"]
    event = (await shop.events(order))[-1]
    assert event["before"] == {"shippingAddress": {"code": "home", "party": BERLIN}}
    assert event["after"] == {"shippingAddress": {"party": PARIS}}
    await shop.do("orderUpdate", {"order": {"id": order["id"]}, "shippingAddress": None})
    assert await on_order(shop, order) == (LINES, LINES)  # the default, as it is now


async def test_a_shipment_keeps_where_it_went(shop: Clerk) -> None:
    await partner(shop, "FETCHED", {"code": "home", "roles": BOTH, "party": BERLIN})
    product = await shop.product({"SHELF": "10"})
    order = await shop.order((product, "2"), customer={"code": "FETCHED"}, confirm=True)
    part = {"lineItem": order["lineItems"]["nodes"][0]["id"], "quantity": "1"}
    await shop.do("orderShip", {"order": {"id": order["id"]}, "lineItems": [part]})
    await shop.do("orderUpdate", {"order": {"id": order["id"]}, "shippingAddress": {"party": PARIS}})
    await shop.do("orderShip", {"order": {"id": order["id"]}})
    bare = await shop.order((product, "1"), confirm=True)
    await shop.do("orderShip", {"order": {"id": bare["id"]}})
    query = "query ($id: ID!) { order(by: {id: $id}) { shipments(orderBy: [{field: NUMBER}]) { nodes { address { lines country } } } } }"
    for breadth_first in (True, False):
        found = await shop.ask(query, {"id": order["id"]}, breadth_first=breadth_first)
        assert found.data["order"]["shipments"]["nodes"] == [
            {"address": {"lines": LINES, "country": "DE"}},
            {"address": {"lines": ["Ida", "1 rue de Rivoli", "75001 Paris"], "country": "FR"}},
        ]
    found = await shop.ask(query, {"id": bare["id"]})
    assert found.data["order"]["shipments"]["nodes"] == [{"address": None}]


async def test_what_another_company_calls_home_is_not_ours(shop: Clerk, rival: Clerk) -> None:
    await partner(rival, "THEIRS", {"code": "den", "roles": BOTH, "party": PARIS})
    await partner(shop, "THEIRS", {"code": "home", "roles": BOTH, "party": BERLIN})
    product = await shop.product({"SHELF": "10"})
    given = shop.ordering([shop.line(product, quantity="1")], customer={"code": "THEIRS"})
    assert await shop.refused("orderCreate", given | {"shippingAddress": {"code": "den"}}) == [
        ("NOT_FOUND", "shippingAddress.code")
    ]
