"""The states of an order, and what each allows: one table for the mutations and ``availableActions``."""

from decimal import Decimal
from enum import auto
from typing import NamedTuple

from core.choices import Choice
from core.modules import PARTNER, READERS, ChangeKind, Permission

PERMISSIONS = {
    "orders:read": Permission("see orders and their line items", (*READERS, PARTNER)),
    "orders:write": Permission("create, change, confirm and cancel orders", ("clerk",)),
    "orders:fulfil": Permission("ship orders and take goods back", ("warehouse",)),
}
CHANGES = {
    "ORDER": ChangeKind(6, "ord", "Order with all its lines. Needs orders:read."),
    "SHIPMENT": ChangeKind(7, "shp", "Shipment: what left for an order. Needs orders:read."),
}
SUBJECTS = {"order": "ord", "shipment": "shp", "hold": "hld"}
INVALID_TRANSITION = "INVALID_TRANSITION"
ERROR_CODES = {INVALID_TRANSITION: "The order's state doesn't allow this action."}


class OrderStatus(Choice):
    """The state of an order. The fields reservationStatus, shipmentStatus and returnStatus report the progress of its lines."""

    DRAFT = auto(), "Being put together; holds no stock."
    CONFIRMED = auto(), "Promised; stock is reserved."
    CLOSED = auto(), "Everything that was not cancelled has been shipped."
    CANCELLED = auto(), "Cancelled before anything was shipped."


class OrderAction(Choice):
    """Something that can be done with an order."""

    UPDATE = auto(), "orderUpdate: change its note and addresses, or all that a draft says."
    CONFIRM = auto(), "orderConfirm: reserve its stock."
    SHIP = auto(), "orderShip: something is reserved that hasn't been shipped."
    CANCEL = auto(), "orderCancel: something can be cancelled, as it hasn't been shipped."
    RETURN = auto(), "orderReturn: something was shipped that didn't come back."


class ReturnDisposition(Choice):
    """What becomes of goods that come back."""

    RESTOCK = auto(), "Back into stock, to be sold again."
    QUARANTINE = auto(), "Kept apart until somebody has inspected them."
    SCRAP = auto(), "Thrown away: they go to the location for losses."


class ShipmentStatus(Choice):
    """How a shipment stands."""

    SHIPPED = auto(), "The goods have left."
    CANCELLED = auto(), "It was a mistake: the goods are back where they were, and reserved again."


class HoldStatus(Choice):
    """How a hold stands."""

    HELD = auto(), "The goods are kept."
    EXPIRED = auto(), "Its time is over, and its goods are available again."
    RELEASED = auto(), "It was let go."
    ORDERED = auto(), "It became an order."


class Progress(NamedTuple):
    """How far an order's lines are: 0 nothing, 1 a part, 2 all."""

    reservation: int
    shipment: int
    returned: int
    held: bool = False
    """Whether anything is reserved that hasn't left yet."""


ADDRESS_ROLES = {"shipping_address": "SHIPPING", "billing_address": "BILLING"}
"""An order's addresses, and the role that one of its customer's must have for each."""


PROGRESS = ("NONE", "PARTIAL", "FULL")


def share(part: Decimal, whole: Decimal) -> int:
    """How far a part is on its way to the whole: an entry of ``Progress``."""
    if part <= 0:
        return 0
    return 1 if part < whole else 2


# What a state allows at all. Which of it makes sense now, ``available_actions`` tells.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "DRAFT": ("UPDATE", "CONFIRM", "CANCEL"),
    "CONFIRMED": ("UPDATE", "SHIP", "CANCEL", "RETURN"),
    "CLOSED": ("RETURN",),
    "CANCELLED": (),
}


def available_actions(status: str, progress: Progress) -> list[str]:
    """What can be done with an order now, in the order of the contract's enum.

    Shipping needs something reserved that hasn't left, a return something that has left and isn't
    back, and a cancellation something that hasn't left.
    """
    sensible = {
        "SHIP": progress.held,
        "RETURN": progress.shipment > 0 and progress.returned < 2,
        "CANCEL": progress.shipment < 2,
    }
    return [action for action in TRANSITIONS[status] if sensible.get(action, True)]
