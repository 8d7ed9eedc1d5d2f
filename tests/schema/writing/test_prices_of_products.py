"""What a product would cost, by its own field: the same as a line of an order with it, and as a preview says."""

import random
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product as combined
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core import ids
from core.ids import new_id
from core.money import decimal_text
from core.permissions import EVERYTHING, ROLES
from tests.schema.writing.test_price_lists import price_list
from tests.schema.writing.test_taxes import exempt, group, taxed
from tests.support.clerk import Clerk, identity, lines
from tests.support.desk import Desk
from tests.support.graph import Asker

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
SHOWN = "{ amount { amount currency } taxIncluded tax { code } price { minimum validFrom amount { amount } priceList { code } } }"
PRICE = f"""query ($sku: String!, $for: PartnerRef, $quantity: Decimal!, $currency: CurrencyCode, $on: Date) {{
    product(by: {{sku: $sku}}) {{ price(for: $for, quantity: $quantity, currency: $currency, on: $on) {SHOWN} }} }}"""


async def price(
    shop: Clerk, product: Any, whom: dict[str, str] | None = None, *, breadth_first: bool = True, **given: Any
) -> Any:
    """What a product would cost."""
    variables = {"sku": product["sku"], "for": whom, "quantity": "1"} | given
    answer = await shop.ask(PRICE, variables, breadth_first=breadth_first)
    assert not answer.errors, answer.errors
    return answer.data["product"]["price"]


async def partner(shop: Clerk, code: str, of_list: str | None = None, of_group: str | None = None) -> dict[str, str]:
    """A customer that buys by a list and is taxed like a group."""
    refs = {"priceList": of_list and {"code": of_list}, "taxGroup": of_group and {"code": of_group}}
    await shop.do("partnerUpsert", {"code": code, "name": code, **refs})
    return {"code": code}


# ---------------------------------------------------------------- what it says


@EXECUTORS
async def test_a_product_costs_by_the_customers_list_else_its_list_price(desk: Desk, *, breadth_first: bool) -> None:
    shop = await desk.open()
    product, other, free = await shop.product(), await shop.product(), await shop.product(listPrice=None)
    await price_list(
        shop,
        "MINE",
        shop.line(product, amount="8"),
        shop.line(product, amount="7.125", minimum="10", validFrom="2026-03-01"),
    )
    me = await partner(shop, "ME", "MINE")
    own = {"amount": {"amount": "10.00", "currency": "EUR"}, "taxIncluded": False, "tax": None, "price": None}
    entry = {"minimum": "1", "validFrom": None, "amount": {"amount": "8.00"}, "priceList": {"code": "MINE"}}
    assert await price(shop, product, breadth_first=breadth_first) == own
    assert await price(shop, other, me, breadth_first=breadth_first) == own
    assert await price(shop, free, me, breadth_first=breadth_first) is None
    listed = own | {"amount": {"amount": "8.00", "currency": "EUR"}, "price": entry}
    assert await price(shop, product, me, breadth_first=breadth_first) == listed
    many = await price(shop, product, me, quantity="10", on="2026-03-01", breadth_first=breadth_first)
    assert (many["amount"]["amount"], many["price"]["validFrom"]) == ("7.125", "2026-03-01")
    assert await price(shop, product, me, quantity="10", on="2026-02-28", breadth_first=breadth_first) == listed
    assert await price(shop, product, me, currency="USD", breadth_first=breadth_first) is None


async def test_the_currency_is_that_of_the_list_else_the_tenants(desk: Desk) -> None:
    shop = await desk.open(currency="GBP")
    product = await shop.product()
    await price_list(shop, "EUROS", shop.line(product, amount="8"), currency="EUR")
    me, nobody = await partner(shop, "ME", "EUROS"), await partner(shop, "NOBODY")
    assert (await price(shop, product, me))["amount"] == {"amount": "8.00", "currency": "EUR"}
    # Its list price is in EUR, and the tenant sells in GBP.
    assert await price(shop, product) is None
    assert await price(shop, product, nobody) is None
    assert (await price(shop, product, currency="EUR"))["amount"]["amount"] == "10.00"
    assert await price(shop, product, me, currency="GBP") is None
    await shop.do("priceListUpsert", {"code": "EUROS", "active": False})
    assert await price(shop, product, me) is None
    assert (await price(shop, product, me, currency="EUR"))["amount"]["amount"] == "10.00"


async def test_a_list_price_is_before_tax_and_has_it_where_the_list_includes_it(desk: Desk) -> None:
    shop = await desk.open()
    await taxed(shop, "FULL", "19")
    await exempt(shop, "INTRA", "K")
    await group(shop, "EU", ("FULL", "INTRA"))
    await shop.do("productCategoryUpsert", {"code": "CAT", "name": "Cat", "tax": {"code": "FULL"}})
    product = await shop.product(category={"code": "CAT"})
    dear = await shop.product(tax={"code": "FULL"}, listPrice={"amount": "99999999999999.999999", "currency": "EUR"})
    await price_list(shop, "SHELF", taxIncluded=True)
    home, abroad = await partner(shop, "HOME", "SHELF"), await partner(shop, "ABROAD", "SHELF", "EU")
    found = [await price(shop, product, each) for each in (home, abroad, None)]
    told = [(each["amount"]["amount"], each["taxIncluded"], each["tax"]["code"]) for each in found]
    assert told == [("11.90", True, "FULL"), ("10.00", True, "INTRA"), ("10.00", False, "FULL")]
    # With tax it is more than an order can keep.
    assert await price(shop, dear, home) is None
    assert (await price(shop, dear, abroad))["amount"]["amount"] == "99999999999999.999999"


# ---------------------------------------------------------------- the same as orders


SACK = {"code": "sack", "base": "25"}
THIRD = {"code": "third", "quantity": "3", "base": "2"}
"""Three of them are two of the product's own unit."""

SOLD_IN: dict[str | None, tuple[Fraction, list[str]]] = {
    None: (Fraction(1), ["0.499999", "0.5", "1", "2.499999", "2.5", "999999.999999", "1000000"]),
    "sack": (Fraction(25), ["0.019999", "0.02", "0.1", "1", "39999.999999", "40000"]),
    "third": (Fraction(2, 3), ["0.749997", "0.75", "1.5", "3.749997", "3.75", "1499999.999997", "1500000"]),
}
"""By a unit of sale, how many of the product's own one is, and quantities at and around where prices change."""


async def world(shop: Clerk) -> tuple[list[Any], list[dict[str, str]], date]:
    """Products, partners and lists of every kind that makes a difference, and the middle of the lists' spans."""
    day, dice = date(2026, 4, 5), random.Random(18)
    for code, rate in (("FULL", "15"), ("HALF", "7.125")):
        await taxed(shop, code, rate)
    for code, kind in (("INTRA", "K"), ("FREE", "E")):
        await exempt(shop, code, kind)
    await group(shop, "EU", ("FULL", "INTRA"))
    await group(shop, "ALL", ("HALF", "FULL"), (None, "FREE"))
    await shop.do("productCategoryUpsert", {"code": "CAT", "name": "Cat", "tax": {"code": "HALF"}})
    taxes: list[dict[str, Any]] = [{}, {"tax": {"code": "FULL"}}, {"category": {"code": "CAT"}}]
    own: list[Any] = [None, {"amount": "9.99", "currency": "NZD"}, {"amount": "4.123456", "currency": "EUR"}]
    units = [SACK, THIRD]
    products = [
        await shop.product(listPrice=listed, unit="kg", units=units, **tax) for tax, listed in combined(taxes, own)
    ]
    spans = [None, *(str(day + timedelta(days=n)) for n in (-1, 0, 1))]
    for code, currency, included in (
        ("NET", "NZD", False),
        ("GROSS", "NZD", True),
        ("EUROS", "EUR", True),
        ("OLD", "NZD", False),
    ):
        entries = {}
        for _ in range(90):
            of, minimum = dice.choice(products), dice.choice(["0.5", "1", "2.5", "1000000"])
            begins, ends = dice.choice(spans), dice.choice(spans)
            if begins and ends and ends < begins:
                begins, ends = ends, begins
            entries[of["sku"], minimum, begins] = shop.line(
                of, minimum=minimum, validFrom=begins, validTo=ends, amount=f"{dice.uniform(0, 50):.6f}"
            )
        await price_list(shop, code, *entries.values(), currency=currency, taxIncluded=included)
    await shop.do("priceListUpsert", {"code": "OLD", "active": False})
    partners = [
        await partner(shop, f"{of_list}-{of_group}", of_list, of_group)
        for of_list, of_group in combined((None, "NET", "GROSS", "EUROS", "OLD"), (None, "EU", "ALL"))
    ]
    return products, partners, day


async def test_a_product_costs_what_an_order_of_it_costs(desk: Desk) -> None:
    """Drawn products, partners, units of sale, quantities, days and currencies: the field, the preview and the order agree to the last
    digit, at the first and last moment of a day in Auckland, too, on the day that its clocks are put back. The field is of the
    product's own unit; a sack costs as much as what is in it, and is refused where that has no end.
    """
    shop, dice = await desk.open(currency="NZD", timezone="Pacific/Auckland"), random.Random(67)
    products, partners, middle = await world(shop)
    zone, without, priced, endless = ZoneInfo("Pacific/Auckland"), 0, Counter[str | None](), Counter[str | None]()
    for number in range(300):
        product, whom = dice.choice(products), dice.choice(partners)
        unit = dice.choice([*SOLD_IN])
        one, quantities = SOLD_IN[unit]
        quantity = dice.choice(quantities)
        own = one * Fraction(quantity)
        day = middle + timedelta(days=dice.choice([-2, -1, 0, 1, 2]))
        first = datetime(day.year, day.month, day.day, tzinfo=zone)
        moment = dice.choice([first, first.replace(hour=23, minute=59, second=59, microsecond=999999)])
        currency = dice.choice(["NZD", "NZD", "NZD", "EUR", "USD"])
        asked: dict[str, Any] = {
            "quantity": decimal_text(Decimal(own.numerator) / own.denominator),
            "currency": currency,
        }
        found = await price(shop, product, whom, on=str(day), **asked)
        line = shop.line(product, quantity=quantity) | ({"unit": unit} if unit else {})
        given = {"customer": whom, "lineItems": [line], "currency": currency, "placedAt": moment.isoformat()}
        preview = (
            f"query ($input: OrderPreviewInput!) {{ orderPreview(input: $input) {{ {LINE} problems {{ path }} }} }}"
        )
        seen = (await shop.ask(preview, {"input": given})).data["orderPreview"]
        [shown] = seen["lines"]
        case = (product, whom, quantity, unit, str(moment), currency)
        of_unit = found and Fraction(found["amount"]["amount"]) * one
        if found is None or 10**6 % of_unit.denominator:
            without += found is None
            endless[unit] += found is not None
            assert shown is None, case
            assert ["input", "lineItems", "0", "unitPrice"] in [each["path"] for each in seen["problems"]], case
            assert await shop.refused("orderCreate", given) == [("INVALID_INPUT", "lineItems.0.unitPrice")], case
            continue
        priced[unit] += 1
        by = found["price"]
        amount = shown["unitPrice"]["amount"]
        assert Fraction(amount) == of_unit, case
        assert shown == {
            "unitPrice": found["amount"] | {"amount": amount if unit else found["amount"]["amount"]},
            "tax": found["tax"],
            "priceList": by and by["priceList"],
        }, case
        assert by is None or Decimal(by["amount"]["amount"]) == Decimal(found["amount"]["amount"]), case
        if number % 3 == 0:
            order = await shop.do("orderCreate", given)
            assert [each["unitPrice"]["amount"] for each in lines(order)] == [amount], case
            query = (
                "query ($id: ID!) { order(by: {id: $id}) { pricesIncludeTax lineItems { nodes { tax { code } } } } }"
            )
            stored = (await shop.ask(query, {"id": order["id"]})).data["order"]
            assert stored["pricesIncludeTax"] == found["taxIncluded"], case
            assert stored["lineItems"]["nodes"] == [{"tax": found["tax"]}], case
    assert min(priced[unit] for unit in SOLD_IN) > 10
    assert (endless[None], endless["third"] > 5) == (0, True)
    assert without > 20


LINE = "lines { unitPrice { amount currency } tax { code } priceList { code } }"


async def test_today_is_where_the_tenant_is(desk: Desk) -> None:
    """A list that ends with its tenant's day, on the other sides of the earth."""
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        shop = await desk.open(timezone=zone)
        product, me = await shop.product(), await partner(shop, "ME")
        today = datetime.now(ZoneInfo(zone)).date()
        prices = [
            shop.line(product, amount="1", validTo=str(today - timedelta(days=1))),
            shop.line(product, amount="2", validFrom=str(today), validTo=str(today)),
            shop.line(product, amount="3", validFrom=str(today + timedelta(days=1))),
        ]
        await price_list(shop, "DAYS", *prices)
        await partner(shop, "ME", "DAYS")
        found = await price(shop, product, me)
        if datetime.now(ZoneInfo(zone)).date() == today:  # it was not midnight there a moment ago
            assert found["amount"]["amount"] == "2.00"


# ---------------------------------------------------------------- what it refuses, who may see it, what it takes

REFUSED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"quantity": "0"}, ("quantity",)),
    ({"quantity": "-0"}, ("quantity",)),
    ({"quantity": "-1"}, ("quantity",)),
    ({"quantity": "0.0000001"}, ("quantity",)),
    ({"quantity": "100000000000000"}, ("quantity",)),
    ({"for": {"code": "nobody"}}, ("for",)),
    ({"for": {"id": ids.encode("par", new_id())}}, ("for",)),
    ({"for": {"id": "prod_1"}}, ("for", "id")),
    ({"for": {"code": "x" * 5001}}, ("for", "code")),
    ({"for": {"code": "S1"}}, ("for",)),
    ({"for": {"code": "GONE"}}, ("for",)),
]


@EXECUTORS
async def test_what_no_order_could_be_of_is_refused(desk: Desk, *, breadth_first: bool) -> None:
    shop = await desk.open()
    product = await shop.product()
    await shop.do("partnerUpsert", {"code": "S1", "name": "Supplier", "kinds": ["SUPPLIER"]})
    gone = await shop.do("partnerUpsert", {"code": "GONE", "name": "Gone"})
    await shop.do("archive", {"id": gone["id"]})
    for given, path in REFUSED:
        variables = {"sku": product["sku"], "quantity": "1"} | given
        answer = await shop.ask(PRICE, variables, breadth_first=breadth_first)
        assert answer.data == {"product": {"price": None}}, given
        [error] = answer.errors
        assert (error.path, error.original_error.path) == (["product", "price"], path), given  # type: ignore[union-attr]  # a BadInput
    assert error.message == "Gone is archived."


@EXECUTORS
async def test_a_partners_key_sees_its_own_price_and_nobody_elses(desk: Desk, *, breadth_first: bool) -> None:
    shop = await desk.open()
    ask, product = Asker(shop.database), await shop.product()
    await price_list(shop, "MINE", shop.line(product, amount="8"))
    await price_list(shop, "THEIRS", shop.line(product, amount="5"))
    await partner(shop, "ME", "MINE")
    await partner(shop, "THEY", "THEIRS")
    partners = (await shop.ask("{ partners { nodes { id code } } }")).data["partners"]["nodes"]
    of = {each["code"]: each["id"] for each in partners}
    may: Any = {"partner": identity({"id": of["ME"]}), "breadth_first": breadth_first}
    query = """query ($for: PartnerRef) { products { nodes { price(for: $for) { amount { amount } } } } }"""
    for given in (None, {"code": "ME"}, {"id": of["ME"]}):
        found = (await ask(query, shop.tenant, {"for": given}, permissions=ROLES["partner"], **may)).good
        assert found == {"products": {"nodes": [{"price": {"amount": {"amount": "8.00"}}}]}}
    # Another one is as one that isn't there, also for a key that may do all: its rows are closed.
    for permissions in (ROLES["partner"], EVERYTHING):
        for given in ({"code": "THEY"}, {"id": of["THEY"]}, {"code": "NOBODY"}):
            answer = await ask(query, shop.tenant, {"for": given}, permissions=permissions, **may)
            assert answer.data == {"products": {"nodes": [{"price": None}]}}
            assert [each.message.partition(" the ")[0] for each in answer.errors] == ["There is no partner with"]
    for field in ("tax { code }", "price { id }"):
        denied = await ask(
            f"{{ products {{ nodes {{ price {{ {field} }} }} }} }}", shop.tenant, permissions=ROLES["partner"], **may
        )
        assert denied.data == {"products": {"nodes": [{"price": {field.partition(" ")[0]: None}}]}}
        assert denied.errors[0].message == "Your key doesn't allow this: it needs pricing:read."


@EXECUTORS
async def test_it_needs_pricing_read(shop: Clerk, *, breadth_first: bool) -> None:
    product = await shop.product()
    query = f'{{ product(by: {{sku: "{product["sku"]}"}}) {{ price {{ amount {{ amount }} }} }} }}'
    denied = await Asker(shop.database)(
        query, shop.tenant, permissions=EVERYTHING - {"pricing:read"}, breadth_first=breadth_first
    )
    assert denied.data == {"product": {"price": None}}
    assert denied.errors[0].message == "Your key doesn't allow this: it needs pricing:read."


async def test_another_tenants_partner_is_nobody(shop: Clerk, rival: Clerk) -> None:
    theirs = await rival.do("partnerUpsert", {"code": "THEIRS", "name": "Theirs"})
    answer = await shop.ask(PRICE, {"sku": (await shop.product())["sku"], "quantity": "1", "for": {"id": theirs["id"]}})
    assert [each.message for each in answer.errors] == [f'There is no partner with the id "{theirs["id"]}".']


async def test_it_takes_as_many_statements_for_a_page_of_any_size(desk: Desk) -> None:
    shop = await desk.open()
    products = []
    for number in range(12):
        await taxed(shop, f"T{number}", "19")
        await shop.do("productCategoryUpsert", {"code": f"C{number}", "name": "C", "tax": {"code": f"T{number}"}})
        products.append(await shop.product(category={"code": f"C{number}"}))
    await exempt(shop, "INTRA", "K")
    await group(shop, "EU", ("T0", "INTRA"))
    prices = [shop.line(each, amount="8", minimum=minimum) for each in products[::2] for minimum in ("1", "2", "3")]
    await price_list(shop, "GROSS", *prices, taxIncluded=True)
    me = await partner(shop, "ME", "GROSS", "EU")
    query = f"query ($first: Int, $for: PartnerRef) {{ products(first: $first) {{ nodes {{ price(for: $for) {SHOWN} }} }} }}"
    for first in (2, 12):
        found = (await shop.ask(query, {"first": first, "for": me})).data["products"]["nodes"]
        told = [(each["price"]["amount"]["amount"], each["price"]["tax"]["code"]) for each in found]
        alike = [("8.00" if n % 2 == 0 else "11.90", f"T{n}") for n in range(12)]
        assert told == [("8.00", "INTRA"), *alike[1:]][:first]
        # The products, the customer, its list, the list's entries, the categories' taxes, the group's substitutions, the rates of
        # those without an entry; and what is shown: taxes, prices and their list.
        assert shop.read == 10
    plain = "query ($first: Int) { products(first: $first) { nodes { price { amount { amount } } } } }"
    for first in (2, 12):
        await shop.ask(plain, {"first": first})
        assert shop.read == 2  # the products and the tenant's currency
