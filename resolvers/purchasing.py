"""What a purchase order's state says."""

from core.purchasing import available_actions
from execution import Batch
from loaders.purchasing import ProgressOfPurchase


async def actions(batch: Batch) -> list[list[str]]:
    """From the table of transitions that the mutations use."""
    found = await ProgressOfPurchase.of(batch.context).load_level(batch.column("id"))
    returnable = [row is not None and row["returnable"] for row in found]
    return [
        available_actions(status, returnable=each)
        for status, each in zip(batch.column("status"), returnable, strict=True)
    ]
