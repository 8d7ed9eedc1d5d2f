"""Orders that can't be: each refused with all that is wrong with it, and nothing stored."""

from typing import Any

import pytest

from tests.support.clerk import Clerk, lines
from tests.support.desk import Desk

MOST = "99999999999999.999999"
"""The largest number that numeric(20,6) takes."""


@pytest.mark.parametrize(
    "given,problem",
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "0.0000001"}, "quantity"),
        ({"quantity": "1.0000001"}, "quantity"),
        ({"quantity": "100000000000000"}, "quantity"),
        ({"quantity": "9" * 20}, "quantity"),
        ({"unitPrice": "-0.01"}, "unitPrice"),
        ({"unitPrice": "0.0000001"}, "unitPrice"),
        ({"unitPrice": "100000000000000"}, "unitPrice"),
        ({"description": "d" * 10_001}, "description"),
        ({"description": "\0"}, "description"),
        ({"description": "\u200b"}, "description"),
        ({"description": " \u2060\n"}, "description"),
        ({"description": "\u3164"}, "description"),
        ({"description": "a\x1b[0m"}, "description"),
        ({"description": "\ud800"}, "description"),
        ({"product": {"sku": "\0"}}, "product.sku"),
        ({"product": {"sku": "x" * 1_001}}, "product.sku"),
        ({"product": {"externalId": "\ud800"}}, "product.externalId"),
        ({"product": {"id": "P1"}}, "product.id"),
        ({"product": {"id": "ord_" + "0" * 32}}, "product.id"),
    ],
)
async def test_a_line_that_makes_no_sense_is_refused(shop: Clerk, given: dict[str, Any], problem: str) -> None:
    product = await shop.product({"SHELF": "5"})
    good = shop.line(product, quantity="1")
    order = shop.ordering([good, good | given], confirm=True)
    assert await shop.refused("orderCreate", order) == [("INVALID_INPUT", f"lineItems.1.{problem}")]


async def test_trailing_zeros_are_no_decimals(shop: Clerk) -> None:
    product = await shop.product()
    made = await shop.order((product, "2.500000000"))
    assert lines(made)[0]["quantity"] == "2.5"


@pytest.mark.parametrize(
    "given,problem",
    [
        ({"number": ""}, "number"),
        ({"number": " "}, "number"),
        ({"number": "n" * 201}, "number"),
        ({"number": "\0"}, "number"),
        ({"externalId": ""}, "externalId"),
        ({"externalId": "e" * 201}, "externalId"),
        ({"externalId": "\ud800"}, "externalId"),
        ({"note": "n" * 10_001}, "note"),
        ({"note": "a\0"}, "note"),
        ({"warehouse": "NORTH"}, "warehouse"),
        ({"warehouse": "loc_" + "0" * 32}, "warehouse"),
        ({"customer": {"code": "\0"}}, "customer.code"),
        ({"customer": {"id": "C1"}}, "customer.id"),
        ({"lineItems": []}, "lineItems"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(shop: Clerk, given: dict[str, Any], problem: str) -> None:
    line = shop.line(await shop.product(), quantity="1")
    assert await shop.refused("orderCreate", shop.ordering([line]) | given) == [("INVALID_INPUT", problem)]


@pytest.mark.parametrize(
    "given,word",
    [
        ({"currency": "XXX"}, "currency"),
        ({"currency": "Euro"}, "currency"),
        ({"placedAt": "2026-03-01"}, "placedAt"),
        ({"placedAt": "2026-02-30T00:00:00Z"}, "placedAt"),
        ({"placedAt": "0000-01-01T00:00:00Z"}, "placedAt"),
        ({"placedAt": "9999-12-31T23:00:00-02:00"}, "placedAt"),
        ({"lineItems": None}, "lineItems"),
        ({"confirm": None}, "confirm"),
        ({"confirm": "true"}, "confirm"),
        ({"customer": {}}, "exactly one of id, code, externalId or email: none"),
        ({"customer": {"code": None}}, "code"),
        ({"customer": {"code": "C1", "id": "par_" + "0" * 32}}, "code and id are given"),
        ({"customer": None}, "customer"),
        ({"tax": "1"}, "tax"),
    ],
)
async def test_what_is_of_another_type_is_not_read(shop: Clerk, given: dict[str, Any], word: str) -> None:
    line = shop.line(await shop.product(), quantity="1")
    assert word in await shop.unread("orderCreate", shop.ordering([line]) | given)


@pytest.mark.parametrize(
    "moment,year",
    [("0002-01-01T00:00:00Z", "2"), ("1969-12-31T23:59:59.999999Z", "1970"), ("9998-12-31T23:59:59Z", "9999")],
)
async def test_moments_far_away_are_kept(shop: Clerk, moment: str, year: str) -> None:
    """The number has the year that it was where the company is, in Berlin."""
    made = await shop.order((await shop.product(), "1"), placedAt=moment)
    assert (made["placedAt"], made["number"]) == (moment, f"SO-{year}-000001")


ENDS = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000001Z", "9999-12-31T23:30:00Z", "9999-12-31T23:59:59.999999Z"]


@pytest.mark.parametrize("timezone", ["America/New_York", "Pacific/Auckland"])
async def test_g10_and_s9_the_ends_of_time_are_kept_found_and_paged(desk: Desk, timezone: str) -> None:
    """The driver takes the first and the last for infinity, and where the company is the year is past the end."""
    shop = await desk.open(timezone=timezone)
    product = await shop.product()
    years = ["1", "1", "9999", "9999"]
    for moment, year in zip(ENDS, years, strict=True):
        made = await shop.order((product, "1"), placedAt=moment)
        assert made["placedAt"] == moment
        assert made["number"].startswith(f"SO-{year}-")
        found = await shop.ask(
            "query ($at: DateTime) { orders(where: {placedAt: {eq: $at}}) { nodes { number } } }", {"at": moment}
        )
        assert found.data["orders"]["nodes"] == [{"number": made["number"]}]
    page = """query ($after: String) { orders(first: 1, after: $after, orderBy: [{field: PLACED_AT}]) {
        nodes { placedAt } pageInfo { endCursor hasNextPage } } }"""
    seen, after = [], None
    for _ in ENDS:
        answer = await shop.ask(page, {"after": after})
        assert not answer.errors
        seen += [row["placedAt"] for row in answer.data["orders"]["nodes"]]
        after = answer.data["orders"]["pageInfo"]["endCursor"]
    assert seen == ENDS


async def test_five_hundred_lines_and_not_one_more(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "500"})
    line = shop.line(product, quantity="1")
    for count in (501, 10_000):
        [refusal] = await shop.refusals("orderCreate", shop.ordering([line] * count, confirm=True))
        assert refusal[:3] == ("INVALID_INPUT", "lineItems", "At most 500 are allowed.")
    made = await shop.do("orderCreate", shop.ordering([line] * 500, confirm=True))
    assert (made["status"], made["total"]["amount"]) == ("CONFIRMED", "5000.00")
    assert await shop.stock(product) == {"SHELF": ("500", "500")}
    given: dict[str, Any] = {"order": {"id": made["id"]}}
    lined = [{"lineItem": lines(made)[0]["id"], "quantity": "0.001"}] * 501
    for field, each in (("orderShip", lined), ("orderCancel", lined), ("orderUpdate", [line] * 501)):
        [refusal] = await shop.refusals(field, given | {"lineItems": each})
        assert refusal[:3] == ("INVALID_INPUT", "lineItems", "At most 500 are allowed.")
    shipped = await shop.do("orderShip", given)
    assert shipped["status"] == "CLOSED"


async def test_a_supplier_is_no_customer(shop: Clerk) -> None:
    await shop.do("partnerUpsert", {"code": "S1", "name": "Sand & Co", "kinds": ["SUPPLIER"]})
    line = shop.line(await shop.product(), quantity="1")
    [refusal] = await shop.refusals("orderCreate", shop.ordering([line]) | {"customer": {"code": "S1"}})
    assert refusal[:3] == ("INVALID_INPUT", "customer", "Sand & Co is not a customer.")


async def test_what_is_no_longer_offered_is_not_sold(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"}, active=False)
    line = shop.line(product, quantity="1")
    [refusal] = await shop.refusals("orderCreate", shop.ordering([line], confirm=True))
    assert refusal[:3] == ("INVALID_INPUT", "lineItems.0.product", f"{product['sku']} is no longer offered.")


@pytest.mark.parametrize(
    "quantity,price,problems",
    [
        (MOST, MOST, ["lineItems.0.quantity", "lineItems"]),
        ("10000000", "10000000", ["lineItems.0.quantity", "lineItems"]),
        (MOST, "1", ["lineItems.0.quantity", "lineItems"]),
    ],
)
async def test_what_costs_more_than_can_be_kept_is_refused(
    shop: Clerk, quantity: str, price: str, problems: list[str]
) -> None:
    # 99999999999999.999999 times 1 is rounded up, to 15 digits.
    line = shop.line(await shop.product(), quantity=quantity, unitPrice=price)
    assert await shop.refused("orderCreate", shop.ordering([line])) == [("INVALID_INPUT", path) for path in problems]


async def test_the_largest_numbers_of_all_are_kept(shop: Clerk) -> None:
    product = await shop.product()
    few = [
        shop.line(product, quantity=MOST, unitPrice="0"),
        shop.line(product, quantity="1", unitPrice="99999999999999.99"),
    ]
    made = await shop.do("orderCreate", shop.ordering(few))
    assert [(each["quantity"], each["total"]["amount"]) for each in lines(made)] == [
        (MOST, "0.00"),
        ("1", "99999999999999.99"),
    ]
    assert made["total"]["amount"] == "99999999999999.99"
    # One cent more, over the lines.
    refused = await shop.refused(
        "orderCreate", shop.ordering([*few, shop.line(product, quantity="1", unitPrice="0.01")])
    )
    assert refused == [("INVALID_INPUT", "lineItems")]
    # A product of two lines is told of once.
    [refusal] = await shop.refusals("orderConfirm", {"order": {"id": made["id"]}})
    assert refusal.facts["requested"] == "100000000000000.999999"


async def test_all_problems_of_the_values_are_told_at_once(shop: Clerk) -> None:
    product = await shop.product()
    given = shop.ordering(
        [
            shop.line(product, quantity="0"),
            shop.line(product, quantity="1"),
            {"product": {"id": "x"}, "quantity": "-1", "unitPrice": "-1", "description": "\0"},
        ],
        number="",
        note="\ud800",
        idempotencyKey="k" * 256,
    )
    refused = await shop.refused("orderCreate", given)
    assert {code for code, _ in refused} == {"INVALID_INPUT"}
    assert sorted(path for _, path in refused) == [
        "idempotencyKey",
        "lineItems.0.quantity",
        "lineItems.2.description",
        "lineItems.2.product.id",
        "lineItems.2.quantity",
        "lineItems.2.unitPrice",
        "note",
        "number",
    ]


async def test_all_problems_of_the_data_are_told_at_once(shop: Clerk) -> None:
    gone, scarce = await shop.product({"SHELF": "1"}, active=False), await shop.product({"SHELF": "1"})
    given = [
        shop.line(gone, quantity="1"),
        {"product": {"sku": "NOBODY"}, "quantity": "1"},
        shop.line(scarce, quantity="1"),
        {"product": {"externalId": "NOBODY"}, "quantity": "1"},
    ]
    order = shop.ordering(given, warehouse="wh_" + "0" * 32, currency="EUR") | {"customer": {"code": "NOBODY"}}
    assert sorted(await shop.refused("orderCreate", order)) == [
        ("INVALID_INPUT", "lineItems.0.product"),
        ("NOT_FOUND", "customer"),
        ("NOT_FOUND", "lineItems.1.product"),
        ("NOT_FOUND", "lineItems.3.product"),
        ("NOT_FOUND", "warehouse"),
    ]
    # Where all of it is known, what is missing is told with the rest.
    order = shop.ordering([shop.line(gone, quantity="2"), shop.line(scarce, quantity="2")], confirm=True)
    assert sorted(await shop.refused("orderCreate", order)) == [
        ("INSUFFICIENT_STOCK", "lineItems.0.quantity"),
        ("INSUFFICIENT_STOCK", "lineItems.1.quantity"),
        ("INVALID_INPUT", "lineItems.0.product"),
    ]
