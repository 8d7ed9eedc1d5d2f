"""Webhooks when something ends, hangs, misbehaves or takes too long: what is sent twice, and what never."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.webhooks import turn
from core.changes import Cursor
from db.runtime.lease import Lost
from services.platform import sweeping
from services.webhooks import storing, turns
from services.webhooks.turns import Lease
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.receiver import Shop

LATER = "UPDATE webhook_turns SET leased_until = now() - interval '1 second' WHERE worker IS NOT NULL"
"""Half a minute later."""


async def test_a_worker_killed_between_the_answer_and_its_note_sends_the_same_id_again(
    there: Shop, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await there.hook("killed")
    # Before anybody works: a turn that found nothing to send yet would hang as it lets go, for longer than the test may.
    await there.make("KILLED", "once")

    async def killed(*_: Any) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as dying:
        dying.setattr(storing, "moved", killed)
        dying.setattr(turns, "release", killed)
        async with there.working():
            await there.receiver.names(1)
            # What is called off waits for nothing, as what is killed doesn't.
            dying.setattr(turns, "release", lambda *_: asyncio.sleep(0))
    assert (await there.told(made["webhook"]["id"]))["deliveries"]["nodes"] == []
    async with site.admin() as admin:
        await admin.execute(LATER)
    async with there.working():
        await there.waits(made["webhook"]["id"], [("TAKEN", 1)])
    assert [each.name for each in there.receiver.got] == ["once", "once"]
    assert len({each.headers["webhook-id"] for each in there.receiver.got}) == 1
    assert len({each.body for each in there.receiver.got}) == 1


async def test_of_several_workers_one_sends(there: Shop) -> None:
    made = await there.hook("several")
    async with there.working(), there.working(), there.working():
        for number in range(5):
            await there.make(f"SEVERAL-{number}", f"several {number}")
        await there.waits(made["webhook"]["id"], [("TAKEN", 1)] * 5)
    assert sorted(each.name for each in there.receiver.got) == [f"several {number}" for number in range(5)]


async def test_a_redirect_is_not_followed(there: Shop) -> None:
    made = await there.hook("redirected")
    there.receiver.status, there.receiver.headers = lambda _: 307, [(b"location", b"/elsewhere")]
    await there.make("REDIRECTED", "redirected")
    async with there.working():
        [told] = await there.waits(made["webhook"]["id"], [("WAITING", 1)])
    assert (told["responseStatus"], told["failure"]) == (307, "The receiver answered with the status 307.")
    assert len(there.receiver.got) == 1


async def test_what_is_not_taken_for_three_days_is_given_up_and_the_next_follows(
    there: Shop, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "DELAYS", (3_600,))
    made = await there.hook("given up")
    there.receiver.status = lambda got: 500 if got.name == "never" else 200
    await there.make("NEVER", "never")
    async with there.working():
        await there.waits(made["webhook"]["id"], [("WAITING", 1)])
        # A name that is read when it is sent, and not when it happened.
        monkeypatch.setattr(there.receiver, "status", lambda _: 500 if len(there.receiver.got) < 3 else 200)
        await there.make("NEVER", "at last")
        await there.waits(made["webhook"]["id"], [("WAITING", 1), ("WAITING", 0)])
        async with site.admin() as admin:
            await admin.execute(
                "UPDATE webhook_deliveries SET first_attempt_at = now() - interval '4 days' WHERE attempts > 0"
            )
            await admin.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE attempts > 0")
            await admin.execute("UPDATE webhook_turns SET due_at = now()")
        nodes = await there.waits(made["webhook"]["id"], [("GIVEN_UP", 2), ("TAKEN", 1)])
    assert nodes[0]["nextAttemptAt"] is None
    assert [each.name for each in there.receiver.got] == ["never", "never", "at last"]


async def test_a_receiver_that_hangs_holds_up_no_other(there: Shop) -> None:
    hung = asyncio.Event()
    there.receiver.waits_for = lambda got: hung.wait() if got.path == "/hangs" else asyncio.sleep(0)
    for number in range(2):
        await there.hook(f"hangs {number}", url=there.receiver.url.replace("/erp", "/hangs"))
    made = await there.hook("answers")
    async with there.working():
        await there.make("HUNG", "hung")
        await there.waits(made["webhook"]["id"], [("TAKEN", 1)])
        assert not hung.is_set()
        hung.set()


async def test_a_document_that_fits_no_more_stops_it(there: Shop, site: Site) -> None:
    made = await there.hook("outdated")
    async with site.admin() as admin:
        await admin.execute("UPDATE webhooks SET document = 'subscription { eventFeed { gone } }'")
    await there.make("OUTDATED", "outdated")
    async with there.working():
        found = await there.becomes(made["webhook"]["id"], "STOPPED")
    assert found["reason"].startswith("The document can't be used: ")
    assert there.receiver.got == []


async def test_a_place_that_the_log_has_no_more_stops_it(there: Shop, site: Site) -> None:
    made = await there.hook("lost")
    async with site.admin() as admin:
        await admin.execute("UPDATE webhooks SET commit_id = $1", uuid4())
    await there.make("LOST", "lost")
    async with there.working():
        found = await there.becomes(made["webhook"]["id"], "STOPPED")
    assert "skipToNow" in found["reason"]
    assert there.receiver.got == []


async def test_a_frozen_tenants_webhooks_wait(there: Shop, site: Site) -> None:
    made = await there.hook("frozen")
    await there.make("FROZEN", "frozen")
    async with site.admin() as admin:
        await admin.execute("UPDATE tenants SET frozen_at = now() WHERE id = $1", site.tenants[0].id)
        try:
            async with there.working():
                await eventually(lambda: there.worker.looks >= 2)
                assert (there.worker.taken, there.receiver.got) == (0, [])
        finally:
            await admin.execute("UPDATE tenants SET frozen_at = NULL")
    async with there.working():
        await there.waits(made["webhook"]["id"], [("TAKEN", 1)])


async def test_deliveries_are_kept_for_a_time(there: Shop, site: Site) -> None:
    """Those that were taken for seven days, those that were given up for thirty; what waits stays."""
    made = await there.hook("kept")
    for number in range(5):
        await there.make(f"KEPT-{number}", f"kept {number}")
    id_ = made["webhook"]["id"]
    async with there.working():
        await there.waits(id_, [("TAKEN", 1)] * 5)
    states = [("TAKEN", 8), ("TAKEN", 6), ("GIVEN_UP", 31), ("GIVEN_UP", 29), ("WAITING", 99)]
    async with site.admin() as admin:
        rows = await admin.fetch("SELECT id FROM webhook_deliveries ORDER BY id")
        for row, (status, days) in zip(rows, states, strict=True):
            await admin.execute(
                "UPDATE webhook_deliveries SET status = $2, last_attempt_at = now() - make_interval(days => $3) WHERE id = $1",
                row["id"],
                status,
                days,
            )
    assert (await sweeping.sweep(site.target, 30))["deliveries"] == 2
    left = (await there.told(id_))["deliveries"]["nodes"]
    assert sorted(each["status"] for each in left) == ["GIVEN_UP", "TAKEN", "WAITING"]


async def test_a_worker_that_stood_still_stores_nothing(there: Shop, site: Site) -> None:
    """Its lease is another one's by now, or its webhook's place was set anew: what it comes back with isn't stored."""
    made = await there.hook("fenced")
    tenant, webhook = site.tenants[0].id, UUID(made["webhook"]["id"].removeprefix("hook_"))
    slow, quick = Lease(tenant, webhook, uuid4()), Lease(tenant, webhook, uuid4())
    assert await turns.take(site.database, slow)
    assert not await turns.take(site.database, quick)
    row = await storing.load(site.database, slow)
    place = Cursor(UUID(int=row["commit_id"].int), row["place"])
    async with site.admin() as admin:
        await admin.execute("UPDATE webhook_turns SET leased_until = now() - interval '1 second'")
    assert not await turns.beat(site.database, slow)
    assert await turns.take(site.database, quick)
    with pytest.raises(Lost):
        await storing.moved(site.database, slow, place, Cursor(uuid4()), [], 0)
    await storing.moved(site.database, quick, place, Cursor(uuid4()), [], 0)
    with pytest.raises(Lost):
        await storing.moved(site.database, quick, place, Cursor(uuid4()), [], 0)
    await turns.release(site.database, quick, 0)
    assert await turns.take(site.database, slow)
    await turns.release(site.database, slow, 0)


@pytest.mark.parametrize("ahead, free", [("0 seconds", False), ("30 seconds", False), ("1 hour", True)])
async def test_a_lease_lasts_no_longer_for_a_clock_that_was_set_back(
    there: Shop, site: Site, ahead: str, *, free: bool
) -> None:
    made = await there.hook("set back")
    tenant, webhook = site.tenants[0].id, UUID(made["webhook"]["id"].removeprefix("hook_"))
    killed, another = Lease(tenant, webhook, uuid4()), Lease(tenant, webhook, uuid4())
    assert await turns.take(site.database, killed)
    async with site.admin() as admin:
        await admin.execute(f"UPDATE webhook_turns SET leased_until = leased_until + interval '{ahead}'")
    assert await turns.take(site.database, another) == free
    if free:
        assert not await turns.beat(site.database, killed)


async def test_what_waits_waits_no_longer_for_a_clock_that_was_set_back(
    there: Shop, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that was stored is an hour ahead of what the clock shows then."""
    monkeypatch.setattr(turn, "DELAYS", (1_800,))
    made = await there.hook("set back")
    there.receiver.status = lambda _: 503
    await there.make("SET-BACK", "set back")
    async with there.working():
        await there.waits(made["webhook"]["id"], [("WAITING", 1)])
        there.receiver.status = lambda _: 204
        looks = there.worker.looks
        await eventually(lambda: there.worker.looks > looks + 1)
        assert len(there.receiver.got) == 1
        async with site.admin() as admin:
            for table, columns in (
                ("webhook_turns", ("leased_until", "due_at")),
                ("webhook_deliveries", ("first_attempt_at", "last_attempt_at", "next_attempt_at")),
            ):
                later = ", ".join(f"{each} = {each} + interval '1 hour'" for each in columns)
                await admin.execute(f"UPDATE {table} SET {later}")
        [told] = await there.waits(made["webhook"]["id"], [("TAKEN", 2)])
    assert len({each.headers["webhook-id"] for each in there.receiver.got}) == 1
    assert told["failure"] is None
