"""The way of an answer to the network."""

from asyncio import AbstractEventLoop, Transport
from typing import Any

from app.garbage import GARBAGE

CLOSED_WITHIN = 30.0
"""Seconds in which a client must have taken what was sent before the connection was closed."""


class CoalescingTransport:
    """A transport that sends an answer's head with what follows it: one system call and one packet less for each
    answer.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        GARBAGE.add(len(data))
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data
            # Nothing may follow, or later.
            self._loop.call_soon(self._send)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """End the connection when what was sent is taken, and then at the latest."""
        self._send()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            # A stream whose client takes nothing ends in the middle: nobody else would look after its connection.
            self._loop.call_later(CLOSED_WITHIN, self._transport.abort)

    def _send(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)
