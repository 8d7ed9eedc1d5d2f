"""Orders that are changed and confirmed: notes, lines, promises."""

from typing import Any

import pytest

from tests.support.clerk import Clerk, lines, progress


def by(order: Any, **given: Any) -> dict[str, Any]:
    return {"order": {"id": order["id"]}, **given}


# ---------------------------------------------------------------- update


async def test_a_note_is_changed_emptied_and_left_alone(shop: Clerk) -> None:
    made = await shop.order((await shop.product(), "1"), note="First")
    changed = await shop.do("orderUpdate", by(made, note="Second", expectedVersion=1))
    assert changed == made | {"note": "Second", "version": 2}
    emptied = await shop.do("orderUpdate", by(made, note=None))
    assert emptied == made | {"note": None, "version": 3}
    assert [(each["before"], each["after"]) for each in (await shop.events(made))[1:]] == [
        ({"note": "First"}, {"note": "Second"}),
        ({"note": "Second"}, {"note": None}),
    ]


@pytest.mark.parametrize("given", [{}, {"note": "Same"}, {"expectedVersion": 1}])
async def test_a_change_that_changes_nothing_leaves_no_trace(shop: Clerk, given: dict[str, Any]) -> None:
    made = await shop.order((await shop.product(), "1"), note="Same")
    before = await shop.digest()
    assert await shop.do("orderUpdate", by(made, **given)) == made
    assert await shop.digest() == before


async def test_the_lines_of_a_draft_are_replaced(shop: Clerk) -> None:
    old, new = await shop.product(name="Old"), await shop.product(name="New")
    made = await shop.order((old, "1"), (old, "2"), (old, "3"), note="Stays")
    given = [shop.line(new, quantity="1.5", unitPrice="0.33"), shop.line(old, quantity="1")]
    changed = await shop.do("orderUpdate", by(made, lineItems=given))
    assert [(each["position"], each["description"], each["total"]["amount"]) for each in lines(changed)] == [
        (1, "New", "0.50"),
        (2, "Old", "10.00"),
    ]
    assert (changed["version"], changed["note"], changed["total"]["amount"]) == (2, "Stays", "10.50")
    assert not {each["id"] for each in lines(made)} & {each["id"] for each in lines(changed)}


async def test_lines_can_not_be_none(shop: Clerk) -> None:
    made = await shop.order((await shop.product(), "1"))
    [refusal] = await shop.refusals("orderUpdate", by(made, lineItems=None))
    assert refusal[:3] == ("INVALID_INPUT", "lineItems", "This can't be null: leave it out instead.")
    [refusal] = await shop.refusals("orderUpdate", by(made, lineItems=[]))
    assert refusal[:3] == ("INVALID_INPUT", "lineItems", "At least one is needed.")


async def test_new_lines_are_as_good_as_those_of_a_new_order(shop: Clerk) -> None:
    product, gone = await shop.product(), await shop.product(active=False)
    made = await shop.order((product, "1"))
    unpriced = await shop.product(listPrice={"amount": "1", "currency": "JPY"})
    given = [
        shop.line(product, quantity="1"),
        shop.line(gone, quantity="1"),
        shop.line(unpriced, quantity="1"),
        {"product": {"sku": "NOBODY"}, "quantity": "1"},
        shop.line(product, quantity="99999999999999", unitPrice="2"),
    ]
    assert sorted(await shop.refused("orderUpdate", by(made, lineItems=given))) == [
        ("INVALID_INPUT", "lineItems"),
        ("INVALID_INPUT", "lineItems.1.product"),
        ("INVALID_INPUT", "lineItems.2.unitPrice"),
        ("INVALID_INPUT", "lineItems.4.quantity"),
        ("NOT_FOUND", "lineItems.3.product"),
    ]


async def test_the_lines_of_a_confirmed_order_stand_and_its_note_does_not(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "5"})
    made = await shop.order((product, "2"), confirm=True)
    given = by(made, lineItems=[shop.line(product, quantity="1")], note="More")
    [refusal] = await shop.refusals("orderUpdate", given)
    assert (refusal.code, refusal.path, refusal.facts) == (
        "INVALID_TRANSITION",
        "lineItems",
        {"status": "CONFIRMED", "availableActions": ["UPDATE", "SHIP", "CANCEL"]},
    )
    assert refusal.message == f"{made['number']} is confirmed: its lines are changed by changes."
    changed = await shop.do("orderUpdate", by(made, note="More"))
    assert changed == made | {"note": "More", "version": 3}


# ---------------------------------------------------------------- confirm


@pytest.mark.parametrize("key", ["id", "number", "externalId"])
async def test_an_order_is_confirmed_by_each_of_its_keys(shop: Clerk, key: str) -> None:
    product = await shop.product({"SHELF": "5"})
    made = await shop.order((product, "2"), externalId=f"X-{key}")
    confirmed = await shop.do("orderConfirm", {"order": {key: made[key]}, "expectedVersion": 1})
    assert confirmed == confirmed | {
        "status": "CONFIRMED",
        "version": 2,
        "reservationStatus": "FULL",
        "availableActions": ["UPDATE", "SHIP", "CANCEL"],
    }
    assert progress(confirmed) == [("2", "2", "0", "0", "0")]
    assert await shop.stock(product) == {"SHELF": ("5", "2")}


async def test_all_of_an_order_is_confirmed_or_nothing(shop: Clerk) -> None:
    product, scarce = await shop.product({"SHELF": "5"}), await shop.product({"SHELF": "1"})
    made = await shop.order((product, "2"), (scarce, "2"))
    [refusal] = await shop.refusals("orderConfirm", by(made))
    assert (refusal.code, refusal.path, refusal.facts) == (
        "INSUFFICIENT_STOCK",
        "order",
        {"product": {"sku": scarce["sku"]}, "requested": "2", "available": "1"},
    )
    assert await shop.again(made) == made
    waiting = await shop.do("orderConfirm", by(made, allowBackorder=True))
    assert progress(waiting) == [("2", "2", "0", "0", "0"), ("2", "1", "0", "0", "0")]
    assert waiting["reservationStatus"] == "PARTIAL"


async def test_what_was_said_when_it_was_made_holds_when_it_is_confirmed(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "1", "DOCK": "1"})
    made = await shop.order((product, "2"), allowBackorder=True, warehouse=shop.warehouses["SOUTH"])
    confirmed = await shop.do("orderConfirm", by(made))
    assert progress(confirmed) == [("2", "1", "0", "0", "0")]
    assert await shop.stock(product) == {"SHELF": ("1", "0"), "DOCK": ("1", "1")}


async def test_an_order_is_confirmed_from_one_warehouse(shop: Clerk, rival: Clerk) -> None:
    product = await shop.product({"SHELF": "9", "DOCK": "1"})
    made = await shop.order((product, "2"))
    [refusal] = await shop.refusals("orderConfirm", by(made, warehouse=shop.warehouses["SOUTH"]))
    assert refusal.facts == {"product": {"sku": product["sku"]}, "requested": "2", "available": "1"}
    for warehouse in ("wh_" + "0" * 32, rival.warehouses["NORTH"]):
        # Nothing is short of a warehouse that isn't there.
        found = await shop.refusals("orderConfirm", by(made, warehouse=warehouse))
        message = f'There is no warehouse with the id "{warehouse}".'
        assert [each[:3] for each in found] == [("NOT_FOUND", "warehouse", message)]
    await shop.do("orderConfirm", by(made, warehouse=shop.warehouses["NORTH"]))
    assert await shop.stock(product) == {"SHELF": ("9", "2"), "DOCK": ("1", "0")}


# ---------------------------------------------------------------- versions and keys


@pytest.mark.parametrize("field", ["orderUpdate", "orderConfirm", "orderShip", "orderCancel", "orderReturn"])
async def test_an_order_is_changed_only_in_the_version_that_was_seen(shop: Clerk, field: str) -> None:
    product = await shop.product({"SHELF": "9"})
    made = await shop.order((product, "4"), confirm=field not in ("orderUpdate", "orderConfirm"))
    if field == "orderReturn":
        made = await shop.do("orderShip", by(made))
    back = {"lineItem": lines(made)[0]["id"], "quantity": "1", "disposition": "RESTOCK"}
    inputs: dict[str, dict[str, Any]] = {"orderUpdate": {"note": "New"}, "orderReturn": {"lineItems": [back]}}
    given = inputs.get(field, {})
    version = made["version"]
    for wrong in (version - 1 or version + 2, version + 1):
        [refusal] = await shop.refusals(field, by(made, expectedVersion=wrong, **given))
        assert (refusal.code, refusal.path) == ("VERSION_CONFLICT", "expectedVersion")
        assert refusal.facts == {"currentVersion": version}
    assert (await shop.do(field, by(made, expectedVersion=version, **given)))["version"] == version + 1


@pytest.mark.parametrize("field", ["orderUpdate", "orderConfirm", "orderShip", "orderCancel", "orderReturn"])
async def test_an_order_of_another_company_is_as_unknown_as_one_that_is_not_there(
    shop: Clerk, rival: Clerk, field: str
) -> None:
    theirs = await rival.order((await rival.product(), "1"), number=f"R-{field}", externalId=f"X-{field}")
    more = {}
    if field == "orderReturn":
        more = {"lineItems": [{"lineItem": lines(theirs)[0]["id"], "quantity": "1", "disposition": "RESTOCK"}]}
    before = await rival.digest()
    for key, nobody in (("id", "ord_" + "0" * 32), ("number", "NOBODY"), ("externalId", "NOBODY")):
        for value in (theirs[key], nobody):
            found = await shop.refusals(field, {"order": {key: value}, **more})
            # Another's and nobody's look the same, but for the key that was sent.
            assert [each[:3] for each in found] == [
                ("NOT_FOUND", "order", f'There is no order with the {key} "{value}".')
            ]
    assert await rival.digest() == before
