"""What an order's state and lines say together."""

from typing import Any

from core.sales import PROGRESS, Progress, available_actions
from execution import Batch
from loaders.sales import ProgressOfOrder

NOTHING = Progress(0, 0, 0)


async def _progress(batch: Batch) -> list[Progress]:
    found = await ProgressOfOrder.of(batch.context).load_level([row["id"] for row in batch.sources])
    # An order without lines has no row here.
    return [NOTHING if row is None else Progress(*row[1:]) for row in found]


async def reservation(batch: Batch) -> list[Any]:
    return [PROGRESS[progress.reservation] for progress in await _progress(batch)]


async def shipment(batch: Batch) -> list[Any]:
    return [PROGRESS[progress.shipment] for progress in await _progress(batch)]


async def returned(batch: Batch) -> list[Any]:
    return [PROGRESS[progress.returned] for progress in await _progress(batch)]


async def actions(batch: Batch) -> list[list[str]]:
    """From the table of transitions that the mutations use."""
    progress = await _progress(batch)
    return [available_actions(row["status"], each) for row, each in zip(batch.sources, progress, strict=True)]
