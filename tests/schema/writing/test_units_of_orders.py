"""Order lines in other units than their product's own: what they come to, what they hold, and what is refused."""

import random
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.schema.writing.test_holds import held
from tests.schema.writing.test_lines_changed import changing
from tests.schema.writing.test_previews import paths
from tests.schema.writing.test_price_lists import price_list
from tests.schema.writing.test_prices_of_orders import customer
from tests.support.clerk import ERRORS, Clerk, lines, progress
from tests.support.desk import Desk

CARTON = {"code": "carton", "base": "12"}
THIRD = {"code": "third", "quantity": "3", "base": "2"}
"""Three of them are two pieces."""

LINE = "quantity unit unitQuantity unitPrice { amount } net { amount } product { sku }"
LINES = f"query ($id: ID!) {{ order(by: {{id: $id}}) {{ subtotal {{ amount }} lineItems {{ nodes {{ {LINE} }} }} }} }}"
PREVIEW = f"""query ($input: OrderPreviewInput!) {{ orderPreview(input: $input) {{
    subtotal {{ amount }} lines {{ {LINE} inStock }} {ERRORS.replace("userErrors", "problems")} }} }}"""

Seen = tuple[str, str, str, str, str]


def seen(found: Any) -> list[Seen]:
    """Of each line how many of the product's own unit it is of, what it is ordered in, how many of that, its price and what it comes to."""
    return [
        (each["quantity"], each["unit"], each["unitQuantity"], each["unitPrice"]["amount"], each["net"]["amount"])
        for each in found
    ]


async def read(shop: Clerk, order: Any, *, breadth_first: bool = True) -> list[Seen]:
    answer = await shop.ask(LINES, {"id": order["id"]}, breadth_first=breadth_first)
    assert not answer.errors, answer.errors
    return seen(answer.data["order"]["lineItems"]["nodes"])


async def previewed(shop: Clerk, given: list[Any], **more: Any) -> Any:
    answer = await shop.ask(PREVIEW, {"input": {"lineItems": given, **more}})
    assert not answer.errors, answer.errors
    return answer.data["orderPreview"]


def cartons(shop: Clerk, product: Any, quantity: str, **more: Any) -> dict[str, Any]:
    return shop.line(product, quantity=quantity, unit="carton", **more)


# ---------------------------------------------------------------- what lines are, and what they come to


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_a_line_is_in_its_unit_and_stock_in_the_products_own(shop: Clerk, *, breadth_first: bool) -> None:
    product = await shop.product({"SHELF": "100"}, units=[CARTON, THIRD])
    given = [
        cartons(shop, product, "2.5"),
        cartons(shop, product, "2", unitPrice="9.99"),
        shop.line(product, quantity="3", unit="third", unitPrice="0.105"),
        shop.line(product, quantity="5", unit="pcs"),
        shop.line(product, quantity="4"),
    ]
    expected = [
        ("30", "carton", "2.5", "120.00", "300.00"),
        ("24", "carton", "2", "9.99", "19.98"),
        ("2", "third", "3", "0.105", "0.32"),
        ("5", "pcs", "5", "10.00", "50.00"),
        ("4", "pcs", "4", "10.00", "40.00"),
    ]
    asked = await previewed(shop, given)
    order = await shop.do("orderCreate", shop.ordering(given, confirm=True))
    assert await read(shop, order, breadth_first=breadth_first) == seen(asked["lines"]) == expected
    assert order["subtotal"]["amount"] == asked["subtotal"]["amount"] == "410.30"
    assert await shop.stock(product) == {"SHELF": ("100", "65")}
    kept = next(each["after"]["lineItems"] for each in await shop.events(order))
    assert [(each["quantity"], each.get("unit"), each.get("unitQuantity")) for each in kept] == [
        *(("30", "carton", "2.5"), ("24", "carton", "2"), ("2", "third", "3")),
        *(("5", None, None), ("4", None, None)),
    ]
    # What leaves, comes back and is called off is counted in the product's own unit.
    first = lines(order)[0]["id"]
    part = [{"lineItem": first, "quantity": "7"}]
    await shop.do("orderShip", {"order": {"id": order["id"]}, "lineItems": part})
    await shop.do("orderCancel", {"order": {"id": order["id"]}, "lineItems": [{"lineItem": first, "quantity": "11"}]})
    back = [part[0] | {"quantity": "1", "disposition": "RESTOCK"}]
    after = await shop.do("orderReturn", {"order": {"id": order["id"]}, "lineItems": back})
    assert progress(after)[0] == ("30", "12", "7", "11", "1")
    assert (await read(shop, order))[0] == expected[0]


async def test_a_line_keeps_the_ratio_of_then(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "99"}, units=[CARTON])
    order = await shop.do("orderCreate", shop.ordering([cartons(shop, product, "2")], confirm=True))
    await shop.do("productUpsert", {"sku": product["sku"], "units": [CARTON | {"base": "10"}]})
    assert await read(shop, order) == [("24", "carton", "2", "120.00", "240.00")]
    [line] = lines(order)
    more = {"lineItem": line["id"], "quantity": "3", "unit": "carton"}
    fresh = cartons(shop, product, "3")
    changed = await shop.do("orderUpdate", changing(order, more, fresh))
    assert await read(shop, changed) == [
        ("36", "carton", "3", "120.00", "360.00"),
        ("30", "carton", "3", "100.00", "300.00"),
    ]
    assert await shop.stock(product) == {"SHELF": ("99", "66")}
    await shop.do("productUpsert", {"sku": product["sku"], "units": []})
    less = {"lineItem": line["id"], "quantity": "12", "unit": "pcs"}
    assert await read(shop, await shop.do("orderUpdate", changing(order, less))) == [
        ("12", "carton", "1", "120.00", "120.00"),
        ("30", "carton", "3", "100.00", "300.00"),
    ]


async def test_a_price_list_is_of_the_products_own_unit_and_breaks_count_what_that_is(shop: Clerk) -> None:
    product = await shop.product(units=[CARTON])
    breaks = [
        shop.line(product, amount=amount, minimum=at) for amount, at in (("1.5", "1"), ("1.25", "24"), ("1", "36"))
    ]
    await price_list(shop, "CARTONS", *breaks)
    whom = await customer(shop, "C-CARTONS", "CARTONS")
    for quantity, more, price in (
        ("1", [], "18.00"),
        ("2", [], "15.00"),
        ("2", [shop.line(product, quantity="12")], "12.00"),
    ):
        given = [cartons(shop, product, quantity), *more]
        order = await shop.do("orderCreate", {**whom, "lineItems": given})
        assert next(each[3] for each in await read(shop, order)) == price
        asked = await previewed(shop, given, customer={"code": "C-CARTONS"})
        assert seen(asked["lines"]) == await read(shop, order)
    # Lines that are added count with those that are there, each in its own unit.
    stocked = await shop.product({"SHELF": "99"}, units=[CARTON])
    await price_list(shop, "MORE", shop.line(stocked, amount="2"), shop.line(stocked, amount="1.8", minimum="30"))
    whom = await customer(shop, "C-MORE", "MORE")
    order = await shop.do("orderCreate", {**whom, "lineItems": [cartons(shop, stocked, "1")], "confirm": True})
    changed = await shop.do("orderUpdate", changing(order, cartons(shop, stocked, "1.5")))
    assert [each[3] for each in await read(shop, changed)] == ["24.00", "21.60"]


async def test_prices_that_include_tax_are_of_the_unit(shop: Clerk) -> None:
    tax = await shop.do("taxUpsert", {"code": "VAT19", "name": "VAT", "category": "S", "rate": "19"})
    product = await shop.product(units=[CARTON], tax={"code": tax["code"]})
    given = [cartons(shop, product, "2"), cartons(shop, product, "1", unitPrice="119")]
    order = await shop.do("orderCreate", shop.ordering(given, pricesIncludeTax=True))
    assert [each[2:4] for each in await read(shop, order)] == [("2", "142.80"), ("1", "119.00")]
    # 285.60 + 119.00 = 404.60, of which 64.60 are tax.
    assert (order["subtotal"]["amount"], order["taxTotal"]["amount"]) == ("340.00", "64.60")


# ---------------------------------------------------------------- drafts, holds, changes


async def test_a_drafts_new_lines_and_a_hold_that_becomes_an_order(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "30"}, units=[CARTON])
    draft = await shop.order((product, "1"))
    new = {"order": {"id": draft["id"]}, "lineItems": [cartons(shop, product, "2"), shop.line(product, quantity="1")]}
    changed = await shop.do("orderUpdate", new)
    assert await read(shop, changed) == [
        ("24", "carton", "2", "120.00", "240.00"),
        ("1", "pcs", "1", "10.00", "10.00"),
    ]
    assert changed["subtotal"]["amount"] == "250.00"
    basket = await held(shop, "cartons", (product, "24"))
    given = shop.ordering([cartons(shop, product, "2")], confirm=True, hold=basket["id"])
    assert progress(await shop.do("orderCreate", given)) == [("24", "24", "0", "0", "0")]
    assert await shop.stock(product) == {"SHELF": ("30", "24")}
    short = shop.ordering([cartons(shop, product, "1")], confirm=True)
    [refusal] = await shop.refusals("orderCreate", short)
    assert refusal[:2] == ("INSUFFICIENT_STOCK", "lineItems.0.quantity")
    assert (refusal.facts["requested"], refusal.facts["available"]) == ("12", "6")


async def test_a_line_is_changed_in_its_unit_or_the_products_own(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "99"}, units=[CARTON, THIRD])
    given = [cartons(shop, product, "3", unitPrice="9.99"), shop.line(product, quantity="5")]
    order = await shop.do("orderCreate", shop.ordering(given, confirm=True))
    first, second = (each["id"] for each in lines(order))

    async def changed(*changes: dict[str, Any]) -> Any:
        return await shop.do("orderUpdate", changing(order, *changes))

    assert await read(shop, await changed({"lineItem": first, "quantity": "2", "unit": "carton"})) == [
        ("24", "carton", "2", "9.99", "19.98"),
        ("5", "pcs", "5", "10.00", "50.00"),
    ]
    after = await changed({"lineItem": first, "quantity": "30", "unit": "pcs"}, {"lineItem": second, "quantity": "6"})
    assert (await read(shop, after))[0] == ("30", "carton", "2.5", "9.99", "24.98")
    assert (await shop.events(order))[-1]["after"]["lineItems"][0] | {"lineItem": ""} == {
        "lineItem": "",
        "quantity": "30",
        "unitPrice": "9.99",
        "unit": "carton",
        "unitQuantity": "2.5",
    }
    cheaper = {"lineItem": first, "quantity": "2", "unit": "carton", "unitPrice": "7"}
    assert (await read(shop, await changed(cheaper)))[0] == ("24", "carton", "2", "7.00", "14.00")
    for change, path in (
        ({"lineItem": first, "quantity": "36"}, "unit"),  # of what?
        ({"lineItem": first, "quantity": "3", "unit": "third"}, "unit"),
        ({"lineItem": second, "quantity": "1", "unit": "carton"}, "unit"),
        ({"lineItem": first, "quantity": "25", "unit": "pcs"}, "quantity"),  # 2.08333… cartons
        ({"lineItem": first, "quantity": "24", "unit": "pcs", "unitPrice": "1"}, "unitPrice"),
        ({"product": {"sku": product["sku"]}, "quantity": "1", "unit": "box"}, "unit"),
        ({"product": {"sku": product["sku"]}, "quantity": "1", "unit": "third", "unitPrice": "1"}, "quantity"),
        ({"product": {"sku": product["sku"]}, "quantity": "3", "unit": "third"}, "unitPrice"),  # 6.666… for one
    ):
        assert await shop.refused("orderUpdate", changing(order, change)) == [("INVALID_INPUT", f"changes.0.{path}")]
    await shop.do("orderShip", {"order": {"id": order["id"]}, "lineItems": [{"lineItem": first, "quantity": "13"}]})
    below = changing(order, {"lineItem": first, "quantity": "1", "unit": "carton"})
    [refusal] = await shop.refusals("orderUpdate", below)
    assert refusal.path == "changes.0.quantity"
    assert refusal.message == "13 pcs of this line were shipped or cancelled: it can't be less."
    gone = await changed({"lineItem": first, "quantity": "0"})
    assert progress(gone)[0] == ("24", "0", "13", "11", "0")
    assert (await read(shop, gone))[0] == ("24", "carton", "2", "7.00", "14.00")


# ---------------------------------------------------------------- what is refused


async def test_what_does_not_come_out_is_refused_at_its_path(shop: Clerk) -> None:
    price = {"amount": "3", "currency": "EUR"}
    whole = await shop.product(units=[CARTON | {"base": "2.5"}, THIRD], unitDecimals=0, listPrice=price)
    odd = await shop.product(units=[THIRD], listPrice={"amount": "0.01", "currency": "EUR"})
    huge = await shop.product(units=[CARTON | {"base": "90000000000000"}])
    given = [
        shop.line(whole, quantity="1", unit="box"),
        shop.line(whole, quantity="1", unit="third"),  # two thirds of a piece
        shop.line(whole, quantity="1", unit="carton"),  # two pieces and a half
        shop.line(odd, quantity="3", unit="third"),  # two thirds of a cent for one
        cartons(shop, huge, "2"),
    ]
    wanted = [
        "lineItems.0.unit",
        "lineItems.1.quantity",
        "lineItems.4.quantity",
        "lineItems.2.quantity",
        "lineItems.3.unitPrice",
    ]
    refusals = await shop.refusals("orderCreate", shop.ordering(given))
    assert [(each.code, each.path) for each in refusals] == [("INVALID_INPUT", path) for path in wanted]
    sku = whole["sku"]
    assert [each.message for each in refusals] == [
        f"{sku} has no unit box: it has pcs, carton, third.",
        f"1 third of {sku} don't come out exactly in pcs, to six decimals.",
        "This is too much: at most 14 digits before the point in pcs.",
        f"{sku} is counted in whole pcs.",
        f"At 0.01 for one pcs of {odd['sku']}, one third doesn't come out exactly, to six decimals: give its price.",
    ]
    asked = await previewed(shop, given)
    assert asked["lines"] == [None] * len(given)
    told = [
        each for each in paths(asked) if each[0] != "INSUFFICIENT_STOCK"
    ]  # orderCreate looks for goods with confirm alone
    assert told == [("INVALID_INPUT", f"input.{path}") for path in wanted]
    # With a price of its own there is nothing to work out.
    fine = await shop.do("orderCreate", shop.ordering([given[3] | {"unitPrice": "0.01"}]))
    assert await read(shop, fine) == [("2", "third", "3", "0.01", "0.03")]


async def test_a_missing_price_is_told_beside_an_unknown_unit(shop: Clerk) -> None:
    product = await shop.product(listPrice=None)
    line = shop.line(product, quantity="1", unit="box")
    assert await shop.refused("orderCreate", shop.ordering([line])) == [
        ("INVALID_INPUT", "lineItems.0.unit"),
        ("INVALID_INPUT", "lineItems.0.unitPrice"),
    ]


# ---------------------------------------------------------------- sums


SUMS = """query ($id: ID!) { product(by: {id: $id}) { lineItems { aggregate {
    quantity { unit sum } openTotal { sum { amount } } total { sum { amount } }
    unitPrice { unit avg { amount } min { amount } max { amount } } } } } }"""


async def test_sums_are_of_the_products_own_unit(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "99"}, units=[CARTON])
    given = [cartons(shop, product, "2", unitPrice="10"), shop.line(product, quantity="8", unitPrice="2")]
    order = await shop.do("orderCreate", shop.ordering(given, confirm=True))

    async def sums() -> Any:
        return (await shop.ask(SUMS, {"id": product["id"]})).data["product"]["lineItems"]["aggregate"]

    # 24 of 0.833333 and 8 of 2: 36 for 32.
    price = {"avg": {"amount": "1.125"}, "min": {"amount": "0.833333"}, "max": {"amount": "2.00"}}
    found = await sums()
    assert found["quantity"] == [{"unit": "pcs", "sum": "32"}]
    assert found["unitPrice"] == [{"unit": "pcs", **price}]
    assert (found["openTotal"], found["total"]) == ([{"sum": {"amount": "36.00"}}], [{"sum": {"amount": "36.00"}}])
    part = [{"lineItem": lines(order)[0]["id"], "quantity": "5"}]
    await shop.do("orderShip", {"order": {"id": order["id"]}, "lineItems": part})
    assert (await sums())["openTotal"] == [{"sum": {"amount": "31.83"}}]  # 19 twelfths of 10.00, and 16.00


# ---------------------------------------------------------------- drawn


async def test_amounts_are_exact_or_refused(desk: Desk) -> None:
    """Whatever the ratio, the quantity and the price: as fractions say, and refused just where these have no six decimals."""
    shop, dice = await desk.open(), random.Random(64)
    met = {"stored": 0, "quantity": 0, "unitPrice": 0}
    for _ in range(60):
        base, per = dice.choice(("12", "2.5", "7", "0.001", "1000", "144")), dice.choice(("1", "3", "8", "0.5", "7"))
        own_price = dice.choice(("10", "0.01", "1.999999", "0.333333", "3.5"))
        given_price = dice.choice((None, None, "9.99", "0.000001", "119"))
        decimals = dice.choice((0, 2, 6))
        quantity = dice.choice(("1", "3", "6", "0.5", "21", "2.333333", "0.007"))
        product = await shop.product(
            units=[{"code": "u", "quantity": per, "base": base}],
            listPrice={"amount": own_price, "currency": "EUR"},
            unitDecimals=decimals,
        )
        one = Fraction(base) / Fraction(per)
        own = Fraction(quantity) * one
        price = Fraction(given_price) if given_price else Fraction(own_price) * one
        line = shop.line(product, quantity=quantity, unit="u") | ({"unitPrice": given_price} if given_price else {})
        wrong = [] if (own * 10**decimals).denominator == 1 else ["quantity"]
        wrong += [] if (price * 10**6).denominator == 1 else ["unitPrice"]
        asked = await previewed(shop, [line])
        if wrong:
            assert await shop.refused("orderCreate", shop.ordering([line])) == [
                ("INVALID_INPUT", f"lineItems.0.{each}") for each in wrong
            ], (base, per, quantity, own_price, given_price)
            assert asked["lines"] == [None]
            for each in wrong:
                met[each] += 1
            continue
        order = await shop.do("orderCreate", shop.ordering([line]))
        [kept] = await read(shop, order)
        total = (Decimal(kept[2]) * Decimal(kept[3])).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert (Fraction(kept[0]), kept[1], Fraction(kept[2]), Fraction(kept[3])) == (
            own,
            "u",
            Fraction(quantity),
            price,
        )
        assert kept[4] == f"{total}" == order["subtotal"]["amount"]
        assert seen(asked["lines"]) == [kept]
        if not given_price:
            # The same goods in the product's own unit come to the same.
            pieces = shop.line(product, quantity=kept[0])
            assert (await shop.do("orderCreate", shop.ordering([pieces])))["subtotal"] == order["subtotal"]
        met["stored"] += 1
    assert min(met.values()) >= 5, met
