"""Kafka: a topic for each tenant, by the record's id as the key, so that a record's messages are in one partition, in their order."""

import asyncio
import contextlib
import logging
import ssl
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

# It writes each broker that is away, again and again; the next message finds out.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class Kafka:
    """A producer whose repeats within its own connection the brokers know."""

    name = "kafka"

    def __init__(self, servers: list[str]) -> None:
        self._servers = servers
        self._producer: AIOKafkaProducer | None = None

    async def open(self, lost: Broke) -> None:  # noqa: ARG002 - the producer finds another broker by itself
        """Connect to the cluster by any of these servers."""
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
                await producer.send_and_wait(topic, message.data, key=message.record.encode(), headers=headers)
        except REFUSED as error:
            raise Refused(type(error).__name__) from error
        except ENDS as error:
            # It waits for a topic that is missing for as long as it may.
            if (
                isinstance(error, TimeoutError)
                and producer is not None
                and topic not in producer.client.cluster.topics()
            ):
                raise Refused(f"there is no topic {topic}") from error
            raise Away(type(error).__name__) from error
        return True

    async def close(self) -> None:
        """Close the connections. What is under way is sent again from the place, so it isn't waited for long."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        with contextlib.suppress(*ENDS):
            async with asyncio.timeout(1):
                await producer.stop()
                return
        with contextlib.suppress(*ENDS):
            await producer._sender.close()  # noqa: SLF001 - nothing else ends it while there is something under way
            await producer.client.close()


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
