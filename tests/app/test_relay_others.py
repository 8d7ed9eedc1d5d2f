"""The relay against RabbitMQ, a real one, and against librdkafka's mock of a Kafka cluster."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Iterator

import aio_pika
import pytest
from aio_pika.exceptions import ChannelClosed, DeliveryError
from structlog.testing import capture_logs

from app.relay import outlet as outlets
from app.relay.messages import Message
from app.relay.sinks import made
from app.relay.sinks.kafka import _security
from app.relay.sinks.rabbitmq import EXCHANGE
from app.settings import CHECKOUT
from core import ids
from services.platform import keys
from tests.support.brokers import Broker, Got, RabbitMQ, relay, running
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.kafka import Kafka
from tests.support.relayed import MAKE, SEEN, about, an_order, ask, at_last, partner, rising, told_all


@pytest.fixture(scope="module")
async def rabbit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitMQ]:
    if RabbitMQ.program() is None:
        pytest.skip("there is no RabbitMQ here: apt-get install rabbitmq-server")
    broker = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    await broker.start()
    yield broker
    broker.end()


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    cluster = Kafka()
    yield cluster
    cluster.end()


@pytest.fixture(autouse=True)
async def quick(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(outlets, "FIRST", 0.05)
    yield
    async with site.admin() as admin:
        await admin.execute("DELETE FROM relay_cursors")


async def told(broker: Broker, site: Site) -> list[Got]:
    """What a broker has of an order and of partners of both tenants."""
    other = await keys.create(site.target, site.tenants[1].id, "relay others", replace=True)
    async with site.client() as client, site.client(other) as theirs:
        given = {"code": "RELAY-OTHERS", "name": type(broker).__name__}
        begun = await client.post("/graphql", json={"query": MAKE, "variables": given})
        start = begun.json()["extensions"]["changes"]["cursor"]
        async with running(relay(site.database, site.target, broker.url.split(","))) as working:
            order = await an_order(client)
            for turn in range(3):
                await ask(client, 'mutation { orderCancel(input: {order: {id: "%s"}}) { order { id } } }' % order)
                for number in range(10):
                    await partner(client, f"RELAY-OTHERS-{number}", f"{type(broker).__name__} {turn}")
                    await partner(theirs, f"RELAY-OTHERS-{number}", f"{type(broker).__name__} {turn}")
            await told_all(site)
            assert working.outlets[0].repeated == 0
        events = (await ask(client, SEEN, subjects=[order], after=start))["eventFeed"]["events"]
    got = await broker.kept()
    ours = about(got, order)
    assert [each.data for each in ours] == events
    assert [each["type"] for each in events] == ["order.created", "order.cancelled"]
    tenant = ids.encode("ten", site.tenants[0].id)
    sequence = ours[0].attributes.pop("sequence")
    assert len(sequence) == 26
    assert ours[0].attributes == {
        "specversion": "1.0",
        "id": events[0]["id"],
        "source": f"/tenants/{tenant}",
        "type": "order.created",
        "subject": order,
        "time": events[0]["occurredAt"],
        "datacontenttype": "application/json",
    }
    ours[0].attributes["sequence"] = sequence
    assert rising(got)
    assert len({each.attributes["id"] for each in got}) == len(got)
    async with site.admin() as admin:
        for each in got:
            assert each.attributes["source"] == f"/tenants/{each.tenant}"
            if each.attributes["type"] != "feed.resync_required":
                whose = "SELECT tenant_id FROM events WHERE id = $1"
                assert each.tenant == ids.encode(
                    "ten", await admin.fetchval(whose, ids.decode("evt", each.attributes["id"]))
                )
        wanted = await admin.fetchval("SELECT sum(cardinality(events)) + count(DISTINCT tenant_id) FROM commits")
    assert len(got) == wanted
    return ours


async def test_rabbitmq_is_told(rabbit: RabbitMQ, site: Site) -> None:
    [created, _] = await told(rabbit, site)
    assert created.topic == f"erp.{created.tenant}.order.{created.attributes['subject']}"


async def test_rabbitmq_killed_amid_many_loses_none(rabbit: RabbitMQ, site: Site) -> None:
    async with site.client() as client, running(relay(site.database, site.target, [rabbit.url])) as working:
        await told_all(site)
        await rabbit.forget()
        sent = working.outlets[0].sent
        whose = [await partner(client, f"RELAY-RABBIT-{number % 10}", f"{number}") for number in range(60)]
        await eventually(lambda: working.outlets[0].sent > sent + 5)
        rabbit.kill()
        whose += [await partner(client, f"RELAY-RABBIT-{number % 10}", f"later {number}") for number in range(20)]
        await eventually(lambda: not working.outlets[0].connected)
        await rabbit.start()
        got = about(await at_last(rabbit, lambda found: len(ids_of(found, whose)) >= 80), *whose)
    # It doesn't know repeats: the first of each are in order.
    first = [*{each.attributes["id"]: each for each in reversed(got)}.values()][::-1]
    assert len(first) == 80
    assert rising(first)


def ids_of(found: list[Got], records: list[str]) -> set[str]:
    return {each.attributes["id"] for each in about(found, *records)}


async def routed(url: str) -> None:
    """Publish what is about nothing, until a queue takes it."""
    probe = aio_pika.Message(b'{"type": "probe"}', message_id="probe")
    async with asyncio.timeout(60), await aio_pika.connect(url) as connection:
        while True:  # an exchange that isn't there closes the channel
            with contextlib.suppress(DeliveryError, ChannelClosed):
                exchange = await (await connection.channel(on_return_raises=True)).get_exchange(EXCHANGE)
                await exchange.publish(probe, "erp.nobody.order.none", mandatory=True)
                return
            await asyncio.sleep(0.05)


async def test_the_documented_receiver_has_all_that_a_new_relay_sends(rabbit: RabbitMQ, site: Site) -> None:
    """It bound its queue to an exchange that only the relay declared, which drops what no queue is bound for."""
    page = (CHECKOUT / "docs" / "relay.md").read_text()
    [script] = [each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "aio_pika" in each]
    documented = "amqp://guest:guest@127.0.0.1/"
    assert script.count(documented) == 1
    await rabbit.delete_exchange()
    command = (sys.executable, "-c", script.replace(documented, rabbit.url))
    receiver = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert receiver.stdout
        await routed(rabbit.url)
        async with (
            site.client() as client,
            running(relay(site.database, site.target, [rabbit.url])),
            asyncio.timeout(60),
        ):
            assert await receiver.stdout.readline() == b"probe probe\n"
            given = {"code": "RELAY-DOCUMENTED", "name": "documented"}
            begun = await client.post("/graphql", json={"query": MAKE, "variables": given})
            start = begun.json()["extensions"]["changes"]["cursor"]
            order = await an_order(client)
            [event] = (await ask(client, SEEN, subjects=[order], after=start))["eventFeed"]["events"]
            while (line := await receiver.stdout.readline()) != f"{event['id']} order.created\n".encode():
                assert re.fullmatch(rb"evt_\w+ [\w.]+\n", line)
    finally:
        if receiver.returncode is None:
            receiver.terminate()
        await receiver.wait()
        await rabbit.delete_exchange()  # with the binding of the page's queue, which would take what nobody is to take
        await rabbit.bind()


async def test_that_no_queue_takes_it_is_said_once(rabbit: RabbitMQ) -> None:
    [sink] = made([rabbit.url])
    attributes = {"id": "evt_1", "type": "order.created", "datacontenttype": "application/json"}
    await sink.open(lambda _: None)
    try:
        with capture_logs() as lines:
            for _ in range(3):
                await sink.send(Message(attributes, b"{}", "nobody", "ord_1"))
            assert lines == []
            await rabbit.unbind()
            for _ in range(3):
                await sink.send(Message(attributes, b"{}", "nobody", "ord_1"))
    finally:
        await sink.close()
    assert [(each["event"], each["topic"]) for each in lines] == [
        ("no queue takes what is relayed", "erp.nobody.order.ord_1")
    ]


async def test_kafka_is_told_by_a_topic_for_each_tenant(kafka: Kafka, site: Site) -> None:
    [created, _] = await told(kafka, site)
    assert created.topic == f"erp.{created.tenant}"


@pytest.mark.parametrize(
    "url, protocol, mechanism",
    [
        ("kafka://a.example", "PLAINTEXT", None),
        ("kafka://me:p%40ss@a.example:9093", "SASL_PLAINTEXT", "PLAIN"),
        ("kafkas://a.example", "SSL", None),
        ("kafkas://me:p%40ss@a.example?mechanism=SCRAM-SHA-512", "SASL_SSL", "SCRAM-SHA-512"),
    ],
)
def test_kafkas_url_says_how_to_connect(url: str, protocol: str, mechanism: str | None) -> None:
    found = _security(url)
    assert (found["security_protocol"], found.get("sasl_mechanism")) == (protocol, mechanism)
    assert found.get("sasl_plain_password") == (mechanism and "p@ss")
    assert ("ssl_context" in found) == protocol.endswith("SSL")
