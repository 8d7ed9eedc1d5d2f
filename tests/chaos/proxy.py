"""A proxy between the application and PostgreSQL that delays, holds, resets, and cuts after a COMMIT."""

import asyncio
import contextlib
from pathlib import Path

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""A COMMIT as the wire has it: a simple query of that text."""


class Proxy:
    """Listens on a socket of PostgreSQL's kind in ``folder`` and forwards to the one in ``target``."""

    def __init__(self, folder: Path, target: str) -> None:
        self.path = folder / ".s.PGSQL.5432"
        self.target = f"{target}/.s.PGSQL.5432"
        self.delay = 0.0
        self.cuts = 0
        """How many COMMITs to come are sent on without their answer: the connection is cut instead."""
        self.was_cut = 0
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        self.path.chmod(0o777)

    async def stop(self) -> None:
        self._server.close()
        self.release()
        self.reset()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        """Cut every connection, in the middle of whatever it is in."""
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """Forward nothing any more, and lose nothing: a network that hangs."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            upstream = await asyncio.open_unix_connection(self.target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(upstream[1])
        ways = [
            asyncio.ensure_future(self._forward(reader, upstream[1], asks=True)),
            asyncio.ensure_future(self._forward(upstream[0], writer, asks=False)),
        ]
        try:
            # One side is gone: the other learns of it at once.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for each in (writer, upstream[1]):
                each.transport.abort()
                self._writers.discard(each)
            await asyncio.gather(*ways, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                writer.write(data)
                await writer.drain()
                if asks and self.cuts and COMMIT in data:
                    self.cuts -= 1
                    self.was_cut += 1
                    # PostgreSQL has it, or will: what it answers is nobody's any more.
                    return
