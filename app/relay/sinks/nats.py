"""NATS JetStream. A stream keeps what it acknowledges, and knows a message by its id for as long as its window is."""

import contextlib

import nats
from nats.aio.client import Client
from nats.errors import Error, MaxPayloadError
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError

from app.relay.messages import Message
from app.relay.sinks import WITHIN, Away, Broke, Refused

STREAM = "ERPGRAPH"

SUBJECTS = "erp.>"

DAYS = 7
"""How long the stream keeps messages, where the relay makes it."""

WINDOW = 600.0
"""Seconds in which such a stream drops repeats: a worker's place is another's after half a minute."""


TOO_LARGE = (10054, 10097)
"""What JetStream says of a message, or of its headers, that is larger than the stream takes."""


class Nats:
    """A connection to one of a cluster's servers."""

    name = "nats"

    def __init__(self, servers: list[str]) -> None:
        self._servers = servers
        self._client: Client | None = None
        self._stream: JetStreamContext

    async def open(self, lost: Broke) -> None:
        """Connect, and make the stream unless there is one for our subjects."""

        async def closed() -> None:
            # Whoever waits for an acknowledgement isn't told.
            lost("the connection ended")

        try:
            # What was under way when a connection ended is sent again from the place in the log, by a new connection.
            self._client = await nats.connect(
                self._servers,
                name="erpgraph relay",
                allow_reconnect=False,
                connect_timeout=5,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                ping_interval=10,
                error_cb=_quiet,
                closed_cb=closed,
            )
            self._stream = self._client.jetstream(timeout=WITHIN)
            try:
                await self._stream.find_stream_name_by_subject(SUBJECTS)
            except NotFoundError:
                config = StreamConfig(
                    name=STREAM, subjects=[SUBJECTS], max_age=DAYS * 86_400.0, duplicate_window=WINDOW
                )
                await self._stream.add_stream(config)
        except (Error, OSError, TimeoutError) as error:
            await self.close()
            raise Away(_reason(error)) from error

    async def send(self, message: Message) -> bool:
        """Publish, and wait for the stream's acknowledgement."""
        headers = {f"ce-{name}": value for name, value in message.attributes.items()} | {"Nats-Msg-Id": message.id}
        try:
            acknowledged = await self._stream.publish(message.topic, message.data, headers=headers)
        except (Error, OSError, TimeoutError) as error:
            raise (Refused if _is_about_the_message(error) else Away)(_reason(error)) from error
        return not acknowledged.duplicate

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Error, OSError, TimeoutError):
                await client.close()


def _is_about_the_message(error: Exception) -> bool:
    """Whether others may be taken: a stream that is full takes none."""
    if isinstance(error, APIError):
        return error.err_code in TOO_LARGE or "per subject" in (error.description or "")
    return isinstance(error, MaxPayloadError)


async def _quiet(_error: Exception) -> None:
    """Whatever it is, the next message finds out."""


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


SINK = Nats
