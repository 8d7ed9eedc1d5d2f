"""Subscriptions by WebSocket, on the graph's own path, in the protocol graphql-transport-ws.

A socket carries subscriptions and nothing else: queries and mutations go by POST, where an answer can be kept, compressed and
found in a log. It is closed with the protocol's codes, chosen by what clients do about them: after 4403, 1012 and 1013 they come back.
"""

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import Context
from random import getrandbits
from typing import Any, NamedTuple

import orjson
import structlog
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.context import Principal
from app.documents.request import GraphQLRequest
from app.errors.formatting import entry
from app.errors.http_errors import HttpError, Rejected, Throttled
from app.http.following import Followers
from app.http.negotiation import JSON
from app.http.request import check_values, checked
from app.http.responses import refusal
from app.http.silence import HANG_UP
from app.live.stream import Stream
from app.throttling.budgets import REFUSAL_TAKES
from core.errors import ErpError, Unauthenticated, Unavailable

log = structlog.get_logger()

PROTOCOL = "graphql-transport-ws"

INIT_WITHIN = 10.0
"""Seconds in which a client must have said who it is."""

TAKEN_WITHIN = 30.0
"""Seconds in which a client must take what was sent."""

MOST = 20
"""Subscriptions of a socket at a time."""

LARGEST_EARLY, MOST_EARLY = 25_000, 20
"""Characters of a message of somebody who isn't known yet, and how many such messages: nobody pays for them, and a token has 20,000."""

LARGEST_PING = 1_000
"""Bytes of a ping, which is sent back. Three sockets that sent 64 kB in each kept a process busy."""

MOST_PARTS = 2_000
"""Lists and objects of a message: 64 kB of empty ones took 15 ms to parse and to forget."""

LONGEST_ID = 200
"""Characters of the id that a client gives a subscription; libraries take 36."""

LEAVING, LATER = 1012, 1013
BROKEN, EARLY, REFUSED, LATE, DUPLICATE, AGAIN = 4400, 4401, 4403, 4408, 4409, 4429
"""Why a socket is closed."""


class Closing(Exception):
    """A socket ends, with this code. Reasons are short: a closing frame has 123 bytes for one."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Said(NamedTuple):
    """A message of a client."""

    kind: str
    id: str
    payload: dict[str, Any]
    text: bytes


class Sockets:
    """The ASGI application behind ``/graphql`` for WebSockets."""

    def __init__(self, followers: Followers) -> None:
        self._followers = followers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # that a client connects
        refused: ErpError | None = None
        if PROTOCOL not in scope["subprotocols"]:
            refused = HttpError(400, f"The protocol spoken here is {PROTOCOL}: offer it in Sec-WebSocket-Protocol.")
        elif self._followers.hub.closed:
            refused = Unavailable("The server is stopping; try again in a moment.")
        if refused is None:
            await Socket(self._followers, scope, receive, send).run()
            return
        answer = refusal(refused, JSON, {})
        self._followers.telemetry.refused(answer.status_code, refused.code, (scope["client"] or ("",))[0])
        await answer(scope, receive, send)


class Socket:
    """One socket. Everything that runs for it is begun here, and ended with it."""

    principal: Principal

    def __init__(self, followers: Followers, scope: Scope, receive: Receive, send: Send) -> None:
        self._followers, self._scope, self._receive, self._send = followers, scope, receive, send
        self._hang_up: Callable[[int, str], None] | None = scope.get(HANG_UP)
        headers = HTTPConnection(scope).headers
        self.authorization = headers.get("authorization", "")
        self._begun = self._known = False
        self._early = 0
        self._closing: asyncio.Future[Closing | None] = asyncio.get_running_loop().create_future()
        self._following: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Serve it until either side ends it."""
        await self._send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        late = asyncio.get_running_loop().call_later(INIT_WITHIN, self._late)
        reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait((reading, self._closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
            tasks = [reading, *self._tasks]
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._known:
                await self._followers.hub.release(self)
        closing = self._closing.result() if self._closing.done() else None
        if closing is not None:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._send({"type": "websocket.close", "code": closing.code, "reason": closing.reason})

    def end(self, reason: ErpError | None) -> None:
        """The hub ends it: for this reason, or because the server stops."""
        if reason is None:
            closing = Closing(LEAVING, "The server is stopping.")
            if self._hang_up is not None and not self._closing.done():
                self._hang_up(closing.code, closing.reason)
                self._close(None)
            self._close(closing)
        elif isinstance(reason, Unauthenticated):
            self._close(Closing(REFUSED, "Forbidden"))
        else:
            self._close(Closing(LATER, "Try again later."))

    def _close(self, closing: Closing | None) -> None:
        """Have it ended, at once and without a word where there is none."""
        if not self._closing.done():
            self._closing.set_result(closing)

    def _late(self) -> None:
        if not self._known:
            self._close(Closing(LATE, "Connection initialisation timeout"))

    # ---------------------------------------------------------------- what a client says

    async def _read(self) -> None:
        """Do what the client says, until it leaves."""
        try:
            while (message := await self._receive())["type"] != "websocket.disconnect":
                await self._hear(message.get("text"))
        except Closing as closing:
            self._close(closing)
        except ErpError as error:
            self.end(error)
        except OSError:
            pass  # it has left
        except Exception:
            log.exception("a socket ends")
            self._close(Closing(LEAVING, "Something went wrong on the server."))

    async def _hear(self, text: str | None) -> None:
        """Do what a message says: what it takes is charged to whose socket it is. Raises ``Throttled`` and ``Unavailable``."""
        if self._known:
            await self._followers.charged(self.principal, lambda: self._obey(text))
            return
        self._early += 1
        if self._early > MOST_EARLY or len(text or "") > LARGEST_EARLY:
            raise Closing(BROKEN, "Say first whose socket this is.")
        await self._obey(text)

    async def _obey(self, text: str | None) -> None:
        said = _said(text)
        match said.kind:
            case "connection_init":
                await self._begin(said.payload)
            case "ping":
                if len(said.text) > LARGEST_PING:
                    raise Closing(BROKEN, f"A ping has at most {LARGEST_PING:,} bytes.")
                await self._put(orjson.dumps({"type": "pong"} | ({"payload": said.payload} if said.payload else {})))
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(said)
            case "complete":
                ended = self._following.pop(said.id, None)
                if ended is not None:
                    ended.cancel()

    async def _begin(self, payload: dict[str, Any]) -> None:
        """Find out who it is."""
        if self._begun:
            raise Closing(AGAIN, "Too many initialisation requests")
        self._begun = True
        self.authorization = _authorization(self.authorization, payload)
        address = (self._scope["client"] or ("",))[0]
        try:
            self.principal = await self._followers.who(self.authorization, address, f"{getrandbits(128):032x}")
            self._followers.hub.hold(self)
        except ErpError as error:
            if isinstance(error, Throttled):
                await asyncio.sleep(REFUSAL_TAKES)
            answer = refusal(error, JSON, {})
            self._followers.telemetry.refused(answer.status_code, error.code, address)
            if isinstance(error, Unauthenticated):
                raise Closing(REFUSED, "Forbidden") from None
            raise Closing(LATER, "Try again later.") from None
        self._known = True
        await self._put(b'{"type":"connection_ack"}')

    async def _subscribe(self, said: Said) -> None:
        if not self._known:
            raise Closing(EARLY, "Unauthorized")
        if said.id in self._following:
            raise Closing(DUPLICATE, "There is a subscription with this id already")
        if len(self._following) >= MOST:
            return await self._fail(said.id, [entry(Throttled(f"A socket may have {MOST} subscriptions.", 5))])
        # Without a context: what it takes is charged for itself, and not as a part of this message.
        task = self._following[said.id] = asyncio.create_task(self._follow(said), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    # ---------------------------------------------------------------- what it is told

    async def _follow(self, said: Said) -> None:
        """A subscription, from its first batch to its end."""
        try:
            await self._send_batches(said)
        except Rejected as outcome:
            await self._fail(said.id, outcome.errors)
        except Unauthenticated as error:
            self.end(error)
        except ErpError as error:
            if isinstance(error, Throttled):
                await asyncio.sleep(REFUSAL_TAKES)
            await self._fail(said.id, [entry(error)])
        except OSError:
            pass  # it has left
        except Exception:
            log.exception("a subscription ends")
            self._close(Closing(LEAVING, "Something went wrong on the server."))
        finally:
            if self._following.get(said.id) is asyncio.current_task():
                del self._following[said.id]

    async def _send_batches(self, said: Said) -> None:
        """Send the batches. Raises ``Rejected`` and ``ErpError``."""
        id_ = orjson.dumps(said.id)
        stream = await self._open(said)
        try:
            async for message in stream.messages():
                await self._put(b'{"id":%b,"type":"next","payload":%b}' % (id_, message.content))
            if stream.over:
                self.end(None)
            else:
                await self._put(b'{"id":%b,"type":"complete"}' % id_)
        finally:
            await asyncio.shield(self._followers.hub.leave(stream))

    async def _open(self, said: Said) -> Stream:
        """The stream of an operation, reported as a request is. Raises ``Rejected`` and ``ErpError``."""
        record = self._followers.telemetry.begin(HTTPConnection(self._scope), f"{getrandbits(128):032x}")
        record.kind, record.status = "subscription", 200
        answer: Response | None = None

        async def ask() -> GraphQLRequest:
            check_values(said.text)
            return checked(said.payload, len(said.text))

        try:
            with record:
                return await self._followers.open(ask, self.authorization, record)
        except ErpError as error:
            answer = refusal(error, JSON, {})
            raise
        finally:
            self._followers.telemetry.end(record, answer)

    async def _fail(self, id_: str, errors: list[dict[str, Any]]) -> None:
        with contextlib.suppress(OSError):  # who has left doesn't hear it
            await self._put(orjson.dumps({"id": id_, "type": "error", "payload": errors}))

    async def _put(self, text: bytes) -> None:
        """Send a message, one at a time: whoever takes none for too long is cut, and comes back with its cursor."""
        if self._closing.done():
            return
        try:
            async with asyncio.timeout(TAKEN_WITHIN), self._sending:
                await self._send({"type": "websocket.send", "text": text.decode()})
        except TimeoutError:
            self._close(None)
        except RuntimeError:
            if not self._closing.done():
                raise


def _said(text: str | None) -> Said:
    """What a client's message says. Raises ``Closing`` for what the protocol doesn't know."""
    if text is None:
        raise Closing(BROKEN, "Messages are text.")
    sent = text.encode(errors="replace")
    if sent.count(b"[") + sent.count(b"{") > MOST_PARTS:
        raise Closing(BROKEN, f"A message has at most {MOST_PARTS:,} lists and objects.")
    try:
        found = orjson.loads(sent)
    except orjson.JSONDecodeError:
        raise Closing(BROKEN, "A message is JSON.") from None
    if not isinstance(found, dict):
        raise Closing(BROKEN, "A message is a JSON object.")
    kind, id_, payload = found.get("type"), found.get("id", ""), found.get("payload", {})
    if not isinstance(kind, str) or kind not in NEEDS:
        raise Closing(BROKEN, "There is no message of this type.")
    if not isinstance(payload, dict) or (kind == "subscribe" and not payload):
        raise Closing(BROKEN, "A payload is a JSON object.")
    if NEEDS[kind] and not (isinstance(id_, str) and 0 < len(id_) <= LONGEST_ID):
        raise Closing(BROKEN, f"An id is text of 1 to {LONGEST_ID} characters.")
    return Said(kind, str(id_), payload, sent)


NEEDS = {"connection_init": False, "ping": False, "pong": False, "subscribe": True, "complete": True}
"""The messages of clients, and whether they have an id."""


def _authorization(header: str, payload: dict[str, Any]) -> str:
    """The credential of a handshake or of ``connection_init``. Raises ``Closing`` for two that differ."""
    given = [value for name, value in payload.items() if name.lower() == "authorization"]
    if any(not isinstance(value, str) for value in given):
        raise Closing(BROKEN, "authorization is text.")
    different = {value for value in (header, *given) if value}
    if len(different) > 1:
        raise Closing(REFUSED, "Two credentials were sent.")
    return different.pop() if different else ""
