"""Whether the books are right."""

from typing import Any

from core.errors import BadInput
from execution import Batch
from loaders.checks import differences

MAX_DIFFERENCES = 500


async def stock_differences(batch: Batch) -> list[list[Any]]:
    """Each place where the rows contradict each other."""
    first = batch.args["first"]
    if not 0 <= first <= MAX_DIFFERENCES:
        raise BadInput(f"first must be between 0 and {MAX_DIFFERENCES}.", path=("first",))
    return [await differences(batch.context, first)]
