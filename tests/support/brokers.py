"""Brokers as processes, on ports of this machine: they are killed, stopped and started again with what they have kept."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import nats
from nats.errors import Error
from nats.js.errors import NotFoundError

from app.relay import sinks
from app.relay.outlet import Outlet
from app.relay.reading import Reading
from app.relay.relay import Relay
from app.relay.sinks import nats as jetstream
from db.runtime.engine import Database, Target
from tests.support.graph import schema


class Got(NamedTuple):
    """A message that a broker keeps."""

    topic: str
    attributes: dict[str, str]
    data: Any

    @property
    def tenant(self) -> str:
        return self.topic.split(".")[1]


class Broker(Protocol):
    """A kind of broker."""

    url: str

    async def start(self) -> None: ...

    def kill(self) -> None: ...

    async def kept(self) -> list[Got]:
        """What it has, in its order."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


class Nats:
    """A NATS server with JetStream."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        program = Path(sys.executable).with_name("nats-server")
        self.process = subprocess.Popen(
            [program, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", self.folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(Error, OSError):
                    async with self.client() as client:
                        await client.jetstream().account_info()
                        return
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Any]:
        client = await nats.connect(self.url, allow_reconnect=False, max_reconnect_attempts=1, error_cb=_quiet)
        try:
            yield client
        finally:
            await client.close()

    async def kept(self) -> list[Got]:
        found = []
        async with self.client() as client:
            stream = client.jetstream()
            try:
                state = (await stream.stream_info(jetstream.STREAM)).state
            except NotFoundError:
                return []
            for number in range(max(1, state.first_seq), state.last_seq + 1):
                message = await stream.get_msg(jetstream.STREAM, number)
                attributes = {
                    name.removeprefix("ce-"): value for name, value in message.headers.items() if name.startswith("ce-")
                }
                assert message.headers["Nats-Msg-Id"] == attributes["id"]
                found.append(Got(message.subject, attributes, json.loads(message.data)))
        return found

    async def forget(self) -> None:
        """Have nothing, as at first."""
        async with self.client() as client:
            with contextlib.suppress(NotFoundError):
                await client.jetstream().delete_stream(jetstream.STREAM)


async def _quiet(_error: Exception) -> None:
    """A server that is down is what some tests are about."""


def relay(database: Database, target: Target, urls: Sequence[str]) -> Relay:
    """One that tells these brokers."""

    def outlet(sink: sinks.Sink) -> Outlet:
        return Outlet(sink, database, lambda: Reading(schema(), database, sink.name))

    return Relay({"main": target}, [outlet(each) for each in sinks.made(urls)])


@contextlib.asynccontextmanager
async def running(it: Relay) -> AsyncIterator[Relay]:
    """In here it runs."""
    task = asyncio.create_task(it.run())
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
