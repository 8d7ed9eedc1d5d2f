"""Subscriptions by server-sent events: ``POST /graphql/stream``, in graphql-sse's mode of distinct connections.

On a path of its own: clients such as urql list ``text/event-stream`` in the Accept header of every query.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from functools import partial
from random import getrandbits
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message as Sent
from starlette.types import Receive, Scope, Send

from app.errors.formatting import entry, formatted
from app.errors.http_errors import HttpError, Rejected, Throttled
from app.http.following import Followers
from app.http.negotiation import JSON
from app.http.request import read
from app.http.responses import json_response, refusal
from app.http.silence import BREATHE, HANG_UP, SILENCE, Sign
from app.live.hub import Hub
from app.live.stream import Stream
from app.telemetry.record import RequestRecord
from app.throttling.budgets import REFUSAL_TAKES
from core.errors import ErpError

TAKEN_WITHIN = 30.0
"""Seconds in which a client must take what was sent."""

EVENTS = "text/event-stream"

HEADERS = [
    (b"content-type", f"{EVENTS}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    # nginx buffers answers otherwise, and compression does.
    (b"x-accel-buffering", b"no"),
]
COMPLETE = b"event: complete\ndata:\n\n"
COMMENT = b":\n\n"


class EventStreams:
    """The ASGI application behind ``/graphql/stream``."""

    def __init__(self, followers: Followers) -> None:
        self._followers = followers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        record = self._followers.telemetry.begin(request, f"{getrandbits(128):032x}")
        record.kind = "subscription"
        answer: Response | None = None
        opened: Stream | list[Any] | None = None
        try:
            with record:
                opened = await self._open(request, record)
        except Rejected as outcome:
            opened = outcome.errors
        except ErpError as error:
            if isinstance(error, Throttled):
                await asyncio.sleep(REFUSAL_TAKES)
            answer = refusal(error, JSON, {"x-request-id": record.request_id})
        except Exception as error:  # noqa: BLE001 - a fault of ours is masked like one inside of an execution
            fault = formatted([GraphQLError("", original_error=error)], record.request_id)
            answer = json_response({"errors": fault}, JSON, 500, {"x-request-id": record.request_id})
        finally:
            record.status = 200 if answer is None else record.status
            self._followers.telemetry.end(record, answer)
        if answer is not None:
            await answer(scope, receive, send)
        elif opened is not None:
            await self._send(opened, record.request_id, scope, receive, send)

    async def _send(
        self, opened: Stream | list[Any], request_id: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if isinstance(opened, Stream):
            opened.hang_up = scope.get(HANG_UP)
        breathing = scope.get(BREATHE)
        if breathing is None:  # a server that lets nothing past the application
            return await _send_events(opened, self._followers.hub, request_id, receive, send)
        sign: Sign = breathing(COMMENT)

        async def send_and_note(message: Sent) -> None:
            await send(message)
            SILENCE.broken(sign)

        try:
            await _send_events(opened, self._followers.hub, request_id, receive, send_and_note)
        finally:
            SILENCE.over(sign)

    async def _open(self, request: Request, record: RequestRecord) -> Stream:
        """The stream of a request. Raises ``Rejected`` for an operation that can't be followed, else ``ErpError``."""
        if EVENTS not in request.headers.get("accept", "*/*") and "*/*" not in request.headers.get("accept", "*/*"):
            raise HttpError(406, f"Answers are {EVENTS}.")
        ask = partial(read, request, self._followers.largest)
        authorization = request.headers.get("authorization", "")
        return await self._followers.open(ask, authorization, record, request.headers.get("last-event-id"))


async def _send_events(opened: Stream | list[Any], hub: Hub, request_id: str, receive: Receive, send: Send) -> None:
    """Send a stream, or the errors of one that wasn't begun. Returns when it is over, or its client has left."""

    async def put(message: Sent) -> None:
        async with asyncio.timeout(TAKEN_WITHIN):
            await send(message)

    stream = opened if isinstance(opened, Stream) else None
    try:
        headers = [*HEADERS, (b"x-request-id", request_id.encode())]
        await put({"type": "http.response.start", "status": 200, "headers": headers})
        chunks = _errors(opened) if isinstance(opened, list) else _chunks(opened)
        async with _until_left(receive), contextlib.aclosing(chunks):
            async for chunk in chunks:
                await put({"type": "http.response.body", "body": chunk, "more_body": True})
        await put({"type": "http.response.body", "body": b"", "more_body": False})
    except (TimeoutError, OSError):
        pass  # it doesn't take what is sent, or has left; it can go on from its last cursor
    finally:
        if stream is not None:
            await hub.leave(stream)


async def _errors(errors: list[Any]) -> AsyncGenerator[bytes]:
    yield b"event: next\ndata: %b\n\n" % orjson.dumps({"errors": errors})
    yield COMPLETE


async def _chunks(stream: Stream) -> AsyncGenerator[bytes]:
    """A stream's events. One that is ended because the server stops has no last one: its client comes back."""
    try:
        async for message in stream.messages():
            yield b"id: %b\nevent: next\ndata: %b\n\n" % (message.cursor.encode(), message.content)
    except ErpError as error:
        yield b"event: next\ndata: %b\n\n" % orjson.dumps({"errors": [entry(error)]})
        yield COMPLETE
        return
    if not stream.over:
        yield COMPLETE


@contextlib.asynccontextmanager
async def _until_left(receive: Receive) -> AsyncGenerator[None]:
    """Raises ``TimeoutError`` as soon as the client has left. One task for the whole stream: one for each batch is most of what ten
    thousand subscribers cost when all of them are told something, or that it is over.
    """
    async with asyncio.timeout(None) as time:
        left = asyncio.create_task(_left(receive, time))
        try:
            yield
        finally:
            left.cancel()


async def _left(receive: Receive, time: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    time.reschedule(asyncio.get_running_loop().time())
