"""Batches of subscriptions are read beside requests: at whose cost, at whose pace, and in whose turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.live.groups import Step
from app.live.reading import Batches
from app.throttling.budgets import Charge
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.streams import CHANGES, MAKE, Served, streaming

QUIET = 'subscription { eventFeed(where: {types: ["webhook.nothing"]}) { cursor events { id } } }'


@pytest.fixture
async def served(site: Site) -> AsyncIterator[Served]:
    async with streaming(site.database, site.key) as found:
        yield found


async def test_a_tenant_whose_batches_take_long_holds_up_no_other(
    served: Served, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two were read at a time, whose they were: 90 subscriptions of one tenant had all others wait for seconds."""
    real, slow, released = Batches._read, False, asyncio.Event()
    ours, theirs = site.tenants[0].id, site.tenants[1].id

    async def read(batches: Batches, prepared: Any, principal: Any, *more: Any, **given: Any) -> Step:
        if slow and principal.tenant == ours:
            await released.wait()
        return await real(batches, prepared, principal, *more, **given)

    monkeypatch.setattr(Batches, "_read", read)
    rival = await keys.create(site.target, theirs, "fair rival", replace=True)
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(served.follow(f"{CHANGES} #{number}")) for number in range(5)]
        other = await stack.enter_async_context(served.follow(CHANGES, key=rival))
        for stream in (*streams, other):
            assert await stream.names() == []
        slow = True
        await served.make("FAIR", "ours")
        await eventually(lambda: served.hub.batches.waiting == 3)
        answer = await served.client.post(
            "/graphql",
            json={"query": MAKE, "variables": {"code": "FAIR", "name": "theirs"}},
            headers={"Authorization": f"Bearer {rival}"},
        )
        assert "errors" not in answer.json()
        assert await other.names() == ["theirs"]
        released.set()
        for stream in streams:
            assert await stream.names() == ["ours"]
    assert served.hub.batches.waiting == 0


async def test_what_is_read_and_not_told_is_paid_by_whose_subscription_it_is(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place far back in the log, with a condition that nothing meets, was read through for nothing."""
    paid, paces, pay, keep_pace = list[tuple[int, int]](), 0, Charge._pay, Charge.keep_pace

    def noting(charge: Charge, due: int) -> None:
        before = charge.account.points
        pay(charge, due)
        paid.append((charge.spent.rows, before - charge.account.points))

    async def pacing(charge: Charge) -> None:
        nonlocal paces
        paces += 1
        await keep_pace(charge)

    async with served.follow(QUIET) as quiet:
        assert (await quiet.data())["data"]["eventFeed"]["events"] == []
        monkeypatch.setattr("app.throttling.budgets.points", lambda spent, **_: 5_000 + spent.rows)
        before = served.hub.batches.executed
        monkeypatch.setattr(Charge, "_pay", noting)
        monkeypatch.setattr(Charge, "keep_pace", pacing)
        await served.make("QUIET", "nobody hears")
        await eventually(lambda: served.hub.batches.executed == before + 1)
        await eventually(lambda: paces == 2)  # the command's, and the batch's
        await eventually(lambda: any(0 < rows < 10 and taken == 5_000 + rows - 100 for rows, taken in paid))
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        paid.clear()
        await served.make("QUIET", "somebody hears")
        assert await stream.names() == ["somebody hears"]
        # Of a batch that is told the reader gets back what it paid before: each subscriber pays it in full.
        await eventually(lambda: any(taken == -100 for _, taken in paid))


async def test_reading_gives_way_to_requests_of_other_tenants(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = list[object]()
    give_way_to = Charge.give_way_to

    def noting(charge: Charge, asked: Any) -> None:
        beside.append(asked())
        give_way_to(charge, asked)

    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        before = served.hub.batches.executed
        monkeypatch.setattr(Charge, "give_way_to", noting)
        await served.make("WAY", "given")
        assert await stream.names() == ["given"]
        assert served.hub.batches.executed == before + 1
    assert beside == [False, False]  # the command's, and the batch's
