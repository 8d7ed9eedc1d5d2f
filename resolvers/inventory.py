"""Whether the books are right."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from core.errors import BadInput
from execution import Batch
from loaders.checks import differences
from loaders.inventory import PolicyOfTenant
from loaders.inventory.movements import Movements

MAX_DIFFERENCES = 500


async def movement(batch: Batch) -> Sequence[Any]:
    """What came and went of each product over a time."""
    begin, until = batch.args["from"], batch.args.get("to")
    end = datetime.now(UTC) if until is None else until
    if end <= begin:
        raise BadInput("The time ends before it begins.", path=("from",) if until is None else ("to",))
    arguments = (begin, LAST if until is None else until, end)
    return await Movements.of(batch.context, (), arguments).load_level(batch.column("id"))


LAST = datetime.max.replace(tzinfo=UTC)
"""Later than every move."""


async def allocation_policy(batch: Batch) -> list[Any]:
    """The tenant's row, if it has one."""
    tenant = batch.context.reader.tenant
    return await PolicyOfTenant.of(batch.context, batch.columns()).load_level([tenant])


async def stock_differences(batch: Batch) -> list[list[Any]]:
    """Each place where the rows contradict each other."""
    first = batch.args["first"]
    if not 0 <= first <= MAX_DIFFERENCES:
        raise BadInput(f"first must be between 0 and {MAX_DIFFERENCES}.", path=("first",))
    return [await differences(batch.context, first)]
