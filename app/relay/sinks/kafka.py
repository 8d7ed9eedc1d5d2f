"""Kafka: a topic for each tenant, by the record's id as the key, so that a record's messages are in one partition, in their order."""

import asyncio
import contextlib
import logging
import ssl
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from app.relay.messages import Message
from app.relay.sinks import WITHIN, Away, Broke, Refused

ENDS = (KafkaError, OSError, TimeoutError, ValueError)

REFUSED = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
"""What is about a message or its tenant's topic."""

MADE_WITHIN = 1.0
"""Seconds in which brokers that make topics have made one: a message for a topic that isn't there waits no longer."""

LOOK = 10.0
"""Seconds between two looks whether a broker answers: where nothing is sent, the producer would not notice."""

# It writes each broker that is away, again and again; the next message finds out.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class Kafka:
    """A producer whose repeats within its own connection the brokers know."""

    name = "kafka"

    def __init__(self, servers: list[str]) -> None:
        self._servers = servers
        self._producer: AIOKafkaProducer | None = None
        self._looking: asyncio.Task[None] | None = None

    async def open(self, lost: Broke) -> None:
        """Connect to the cluster by any of these servers. The producer finds another one by itself, for as long as there is one."""
        parts = [urlsplit(each) for each in self._servers]
        try:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=[f"{each.hostname}:{each.port or 9092}" for each in parts],
                client_id="erpgraph-relay",
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=int(WITHIN * 1000),
                **_security(self._servers[0]),
            )
            async with asyncio.timeout(WITHIN):
                await self._producer.start()
        except ENDS as error:
            await self.close()
            raise Away(type(error).__name__) from error
        self._looking = asyncio.create_task(_look(self._producer.client, lost))

    async def send(self, message: Message) -> bool:
        """Send, and wait until all replicas that are in step have it."""
        attributes = dict(message.attributes)
        headers = [("content-type", attributes.pop("datacontenttype").encode())]
        headers += [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
        topic, producer = f"erp.{message.tenant}", self._producer
        try:
            if producer is None:
                raise ConnectionError
            async with asyncio.timeout(WITHIN):
                await _find(producer.client, topic)
                await producer.send_and_wait(topic, message.data, key=message.record.encode(), headers=headers)
        except REFUSED as error:
            raise Refused(f"{type(error).__name__} of the topic {topic}") from error
        except ENDS as error:
            # It tries again and again where a topic is missing that was there before.
            if isinstance(error, TimeoutError) and producer is not None and not _has(producer.client, topic):
                raise Refused(f"there is no topic {topic}") from error
            raise Away(type(error).__name__) from error
        return True

    async def close(self) -> None:
        """Close the connections. What is under way is sent again from the place, so it isn't waited for long."""
        producer, self._producer = self._producer, None
        looking, self._looking = self._looking, None
        try:
            if looking is not None:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
        finally:
            if producer is not None:
                await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop a producer in a second, or end what it has running."""
    stopped = False
    try:
        with contextlib.suppress(*ENDS):
            async with asyncio.timeout(1):
                await producer.stop()
                stopped = True
    finally:
        # Called off in the middle as well: nothing else ends it while there is something under way.
        if not stopped:
            with contextlib.suppress(*ENDS):
                try:
                    async with asyncio.timeout(1):
                        await producer._sender.close()  # noqa: SLF001 - see above
                finally:
                    await producer.client.close()


def _has(client: Any, topic: str) -> bool:
    return client.cluster.partitions_for_topic(topic) is not None


async def _find(client: Any, topic: str) -> None:
    """Have the producer know a topic; it alone would look for one that is missing for as long as a request may take, in which others'
    messages have to wait. Raises what is of ``REFUSED`` and of ``ENDS``.
    """
    until = monotonic() + MADE_WITHIN
    while not _has(client, topic):
        client.add_topic(topic)
        if not await client.force_metadata_update():
            raise ConnectionError
        if topic in client.cluster.unauthorized_topics:
            raise TopicAuthorizationFailedError
        if monotonic() > until and not _has(client, topic):
            raise UnknownTopicOrPartitionError
        await asyncio.sleep(0.1)


async def _look(client: Any, lost: Broke) -> None:
    """Say when no broker answers any more."""
    there = True
    while there:
        await asyncio.sleep(LOOK)
        try:
            async with asyncio.timeout(WITHIN):
                there = await client.force_metadata_update()
        except TimeoutError:
            there = False
    lost("no broker answers")


def _security(url: str) -> dict[str, object]:
    """How to connect, by a URL: ``kafkas://`` is TLS, a user has a password, and ``?mechanism=`` says how that is sent."""
    parts = urlsplit(url)
    found: dict[str, object] = {}
    if parts.scheme == "kafkas":
        found["ssl_context"] = ssl.create_default_context()
    if parts.username:
        found["sasl_mechanism"] = parse_qs(parts.query).get("mechanism", ["PLAIN"])[0]
        found["sasl_plain_username"] = unquote(parts.username)
        found["sasl_plain_password"] = unquote(parts.password or "")
    protocol = "SSL" if parts.scheme == "kafkas" else "PLAINTEXT"
    found["security_protocol"] = f"SASL_{protocol}" if parts.username else protocol
    return found


SINK = Kafka
