"""The server's side of a connection: uvicorn's, with one body and one answer for each request, and with bounds on what
uvicorn waits for without end.

Uvicorn gives a client all the time in the world to send a request's head, to send nothing at all, and to take
its answer; 500 such connections take a process's file descriptors (docs/security.md, cases 3 and 24).
"""

from asyncio import TimerHandle, Transport
from functools import partial
from typing import Any
from weakref import ref

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.errors.formatting import entry
from app.errors.http_errors import HttpError
from app.garbage import GARBAGE
from app.http.head import MAX_HEADERS, MAX_URL, Head, origin_form, without_offer
from app.http.refusals import Refusals
from app.http.security import HEADERS
from app.http.silence import BREATHE, HANG_UP, breathing, hang_up
from app.http.socket_protocol import BoundedSocketProtocol, asks_for_socket
from app.http.transport import CoalescingTransport
from app.http.untaken import Untaken
from app.telemetry.telemetry import Telemetry

HEAD_WITHIN = 10.0
"""Seconds in which a request's head must have come, from the connection's or its own first byte on."""

BODY_WITHIN = 10.0
"""Seconds in which its body must have come, from then on."""

SENT_WITHIN = 30.0
"""Seconds in which a client must have taken an answer, once it was written."""

LISTENS_FOR = 1.0
"""Seconds for which a client that says nothing more may still be listening. It may as well have left, which looks the
same, and a query that nobody waits for is stopped."""

MAX_WAITING = 50
"""Requests that wait on a connection behind the one that is answered. What came in one piece, 9,000 of the smallest, took
a fifth of a second to read."""

UNTAKEN = Untaken()
REFUSALS = Refusals()

_COMMON = b"".join(
    f"{name}: {value}\r\n".encode()
    for name, value in ({"content-type": "application/json", "connection": "close"} | HEADERS).items()
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: TimerHandle | None = None
        self._in_head = False
        self._in_body = False
        self._offers = False
        self._received = 0
        self._answers = 0
        self._refusal: HttpError | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # asyncio's BaseTransport is uvicorn's Transport
        super().connection_made(CoalescingTransport(transport, self.loop))  # type: ignore[arg-type]  # it stands for one
        # Whoever connects by a socket in the file system is on this machine, as a proxy at 127.0.0.1 is.
        self.client = self.client or ("127.0.0.1", 0)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        UNTAKEN.remove(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client is behind with taking what was sent."""
        super().pause_writing()
        UNTAKEN.add(self)

    def resume_writing(self) -> None:
        UNTAKEN.remove(self)
        super().resume_writing()

    def untaken(self) -> int:
        """Bytes that the client hasn't taken."""
        return int(self.transport.get_write_buffer_size())

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's always says None
        """The client says nothing more. Whoever sent a whole request may have closed but half of the connection."""
        if self._in_body or not self._is_answering():
            return False
        self.cycle.keep_alive = False
        self._expect_nothing()
        self._timer = self.loop.call_later(LISTENS_FOR, self.transport.close)
        return True

    # What the parser calls.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._received = 0
        self._head = Head()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL:
            raise HttpError(414, f"A request's target may have {MAX_URL:,} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            # Trailers: uvicorn adds them to the headers, where a proxy that strips and sets those has not looked.
            raise HttpError(400, "Headers after the body are not taken.")
        name = name.lower()
        self._head.add(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._expect_nothing()
        self._offers = self.parser.should_upgrade()
        if self._offers and self.parser.get_method() != b"CONNECT":
            return
        self._check_line()
        super().on_headers_complete()
        self.scope[BREATHE] = partial(breathing, ref(self.cycle))  # type: ignore[literal-required]  # a key of ours, beside those of ASGI
        self.scope[HANG_UP] = partial(hang_up, ref(self.cycle))  # type: ignore[literal-required]  # as that
        self._in_head, self._in_body = False, True

    def on_message_complete(self) -> None:
        if self._offers:
            return
        self._in_body = False
        self._expect_nothing()
        super().on_message_complete()

    def _check_line(self) -> None:
        """Look at what the request's first line says, once the headers are there."""
        version = self.parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            raise HttpError(505, "HTTP/1.1 is spoken here, and HTTP/1.0.")
        if self.parser.get_method() == b"CONNECT":
            raise HttpError(501, "This server is no proxy.")
        if version == "1.0":
            # Its clients don't wait for a word to go on, and would take that for the answer (RFC 9110, section 10.1.1).
            self.expect_100_continue = False
        if version == "1.0" and any(name == b"transfer-encoding" for name, _ in self.headers):
            raise HttpError(400, "HTTP/1.0 knows no Transfer-Encoding.")
        self.url, authority = origin_form(self.url)
        if authority is not None:
            self.headers[:] = [header for header in self.headers if header[0] != b"host"]
            self.headers.append((b"host", authority))
        if len(self.pipeline) >= MAX_WAITING:
            raise HttpError(429, f"No more than {MAX_WAITING} requests may wait on a connection.")

    # What the network calls.

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None or self.transport.is_closing():
            return
        GARBAGE.add(len(data))
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            refusal = cause if isinstance(cause, HttpError) else HttpError(400, "This is not valid HTTP/1.1.")
            # The parser keeps its last error, whose frames keep the connection and what came: 65 kB of headers lay about
            # until the collector came round, which it does by the number of objects. A gigabyte was full before it did.
            error.__traceback__ = refusal.__traceback__ = None
            self._end(refusal)
            return
        # Most requests come whole, and need no timer.
        if self._in_body and self._timer is None:
            self._timer = self.loop.call_later(BODY_WITHIN, self._too_late)
        elif self._in_head:
            # The parser reports a header only when it is complete, so raw bytes count until then.
            self._received += len(data)
            if self._received > 2 * MAX_HEADERS:
                self._end(HttpError(431, f"A request's headers may have {MAX_HEADERS:,} bytes."))
            elif self._timer is None:
                self._expect_head()

    def _parse(self, data: bytes) -> None:
        """Feed the parser. It stops behind a head that offers another protocol and leaves the rest to whoever speaks
        that: uvicorn took the body for the next request (uvicorn #2722). A WebSocket is taken; else it reads on, as if
        nothing were offered.
        """
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                rest = rest[offer.args[0] :]
                if self._takes_socket():
                    self._hand_over(bytes(rest))
                    return
                line = b"%b %b HTTP/%b\r\n" % (
                    self.parser.get_method(),
                    self.url,
                    self.parser.get_http_version().encode(),
                )
                lines = [b"%b: %b\r\n" % header for header in without_offer(self.headers)]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.parser.feed_data(b"".join((line, *lines, b"\r\n")))
            else:
                return

    def _takes_socket(self) -> bool:
        """Whether a WebSocket is asked for, and nothing before it waits for an answer."""
        by_get = self.parser.get_method() == b"GET" and self.parser.get_http_version() == "1.1"
        return by_get and not self._is_answering() and asks_for_socket(self.url, self.headers)

    def _hand_over(self, rest: bytes) -> None:
        """From here on the connection is a WebSocket's."""
        self._expect_nothing()
        self._in_head = False
        self._answers += 1  # nobody looks any more whether the last one was taken
        self.connections.discard(self)
        UNTAKEN.remove(self)
        socket = BoundedSocketProtocol(
            config=self.config,
            server_state=self.server_state,
            app_state=self.app_state,
            headers=[*self.headers],
            untaken=UNTAKEN,
        )
        self.transport.set_protocol(socket)
        socket.begin(self.transport, self.client, rest)

    def on_response_complete(self) -> None:
        waiting = bool(self.pipeline)
        super().on_response_complete()
        self._answers += 1
        if self._refusal is not None and not waiting:
            self._refuse()
        elif self.transport.get_write_buffer_size():
            self.loop.call_later(SENT_WITHIN, self._give_up, self._answers)

    # How it ends.

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end(self, refusal: HttpError) -> None:
        """Take nothing more, and end with this refusal, behind the answers to what came before."""
        self._expect_nothing()
        self._refusal = refusal
        if not self._in_body:
            waits = self._is_answering()
        elif waits := bool(self.pipeline):
            self.pipeline.popleft()  # the request that is refused hasn't begun
        elif self.cycle.response_started:
            self.transport.close()  # whoever was refused before its body was read gets no second answer
            return
        else:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not waits:
            self._refuse()

    def _refuse(self) -> None:
        """Answer what was refused before anybody had looked whose it was: nobody's share pays for that, so it is done slowly."""
        if self._refusal is None or self.transport.is_closing():
            return
        wait = REFUSALS.wait(self.loop.time())
        if wait:
            self.transport.pause_reading()
            self.loop.call_later(wait, self._answer_refusal)
        else:
            self._answer_refusal()

    def _answer_refusal(self) -> None:
        if self._refusal is None or self.transport.is_closing():
            return
        telemetry: Telemetry | None = getattr(getattr(self.config.app, "state", None), "telemetry", None)
        if telemetry is not None:
            telemetry.refused(self._refusal.status, self._refusal.code, (self.client or ("",))[0])
        content = orjson.dumps({"errors": [entry(self._refusal)]})
        head = b"%b%bcontent-length: %d\r\n\r\n" % (STATUS_LINE[self._refusal.status], _COMMON, len(content))
        # Without a target it isn't known yet what was asked: the parser still has the method of the request before.
        is_head = bool(self.url) and self.parser.get_method() == b"HEAD"
        self.transport.write(head if is_head else head + content)
        self.transport.close()

    def _expect_head(self) -> None:
        self._timer = self.loop.call_later(HEAD_WITHIN, self._too_late)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        if self._in_head or (self._in_body and not self.cycle.response_complete):
            self._end(HttpError(408, "The request didn't come in time."))
        else:
            # Nothing came, or it was answered: an answer now might be taken for that to a request on its way.
            self.transport.close()

    def _give_up(self, answers: int) -> None:
        """Unless another answer came since: then the client took this one."""
        if self.transport.get_write_buffer_size() and answers == self._answers:
            self.transport.abort()
