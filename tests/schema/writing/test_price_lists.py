"""Price lists: made and changed, and their prices set."""

from typing import Any

from tests.support.clerk import Clerk


async def price_list(shop: Clerk, code: str, *prices: dict[str, Any], **given: Any) -> Any:
    """A list with these prices."""
    made = await shop.do("priceListUpsert", {"code": code, "name": code, **given})
    if not prices:
        return made
    return await shop.do("pricesSet", {"priceList": {"code": code}, "lines": list(prices)})


def told(found: Any) -> list[tuple[Any, ...]]:
    names = ("minimum", "validFrom", "validTo")
    nodes = found["prices"]["nodes"]
    return [(each["product"]["sku"], each["amount"]["amount"], *(each[name] for name in names)) for each in nodes]


# ---------------------------------------------------------------- lists and prices


async def test_a_list_is_made_and_changed(shop: Clerk) -> None:
    made = await price_list(shop, "PLAIN")
    assert {name: made[name] for name in ("currency", "taxIncluded", "active", "version")} == {
        "currency": "EUR",
        "taxIncluded": False,
        "active": True,
        "version": 1,
    }
    assert await price_list(shop, "PLAIN") == made
    changed = await shop.do("priceListUpsert", {"code": "PLAIN", "name": "New", "currency": "USD", "active": False})
    assert (changed["id"], changed["currency"], changed["active"], changed["version"]) == (made["id"], "USD", False, 2)
    stale = {"code": "PLAIN", "name": "x", "expectedVersion": 1}
    assert await shop.refused("priceListUpsert", stale) == [("VERSION_CONFLICT", "expectedVersion")]
    assert await shop.refused("priceListUpsert", {"code": "NAMELESS"}) == [("INVALID_INPUT", "name")]
    types = [(each["type"], each["version"], each["after"]) for each in await shop.events(made)]
    assert types == [
        ("price_list.created", 1, {"code": "PLAIN", "name": "PLAIN", "currency": "EUR"}),
        ("price_list.updated", 2, {"name": "New", "currency": "USD", "active": False}),
    ]


async def test_prices_are_set_replaced_and_taken_away(shop: Clerk) -> None:
    first, second = await shop.product(), await shop.product()
    a, b = sorted((first, second), key=lambda each: str(each["id"]))
    made = await price_list(
        shop,
        "SET",
        shop.line(b, amount="9", minimum="10"),
        shop.line(b, amount="9.5"),
        shop.line(a, amount="0.333333", validFrom="2026-12-01", validTo="2026-12-24"),
        shop.line(a, amount="1"),
    )
    assert told(made) == [
        (a["sku"], "0.333333", "1", "2026-12-01", "2026-12-24"),
        (a["sku"], "1.00", "1", None, None),
        (b["sku"], "9.50", "1", None, None),
        (b["sku"], "9.00", "10", None, None),
    ]
    assert made["version"] == 2
    same = {"priceList": {"id": made["id"]}, "lines": [shop.line(a, amount="1.000")]}
    assert (await shop.do("pricesSet", same))["version"] == 2
    change = [
        shop.line(a, amount=None, validFrom="2026-12-01"),
        shop.line(a, amount="2", validTo="2027-01-31"),
        shop.line(b, amount=None, minimum="7"),  # there is none
    ]
    changed = await shop.do("pricesSet", {"priceList": {"code": "SET"}, "lines": change})
    assert told(changed) == [
        (a["sku"], "2.00", "1", None, "2027-01-31"),
        (b["sku"], "9.50", "1", None, None),
        (b["sku"], "9.00", "10", None, None),
    ]
    [*_, event] = await shop.events(made)
    assert (event["type"], event["version"]) == ("price_list.prices_set", 3)
    facts = {"product": a["id"], "minimum": "1"}
    assert event["before"] == {
        "prices": [
            facts | {"amount": "0.333333", "validFrom": "2026-12-01", "validTo": "2026-12-24"},
            facts | {"amount": "1"},
        ]
    }
    assert event["after"] == {"prices": [facts | {"amount": "2", "validTo": "2027-01-31"}]}


async def test_prices_that_cannot_be_set_change_nothing(shop: Clerk) -> None:
    product = await shop.product()
    made = await price_list(shop, "WRONG", shop.line(product, amount="5"))
    bad = [
        shop.line(product, amount="1"),
        shop.line(product, amount="2"),
        shop.line(product, amount="1", minimum="3", validFrom="2026-12-02", validTo="2026-12-01"),
        {"product": {"sku": "nope"}, "amount": "1"},
    ]
    assert await shop.refused("pricesSet", {"priceList": {"code": "nope"}, "lines": bad}) == [
        ("NOT_FOUND", "priceList"),
        ("NOT_FOUND", "lines.3.product"),
        ("INVALID_INPUT", "lines.1.minimum"),
        ("INVALID_INPUT", "lines.2.validTo"),
    ]
    for field, path in (
        ({"amount": "-1"}, "lines.0.amount"),
        ({"amount": "1.0000001"}, "lines.0.amount"),
        ({"amount": "1", "minimum": "0"}, "lines.0.minimum"),
        ({}, "lines.0.amount"),
    ):
        wrong = {"priceList": {"code": "WRONG"}, "lines": [shop.line(product, **field)]}
        assert await shop.refused("pricesSet", wrong) == [("INVALID_INPUT", path)]
    for count in (0, 501):
        many = {"priceList": {"code": "WRONG"}, "lines": [shop.line(product, amount="1")] * count}
        assert await shop.refused("pricesSet", many) == [("INVALID_INPUT", "lines")]
    dollars = {"code": "WRONG", "currency": "USD"}
    [refusal] = await shop.refusals("priceListUpsert", dollars)
    assert refusal[:2] == ("INVALID_INPUT", "currency")
    assert refusal.message == "There are prices in EUR, so it stays. Create another list for USD."
    await shop.do("pricesSet", {"priceList": {"id": made["id"]}, "lines": [shop.line(product, amount=None)]})
    assert (await shop.do("priceListUpsert", dollars))["currency"] == "USD"


async def test_a_page_of_prices_is_filtered(shop: Clerk) -> None:
    product, other = await shop.product(), await shop.product()
    made = await price_list(
        shop,
        "PAGE",
        *[shop.line(product, amount="1", minimum=str(n)) for n in range(1, 6)],
        shop.line(other, amount="2"),
    )
    query = """query ($id: ID!, $where: PriceWhere, $after: String) { priceList(by: {id: $id}) { prices(first: 2, where: $where,
        after: $after) { nodes { minimum } pageInfo { hasNextPage endCursor } totalCount { value } } } }"""
    given: dict[str, Any] = {"id": made["id"], "where": {"product": {"eq": product["id"]}}}
    seen = []
    while True:
        page = (await shop.ask(query, given)).data["priceList"]["prices"]
        seen += [each["minimum"] for each in page["nodes"]]
        assert page["totalCount"]["value"] == 5
        if not page["pageInfo"]["hasNextPage"]:
            break
        given["after"] = page["pageInfo"]["endCursor"]
    assert seen == ["1", "2", "3", "4", "5"]


async def test_a_product_with_prices_keeps_its_unit(shop: Clerk) -> None:
    product = await shop.product()
    await price_list(shop, "UNIT", shop.line(product, amount="1"))
    [refusal] = await shop.refusals("productUpsert", {"sku": product["sku"], "unit": "kg"})
    assert (
        refusal.message == f"{product['sku']} has prices in pcs, so pcs stays its unit. Create another product for kg."
    )


async def test_a_product_has_its_prices_in_all_lists(shop: Clerk) -> None:
    products = [await shop.product() for _ in range(3)]
    for code, amount in (("OF-1", "1"), ("OF-2", "2")):
        entries = [shop.line(each, amount=amount, minimum=str(n)) for each in products[:2] for n in (1, 10)]
        await price_list(shop, code, *entries)
    query = """query ($ids: [ID!], $first: Int!, $where: PriceWhere) { products(where: {id: {in: $ids}}) { nodes { sku
        prices(first: $first, where: $where) { nodes { minimum amount { amount } priceList { code } product { sku } }
        pageInfo { hasNextPage } totalCount { value } } } } }"""
    given: dict[str, Any] = {"ids": [each["id"] for each in products], "first": 9}
    found = {each["sku"]: each["prices"] for each in (await shop.ask(query, given)).data["products"]["nodes"]}
    statements = shop.read
    for product in products[:2]:
        shown = found[product["sku"]]
        assert [
            (each["priceList"]["code"], each["minimum"], each["amount"]["amount"], each["product"]["sku"])
            for each in shown["nodes"]
        ] == [
            (code, n, amount, product["sku"])
            for code, amount in (("OF-1", "1.00"), ("OF-2", "2.00"))
            for n in ("1", "10")
        ]
        assert (shown["totalCount"]["value"], shown["pageInfo"]["hasNextPage"]) == (4, False)
    assert found[products[2]["sku"]]["nodes"] == []
    # A page for each product, in as many statements for one as for three.
    given |= {"first": 1, "where": {"minimum": {"gt": "1"}}}
    pages = {each["sku"]: each["prices"] for each in (await shop.ask(query, given)).data["products"]["nodes"]}
    assert [len(pages[each["sku"]]["nodes"]) for each in products] == [1, 1, 0]
    assert [pages[each["sku"]]["pageInfo"]["hasNextPage"] for each in products] == [True, True, False]
    await shop.ask(query, given | {"ids": given["ids"][:1], "first": 9, "where": None})
    assert shop.read == statements
