"""Taxes and tax groups: created and changed, given to products and partners, and kept once a document bears them."""

from typing import Any

import pytest

from core.ids import encode, new_id
from core.permissions import ROLES
from tests.support.clerk import Clerk
from tests.support.desk import Desk
from tests.support.graph import Asker


async def taxed(shop: Clerk, code: str, rate: str = "20", **given: Any) -> Any:
    """A tax with this rate."""
    return await shop.do("taxUpsert", {"code": code, "name": code, "rate": rate, **given})


async def exempt(shop: Clerk, code: str, category: str = "E", **given: Any) -> Any:
    """A tax that is none."""
    why = {"category": category, "exemptionReason": f"Because of {code}"}
    return await shop.do("taxUpsert", {"code": code, "name": code, **why, **given})


async def group(shop: Clerk, code: str, *pairs: tuple[str | None, str]) -> Any:
    """A group for which the second tax takes the place of the first."""
    instead = [({"from": {"code": own}} if own else {}) | {"to": {"code": other}} for own, other in pairs]
    return await shop.do("taxGroupUpsert", {"code": code, "name": code, "substitutions": instead})


async def test_a_tax_is_created_and_changed(shop: Clerk) -> None:
    made = await taxed(shop, "FULL", "19")
    facts = {"category": "S", "rate": "19", "reverseRate": None, "exemptionCode": None, "exemptionReason": None}
    assert made == {"id": made["id"], "code": "FULL", "name": "FULL", "active": True, "version": 1} | facts
    assert await taxed(shop, "FULL", "19.000000") == made
    changed = await shop.do("taxUpsert", {"code": "FULL", "name": "New", "active": False, "expectedVersion": 1})
    assert changed == made | {"name": "New", "active": False, "version": 2}
    stale = {"code": "FULL", "name": "x", "expectedVersion": 1}
    assert await shop.refused("taxUpsert", stale) == [("VERSION_CONFLICT", "expectedVersion")]
    unknown = {"code": "NEVER", "name": "x", "rate": "1", "expectedVersion": 1}
    assert await shop.refused("taxUpsert", unknown) == [("NOT_FOUND", "code")]
    events = [(each["type"], each["version"], each["after"]) for each in await shop.events(made)]
    assert events == [
        ("tax.created", 1, {"code": "FULL", "name": "FULL", "rate": "19", "category": "S"}),
        ("tax.updated", 2, {"name": "New", "active": False}),
    ]


async def test_one_that_nothing_bears_may_become_another(shop: Clerk) -> None:
    made = await taxed(shop, "WRONG", "91")
    assert (await taxed(shop, "WRONG", "19"))["rate"] == "19"
    other = {"code": "WRONG", "category": "K", "rate": "0", "reverseRate": "19", "exemptionReason": "Intra"}
    assert {name: (await shop.do("taxUpsert", other))[name] for name in other} == other
    back = {"code": "WRONG", "category": "S", "rate": "19", "reverseRate": None, "exemptionReason": None}
    assert (await shop.do("taxUpsert", back))["version"] == made["version"] + 3


@pytest.mark.parametrize(
    "given, problems",
    [
        ({"name": "x"}, ["rate"]),
        ({"rate": "7"}, ["name"]),
        ({}, ["name", "rate"]),
        ({"name": "x", "category": "Z", "rate": "7"}, ["rate"]),
        ({"name": "x", "category": "AE"}, ["exemptionReason"]),
        ({"name": "x", "rate": "7", "exemptionCode": "VATEX-EU-O"}, ["exemptionCode"]),
        ({"name": "x", "rate": "7", "reverseRate": "19"}, ["reverseRate"]),
        ({"name": "x", "category": "G", "rate": "7", "reverseRate": "7"}, ["rate", "exemptionReason", "reverseRate"]),
        ({"name": "x", "rate": "100.000001"}, ["rate"]),
        ({"name": "x", "rate": "-1"}, ["rate"]),
        ({"name": "x", "rate": "7.0000001"}, ["rate"]),
        ({"name": "x", "category": "AE", "exemptionReason": "y", "reverseRate": "0"}, ["reverseRate"]),
    ],
)
async def test_what_a_category_forbids_or_misses_is_refused(
    shop: Clerk, given: dict[str, Any], problems: list[str]
) -> None:
    refused = await shop.refused("taxUpsert", {"code": "REFUSED", **given})
    assert sorted(refused) == sorted(("INVALID_INPUT", each) for each in problems)


async def test_the_rules_hold_for_what_is_left_out_as_well(shop: Clerk) -> None:
    await exempt(shop, "KEPT")
    for given, path in (({"exemptionReason": None}, "exemptionReason"), ({"rate": "7"}, "rate")):
        assert await shop.refused("taxUpsert", {"code": "KEPT", **given}) == [("INVALID_INPUT", path)]
    both = await shop.refused("taxUpsert", {"code": "KEPT", "category": "S"})
    assert both == [("INVALID_INPUT", "rate"), ("INVALID_INPUT", "exemptionReason")]


async def test_a_group_is_created_and_changed(shop: Clerk) -> None:
    first, second = await taxed(shop, "G-A"), await taxed(shop, "G-B", "7")
    third = await exempt(shop, "G-C", "K")
    made = await group(shop, "EU", ("G-A", "G-C"), (None, "G-B"))
    assert made["version"] == 1
    assert made["substitutions"] == [
        {"from": {"code": "G-A"}, "to": {"code": "G-C"}},
        {"from": None, "to": {"code": "G-B"}},
    ]
    assert await group(shop, "EU", ("G-A", "G-C"), (None, "G-B")) == made
    assert await shop.do("taxGroupUpsert", {"code": "EU"}) == made
    changed = await group(shop, "EU", ("G-B", "G-C"))
    assert changed == made | {"version": 2, "substitutions": [{"from": {"code": "G-B"}, "to": {"code": "G-C"}}]}
    emptied = await shop.do("taxGroupUpsert", {"code": "EU", "name": "New", "substitutions": []})
    assert emptied == made | {"name": "New", "version": 3, "substitutions": []}
    ids = {tax["code"]: tax["id"] for tax in (first, second, third)}
    told = [(each["type"], each["version"], each["before"], each["after"]) for each in await shop.events(made)]
    any_ = {"from": None, "to": ids["G-B"]}
    was = [{"from": ids["G-A"], "to": ids["G-C"]}, any_]
    now = [{"from": ids["G-B"], "to": ids["G-C"]}]
    assert told == [
        ("tax_group.created", 1, None, {"code": "EU", "name": "EU", "substitutions": was}),
        ("tax_group.updated", 2, {"substitutions": was}, {"substitutions": now}),
        ("tax_group.updated", 3, {"name": "EU", "substitutions": now}, {"name": "New", "substitutions": []}),
    ]


async def test_a_groups_problems_come_all_at_once(shop: Clerk) -> None:
    await taxed(shop, "P-A")
    instead = [
        {"from": {"code": "P-A"}, "to": {"code": "nope"}},
        {"from": {"id": encode("tax", new_id())}, "to": {"code": "P-A"}},
        {"from": {"code": "P-A"}, "to": {"code": "P-A"}},
        {"to": {"code": "P-A"}},
        {"to": {"code": "P-A"}},
    ]
    assert await shop.refused("taxGroupUpsert", {"code": "BAD", "name": "Bad", "substitutions": instead}) == [
        ("NOT_FOUND", "substitutions.0.to"),
        ("NOT_FOUND", "substitutions.1.from"),
        ("INVALID_INPUT", "substitutions.2.from"),
        ("INVALID_INPUT", "substitutions.4.from"),
    ]
    missing = {"code": "BAD", "substitutions": instead[:1]}
    assert await shop.refused("taxGroupUpsert", missing) == [
        ("NOT_FOUND", "substitutions.0.to"),
        ("INVALID_INPUT", "name"),
    ]
    many = {"code": "BAD", "name": "Bad", "substitutions": [{"to": {"code": "P-A"}}] * 101}
    assert await shop.refused("taxGroupUpsert", many) == [("INVALID_INPUT", "substitutions")]


async def test_products_have_taxes_and_partners_groups(shop: Clerk) -> None:
    tax, product = await taxed(shop, "OWN"), await shop.product()
    made, whom = await group(shop, "OWN-G", (None, "OWN")), {"code": "C-OWN"}
    await shop.do("productUpsert", {"sku": product["sku"], "tax": {"id": tax["id"]}})
    partner = await shop.do("partnerUpsert", whom | {"name": "Own", "taxGroup": {"code": "OWN-G"}})
    query = """query ($product: ID!, $partner: ID!) {
        product(by: {id: $product}) { tax { code rate } } partner(by: {id: $partner}) { taxGroup { code } } }"""
    variables = {"product": product["id"], "partner": partner["id"]}
    found = (await shop.ask(query, variables)).data
    assert found == {"product": {"tax": {"code": "OWN", "rate": "20"}}, "partner": {"taxGroup": {"code": "OWN-G"}}}
    assert (await shop.events(product))[-1]["after"] == {"tax": tax["id"]}
    assert (await shop.events(partner))[0]["after"]["taxGroup"] == made["id"]
    for field, given, path in (
        ("productUpsert", {"sku": product["sku"], "tax": {"code": "nope"}}, "tax"),
        ("partnerUpsert", whom | {"taxGroup": {"id": encode("txg", new_id())}}, "taxGroup"),
    ):
        assert await shop.refused(field, given) == [("NOT_FOUND", path)]
    new = {"sku": "NAMELESS", "tax": {"code": "nope"}}
    assert await shop.refused("productUpsert", new) == [("NOT_FOUND", "tax"), ("INVALID_INPUT", "name")]
    await shop.do("productUpsert", {"sku": product["sku"], "tax": None})
    await shop.do("partnerUpsert", whom | {"taxGroup": None})
    assert (await shop.ask(query, variables)).data == {"product": {"tax": None}, "partner": {"taxGroup": None}}


async def test_lists_and_lookups(desk: Desk) -> None:
    shop = await desk.open()
    for code in ("B", "A", "C"):
        await taxed(shop, code)
        await group(shop, f"G-{code}", (None, code), ("B", code))
    query = """{ taxes(first: 2) { nodes { code } totalCount { value } } taxGroups(last: 1) { nodes { code } }
        tax(by: {code: "A"}) { code rate } taxGroup(by: {code: "G-C"}) { substitutions { from { code } to { code } } }
        none: tax(by: {code: "a"}) { id } }"""
    assert (await shop.ask(query)).data == {
        "taxes": {"nodes": [{"code": "A"}, {"code": "B"}], "totalCount": {"value": 3}},
        "taxGroups": {"nodes": [{"code": "G-C"}]},
        "tax": {"code": "A", "rate": "20"},
        "taxGroup": {
            "substitutions": [{"from": None, "to": {"code": "C"}}, {"from": {"code": "B"}, "to": {"code": "C"}}]
        },
        "none": None,
    }
    nested = "{ taxGroups(first: %d) { nodes { substitutions { from { code } to { code } } } } }"
    for size in (1, 3):
        assert len((await shop.ask(nested % size)).data["taxGroups"]["nodes"]) == size
        assert shop.read == 3 + 1  # the taxes that are replaced, and those that replace them


async def test_products_and_partners_of_a_page_take_a_statement(desk: Desk) -> None:
    shop = await desk.open()
    for number in range(6):
        await taxed(shop, f"T{number}")
        await group(shop, f"G{number}", (None, f"T{number}"))
        await shop.product(tax={"code": f"T{number}"})
        await shop.do("partnerUpsert", {"code": f"X{number}", "name": "X", "taxGroup": {"code": f"G{number}"}})
    latest = "orderBy: [{field: CREATED_AT, direction: DESC}]"
    for size in (2, 6):
        for field, own in (("products", "tax"), ("partners", "taxGroup")):
            query = f"{{ {field}(first: {size}, {latest}) {{ nodes {{ {own} {{ code }} }} }} }}"
            nodes = (await shop.ask(query)).data[field]["nodes"]
            assert [each[own]["code"][1:] for each in nodes] == [str(5 - place) for place in range(size)]
            assert shop.read == 2


async def test_another_tenant_sees_and_touches_none_of_it(shop: Clerk, rival: Clerk) -> None:
    tax, made = await taxed(shop, "FOREIGN"), await group(shop, "FOREIGN", (None, "FOREIGN"))
    product = await rival.product()
    named = {"tax": {"id": tax["id"]}}
    for field, given, path in (
        ("productUpsert", {"sku": product["sku"], **named}, "tax"),
        ("partnerUpsert", {"code": "C1", "taxGroup": {"id": made["id"]}}, "taxGroup"),
        (
            "taxGroupUpsert",
            {"code": "X", "name": "X", "substitutions": [{"to": {"id": tax["id"]}}]},
            "substitutions.0.to",
        ),
        ("orderCreate", rival.ordering([rival.line(product, quantity="1", **named)]), "lineItems.0.tax"),
    ):
        assert await rival.refused(field, given) == [("NOT_FOUND", path)]
    query = """query ($tax: ID!, $group: ID!) { tax(by: {id: $tax}) { id } taxGroup(by: {id: $group}) { id }
        taxes { totalCount { value } } taxGroups { totalCount { value } } }"""
    none = {"totalCount": {"value": 0}}
    found = (await rival.ask(query, {"tax": tax["id"], "group": made["id"]})).data
    assert found == {"tax": None, "taxGroup": None, "taxes": none, "taxGroups": none}


async def test_who_may_see_and_change_taxes(shop: Clerk) -> None:
    await taxed(shop, "SEEN")
    ask = Asker(shop.database)
    change = 'mutation { taxUpsert(input: {code: "SEEN", name: "Changed"}) { userErrors { code } } }'
    for role, reads in (("viewer", True), ("buyer", True), ("partner", False)):
        may: Any = {"permissions": ROLES[role]}
        seen = await ask('{ tax(by: {code: "SEEN"}) { code } }', shop.tenant, **may)
        assert (seen.errors == []) is reads, role
        assert (await ask(change, shop.tenant, **may)).errors[0].message.endswith("it needs pricing:write.")
