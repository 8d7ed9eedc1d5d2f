"""What a real NATS server refuses: the message, or its tenant, waits, and others go on."""

from collections.abc import AsyncIterator
from time import monotonic

import pytest
from nats.js.api import StreamConfig

from app.relay import outlet as outlets
from app.relay.sinks import Away, Sink, made
from app.relay.sinks import nats as jetstream
from core import ids
from services.platform import keys
from tests.support.brokers import Nats, relay, running
from tests.support.demo_site import Site, demo_site
from tests.support.http import eventually
from tests.support.postgres import TestServer
from tests.support.relayed import about, an_order, at_last, message, outcomes, partner, rising, told_all

LIMIT = 4_096
"""Bytes of a message that this server takes: fewer than those of one about an order with sixty lines."""


@pytest.fixture(scope="module")
async def site(server: TestServer) -> AsyncIterator[Site]:
    """Of its own: a large message that another file's tests had left was refused here, and its tenant held up."""
    async with demo_site(server) as made:
        yield made


@pytest.fixture(scope="module")
async def nats_server(tmp_path_factory: pytest.TempPathFactory, site: Site) -> AsyncIterator[Nats]:
    """With users that may publish all, one tenant's subjects, and all but that tenant's; the last ones may not ask what streams there are."""
    tenant = ids.encode("ten", site.tenants[0].id)
    users = {
        "admin": "{}",
        "one": '{publish: {allow: ["erp.ten_1.>"]}}',
        "others": f'{{publish: {{deny: ["erp.{tenant}.>"]}}}}',
        "reader": '{publish: {deny: ["erp.>"]}}',
        "nobody": '{publish: {deny: ["$JS.API.STREAM.CREATE.>"]}}',
    }
    lines = "".join(
        f"{{user: {name}, password: {name}, permissions: {rights}}}\n"
        if rights != "{}"
        else f"{{user: {name}, password: {name}}}\n"
        for name, rights in users.items()
    )
    broker = Nats(tmp_path_factory.mktemp("nats"), f"max_payload: {LIMIT}\nauthorization {{ users: [\n{lines}] }}\n")
    await broker.start()
    yield broker
    broker.kill()


@pytest.fixture
async def broker(nats_server: Nats, site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nats]:
    monkeypatch.setattr(outlets, "FIRST", 0.05)
    monkeypatch.setattr(outlets, "PROBE_FIRST", 0.05)
    monkeypatch.setattr(outlets, "PROBE_LONGEST", 0.1)
    await nats_server.forget()
    yield nats_server
    async with nats_server.client() as client:
        for each in await client.jetstream().streams_info():
            await client.jetstream().delete_stream(each.config.name)
    async with site.admin() as admin:
        await admin.execute("DELETE FROM relay_cursors")


@pytest.fixture
async def other(site: Site) -> str:
    """A key of another tenant."""
    return await keys.create(site.target, site.tenants[1].id, "relay refused others", replace=True)


async def opened(broker: Nats, user: str, lost: list[str]) -> Sink:
    [sink] = made([broker.url_of(user)])
    await sink.open(lost.append)
    return sink


async def test_a_subject_that_a_user_may_not_publish_to_is_refused_soon(broker: Nats) -> None:
    """The server says so beside the answer, which never comes; and who may publish no more than that may not ask for the stream."""
    await (await opened(broker, "admin", [])).close()
    lost: list[str] = []
    sink = await opened(broker, "one", lost)
    try:
        began = monotonic()
        found = await outcomes(sink, [message(number, f"ten_{number % 2 + 1}") for number in range(40)])
        assert monotonic() - began < 5
    finally:
        await sink.close()
    for number in range(40):
        wrong = f"this user may not publish to erp.ten_2.order.ord_{number}"
        assert found[f"evt_{number}"] == (wrong if number % 2 else "taken")
    assert lost in ([], ["the connection ended"])
    assert isinstance(sink, jetstream.Nats)
    assert sink._asking == {}


async def test_who_may_publish_nothing_of_ours_is_told_so_of_each(broker: Nats) -> None:
    sink = await opened(broker, "reader", [])
    try:
        assert await outcomes(sink, [message(1)]) == {"evt_1": "this user may not publish to erp.ten_1.order.ord_1"}
    finally:
        await sink.close()


async def test_a_stream_that_may_not_be_made_is_said_at_once(broker: Nats) -> None:
    began = monotonic()
    with pytest.raises(Away, match=r"NotAllowed: this user may not publish to \$JS.API.STREAM.CREATE.ERPGRAPH"):
        await opened(broker, "nobody", [])
    assert monotonic() - began < 5


@pytest.mark.parametrize("over", [0, 1])
async def test_a_message_that_is_too_large_with_its_headers_ends_no_connection(broker: Nats, over: int) -> None:
    """The server counts headers and ends the connection; the client counts the data alone."""
    lost: list[str] = []
    sink = await opened(broker, "admin", lost)
    try:
        small = message(1, size=0)
        headers = {f"ce-{name}": value for name, value in small.attributes.items()} | {"Nats-Msg-Id": small.id}
        besides = 12 + 2 + sum(len(name) + len(value) + 4 for name, value in headers.items())
        found = await outcomes(sink, [message(1, size=LIMIT - besides + over), message(2)])
        assert found == {
            "evt_1": f"it has {LIMIT + 1:,} bytes, and the server takes {LIMIT:,}" if over else "taken",
            "evt_2": "taken",
        }
        assert lost == []
    finally:
        await sink.close()


async def test_a_stream_without_a_subject_refuses_that_alone(broker: Nats) -> None:
    async with broker.client() as client:
        await client.jetstream().add_stream(StreamConfig(name="OWN", subjects=["erp.ten_1.>"]))
        sink = await opened(broker, "admin", [])
        try:
            found = await outcomes(sink, [message(1), message(2, "ten_2"), message(3)])
            assert found == {
                "evt_1": "taken",
                "evt_2": "no stream has the subject erp.ten_2.order.ord_2",
                "evt_3": "taken",
            }
            await client.jetstream().delete_stream("OWN")
            with pytest.raises(Away, match="there is no stream"):
                await sink.send(message(4))
        finally:
            await sink.close()
        assert await client.jetstream().streams_info() == []


async def test_a_stream_that_was_deleted_is_made_again(broker: Nats, site: Site) -> None:
    async with site.client() as client, running(relay(site.database, site.target, [broker.url])) as working:
        await told_all(site)
        await broker.forget()
        gone = await partner(client, "STREAM", "while it was gone")
        await told_all(site)
        assert working.outlets[0].refusing == 0
    assert [each.data["after"]["name"] for each in about(await broker.kept(), gone)][-1] == "while it was gone"


async def test_a_tenant_whose_subjects_may_not_be_published_holds_up_nobody_else(
    broker: Nats, site: Site, other: str
) -> None:
    url = broker.url_of("others")
    async with (
        site.client() as client,
        site.client(other) as theirs,
        running(relay(site.database, site.target, [url])) as working,
    ):
        [outlet] = working.outlets
        await eventually(lambda: outlet.refusing == 1)
        refused = await partner(client, "NOT-ALLOWED", "nobody hears of it")
        of_others = await partner(theirs, "NOT-ALLOWED", "another tenant's")
        found = await at_last(broker, lambda found: bool(about(found, of_others)))
        turns = outlet.turns
        await eventually(lambda: outlet.turns > turns + 2)
        assert outlet.connected
        assert outlet.refusing == 1
        assert about(found, refused) == []
    async with running(relay(site.database, site.target, [broker.url])):
        await told_all(site)
    got = await broker.kept()
    assert len(about(got, refused)) == 1
    assert rising(got)


async def test_a_message_that_is_too_large_for_the_server_holds_up_its_tenant_alone(
    broker: Nats, site: Site, other: str
) -> None:
    async with (
        site.client() as client,
        site.client(other) as theirs,
        running(relay(site.database, site.target, [broker.url])) as working,
    ):
        [outlet] = working.outlets
        await told_all(site)
        refused = await an_order(client, lines=60)
        await eventually(lambda: outlet.refusing == 1)
        behind = await partner(client, "TOO-LARGE", "behind it")
        of_others = await partner(theirs, "TOO-LARGE", "another tenant's")
        found = await at_last(broker, lambda found: bool(about(found, of_others)))
        assert outlet.connected
        assert about(found, refused, behind) == []
    assert rising(await broker.kept())
