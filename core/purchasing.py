"""What concerns buying alone: its permissions, words, and what the state of a purchase order allows."""

from decimal import Decimal
from enum import auto

from core.choices import Choice
from core.modules import ChangeKind, Permission
from core.problems import Problems

BUYER = "buyer"
PERMISSIONS = {
    "purchasing:read": Permission(
        "see who delivers products and at what price, purchase orders, receipts and reorder rules", (BUYER, "warehouse")
    ),
    "purchasing:write": Permission(
        "set suppliers and reorder rules of products, and create, change, confirm and cancel purchase orders", (BUYER,)
    ),
    "bills:approve": Permission("set how much receipts and bills may differ from what was ordered"),
    "purchasing:receive": Permission("receive the goods of purchase orders, and send some back", (BUYER, "warehouse")),
}
CHANGES = {
    "PURCHASE_ORDER": ChangeKind(8, "pur", "PurchaseOrder with all its lines. Needs purchasing:read."),
    "RECEIPT": ChangeKind(9, "rcp", "Receipt: what came of a purchase order. Needs purchasing:read."),
}
SUBJECTS = {"purchase_order": "pur", "product_supplier": "psu", "receipt": "rcp", "reorder_rule": "ror"}
SUBJECTS |= {"purchase_settings": "ten"}
OVER_QUANTITY = "OVER_QUANTITY"
ERROR_CODES = {OVER_QUANTITY: "More is received or returned than is left of a line."}
PATTERN = "PO-{year}-{n:06}"
"""How purchase orders are numbered."""


class PurchaseStatus(Choice):
    """The state of a purchase order."""

    DRAFT = auto(), "Being put together; nothing is announced."
    CONFIRMED = auto(), "Ordered from the supplier; its goods are incoming."
    CLOSED = auto(), "Everything that was not cancelled has been received."
    CANCELLED = auto(), "Cancelled before anything was received."


class PurchaseAction(Choice):
    """Something that can be done with a purchase order."""

    UPDATE = auto(), "purchaseOrderUpdate: change its note and expected day, and the lines of a draft."
    CONFIRM = auto(), "purchaseOrderConfirm: order it from the supplier."
    RECEIVE = auto(), "purchaseOrderReceive: something is still to come."
    RETURN = auto(), "purchaseOrderReturn: something came that didn't go back."
    CANCEL = auto(), "purchaseOrderCancel: something hasn't come that can be cancelled."


# A confirmed order always has something that is still to come: what has nothing left is closed or cancelled. Whether anything
# can go back, ``available_actions`` tells.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "DRAFT": ("UPDATE", "CONFIRM", "CANCEL"),
    "CONFIRMED": ("UPDATE", "RECEIVE", "RETURN", "CANCEL"),
    "CLOSED": ("RETURN",),
    "CANCELLED": (),
}


def available_actions(status: str, *, returnable: bool) -> list[str]:
    """What can be done with a purchase order now, in the order of the graph's enum; ``returnable``: something came that didn't
    go back.
    """
    return [action for action in TRANSITIONS[status] if returnable or action != "RETURN"]


def note_excess(problems: Problems, message: str, *path: str | int, requested: Decimal, left: Decimal) -> None:
    """Note that more is wanted of a line than is left of it, with the facts that the code promises."""
    problems.add(OVER_QUANTITY, message, *path, requested=requested, left=left)
