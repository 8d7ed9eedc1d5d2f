"""Several processes on one socket, each with as many connections as the others.

Where all of them wait on one socket, the one that wakes first takes all that is there: of 16 connections that came
together it had 13 to 16, and kept them. A socket of each one's own (SO_REUSEPORT) spreads them by a hash (4 to 12), and loses
those that wait for a process which dies. So all wait on one, and one that has more than another lets that one go first.
"""

import asyncio
import contextlib
import mmap
import socket
from collections.abc import Callable, Sequence
from typing import Any

YIELDS_FOR = 0.005
"""Seconds that a worker leaves a connection to those that have fewer. One that hangs doesn't hold the others up longer."""

DESCRIPTOR_RETRY_AFTER = 0.1
"""Seconds until one without a descriptor left looks again. Connections wait in the kernel meanwhile."""

ABSENT = 2**31 - 1
"""The share of a worker that isn't there."""

SIZE = 4
"""Bytes of a share."""


class Shares:
    """How many connections each worker has, in a file's memory, which all of them see."""

    def __init__(self, descriptor: int, count: int) -> None:
        self._memory = memoryview(mmap.mmap(descriptor, SIZE * count)).cast("i")

    def set(self, number: int, connections: int) -> None:
        self._memory[number] = connections

    def least(self) -> int:
        """The fewest that any has."""
        return min(self._memory)


class Acceptor:
    """Takes connections from sockets that other processes wait on as well. ``open_now`` counts those that it has."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        shares: Shares,
        number: int,
        protocol: Callable[[], asyncio.Protocol],
        open_now: Callable[[], int],
    ) -> None:
        self._listeners = [*listeners]
        self._shares = shares
        self._number = number
        self._protocol = protocol
        self._open_now = open_now
        self._beginning: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.get_running_loop()
        self._stopped = False

    @property
    def connections(self) -> int:
        """How many it has, with those that just begin."""
        return self._open_now() + len(self._beginning)

    def start(self) -> None:
        """Take connections, until ``stop``."""
        self.publish()
        for each in self._listeners:
            each.setblocking(False)
            self._loop.add_reader(each, self._waiting, each)

    def stop(self) -> None:
        """Take no more, and close the sockets: they stay open in other processes."""
        if not self._stopped:
            self._stopped = True
            for each in self._listeners:
                self._loop.remove_reader(each)
                each.close()

    def publish(self) -> None:
        """Tell the others how many it has."""
        if not self._stopped:
            self._shares.set(self._number, self.connections)

    def _waiting(self, listener: socket.socket) -> None:
        """A connection waits, or did until another process took it."""
        self.publish()
        if self.connections > self._shares.least():
            self._pause(listener, YIELDS_FOR)
        else:
            self._take(listener)

    def _pause(self, listener: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listener)
        self._loop.call_later(seconds, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        """Take what nobody else took meanwhile."""
        if not self._stopped:
            self._loop.add_reader(listener, self._waiting, listener)
            self._take(listener)

    def _take(self, listener: socket.socket) -> None:
        """Take one: the next waits for another turn of the loop, in which others may be quicker."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # no descriptor is left
            self._pause(listener, DESCRIPTOR_RETRY_AFTER)
            return
        connection.setblocking(False)
        beginning = self._loop.create_task(self._begin(connection))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)
        self.publish()

    async def _begin(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it left again
            await self._loop.connect_accepted_socket(self._protocol, connection)
