"""Orders as they are made: as drafts, confirmed at once, waiting for goods."""

from typing import Any

import pytest

from core import ids
from tests.support.clerk import Clerk, lines, progress


async def test_a_draft_promises_nothing(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"}, name="Lamp")
    made = await shop.order((product, "2"))
    [line] = lines(made)
    assert line.pop("id").startswith("lin_")
    assert line == {
        "position": 1,
        "description": "Lamp",
        "quantity": "2",
        "reservedQuantity": "0",
        "shippedQuantity": "0",
        "cancelledQuantity": "0",
        "returnedQuantity": "0",
        "unitPrice": {"amount": "10.00"},
        "total": {"amount": "20.00"},
        "product": {"sku": product["sku"]},
    }
    assert made == made | {
        "status": "DRAFT",
        "version": 1,
        "currency": "EUR",
        "note": None,
        "externalId": None,
        "customer": {"code": "C1"},
        "reservationStatus": "NONE",
        "shipmentStatus": "NONE",
        "returnStatus": "NONE",
        "availableActions": ["UPDATE", "CONFIRM", "CANCEL"],
        "subtotal": {"amount": "20.00", "currency": "EUR"},
        "taxTotal": {"amount": "0.00", "currency": "EUR"},
        "total": {"amount": "20.00", "currency": "EUR"},
    }
    assert await shop.stock(product) == {"SHELF": ("5", "0")}


async def test_an_order_is_made_and_confirmed_in_one_call(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    made = await shop.order((product, "2"), (product, "1.5"), confirm=True)
    assert made["status"] == "CONFIRMED"
    assert made["version"] == 2
    assert made["reservationStatus"] == "FULL"
    assert made["availableActions"] == ["UPDATE", "SHIP", "CANCEL"]
    assert progress(made) == [("2", "2", "0", "0", "0"), ("1.5", "1.5", "0", "0", "0")]
    assert await shop.stock(product) == {"SHELF": ("5", "3.5")}


async def test_all_that_can_be_said_of_an_order_is_kept(shop: Clerk) -> None:
    product = await shop.product()
    line = shop.line(product, quantity="1", unitPrice="3.25", description="A lamp, as discussed")
    given = shop.ordering(
        [line],
        currency="USD",
        placedAt="2026-03-01T12:30:00.250+02:00",
        number="PO/7 — 東京",
        externalId="shopify-1",
        note="Ring twice.\n",
    )
    made = await shop.do("orderCreate", given)
    assert made == made | {
        "number": "PO/7 — 東京",
        "currency": "USD",
        "placedAt": "2026-03-01T10:30:00.250000Z",
        "externalId": "shopify-1",
        "note": "Ring twice.\n",
        "total": {"amount": "3.25", "currency": "USD"},
    }
    assert (lines(made)[0]["description"], lines(made)[0]["unitPrice"]) == ("A lamp, as discussed", {"amount": "3.25"})
    assert await shop.again(made) == made


@pytest.mark.parametrize("key", ["id", "sku", "externalId"])
async def test_products_and_customers_go_by_each_of_their_keys(shop: Clerk, key: str) -> None:
    product = await shop.product(externalId=f"P-{key}")
    given = {"code": f"BY-{key}", "name": "Known", "externalId": f"C-{key}"}
    customer = await shop.do("partnerUpsert", given)
    by = {"code" if key == "sku" else key: customer["code" if key == "sku" else key]}
    line = {"product": {key: product[key]}, "quantity": "1"}
    made = await shop.do("orderCreate", {"customer": by, "lineItems": [line, line]})
    assert made["customer"] == {"code": customer["code"]}
    assert [each["product"] for each in lines(made)] == [{"sku": product["sku"]}] * 2


async def test_a_price_that_is_left_out_or_null_is_the_list_price(shop: Clerk) -> None:
    product = await shop.product(listPrice={"amount": "3.333333", "currency": "EUR"})
    given = [
        shop.line(product, quantity="3"),
        shop.line(product, quantity="3", unitPrice=None, description=None),
        shop.line(product, quantity="3", unitPrice="0", description=""),
    ]
    made = await shop.do("orderCreate", shop.ordering(given))
    assert [(each["unitPrice"]["amount"], each["total"]["amount"]) for each in lines(made)] == [
        ("3.333333", "10.00"),
        ("3.333333", "10.00"),
        ("0.00", "0.00"),
    ]
    assert [each["description"] for each in lines(made)] == ["Thing"] * 3


async def test_a_list_price_in_another_currency_or_none_is_no_price(shop: Clerk) -> None:
    given = [
        shop.line(await shop.product(listPrice=None), quantity="1"),
        shop.line(await shop.product(listPrice={"amount": "1", "currency": "JPY"}), quantity="1"),
        shop.line(await shop.product(), quantity="1"),
    ]
    refused = await shop.refused("orderCreate", shop.ordering(given))
    assert refused == [("INVALID_INPUT", f"lineItems.{index}.unitPrice") for index in (0, 1)]
    refused = await shop.refused("orderCreate", shop.ordering(given, currency="JPY"))
    assert refused == [("INVALID_INPUT", f"lineItems.{index}.unitPrice") for index in (0, 2)]


async def test_null_is_as_left_out_for_what_is_new(shop: Clerk) -> None:
    product = await shop.product()
    nothing = dict.fromkeys(
        ("currency", "placedAt", "number", "externalId", "note", "warehouse", "idempotencyKey"), None
    )
    made = await shop.order((product, "1"), **nothing)
    assert (made["currency"], made["externalId"], made["note"]) == ("EUR", None, None)
    assert made["number"].startswith("SO-")


@pytest.mark.parametrize(
    "currency,quantity,price,total",
    [
        ("EUR", "1", "0.005", "0.01"),
        ("EUR", "1", "0.004999", "0.00"),
        ("EUR", "3", "0.335", "1.01"),
        ("EUR", "0.333333", "3", "1.00"),
        ("EUR", "0.000001", "0.000001", "0.00"),
        ("JPY", "1", "0.5", "1"),
        ("JPY", "3", "0.49", "1"),
        ("JPY", "2.5", "1", "3"),
        ("KWD", "1", "0.0005", "0.001"),
        ("KWD", "7", "1.0015", "7.011"),
        ("CLF", "1", "0.00005", "0.0001"),
        ("CLF", "3", "1.11115", "3.3335"),
        ("EUR", "9999999.999999", "9999999", "99999989999990.00"),
    ],
)
async def test_a_line_is_rounded_half_up_to_the_currencys_digits(
    shop: Clerk, currency: str, quantity: str, price: str, total: str
) -> None:
    product = await shop.product()
    line = shop.line(product, quantity=quantity, unitPrice=price)
    made = await shop.do("orderCreate", shop.ordering([line], currency=currency))
    assert [each["total"]["amount"] for each in lines(made)] == [total]
    assert made["total"] == {"amount": total, "currency": currency}


@pytest.mark.parametrize("currency,total", [("EUR", "0.03"), ("JPY", "3"), ("KWD", "0.003"), ("CLF", "0.0003")])
async def test_an_order_is_the_sum_of_its_rounded_lines(shop: Clerk, currency: str, total: str) -> None:
    half = {"EUR": "0.005", "JPY": "0.5", "KWD": "0.0005", "CLF": "0.00005"}[currency]
    product = await shop.product()
    given = [shop.line(product, quantity="1", unitPrice=half)] * 3
    made = await shop.do("orderCreate", shop.ordering(given, currency=currency))
    assert (made["subtotal"], made["total"]) == ({"amount": total, "currency": currency},) * 2


async def test_what_is_missing_of_a_confirmed_order_is_told_line_by_line(shop: Clerk) -> None:
    scarce, plenty = await shop.product({"SHELF": "3", "DOCK": "1.5"}), await shop.product({"SHELF": "9"})
    none = await shop.product(unit="kg")
    wanted = [(scarce, "4"), (plenty, "1"), (none, "1"), (scarce, "1.25")]
    given = shop.ordering([shop.line(each, quantity=quantity) for each, quantity in wanted], confirm=True)
    refusals = await shop.refusals("orderCreate", given)
    # Two lines of one product are summed; the line that still fits is not named.
    assert [(each.path, each.facts) for each in refusals] == [
        ("lineItems.2.quantity", {"product": {"sku": none["sku"]}, "requested": "1", "available": "0"}),
        ("lineItems.3.quantity", {"product": {"sku": scarce["sku"]}, "requested": "5.25", "available": "4.5"}),
    ]
    assert {each.code for each in refusals} == {"INSUFFICIENT_STOCK"}
    assert refusals[1].message == f"Only 4.5 pcs of {scarce['sku']} are available, and 5.25 are wanted."
    assert refusals[0].message == f"Only 0 kg of {none['sku']} are available, and 1 are wanted."
    assert await shop.stock(scarce) == {"SHELF": ("3", "0"), "DOCK": ("1.5", "0")}


async def test_lines_of_one_product_are_summed(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "10"})
    given = shop.ordering([shop.line(product, quantity="6"), shop.line(product, quantity="5")], confirm=True)
    [refusal] = await shop.refusals("orderCreate", given)
    assert refusal.facts == {"product": {"sku": product["sku"]}, "requested": "11", "available": "10"}
    made = await shop.order((product, "6"), (product, "4"), confirm=True)
    assert made["reservationStatus"] == "FULL"
    assert await shop.stock(product) == {"SHELF": ("10", "10")}


async def test_with_backorder_what_is_missing_waits(shop: Clerk) -> None:
    scarce, none = await shop.product({"SHELF": "3"}), await shop.product()
    made = await shop.order((scarce, "5"), (scarce, "1"), (none, "2"), confirm=True, allowBackorder=True)
    assert progress(made) == [("5", "3", "0", "0", "0"), ("1", "0", "0", "0", "0"), ("2", "0", "0", "0", "0")]
    assert (made["reservationStatus"], made["status"], made["version"]) == ("PARTIAL", "CONFIRMED", 2)
    waiting = await shop.order((none, "1"), confirm=True, allowBackorder=True)
    assert (waiting["reservationStatus"], waiting["availableActions"]) == ("NONE", ["UPDATE", "CANCEL"])


async def test_a_warehouse_that_is_named_is_the_only_one_that_counts(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "2", "RACK": "1", "DOCK": "9"})
    given = shop.ordering([shop.line(product, quantity="4")], confirm=True, warehouse=shop.warehouses["NORTH"])
    [refusal] = await shop.refusals("orderCreate", given)
    assert refusal.facts == {"product": {"sku": product["sku"]}, "requested": "4", "available": "3"}
    await shop.order((product, "3"), confirm=True, warehouse=shop.warehouses["NORTH"])
    assert await shop.stock(product) == {"SHELF": ("2", "2"), "RACK": ("1", "1"), "DOCK": ("9", "0")}


async def test_goods_in_quarantine_can_not_be_promised(shop: Clerk) -> None:
    product = await shop.product({"HOLD": "5"})
    [refusal] = await shop.refusals("orderCreate", shop.ordering([shop.line(product, quantity="1")], confirm=True))
    assert refusal.facts == {"product": {"sku": product["sku"]}, "requested": "1", "available": "0"}


async def test_a_line_is_split_only_where_no_place_has_enough(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "2", "RACK": "5", "DOCK": "4"})
    await shop.order((product, "4"), confirm=True)
    assert await shop.stock(product) == {"SHELF": ("2", "0"), "RACK": ("5", "4"), "DOCK": ("4", "0")}
    await shop.order((product, "5"), confirm=True)
    assert await shop.stock(product) == {"SHELF": ("2", "1"), "RACK": ("5", "4"), "DOCK": ("4", "4")}


@pytest.mark.parametrize("field", ["number", "externalId"])
async def test_a_number_and_an_external_id_are_one_orders(shop: Clerk, rival: Clerk, field: str) -> None:
    product, theirs = await shop.product({"SHELF": "2"}), await rival.product()
    await shop.order((product, "1"), **{field: "TAKEN"})
    given: dict[str, Any] = shop.ordering([shop.line(product, quantity="1")], confirm=True, **{field: "TAKEN"})
    assert await shop.refused("orderCreate", given) == [("DUPLICATE", field)]
    assert (await rival.order((theirs, "1"), **{field: "TAKEN"}))[field] == "TAKEN"


async def test_who_and_what_of_another_company_is_as_unknown_as_nobody_and_nothing(shop: Clerk, rival: Clerk) -> None:
    theirs, mine = await rival.product(externalId="E"), await shop.product()
    stranger = await rival.do("partnerUpsert", {"code": "THEIRS", "name": "Theirs", "externalId": "E"})
    [line] = [shop.line(mine, quantity="1")]
    for prefix, kind, keys, shape in (
        ("par", "partner", {"id": stranger["id"], "code": "THEIRS", "externalId": "E"}, "customer"),
        ("prod", "product", {"id": theirs["id"], "sku": theirs["sku"], "externalId": "E"}, "lineItems.0.product"),
    ):
        for key, value in keys.items():
            for given in (value, ids.encode(prefix, ids.new_id()) if key == "id" else "NOBODY"):
                named = {key: given}
                order = (
                    {"customer": named, "lineItems": [line]}
                    if kind == "partner"
                    else shop.ordering([{"product": named, "quantity": "1"}])
                )
                [found] = await shop.refusals("orderCreate", order)
                # Another's and nobody's look the same, but for the key that was sent.
                assert found[:3] == ("NOT_FOUND", shape, f'There is no {kind} with the {key} "{given}".')


@pytest.mark.parametrize("blank", [" ", "\t\n", "\u00a0", "\u3000\u2003", "\r\n"])
async def test_a_line_with_a_blank_for_its_text_has_its_products_name(shop: Clerk, blank: str) -> None:
    product = await shop.product(name="Lamp")
    given = [shop.line(product, quantity="1", description=text) for text in (blank, f"{blank}As discussed{blank}")]
    made = await shop.do("orderCreate", shop.ordering(given))
    assert [each["description"] for each in lines(made)] == ["Lamp", "As discussed"]
    changed = await shop.do("orderUpdate", {"order": {"id": made["id"]}, "lineItems": given[::-1]})
    assert [each["description"] for each in lines(changed)] == ["As discussed", "Lamp"]
