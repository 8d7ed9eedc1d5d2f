"""Stock by hand: adjusted, set to a count, transferred; and what can't be done with it."""

from typing import Any

import pytest

from tests.support.clerk import Clerk, keyless

MOST = "99999999999999.999999"


def at(shop: Clerk, product: Any, place: str, **given: Any) -> dict[str, Any]:
    return shop.line(product, location=shop.places[place], **given)


def because(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lines": list(lines), "reason": "Stocktaking", **more}


def moving(shop: Clerk, source: str, destination: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lines": list(lines), "source": shop.places[source], "destination": shop.places[destination], **more}


# ---------------------------------------------------------------- adjust


async def test_what_is_found_and_lost_is_moved_from_and_to_where_losses_are(shop: Clerk) -> None:
    product = await shop.product()
    found = await shop.do("stockAdjust", because(at(shop, product, "SHELF", delta="5.25")))
    place = {"product": {"sku": product["sku"]}, "location": {"code": "SHELF"}}
    assert found["stockLevels"] == [place | {"onHand": "5.25", "reserved": "0", "available": "5.25"}]
    move = {"product": {"sku": product["sku"]}, "reason": "Stocktaking", "principal": "clerk", "lineItem": None}
    loss, shelf = {"code": "LOSS"}, {"code": "SHELF"}
    assert found["moves"] == [move | {"source": loss, "destination": shelf, "quantity": "5.25"}]
    lost = await shop.do("stockAdjust", because(at(shop, product, "SHELF", delta="-5.25")))
    assert lost["stockLevels"] == [place | {"onHand": "0", "reserved": "0", "available": "0"}]
    assert lost["moves"] == [move | {"source": shelf, "destination": loss, "quantity": "5.25"}]


async def test_lines_of_one_product_at_one_place_are_summed(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "3"})
    line = at(shop, product, "SHELF", delta="-2")
    refusals = await shop.refusals("stockAdjust", because(line, line))
    facts = {"product": {"sku": product["sku"]}, "requested": "4", "available": "3"}
    assert [(each.path, each.facts) for each in refusals] == [("lines.0.delta", facts), ("lines.1.delta", facts)]
    # What comes in the same command may leave in it.
    made = await shop.do("stockAdjust", because(line, at(shop, product, "SHELF", delta="1"), line))
    assert [each["onHand"] for each in made["stockLevels"]] == ["0"]
    assert [each["quantity"] for each in made["moves"]] == ["2", "1", "2"]


async def test_only_what_is_available_can_be_lost(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"}, unit="kg")
    order = await shop.order((product, "3"), confirm=True)
    [refusal] = await shop.refusals("stockAdjust", because(at(shop, product, "SHELF", delta="-2.5")))
    assert (refusal.code, refusal.path) == ("INSUFFICIENT_STOCK", "lines.0.delta")
    assert refusal.facts == {"product": {"sku": product["sku"]}, "requested": "2.5", "available": "2"}
    assert (
        refusal.message
        == f"Only 2 kg of {product['sku']} are available at SHELF: of 5 there, 3 are reserved for {order['number']}."
    )
    await shop.do("stockAdjust", because(at(shop, product, "SHELF", delta="-2")))
    assert await shop.stock(product) == {"SHELF": ("3", "3")}


@pytest.mark.parametrize("delta", ["0", "0.0000001", "-0.0000001", "100000000000000", "-" + "9" * 20])
async def test_a_difference_that_makes_no_sense_is_refused(shop: Clerk, delta: str) -> None:
    product = await shop.product({"SHELF": "1"})
    given = because(at(shop, product, "SHELF", delta="1"), at(shop, product, "SHELF", delta=delta))
    assert await shop.refused("stockAdjust", given) == [("INVALID_INPUT", "lines.1.delta")]


async def test_more_than_can_be_counted_is_refused(shop: Clerk) -> None:
    product = await shop.product({"SHELF": MOST})
    tiny = at(shop, product, "SHELF", delta="0.000001")
    assert await shop.refused("stockAdjust", because(tiny)) == [("INVALID_INPUT", "lines.0.delta")]
    await shop.do("stockAdjust", because(at(shop, product, "RACK", delta=MOST)))
    given = moving(shop, "SHELF", "RACK", shop.line(product, quantity="0.000001"))
    assert await shop.refused("stockTransfer", given) == [("INVALID_INPUT", "lines.0.quantity")]
    # The graph can still add up what no column could hold.
    query = "query ($id: ID!) { product(by: {id: $id}) { stock { onHand available } } }"
    total = "199999999999999.999998"
    answer = await shop.ask(query, {"id": product["id"]})
    assert answer == ({"product": {"stock": {"onHand": total, "available": total}}}, [])


# ---------------------------------------------------------------- set


async def test_a_counted_balance_is_set_if_it_still_is_what_was_seen(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    up = await shop.do("stockSet", because(at(shop, product, "SHELF", onHand="7", expectedOnHand="5.000")))
    assert [(each["source"]["code"], each["quantity"]) for each in up["moves"]] == [("LOSS", "2")]
    down = await shop.do("stockSet", because(at(shop, product, "SHELF", onHand="4", expectedOnHand=None)))
    assert [(each["destination"]["code"], each["quantity"]) for each in down["moves"]] == [("LOSS", "3")]
    [refusal] = await shop.refusals(
        "stockSet", because(at(shop, product, "SHELF", onHand="9", expectedOnHand="4.000001"))
    )
    assert (refusal.code, refusal.path) == ("STALE_STOCK", "lines.0.expectedOnHand")
    assert refusal.facts == {"expected": "4.000001", "actual": "4"}
    assert refusal.message == f"4 of {product['sku']} are at SHELF now. Count again."
    zero = await shop.do("stockSet", because(at(shop, product, "SHELF", onHand="0")))
    assert [each["onHand"] for each in zero["stockLevels"]] == ["0"]


async def test_where_nothing_was_is_zero(shop: Clerk) -> None:
    product = await shop.product()
    stale = because(at(shop, product, "SHELF", onHand="1", expectedOnHand="1"))
    assert (await shop.refusals("stockSet", stale))[0].facts == {"expected": "1", "actual": "0"}
    made = await shop.do("stockSet", because(at(shop, product, "SHELF", onHand="1", expectedOnHand="0")))
    assert [each["onHand"] for each in made["stockLevels"]] == ["1"]


async def test_a_count_that_is_right_changes_nothing(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    before = await shop.digest()
    made = await shop.do("stockSet", because(at(shop, product, "SHELF", onHand="5", expectedOnHand="5")))
    assert ([each["onHand"] for each in made["stockLevels"]], made["moves"]) == (["5"], [])
    nothing = await shop.do("stockSet", because(at(shop, product, "RACK", onHand="0")))
    assert nothing == {"stockLevels": [], "moves": []}
    assert await shop.digest() == before


async def test_a_count_below_what_is_reserved_is_refused(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    await shop.order((product, "3"), confirm=True)
    [refusal] = await shop.refusals("stockSet", because(at(shop, product, "SHELF", onHand="2.5")))
    assert refusal[:2] == ("INSUFFICIENT_STOCK", "lines.0.onHand")
    assert refusal.facts == {"product": {"sku": product["sku"]}, "requested": "2.5", "available": "2"}
    await shop.do("stockSet", because(at(shop, product, "SHELF", onHand="3")))


async def test_one_balance_is_set_once_and_all_is_told(shop: Clerk) -> None:
    one, two = await shop.product({"SHELF": "5"}), await shop.product({"SHELF": "5"})
    given = because(
        at(shop, one, "SHELF", onHand="1"),
        at(shop, one, "RACK", onHand="1"),
        at(shop, one, "SHELF", onHand="1"),
        at(shop, two, "SHELF", onHand="1", expectedOnHand="1"),
    )
    assert await shop.refused("stockSet", given) == [
        ("INVALID_INPUT", "lines.2"),
        ("STALE_STOCK", "lines.3.expectedOnHand"),
    ]


@pytest.mark.parametrize("field,value", [("onHand", "-1"), ("onHand", "0.0000001"), ("expectedOnHand", "-0.000001")])
async def test_a_count_that_makes_no_sense_is_refused(shop: Clerk, field: str, value: str) -> None:
    line = at(shop, await shop.product(), "SHELF", onHand="1")
    assert await shop.refused("stockSet", because(line | {field: value})) == [("INVALID_INPUT", f"lines.0.{field}")]


# ---------------------------------------------------------------- transfer


async def test_goods_are_transferred(shop: Clerk) -> None:
    one, two = await shop.product({"SHELF": "5"}), await shop.product({"SHELF": "5", "DOCK": "1"})
    given = [shop.line(one, quantity="5"), shop.line(two, quantity="2"), shop.line(two, quantity="0.5")]
    made = await shop.do("stockTransfer", moving(shop, "SHELF", "DOCK", *given, reason="Closer"))
    assert [(each["quantity"], each["reason"]) for each in made["moves"]] == [
        ("5", "Closer"),
        ("2", "Closer"),
        ("0.5", "Closer"),
    ]
    assert await shop.stock(one) == {"SHELF": ("0", "0"), "DOCK": ("5", "0")}
    assert await shop.stock(two) == {"SHELF": ("2.5", "0"), "DOCK": ("3.5", "0")}
    assert len(made["stockLevels"]) == 4
    back = await shop.do("stockTransfer", moving(shop, "DOCK", "HOLD", shop.line(one, quantity="1")))
    assert [each["reason"] for each in back["moves"]] == ["transfer"]
    assert await shop.stock(one) == {"SHELF": ("0", "0"), "DOCK": ("4", "0"), "HOLD": ("1", "0")}


async def test_only_what_is_available_can_be_transferred(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5", "DOCK": "9"})
    await shop.order((product, "3"), confirm=True, warehouse=shop.warehouses["NORTH"])
    line = shop.line(product, quantity="1.5")
    refusals = await shop.refusals("stockTransfer", moving(shop, "SHELF", "DOCK", line, line))
    facts = {"product": {"sku": product["sku"]}, "requested": "3", "available": "2"}
    assert [(each.code, each.path, each.facts) for each in refusals] == [
        ("INSUFFICIENT_STOCK", f"lines.{index}.quantity", facts) for index in (0, 1)
    ]


async def test_goods_are_not_transferred_to_where_they_are_or_out_of_the_house(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    line = shop.line(product, quantity="1")
    assert await shop.refused("stockTransfer", moving(shop, "SHELF", "SHELF", line)) == [
        ("INVALID_INPUT", "destination")
    ]
    for kind in ("SUPPLIER", "CUSTOMER", "LOSS"):
        given = {"warehouse": shop.warehouses["SOUTH"], "code": f"OUT {kind}", "name": kind, "kind": kind}
        outside = (await shop.do("locationCreate", given))["id"]
        there = moving(shop, "SHELF", "DOCK", line)
        assert await shop.refused("stockTransfer", there | {"destination": outside}) == [
            ("INVALID_INPUT", "destination")
        ]
        assert ("INVALID_INPUT", "source") in await shop.refused("stockTransfer", there | {"source": outside})
        line_there = shop.line(product, location=outside)
        adjusted = await shop.refused("stockAdjust", because(line_there | {"delta": "1"}))
        counted = await shop.refused("stockSet", because(line_there | {"onHand": "1"}))
        assert adjusted == counted == [("INVALID_INPUT", "lines.0.location")]


# ---------------------------------------------------------------- all three


async def test_what_is_unknown_is_told_line_by_line_and_anothers_is_unknown(shop: Clerk, rival: Clerk) -> None:
    mine, theirs = await shop.product({"SHELF": "1"}), await rival.product({"SHELF": "1"})
    nowhere, nothing = "loc_" + "0" * 32, {"product": {"id": "prod_" + "0" * 32}}
    foreign = {"product": {"id": theirs["id"]}}
    told = []
    for place, product in ((nowhere, nothing), (rival.places["SHELF"], foreign)):
        for field, more in (("stockAdjust", {"delta": "1"}), ("stockSet", {"onHand": "1"})):
            good = at(shop, mine, "SHELF", **more)
            bad = [good, good | {"location": place, **product}, good | product]
            told.append(await shop.refusals(field, because(*bad)))
        bad = [shop.line(mine, quantity="1"), {"quantity": "1", **product}]
        told.append(await shop.refusals("stockTransfer", moving(shop, "SHELF", "DOCK", *bad)))
        told.append(await shop.refusals("stockTransfer", moving(shop, "SHELF", "DOCK", *bad) | {"source": place}))
    assert [*map(keyless, told[:4])] == [*map(keyless, told[4:])]
    assert [each[:2] for each in told[0]] == [
        ("NOT_FOUND", "lines.1.product"),
        ("NOT_FOUND", "lines.2.product"),
        ("NOT_FOUND", "lines.1.location"),
    ]
    assert [each[:2] for each in told[2]] == [("NOT_FOUND", "lines.1.product")]
    assert [each[:2] for each in told[3]] == [("NOT_FOUND", "lines.1.product"), ("NOT_FOUND", "source")]


@pytest.mark.parametrize("field", ["stockAdjust", "stockSet", "stockTransfer"])
async def test_the_limits_of_a_command_about_stock(shop: Clerk, field: str) -> None:
    product = await shop.product({"SHELF": "1"})
    more = {"stockAdjust": {"delta": "1"}, "stockSet": {"onHand": "1"}, "stockTransfer": {"quantity": "0.001"}}[field]
    line = shop.line(product, **more) if field == "stockTransfer" else at(shop, product, "SHELF", **more)
    make = (lambda *lines: moving(shop, "SHELF", "DOCK", *lines)) if field == "stockTransfer" else because
    assert await shop.refused(field, make()) == [("INVALID_INPUT", "lines")]
    assert await shop.refused(field, make(*[line] * 501)) == [("INVALID_INPUT", "lines")]
    for reason in ("", " ", "r" * 501, "\0", "\ud800"):
        assert await shop.refused(field, make(line) | {"reason": reason}) == [("INVALID_INPUT", "reason")]
    bad = line | {"product": {"sku": "\0"}}
    assert await shop.refused(field, make(bad)) == [("INVALID_INPUT", "lines.0.product.sku")]
    if field != "stockSet":  # one balance can be set only once
        await shop.do(field, make(*[line] * 500))
