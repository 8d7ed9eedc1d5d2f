"""Asking a server over a socket, and what comes back."""

import contextlib
import re
import socket
from typing import NamedTuple

ANSWER_WITHIN = 60.0
"""Seconds after which an answer isn't waited for any more. A machine with other work may give the server little of itself."""


class Answer(NamedTuple):
    """What came back: the status, the bytes in all, and of them the first and the last. ``wait``: the seconds to try again after."""

    status: int
    size: int
    text: bytes
    wait: float = 0.0


GONE = Answer(0, 0, b"")
KEPT = 100_000


def ask(port: int, content: bytes, patience: float = ANSWER_WITHIN) -> Answer:
    """Send bytes on a connection of their own, and read what is answered. Of an answer that is long the middle
    isn't kept: the machine has to hold it twice otherwise.
    """
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), patience) as connection:
        with contextlib.suppress(OSError):  # it may have answered, and closed, before all was sent
            connection.sendall(content)
        return answered(connection)
    return GONE


def answered(connection: socket.socket) -> Answer:
    """What comes on a connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65_536)
        if not piece:
            return GONE
        head += piece
    head, _, rest = head.partition(b"\r\n\r\n")
    missing = _number(b"content-length", head) - len(rest)
    size = len(rest)
    first = last = rest
    while missing > 0:
        piece = connection.recv(min(missing, 1_048_576))
        if not piece:
            return GONE
        missing -= len(piece)
        size += len(piece)
        last = (last + piece)[-KEPT:]
        first = (first + piece)[:KEPT] if len(first) < KEPT else first
    return Answer(int(head[9:12]), size, first + last, float(_number(b"retry-after", head)))


def _number(name: bytes, head: bytes) -> int:
    """What a header says; 0 where it isn't there."""
    found = re.search(name + rb": (\d+)", head.lower())
    return int(found[1]) if found else 0
