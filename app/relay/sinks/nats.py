"""NATS JetStream. A stream keeps what it acknowledges, and knows a message by its id for as long as its window is."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable
from typing import TypeVar

import nats
from nats.aio.client import Client
from nats.errors import Error, MaxPayloadError
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

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

LINES = len("NATS/1.0\r\n\r\n")
"""Bytes of headers beside them."""

LOOK_UP = "$JS.API.STREAM.NAMES"
"""Where a client asks which stream there is for a subject."""

MAKE = f"$JS.API.STREAM.CREATE.{STREAM}"

_NOT_ALLOWED = re.compile(r'permissions violation for publish to "([^"]+)"')
"""What is said of that, in small letters, which the client makes of it."""

T = TypeVar("T")


class NotAllowed(Exception):
    """The server lets this user publish nothing to a subject. It says so beside the answer, which never comes."""


class Nats:
    """A connection to one of a cluster's servers.

    What a server says of one message must not be taken for its being away: all tenants would wait for the one whose message it is.
    """

    name = "nats"

    def __init__(self, servers: list[str]) -> None:
        self._servers = servers
        self._client: Client | None = None
        self._stream: JetStreamContext
        self._asking: dict[str, set[asyncio.Timeout]] = {}
        """What is under way, by its subject in small letters."""

    async def open(self, lost: Broke) -> None:
        """Connect, and make the stream unless there is one for our subjects."""

        async def closed() -> None:
            # Whoever waits for an acknowledgement isn't notified.
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
                error_cb=self._reported,
                closed_cb=closed,
            )
            self._stream = self._client.jetstream(timeout=WITHIN)
            await self._make()
        except (Error, OSError, TimeoutError, NotAllowed) as error:
            await self.close()
            raise Away(_reason(error)) from error

    async def _make(self) -> None:
        """Make the stream unless there is one. Who may publish our subjects and no more may not even ask, and finds one or none."""
        try:
            await self._ask(LOOK_UP, self._stream.find_stream_name_by_subject(SUBJECTS))
        except NotAllowed:
            return
        except NotFoundError:
            config = StreamConfig(name=STREAM, subjects=[SUBJECTS], max_age=DAYS * 86_400.0, duplicate_window=WINDOW)
            await self._ask(MAKE, self._stream.add_stream(config))

    async def _reported(self, error: Exception) -> None:
        """What the server says beside its answers. Of whatever else it is the next message finds out."""
        found = _NOT_ALLOWED.search(str(error).lower())
        for each in self._asking.get(found[1], ()) if found else ():
            each.reschedule(asyncio.get_running_loop().time())

    async def _ask(self, subject: str, asking: Awaitable[T]) -> T:
        """Wait for an answer to what is published to a subject. Raises ``NotAllowed``, and what the client raises."""
        refusal = asyncio.timeout(None)
        named = subject.lower()
        them = self._asking.setdefault(named, set())
        them.add(refusal)
        try:
            async with refusal:
                return await asking
        except TimeoutError as error:
            if refusal.expired():
                raise NotAllowed(f"this user may not publish to {subject}") from error
            raise
        finally:
            them.discard(refusal)
            if not them:
                self._asking.pop(named, None)

    async def send(self, message: Message) -> bool:
        """Publish, and wait for the stream's acknowledgement."""
        headers = {f"ce-{name}": value for name, value in message.attributes.items()} | {"Nats-Msg-Id": message.id}
        self._check_size(message, headers)
        try:
            acknowledged = await self._ask(
                message.topic, self._stream.publish(message.topic, message.data, headers=headers)
            )
        except NotAllowed as error:
            raise Refused(str(error)) from error
        except NoStreamResponseError as error:
            raise await self._unanswered(message.topic) from error
        except (Error, OSError, TimeoutError) as error:
            raise (Refused if _is_about_the_message(error) else Away)(_reason(error)) from error
        return not acknowledged.duplicate

    def _check_size(self, message: Message, headers: dict[str, str]) -> None:
        """Raises ``Refused`` for a message that the server would end the connection for: it counts headers, and the client doesn't."""
        size = len(message.data) + sum(len(name.encode()) + len(value.encode()) + 4 for name, value in headers.items())
        if self._client is not None and size + LINES > self._client.max_payload:
            raise Refused(f"it has {size + LINES:,} bytes, and the server takes {self._client.max_payload:,}")

    async def _unanswered(self, topic: str) -> Exception:
        """Why no stream answers: there is none for this subject, or those that are there are away."""
        try:
            await self._ask(LOOK_UP, self._stream.find_stream_name_by_subject(topic))
        except NotFoundError:
            pass
        except NotAllowed:
            return Refused(f"no stream answers for {topic}, and this user may not ask which there are")
        except (Error, OSError, TimeoutError) as error:
            return Away(_reason(error))
        else:
            return Away("the stream doesn't answer")
        try:
            await self._ask(LOOK_UP, self._stream.find_stream_name_by_subject(SUBJECTS))
        except NotFoundError:
            return Away("there is no stream")  # it is made when we connect
        except (Error, OSError, TimeoutError, NotAllowed) as error:
            return Away(_reason(error))
        return Refused(f"no stream has the subject {topic}")

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


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


SINK = Nats
