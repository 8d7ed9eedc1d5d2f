"""Subscriptions by server-sent events, on a real socket: what is told, to whom, and how often it is read."""

import contextlib
from collections.abc import AsyncIterator

import orjson
import pytest

from app.live import groups
from db.runtime.engine import Database
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.streams import CHANGES, MAKE, Served, streaming


@pytest.fixture
async def served(site: Site) -> AsyncIterator[Served]:
    async with streaming(site.database, site.key) as found:
        yield found


async def test_a_batch_at_once_and_one_for_each_change(served: Served) -> None:
    async with served.follow(CHANGES) as stream:
        assert stream.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.answer.headers["cache-control"] == "no-store"
        assert stream.answer.headers["x-accel-buffering"] == "no"
        first = await stream.event()
        assert first is not None
        batch = orjson.loads(first["data"])["data"]["changes"]
        assert batch == {"cursor": first["id"], "changes": []}
        for name in ("one", "two"):
            await served.make("STREAM", name)
            assert await stream.names() == [name]
    await eventually(lambda: served.hub.following == 0)


async def test_a_client_that_comes_back_is_told_what_it_missed(served: Served) -> None:
    async with served.follow(CHANGES) as stream:
        first = await stream.event()
        assert first is not None
    await served.make("MISSED", "missed")
    async with served.follow(CHANGES, last=first["id"]) as stream:
        assert await stream.names() == ["missed"]
    async with served.follow(CHANGES, after=first["id"]) as stream:
        assert await stream.names() == ["missed"]
        await served.make("MISSED", "again")
        assert await stream.names() == ["again"]


async def test_equal_subscribers_are_one_execution(served: Served) -> None:
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(served.follow(CHANGES)) for _ in range(12)]
        for stream in streams:
            assert await stream.names() == []
        before = served.hub.batches.executed
        await served.make("EQUAL", "for all")
        assert [await stream.names() for stream in streams] == [["for all"]] * 12
        assert served.hub.batches.executed == before + 1
        # What concerns nobody isn't even read.
        product = 'mutation { productUpsert(input: {sku: "STREAM", name: "%s"}) { userErrors { code } } }'
        await served.client.post("/graphql", json={"query": product % "x"})
        await served.make("EQUAL", "then")
        assert await streams[0].names() == ["then"]
        assert served.hub.batches.executed == before + 2


async def test_a_record_is_told_as_it_is_and_again_when_it_changed(served: Served) -> None:
    partner = await served.make("RECORD", "before")
    query = "subscription ($id: ID!) { record(id: $id) { id ... on Partner { name } } }"
    async with served.follow(query, id=partner) as stream:
        assert (await stream.data())["data"]["record"] == {"id": partner, "name": "before"}
        await served.make("OTHER", "other")
        await served.make("RECORD", "behind")
        assert (await stream.data())["data"]["record"] == {"id": partner, "name": "behind"}


async def test_tenants_hear_nothing_of_each_other(served: Served, site: Site) -> None:
    rival = await keys.create(site.target, site.tenants[1].id, "stream rival", replace=True)
    async with served.follow(CHANGES, key=rival) as theirs, served.follow(CHANGES) as ours:
        assert await theirs.names() == []
        assert await ours.names() == []
        await served.make("APART", "ours")
        assert await ours.names() == ["ours"]
        answer = await served.client.post(
            "/graphql",
            json={"query": MAKE, "variables": {"code": "APART", "name": "theirs"}},
            headers={"Authorization": f"Bearer {rival}"},
        )
        assert "errors" not in answer.json()
        assert await theirs.names() == ["theirs"]


async def test_what_another_process_commits_is_told(served: Served, site: Site) -> None:
    elsewhere = Database(site.target)
    await elsewhere.open()
    try:
        async with streaming(elsewhere, site.key) as other, served.follow(CHANGES) as stream:
            assert await stream.names() == []
            # Two processes: the later one tells the database object that is its own.
            await other.make("ELSEWHERE", "elsewhere")
            assert await stream.names() == ["elsewhere"]
    finally:
        await elsewhere.close()


async def test_nothing_is_read_for_nobody(served: Served) -> None:
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        assert len(served.hub._watching) == 2
    await eventually(lambda: served.hub.following == 0)
    await eventually(lambda: not served.hub._watching)
    assert (served.hub._tenants, served.hub._counts) == ({}, {})
    before = served.hub.batches.executed
    await served.make("NOBODY", "nobody")
    assert served.hub.batches.executed == before


async def test_one_who_is_far_behind_holds_up_nobody(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads on by itself, in batches as large as it may have; those who come later are told at once."""
    monkeypatch.setattr(groups, "KEPT", 1)
    async with served.follow(CHANGES) as stream:
        first = await stream.event()
        assert first is not None
    for number in range(7):
        await served.make(f"FAR-{number}", f"far {number}")
    query = CHANGES.replace("kinds:", "first: 2, kinds:")
    async with served.follow(query, after=first["id"]) as late, served.follow(query) as new:
        assert await new.names() == []
        await served.make("NEWS", "news")
        assert await new.names() == ["news"]
        told: list[str] = []
        while "news" not in told:
            told += await late.names()
        assert told == [*(f"far {number}" for number in range(7)), "news"]


async def test_commits_in_a_burst_are_all_told_to_each_once(served: Served) -> None:
    async with contextlib.AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(served.follow(CHANGES)) for _ in range(3)]
        for stream in streams:
            assert await stream.names() == []
        wanted = [f"burst {number}" for number in range(30)]
        for name in wanted:
            await served.make(name.upper(), name)
        for stream in streams:
            told: list[str] = []
            while len(told) < len(wanted):
                told += await stream.names()
            assert told == wanted


async def test_events_are_told_as_they_happen(served: Served) -> None:
    query = 'subscription { eventFeed(where: {types: ["partner.*"]}) { cursor events { type subjectId } } }'
    async with served.follow(query) as stream:
        assert (await stream.data())["data"]["eventFeed"]["events"] == []
        partner = await served.make("EVENTS", "events")
        [event] = (await stream.data())["data"]["eventFeed"]["events"]
        assert event == {"type": "partner.created", "subjectId": partner}


async def test_whom_nothing_concerns_learns_where_the_log_is(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch for all of a group, and none where the log stood still."""
    monkeypatch.setattr("app.live.hub.POLL", 0.02)
    monkeypatch.setattr("app.live.hub.REMIND", 0.0)
    orders = CHANGES.replace("PARTNER", "ORDER").replace("Partner { name }", "Order { number }")
    async with served.follow(orders) as one, served.follow(orders) as other:
        first, _ = await one.event(), await other.event()
        assert first is not None
        before = served.hub.batches.executed
        await served.make("REMIND", "nobody's")
        told = [await each.event() or {} for each in (one, other)]
        assert told[0] == told[1]
        batch = orjson.loads(told[0]["data"])["data"]["changes"]
        assert batch["changes"] == []
        assert batch["cursor"] == told[0]["id"] != first["id"]
        assert served.hub.batches.executed == before + 1
    async with served.follow(orders, last=told[0]["id"]) as again:
        assert (await again.data())["data"]["changes"]["changes"] == []


# ---------------------------------------------------------------- who sees what


async def test_a_partner_hears_of_its_own_orders_and_not_that_others_have_any(served: Served, site: Site) -> None:
    query = "{ partners(first: 2) { nodes { id code } } products(first: 1) { nodes { id } } }"
    found = (await served.client.post("/graphql", json={"query": query})).json()["data"]
    [mine, other], [product] = found["partners"]["nodes"], found["products"]["nodes"]
    key = await keys.create(
        site.target, site.tenants[0].id, "stream partner", roles=["partner"], partner=mine["code"], replace=True
    )

    async def order(partner: str) -> str:
        make = (
            "mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { code } } }"
        )
        lines = [{"product": {"id": product["id"]}, "quantity": "1"}]
        given = {"customer": {"id": partner}, "lineItems": lines}
        answer = await served.client.post("/graphql", json={"query": make, "variables": {"input": given}})
        return str(answer.json()["data"]["orderCreate"]["order"]["id"])

    async def cancel(order_id: str) -> None:
        cancelled = 'mutation { orderCancel(input: {order: {id: "%s"}}) { userErrors { code } } }' % order_id
        answer = await served.client.post("/graphql", json={"query": cancelled})
        assert answer.json()["data"]["orderCancel"]["userErrors"] == []

    theirs, own = await order(other["id"]), await order(mine["id"])
    orders = "subscription { changes(kinds: [ORDER]) { changes { id node { id } } } }"
    record = "subscription ($id: ID!) { record(id: $id) { id ... on Order { status } } }"
    async with (
        served.follow(orders, key=key) as stream,
        served.follow(record, key=key, id=theirs) as hidden,
        served.follow(record, key=key, id=own) as seen,
    ):
        assert (await stream.data())["data"]["changes"]["changes"] == []
        assert (await hidden.data())["data"]["record"] is None
        assert (await seen.data())["data"]["record"]["status"] == "DRAFT"
        groups_ = [each for tenant in served.hub._tenants.values() for each in tenant.groups.values()]
        [asked] = [each for each in groups_ if (each.prepared.asked.variables or {}).get("id") == theirs]
        assert asked.place is not None
        before = asked.place.seq
        await cancel(theirs)
        # It was looked at, and that it changed isn't told.
        await eventually(lambda: asked.place is not None and asked.place.seq > before)
        assert not asked._kept
        await cancel(own)
        [change] = (await stream.data())["data"]["changes"]["changes"]
        assert change == {"id": own, "node": {"id": own}}
        assert (await seen.data())["data"]["record"]["status"] == "CANCELLED"
    async with served.follow("subscription { eventFeed { cursor } }", key=key) as refused:
        [error] = (await refused.data())["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert (await refused.event() or {})["event"] == "complete"
