"""Partners: made, changed, left as they are, refused."""

from typing import Any

import pytest

from tests.support.clerk import Clerk

LONE = "\udfff"
FULL = {"name": "Ida", "kinds": ["CUSTOMER", "SUPPLIER"], "email": "ida@example.com", "country": "DE"}


async def test_a_partner_with_nothing_but_a_name_is_a_customer(shop: Clerk) -> None:
    made = await shop.do("partnerUpsert", {"code": "PLAIN", "name": "Plain"})
    assert made.pop("id").startswith("par_")
    assert made == {
        "code": "PLAIN",
        "name": "Plain",
        "kinds": ["CUSTOMER"],
        "email": None,
        "country": None,
        "externalId": None,
        "version": 1,
    }


async def test_a_partner_is_made_and_changed_by_its_code(shop: Clerk) -> None:
    made = await shop.do("partnerUpsert", {"code": "FULL", "externalId": "X", **FULL})
    assert made == made | FULL | {"externalId": "X", "version": 1}
    changed = await shop.do("partnerUpsert", {"code": "FULL", "name": "Ada", "kinds": ["SUPPLIER"], "country": "FR"})
    assert changed == made | {"name": "Ada", "kinds": ["SUPPLIER"], "country": "FR", "version": 2}


async def test_a_partner_that_already_is_as_wanted_is_left_alone(shop: Clerk) -> None:
    made = await shop.do("partnerUpsert", {"code": "SAME", **FULL})
    before = await shop.digest()
    # Kinds are a set: their order, and naming one twice, say nothing.
    given = FULL | {"kinds": ["SUPPLIER", "CUSTOMER"]}
    assert await shop.do("partnerUpsert", {"code": "SAME", "expectedVersion": 1, **given}) == made
    assert await shop.digest() == before
    both = await shop.do("partnerUpsert", {"code": "TWICE", "name": "Twice", "kinds": ["SUPPLIER", "SUPPLIER"]})
    assert both["kinds"] == ["SUPPLIER"]


@pytest.mark.parametrize("field", ["email", "country", "externalId"])
async def test_null_empties_a_field(shop: Clerk, field: str) -> None:
    given: dict[str, Any] = {"code": f"NULL-{field}", "externalId": f"X-{field}", **FULL}
    made = await shop.do("partnerUpsert", given)
    changed = await shop.do("partnerUpsert", {"code": given["code"], "name": "Ida", field: None})
    assert changed == made | {field: None, "version": 2}
    event = (await shop.events(made))[-1]
    assert (event["before"], event["after"]) == ({field: given[field]}, {field: None})


@pytest.mark.parametrize("field", ["email", "country", "externalId", "kinds"])
async def test_a_field_that_is_left_out_stays(shop: Clerk, field: str) -> None:
    given: dict[str, Any] = {"code": f"LEFT-{field}", "externalId": f"Y-{field}", **FULL}
    made = await shop.do("partnerUpsert", given)
    rest = {name: value for name, value in given.items() if name != field}
    changed = await shop.do("partnerUpsert", rest | {"name": "Other"})
    assert changed == made | {"name": "Other", "version": 2}
    assert [(each["before"], each["after"]) for each in (await shop.events(made))[1:]] == [
        ({"name": "Ida"}, {"name": "Other"})
    ]


async def test_kinds_can_not_be_none(shop: Clerk) -> None:
    [refusal] = await shop.refusals("partnerUpsert", {"code": "NONE", "name": "None", "kinds": None})
    assert refusal[:3] == ("INVALID_INPUT", "kinds", "This can't be null: leave it out instead.")
    [refusal] = await shop.refusals("partnerUpsert", {"code": "NONE", "name": "None", "kinds": []})
    assert refusal[:3] == ("INVALID_INPUT", "kinds", "At least one is needed.")


async def test_the_version_that_the_caller_saw_is_the_one_that_is_changed(shop: Clerk) -> None:
    await shop.do("partnerUpsert", {"code": "SEEN", "name": "One"})
    changed = await shop.do("partnerUpsert", {"code": "SEEN", "name": "Two", "expectedVersion": 1})
    assert changed["version"] == 2
    [refusal] = await shop.refusals("partnerUpsert", {"code": "SEEN", "name": "Three", "expectedVersion": 1})
    assert (refusal.code, refusal.path, refusal.facts) == ("VERSION_CONFLICT", "expectedVersion", {"currentVersion": 2})
    given = {"code": "NEVER", "name": "Never", "expectedVersion": 1}
    assert await shop.refused("partnerUpsert", given) == [("NOT_FOUND", "code")]


async def test_an_external_id_is_one_partners(shop: Clerk, rival: Clerk) -> None:
    await shop.do("partnerUpsert", {"code": "MINE", "name": "Mine", "externalId": "EXT"})
    taken = {"name": "Second", "externalId": "EXT"}
    assert await shop.refused("partnerUpsert", {"code": "NEW", **taken}) == [("DUPLICATE", "externalId")]
    assert await shop.refused("partnerUpsert", {"code": "PLAIN", **taken}) == [("DUPLICATE", "externalId")]
    assert (await rival.do("partnerUpsert", {"code": "NEW", **taken}))["externalId"] == "EXT"


@pytest.mark.parametrize(
    "given,paths",
    [
        ({"code": ""}, ["code"]),
        ({"code": "  "}, ["code"]),
        ({"code": "x" * 201}, ["code"]),
        ({"code": "a\0b"}, ["code"]),
        ({"code": LONE}, ["code"]),
        ({"name": ""}, ["name"]),
        ({"name": "n" * 501}, ["name"]),
        ({"name": LONE}, ["name"]),
        ({"email": ""}, ["email"]),
        ({"email": "nobody"}, ["email"]),
        ({"email": "@example.com"}, ["email"]),
        ({"email": "ida@"}, ["email"]),
        ({"email": "ida@localhost"}, ["email"]),
        ({"email": "ida smith@example.com"}, ["email"]),
        ({"email": f"{'x' * 500}@example.com"}, ["email"]),
        ({"country": ""}, ["country"]),
        ({"country": "de"}, ["country"]),
        ({"country": "UK"}, ["country"]),  # S5
        ({"country": "XX"}, ["country"]),
        ({"country": "DEU"}, ["country"]),
        ({"country": "D1"}, ["country"]),
        ({"country": "ÄÖ"}, ["country"]),
        ({"externalId": " "}, ["externalId"]),
        ({"externalId": "e" * 201}, ["externalId"]),
        ({"kinds": ["CUSTOMER", "SUPPLIER", "CUSTOMER"]}, ["kinds"]),
        ({"expectedVersion": 0}, ["expectedVersion"]),
        ({"code": "\0", "email": "x", "country": "x"}, ["code", "email", "country"]),
    ],
)
async def test_what_makes_no_sense_is_refused(shop: Clerk, given: dict[str, Any], paths: list[str]) -> None:
    refused = await shop.refused("partnerUpsert", {"code": "BAD", "name": "Bad"} | given)
    assert refused == [("INVALID_INPUT", path) for path in paths]


@pytest.mark.parametrize("kinds", [["EMPLOYEE"], "customer", [None], [1]])
async def test_what_is_no_kind_is_not_read(shop: Clerk, kinds: Any) -> None:
    assert "kinds" in await shop.unread("partnerUpsert", {"code": "BAD", "name": "Bad", "kinds": kinds})
