"""What RabbitMQ and Kafka refuse: the message, or its tenant, waits, and others go on. RabbitMQ is a real one; of Kafka the mock of a cluster
answers what a broker would.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from time import monotonic
from uuid import UUID

import pytest

from app.relay import outlet as outlets
from app.relay.sinks import Away, Refused, Sink, made
from app.relay.sinks import kafka as kafkas
from app.relay.sinks import rabbitmq as rabbits
from core import ids
from services.platform import keys
from tests.support.brokers import RabbitMQ, relay, running
from tests.support.demo_site import Site, demo_site
from tests.support.http import eventually
from tests.support.kafka import MISSING, NO_RIGHT, TOO_LARGE, Kafka
from tests.support.postgres import TestServer
from tests.support.relayed import about, an_order, at_last, message, outcomes, partner, rising, told_all

LIMIT = 3_000
"""Bytes of a message that this RabbitMQ takes: fewer than those of one about an order with sixty lines."""

USERS = {"guest": (".*", ".*", ".*"), "writer": ("", "^erp$", ""), "reader": ("", "", "")}
"""What each may configure, write and read."""

PEOPLE = {
    "vhosts": [{"name": "/"}],
    "users": [{"name": name, "password": name, "tags": "administrator" if name == "guest" else ""} for name in USERS],
    "permissions": [
        {"user": name, "vhost": "/"} | dict(zip(("configure", "write", "read"), given, strict=True))
        for name, given in USERS.items()
    ],
    "topic_permissions": [{"user": "writer", "vhost": "/", "exchange": "erp", "write": r"^erp\.ten_1\.", "read": ""}],
}


@pytest.fixture(scope="module")
async def site(server: TestServer) -> AsyncIterator[Site]:
    """Of its own: a large message that another file's tests had left was refused here, and its tenant held up."""
    async with demo_site(server) as made:
        yield made


@pytest.fixture(scope="module")
async def rabbit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitMQ]:
    if RabbitMQ.program() is None:
        pytest.skip("there is no RabbitMQ here: apt-get install rabbitmq-server")
    folder = tmp_path_factory.mktemp("rabbitmq")
    (folder / "people.json").write_text(json.dumps(PEOPLE))
    broker = RabbitMQ(folder, f"max_message_size = {LIMIT}\nload_definitions = {folder}/people.json\n")
    await broker.start()
    yield broker
    broker.end()


@pytest.fixture
def kafka() -> Iterator[Kafka]:
    cluster = Kafka()
    yield cluster
    cluster.end()


@pytest.fixture(autouse=True)
async def quick(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(outlets, "FIRST", 0.05)
    monkeypatch.setattr(outlets, "PROBE_FIRST", 0.05)
    monkeypatch.setattr(outlets, "PROBE_LONGEST", 0.1)
    yield
    async with site.admin() as admin:
        await admin.execute("DELETE FROM relay_cursors")


@pytest.fixture
async def other(site: Site) -> str:
    """A key of another tenant."""
    return await keys.create(site.target, site.tenants[1].id, "relay refused others", replace=True)


# ---------------------------------------------------------------- RabbitMQ


async def test_rabbitmq_refuses_the_message_that_is_too_large_and_none_beside_it(rabbit: RabbitMQ) -> None:
    """It closes the channel, with all that is under way there, or the connection, and doesn't say for which."""
    await rabbit.forget()
    [sink] = made([rabbit.url])
    await sink.open(lambda _: None)
    try:
        for turn in range(2):
            them = [message(number, size=LIMIT if number in {7, 20} else 10) for number in range(40)]
            found = await outcomes(sink, them)
            refused = {name: outcome for name, outcome in found.items() if outcome != "taken"}
            assert refused.keys() == {"evt_7", "evt_20"}
            assert all("PRECONDITION_FAILED" in each and "larger than" in each for each in refused.values())
            if turn:
                # By now it is known which they are: the others aren't disturbed by them any more.
                await asyncio.gather(*(sink.send(message(100 + number)) for number in range(10)), refusal(sink))
    finally:
        await sink.close()
    kept = {each.attributes["id"] for each in await rabbit.kept()}
    assert kept == {f"evt_{number}" for number in [*range(40), *range(100, 110)]} - {"evt_7", "evt_20"}


async def refusal(sink: Sink) -> None:
    with pytest.raises(Refused):
        await sink.send(message(7, size=LIMIT))


async def test_rabbitmq_where_somebody_may_not_write(rabbit: RabbitMQ) -> None:
    """By a right to the exchange, or by one to a tenant's topics: the others' are taken."""
    await rabbit.forget()
    [sink] = made([rabbit.url_of("writer")])
    await sink.open(lambda _: None)
    try:
        found = await outcomes(sink, [message(number, f"ten_{number % 2 + 1}") for number in range(10)])
    finally:
        await sink.close()
    for number in range(10):
        assert ("ACCESS_REFUSED" in found[f"evt_{number}"]) == bool(number % 2), found
    assert {each.attributes["id"] for each in await rabbit.kept()} == {f"evt_{number}" for number in range(0, 10, 2)}
    [sink] = made([rabbit.url_of("reader")])
    await sink.open(lambda _: None)
    try:
        assert "ACCESS_REFUSED" in (await outcomes(sink, [message(1)]))["evt_1"]
    finally:
        await sink.close()


async def test_rabbitmq_whose_exchange_was_deleted_has_it_made_again(rabbit: RabbitMQ, site: Site) -> None:
    async with site.client() as client, running(relay(site.database, site.target, [rabbit.url])) as working:
        await told_all(site)
        await rabbit.delete_exchange()
        gone = await partner(client, "EXCHANGE", "while it was gone")
        await told_all(site)
        assert working.outlets[0].refusing == 0
        await rabbit.bind()
        made_ = await partner(client, "EXCHANGE", "there again")
        got = await at_last(rabbit, lambda found: bool(about(found, made_)))
    # No queue was bound to the new one yet: that is what an exchange is, and the log says so.
    assert made_ == gone
    assert [each.data["after"]["name"] for each in about(got, gone)][-1] == "there again"


async def test_a_queue_of_rabbitmqs_that_is_full_refuses(rabbit: RabbitMQ) -> None:
    await rabbit.forget()
    async with rabbit.queue("full", {"x-max-length": 1, "x-overflow": "reject-publish"}):
        [sink] = made([rabbit.url])
        await sink.open(lambda _: None)
        try:
            assert await sink.send(message(1))
            assert await outcomes(sink, [message(2)]) == {"evt_2": "a queue doesn't take it"}
        finally:
            await sink.close()


async def test_what_rabbitmq_refused_is_not_remembered_for_ever(
    rabbit: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbits, "REMEMBERED", 3)
    [sink] = made([rabbit.url])
    await sink.open(lambda _: None)
    try:
        await outcomes(sink, [message(number, size=LIMIT) for number in range(6)])
        assert isinstance(sink, rabbits.RabbitMQ)
        assert len(sink._suspects) == 3
        last = [*sink._suspects][-1]
        assert await sink.send(message(int(last.removeprefix("evt_"))))
        assert last not in sink._suspects
    finally:
        await sink.close()


async def test_rabbitmq_that_refuses_a_message_holds_up_its_tenant_alone(
    rabbit: RabbitMQ, site: Site, other: str
) -> None:
    await rabbit.forget()
    async with site.client() as client, site.client(other) as theirs:
        first = await partner(client, "REFUSED", "small")
        async with running(relay(site.database, site.target, [rabbit.url])) as working:
            [outlet] = working.outlets
            await told_all(site)
            refused = await an_order(client, lines=60)
            await eventually(lambda: outlet.refusing == 1)
            behind = await partner(client, "REFUSED-BEHIND", "behind it")
            of_others = await partner(theirs, "REFUSED-OTHERS", "another tenant's")
            await at_last(rabbit, lambda found: bool(about(found, of_others)))
            turns = outlet.turns
            await eventually(lambda: outlet.turns > turns + 2)
            assert outlet.connected
            assert outlet.refusing == 1
    got = await rabbit.kept()
    assert len(about(got, first)) >= 1
    assert about(got, refused, behind) == []
    assert rising([*{each.attributes["id"]: each for each in reversed(got)}.values()][::-1])


async def interrupted(sink: Sink, step: int) -> None:
    """Call its closing off at its so-and-so-manieth step."""
    closing = asyncio.create_task(sink.close())
    for _ in range(step):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)


@pytest.mark.parametrize("step", range(1, 8))
async def test_rabbitmq_is_closed_even_where_that_is_called_off(rabbit: RabbitMQ, step: int) -> None:
    """Else the garbage collector closes it: by a coroutine that nobody awaits, in whichever test it runs."""
    [sink] = made([rabbit.url])
    assert isinstance(sink, rabbits.RabbitMQ)
    await sink.open(lambda _: None)
    connection = sink._connection
    assert connection is not None
    await interrupted(sink, step)
    assert connection.is_closed


# ---------------------------------------------------------------- Kafka


async def opened(cluster: Kafka, lost: list[str]) -> Sink:
    [sink] = made(cluster.url.split(","))
    await sink.open(lost.append)
    return sink


@pytest.mark.parametrize(
    "error, reason", [(MISSING, "UnknownTopicOrPartitionError"), (NO_RIGHT, "TopicAuthorizationFailedError")]
)
async def test_kafka_refuses_a_topic_that_is_missing_or_anothers_soon(
    kafka: Kafka, error: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafkas, "MADE_WITHIN", 0.3)
    kafka.say_of("erp.ten_1", error)
    sink = await opened(kafka, [])
    try:
        for _ in range(2):
            began = monotonic()
            found = await outcomes(sink, [message(1), message(2, "ten_2"), message(3)])
            assert found == {f"evt_{number}": f"{reason} of the topic erp.ten_1" for number in (1, 3)} | {
                "evt_2": "taken"
            }
            assert monotonic() - began < 5
        kafka.say_of("erp.ten_1", 0)
        assert await sink.send(message(1))
    finally:
        await sink.close()
    assert sorted(each.topic for each in await kafka.kept()) == ["erp.ten_1", "erp.ten_2", "erp.ten_2"]


@pytest.mark.parametrize(
    "error, reason", [(TOO_LARGE, "MessageSizeTooLargeError"), (NO_RIGHT, "TopicAuthorizationFailedError")]
)
async def test_kafka_refuses_a_message(kafka: Kafka, error: int, reason: str) -> None:
    sink = await opened(kafka, [])
    try:
        assert await sink.send(message(1))
        kafka.refuse(error, 1)
        assert await outcomes(sink, [message(2)]) == {"evt_2": f"{reason} of the topic erp.ten_1"}
        assert await sink.send(message(3))
    finally:
        await sink.close()


async def test_a_topic_that_is_missing_holds_up_its_tenant_alone(
    kafka: Kafka, site: Site, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafkas, "MADE_WITHIN", 0.3)
    topic = f"erp.{ids.encode('ten', site.tenants[0].id)}"
    kafka.say_of(topic, MISSING)
    async with site.client() as client, site.client(other) as theirs:
        refused = await partner(client, "TOPIC", "one")
        async with running(relay(site.database, site.target, kafka.url.split(","))) as working:
            [outlet] = working.outlets
            await eventually(lambda: outlet.refusing == 1)
            of_others = await partner(theirs, "TOPIC", "another tenant's")
            assert about(await at_last(kafka, lambda found: bool(about(found, of_others))), refused) == []
            assert outlet.connected
            kafka.say_of(topic, 0)
            await told_all(site)
            assert outlet.refusing == 0
    got = await kafka.kept()
    assert len(about(got, refused)) >= 1
    assert rising(got)


async def test_kafka_that_went_away_is_noticed_while_nothing_is_sent(
    kafka: Kafka, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafkas, "LOOK", 0.05)
    async with running(relay(site.database, site.target, kafka.url.split(","))) as working:
        [outlet] = working.outlets
        await told_all(site)
        assert outlet.connected
        kafka.set_down(down=True)
        await eventually(lambda: not outlet.connected)
        kafka.set_down(down=False)
        await eventually(lambda: outlet.connected)


@pytest.mark.parametrize("step", range(1, 8))
async def test_kafka_is_closed_even_where_that_is_called_off(kafka: Kafka, step: int) -> None:
    sink = await opened(kafka, [])
    assert isinstance(sink, kafkas.Kafka)
    producer = sink._producer
    assert producer is not None
    assert await sink.send(message(1))
    await interrupted(sink, step)
    assert producer._sender.sender_task.done()
    assert not any(each.connected() for each in producer.client._conns.values())


async def test_kafka_that_is_not_there_is_away() -> None:
    [sink] = made(["kafka://127.0.0.1:9"])
    with pytest.raises(Away):
        await sink.open(lambda _: None)


async def test_those_that_are_refused_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    [sink] = made(["kafka://127.0.0.1:9"])
    outlet = outlets.Outlet(sink, None, None)  # type: ignore[arg-type]  # no turn is taken
    outlet._broken = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(outlet, "_turn", lambda _: asyncio.Event().wait())
    refused = [UUID(int=number + 1) for number in range(20)]
    outlet._held = dict.fromkeys(refused, outlets.Held(0.0, 1.0))
    others = [UUID(int=number + 100) for number in range(20)]
    outlet.begin([*refused, *others])
    began = [*outlet._running]
    await outlet._end()
    assert began == [*refused[: outlets.PROBED], *others[: outlets.TENANTS - outlets.PROBED]]


async def test_an_outlet_that_is_called_off_while_it_lets_go_of_a_broker_does_that_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [sink] = made(["kafka://127.0.0.1:9"])
    begun, go_on = asyncio.Event(), asyncio.Event()
    closed = False

    async def away(_lost: object) -> None:
        raise Away

    async def close() -> None:
        nonlocal closed
        begun.set()
        await go_on.wait()
        closed = True

    monkeypatch.setattr(sink, "open", away)
    monkeypatch.setattr(sink, "close", close)
    running_ = asyncio.create_task(outlets.Outlet(sink, None, None).run())  # type: ignore[arg-type]  # no turn is taken
    await begun.wait()
    running_.cancel()
    await asyncio.sleep(0)
    assert not running_.done()
    go_on.set()
    await asyncio.gather(running_, return_exceptions=True)
    assert running_.cancelled()
    assert closed
