"""Where users of other systems got hurt with what is bought, priced and taxed: each fault by its number in the design of the back office.

The others of this half have their tests where their subject is: 2 and 5 in ``test_receipts.py``, 4 in ``test_units.py``, 6 in
``test_supplier_returns.py``, 1, 3, 10 and 36 in ``tests/services/stock`` (1, 10 and 18 as far as purchase orders go). Those about
invoices, payments, the ledger and values wait for these; 35 is about lots.
"""

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from core.money import digits
from tests.schema.writing.test_price_lists import price_list
from tests.schema.writing.test_taxes import taxed
from tests.schema.writing.test_taxes_of_orders import bill
from tests.schema.writing.test_taxes_of_purchases import bill as bought
from tests.support.buyer import Buyer, buying, came, stock, went
from tests.support.clerk import Clerk
from tests.support.desk import Desk

EIGHT = ("140.80", "16.16", "167.64", "88.74", "36.75", "56.50", "83.34", "190.31", "64.21", "64.46")
"""The lines of the eighth example of EN 16931."""


@pytest.fixture
async def buyer(desk: Desk) -> AsyncIterator[Buyer]:
    async with buying(desk) as found:
        yield found


@pytest.fixture
def shop(buyer: Buyer) -> Clerk:
    return buyer.clerk


@pytest.mark.parametrize("quantity", ["-1", "0", "-0.000001"])
async def test_fault_8_no_quantity_is_below_zero(buyer: Buyer, shop: Clerk, quantity: str) -> None:
    """BCApps pull request 10524: negative quantities slipped into a match. The direction is the command's."""
    product, shelf = await shop.product({"SHELF": "5"}), shop.places["SHELF"]
    made = await buyer.order((product, "10"), confirm=True)
    await shop.do("purchaseOrderReceive", came(made, "4"))
    there = await stock(shop, product)
    wrong = [("INVALID_INPUT", "lines.0.quantity")]
    assert await shop.refused("purchaseOrderReceive", came(made, quantity)) == wrong
    assert await shop.refused("purchaseOrderReturn", went(made, quantity, shelf)) == wrong
    assert await shop.refused("purchaseOrderCancel", came(made, quantity)) == wrong
    assert await shop.refused("purchaseOrderCreate", buyer.given((product, quantity))) == wrong
    # Nor does one entry make room for another.
    both = came(made, "7")
    both["lines"].append(both["lines"][0] | {"quantity": quantity})
    assert ("INVALID_INPUT", "lines.1.quantity") in await shop.refused("purchaseOrderReceive", both)
    assert await stock(shop, product) == there


async def test_fault_18_progress_follows_from_what_came_and_went(buyer: Buyer, shop: Clerk) -> None:
    """Erpnext pull request 56450: what was stored as "100 %" stayed so. Here progress and actions follow from what came and went."""
    product = await shop.product()
    made = await buyer.order((product, "10"), confirm=True)
    line = "lines { nodes { receivedQuantity returnedQuantity cancelledQuantity } }"
    query = f"query ($id: ID!) {{ purchaseOrder(by: {{id: $id}}) {{ status receiptStatus availableActions {line} }} }}"
    steps: list[tuple[str, Any, tuple[str, str, bool]]] = [
        ("Receive", came(made, "4"), ("CONFIRMED", "PARTIAL", True)),
        ("Return", went(made, "4", shop.places["SHELF"]), ("CONFIRMED", "PARTIAL", False)),
        ("Receive", came(made, "6"), ("CLOSED", "FULL", True)),
        ("Return", went(made, "6", shop.places["SHELF"]), ("CLOSED", "FULL", False)),
    ]
    for verb, given, wanted in steps:
        await shop.do(f"purchaseOrder{verb}", given)
        found = (await shop.ask(query, {"id": made["id"]})).data["purchaseOrder"]
        assert (found["status"], found["receiptStatus"], "RETURN" in found["availableActions"]) == wanted
    assert found["lines"]["nodes"] == [{"receivedQuantity": "10", "returnedQuantity": "10", "cancelledQuantity": "0"}]


async def test_fault_19_tax_is_rounded_once_for_a_rate_and_not_by_line(buyer: Buyer, shop: Clerk) -> None:
    """eInvoicing-EN16931 143, mustangproject 480, Dolibarr pull request 504. By line it would be a cent more or less."""
    await taxed(shop, "T21", "21")
    await taxed(shop, "T20", "20")
    product = await shop.product(tax={"code": "T21"})
    for prices, given, sums in (
        (EIGHT, {}, ("908.91", "190.87", "1099.78")),
        (("10.01",) * 3, {"tax": {"code": "T20"}}, ("30.03", "6.01", "36.04")),
    ):
        lines = [shop.line(product, quantity="1", unitPrice=price, **given) for price in prices]
        assert (await bill(shop, await shop.do("orderCreate", shop.ordering(lines))))["sums"] == sums
        assert (await bought(shop, await buyer.order(lines=lines)))["sums"] == sums


async def test_fault_20_totals_are_sums_of_rounded_lines(buyer: Buyer, shop: Clerk) -> None:
    """Einvoicing 31: a quarter of 26,935.78."""
    await taxed(shop, "T19", "19")
    product = await shop.product(unit="kg", tax={"code": "T19"})
    line = shop.line(product, quantity="0.25", unitPrice="26935.78")
    sums = ("6733.95", "1279.45", "8013.40")
    assert (await bill(shop, await shop.do("orderCreate", shop.ordering([line]))))["sums"] == sums
    assert (await bought(shop, await buyer.order(lines=[line])))["sums"] == sums


async def test_fault_21_a_price_that_includes_tax_stays_what_the_shelf_said(shop: Clerk) -> None:
    """Odoo 9417, erpnext 52236: 4,000 became 3,999.99."""
    await taxed(shop, "T19", "19")
    product = await shop.product(tax={"code": "T19"})
    line = shop.line(product, quantity="1", unitPrice="4000")
    order = await shop.do("orderCreate", shop.ordering([line], pricesIncludeTax=True))
    assert (await bill(shop, order))["sums"] == ("3361.34", "638.66", "4000.00")
    # By a list, and for several of one product.
    await price_list(shop, "SHELF", taxIncluded=True)
    price = {"product": {"sku": product["sku"]}, "amount": "4000"}
    await shop.do("pricesSet", {"priceList": {"code": "SHELF"}, "lines": [price]})
    cart = [shop.line(product, quantity="3")]
    listed = await shop.do("orderCreate", shop.ordering(cart, priceList={"code": "SHELF"}))
    assert (await bill(shop, listed))["sums"][2] == "12000.00"


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
async def test_fault_22_every_amount_has_the_minor_digits(buyer: Buyer, shop: Clerk, currency: str) -> None:
    """Medusa 14818, vendure 2662: never rounded, or by the unit."""
    await taxed(shop, "ODD", "8.875")
    dice = Random(currency)
    product = await shop.product(unit="kg", tax={"code": "ODD"})
    cart = [
        shop.line(product, quantity=f"{dice.uniform(0.001, 9):.3f}", unitPrice=f"{dice.uniform(0.01, 99):.6f}")
        for _ in range(25)
    ]
    found = [
        await bill(
            shop, await shop.do("orderCreate", shop.ordering(cart, currency=currency, pricesIncludeTax=included))
        )
        for included in (False, True)
    ]
    found.append(await bought(shop, await buyer.order(lines=cart, currency=currency)))
    for each in found:
        amounts = [*each["sums"], *(amount for _, amount in each["lines"]), *each["taxes"][0][2:]]
        assert {len(amount.partition(".")[2]) for amount in amounts} == {digits(currency)}
        net, tax, total = map(Decimal, each["sums"])
        assert net + tax == total
        assert net == sum(Decimal(amount) for _, amount in each["lines"])


async def test_a_price_that_has_ended_is_not_zero_and_one_that_begins_is_not_early(desk: Desk) -> None:
    """Odoo 38560 and 18303, erpnext 29806: the day before, the first, the last, the day after, where the tenant is."""
    shop = await desk.open()
    product = await shop.product()
    await price_list(shop, "SPAN")
    price = {"product": {"sku": product["sku"]}, "amount": "7", "validFrom": "2026-03-28", "validTo": "2026-03-29"}
    await shop.do("pricesSet", {"priceList": {"code": "SPAN"}, "lines": [price]})
    costs = {}
    # In Berlin it is an hour later than in Greenwich, and from the last Sunday of March on two.
    for at in ("03-27T22:59:59", "03-27T23:00:00", "03-29T21:59:59", "03-29T22:00:00"):
        given = {"priceList": {"code": "SPAN"}, "placedAt": f"2026-{at}Z"}
        made = await shop.do("orderCreate", shop.ordering([shop.line(product, quantity="1")], **given))
        costs[at] = made["subtotal"]["amount"]
    assert [*costs.values()] == ["10.00", "7.00", "7.00", "10.00"]
    assert all(before < after for before, after in pairwise(costs))


async def test_units_of_a_third_are_exact_or_refused(buyer: Buyer, shop: Clerk) -> None:
    """Erpnext 40218, OCA/stock-logistics-warehouse 832: 200 pieces became 200.04."""
    dozen: list[Any] = [{"code": "dozen", "base": "12"}]
    product = await shop.product(units=dozen)
    line = {"product": {"id": product["id"]}, "unit": "dozen", "unitPrice": "1"}
    given = buyer.given(lines=[line | {"quantity": "16.666666"}])
    exact = await shop.do("purchaseOrderCreate", given)
    assert exact["lines"]["nodes"][0]["baseQuantity"] == "199.999992"
    third = await shop.product(units=[{"code": "third", "quantity": "3", "base": "1"}])
    line |= {"product": {"id": third["id"]}, "unit": "third"}
    assert await shop.refused("purchaseOrderCreate", buyer.given(lines=[line | {"quantity": "200"}])) == [
        ("INVALID_INPUT", "lines.0.quantity")
    ]
    made = await shop.do("purchaseOrderCreate", buyer.given(lines=[line | {"quantity": "600"}]))
    assert made["lines"]["nodes"][0]["baseQuantity"] == "200"
