"""What an order would cost, and whether its goods are there: the same as ``orderCreate`` says, and nothing is changed."""

import random
from typing import Any

import pytest

from core import ids
from core.ids import new_id
from core.permissions import EVERYTHING, ROLES
from tests.schema.writing.test_holds import held, over
from tests.support.clerk import ERRORS, Clerk, identity, lines
from tests.support.desk import Desk
from tests.support.graph import Asker

MONEY = "{ amount currency }"
LINE = f"""lines {{ quantity available inStock unitPrice {MONEY} net {MONEY} product {{ sku name }} }}"""
PREVIEW = f"""query ($input: OrderPreviewInput!) {{ orderPreview(input: $input) {{ currency
    subtotal {MONEY} taxTotal {MONEY} total {MONEY} {LINE} {ERRORS.replace("userErrors", "problems")} }} }}"""

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])


async def previewed(shop: Clerk, *placed: Any, breadth_first: bool = True, **given: Any) -> Any:
    before = await shop.digest()
    answer = await shop.ask(PREVIEW, {"input": {"lineItems": list(placed), **given}}, breadth_first=breadth_first)
    assert not answer.errors, answer.errors
    assert await shop.digest() == before
    return answer.data["orderPreview"]


def seen(found: Any) -> list[Any]:
    """Of each line its price, amount, what is there, and whether that is enough."""
    return [
        line and (line["unitPrice"]["amount"], line["net"]["amount"], line["available"], line["inStock"])
        for line in found["lines"]
    ]


def paths(found: Any) -> list[tuple[str, str]]:
    return [(each["code"], ".".join(each["path"])) for each in found["problems"]]


@EXECUTORS
async def test_a_cart_has_its_prices_and_whether_its_goods_are_there(shop: Clerk, *, breadth_first: bool) -> None:
    there, scarce = await shop.product({"SHELF": "3", "DOCK": "4"}), await shop.product({"SHELF": "2"}, name="Scarce")
    cart = [
        shop.line(there, quantity="2.5"),
        shop.line(scarce, quantity="1.500", unitPrice="0.335"),
        shop.line(there, quantity="4.5", description="the rest"),
        shop.line(scarce, quantity="1"),
    ]
    found = await previewed(shop, *cart, breadth_first=breadth_first)
    assert seen(found) == [
        ("10.00", "25.00", "7", True),
        ("0.335", "0.50", "2", True),
        ("10.00", "45.00", "7", True),
        ("10.00", "10.00", "2", False),
    ]
    assert [line["quantity"] for line in found["lines"]] == ["2.5", "1.5", "4.5", "1"]
    assert [line["product"]["name"] for line in found["lines"]] == ["Thing", "Scarce", "Thing", "Scarce"]
    assert found["currency"] == "EUR"
    assert [found[name] for name in ("subtotal", "taxTotal", "total")] == [
        {"amount": amount, "currency": "EUR"} for amount in ("80.50", "0.00", "80.50")
    ]
    assert paths(found) == [("INSUFFICIENT_STOCK", "input.lineItems.3.quantity")]
    assert (found["problems"][0]["requested"], found["problems"][0]["available"]) == ("2.5", "2")
    assert found["problems"][0]["product"] == {"sku": scarce["sku"]}


async def test_only_stock_of_the_warehouse_counts(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3", "DOCK": "4", "HOLD": "50"})
    line = shop.line(product, quantity="5")
    assert seen(await previewed(shop, line))[0][2:] == ("7", True)
    south = await previewed(shop, line, warehouse=shop.warehouses["SOUTH"])
    assert seen(south)[0][2:] == ("4", False)
    assert (south["problems"][0]["requested"], south["problems"][0]["available"]) == ("5", "4")


async def test_what_is_reserved_is_not_there_and_what_a_hold_kept_too_long_is(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    await shop.order((product, "2"), confirm=True)
    basket = await held(shop, "a basket with a preview", (product, "3"))
    line = shop.line(product, quantity="4")
    assert seen(await previewed(shop, line))[0][2:] == ("4", True)
    await over(shop, basket)
    assert seen(await previewed(shop, line))[0][2:] == ("7", True)


async def test_lines_that_cannot_be_sold_are_null_and_the_others_are_added_up(shop: Clerk) -> None:
    good, gone = await shop.product({"SHELF": "5"}), await shop.product({"SHELF": "5"}, active=False)
    cart = [
        {"product": {"sku": "nope"}, "quantity": "1"},
        shop.line(good, quantity="1"),
        shop.line(gone, quantity="1"),
        shop.line(await shop.product(listPrice=None), quantity="1"),
        shop.line(good, quantity="0"),
        {"product": {"id": "42"}, "quantity": "1"},
        shop.line(good, quantity="99999999999999", unitPrice="99999999999999"),
    ]
    found = await previewed(shop, *cart)
    assert seen(found) == [None, ("10.00", "10.00", "5", True), *[None] * 5]
    assert found["total"]["amount"] == "10.00"
    assert sorted(paths(found)) == [
        ("INSUFFICIENT_STOCK", "input.lineItems.6.quantity"),
        ("INVALID_INPUT", "input.lineItems"),
        ("INVALID_INPUT", "input.lineItems.2.product"),
        ("INVALID_INPUT", "input.lineItems.3.unitPrice"),
        ("INVALID_INPUT", "input.lineItems.4.quantity"),
        ("INVALID_INPUT", "input.lineItems.5.product.id"),
        ("INVALID_INPUT", "input.lineItems.6.quantity"),
        ("NOT_FOUND", "input.lineItems.0.product"),
    ]


@pytest.mark.parametrize("count", [0, 501])
async def test_a_cart_has_1_to_500_lines(shop: Clerk, count: int) -> None:
    product = await shop.product({"SHELF": "5"})
    found = await previewed(shop, *[shop.line(product, quantity="1")] * count)
    assert (found["lines"], found["total"]["amount"]) == ([], "0.00")
    assert paths(found) == [("INVALID_INPUT", "input.lineItems")]


async def test_a_preview_says_what_the_order_says(desk: Desk) -> None:
    """Whatever is wrong with an order, or nothing: the same problems, and the same amounts."""
    shop, dice = await desk.open(), random.Random(20261127)
    await shop.do("partnerUpsert", {"code": "S1", "name": "Supplier", "kinds": ["SUPPLIER"]})
    products = [
        await shop.product({"SHELF": "6", "DOCK": "5"}, barcode="777"),
        await shop.product({"DOCK": "20"}, listPrice={"amount": "0.333333", "currency": "EUR"}, barcode="777"),
        await shop.product(listPrice={"amount": "7", "currency": "USD"}),
        await shop.product({"SHELF": "9"}, active=False),
    ]
    refs = [{"sku": each["sku"]} for each in products] + [{"id": each["id"]} for each in products]
    refs = 4 * refs[:2] + 2 * refs + [{"sku": "nope"}, {"id": "42"}, {"barcode": "777"}]
    customers = 9 * [{"code": "C1"}] + [{"code": "S1"}, {"code": "nobody"}, {"id": ids.encode("par", new_id())}]
    made = 0
    for _ in range(60):
        cart = [
            {"product": dice.choice(refs), "quantity": dice.choice(["0.1", "1", "1", "2", "2.5", "0", "1000"])}
            | ({} if dice.random() < 0.5 else {"unitPrice": dice.choice(["1.005", "0", "12.345678", "3"])})
            for _ in range(dice.randint(1, 4))
        ]
        given: dict[str, Any] = {"customer": dice.choice(customers), "lineItems": cart}
        given |= {} if dice.random() < 0.8 else {"currency": dice.choice(["USD", "JPY"])}
        house = dice.choice([*shop.warehouses.values(), ids.encode("wh", new_id())])
        given |= {} if dice.random() < 0.7 else {"warehouse": house}
        found = await previewed(
            shop, *given["lineItems"], **{name: given[name] for name in given if name != "lineItems"}
        )
        payload = await shop.payload("orderCreate", given | {"confirm": True})
        assert found["problems"] == payload["userErrors"], given
        if order := payload["order"]:
            made += 1
            assert [found[name] for name in ("subtotal", "taxTotal", "total")] == [
                order[name] for name in ("subtotal", "taxTotal", "total")
            ]
            assert [(line["unitPrice"]["amount"], line["net"]["amount"]) for line in found["lines"]] == [
                (line["unitPrice"]["amount"], line["total"]["amount"]) for line in lines(order)
            ]
            assert all(line["inStock"] for line in found["lines"])
    assert 5 < made < 50
    assert await shop.differences() == []


async def test_a_preview_takes_as_many_statements_for_500_lines(shop: Clerk) -> None:
    products = [await shop.product({"SHELF": "500"}) for _ in range(3)]
    for count in (1, 500):
        cart = [shop.line(products[index % 3], quantity="1") for index in range(count)]
        found = await previewed(shop, *cart, customer={"code": shop.customer})
        assert all(line["inStock"] for line in found["lines"])
        # The customer with the tenant's currency, the products, what is there of them, and the products as they are shown.
        assert shop.read == 4


async def test_another_tenants_keys_are_nobodys(shop: Clerk, rival: Clerk) -> None:
    theirs = await rival.product({"SHELF": "5"})
    found = await previewed(
        shop, {"product": {"id": theirs["id"]}, "quantity": "1"}, warehouse=rival.warehouses["NORTH"]
    )
    assert paths(found) == [("NOT_FOUND", "input.warehouse"), ("NOT_FOUND", "input.lineItems.0.product")]


# ---------------------------------------------------------------- who may see what

AMOUNTS = f"""query ($input: OrderPreviewInput!) {{ orderPreview(input: $input) {{ total {MONEY}
    lines {{ net {MONEY} product {{ sku }} }} problems {{ code path message }} }} }}"""
STOCK = "query ($input: OrderPreviewInput!) { orderPreview(input: $input) { lines { quantity %s } problems { code } } }"


@EXECUTORS
async def test_a_partner_sees_its_own_prices_and_nothing_of_stock(shop: Clerk, *, breadth_first: bool) -> None:
    ask, product = Asker(shop.database), await shop.product({"SHELF": "1"})
    await shop.do("partnerUpsert", {"code": "C9", "name": "Another"})
    partners = (await shop.ask("{ partners { nodes { id code } } }")).data["partners"]["nodes"]
    mine = next(each for each in partners if each["code"] == shop.customer)
    me: Any = {"permissions": ROLES["partner"], "partner": identity(mine), "breadth_first": breadth_first}
    cart: dict[str, Any] = {"lineItems": [shop.line(product, quantity="3")]}
    for who in ({}, {"customer": {"code": shop.customer}}, {"customer": {"id": mine["id"]}}):
        found = (await ask(AMOUNTS, shop.tenant, {"input": cart | who}, **me)).good["orderPreview"]
        assert (found["total"]["amount"], found["problems"]) == ("30.00", [])
        assert found["lines"] == [{"net": {"amount": "30.00", "currency": "EUR"}, "product": {"sku": product["sku"]}}]
    other = (await ask(AMOUNTS, shop.tenant, {"input": cart | {"customer": {"code": "C9"}}}, **me)).good["orderPreview"]
    nobody = (await ask(AMOUNTS, shop.tenant, {"input": cart | {"customer": {"code": "C0"}}}, **me)).good
    assert other["problems"] == [
        {"code": "NOT_FOUND", "path": ["input", "customer"], "message": 'There is no partner with the code "C9".'}
    ]
    assert other["problems"][0] | {"message": ""} == nobody["orderPreview"]["problems"][0] | {"message": ""}
    for field in ("available", "inStock"):
        answer = await ask(STOCK % field, shop.tenant, {"input": cart}, **me)
        assert answer.data["orderPreview"] == {"lines": [None], "problems": []}
        assert [error.message for error in answer.errors] == ["Your key doesn't allow this: it needs stock:read."]
    house = await ask(AMOUNTS, shop.tenant, {"input": cart | {"warehouse": shop.warehouses["NORTH"]}}, **me)
    assert house.data is None
    assert [error.path for error in house.errors] == [["orderPreview"]]


@EXECUTORS
@pytest.mark.parametrize("missing", ["orders:read", "catalog:read"])
async def test_a_preview_needs_both_permissions(shop: Clerk, missing: str, *, breadth_first: bool) -> None:
    cart = {"lineItems": [{"product": {"sku": "nope"}, "quantity": "1"}]}
    may: Any = {"permissions": EVERYTHING - {missing}, "breadth_first": breadth_first}
    answer = await Asker(shop.database)(AMOUNTS, shop.tenant, {"input": cart}, **may)
    assert (answer.data, answer.ran) == (None, [])
    assert [error.message for error in answer.errors] == [f"Your key doesn't allow this: it needs {missing}."]
