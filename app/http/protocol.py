"""The server's side of a connection: uvicorn's, with bounds on what uvicorn waits for without end.

Uvicorn gives a client all the time in the world to send a request's head, to send nothing at all, and to take
its answer; 500 such connections take a process's file descriptors (THREATS.md 3 and 24).
"""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.http.transport import CoalescingTransport

HEAD_WITHIN = 10.0
"""Seconds in which a request's head must have come, from the connection's or its own first byte on."""

BODY_WITHIN = 10.0
"""Seconds in which its body must have come, from then on."""

SENT_WITHIN = 30.0
"""Seconds in which a client must have taken an answer, once it was written."""

MAX_HEADERS = 65_536
MAX_URL = 16_384
"""Bytes. A query string may have half of it (``app.http.request``), which is told in better words."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: TimerHandle | None = None
        self._in_head = False
        self._in_body = False
        self._size = 0
        self._received = 0
        self._answers = 0
        self._status = 400

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # asyncio's BaseTransport is uvicorn's Transport
        super().connection_made(CoalescingTransport(transport, self.loop))  # type: ignore[arg-type]  # it stands for one
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._size = self._received = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._size += len(name) + len(value)
        if self._size > MAX_HEADERS:
            self._refuse(431)

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._expect_nothing()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._expect_nothing()
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Most requests come whole, and need no timer.
        if self._in_body and self._timer is None:
            self._timer = self.loop.call_later(BODY_WITHIN, self._too_late)
        elif self._in_head and not self.transport.is_closing():
            # A header that doesn't end isn't told before its end.
            self._received += len(data)
            if self._received > 2 * MAX_HEADERS:
                self._end(431)
            elif self._timer is None:
                self._expect_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._answers += 1
        if self.transport.get_write_buffer_size():
            self.loop.call_later(SENT_WITHIN, self._give_up, self._answers)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """What ends a connection whose bytes the parser doesn't take, with the status that fits."""
        self._end(self._status)

    def _end(self, status: int) -> None:
        self._expect_nothing()
        self.transport.write(STATUS_LINE[status] + b"connection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()

    def _refuse(self, status: int) -> None:
        """What is raised in the parser's callbacks ends in ``send_400_response``."""
        self._status = status
        raise ValueError(status)

    def _expect_head(self) -> None:
        self._timer = self.loop.call_later(HEAD_WITHIN, self._too_late)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        if self._in_head or (self._in_body and not self.cycle.response_complete):
            self._end(408)
        else:
            # Nothing came, or it was answered: an answer now might be taken for that to a request on its way.
            self.transport.close()

    def _give_up(self, answers: int) -> None:
        """Unless another answer came since: then the client took this one."""
        if self.transport.get_write_buffer_size() and answers == self._answers:
            self.transport.abort()
