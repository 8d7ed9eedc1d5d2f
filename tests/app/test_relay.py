"""The relay against a real NATS server: what it is told, in which order, how often, and what becomes of it when something ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.doctor import Finding, examined
from app.relay import outlet as outlets
from app.relay.sinks import nats as jetstream
from app.settings import load
from core import ids
from core.changes import Cursor
from core.errors import Unavailable
from db.runtime.lease import Lost
from services.platform import keys, relaying
from services.platform.relaying import Lease
from tests.support.brokers import Nats, free_port, relay, running
from tests.support.command import ended, started
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.relayed import MAKE, SEEN, about, an_order, ask, at_last, partner, rising, told_all

LARGE = "a name that makes it large" * 7

LATER = "UPDATE relay_cursors SET leased_until = now() - interval '1 second' WHERE worker IS NOT NULL"
"""Half a minute later."""


@pytest.fixture(scope="module")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nats]:
    broker = Nats(tmp_path_factory.mktemp("nats"))
    await broker.start()
    yield broker
    broker.kill()


@pytest.fixture
async def broker(nats_server: Nats, site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nats]:
    """A broker that was told all there is, and has forgotten it."""
    monkeypatch.setattr(outlets, "FIRST", 0.05)
    async with running(relay(site.database, site.target, [nats_server.url])):
        await told_all(site)
    await nats_server.forget()
    yield nats_server
    if nats_server.process is None:
        await nats_server.start()
    async with site.admin() as admin:
        await admin.execute("DELETE FROM relay_cursors")


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client() as opened:
        yield opened


async def test_an_orders_life_arrives_as_the_feed_tells_it(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    made = await client.post("/graphql", json={"query": MAKE, "variables": {"code": "RELAY-LIFE", "name": "life"}})
    start = made.json()["extensions"]["changes"]["cursor"]
    async with running(relay(site.database, site.target, [broker.url])):
        order = await an_order(client)
        await ask(client, 'mutation { orderConfirm(input: {order: {id: "%s"}}) { order { id } } }' % order)
        await ask(client, 'mutation { orderCancel(input: {order: {id: "%s"}}) { order { id } } }' % order)
        await told_all(site)
    events = (await ask(client, SEEN, subjects=[order], after=start))["eventFeed"]["events"]
    assert [each["type"] for each in events] == ["order.created", "order.confirmed", "order.cancelled"]
    got = about(await broker.kept(), order)
    assert [each.data for each in got] == events
    assert rising(got)
    tenant = ids.encode("ten", site.tenants[0].id)
    for message, event in zip(got, events, strict=True):
        assert message.topic == f"erp.{tenant}.order.{order}"
        assert len(message.attributes.pop("sequence")) == 26
        assert message.attributes == {
            "specversion": "1.0",
            "id": event["id"],
            "source": f"/tenants/{tenant}",
            "type": event["type"],
            "subject": order,
            "time": event["occurredAt"],
            "datacontenttype": "application/json",
        }


async def test_a_new_broker_is_told_all_that_the_log_has(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    made = await partner(client, "RELAY-OLD", "before")
    async with site.admin() as admin:
        await admin.execute("DELETE FROM relay_cursors")
        wanted = await admin.fetchval("SELECT sum(cardinality(events)) FROM commits")
        tenants = await admin.fetchval("SELECT count(DISTINCT tenant_id) FROM commits")
    async with running(relay(site.database, site.target, [broker.url])) as working:
        await told_all(site)
        assert working.outlets[0].resyncs == 0
    got = await broker.kept()
    begun = [each for each in got if each.attributes["type"] == "feed.resync_required"]
    assert len(begun) == tenants
    for each in begun:
        assert each == next(one for one in got if one.tenant == each.tenant), "it comes first"
        assert each.attributes["subject"] == each.tenant
    assert len(got) == wanted + tenants
    assert [each.data["type"] for each in about(got, made)] == ["partner.created"]
    assert rising(got)


async def test_nothing_is_lost_while_the_broker_is_down(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    made = [await partner(client, f"RELAY-DOWN-{number}", "one") for number in range(5)]
    async with running(relay(site.database, site.target, [broker.url])) as working:
        await at_last(broker, lambda found: len(about(found, *made)) == 5)
        await eventually(lambda: working.outlets[0].late["main"] == 0)
        broker.kill()
        await eventually(lambda: not working.outlets[0].connected)
        for number in range(5):
            await partner(client, f"RELAY-DOWN-{number}", "two")
        await eventually(lambda: working.outlets[0].late["main"] > 0)
        assert not any(pool.in_use for pool in site.database.pools().values())
        await broker.start()
        got = about(await at_last(broker, lambda found: len(about(found, *made)) >= 10), *made)
    assert len({each.attributes["id"] for each in got}) == len(got) == 10
    assert rising(got)


async def test_a_broker_killed_amid_many_has_each_once(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    made = {await partner(client, f"RELAY-MANY-{number % 20}", f"{number}") for number in range(100)}
    async with running(relay(site.database, site.target, [broker.url])) as working:
        await eventually(lambda: working.outlets[0].sent > 20)
        broker.kill()
        await broker.start()
        got = about(await at_last(broker, lambda found: len(about(found, *made)) >= 100), *made)
    assert len({each.attributes["id"] for each in got}) == len(got) == 100
    assert rising(got)


async def test_a_broker_that_hangs_is_away(
    broker: Nats, site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jetstream, "WITHIN", 0.3)
    async with running(relay(site.database, site.target, [broker.url])) as working:
        await eventually(lambda: working.outlets[0].connected)
        broker.pause()
        try:
            made = await partner(client, "RELAY-HUNG", "hung")
            await eventually(lambda: not working.outlets[0].connected)
        finally:
            broker.go_on()
        got = about(await at_last(broker, lambda found: bool(about(found, made))), made)
    # It may have taken the one whose acknowledgement came too late; it knows the repeat by its id.
    assert [each.data["type"] for each in got] == ["partner.created"]


async def test_a_worker_killed_before_it_noted_what_it_sent_sends_the_same_again(
    broker: Nats, site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: Any) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as dying:
        dying.setattr(relaying, "moved", killed)
        async with running(relay(site.database, site.target, [broker.url])):
            made = await partner(client, "RELAY-KILLED", "once")
            await at_last(broker, lambda found: bool(about(found, made)))
            dying.setattr(relaying, "release", lambda *_: asyncio.sleep(0))
    async with site.admin() as admin:
        assert await admin.execute(LATER) == "UPDATE 1"
    async with running(relay(site.database, site.target, [broker.url])) as working:
        await told_all(site)
    assert (working.outlets[0].sent, working.outlets[0].repeated) == (0, 1)
    assert len(about(await broker.kept(), made)) == 1


async def test_the_command_killed_amid_many_loses_none(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    made = {await partner(client, f"RELAY-KILL9-{number % 30}", f"{number}") for number in range(120)}
    port = free_port()
    given = {"DATABASE_URL": site.target.admin, "APP_DATABASE_URL": site.target.serving, "METRICS_PORT": str(port)}
    process = started("worker", "--relay", broker.url, **given)
    try:
        await at_last(broker, lambda found: bool(about(found, *made)))
        async with httpx.AsyncClient() as asking:
            figures = (await asking.get(f"http://127.0.0.1:{port}/metrics")).text
        assert 'erpgraph_relay_connected{sink="nats"} 1.0' in figures
    finally:
        process.kill()
        ended(process)
    async with site.admin() as admin:
        await admin.execute(LATER)
    async with running(relay(site.database, site.target, [broker.url])):
        await told_all(site)
    got = about(await broker.kept(), *made)
    assert len({each.attributes["id"] for each in got}) == len(got) == 120
    assert rising(got)


async def test_of_several_workers_one_tells_of_a_tenant(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    workers = [relay(site.database, site.target, [broker.url]) for _ in range(3)]
    async with contextlib.AsyncExitStack() as stack:
        for each in workers:
            await stack.enter_async_context(running(each))
        made = {await partner(client, f"RELAY-SEVERAL-{number % 5}", f"{number}") for number in range(40)}
        await told_all(site)
    assert [each.outlets[0].repeated for each in workers] == [0, 0, 0]
    assert sum(each.outlets[0].sent for each in workers) == 40
    assert len(about(await broker.kept(), *made)) == 40


async def test_tenants_are_told_apart(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    other = await keys.create(site.target, site.tenants[1].id, "relay apart", replace=True)
    async with running(relay(site.database, site.target, [broker.url])), site.client(other) as theirs:
        made = {await partner(client, "RELAY-APART", "ours"), await partner(theirs, "RELAY-APART", "theirs")}
        await told_all(site)
    got = await broker.kept()
    assert {each.tenant for each in about(got, *made)} == {ids.encode("ten", each.id) for each in site.tenants}
    async with site.admin() as admin:
        for each in got:
            assert each.attributes["source"] == f"/tenants/{each.tenant}"
            if each.attributes["type"] == "feed.resync_required":
                assert each.attributes["subject"] == each.tenant
                continue
            whose = await admin.fetchval(
                "SELECT tenant_id FROM events WHERE id = $1", ids.decode("evt", each.attributes["id"])
            )
            assert each.tenant == ids.encode("ten", whose)


async def test_a_gap_is_told(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    made = await partner(client, "RELAY-GAP", "gap")
    async with site.admin() as admin:
        await admin.execute("UPDATE relay_cursors SET commit_id = $1 WHERE tenant_id = $2", uuid4(), site.tenants[0].id)
    async with running(relay(site.database, site.target, [broker.url])) as working:
        await told_all(site)
        assert working.outlets[0].resyncs == 1
    got = await broker.kept()
    assert got[0].attributes["type"] == "feed.resync_required"
    assert got[0].topic == "erp.{0}.feed.{0}".format(ids.encode("ten", site.tenants[0].id))
    assert len(about(got, made)) == 1


async def test_a_worker_that_stood_still_moves_nothing(broker: Nats, site: Site) -> None:
    tenant = site.tenants[0].id
    slow, quick = Lease(tenant, "nats", uuid4()), Lease(tenant, "nats", uuid4())
    taken = await relaying.take(site.database, slow)
    assert taken is not None
    assert taken.cursor is not None
    assert await relaying.take(site.database, slow) == taken, "its own it may take up again"
    assert await relaying.take(site.database, quick) is None
    async with site.admin() as admin:
        await admin.execute(LATER)
    assert not await relaying.beat(site.database, slow)
    assert await relaying.take(site.database, quick) == taken
    with pytest.raises(Lost):
        await relaying.moved(site.database, slow, Cursor(uuid4()), 7)
    await relaying.release(site.database, slow)
    assert await relaying.beat(site.database, quick)
    await relaying.release(site.database, quick)
    assert await relaying.take(site.database, slow) == taken


@pytest.mark.parametrize("ahead, free", [("0 seconds", False), ("30 seconds", False), ("1 hour", True)])
async def test_a_lease_lasts_no_longer_for_a_clock_that_was_set_back(
    broker: Nats, site: Site, ahead: str, *, free: bool
) -> None:
    tenant = site.tenants[0].id
    killed, another = Lease(tenant, "nats", uuid4()), Lease(tenant, "nats", uuid4())
    assert await relaying.take(site.database, killed)
    async with site.admin() as admin:
        await admin.execute(f"UPDATE relay_cursors SET leased_until = leased_until + interval '{ahead}'")
    assert (await relaying.take(site.database, another) is not None) == free
    if free:
        with pytest.raises(Lost):
            await relaying.moved(site.database, killed, Cursor(uuid4()), 7)


async def test_a_frozen_tenant_waits(broker: Nats, site: Site, client: httpx.AsyncClient) -> None:
    made = await partner(client, "RELAY-FROZEN", "frozen")
    async with site.admin() as admin:
        await admin.execute("UPDATE tenants SET frozen_at = now() WHERE id = $1", site.tenants[0].id)
        try:
            async with running(relay(site.database, site.target, [broker.url])) as working:
                await eventually(lambda: working.looks >= 2 and working.outlets[0].connected)
                assert working.outlets[0].turns == 0
        finally:
            await admin.execute("UPDATE tenants SET frozen_at = NULL")
    async with running(relay(site.database, site.target, [broker.url])):
        await told_all(site)
    assert len(about(await broker.kept(), made)) == 1


async def test_doctor_says_whether_the_broker_is_there(broker: Nats, site: Site) -> None:
    there = load(database_url=site.target.admin, app_database_url=site.target.serving, pool_size=2, relay=broker.url)
    lag, found = [each async for each in examined(there) if each.check.startswith("relay")]
    assert lag == Finding("relay nats lag", "ok", "Nothing has waited for long.")
    assert found == Finding("relay nats", "ok", "The broker answers.")
    broker.kill()
    _, found = [each async for each in examined(there) if each.check.startswith("relay")]
    assert (found.check, found.status) == ("relay nats", "fail")
    assert found.text.startswith("The broker isn't there: ")


async def test_doctor_names_who_waits_for_long(
    broker: Nats, site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await partner(client, "RELAY-LATE", "late")
    monkeypatch.setattr("app.doctor.LATE", 0.0)
    there = load(database_url=site.target.admin, app_database_url=site.target.serving, pool_size=2, relay=broker.url)
    [lag] = [each async for each in examined(there) if each.check == "relay nats lag"]
    assert lag.status == "warn"
    assert lag.text.startswith("Of 1 tenants the broker wasn't sent something that happened more than 0 minutes ago")
    assert lag.text.endswith(f"; of {site.tenants[0].name} for 0 minutes.")


async def test_a_message_that_the_broker_refuses_holds_up_its_tenant_alone(
    broker: Nats, site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlets, "PROBE_FIRST", 0.05)
    monkeypatch.setattr(outlets, "PROBE_LONGEST", 0.1)
    other = await keys.create(site.target, site.tenants[1].id, "relay refused", replace=True)
    async with running(relay(site.database, site.target, [broker.url])) as working, site.client(other) as theirs:
        [outlet] = working.outlets
        await eventually(lambda: outlet.connected)
        first = await partner(client, "RELAY-REFUSED", "small")
        await at_last(broker, lambda found: len(about(found, first)) == 1)
        async with broker.client() as asking:
            state = await asking.jetstream().stream_info(jetstream.STREAM)
            config = state.config
            # One such message, and what the stream keeps with it.
            await asking.jetstream().update_stream(config.evolve(max_msg_size=state.state.bytes))
        refused = await partner(client, "RELAY-LARGE", LARGE)
        await eventually(lambda: outlet.refusing == 1)
        behind = await partner(client, "RELAY-BEHIND", "behind it")
        await partner(client, "RELAY-LARGE", "small again")
        of_others = await partner(theirs, "RELAY-REFUSED", "another tenant's")
        found = await at_last(broker, lambda found: bool(about(found, of_others)))
        turns = outlet.turns
        await eventually(lambda: outlet.turns > turns + 2)
        assert outlet.connected
        assert about(found, refused) == []
        async with broker.client() as asking:
            await asking.jetstream().update_stream(config)
        await told_all(site)
        assert outlet.refusing == 0
    got = await broker.kept()
    names = [each.data["after"]["name"] for each in about(got, refused)]
    assert names == [LARGE, "small again"]
    assert len(about(got, behind)) == 1
    assert len({each.attributes["id"] for each in got}) == len(got)
    assert rising(got)


async def test_the_stream_is_made_unless_there_is_one(broker: Nats, site: Site) -> None:
    async with broker.client() as client:
        stream = client.jetstream()
        await stream.add_stream(name="OWN", subjects=["erp.>"])
        async with running(relay(site.database, site.target, [broker.url])) as working:
            await eventually(lambda: working.outlets[0].connected)
        assert [each.config.name for each in await stream.streams_info()] == ["OWN"]
        await stream.delete_stream("OWN")
        async with running(relay(site.database, site.target, [broker.url])) as working:
            await eventually(lambda: working.outlets[0].connected)
        [made] = await stream.streams_info()
    assert (made.config.name, made.config.subjects) == ("ERPGRAPH", ["erp.>"])
    assert (made.config.max_age, made.config.duplicate_window) == (7 * 86_400, 600)


async def test_a_worker_that_could_not_let_go_goes_on_at_once(
    broker: Nats, site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = relaying.release
    failed: list[Lease] = []

    async def away(database: Any, lease: Lease) -> None:
        if not failed:
            failed.append(lease)
            raise Unavailable("The database is away.")
        await release(database, lease)

    monkeypatch.setattr(outlets, "TURN_RETRY_AFTER", 0.01)
    monkeypatch.setattr(relaying, "release", away)
    async with running(relay(site.database, site.target, [broker.url])):
        first = await partner(client, "RELAY-HELD", "one")
        await eventually(lambda: bool(failed))
        await partner(client, "RELAY-HELD", "two")
        await eventually_kept(broker, first, 2)


async def eventually_kept(broker: Nats, record: str, count: int) -> None:
    """Within less than a lease lasts."""
    async with asyncio.timeout(relaying.LASTS / 2):
        await at_last(broker, lambda found: len(about(found, record)) == count)
