"""The server's side of a WebSocket: uvicorn's, with bounds on what a client may send, and on what waits for it.

Frames cost a server more than a client: 256 kB of the smallest came in one piece and held the loop up for half a second, and
each ping has an answer, which piles up where its sender reads nothing (docs/security.md, case 34).
"""

import logging
import os
import re
from asyncio import BaseTransport
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.server import ServerProtocol

from app.garbage import GARBAGE
from app.http.silence import HANG_UP, SILENCE
from app.http.untaken import Untaken, bound_unsent

Headers = Sequence[tuple[bytes, bytes]]

LARGEST = 65_536
"""Bytes of a message of a client; one with more ends the socket with 1009."""

SLICE = 2_048
"""Bytes that are looked at before frames are counted again."""

MOST_FRAMES = 200
"""Frames that a client may send in a second. Twenty subscriptions are twenty."""

CLOSED_WITHIN = 2.0
"""Seconds in which a client must answer that the socket is closed."""

_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_NEEDED = frozenset({b"host", b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-version"})
_OFFERS = b"sec-websocket-protocol"

_LOG = logging.getLogger("uvicorn.error.sockets")
_LOG.setLevel(logging.WARNING)
_LOG.addFilter(lambda line: "UTF-8" not in str(line.msg))
"""Lines about handshakes have the whole address in them. What subscribes is reported as requests are. A text that isn't UTF-8 is its
client's doing, and is answered by 1007: each was a traceback in the log, for anybody who sent one.
"""


def asks_for_socket(url: bytes, headers: Headers) -> bool:
    """Whether the head of a GET is the whole offer of a WebSocket, on the path that has them. Any other offer is passed over,
    as a server may (RFC 9110, section 7.8).
    """
    given = dict(headers)
    upgrades = [value.strip().lower() for name, value in headers if name == b"upgrade"]
    return (
        url.partition(b"?")[0] == b"/graphql"
        and upgrades == [b"websocket"]
        and given.get(b"sec-websocket-version") == b"13"
        and _KEY.fullmatch(given.get(b"sec-websocket-key", b"")) is not None
        and given.get(b"content-length", b"0") == b"0"
        and b"transfer-encoding" not in given
    )


class BoundedSocketProtocol(WebSocketsSansIOProtocol):
    """One socket, from its handshake on."""

    def __init__(self, *args: Any, headers: Headers, untaken: Untaken, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._given = headers
        self._untaken = untaken
        self._second, self._frames = 0.0, 0
        self.logger = _LOG
        # Those of answers by HTTP: a server about to leave adds "connection: close", which would undo the handshake.
        self.default_headers = []
        # No compression: 300 kB a socket, and one message would be compressed for each of its thousand readers.
        self.conn = ServerProtocol(max_size=LARGEST, logger=_LOG)
        self.close_timeout = CLOSED_WITHIN

    def begin(self, transport: BaseTransport, client: tuple[str, int] | None, rest: bytes) -> None:
        """Take a connection over from the HTTP that its handshake came by; ``rest`` is what came behind it."""
        self.connection_made(transport)
        bound_unsent(transport)
        self.client = client
        # Only what a handshake needs: the library takes shorter headers than this server does.
        lines = [b"%b: %b\r\n" % each for each in self._given if each[0] in _NEEDED or each[0] == _OFFERS]
        self.data_received(b"GET /graphql HTTP/1.1\r\n%b\r\n" % b"".join(lines))
        if rest:
            self.data_received(rest)

    async def run_asgi(self) -> None:
        self.scope["headers"] = [*self._given]
        self.scope[HANG_UP] = self.hang_up  # type: ignore[literal-required]  # a key of ours
        await super().run_asgi()

    def connection_lost(self, exc: Exception | None) -> None:
        self._untaken.remove(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._untaken.add(self)

    def resume_writing(self) -> None:
        self._untaken.remove(self)
        super().resume_writing()

    def untaken(self) -> int:
        """Bytes that the client hasn't taken."""
        return int(self.transport.get_write_buffer_size())

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def hang_up(self, code: int, reason: str) -> None:
        """Close the socket past the application (``app.http.silence.hang_up``)."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def data_received(self, data: bytes) -> None:
        GARBAGE.add(len(data))
        for start in range(0, len(data), SLICE):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + SLICE])

    def handle_cont(self, event: Frame) -> None:
        self._count()
        super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        self._count()
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        self._count()
        super().handle_bytes(event)

    def handle_pong(self, event: Frame) -> None:
        self._count()
        super().handle_pong(event)

    def handle_ping(self) -> None:
        self._count()
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # who takes nothing has no answer to its pings, either

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:
            self.abort()  # it came before the handshake was answered, and there is nothing to close yet
        else:
            super().handle_parser_exception()

    # Uvicorn has two timers and a task of the library's for each ping; ten thousand sockets have two hundred pings in a second.

    def start_keepalive(self) -> None:
        SILENCE.broken(self.ping)

    def stop_keepalive(self) -> None:
        SILENCE.over(self.ping)

    def ping(self) -> None:
        """Ask whether the client is there. Whoever didn't say so when it was asked the last time is cut."""
        if self.close_sent or self.transport.is_closing():
            return
        if self.pending_ping_payload is not None:
            self.abort()
            return
        self.pending_ping_payload = payload = os.urandom(4)
        self.transport.write(b"\x89\x04" + payload)

    def _count(self) -> None:
        """One frame more. Whoever sends before it was answered, or floods, is cut."""
        now = self.loop.time()
        if now - self._second >= 1:
            self._second, self._frames = now, 0
        self._frames += 1
        if self._frames > MOST_FRAMES or not self.handshake_complete:
            self.abort()
