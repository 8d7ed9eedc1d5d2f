"""What concerns products alone."""

from enum import auto

from core.choices import Choice
from core.modules import PARTNER, READERS, ChangeKind, Permission

PERMISSIONS = {
    "catalog:read": Permission("see products", (*READERS, PARTNER)),
    "catalog:write": Permission("create and change products"),
}
CHANGES = {"PRODUCT": ChangeKind(1, "prod", "Product. Needs catalog:read.")}
SUBJECTS = {"product": "prod"}


class Tracking(Choice):
    """How the goods of a product are distinguished."""

    NONE = auto(), "Not at all."
    LOT = auto(), "By lots, with a last day where they expire."
    SERIAL = auto(), "By serial numbers, one by one: each is a lot of one."
