"""What concerns products alone."""

from enum import auto

from core.choices import Choice
from core.modules import PARTNER, READERS, ChangeKind, Permission

PERMISSIONS = {
    "catalog:read": Permission("see products and their categories", (*READERS, PARTNER)),
    "catalog:write": Permission("create and change products and their categories"),
}
CHANGES = {"PRODUCT": ChangeKind(1, "prod", "Product. Needs catalog:read.")}
SUBJECTS = {"product": "prod", "product_category": "cat"}

MOST_LEVELS = 20
"""Levels of the tree of categories: deeper than any shop's, and what a command reads at most."""


class Tracking(Choice):
    """How the goods of a product are distinguished."""

    NONE = auto(), "Not at all."
    LOT = auto(), "By lots, with a last day where they expire."
    SERIAL = auto(), "By serial numbers, one by one: each is a lot of one."


class CostMethod(Choice):
    """How goods are valued."""

    AVERAGE = auto(), "At the average of all that are there, which each receipt changes."
    FIFO = auto(), "At the cost of those that came first."
