"""A proxy between the application and PostgreSQL that delays, holds, resets, forgets, and cuts after a COMMIT."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from pathlib import Path

COMMIT = b";COMMIT;"
"""What the simple query has that commits (``Writer.commit``), behind its place in the log. Only writers send it."""

COMMIT_OF_A_COMMAND = COMMIT + b"BEGIN "
"""That of a command, whose payload is read next: what is stored beside it, such as a budget or numbers, reads nothing."""


@dataclass(eq=False)
class Link:
    """A connection of the application's, and ours on to PostgreSQL."""

    writers: tuple[StreamWriter, ...]
    forgotten: bool = False

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Listens on a socket of PostgreSQL's kind in ``folder`` and forwards to the one in ``target``.

    What the counters announce is done to whichever connections come to it first.
    """

    def __init__(self, folder: Path, target: str) -> None:
        self.path = folder / ".s.PGSQL.5432"
        self.target = f"{target}/.s.PGSQL.5432"
        self.delay = 0.0
        self.away = False
        """New connections are refused."""
        self.commit = COMMIT
        """The COMMITs that are meant below."""
        self.cuts = 0
        """How many COMMITs to come are sent on without their answer: the connection is cut instead."""
        self.was_cut = 0
        self.leave = False
        """Whether the network is away from the next cut on."""
        self.losses = 0
        """How many COMMITs to come are lost on the way, with their connection."""
        self.left: int | None = None
        """Bytes to come, in either direction, until a connection is cut in the middle of what it says."""
        self._open = asyncio.Event()
        self._open.set()
        self._links: set[Link] = set()
        self._healed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        self.path.chmod(0o777)

    async def _reach(self) -> tuple[StreamReader, StreamWriter]:
        """A connection to what it stands before."""
        return await asyncio.open_unix_connection(self.target)

    async def stop(self) -> None:
        self._server.close()
        self.release()
        self.reset()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        """Cut every connection, in the middle of whatever it is in; those that were forgotten too."""
        for link in self._links:
            link.abort()
        self._healed.set()
        self._healed = asyncio.Event()

    def hold(self) -> None:
        """Forward nothing any more, and lose nothing: a network that hangs."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def go_away(self) -> None:
        """Cut every connection and accept none, until ``away`` is false again."""
        self.away = True
        self.reset()

    def forget(self) -> None:
        """Lose whatever the connections of now say, and that they end: neither side learns of it until ``reset``."""
        for link in self._links:
            link.forgotten = True

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            if self.away:
                raise ConnectionRefusedError
            upstream = await self._reach()
        except OSError:
            writer.transport.abort()
            return
        link = Link((writer, upstream[1]))
        self._links.add(link)
        try:
            await self._connect(link, reader, upstream[0])
        finally:
            self._links.discard(link)
            link.abort()

    async def _connect(self, link: Link, asking: StreamReader, answering: StreamReader) -> None:
        client, server = link.writers
        ways = [
            asyncio.ensure_future(self._forward(link, asking, server, asks=True)),
            asyncio.ensure_future(self._forward(link, answering, client, asks=False)),
        ]
        healed = self._healed
        try:
            # One side is gone: the other learns of it at once, unless the network has forgotten that they knew each other.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if link.forgotten:
                await healed.wait()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _forward(self, link: Link, reader: StreamReader, writer: StreamWriter, *, asks: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                committing = asks and self.commit in data
                if committing and self.losses:
                    self.losses -= 1
                    link.forgotten = True
                if link.forgotten:
                    continue
                if self.left is not None and len(data) >= self.left:
                    writer.write(data[: self.left])
                    self.left = None
                    return
                self.left = None if self.left is None else self.left - len(data)
                writer.write(data)
                await writer.drain()
                if committing and self.cuts:
                    self.cuts -= 1
                    self.was_cut += 1
                    if self.leave:
                        self.leave = False
                        self.go_away()
                    # PostgreSQL has it, or will: what it answers is nobody's any more.
                    return
