"""How far something is that is done in parts."""

from enum import auto

from core.choices import Choice


class Progress(Choice):
    """How far an order's lines are reserved, shipped or returned."""

    NONE = auto(), "Nothing yet, or there is nothing to do."
    PARTIAL = auto(), "Some of it, and not all."
    FULL = auto(), "All of it."
