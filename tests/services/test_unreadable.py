"""An input of which much is bad is reported in turns with other requests."""

import asyncio

import pytest

from services.kit.command import Unreadable
from services.purchasing.commands import PurchaseOrderCreate
from tests.support.cpu import within
from tests.support.stalls import least_stall

BAD = {"quantity": "-1", "unitPrice": "-1", "expectedOn": "1800-01-01", "description": "\u0001"}
INPUT = {
    "supplier": {"code": "S"},
    "location": "loc_" + "0" * 32,
    "lines": [{"product": {"sku": f"A-{number}"}, **BAD} for number in range(500)],
}


async def test_many_bad_values_are_reported_in_turns_with_others() -> None:
    """Four in each of 500 lines held the loop for 40 ms."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    await asyncio.sleep(0)
    before = turns
    with pytest.raises(Unreadable) as refused:
        await PurchaseOrderCreate.read_in_turns(INPUT)
    assert turns == before + 2
    assert len(refused.value.problems) == 2_000
    good = INPUT | {"lines": [{"product": {"sku": "A"}, "quantity": "1"}]}
    assert (await PurchaseOrderCreate.read_in_turns(good)).lines[0].quantity == 1
    assert turns == before + 2
    beside.cancel()


async def test_none_of_its_steps_is_long() -> None:
    async def read() -> None:
        with pytest.raises(Unreadable):
            await PurchaseOrderCreate.read_in_turns(INPUT)

    bound = within(0.015) * 1000
    stall, _ = await least_stall(read)
    assert stall < bound
