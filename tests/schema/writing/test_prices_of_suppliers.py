"""What suppliers sell at: their price lists, in purchase orders and in proposals."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.schema.writing.test_price_lists import price_list
from tests.support.buyer import Buyer, buying, lines
from tests.support.clerk import Clerk
from tests.support.desk import Desk

CARTON: Any = {"units": [{"code": "carton", "quantity": "1", "base": "12"}]}
LISTS = "query { partner(by: { code: %s }) { priceList { code } purchasePriceList { code } } }"


@pytest.fixture
async def buyer(desk: Desk) -> AsyncIterator[Buyer]:
    async with buying(desk) as found:
        yield found


@pytest.fixture
def shop(buyer: Buyer) -> Clerk:
    return buyer.clerk


async def sells_by(buyer: Buyer, code: str, *prices: dict[str, Any], supplier: str = "S1", **given: Any) -> None:
    """The supplier sells by a list with these prices."""
    await price_list(buyer.clerk, code, *prices, **given)
    await buyer.clerk.do("partnerUpsert", {"code": supplier, "purchasePriceList": {"code": code}})


async def prices(buyer: Buyer, *ordered: dict[str, Any], **given: Any) -> list[str]:
    """What the lines of an order cost where nobody says: one of the line's unit."""
    made = await buyer.clerk.do("purchaseOrderCreate", buyer.given(lines=list(ordered), **given))
    return [line["unitPrice"]["amount"] for line in lines(made)]


def line(product: Any, quantity: str, **given: Any) -> dict[str, Any]:
    return {"product": {"id": product["id"]}, "quantity": quantity, **given}


async def test_a_supplier_gets_a_list_and_loses_it(buyer: Buyer, shop: Clerk) -> None:
    for code, gross in (("BUYS", False), ("SELLS", False), ("GROSS", True)):
        await price_list(shop, code, taxIncluded=gross)

    async def lists() -> list[str | None]:
        found = (await shop.ask(LISTS % '"S1"')).data["partner"]
        return [found[name] and found[name]["code"] for name in ("priceList", "purchasePriceList")]

    named = {"code": "S1", "priceList": {"code": "BUYS"}, "purchasePriceList": {"code": "SELLS"}}
    partner = await shop.do("partnerUpsert", named)
    assert await lists() == ["BUYS", "SELLS"]
    for wrong, code in (("GROSS", "INVALID_INPUT"), ("NONE", "NOT_FOUND")):
        given = {"code": "S1", "purchasePriceList": {"code": wrong}}
        assert await shop.refused("partnerUpsert", given) == [(code, "purchasePriceList")]
    assert await lists() == ["BUYS", "SELLS"]
    await shop.do("partnerUpsert", {"code": "S1", "purchasePriceList": None})
    assert await lists() == ["BUYS", None]
    changes = [(each["before"], each["after"]) for each in await shop.events(partner)][1:]
    [sells] = {after["purchasePriceList"] for _, after in changes if after and after.get("purchasePriceList")}
    assert sells.startswith("prl_")
    assert changes[-1] == ({"purchasePriceList": sells}, {"purchasePriceList": None})


async def test_a_line_costs_what_the_list_says_for_all_lines_of_its_product(buyer: Buyer, shop: Clerk) -> None:
    product, other = await shop.product(**CARTON), await shop.product()
    await buyer.supplies(product, price={"amount": "7", "currency": "EUR"})
    await buyer.supplies(other, price={"amount": "3", "currency": "EUR"})
    each = (shop.line(product, amount="2"), shop.line(product, amount="1.5", minimum="24"))
    await sells_by(buyer, "S", *each, shop.line(other, amount="1", minimum="100"))
    assert await prices(buyer, line(product, "23")) == ["2.00"]
    assert await prices(buyer, line(product, "12"), line(product, "1", unit="carton")) == ["1.50", "18.00"]
    assert await prices(buyer, line(product, "1", unit="carton", unitPrice="20")) == ["20.00"]
    assert await prices(buyer, line(other, "5")) == ["3.00"]  # the list has none for so few: the terms
    assert await prices(buyer, line(product, "0.5")) == ["7.00"]
    made = await buyer.order((product, "1"))
    changed = await buyer.act("Update", made, lines=[line(product, "3", unit="carton"), line(other, "100")])
    assert [each["unitPrice"]["amount"] for each in lines(changed)] == ["18.00", "1.00"]


async def test_a_list_holds_for_its_days_and_its_currency(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    spring = {"validFrom": "2026-03-01", "validTo": "2026-05-31"}
    await sells_by(buyer, "SPAN", shop.line(product, amount="4", **spring))
    # The company is in Berlin: the last of these is on the first of June there.
    for at, found in (("03-01T00:00:00", ["4.00"]), ("05-31T21:59:59", ["4.00"])):
        assert await prices(buyer, line(product, "1"), orderedAt=f"2026-{at}Z") == found
    for given in ({"orderedAt": "2026-05-31T22:00:00Z"}, {"orderedAt": "2026-04-01T00:00:00Z", "currency": "USD"}):
        wanted = buyer.given(lines=[line(product, "1")]) | given
        assert await shop.refused("purchaseOrderCreate", wanted) == [("INVALID_INPUT", "lines.0.unitPrice")]
    await shop.do("priceListUpsert", {"code": "SPAN", "active": False})
    unused = buyer.given(lines=[line(product, "1")], orderedAt="2026-04-01T00:00:00Z")
    assert await shop.refused("purchaseOrderCreate", unused) == [("INVALID_INPUT", "lines.0.unitPrice")]


async def test_what_does_not_come_out_for_a_unit_is_asked_for(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product(units=[{"code": "third", "quantity": "3", "base": "1"}])
    await sells_by(buyer, "THIRD", shop.line(product, amount="0.5"))
    for unit_price, found in (({}, [("INVALID_INPUT", "lines.0.unitPrice")]), ({"unitPrice": "0.17"}, None)):
        given = buyer.given(lines=[line(product, "3", unit="third", **unit_price)])
        if found:
            assert await shop.refused("purchaseOrderCreate", given) == found
        else:
            await shop.do("purchaseOrderCreate", given)


@pytest.mark.parametrize(
    "target,terms",
    [
        ("20", {}),
        ("23", {"minimum": "24"}),
        ("23", {"multiple": "12"}),
        ("24", {}),
        ("23.5", {"multiple": "0.25"}),
        ("23", {"unit": "carton"}),
        ("25", {"unit": "carton"}),
        ("9", {"unit": "carton", "minimum": "1.5", "multiple": "0.5"}),
        ("30", {"unit": "third", "multiple": "3"}),
    ],
)
async def test_a_proposal_costs_what_a_line_of_so_many_does(
    buyer: Buyer, shop: Clerk, target: str, terms: dict[str, Any]
) -> None:
    third = {"code": "third", "quantity": "3", "base": "1"}
    product = await shop.product(units=[*CARTON["units"], third])
    await buyer.supplies(product, **terms)
    breaks = ((minimum, amount) for minimum, amount in (("1", "3"), ("18", "2.7"), ("24", "2.1"), ("36", "1.8")))
    await sells_by(buyer, "BREAKS", *(shop.line(product, amount=amount, minimum=least) for least, amount in breaks))
    await buyer.rule(product, "5", target)
    [found] = await buyer.proposals()
    assert found["problem"] is None
    by_hand = line(product, found["quantity"], unit=found["unit"])
    assert await prices(buyer, by_hand, place="DOCK") == [found["unitPrice"]["amount"]]
    [draft] = await shop.do("replenish", {})
    [made] = lines(draft)
    assert (made["quantity"], made["unit"], made["unitPrice"]) == (
        found["quantity"],
        found["unit"],
        {"amount": found["unitPrice"]["amount"]},
    )
    assert await buyer.proposals() == []


async def test_the_cheapest_is_found_by_the_products_own_unit(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product(**CARTON)
    await buyer.supplier("S2")
    await buyer.supplies(product, "S1", price={"amount": "2", "currency": "EUR"})
    await buyer.supplies(product, "S2", unit="carton", price={"amount": "22", "currency": "EUR"})
    await buyer.rule(product, "5", "12")
    assert [each["supplier"]["code"] for each in await buyer.proposals()] == ["S2"]
    await sells_by(buyer, "CHEAP", shop.line(product, amount="1.8", minimum="12"))
    [found] = await buyer.proposals()
    assert (found["supplier"]["code"], found["unitPrice"]["amount"]) == ("S1", "1.80")


async def test_a_rules_own_supplier_needs_no_more_than_a_list(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product()
    await buyer.rule(product, "5", "12", supplier={"code": "S1"})
    [found] = await buyer.proposals()
    assert (found["supplier"]["code"], found["unitPrice"], found["problem"]) == ("S1", None, "NO_PRICE")
    await sells_by(buyer, "OWN", shop.line(product, amount="1.25"), currency="USD")
    [found] = await buyer.proposals()
    assert (found["unitPrice"], found["expectedOn"], found["problem"]) == (
        {"amount": "1.25", "currency": "USD"},
        None,
        None,
    )
    [draft] = await shop.do("replenish", {})
    assert (draft["total"]["amount"], draft["currency"]) == ("15.00", "USD")
    assert [each["expectedOn"] for each in lines(draft)] == [None]
