"""The states of an order, and what each allows: one table for the mutations and ``availableActions``."""

from decimal import Decimal
from typing import NamedTuple


class Progress(NamedTuple):
    """How far an order's lines are: 0 nothing, 1 a part, 2 all."""

    reservation: int
    shipment: int
    returned: int
    held: bool = False
    """Whether anything is reserved that hasn't left yet."""


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
