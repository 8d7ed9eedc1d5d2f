"""Products: made, changed, left as they are, refused."""

from typing import Any

import pytest

from tests.support.clerk import Clerk

LONE = "\ud800"
"""Half of a surrogate pair: JSON can carry it, UTF-8 can't."""

FULL = {
    "name": "Mug",
    "description": "Holds tea.\nAnd coffee.",
    "barcode": "4012345678901",
    "unit": "box",
    "listPrice": {"amount": "12.5", "currency": "JPY"},
    "active": False,
}


async def test_a_product_with_nothing_but_a_name_takes_the_defaults(shop: Clerk) -> None:
    made = await shop.do("productUpsert", {"sku": "PLAIN", "name": "Plain"})
    identity = made.pop("id")
    assert identity.startswith("prod_")
    assert made == {
        "sku": "PLAIN",
        "name": "Plain",
        "description": None,
        "barcode": None,
        "unit": "pcs",
        "active": True,
        "externalId": None,
        "version": 1,
        "listPrice": None,
        "category": None,
    }


async def test_a_product_is_made_and_changed_by_its_sku(shop: Clerk) -> None:
    made = await shop.do("productUpsert", {"sku": "FULL", "externalId": "X-FULL", **FULL})
    assert made == made | FULL | {
        "externalId": "X-FULL",
        "version": 1,
        "listPrice": {"amount": "12.5", "currency": "JPY"},
    }
    price = {"amount": "0.000001", "currency": "CLF"}
    changed = await shop.do("productUpsert", {"sku": "FULL", "name": "Cup", "listPrice": price, "active": True})
    assert changed == made | {"name": "Cup", "listPrice": price, "active": True, "version": 2}


async def test_a_product_that_already_is_as_wanted_is_left_alone(shop: Clerk) -> None:
    given = {"sku": "SAME", "externalId": "X-SAME", **FULL}
    made = await shop.do("productUpsert", given)
    before = await shop.digest()
    same_price = {"amount": "12.500", "currency": "JPY"}
    assert await shop.do("productUpsert", given | {"listPrice": same_price, "expectedVersion": 1}) == made
    assert (
        await shop.do("productUpsert", {"sku": " SAME ", "name": " Mug\t"}) == made
    )  # blanks at the ends are nobody's
    assert await shop.digest() == before


NULLABLE = ("description", "barcode", "listPrice", "externalId")


@pytest.mark.parametrize("field", NULLABLE)
async def test_null_empties_a_field(shop: Clerk, field: str) -> None:
    given = {"sku": f"NULL-{field}", "externalId": f"X-{field}", **FULL}
    made = await shop.do("productUpsert", given)
    assert made[field] is not None
    changed = await shop.do("productUpsert", {"sku": given["sku"], "name": "Mug", field: None})
    assert changed == made | {field: None, "version": 2}
    event = (await shop.events(made))[-1]
    stored = {"listPrice": ("12.5", None)}.get(field, (given[field], None))
    names = {"listPrice", "listPriceCurrency"} if field == "listPrice" else {field}
    assert (event["before"][field], event["after"][field]) == stored
    assert ({*event["before"]}, {*event["after"]}) == (names, names)


@pytest.mark.parametrize("field", [*NULLABLE, "unit", "active"])
async def test_a_field_that_is_left_out_stays(shop: Clerk, field: str) -> None:
    given: dict[str, Any] = {"sku": f"LEFT-{field}", "externalId": f"Y-{field}", **FULL}
    made = await shop.do("productUpsert", given)
    rest = {name: value for name, value in given.items() if name != field}
    changed = await shop.do("productUpsert", rest | {"name": "Other"})
    assert changed == made | {"name": "Other", "version": 2}
    assert [(each["before"], each["after"]) for each in (await shop.events(made))[1:]] == [
        ({"name": "Mug"}, {"name": "Other"})
    ]


@pytest.mark.parametrize("field", ["unit", "active"])
async def test_a_field_that_can_not_be_none_refuses_null(shop: Clerk, field: str) -> None:
    [refusal] = await shop.refusals("productUpsert", {"sku": "NONE", "name": "None", field: None})
    assert refusal[:3] == ("INVALID_INPUT", field, "This can't be null: leave it out instead.")


async def test_the_version_that_the_caller_saw_is_the_one_that_is_changed(shop: Clerk) -> None:
    await shop.do("productUpsert", {"sku": "SEEN", "name": "One"})
    changed = await shop.do("productUpsert", {"sku": "SEEN", "name": "Two", "expectedVersion": 1})
    assert changed["version"] == 2
    # Wrong is wrong, even where nothing would be changed.
    for name, version in (("Three", 1), ("Two", 3)):
        given = {"sku": "SEEN", "name": name, "expectedVersion": version}
        [refusal] = await shop.refusals("productUpsert", given)
        assert (refusal.code, refusal.path, refusal.facts) == (
            "VERSION_CONFLICT",
            "expectedVersion",
            {"currentVersion": 2},
        )


async def test_what_is_new_has_no_version_yet(shop: Clerk) -> None:
    given = {"sku": "NEVER", "name": "Never", "expectedVersion": 1}
    assert await shop.refused("productUpsert", given) == [("NOT_FOUND", "sku")]


async def test_an_external_id_is_one_products(shop: Clerk, rival: Clerk) -> None:
    await shop.do("productUpsert", {"sku": "MINE", "name": "Mine", "externalId": "EXT"})
    taken = {"name": "Second", "externalId": "EXT"}
    assert await shop.refused("productUpsert", {"sku": "NEW", **taken}) == [("DUPLICATE", "externalId")]
    await shop.do("productUpsert", {"sku": "OTHER", "name": "Other"})
    assert await shop.refused("productUpsert", {"sku": "OTHER", **taken}) == [("DUPLICATE", "externalId")]
    assert (await rival.do("productUpsert", {"sku": "NEW", **taken}))["externalId"] == "EXT"


@pytest.mark.parametrize(
    "given,paths",
    [
        ({"sku": ""}, ["sku"]),
        ({"sku": " \t"}, ["sku"]),
        ({"sku": "x" * 201}, ["sku"]),
        ({"sku": "a\0b"}, ["sku"]),
        ({"sku": LONE}, ["sku"]),
        ({"name": ""}, ["name"]),
        ({"name": "n" * 501}, ["name"]),
        ({"name": "\0"}, ["name"]),
        ({"name": f"x{LONE}"}, ["name"]),
        ({"description": "d" * 10_001}, ["description"]),
        ({"description": "d\0"}, ["description"]),
        ({"barcode": ""}, ["barcode"]),
        ({"barcode": "1" * 201}, ["barcode"]),
        ({"unit": ""}, ["unit"]),
        ({"unit": "u" * 31}, ["unit"]),
        ({"externalId": ""}, ["externalId"]),
        ({"externalId": "e" * 201}, ["externalId"]),
        ({"listPrice": {"amount": "-0.01", "currency": "EUR"}}, ["listPrice.amount"]),
        ({"listPrice": {"amount": "0.0000001", "currency": "EUR"}}, ["listPrice.amount"]),
        ({"listPrice": {"amount": "100000000000000", "currency": "EUR"}}, ["listPrice.amount"]),
        ({"listPrice": {"amount": "99999999999999.9999999", "currency": "EUR"}}, ["listPrice.amount"]),
        ({"expectedVersion": 0}, ["expectedVersion"]),
        ({"expectedVersion": -(2**31)}, ["expectedVersion"]),
        ({"idempotencyKey": ""}, ["idempotencyKey"]),
        # G12: what can't be seen.
        ({"idempotencyKey": "  "}, ["idempotencyKey"]),
        ({"idempotencyKey": "a\u200b"}, ["idempotencyKey"]),
        ({"sku": "a\tb", "name": "\u200b\u200d", "barcode": "\x1d01"}, ["sku", "name", "barcode"]),
        ({"sku": "a\u202eb", "name": "\u0301", "externalId": "\ufeffa"}, ["sku", "name", "externalId"]),
        ({"sku": "a\ue000", "description": "a\x1b[0m", "unit": "\u3164"}, ["sku", "description", "unit"]),
        ({"sku": "", "name": "", "barcode": "\0", "unit": None}, ["sku", "name", "barcode", "unit"]),
    ],
)
async def test_what_makes_no_sense_is_refused(shop: Clerk, given: dict[str, Any], paths: list[str]) -> None:
    refused = await shop.refused("productUpsert", {"sku": "BAD", "name": "Bad"} | given)
    assert refused == [("INVALID_INPUT", path) for path in paths]


async def test_g5_a_sku_is_one_in_every_form(shop: Clerk) -> None:
    made = await shop.do("productUpsert", {"sku": "cafe\u0301", "name": "One", "idempotencyKey": "cle\u0301"})
    again = await shop.do("productUpsert", {"sku": "cafe\u0301", "name": "One", "idempotencyKey": "cl\u00e9"})
    other = await shop.do("productUpsert", {"sku": "caf\u00e9", "name": "Other"})
    assert (made["sku"], made["id"]) == ("caf\u00e9", other["id"])
    assert again == made | {"version": again["version"]}
    assert (made["version"], other["version"]) == (1, 2)


@pytest.mark.parametrize(
    "given",
    [
        {"sku": "x" * 200},
        {"name": "ß" * 500},
        {"description": "𝄞" * 10_000},
        {"description": ""},
        {"barcode": "1" * 200},
        {"unit": "u" * 30},
        {"externalId": "e" * 200},
        {"listPrice": {"amount": "0", "currency": "EUR"}},
        {"listPrice": {"amount": "99999999999999.999999", "currency": "EUR"}},
    ],
)
async def test_what_is_just_possible_is_kept(shop: Clerk, given: dict[str, Any]) -> None:
    [(field, value)] = given.items()
    made = await shop.product(**given)
    assert made[field] == (
        {"amount": "0.00", "currency": "EUR"} if value == {"amount": "0", "currency": "EUR"} else value
    )


@pytest.mark.parametrize(
    "price",
    [
        {"amount": "10", "currency": "XXX"},
        {"amount": "10", "currency": "eur"},
        {"amount": "10", "currency": ""},
        {"amount": "1e3", "currency": "EUR"},
        {"amount": "NaN", "currency": "EUR"},
        {"amount": 1.5, "currency": "EUR"},
        {"amount": "9" * 21, "currency": "EUR"},
        {"amount": "0." + "1" * 21, "currency": "EUR"},
        {"amount": None, "currency": "EUR"},
        {"currency": "EUR"},
    ],
)
async def test_what_is_no_price_at_all_is_not_read(shop: Clerk, price: Any) -> None:
    message = await shop.unread("productUpsert", {"sku": "BAD", "name": "Bad", "listPrice": price})
    assert "listPrice" in message
