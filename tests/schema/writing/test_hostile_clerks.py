"""What clerks do who are in a hurry, or mean harm: goods that were sent, undone, edited and sent again, and places that are gone."""

from typing import Any

import pytest

from tests.schema.writing.test_lines_changed import changing
from tests.schema.writing.test_lots import in_days, levels, tracked
from tests.schema.writing.test_shipments import shipped
from tests.support.buyer import Buyer
from tests.support.clerk import Clerk, lines, progress
from tests.support.desk import Desk


def back(order: Any, quantity: str, disposition: str = "RESTOCK", **more: str) -> dict[str, Any]:
    """The input of so much of an order's first line that comes back."""
    part = {"lineItem": lines(order)[0]["id"], "quantity": quantity, "disposition": disposition, **more}
    return {"order": {"id": order["id"]}, "lineItems": [part]}


# ---------------------------------------------------------------- sent, undone, edited


async def test_sent_undone_edited_and_sent_again(shop: Clerk) -> None:
    one, other = await shop.product({"SHELF": "9"}), await shop.product({"RACK": "9"})
    order = await shop.order((one, "4"), confirm=True)
    first = await shipped(shop, order, {"quantity": "3"})
    below = changing(order, {"lineItem": lines(order)[0]["id"], "quantity": "2"})
    assert await shop.refused("orderUpdate", below) == [("INVALID_INPUT", "changes.0.quantity")]
    await shop.do("shipmentCancel", {"shipment": first["id"]})
    changed = await shop.do("orderUpdate", below | {"changes": [*below["changes"], shop.line(other, quantity="1")]})
    assert progress(changed) == [("2", "2", "0", "0", "0"), ("1", "1", "0", "0", "0")]
    assert await shop.refused("shipmentCancel", {"shipment": first["id"]}) == [("INVALID_TRANSITION", "shipment")]
    assert await shop.refused("orderReturn", back(order, "1")) == [("INVALID_TRANSITION", "order")]
    sent = await shop.do("orderShip", {"order": {"id": order["id"]}})
    assert sent["status"] == "CLOSED"
    assert await shop.stock(one) == {"SHELF": ("7", "0")}
    second = await shop.ask(
        "query ($id: ID!) { order(by: {id: $id}) { shipments { nodes { id number } } } }", {"id": order["id"]}
    )
    nodes = second.data["order"]["shipments"]["nodes"]
    assert [each["number"] for each in nodes] == [f"{order['number']}-2", f"{order['number']}-1"]
    await shop.do("shipmentCancel", {"shipment": nodes[0]["id"]})
    gone = await shop.do(
        "orderUpdate", changing(order, *({"lineItem": line["id"], "quantity": "0"} for line in lines(changed)))
    )
    assert gone["status"] == "CANCELLED"
    assert await shop.stock(one) == {"SHELF": ("9", "0")}


async def test_no_more_comes_back_than_left_however_it_is_named(shop: Clerk) -> None:
    product = await shop.product({"SHELF": "9"})
    order = await shop.order((product, "3"), confirm=True)
    await shipped(shop, order)
    parts = [back(order, "2", disposition)["lineItems"][0] for disposition in ("RESTOCK", "SCRAP")]
    given = {"order": {"id": order["id"]}, "lineItems": parts}
    assert await shop.refused("orderReturn", given) == [("INVALID_INPUT", "lineItems.1.quantity")]


# ---------------------------------------------------------------- lots and serial numbers


async def test_a_shipment_stands_whose_lot_came_back_though_others_are_out(shop: Clerk) -> None:
    product = await tracked(shop, ("A", "SHELF", "2", in_days(5)), ("B", "SHELF", "2", in_days(6)))
    order = await shop.order((product, "4"), confirm=True)
    first = await shipped(shop, order, {"quantity": "2", "lots": [{"lot": "A", "quantity": "2"}]})
    second = await shipped(shop, order)
    await shop.do("orderReturn", back(order, "2", "SCRAP", lot="A"))
    [refusal] = await shop.refusals("shipmentCancel", {"shipment": first["id"]})
    assert refusal[:2] == ("INVALID_TRANSITION", "shipment")
    assert "of lot A" in refusal.message
    await shop.do("shipmentCancel", {"shipment": second["id"]})
    assert await levels(shop, product) == {("SHELF", "B"): ("2", "2")}


async def test_a_shipment_stands_whose_serial_number_was_sold_again(shop: Clerk) -> None:
    product = await tracked(shop, ("S1", "SHELF", "1", None), ("S2", "SHELF", "1", None), by="SERIAL")
    order = await shop.order((product, "2"), confirm=True)
    first = await shipped(shop, order, {"quantity": "1", "lots": [{"lot": "S1", "quantity": "1"}]})
    await shipped(shop, order)
    await shop.do("orderReturn", back(order, "1", lot="S1"))
    await shipped(shop, await shop.order((product, "1"), confirm=True))
    assert await shop.refused("shipmentCancel", {"shipment": first["id"]}) == [("INVALID_TRANSITION", "shipment")]
    assert await levels(shop, product) == {}


# ---------------------------------------------------------------- places that are gone


async def place(shop: Clerk, kind: str = "INTERNAL") -> Any:
    """A warehouse of one location, which nothing is in."""
    code = f"GONE-{len(shop.places)}"
    site = await shop.do("warehouseCreate", {"code": code, "name": code})
    made = await shop.do("locationCreate", {"warehouse": site["id"], "code": f"{code}-1", "name": code, "kind": kind})
    shop.places[made["code"]] = made["id"]
    return made


async def sent_from_a_place_that_is_gone(shop: Clerk) -> tuple[Any, Any, Any]:
    """The place, the order and its shipment."""
    gone = await place(shop)
    product = await shop.product({gone["code"]: "2"})
    order = await shop.order((product, "2"), confirm=True)
    shipment = await shipped(shop, order)
    await shop.do("archive", {"id": gone["id"]})
    return gone, order, shipment


async def test_goods_dont_come_back_to_a_place_that_is_archived(shop: Clerk) -> None:
    gone, order, shipment = await sent_from_a_place_that_is_gone(shop)
    [refusal] = await shop.refusals("shipmentCancel", {"shipment": shipment["id"]})
    assert refusal[:2] == ("INVALID_INPUT", "shipment")
    assert f"{gone['code']} is archived" in refusal.message
    assert await shop.refused("orderReturn", back(order, "1", location=gone["id"])) == [
        ("INVALID_INPUT", "lineItems.0.location")
    ]
    [refusal] = await shop.refusals("orderReturn", back(order, "1"))
    assert refusal[:2] == ("INVALID_INPUT", "lineItems.0.location")
    await shop.do("orderReturn", back(order, "1", location=shop.places["SHELF"]))
    await shop.do("archive", {"id": gone["id"], "archived": False})
    await shop.do("orderReturn", back(order, "1"))


async def test_what_comes_back_isnt_kept_apart_where_the_place_for_it_is_archived(desk: Desk) -> None:
    shop = await desk.open()
    product = await shop.product({"SHELF": "2"})
    order = await shop.order((product, "2"), confirm=True)
    await shipped(shop, order)
    await shop.do("archive", {"id": shop.places["HOLD"]})
    assert await shop.refused("orderReturn", back(order, "1", "QUARANTINE")) == [
        ("INVALID_INPUT", "lineItems.0.location")
    ]
    other = await place(shop, "QUARANTINE")
    await shop.do("orderReturn", back(order, "1", "QUARANTINE"))
    assert await shop.stock(product) == {"SHELF": ("0", "0"), other["code"]: ("1", "0")}


async def test_nothing_is_ordered_to_a_place_that_is_archived(shop: Clerk) -> None:
    gone, product, buyer = await place(shop), await shop.product(), Buyer(shop)
    await buyer.supplier()
    draft = await buyer.order((product, "3"), place=gone["code"])
    await shop.do("archive", {"id": gone["id"]})
    assert [code for code, _ in await buyer.refused("Confirm", draft)] == ["INVALID_INPUT"]


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize("times", [2, 3])
async def test_keys_go_round_in_a_circle(shop: Clerk, times: int) -> None:
    product, other = await shop.product(), await shop.product()
    keys = [product["sku"], *(f"{product['sku']}-{turn}" for turn in range(times - 1))]
    for turn in range(2 * times):
        await shop.do("rename", {"id": product["id"], "key": keys[(turn + 1) % times]})
        for key in keys[: turn + 2]:
            found = await shop.ask("query ($sku: String!) { product(by: {sku: $sku}) { id sku } }", {"sku": key})
            assert found.data["product"] == {"id": product["id"], "sku": keys[(turn + 1) % times]}
            assert await shop.refused("rename", {"id": other["id"], "key": key}) == [("DUPLICATE", "key")]
