"""Warehouses and locations: made, and refused."""

from typing import Any

import pytest

from core import ids
from tests.support.clerk import Clerk, keyless

KINDS = ("INTERNAL", "SUPPLIER", "CUSTOMER", "TRANSIT", "QUARANTINE", "LOSS")


async def test_a_warehouse_is_made_without_locations(shop: Clerk) -> None:
    made = await shop.do("warehouseCreate", {"code": " EAST ", "name": "East"})
    assert made.pop("id").startswith("wh_")
    assert made == {"code": "EAST", "name": "East", "locations": {"nodes": []}}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_location_is_made_in_a_warehouse(shop: Clerk, kind: str) -> None:
    given = {"warehouse": shop.warehouses["SOUTH"], "code": f"L-{kind}", "name": "A place", "kind": kind}
    made = await shop.do("locationCreate", given)
    assert made.pop("id").startswith("loc_")
    assert made == {"code": f"L-{kind}", "name": "A place", "kind": kind, "warehouse": {"code": "SOUTH"}}


async def test_a_location_is_internal_where_nothing_is_said(shop: Clerk) -> None:
    given = {"warehouse": shop.warehouses["NORTH"], "code": "PLAIN", "name": "Plain"}
    assert (await shop.do("locationCreate", given))["kind"] == "INTERNAL"


async def test_codes_are_unique_in_a_company(shop: Clerk, rival: Clerk) -> None:
    assert await shop.refused("warehouseCreate", {"code": "NORTH", "name": "Retry"}) == [("DUPLICATE", "code")]
    # Of locations over all warehouses.
    again = {"warehouse": shop.warehouses["SOUTH"], "code": "SHELF", "name": "Retry"}
    assert await shop.refused("locationCreate", again) == [("DUPLICATE", "code")]
    await shop.do("warehouseCreate", {"code": "ONLY HERE", "name": "Here"})
    await rival.do("warehouseCreate", {"code": "ONLY HERE", "name": "There"})


async def test_a_warehouse_of_another_company_is_as_unknown_as_one_that_is_not_there(shop: Clerk, rival: Clerk) -> None:
    nowhere, theirs = ids.encode("wh", ids.new_id()), rival.warehouses["NORTH"]
    [unknown] = await shop.refusals("locationCreate", {"warehouse": nowhere, "code": "X", "name": "X"})
    [foreign] = await shop.refusals("locationCreate", {"warehouse": theirs, "code": "X", "name": "X"})
    assert keyless([foreign]) == keyless([unknown])
    assert unknown[:2] == ("NOT_FOUND", "warehouse")


@pytest.mark.parametrize(
    "given,paths",
    [
        ({"code": ""}, ["code"]),
        ({"code": "x" * 201}, ["code"]),
        ({"code": "\0"}, ["code"]),
        ({"name": " "}, ["name"]),
        ({"name": "n" * 501}, ["name"]),
        ({"name": "\ud800"}, ["name"]),
        ({"code": "", "name": ""}, ["code", "name"]),
    ],
)
async def test_what_makes_no_sense_is_refused(shop: Clerk, given: dict[str, Any], paths: list[str]) -> None:
    problems = [("INVALID_INPUT", path) for path in paths]
    good = {"code": "BAD", "name": "Bad"}
    assert await shop.refused("warehouseCreate", good | given) == problems
    assert await shop.refused("locationCreate", good | given | {"warehouse": shop.warehouses["NORTH"]}) == problems


@pytest.mark.parametrize("warehouse", ["", "wh_1", "NORTH", "ord_" + "0" * 32, "wh_" + "G" * 32, "\0", "\ud800"])
async def test_what_is_no_warehouses_id_is_refused(shop: Clerk, warehouse: str) -> None:
    given = {"warehouse": warehouse, "code": "BAD", "name": "Bad"}
    assert await shop.refused("locationCreate", given) == [("INVALID_INPUT", "warehouse")]


async def test_what_is_no_kind_is_not_read(shop: Clerk) -> None:
    given = {"warehouse": shop.warehouses["NORTH"], "code": "BAD", "name": "Bad"}
    for kind in ("CELLAR", None, "internal"):
        assert "kind" in await shop.unread("locationCreate", given | {"kind": kind})
