"""RabbitMQ: a topic exchange, which confirms what its queues have. It knows no message again: consumers do."""

import asyncio
import contextlib
import logging
from random import sample
from typing import NamedTuple

import aio_pika
import structlog
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractMessage,
    DeliveryMode,
    ExchangeType,
)
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import (
    AMQPError,
    ChannelClosed,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    DeliveryError,
)

from app.relay.messages import Message
from app.relay.sinks import WITHIN, Away, Broke, Refused

log = structlog.get_logger()

EXCHANGE = "erp"

ENDS = (AMQPError, OSError, TimeoutError, RuntimeError)

REMEMBERED = 1_000
"""Messages that are known to have been refused, or to have been under way when a channel was closed."""

for each in ("aio_pika", "aiormq"):
    # They write a connection's end with its traceback, and an address with its password; the next message finds out.
    logging.getLogger(each).setLevel(logging.CRITICAL)


class Way(NamedTuple):
    """The exchange by a channel of its own."""

    channel: AbstractChannel
    exchange: AbstractExchange


class RabbitMQ:
    """A connection to one of a cluster's nodes.

    A node that doesn't take a message (it is too large, or nobody may write it) closes the channel, with all that is under way there, and
    doesn't say which message it was; with what is already written for that channel it closes the connection as well. All of them are
    published once more then, one after the other, by another channel, which closes for the one alone that it was.
    """

    name = "rabbitmq"

    def __init__(self, servers: list[str]) -> None:
        self._servers = servers
        self._connection: AbstractConnection | None = None
        self._way: Way
        self._alone: Way | None = None
        self._suspects: dict[str, None] = {}
        self._turn = asyncio.Lock()
        self._opening = asyncio.Lock()
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
                await self._declare()
                self._way = await self._open()
            except ENDS as error:
                await self.close()
                reason = _reason(error)
            else:
                self._unrouted = False
                return
        raise Away(reason)

    async def _declare(self) -> None:
        """Make the exchange unless it is there. Who may write to it and no more may not even ask for that, and finds one or none."""
        channel = await self._channel()
        try:
            await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)
        except ChannelClosed:
            channel = await self._channel()
            await channel.get_exchange(EXCHANGE)
        await channel.close()

    async def _channel(self) -> AbstractChannel:
        if self._connection is None:
            raise ConnectionError
        return await self._connection.channel()

    async def _open(self) -> Way:
        channel = await self._channel()
        channel.return_callbacks.add(self._returned)
        return Way(channel, await channel.get_exchange(EXCHANGE, ensure=False))

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
            if message.id in self._suspects or not await self._publish(content, message.topic):
                self._suspect(message.id)
                await self._publish_alone(content, message.topic)
                self._suspects.pop(message.id, None)
        except DeliveryError as error:
            raise Refused("a queue doesn't take it") from error
        except ENDS as error:
            raise Away(_reason(error)) from error
        return True

    async def _publish(self, content: AbstractMessage, topic: str) -> bool:
        """Publish beside others; False where the channel was closed for one of them, whichever that was."""
        try:
            async with self._opening:
                if self._way.channel.is_closed:
                    self._way = await self._open()
            await self._way.exchange.publish(content, topic, timeout=WITHIN)
        except ChannelNotFoundEntity:
            raise  # there is no exchange any more: it is made when we connect
        except (ChannelClosed, ChannelInvalidStateError):
            return False
        return True

    def _suspect(self, message: str) -> None:
        """Remember it beyond this connection: the next one would end by it, too."""
        if message not in self._suspects:
            while len(self._suspects) >= REMEMBERED:
                del self._suspects[next(iter(self._suspects))]
            self._suspects[message] = None

    async def _publish_alone(self, content: AbstractMessage, topic: str) -> None:
        """Publish while nobody else does by this channel. Raises ``Refused``."""
        async with self._turn:
            try:
                if self._alone is None or self._alone.channel.is_closed:
                    self._alone = await self._open()
                await self._alone.exchange.publish(content, topic, timeout=WITHIN)
            except ChannelNotFoundEntity:
                raise
            except ChannelClosed as error:
                raise Refused(str(error)) from error

    def _returned(self, _channel: object, message: AbstractIncomingMessage) -> None:
        if not self._unrouted:
            self._unrouted = True
            log.warning("no queue takes what is relayed", sink=self.name, topic=message.routing_key)

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        self._alone = None
        if connection is None:
            return
        try:
            with contextlib.suppress(*ENDS):
                await connection.close()
        finally:
            if not connection.is_closed:
                # An error or a call to stop ended that halfway. Now it has no transport any more, and is closed without a wait. Left as
                # it is, it would be closed by the garbage collector: where no loop runs, by a coroutine that nobody awaits.
                await connection.close()


def _reason(error: Exception) -> str:
    # The texts of some have the address, with its password.
    text = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


SINK = RabbitMQ
