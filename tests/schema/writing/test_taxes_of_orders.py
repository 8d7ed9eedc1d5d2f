"""The taxes of orders: what lines bear, what orders come to, and how both follow changes."""

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest

from core.ids import encode, new_id
from core.taxes import Kind, totals
from tests.schema.writing.test_price_lists import price_list
from tests.schema.writing.test_taxes import exempt, group, taxed
from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk

TAXES = "taxes { category rate base { amount } amount { amount } exemptionReason }"
SHOWN = f"""pricesIncludeTax subtotal {{ amount }} taxTotal {{ amount }} total {{ amount }} {TAXES}
    lineItems(first: 250) {{ nodes {{ total {{ amount }} net {{ amount }} tax {{ code }} unitPrice {{ amount }} }} }}"""
Bill = dict[str, Any]


def read(found: Any) -> Bill:
    """An order, or a preview of one: its sums, its taxes, and of each line its tax and what of it isn't tax."""
    shown = found["lineItems"]["nodes"] if "lineItems" in found else found["lines"]
    taxes = [
        (each["category"], each["rate"], each["base"]["amount"], each["amount"]["amount"]) for each in found["taxes"]
    ]
    return {
        "sums": tuple(found[name]["amount"] for name in ("subtotal", "taxTotal", "total")),
        "taxes": taxes,
        "lines": [(each["tax"] and each["tax"]["code"], each["net"]["amount"]) for each in shown],
    }


async def bill(shop: Clerk, order: Any) -> Bill:
    found = await shop.ask(f"query ($id: ID!) {{ order(by: {{id: $id}}) {{ {SHOWN} }} }}", {"id": order["id"]})
    assert not found.errors
    return read(found.data["order"])


async def previewed(shop: Clerk, given: dict[str, Any]) -> Bill:
    query = f"""query ($input: OrderPreviewInput!) {{ orderPreview(input: $input) {{ subtotal {{ amount }} taxTotal {{ amount }}
        total {{ amount }} {TAXES} lines {{ net {{ amount }} tax {{ code }} }} problems {{ code path }} }} }}"""
    found = await shop.ask(query, {"input": given})
    assert not found.errors
    problems = found.data["orderPreview"]["problems"]
    assert [each for each in problems if each["code"] != "INSUFFICIENT_STOCK"] == []
    return read(found.data["orderPreview"])


@pytest.fixture(scope="module")
async def full(shop: Clerk) -> Any:
    await taxed(shop, "FULL", "19")
    await taxed(shop, "HALF", "7")
    await exempt(shop, "INTRA", "K", reverseRate="19")
    return await shop.product(tax={"code": "FULL"})


async def customer(shop: Clerk, code: str, of_group: str | None, **given: Any) -> dict[str, Any]:
    """A customer that is taxed like a group."""
    ref = of_group and {"code": of_group}
    await shop.do("partnerUpsert", {"code": code, "name": code, "taxGroup": ref, **given})
    return {"customer": {"code": code}}


# ---------------------------------------------------------------- net documents


async def test_an_order_comes_to_its_lines_and_the_taxes_by_category_and_rate(shop: Clerk, full: Any) -> None:
    half, free = await shop.product(tax={"code": "HALF"}), await shop.product()
    cart = [
        shop.line(full, quantity="3", unitPrice="10.01"),
        shop.line(half, quantity="1", unitPrice="1.07"),
        shop.line(free, quantity="1", unitPrice="5"),
        shop.line(full, quantity="1", unitPrice="0.03"),
    ]
    wanted = {
        "sums": ("36.13", "5.78", "41.91"),
        "taxes": [("S", "7", "1.07", "0.07"), ("S", "19", "30.06", "5.71")],
        "lines": [("FULL", "30.03"), ("HALF", "1.07"), (None, "5.00"), ("FULL", "0.03")],
    }
    for more in ({}, {"confirm": True, "allowBackorder": True}):
        order = await shop.do("orderCreate", shop.ordering(cart, **more))
        assert (order["subtotal"]["amount"], order["taxTotal"]["amount"], order["total"]["amount"]) == wanted["sums"]
        assert await bill(shop, order) == wanted
    assert await previewed(shop, {"lineItems": cart}) == wanted
    created = (await shop.events(order))[0]["after"]
    assert (created["subtotal"], created["taxTotal"]) == ("36.13", "5.78")
    assert [each.get("tax") for each in created["lineItems"]].count(None) == 1


async def test_a_line_bears_what_it_names_else_what_becomes_of_its_products_tax(shop: Clerk, full: Any) -> None:
    half, free = await shop.product(tax={"code": "HALF"}), await shop.product()
    await group(shop, "EU", ("FULL", "INTRA"))
    await group(shop, "ALL", ("HALF", "FULL"), (None, "INTRA"))
    cart = [
        shop.line(full, quantity="1"),
        shop.line(half, quantity="1"),
        shop.line(free, quantity="1"),
        shop.line(full, quantity="1", tax={"code": "HALF"}),
        shop.line(full, quantity="1", tax=None),
        shop.line(free, quantity="1", tax={"code": "FULL"}),
    ]
    for code, of_group, borne in (
        ("C-HOME", None, ["FULL", "HALF", None, "HALF", None, "FULL"]),
        ("C-EU", "EU", ["INTRA", "HALF", None, "HALF", None, "FULL"]),
        ("C-ALL", "ALL", ["INTRA", "FULL", None, "HALF", None, "FULL"]),
    ):
        whom = await customer(shop, code, of_group)
        order = await shop.do("orderCreate", whom | {"lineItems": cart})
        found = await bill(shop, order)
        assert [each[0] for each in found["lines"]] == borne
        assert await previewed(shop, whom | {"lineItems": cart}) == found


async def test_a_category_without_tax_says_why(shop: Clerk, full: Any) -> None:
    await exempt(shop, "WHY-A")
    await exempt(shop, "WHY-B")
    cart = [shop.line(full, quantity="1", tax={"code": code}) for code in ("WHY-B", "WHY-A", "WHY-B", "FULL")]
    order = await shop.do("orderCreate", shop.ordering(cart))
    query = f"query ($id: ID!) {{ order(by: {{id: $id}}) {{ {TAXES} }} }}"
    found = (await shop.ask(query, {"id": order["id"]})).data["order"]["taxes"]
    assert [(each["category"], each["base"]["amount"], each["exemptionReason"]) for each in found] == [
        ("E", "30.00", "Because of WHY-A; Because of WHY-B"),
        ("S", "10.00", None),
    ]
    preview = f"query ($input: OrderPreviewInput!) {{ orderPreview(input: $input) {{ {TAXES} }} }}"
    assert (await shop.ask(preview, {"input": {"lineItems": cart}})).data["orderPreview"]["taxes"] == found


async def test_what_is_wrong_with_taxes_comes_all_at_once(shop: Clerk, full: Any) -> None:
    gone = await taxed(shop, "GONE", "3")
    old = await shop.product(tax={"code": "GONE"})
    await shop.do("taxUpsert", {"code": "GONE", "active": False})
    cart = [
        shop.line(full, quantity="1", tax={"code": "nope"}),
        shop.line(full, quantity="1", tax={"id": gone["id"]}),
        shop.line(old, quantity="1"),
        shop.line(full, quantity="1", tax={"id": encode("tax", new_id())}),
    ]
    wrong = [
        ("NOT_FOUND", "lineItems.0.tax"),
        ("INVALID_INPUT", "lineItems.1.tax"),
        ("INVALID_INPUT", "lineItems.2.product"),
        ("NOT_FOUND", "lineItems.3.tax"),
    ]
    assert await shop.refused("orderCreate", shop.ordering(cart)) == wrong
    order = await shop.order((full, "1"))
    assert await shop.refused("orderUpdate", {"order": {"id": order["id"]}, "lineItems": cart}) == wrong
    much = [shop.line(full, quantity="90000000000000", unitPrice="1")]
    assert await shop.refused("orderCreate", shop.ordering(much)) == [("INVALID_INPUT", "lineItems")]
    untaxed = [each | {"tax": None} for each in much]
    assert (await shop.do("orderCreate", shop.ordering(untaxed)))["total"]["amount"] == "90000000000000.00"


async def test_more_kinds_of_tax_than_an_order_may_bear(shop: Clerk, full: Any) -> None:
    for rate in range(1, 22):
        await taxed(shop, f"KIND-{rate}", str(rate))
    cart = [shop.line(full, quantity="1", tax={"code": f"KIND-{rate}"}) for rate in range(1, 22)]
    assert await shop.refused("orderCreate", shop.ordering(cart)) == [("INVALID_INPUT", "lineItems")]
    assert len((await bill(shop, await shop.do("orderCreate", shop.ordering(cart[1:]))))["taxes"]) == 20


# ---------------------------------------------------------------- gross documents


async def test_of_prices_that_include_tax_the_customer_pays_what_the_shelf_said(shop: Clerk, full: Any) -> None:
    free, half = await shop.product(), await shop.product(tax={"code": "HALF"})
    cart = [
        shop.line(full, quantity="1", unitPrice="4000"),
        shop.line(free, quantity="1", unitPrice="2"),
        shop.line(half, quantity="3", unitPrice="0.99"),
    ]
    wanted = {
        "sums": ("3366.12", "638.85", "4004.97"),
        "taxes": [("S", "7", "2.78", "0.19"), ("S", "19", "3361.34", "638.66")],
        "lines": [("FULL", "3361.34"), (None, "2.00"), ("HALF", "2.78")],
    }
    given = shop.ordering(cart, pricesIncludeTax=True)
    order = await shop.do("orderCreate", given)
    assert await bill(shop, order) == wanted
    assert await previewed(shop, {"lineItems": cart, "pricesIncludeTax": True}) == wanted
    assert [line["total"]["amount"] for line in lines(order)] == ["4000.00", "2.00", "2.97"]
    assert (await shop.events(order))[0]["after"]["pricesIncludeTax"] is True


async def test_a_list_whose_prices_include_tax_makes_such_orders(shop: Clerk, full: Any) -> None:
    other = await shop.product(tax={"code": "FULL"})
    await price_list(shop, "SHELF", shop.line(full, amount="9.99"), taxIncluded=True)
    whom = await customer(shop, "C-SHELF", None, priceList={"code": "SHELF"})
    # A product's own price is before tax: with it where the others are so.
    cart = {"lineItems": [shop.line(full, quantity="1"), shop.line(other, quantity="1")]}
    order = await shop.do("orderCreate", whom | cart)
    found = await bill(shop, order)
    assert [line["unitPrice"]["amount"] for line in lines(order)] == ["9.99", "11.90"]
    assert found["sums"] == ("18.39", "3.50", "21.89")
    assert await previewed(shop, whom | cart) == found
    against = whom | cart | {"pricesIncludeTax": False}
    assert await shop.refused("orderCreate", against) == [("INVALID_INPUT", "pricesIncludeTax")]
    assert await bill(shop, await shop.do("orderCreate", whom | cart | {"pricesIncludeTax": True})) == found
    net = await bill(shop, await shop.do("orderCreate", whom | cart | {"priceList": None}))
    assert net["sums"] == ("20.00", "3.80", "23.80")
    stands = {"code": "SHELF", "taxIncluded": False}
    assert await shop.refused("priceListUpsert", stands) == [("INVALID_INPUT", "taxIncluded")]
    await price_list(shop, "EMPTY", taxIncluded=True)
    assert (await shop.do("priceListUpsert", {"code": "EMPTY", "taxIncluded": False}))["taxIncluded"] is False


# ---------------------------------------------------------------- changes


async def test_a_drafts_new_lines_are_taxed_as_the_first_were(shop: Clerk, full: Any) -> None:
    half = await shop.product(tax={"code": "HALF"})
    order = await shop.order((full, "1"))
    given = {"order": {"id": order["id"]}}
    changed = await shop.do("orderUpdate", given | {"lineItems": [shop.line(half, quantity="2")]})
    assert await bill(shop, changed) == {
        "sums": ("20.00", "1.40", "21.40"),
        "taxes": [("S", "7", "20.00", "1.40")],
        "lines": [("HALF", "20.00")],
    }
    untaxed = await shop.do("orderUpdate", given | {"lineItems": [shop.line(half, quantity="1", tax=None)]})
    assert await bill(shop, untaxed) == {"sums": ("10.00", "0.00", "10.00"), "taxes": [], "lines": [(None, "10.00")]}
    gross = await shop.do("orderCreate", shop.ordering([shop.line(full, quantity="1")], pricesIncludeTax=True))
    cart = [shop.line(full, quantity="1", unitPrice="1.19")]
    kept = await shop.do("orderUpdate", {"order": {"id": gross["id"]}, "lineItems": cart})
    assert (await bill(shop, kept))["sums"] == ("1.00", "0.19", "1.19")


@pytest.mark.parametrize("included", [False, True], ids=["net", "gross"])
async def test_a_drafts_new_customer_is_taxed_as_its_group_is(desk: Desk, *, included: bool) -> None:
    shop = await desk.open()
    await taxed(shop, "FULL", "19")
    await taxed(shop, "HALF", "7")
    await exempt(shop, "INTRA", "K")
    full = await shop.product(tax={"code": "FULL"})
    await group(shop, "EU", ("FULL", "INTRA"))
    whom, home = await customer(shop, "C-EU", "EU"), await customer(shop, "C-HOME", None)
    cart = [shop.line(full, quantity="1", unitPrice="11.90"), shop.line(full, quantity="1", tax={"code": "HALF"})]
    cart += [shop.line(full, quantity="1", tax=None)]
    order = await shop.do("orderCreate", home | {"lineItems": cart, "pricesIncludeTax": included})
    given, before = {"order": {"id": order["id"]}}, await bill(shop, order)
    abroad = await bill(shop, await shop.do("orderUpdate", given | whom))
    assert [each[0] for each in abroad["lines"]] == ["INTRA", "HALF", None]
    assert abroad["lines"][0][1] == "11.90"
    assert abroad["taxes"][0][:3] == ("K", "0", "11.90")
    event = (await shop.events(order))[-1]
    assert (event["type"], len(event["after"]["lineItems"])) == ("order.updated", 1)
    assert await bill(shop, await shop.do("orderUpdate", given | home)) == before
    assert await shop.differences() == []


@pytest.mark.parametrize("included", [False, True], ids=["net", "gross"])
async def test_changes_of_a_confirmed_order_follow(shop: Clerk, full: Any, *, included: bool) -> None:
    product = await shop.product({"SHELF": "99"}, tax={"code": "FULL"})
    other = await shop.product({"SHELF": "99"}, tax={"code": "HALF"})
    await group(shop, "ONLY", ("HALF", "INTRA"))
    whom = await customer(shop, f"C-CHANGED-{included}", "ONLY")
    cart = [shop.line(product, quantity="7", unitPrice="0.33"), shop.line(product, quantity="1", unitPrice="0.05")]
    made = await shop.do("orderCreate", whom | {"lineItems": cart, "confirm": True, "pricesIncludeTax": included})
    first, second = lines(made)
    for change in (
        {"lineItem": first["id"], "quantity": "3"},
        {"lineItem": first["id"], "quantity": "13"},
        {"lineItem": second["id"], "quantity": "1", "unitPrice": "9.99"},
        {"product": {"sku": other["sku"]}, "quantity": "2"},
        {"product": {"sku": product["sku"]}, "quantity": "1"},
        {"lineItem": second["id"], "quantity": "0"},
    ):
        changed = await shop.do("orderUpdate", {"order": {"id": made["id"]}, "changes": [change]})
        found = await bill(shop, changed)
        kinds = {"FULL": Kind("S", Decimal(19)), "INTRA": Kind("K", Decimal(0))}
        stored = [Decimal(line["total"]["amount"]) for line in lines(changed)]
        borne = [kinds[code] for code, _ in found["lines"]]
        wanted = totals(zip(stored, borne, strict=True), "EUR", included=included)
        assert [Decimal(net) for _, net in found["lines"]] == wanted.nets
        sums = (wanted.subtotal, wanted.tax_total, wanted.subtotal + wanted.tax_total)
        assert tuple(map(Decimal, found["sums"])) == sums
        assert [(each[0], *map(Decimal, each[1:])) for each in found["taxes"]] == [tuple(tax) for tax in wanted.taxes]
        assert Decimal((await shop.events(made))[-1]["after"]["taxTotal"]) == wanted.tax_total
    assert [each[0] for each in found["lines"]] == ["FULL", "FULL", "INTRA", "FULL"]
    assert lines(changed)[-1]["unitPrice"]["amount"] == ("11.90" if included else "10.00")
    assert await shop.differences() == []


async def test_a_tax_that_a_line_bears_keeps_its_category_and_rate(shop: Clerk) -> None:
    await taxed(shop, "BORNE", "21")
    product = await shop.product(tax={"code": "BORNE"})
    await taxed(shop, "BORNE", "22")  # nothing bears it yet
    order = await shop.order((product, "1"))
    assert await shop.refused("taxUpsert", {"code": "BORNE", "rate": "23"}) == [("INVALID_INPUT", "rate")]
    other = {"code": "BORNE", "category": "L"}
    assert await shop.refused("taxUpsert", other) == [("INVALID_INPUT", "category")]
    renamed = await shop.do("taxUpsert", {"code": "BORNE", "name": "New", "rate": "22", "active": False})
    assert (renamed["rate"], renamed["active"]) == ("22", False)
    assert (await bill(shop, order))["sums"] == ("10.00", "2.20", "12.20")
    # Confirmed, it stays what it was agreed to be.
    waits = {"order": {"id": order["id"]}, "allowBackorder": True}
    assert (await bill(shop, await shop.do("orderConfirm", waits)))["sums"] == ("10.00", "2.20", "12.20")


async def test_an_order_bears_the_rate_that_stands_when_both_happen_at_once(desk: Desk) -> None:
    shop = await desk.open()
    await taxed(shop, "RACE", "1")
    product = await shop.product(tax={"code": "RACE"})
    for rate in range(2, 8):
        change = shop.send("taxUpsert", {"code": "RACE", "rate": str(rate)})
        order = shop.send("orderCreate", shop.ordering([shop.line(product, quantity="100")]))
        await asyncio.gather(*random.sample([change, order], 2))
    assert await shop.differences() == []


# ---------------------------------------------------------------- what isn't subject to VAT


ALONE = "Some lines are of category O, not subject to VAT, and others of another one."


async def problems(shop: Clerk, cart: list[Any]) -> list[tuple[str, list[str], str]]:
    """What a preview says is wrong, but for goods that aren't there; all of its lines are shown."""
    query = """query ($input: OrderPreviewInput!) { orderPreview(input: $input) {
        lines { net { amount } } problems { __typename code path message } } }"""
    found = (await shop.ask(query, {"input": {"lineItems": cart}})).data["orderPreview"]
    assert len(found["lines"]) == len(cart)
    assert None not in found["lines"]
    return [
        (each["__typename"], each["path"], each["message"].partition(" EN 16931")[0])
        for each in found["problems"]
        if each["code"] != "INSUFFICIENT_STOCK"
    ]


async def test_what_isnt_subject_to_vat_is_ordered_alone(shop: Clerk, full: Any) -> None:
    await exempt(shop, "OUTSIDE", "O")
    await exempt(shop, "FREE", "E")
    goods = await shop.product({"SHELF": "99"}, tax={"code": "FULL"})
    fee, free = [await shop.product({"SHELF": "99"}, tax={"code": code}) for code in ("OUTSIDE", "FREE")]
    bare = await shop.product({"SHELF": "99"})
    alone, both = [shop.line(each, quantity="1") for each in (fee, fee, bare)], shop.line(goods, quantity="1")
    mixed = [*alone, both]
    assert await problems(shop, alone) == []
    assert await problems(shop, mixed) == [("InvalidInputError", ["input", "lineItems"], ALONE)]
    assert await problems(shop, [*alone, shop.line(free, quantity="1")]) == [
        ("InvalidInputError", ["input", "lineItems"], ALONE)
    ]
    before = await shop.admin.fetchval("SELECT count(*) FROM orders WHERE tenant_id = $1", shop.tenant)
    refused = await shop.refused("orderCreate", shop.ordering(mixed, confirm=True))
    assert refused == [("INVALID_INPUT", "lineItems")]
    assert await shop.admin.fetchval("SELECT count(*) FROM orders WHERE tenant_id = $1", shop.tenant) == before
    # A draft may have both until somebody has sorted it out.
    draft = await shop.do("orderCreate", shop.ordering(mixed))
    given = {"order": {"id": draft["id"]}}
    assert await shop.refused("orderConfirm", given) == [("INVALID_INPUT", "order")]
    await shop.do(
        "orderUpdate", given | {"lineItems": [*alone, shop.line(goods, quantity="1", tax={"code": "OUTSIDE"})]}
    )
    confirmed = await shop.do("orderConfirm", given)
    assert confirmed["status"] == "CONFIRMED"
    assert (await bill(shop, confirmed))["taxes"] == [("O", "0", "30.00", "0.00")]


async def test_a_confirmed_order_gets_no_line_that_cant_be_on_its_invoice(shop: Clerk, full: Any) -> None:
    await exempt(shop, "OUTSIDE", "O")
    fee = await shop.product({"SHELF": "99"}, tax={"code": "OUTSIDE"})
    goods = await shop.product({"SHELF": "99"}, tax={"code": "FULL"})
    order = await shop.order((fee, "2"), confirm=True)
    given, new = {"order": {"id": order["id"]}}, {"product": {"sku": goods["sku"]}, "quantity": "1"}
    before = await bill(shop, order)
    assert await shop.refused("orderUpdate", given | {"changes": [new]}) == [("INVALID_INPUT", "changes")]
    assert (await bill(shop, order), await shop.differences()) == (before, [])
    # What is called off is on no invoice.
    off = {"lineItem": lines(order)[0]["id"], "quantity": "0"}
    changed = await shop.do("orderUpdate", given | {"changes": [off, new]})
    assert [each[0] for each in (await bill(shop, changed))["lines"]] == ["OUTSIDE", "FULL"]
