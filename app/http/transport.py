"""The way of an answer to the network."""

from asyncio import AbstractEventLoop, Transport
from collections import deque
from typing import Any

from app.garbage import GARBAGE

CLOSED_WITHIN = 30.0
"""Seconds in which a client must have taken what was sent before the connection was closed."""

SLICE = 524_288
"""Bytes that are handed to the system at once: it copies them while nobody else is served, and on one machine takes them to the reader as
well. An answer of 4.6 MB held the loop for 10 ms.
"""


class CoalescingTransport:
    """A transport that sends an answer's head with what follows it: one system call and one packet less for each
    answer. A large answer goes out in slices, between which others have their turn.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self._rest: deque[memoryview] = deque()
        """What comes behind the slice that was handed on last."""
        self._closes = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        GARBAGE.add(len(data))
        if self._rest:
            self._rest.append(memoryview(data))
        elif self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, self._first(data)))
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data
            # Nothing may follow, or later.
            self._loop.call_soon(self._send)
        else:
            self._transport.write(self._first(data))

    def get_write_buffer_size(self) -> int:
        """Bytes that the client hasn't taken, as far as this process knows."""
        return self._transport.get_write_buffer_size() + sum(map(len, self._rest))

    def is_closing(self) -> bool:
        return self._closes or self._transport.is_closing()

    def close(self) -> None:
        """End the connection when what was sent is taken, and then at the latest."""
        self._send()
        if self._rest:
            self._closes = True
        else:
            self._close()

    def abort(self) -> None:
        """End it now."""
        self._rest.clear()
        self._transport.abort()

    def _close(self) -> None:
        self._transport.close()
        if self._transport.get_write_buffer_size():
            # A stream whose client takes nothing ends in the middle: nobody else would look after its connection.
            self._loop.call_later(CLOSED_WITHIN, self._transport.abort)

    def _send(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def _first(self, data: bytes) -> bytes | memoryview:
        """The first slice of what is written; the others follow, each in a turn of its own."""
        if len(data) <= SLICE:
            return data
        whole = memoryview(data)
        self._rest.append(whole[SLICE:])
        self._loop.call_soon(self._next)
        return whole[:SLICE]

    def _next(self) -> None:
        if not self._rest:
            return
        if self._transport.is_closing():  # the client has gone
            self._rest.clear()
            return
        data = self._rest.popleft()
        if len(data) > SLICE:
            self._rest.appendleft(data[SLICE:])
        self._transport.write(data[:SLICE])
        if self._rest:
            self._loop.call_soon(self._next)
        elif self._closes:
            self._close()
