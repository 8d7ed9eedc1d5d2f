"""Every action in every state of an order, as the one table of transitions has it."""

from typing import Any

import pytest

from core.sales import TRANSITIONS
from tests.support.clerk import Clerk, lines

ACTIONS = ("UPDATE", "CONFIRM", "SHIP", "CANCEL", "RETURN")

STATES = {
    "a draft": ("DRAFT", ["UPDATE", "CONFIRM", "CANCEL"]),
    "a cancelled draft": ("CANCELLED", []),
    "all reserved": ("CONFIRMED", ["UPDATE", "SHIP", "CANCEL"]),
    "all waiting": ("CONFIRMED", ["UPDATE", "CANCEL"]),
    "a part reserved": ("CONFIRMED", ["UPDATE", "SHIP", "CANCEL"]),
    "a part shipped": ("CONFIRMED", ["UPDATE", "SHIP", "CANCEL", "RETURN"]),
    "a part shipped, the rest waiting": ("CONFIRMED", ["UPDATE", "CANCEL", "RETURN"]),
    "a part shipped and back": ("CONFIRMED", ["UPDATE", "SHIP", "CANCEL"]),
    "all shipped": ("CLOSED", ["RETURN"]),
    "all shipped, a part back": ("CLOSED", ["RETURN"]),
    "all shipped and back": ("CLOSED", []),
    "a part shipped, the rest cancelled": ("CLOSED", ["RETURN"]),
    "all cancelled": ("CANCELLED", []),
}
"""The state of an order after what its name says happened, and what can be done with it then."""


async def bring(shop: Clerk, name: str) -> Any:
    """An order of 4 in this state."""
    on_hand = "2" if name in ("a part reserved", "a part shipped, the rest waiting") else "4"
    product = await shop.product(None if name == "all waiting" else {"SHELF": on_hand})
    confirm = "draft" not in name
    order = await shop.order((product, "4"), confirm=confirm, allowBackorder=confirm)

    async def then(field: str, quantity: str | None = None, **more: str) -> Any:
        given: dict[str, Any] = {"order": {"id": order["id"]}}
        if quantity:
            given["lineItems"] = [{"lineItem": lines(order)[0]["id"], "quantity": quantity, **more}]
        return await shop.do(field, given)

    if name == "a part shipped, the rest waiting":
        order = await then("orderShip")
    elif "a part shipped" in name:
        order = await then("orderShip", "1")
    elif "all shipped" in name:
        order = await then("orderShip")
    if name in {"all shipped, a part back", "a part shipped and back"}:
        order = await then("orderReturn", "1", disposition="SCRAP")
    elif name == "all shipped and back":
        order = await then("orderReturn", "4", disposition="SCRAP")
    elif "cancelled" in name:
        order = await then("orderCancel")
    return order


@pytest.mark.parametrize("name", STATES)
async def test_every_action_is_allowed_or_refused_as_the_order_says(shop: Clerk, name: str) -> None:
    order = await bring(shop, name)
    status, actions = STATES[name]
    assert (order["status"], order["availableActions"]) == (status, actions)
    assert {*actions} <= {*TRANSITIONS[status]}
    line = {"lineItem": lines(order)[0]["id"], "quantity": "1", "disposition": "SCRAP"}
    given: dict[str, dict[str, Any]] = {"UPDATE": {"note": "New"}, "RETURN": {"lineItems": [line]}}
    for action in ACTIONS:
        if action in actions:
            continue
        field, forbidden = f"order{action.capitalize()}", {"order": {"id": order["id"]}, **given.get(action, {})}
        [refusal] = await shop.refusals(field, forbidden)
        assert (refusal.code, refusal.path) == ("INVALID_TRANSITION", "order")
        assert refusal.facts == {"status": status, "availableActions": actions}
        assert refusal.message.startswith(f"{order['number']} is {status.lower()} and can't be ")
    for action in actions:  # each on an order of its own
        order = await bring(shop, name)
        line["lineItem"] = lines(order)[0]["id"]
        changed = await shop.do(f"order{action.capitalize()}", {"order": {"id": order["id"]}, **given.get(action, {})})
        assert changed["version"] == order["version"] + 1


def test_every_state_of_the_table_is_met() -> None:
    assert {status for status, _ in STATES.values()} == {*TRANSITIONS}
    for status, allowed in TRANSITIONS.items():
        assert {action for found, actions in STATES.values() if found == status for action in actions} == {*allowed}


async def test_a_wrong_version_is_told_before_a_wrong_state(shop: Clerk) -> None:
    order = await bring(shop, "all cancelled")
    given = {"order": {"id": order["id"]}, "expectedVersion": 1}
    assert await shop.refused("orderConfirm", given) == [("VERSION_CONFLICT", "expectedVersion")]
