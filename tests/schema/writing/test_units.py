"""Units that products are bought in: exact factors from the order to the shelf."""

from typing import Any

import pytest

from core.permissions import ROLES
from tests.support.buyer import Buyer, came, lines, stock, went
from tests.support.clerk import Clerk
from tests.support.desk import Desk
from tests.support.graph import Asker

CARTON = {"code": "carton", "base": "12", "barcode": "4000000000012"}
THIRDS = {"code": "third", "quantity": "3", "base": "1"}


async def units(shop: Clerk, product: Any) -> list[dict[str, Any]]:
    query = "query ($id: ID!) { product(by: {id: $id}) { units { code quantity base barcode } } }"
    found: list[dict[str, Any]] = (await shop.ask(query, {"id": product["id"]})).data["product"]["units"]
    assert shop.read == 1
    return found


async def test_units_of_a_product_are_replaced_together(shop: Clerk) -> None:
    made = await shop.product(units=[CARTON, THIRDS])
    kept: list[Any] = [CARTON | {"quantity": "1"}, {**THIRDS, "barcode": None}]
    assert await units(shop, made) == kept
    same = await shop.do("productUpsert", {"sku": made["sku"], "units": [CARTON, THIRDS | {"quantity": "3.000"}]})
    assert same["version"] == 1
    assert (await shop.do("productUpsert", {"sku": made["sku"], "name": "Kept"}))["version"] == 2
    assert await units(shop, made) == kept
    pallet = {"code": "pallet", "base": "0.5"}
    assert (await shop.do("productUpsert", {"sku": made["sku"], "units": [pallet]}))["version"] == 3
    assert await units(shop, made) == [pallet | {"quantity": "1", "barcode": None}]
    assert (await shop.do("productUpsert", {"sku": made["sku"], "units": []}))["version"] == 4
    assert await units(shop, made) == []
    changes = [(each["before"] or {}).get("units") for each in await shop.events(made)]
    assert changes == [None, None, kept, [pallet | {"quantity": "1", "barcode": None}]]
    assert (await shop.events(made))[0]["after"]["units"] == kept


@pytest.mark.parametrize(
    "given,wanted",
    [
        ([CARTON, CARTON], "units.1.code"),
        ([THIRDS, {"code": "pcs", "base": "2"}], "units.1.code"),
        ([CARTON | {"base": "0"}], "units.0.base"),
        ([CARTON | {"base": "-12"}], "units.0.base"),
        ([CARTON | {"base": "1.0000001"}], "units.0.base"),
        ([CARTON | {"base": "100000000000000"}], "units.0.base"),
        ([CARTON | {"quantity": "0"}], "units.0.quantity"),
        ([CARTON | {"code": " "}], "units.0.code"),
        ([CARTON | {"code": f"u{n}"} for n in range(21)], "units"),
    ],
)
async def test_units_that_cannot_be_change_nothing(shop: Clerk, given: list[Any], wanted: str) -> None:
    product = await shop.product()
    for sku in (product["sku"], "NEVER"):
        assert await shop.refused("productUpsert", {"sku": sku, "name": "x", "units": given}) == [
            ("INVALID_INPUT", wanted)
        ]


async def test_its_own_unit_is_none_of_the_others_and_stays_under_them(shop: Clerk) -> None:
    made = await shop.product(unit="kg", units=[{"code": "pcs", "base": "0.25"}])
    assert await shop.refused("productUpsert", {"sku": made["sku"], "unit": "g"}) == [("INVALID_INPUT", "unit")]
    clash = {"sku": made["sku"], "unit": "pcs", "units": [{"code": "pcs", "base": "0.25"}]}
    assert await shop.refused("productUpsert", clash) == [("INVALID_INPUT", "units.0.code")]
    other = await shop.do("productUpsert", {"sku": made["sku"], "unit": "g", "units": [{"code": "pcs", "base": "250"}]})
    assert (other["unit"], other["version"]) == ("g", 2)


async def test_what_is_ordered_in_cartons_is_in_stock_in_pieces(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product(units=[CARTON])
    line = {"product": {"id": product["id"]}, "quantity": "2.5", "unit": "carton", "unitPrice": "11.1111"}
    made = await buyer.order(lines=[line], confirm=True)
    [ordered] = lines(made)
    assert (ordered["quantity"], ordered["unit"], ordered["baseQuantity"]) == ("2.5", "carton", "30")
    assert (ordered["unitPrice"], ordered["total"]) == ({"amount": "11.1111"}, {"amount": "27.78"})
    assert await stock(shop, product) == {"SHELF": ("0", "0", "30")}
    event = (await shop.events(made))[0]["after"]["lines"][0]
    assert (event["quantity"], event["unit"]) == ("2.5", "carton")
    # The carton of this order has twelve, whatever new ones have.
    await shop.do("productUpsert", {"sku": product["sku"], "units": [CARTON | {"base": "10"}]})
    first = came(made, "1")
    first["lines"][0]["unit"] = "carton"
    order = (await shop.do("purchaseOrderReceive", first))["purchaseOrder"]
    assert [line["receivedQuantity"] for line in lines(order)] == ["12"]
    again = {**first, "lines": [*first["lines"], *came(made, "6")["lines"]]}
    found = await shop.do("purchaseOrderReceive", again)
    assert [line["quantity"] for line in found["receipt"]["lines"]] == ["12", "6"]
    assert found["purchaseOrder"]["status"] == "CLOSED"
    back = went(made, "0.5", shop.places["SHELF"])
    back["lines"][0]["unit"] = "carton"
    returned = await shop.do("purchaseOrderReturn", back)
    assert [line["returnedQuantity"] for line in lines(returned)] == ["6"]
    assert await stock(shop, product) == {"SHELF": ("24", "0", "0")}


async def test_what_doesnt_come_out_exactly_is_refused(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product(units=[CARTON, THIRDS])
    whole = {"product": {"id": product["id"]}, "unitPrice": "1"}
    for given, wanted in (
        ({"quantity": "1", "unit": "third"}, "quantity"),
        ({"quantity": "200", "unit": "gross"}, "unit"),
        ({"quantity": "99999999999999", "unit": "carton"}, "quantity"),
    ):
        refused = await shop.refused("purchaseOrderCreate", buyer.given(lines=[whole | given]))
        assert refused == [("INVALID_INPUT", f"lines.0.{wanted}")]
    made = await buyer.order(lines=[whole | {"quantity": "3", "unit": "third"}], confirm=True)
    assert lines(made)[0]["baseQuantity"] == "1"
    part = came(made, "1")
    part["lines"][0]["unit"] = "third"
    assert await shop.refused("purchaseOrderReceive", part) == [("INVALID_INPUT", "lines.0.quantity")]
    part["lines"][0]["unit"] = "gross"
    assert await shop.refused("purchaseOrderReceive", part) == [("INVALID_INPUT", "lines.0.unit")]
    part["lines"][0] |= {"unit": "carton", "quantity": "1"}
    [refusal] = await shop.refusals("purchaseOrderReceive", part)
    assert (refusal.code, refusal.facts) == ("OVER_QUANTITY", {"wanted": "12", "left": "1"})


async def test_a_suppliers_price_is_of_its_unit(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product(units=[CARTON, THIRDS])
    price = {"amount": "10.2", "currency": "EUR"}
    terms = await buyer.supplies(product, unit="carton", price=price, minimum="2", multiple="1")
    assert terms["unit"] == "carton"
    whole = {"product": {"id": product["id"]}, "quantity": "3"}
    for unit, cost in (({"unit": "carton"}, "10.20"), ({}, "0.85"), ({"unit": "pcs"}, "0.85")):
        made = await buyer.order(lines=[whole | unit])
        assert lines(made)[0]["unitPrice"] == {"amount": cost}
    # 0.283333… a third.
    odd = buyer.given(lines=[whole | {"unit": "third"}])
    await buyer.supplies(product, unit="carton", price={"amount": "10.1", "currency": "EUR"})
    assert await shop.refused("purchaseOrderCreate", odd) == [("INVALID_INPUT", "lines.0.unitPrice")]
    named = {"product": {"id": product["id"]}, "supplier": {"code": "S1"}}
    for given, path in (({"unit": "gross"}, "unit"), ({"unit": "third", "multiple": "1"}, "multiple")):
        assert await shop.refused("productSupplierUpsert", named | given) == [("INVALID_INPUT", path)]


async def test_what_is_ordered_again_is_in_the_suppliers_unit(buyer: Buyer, shop: Clerk) -> None:
    product = await shop.product(units=[CARTON])
    await buyer.supplies(product, unit="carton", price={"amount": "6", "currency": "EUR"}, minimum="2")
    rule = await buyer.rule(product, "10", "30")
    [found] = [each for each in await buyer.proposals() if each["rule"]["id"] == rule["id"]]
    assert (found["quantity"], found["unit"], found["unitPrice"]["amount"]) == ("3", "carton", "6.00")
    assert found["reason"] == "0 pcs are projected, fewer than the reorder point of 10."
    [draft] = await shop.do("replenish", {"rules": [rule["id"]]})
    [line] = lines(draft)
    assert (line["quantity"], line["unit"], line["baseQuantity"], line["total"]) == (
        *("3", "carton", "36"),
        {"amount": "18.00"},
    )
    assert await shop.do("replenish", {"rules": [rule["id"]]}) == []
    # A unit that is gone keeps it from being ordered, and the proposal says so.
    await buyer.act("Cancel", draft)
    await shop.do("productUpsert", {"sku": product["sku"], "units": []})
    [found] = [each for each in await buyer.proposals() if each["rule"]["id"] == rule["id"]]
    assert (found["quantity"], found["unit"], found["problem"]) == ("30", "pcs", "NO_UNIT")
    assert await shop.do("replenish", {"rules": [rule["id"]]}) == []
    await shop.do("productUpsert", {"sku": product["sku"], "active": False})


# ---------------------------------------------------------------- tolerances


async def settings(shop: Clerk) -> Any:
    query = "{ purchaseSettings { overReceiptPercent priceTolerancePercent priceToleranceAmount version } }"
    found = (await shop.ask(query)).data["purchaseSettings"]
    assert shop.read == 1
    return found


NOTHING = {"overReceiptPercent": "0", "priceTolerancePercent": "0", "priceToleranceAmount": "0", "version": 1}


async def test_tolerances_are_set_and_kept(desk: Desk) -> None:
    shop = await desk.open()
    assert await settings(shop) == NOTHING
    assert await shop.do("purchaseSettingsUpdate", {"overReceiptPercent": "0"}) == NOTHING
    some = {"overReceiptPercent": "2.5", "priceToleranceAmount": "3"}
    made = await shop.do("purchaseSettingsUpdate", some | {"expectedVersion": 1})
    assert made == await settings(shop) == NOTHING | some | {"version": 2}
    assert await shop.do("purchaseSettingsUpdate", some) == made
    stale = {"overReceiptPercent": "1", "expectedVersion": 1}
    assert await shop.refused("purchaseSettingsUpdate", stale) == [("VERSION_CONFLICT", "expectedVersion")]
    for given in ({"overReceiptPercent": "-1"}, {"overReceiptPercent": "1000.1"}, {"priceToleranceAmount": "-0.1"}):
        assert await shop.refused("purchaseSettingsUpdate", given) == [("INVALID_INPUT", next(iter(given)))]
    changed = await shop.do("purchaseSettingsUpdate", {"priceTolerancePercent": "5", "overReceiptPercent": "0"})
    assert changed == made | {"priceTolerancePercent": "5", "overReceiptPercent": "0", "version": 3}
    assert [(each["type"], each["version"], each["before"], each["after"]) for each in await shop.events()][-2:] == [
        (
            *("purchase_settings.updated", 2, {"overReceiptPercent": "0", "priceToleranceAmount": "0"}),
            {"overReceiptPercent": "2.5", "priceToleranceAmount": "3"},
        ),
        (
            *("purchase_settings.updated", 3, {"overReceiptPercent": "2.5", "priceTolerancePercent": "0"}),
            {"overReceiptPercent": "0", "priceTolerancePercent": "5"},
        ),
    ]


async def test_so_much_more_may_come_as_held_when_it_was_confirmed(desk: Desk) -> None:
    buyer = Buyer(await desk.open())
    shop = buyer.clerk
    await buyer.supplier()
    product = await shop.product(units=[CARTON])

    def tolerated(order: Any) -> list[str]:
        return [line["overReceipt"] for line in lines(order)]

    line = {"product": {"id": product["id"]}, "unitPrice": "1"}
    both = [line | {"quantity": "1", "unit": "carton"}, line | {"quantity": "1", "overReceipt": "0.5"}]
    before = await buyer.order(lines=both)
    assert tolerated(before) == ["0", "0.5"]
    await shop.do("purchaseSettingsUpdate", {"overReceiptPercent": "3.333333"})
    # 12 by 3.333333 % is 0.39999996: what is over six decimals falls away.
    assert tolerated(await buyer.order(lines=both)) == ["0.399999", "0.5"]
    assert tolerated(await buyer.act("Update", before, lines=both)) == ["0.399999", "0.5"]
    await shop.do("purchaseSettingsUpdate", {"overReceiptPercent": "10"})
    confirmed = await buyer.act("Confirm", before)
    assert tolerated(confirmed) == ["1.2", "0.5"]
    await shop.do("purchaseSettingsUpdate", {"overReceiptPercent": "0"})
    [refusal] = await shop.refusals("purchaseOrderReceive", came(confirmed, "13.200001"))
    assert (refusal.code, refusal.facts["left"]) == ("OVER_QUANTITY", "13.2")
    received = await shop.do("purchaseOrderReceive", came(confirmed, "13.2", "1.5"))
    assert received["purchaseOrder"]["status"] == "CLOSED"
    assert await shop.differences() == []


async def test_fault_4_a_hundred_and_two_thousandths_of_a_hundred_are_too_many(desk: Desk) -> None:
    """frappe/erpnext #40340: a percentage compared after rounding."""
    buyer = Buyer(await desk.open())
    await buyer.supplier()
    product = await buyer.clerk.product()
    made = await buyer.order((product, "100"), confirm=True)
    [refusal] = await buyer.clerk.refusals("purchaseOrderReceive", came(made, "100.002"))
    assert (refusal.code, refusal.facts) == ("OVER_QUANTITY", {"wanted": "100.002", "left": "100"})


async def test_who_may_not_approve_sets_no_tolerance(desk: Desk) -> None:
    shop = await desk.open()
    await shop.do("purchaseSettingsUpdate", {"overReceiptPercent": "1"})
    ask = Asker(shop.database)
    document = 'mutation { purchaseSettingsUpdate(input: {overReceiptPercent: "2"}) { userErrors { code } } }'
    for role, query in (("buyer", document), ("clerk", "{ purchaseSettings { version } }")):
        denied = await ask(query, shop.tenant, permissions=ROLES[role])
        assert denied.errors[0].message.endswith(
            "it needs bills:approve." if role == "buyer" else "it needs purchasing:read."
        )
    assert (await ask("{ purchaseSettings { version } }", shop.tenant, permissions=ROLES["buyer"])).good
    assert (await settings(shop))["overReceiptPercent"] == "1"


async def test_another_tenants_tolerance_is_its_own(shop: Clerk, rival: Clerk) -> None:
    before = await settings(rival)
    await shop.do("purchaseSettingsUpdate", {"overReceiptPercent": "7"})
    assert await settings(rival) == before
    await shop.do("purchaseSettingsUpdate", {"overReceiptPercent": "0"})
