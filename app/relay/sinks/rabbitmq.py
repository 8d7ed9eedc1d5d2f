"""RabbitMQ: a topic exchange, which confirms what its queues have. It knows no message again: consumers do."""

import contextlib
import logging
from random import sample

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection, AbstractExchange, AbstractIncomingMessage, DeliveryMode, ExchangeType
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import AMQPError, DeliveryError

from app.relay.messages import Message
from app.relay.sinks import WITHIN, Away, Broke, Refused

log = structlog.get_logger()

EXCHANGE = "erp"

ENDS = (AMQPError, OSError, TimeoutError, RuntimeError)

for each in ("aio_pika", "aiormq"):
    # They write a connection's end with its traceback, and an address with its password; the next message finds out.
    logging.getLogger(each).setLevel(logging.CRITICAL)


class RabbitMQ:
    """A connection to one of a cluster's nodes."""

    name = "rabbitmq"

    def __init__(self, servers: list[str]) -> None:
        self._servers = servers
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange
        self._unrouted = False

    async def open(self, lost: Broke) -> None:
        """Connect to any of them, and make the exchange unless it is there."""
        reason = ""
        for url in sample(self._servers, len(self._servers)):
            try:
                # Not by ``aio_pika.connect``: what it could not connect, nobody closes, and the garbage collector complains.
                self._connection = Connection(make_url(url, heartbeat=10))
                await self._connection.connect(timeout=WITHIN / (len(self._servers) + 1))
                self._connection.close_callbacks.add(lambda *_: lost("the connection ended"))
                channel = await self._connection.channel()
                channel.return_callbacks.add(self._returned)
                self._exchange = await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)
            except ENDS as error:
                await self.close()
                reason = _reason(error)
            else:
                self._unrouted = False
                return
        raise Away(reason)

    async def send(self, message: Message) -> bool:
        """Publish, and wait for the confirmation. What no queue is bound for is dropped, as by any exchange: the log says so."""
        attributes = dict(message.attributes)
        content = aio_pika.Message(
            message.data,
            content_type=attributes.pop("datacontenttype"),
            headers={f"cloudEvents_{name}": value for name, value in attributes.items()},
            message_id=message.id,
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        try:
            await self._exchange.publish(content, message.topic, timeout=WITHIN)
        except DeliveryError as error:
            raise Refused("a queue doesn't take it") from error
        except ENDS as error:
            raise Away(_reason(error)) from error
        return True

    def _returned(self, _channel: object, message: AbstractIncomingMessage) -> None:
        if not self._unrouted:
            self._unrouted = True
            log.warning("no queue takes what is relayed", sink=self.name, topic=message.routing_key)

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*ENDS):
                await connection.close()


def _reason(error: Exception) -> str:
    # The texts of some have the address, with its password.
    text = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


SINK = RabbitMQ
