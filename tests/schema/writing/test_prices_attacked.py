"""Prices and taxes under the hands of somebody who tries to get around them."""

from typing import Any

import pytest

from tests.schema.writing.test_price_lists import price_list
from tests.schema.writing.test_taxes import exempt, group, taxed
from tests.schema.writing.test_taxes_of_orders import bill, customer
from tests.support.buyer import Buyer, came, stock
from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk


async def test_a_price_of_minus_zero_is_zero_everywhere(shop: Clerk) -> None:
    """A preview showed "-0.00" where the order, which was stored meanwhile, had "0.00"."""
    product = await shop.product({"SHELF": "5"})
    line = shop.line(product, quantity="3", unitPrice="-0")
    query = """query ($input: OrderPreviewInput!) { orderPreview(input: $input) {
        subtotal { amount } total { amount } lines { unitPrice { amount } net { amount } } } }"""
    seen = (await shop.ask(query, {"input": {"lineItems": [line]}})).data["orderPreview"]
    zero = {"amount": "0.00"}
    assert seen == {"subtotal": zero, "total": zero, "lines": [{"unitPrice": zero, "net": zero}]}
    order = await shop.do("orderCreate", shop.ordering([line]))
    [stored] = lines(order)
    assert (stored["unitPrice"], stored["total"]) == (zero, zero)
    assert (await shop.events(order))[0]["after"]["lineItems"][0]["unitPrice"] == "0"
    free = await shop.product(listPrice={"amount": "-0.000", "currency": "EUR"})
    assert free["listPrice"] == {"amount": "0.00", "currency": "EUR"}


async def test_what_was_cancelled_earns_no_price_and_what_was_shipped_does(desk: Desk) -> None:
    """A line of 12 of which 5 were cancelled is 7, also in an update that names it with its 12."""
    shop = await desk.open()
    product = await shop.product({"SHELF": "99"})
    prices = [shop.line(product, amount="8"), shop.line(product, amount="7", minimum="10")]
    await price_list(shop, "BREAK", *prices)
    await shop.do("partnerUpsert", {"code": "C-BREAK", "name": "Break", "priceList": {"code": "BREAK"}})
    given = {"customer": {"code": "C-BREAK"}, "lineItems": [shop.line(product, quantity="12")], "confirm": True}

    async def opened() -> tuple[dict[str, Any], str]:
        order = await shop.do("orderCreate", given)
        return {"order": {"id": order["id"]}}, lines(order)[0]["id"]

    order, line = await opened()
    await shop.do("orderCancel", order | {"lineItems": [{"lineItem": line, "quantity": "5"}]})
    more = shop.line(product, quantity="2")
    same = {"lineItem": line, "quantity": "12"}
    changed = await shop.do("orderUpdate", order | {"changes": [same, more]})
    assert lines(changed)[1]["unitPrice"]["amount"] == "8.00"
    changed = await shop.do("orderUpdate", order | {"changes": [{"lineItem": line, "quantity": "13"}, more]})
    assert lines(changed)[2]["unitPrice"]["amount"] == "7.00"
    # Nine have left, and the rest is called off: with one more it is ten.
    order, line = await opened()
    await shop.do("orderShip", order | {"lineItems": [{"lineItem": line, "quantity": "9"}]})
    off = [{"lineItem": line, "quantity": "0"}, shop.line(product, quantity="1")]
    changed = await shop.do("orderUpdate", order | {"changes": off})
    assert lines(changed)[1]["unitPrice"]["amount"] == "7.00"
    assert await shop.differences() == []


@pytest.mark.parametrize("moved", ["the customer", "the group"])
async def test_a_draft_is_taxed_as_its_customer_is_whatever_that_was(desk: Desk, moved: str) -> None:
    """A customer's group, or what it substitutes, changed after the draft: the draft's lines looked as if their taxes had been named,
    and kept them for whomever the order went to.
    """
    shop = await desk.open()
    await taxed(shop, "FULL", "19")
    await taxed(shop, "HALF", "7")
    for code, kind in (("INTRA", "K"), ("REVERSE", "AE")):
        await exempt(shop, code, kind)
    product = await shop.product(tax={"code": "FULL"})
    await group(shop, "EU", ("FULL", "INTRA"))
    await group(shop, "HERE", (None, "HALF"))
    whom, other = await customer(shop, "C-MOVES", "HERE"), await customer(shop, "C-EU", "EU")
    # The second line names the tax that its product has.
    cart = [shop.line(product, quantity="1"), shop.line(product, quantity="1", tax={"code": "FULL"})]
    draft = await shop.do("orderCreate", whom | {"lineItems": cart})
    given = {"order": {"id": draft["id"]}}

    async def borne(order: Any) -> list[str | None]:
        return [code for code, _ in (await bill(shop, order))["lines"]]

    assert await borne(draft) == ["HALF", "FULL"]
    if moved == "the customer":
        await customer(shop, "C-MOVES", "EU")
    else:
        await group(shop, "HERE", (None, "REVERSE"))
    assert await borne(draft) == ["HALF", "FULL"]
    # Named again it is taxed as it is now; and so is the next one.
    again = await shop.do("orderUpdate", given | whom)
    assert await borne(again) == ["INTRA" if moved == "the customer" else "REVERSE", "FULL"]
    assert await borne(await shop.do("orderUpdate", given | other)) == ["INTRA", "FULL"]
    same = await shop.do("orderUpdate", given | other)
    assert same["version"] == (await shop.again(draft))["version"]
    # Confirmed it keeps what was agreed.
    confirmed = await shop.do("orderConfirm", given | {"allowBackorder": True})
    await group(shop, "EU", ("FULL", "REVERSE"))
    assert await shop.refused("orderUpdate", given | whom) == [("INVALID_TRANSITION", "customer")]
    assert await borne(confirmed) == ["INTRA", "FULL"]
    assert await shop.differences() == []


async def test_tolerance_counts_in_the_suppliers_unit_to_the_last_piece(desk: Desk) -> None:
    """Ten cartons of twelve and five per cent are 126 pieces: ten and a half cartons, and not a piece more by several entries."""
    shop = await desk.open()
    buyer = Buyer(shop)
    await buyer.supplier()
    await shop.do("purchaseSettingsUpdate", {"overReceiptPercent": "5"})
    product = await shop.product(units=[{"code": "carton", "base": "12"}], unitDecimals=0)
    line = {"product": {"id": product["id"]}, "quantity": "10", "unit": "carton", "unitPrice": "30"}
    made = await shop.do("purchaseOrderCreate", buyer.given(lines=[line], confirm=True))

    def of(*parts: tuple[str, str]) -> dict[str, Any]:
        given = came(made, "1")
        named = given["lines"][0]["line"]
        return given | {"lines": [{"line": named, "quantity": many, "unit": unit} for many, unit in parts]}

    assert await shop.refused("purchaseOrderReceive", of(("10", "carton"), ("7", "pcs"))) == [
        ("OVER_QUANTITY", "lines.1.quantity")
    ]
    assert await shop.refused("purchaseOrderReceive", of(("10.3", "carton"))) == [("INVALID_INPUT", "lines.0.quantity")]
    [over] = await shop.refusals("purchaseOrderReceive", of(("11", "carton")))
    assert over.facts == {"wanted": "132", "left": "126"}
    await shop.do("purchaseOrderReceive", of(("9.5", "carton"), ("12", "pcs")))
    assert await stock(shop, product) == {"SHELF": ("126", "0", "0")}
