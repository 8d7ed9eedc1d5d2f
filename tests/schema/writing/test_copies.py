"""Every change of a record is told to those that follow changes: a copy that is kept by them is the same as a full read."""

import pytest

from services.kit.work import UnitOfWork
from tests.support.bustle import Bustle
from tests.support.copies import Copy, full
from tests.support.desk import Desk

COMMANDS = 60


async def followed(desk: Desk, seed: int) -> list[str]:
    """A company whose commands a copy follows, sometimes one by one and sometimes many at once, in batches of any size."""
    clerk = await desk.open()
    bustle, copy = Bustle(clerk, seed), Copy(clerk)
    await copy.begin()
    await bustle.begin()
    for number in range(COMMANDS):
        await bustle.step()
        if bustle.dice.random() < 0.3 or number == COMMANDS - 1:
            await copy.follow(bustle.dice.choice((1, 2, 5, 500)))
            # Places outside, such as where lost goods go, are in no list; the feed tells of them all the same.
            rows = {key: row for key, row in copy.rows.items() if row.get("warehouse", "") is not None}
            assert rows == await full(clerk)
    return bustle.done


async def test_a_copy_that_is_kept_by_changes_is_the_same_as_a_full_read(desk: Desk) -> None:
    done = [field for seed in range(3) for field in await followed(desk, seed)]
    assert {*done} >= {
        *("orderCreate", "orderConfirm", "orderShip", "orderCancel", "orderReturn", "orderUpdate"),
        *(
            "stockAdjust",
            "stockSet",
            "stockTransfer",
            "productUpsert",
            "partnerUpsert",
            "warehouseCreate",
            "locationCreate",
        ),
    }


async def test_a_change_that_is_not_told_is_found_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnitOfWork, "touch", lambda *_: None)
    with pytest.raises(AssertionError):
        await followed(desk, 1)
