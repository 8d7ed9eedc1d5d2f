"""What a purchase order's state says."""

from core.purchasing import available_actions
from execution import Batch


def actions(batch: Batch) -> list[list[str]]:
    """From the table of transitions that the mutations use."""
    return [available_actions(status) for status in batch.column("status")]
