"""How long the feed is kept: what is deleted, and what a place in it is worth then."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from core.changes import Cursor
from db.runtime.engine import administration
from services.platform import sweeping
from tests.schema.writing.test_feed import CHANGES, EVENTS, Reader, kinds
from tests.support.clerk import Clerk
from tests.support.desk import Desk, opened
from tests.support.postgres import TestServer

IDS = "SELECT id FROM commits WHERE tenant_id = $1 ORDER BY seq"
AGE = "UPDATE commits SET created_at = now() - $3::interval WHERE tenant_id = $1 AND id = $2"


@pytest.fixture(scope="module")
async def desk(server: TestServer) -> AsyncIterator[Desk]:
    """Of this file's own: a round of sweeping visits every tenant, and by now other files have made thousands."""
    async with server.fresh() as target, opened(target) as found:
        yield found


@pytest.fixture(autouse=True)
async def _of_other_tests(desk: Desk) -> None:
    await sweeping.sweep(desk.target, 1)


async def commits(clerk: Clerk) -> list[Any]:
    return [row["id"] for row in await clerk.admin.fetch(IDS, clerk.tenant)]


async def named(clerk: Clerk, *ages: int) -> list[Any]:
    """A commit of so many days ago for each, in this order; their ids."""
    for number, days in enumerate(ages):
        await clerk.do("partnerUpsert", {"code": f"P{number}", "name": f"{days} days ago"})
    made = await commits(clerk)
    for each, days in zip(made, ages, strict=True):
        await clerk.admin.execute(AGE, clerk.tenant, each, timedelta(days=days, minutes=days and 1))
    return made


async def test_what_is_older_is_deleted_and_places_before_it_are_told_so(desk: Desk) -> None:
    clerk, other = await desk.bare(), await desk.bare()
    made = await named(clerk, 31, 30, 29, 0)
    theirs = await named(other, 29, 0)
    assert (await sweeping.sweep(desk.target, 30))["commits"] == 2
    assert (await commits(clerk), await commits(other)) == (made[2:], theirs)
    read = Reader(clerk)
    for query in (CHANGES, EVENTS):
        for gone in made[:2]:
            assert await read.refused(query, after=str(Cursor(gone))) == ("RESYNC_REQUIRED", ())
    assert kinds(await read.changes(after=str(Cursor(made[2])))) == ["PARTNER"]
    assert (await sweeping.sweep(desk.target, 30))["commits"] == 0
    assert (await sweeping.sweep(desk.target, 28))["commits"] == 2  # one of each


async def test_the_log_has_no_hole_where_a_long_transaction_ended_late(desk: Desk) -> None:
    """Its time is when it began: it would go while an earlier number stays, and who stands there would miss it in silence."""
    clerk = await desk.bare()
    made = await named(clerk, 31, 2, 31, 0)
    assert (await sweeping.sweep(desk.target, 30))["commits"] == 1
    assert await commits(clerk) == made[1:]
    assert len((await Reader(clerk).events(after=str(Cursor(made[1]))))["events"]) == 2


async def test_the_newest_stays_however_old_it_is(desk: Desk) -> None:
    clerk, empty = await desk.bare(), await desk.bare()
    made = await named(clerk, 400, 300)
    place = (await Reader(clerk).changes())["cursor"]
    assert (await sweeping.sweep(desk.target, 1))["commits"] == 1
    assert (await commits(clerk), await commits(empty)) == (made[1:], [])
    read = Reader(clerk)
    assert (await read.changes(after=place))["cursor"] == place
    await clerk.do("partnerUpsert", {"code": "NEW", "name": "New"})
    assert kinds(await read.changes(after=place)) == ["PARTNER"]


@pytest.mark.parametrize("at_most", [1, 2, 3, 5])
async def test_it_goes_on_in_bounded_pieces_until_all_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at_most: int
) -> None:
    monkeypatch.setattr(sweeping, "FEED_AT_MOST", at_most)
    clerk = await desk.bare()
    made = await named(clerk, 40, 39, 38, 37, 36, 1, 0)
    deleted: list[Any] = []

    def counting(*given: Any) -> Any:
        deleted.append(given)
        return administration(*given)

    monkeypatch.setattr("services.platform.sweeping.administration", counting)
    assert (await sweeping.sweep(desk.target, 30))["commits"] == 5
    assert await commits(clerk) == made[5:]
    # For the keys of the tenants that there are, and their commits; further pieces for this one's.
    own = [each for each in deleted if each[1] == clerk.tenant]
    assert len(own) == 1 + 5 // at_most + 1


async def test_a_batch_that_finds_nothing_moves_on(desk: Desk) -> None:
    """Or else who waits for what is rare would fall out of the log."""
    clerk = await desk.bare()
    read = Reader(clerk)
    start = (await read.changes(kinds=["ORDER"]))["cursor"]
    await clerk.do("partnerUpsert", {"code": "NEW", "name": "New"})
    batch = await read.changes(after=start, kinds=["ORDER"])
    assert (batch["changes"], batch["hasMore"]) == ([], False)
    first, last = await commits(clerk)
    await clerk.admin.execute(AGE, clerk.tenant, first, timedelta(days=31))
    assert (await sweeping.sweep(desk.target, 30))["commits"] == 1
    assert (await read.changes(after=batch["cursor"], kinds=["ORDER"]))["cursor"] == batch["cursor"]
    assert await read.refused(CHANGES, after=start, kinds=["ORDER"]) == ("RESYNC_REQUIRED", ())
    assert last is not None
