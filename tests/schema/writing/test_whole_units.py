"""How many decimals quantities of a product may have: every command that takes one refuses more, at its path."""

from typing import Any

import pytest

from tests.support.buyer import Buyer, came, went
from tests.support.clerk import Clerk


async def decimals(shop: Clerk, product: Any) -> int:
    query = "query ($id: ID!) { product(by: {id: $id}) { unitDecimals } }"
    found: int = (await shop.ask(query, {"id": product["id"]})).data["product"]["unitDecimals"]
    return found


async def test_a_product_has_six_decimals_unless_it_is_given_fewer(shop: Clerk) -> None:
    product, whole = await shop.product(), await shop.product(unitDecimals=0)
    assert [await decimals(shop, each) for each in (product, whole)] == [6, 0]
    await shop.do("productUpsert", {"sku": product["sku"], "unitDecimals": 2})
    await shop.do("productUpsert", {"sku": product["sku"], "name": "Rope"})
    assert await decimals(shop, product) == 2
    told = [each for each in await shop.events(product) if each["type"] == "product.updated"]
    assert [(each["before"], each["after"]) for each in told] == [
        ({"unitDecimals": 6}, {"unitDecimals": 2}),
        ({"name": "Thing"}, {"name": "Rope"}),
    ]


@pytest.mark.parametrize("given", [-1, 7])
async def test_a_unit_has_none_to_six_decimals(shop: Clerk, given: int) -> None:
    assert await shop.refused("productUpsert", {"sku": "ROPE", "name": "Rope", "unitDecimals": given}) == [
        ("INVALID_INPUT", "unitDecimals")
    ]


@pytest.mark.parametrize("most,fine,coarse", [(0, "0.5", "1"), (2, "1.125", "1.12")])
async def test_more_decimals_are_refused_wherever_goods_are_counted(
    buyer: Buyer, shop: Clerk, most: int, fine: str, coarse: str
) -> None:
    product = await shop.product({"SHELF": "9"}, unitDecimals=most)
    line = shop.line(product, quantity=fine)
    await buyer.supplies(product, multiple=coarse)
    draft, order = await shop.order((product, coarse)), await shop.order((product, "4"), confirm=True)
    sent = await shop.order((product, "3"), confirm=True)
    await shop.do("orderShip", {"order": {"id": sent["id"]}})
    bought, planned = await buyer.order((product, "4"), confirm=True), await buyer.order((product, "4"))
    await buyer.act("Receive", bought, lines=came(bought, "2")["lines"])
    named = {"order": {"id": order["id"]}}
    part = [{"lineItem": order["lineItems"]["nodes"][0]["id"], "quantity": fine}]
    back = {"lineItem": sent["lineItems"]["nodes"][0]["id"], "quantity": fine, "disposition": "RESTOCK"}
    of_bought = {"purchaseOrder": {"id": bought["id"]}}
    about = {"product": {"id": product["id"]}}
    rule = about | {"warehouse": shop.warehouses["NORTH"], "location": shop.places["SHELF"]}
    adjusted = shop.line(product, location=shop.places["SHELF"])
    ends = {"source": shop.places["SHELF"], "destination": shop.places["RACK"]}
    for field, given, path in (
        ("orderCreate", shop.ordering([line]), "lineItems.0.quantity"),
        ("orderCreate", shop.ordering([line], confirm=True), "lineItems.0.quantity"),
        ("orderUpdate", {"order": {"id": draft["id"]}, "lineItems": [line]}, "lineItems.0.quantity"),
        ("orderUpdate", named | {"changes": part}, "changes.0.quantity"),
        ("orderUpdate", named | {"changes": [line]}, "changes.0.quantity"),
        ("orderReserve", named | {"lineItems": part}, "lineItems.0.quantity"),
        ("orderShip", named | {"lineItems": part}, "lineItems.0.quantity"),
        ("orderCancel", named | {"lineItems": part}, "lineItems.0.quantity"),
        ("orderReturn", {"order": {"id": sent["id"]}, "lineItems": [back]}, "lineItems.0.quantity"),
        ("stockHold", {"reference": "part", "lines": [line]}, "lines.0.quantity"),
        ("stockAdjust", {"lines": [adjusted | {"delta": fine}], "reason": "x"}, "lines.0.delta"),
        ("stockAdjust", {"lines": [adjusted | {"delta": f"-{fine}"}], "reason": "x"}, "lines.0.delta"),
        ("stockSet", {"lines": [adjusted | {"onHand": f"1{fine}"}], "reason": "x"}, "lines.0.onHand"),
        ("stockTransfer", ends | {"lines": [line]}, "lines.0.quantity"),
        ("purchaseOrderCreate", buyer.given((product, fine)), "lines.0.quantity"),
        (
            "purchaseOrderUpdate",
            {"purchaseOrder": {"id": planned["id"]}, "lines": buyer.given((product, fine))["lines"]},
            "lines.0.quantity",
        ),
        ("purchaseOrderReceive", came(bought, fine), "lines.0.quantity"),
        ("purchaseOrderReturn", went(bought, fine, shop.places["SHELF"]), "lines.0.quantity"),
        ("purchaseOrderCancel", of_bought | {"lines": came(bought, fine)["lines"]}, "lines.0.quantity"),
        ("productSupplierUpsert", about | {"supplier": {"code": "S1"}, "multiple": fine}, "multiple"),
        ("reorderRuleUpsert", rule | {"point": fine, "target": "9"}, "point"),
        ("reorderRuleUpsert", rule | {"point": "1", "target": f"9{fine}"}, "target"),
    ):
        assert (field, await shop.refused(field, given)) == (field, [("INVALID_INPUT", path)])
    preview = "query ($i: OrderPreviewInput!) { orderPreview(input: $i) { problems { code path } } }"
    found = (await shop.ask(preview, {"i": {"lineItems": [line]}})).data["orderPreview"]["problems"]
    assert found == [{"code": "INVALID_INPUT", "path": ["input", "lineItems", "0", "quantity"]}]
    # And the number that the unit allows is taken.
    await shop.do("stockTransfer", ends | {"lines": [shop.line(product, quantity=coarse)]})
    await shop.do("orderShip", named | {"lineItems": [part[0] | {"quantity": coarse}]})


async def test_the_words_say_how_it_is_counted(shop: Clerk) -> None:
    whole, fine = await shop.product(unitDecimals=0), await shop.product(unit="kg", unitDecimals=3)
    given = shop.ordering([shop.line(whole, quantity="1.5"), shop.line(fine, quantity="1.0005")])
    said = [each.message for each in await shop.refusals("orderCreate", given)]
    assert said == [
        f"{whole['sku']} is counted in whole pcs.",
        f"{fine['sku']} is counted in kg with at most 3 decimals.",
    ]


async def test_other_units_come_out_in_whole_pieces(buyer: Buyer, shop: Clerk) -> None:
    """A box is two and a half: two of them are five, and one can't be bought, proposed or received."""
    units = [{"code": "box", "quantity": "2", "base": "5"}]
    product = await shop.product(unitDecimals=0, units=units, unit="pcs")
    line = {"product": {"id": product["id"]}, "unit": "box", "unitPrice": "2"}
    given = buyer.given() | {"lines": [line | {"quantity": "2"}]}
    made = await shop.do("purchaseOrderCreate", given | {"confirm": True})
    assert await shop.refused("purchaseOrderCreate", given | {"lines": [line | {"quantity": "3"}]}) == [
        ("INVALID_INPUT", "lines.0.quantity")
    ]
    [part] = came(made, "1")["lines"]
    assert await buyer.refused("Receive", made, lines=[part | {"unit": "box"}]) == [
        ("INVALID_INPUT", "lines.0.quantity")
    ]
    await buyer.act("Receive", made, lines=[part | {"unit": "box", "quantity": "2"}])
    about = {"product": {"id": product["id"]}, "supplier": {"code": "S1"}, "unit": "box"}
    assert await shop.refused("productSupplierUpsert", about | {"multiple": "1"}) == [("INVALID_INPUT", "multiple")]
    await shop.do("productSupplierUpsert", about | {"multiple": "2", "price": {"amount": "5", "currency": "EUR"}})
    await buyer.rule(product, "6", "11")
    [proposed] = [each for each in await buyer.proposals() if each["rule"]["product"]["sku"] == product["sku"]]
    assert (proposed["quantity"], proposed["unit"], proposed["problem"]) == ("4", "box", None)
    # The box is another one by now.
    await shop.do("productUpsert", {"sku": product["sku"], "units": [units[0] | {"quantity": "4"}]})
    [proposed] = [each for each in await buyer.proposals() if each["rule"]["product"]["sku"] == product["sku"]]
    assert (proposed["quantity"], proposed["unit"], proposed["problem"]) == ("6", "pcs", "NO_UNIT")


async def lowered(shop: Clerk, product: Any, most: int = 0) -> str:
    """Why a product can't have so few decimals."""
    change = {"sku": product["sku"], "unitDecimals": most}
    [refused] = await shop.refusals("productUpsert", change)
    assert (refused.code, refused.path) == ("INVALID_INPUT", "unitDecimals")
    return str(refused.message)


async def test_fewer_decimals_only_where_nothing_has_more(buyer: Buyer, shop: Clerk) -> None:
    stocked, asked, held, bought, ruled, supplied = [await shop.product() for _ in range(6)]
    await shop.do(
        "stockAdjust",
        {"lines": [shop.line(stocked, location=shop.places["SHELF"], delta="1.5")], "reason": "x"},
    )
    draft = await shop.order((asked, "1.25"))
    await shop.do("stockAdjust", {"lines": [shop.line(held, location=shop.places["SHELF"], delta="2")], "reason": "x"})
    await shop.do("stockHold", {"reference": "basket", "lines": [shop.line(held, quantity="0.5")]})
    made = await buyer.order((bought, "1.5"), confirm=True)
    await buyer.rule(ruled, "1.5", "2")
    await buyer.supplies(supplied, multiple="0.5")
    for product, rows in (
        (stocked, "stock moves"),
        (asked, "lines of orders"),
        (held, "holds"),
        (bought, "lines of purchase orders"),
        (ruled, "reorder rules"),
        (supplied, "suppliers"),
    ):
        assert await lowered(shop, product) == (
            f"{product['sku']} has {rows} with more than 0 decimals, so it keeps 6. Create another product."
        )
    # As many as there are is enough, and what is called off or let go stands against nothing.
    await shop.do("productUpsert", {"sku": stocked["sku"], "unitDecimals": 1})
    assert "more than 1 decimals, so it keeps 6" in await lowered(shop, asked, 1)
    await shop.do("productUpsert", {"sku": asked["sku"], "unitDecimals": 2})
    await shop.do("orderCancel", {"order": {"id": draft["id"]}})
    await shop.do("stockHold", {"reference": "basket", "lines": []})
    await buyer.act("Cancel", made)
    await buyer.rule(ruled, "1", "2")
    await buyer.supplies(supplied, multiple="1")
    for product in (asked, held, bought, ruled, supplied):
        await shop.do("productUpsert", {"sku": product["sku"], "unitDecimals": 0})
    # What moved in parts once did so for ever, also where nothing of it is there any more.
    await shop.do("stockSet", {"lines": [shop.line(stocked, location=shop.places["SHELF"], onHand="0")], "reason": "x"})
    assert "stock moves" in await lowered(shop, stocked)
    refusal = await shop.refusals("productUpsert", {"sku": stocked["sku"], "tracking": "SERIAL"})
    assert [(each.path, each.message) for each in refusal] == [
        (
            "tracking",
            f"{stocked['sku']} has stock moves with parts of a piece, and its pieces with serial numbers are whole.",
        )
    ]


async def test_more_decimals_are_always_allowed(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"}, unitDecimals=0)
    await shop.order((product, "4"), confirm=True)
    await shop.do("productUpsert", {"sku": product["sku"], "unitDecimals": 1})
    await shop.order((product, "1.5"), confirm=True)
