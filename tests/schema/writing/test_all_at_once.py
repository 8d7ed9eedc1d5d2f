"""All that is wrong with a command comes in one answer: values, look-ups and rules; and nothing was changed."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.schema.test_every_input import EVERY
from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk

NOBODY = "0" * 32
MISSING = {
    "par": f'There is no partner with the id "par_{NOBODY}".',
    "wh": f'There is no warehouse with the id "wh_{NOBODY}".',
}


async def told(shop: Clerk, field: str, given: dict[str, Any]) -> dict[str, str]:
    """The messages by their paths; each path once, and no examination that failed."""
    with capture_logs() as logs:
        found = await shop.refusals(field, given)
    assert [entry for entry in logs if entry["event"] == "not examined"] == []
    assert len({each.path for each in found}) == len(found)
    return {each.path: each.message for each in found}


async def test_values_look_ups_and_rules_of_an_order(shop: Clerk) -> None:
    good, other = await shop.product({"SHELF": "2"}), await shop.product(listPrice=None)
    placed = [
        shop.line(good, quantity="0"),
        {"product": {"sku": "nope"}, "quantity": "1"},
        shop.line(other, quantity="1"),
        shop.line(good, quantity="3"),
        {"product": {"id": "42"}, "quantity": "1"},
    ]
    given = shop.ordering(placed, confirm=True, number="", warehouse=f"wh_{NOBODY}")
    assert await told(shop, "orderCreate", given) == {
        "number": "This must not be empty.",
        "warehouse": MISSING["wh"],
        "lineItems.0.quantity": "This must be more than 0.",
        "lineItems.1.product": 'There is no product with the sku "nope".',
        "lineItems.2.unitPrice": f"{other['sku']} has no list price in EUR: give one.",
        "lineItems.4.product.id": "This is not an id. Ids look like ord_0193e0… and come from the graph.",
    }
    given = shop.ordering(placed[:4], confirm=True, customer={"id": f"par_{NOBODY}"}, currency="EUR")
    assert await told(shop, "orderCreate", given) == {
        "customer": MISSING["par"],
        "lineItems.0.quantity": "This must be more than 0.",
        "lineItems.1.product": 'There is no product with the sku "nope".',
        "lineItems.2.unitPrice": f"{other['sku']} has no list price in EUR: give one.",
        "lineItems.3.quantity": f"Only 2 pcs of {good['sku']} are available, and 3 are wanted.",
    }


async def test_keys_that_are_taken_are_told_beside_the_rest(shop: Clerk) -> None:
    product = await shop.product()
    await shop.order((product, "1"), number="N-1", externalId="E-1")
    given = shop.ordering([shop.line({"sku": "nope"}, quantity="1")], number="N-1", externalId="E-1")
    assert await told(shop, "orderCreate", given) == {
        "lineItems.0.product": 'There is no product with the sku "nope".',
        "number": "There is an order N-1 already.",
        "externalId": "Another order has this externalId.",
    }


TAKEN = {"number": "There is an order T-1 already.", "externalId": "Another order has this externalId."}


@pytest.mark.parametrize("holders", ["one", "two"])
async def test_both_keys_of_an_order_that_are_taken_are_told_at_once(desk: Desk, holders: str) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "5"})
    for number, key in [("T-1", "E-1")] if holders == "one" else [("T-1", "E-2"), ("T-2", "E-1")]:
        await shop.order((product, "1"), number=number, externalId=key)
    before = await shop.digest()
    given = shop.ordering([shop.line(product, quantity="1")], number="T-1", externalId="E-1")
    assert await told(shop, "orderCreate", given) == TAKEN
    assert await told(shop, "orderCreate", given | {"confirm": True}) == TAKEN
    assert await told(shop, "orderCreate", given | {"number": "T-3"}) == {"externalId": TAKEN["externalId"]}
    assert await told(shop, "orderCreate", given | {"externalId": "E-3"}) == {"number": TAKEN["number"]}
    assert await shop.digest() == before


async def test_a_key_that_is_taken_is_told_beside_what_is_short(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "1"})
    await shop.order((product, "1"), number="T-1")
    given = shop.ordering([shop.line(product, quantity="2")], number="T-1", confirm=True)
    assert await told(shop, "orderCreate", given) == {
        "number": TAKEN["number"],
        "lineItems.0.quantity": f"Only 1 pcs of {product['sku']} are available, and 2 are wanted.",
    }


async def test_an_order_that_is_not_there_and_its_lines(shop: Clerk) -> None:
    line = {"product": {"externalId": "nope"}, "quantity": "1"}
    given: dict[str, Any] = {"order": {"number": "SO-0"}, "lineItems": [line], "note": "a\0b"}
    assert await told(shop, "orderUpdate", given) == {
        "order": 'There is no order with the number "SO-0".',
        "lineItems.0.product": 'There is no product with the externalId "nope".',
        "note": "Text must not contain the NUL character.",
    }
    given = {"order": {"number": "SO-0"}, "warehouse": f"wh_{NOBODY}", "expectedVersion": 0}
    assert await told(shop, "orderConfirm", given) == {
        "order": 'There is no order with the number "SO-0".',
        "warehouse": MISSING["wh"],
        "expectedVersion": "This must be at least 1.",
    }


async def test_lines_to_ship_cancel_and_take_back(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    order = await shop.order((product, "2"), (product, "1"), confirm=True)
    first, second = (line["id"] for line in lines(order))
    wanted = [{"lineItem": first, "quantity": "-1"}, {"lineItem": second, "quantity": "9"}]
    given = {"order": {"id": order["id"]}, "lineItems": wanted}
    for field in ("orderShip", "orderCancel"):
        assert [*await told(shop, field, given)] == ["lineItems.0.quantity", "lineItems.1.quantity"]
    await shop.do("orderShip", {"order": {"id": order["id"]}})
    back = [line | {"disposition": "RESTOCK", "location": f"loc_{NOBODY}"} for line in wanted]
    assert await told(shop, "orderReturn", given | {"lineItems": back}) == {
        "lineItems.0.quantity": "This must be more than 0.",
        "lineItems.1.quantity": f"Only 1 pcs of line 2 ({product['sku']}) can come back, not 9.",
        "lineItems.0.location": f'There is no location with the id "loc_{NOBODY}".',
        "lineItems.1.location": f'There is no location with the id "loc_{NOBODY}".',
    }


async def test_of_stock(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "1"})
    given: dict[str, Any] = {
        "source": shop.places["SHELF"],
        "destination": "nowhere",
        "lines": [
            shop.line(product, quantity="0"),
            shop.line(product, quantity="2"),
            shop.line({"sku": "no"}, quantity="1"),
        ],
    }
    assert await told(shop, "stockTransfer", given) == {
        "destination": "This is not an id. Ids look like ord_0193e0… and come from the graph.",
        "lines.0.quantity": "This must be more than 0.",
        "lines.1.quantity": f"Only 1 pcs of {product['sku']} are available at SHELF.",
        "lines.2.product": 'There is no product with the sku "no".',
    }
    await shop.do("locationCreate", {"warehouse": shop.warehouses["NORTH"], "code": "TWICE", "name": "Twice"})
    given = {"warehouse": f"wh_{NOBODY}", "code": "TWICE", "name": ""}
    assert await told(shop, "locationCreate", given) == {
        "warehouse": MISSING["wh"],
        "code": "There is a location TWICE already.",
        "name": "This must not be empty.",
    }


async def test_a_refusal_for_values_takes_no_number_and_keeps_no_key(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product()
    given = shop.ordering([shop.line(product, quantity="0")], idempotencyKey="once", placedAt="2026-06-01T00:00:00Z")
    assert await shop.refused("orderCreate", given) == [("INVALID_INPUT", "lineItems.0.quantity")]
    mended = shop.ordering([shop.line(product, quantity="1")], idempotencyKey="once", placedAt="2026-06-01T00:00:00Z")
    assert (await shop.do("orderCreate", mended))["number"] == "SO-2026-000001"


@pytest.mark.parametrize("field", ["productUpsert", "partnerUpsert", "warehouseCreate"])
async def test_bad_values_of_a_record_are_all_told(shop: Clerk, field: str) -> None:
    key = "sku" if field == "productUpsert" else "code"
    assert [*await told(shop, field, {key: "", "name": " "})] == [key, "name"]


UNUSABLE = {"String": "a\0", "Decimal": "-" + "9" * 20, "ID": "nonsense", "Int": -1}


@pytest.mark.parametrize("field", sorted({each.field for each in EVERY if each.operation == "mutation"}))
async def test_wherever_a_value_is_bad_the_rest_is_looked_at(shop: Clerk, field: str) -> None:
    """At every position of the input: the problem leads there, nothing else is said of the value, nothing fails."""
    for each in EVERY:
        if (each.operation, each.field) != ("mutation", field) or each.type.name not in UNUSABLE:
            continue
        given = each.arguments(UNUSABLE[each.type.name])["input"]
        found = await told(shop, field, given)
        path = ".".join(map(str, each.path[1:]))
        assert path in found
        assert not [
            other for other in found if other != path and (path.startswith(f"{other}.") or other.startswith(f"{path}."))
        ]
