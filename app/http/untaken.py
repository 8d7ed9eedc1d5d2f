"""The bytes of answers that clients haven't taken yet, bounded for a process.

Twelve clients that didn't read their answers of 37 MB took 1.2 GB for half a minute each. An answer may have
16 MB, and each connection gives up after thirty seconds; what is bounded here is their sum.
"""

import contextlib
import socket
from typing import Any, Protocol

MOST = 134_217_728
"""Bytes that may wait in a process: eight answers of the largest size."""

UNSENT = 131_072
"""Bytes of a stream that the kernel takes before they are sent. Of an answer it takes up to four megabytes; of streams whose subscribers
read nothing it had 1.8 MB each, and with this bound 0.15. What is under way to a client that reads isn't counted: none is slower for it.
"""


class Sending(Protocol):
    """A connection with an answer under way."""

    def untaken(self) -> int:
        """Bytes that its client hasn't taken."""

    def abort(self) -> None:
        """End it at once."""


class Untaken:
    """The connections whose clients are behind, those first that have been for longest."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._behind: dict[Sending, None] = {}

    def add(self, connection: Sending) -> None:
        """Its client is behind from now on. Where too much waits, those that were before it are given up."""
        self._behind[connection] = None
        total = sum(each.untaken() for each in self._behind)
        for each in list(self._behind):
            if total <= self.most:
                break
            total -= each.untaken()
            self.remove(each)
            each.abort()

    def remove(self, connection: Sending) -> None:
        """Its client has taken what there was, or is gone."""
        self._behind.pop(connection, None)


def bound_unsent(transport: Any) -> None:
    """Have the kernel take no more than ``UNSENT`` of what the client doesn't: from now on its answer is a stream. The rest waits in the
    process, where it is noticed, and given up after a while.
    """
    # It isn't TCP, or this isn't Linux, or the client has gone: uvloop says ValueError then.
    with contextlib.suppress(OSError, AttributeError, TypeError, ValueError):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
