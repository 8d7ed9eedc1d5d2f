"""Brokers as processes, on ports of this machine: they are killed, stopped and started again with what they have kept."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import aio_pika
import nats
from aio_pika.abc import DeliveryMode, ExchangeType
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import AMQPError
from nats.errors import Error
from nats.js.errors import NotFoundError

from app.relay import sinks
from app.relay.outlet import Outlet
from app.relay.reading import Reading
from app.relay.relay import Relay
from app.relay.sinks import nats as jetstream
from app.relay.sinks import rabbitmq
from db.runtime.engine import Database, Target
from tests.support.graph import schema
from tests.support.patience import PATIENCE


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

    async def kept(self) -> list[Got]:
        """What it has, in its order."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


class Nats:
    """A NATS server with JetStream."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        """``settings`` are lines of its own configuration; where they name users, ``admin`` with that password is one."""
        self.folder, self.port = folder, free_port()
        (folder / "nats.conf").write_text(settings)
        self.url = self.url_of("admin") if "users" in settings else f"nats://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def url_of(self, user: str) -> str:
        """Where somebody connects whose password is the name."""
        return f"nats://{user}:{user}@127.0.0.1:{self.port}"

    async def start(self) -> None:
        program, settings = Path(sys.executable).with_name("nats-server"), self.folder / "nats.conf"
        self.process = subprocess.Popen(
            [program, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", self.folder, "-c", settings],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        async with asyncio.timeout(PATIENCE):
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
        client = await nats.connect(
            self.url, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0, error_cb=_quiet
        )
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

    async def kept_of(self, tenant: str) -> list[Got]:
        """What it has of a tenant, of however many others: read as a consumer does."""
        found: list[Got] = []
        async with self.client() as client:
            following = await client.jetstream().pull_subscribe(f"erp.{tenant}.>")
            left = (await following.consumer_info()).num_pending
            while len(found) < left:
                for message in await following.fetch(min(250, left - len(found)), timeout=5):
                    attributes = {
                        name.removeprefix("ce-"): value
                        for name, value in message.headers.items()
                        if name.startswith("ce-")
                    }
                    found.append(Got(message.subject, attributes, json.loads(message.data)))
            await following.unsubscribe()
        return found

    async def at_last(self, tenant: str, count: int) -> list[Got]:
        """What it has of a tenant, once it is so much."""
        async with asyncio.timeout(PATIENCE):
            while len(found := await self.kept_of(tenant)) < count:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        return found

    async def forget(self) -> None:
        """Have nothing, as at first."""
        async with self.client() as client:
            with contextlib.suppress(NotFoundError):
                await client.jetstream().delete_stream(jetstream.STREAM)


async def _quiet(_error: Exception) -> None:
    """A server that is down is what some tests are about."""


class RabbitMQ:
    """A node of RabbitMQ, as Debian brings it, with its own ports and folder, and a queue for all there is."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.folder, self.port = folder, free_port()
        self.url = self.url_of("guest")
        (folder / "rabbitmq.conf").write_text(settings)
        self.process: subprocess.Popen[bytes] | None = None
        self.names: subprocess.Popen[bytes] | None = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"erp{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }

    @staticmethod
    def program() -> Path | None:
        return next(iter(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server")), None)

    def url_of(self, user: str) -> str:
        """Where somebody connects whose password is the name."""
        return f"amqp://{user}:{user}@127.0.0.1:{self.port}/"

    async def start(self) -> None:
        program = self.program()
        assert program is not None
        (self.folder / "plugins").write_text("[].")
        if self.names is None:
            # Erlang's directory of names: a node without one starts one that outlives it.
            self.names = subprocess.Popen(
                ["epmd"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self.process = subprocess.Popen(
            [program],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        async with asyncio.timeout(120):
            while True:
                # Closed as well where it could not be connected: the garbage collector complains otherwise.
                connection = Connection(make_url(self.url))
                with contextlib.suppress(AMQPError, OSError):
                    async with connection:
                        await connection.connect(timeout=5)
                        await self._bind(await connection.channel(), "all")
                        return
                await asyncio.sleep(0.1)

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def end(self) -> None:
        """For good."""
        self.kill()
        if self.names is not None:
            self.names.kill()
            self.names.wait()

    async def kept(self) -> list[Got]:
        """What is in the queue, which gets it back."""
        found = []
        async with await aio_pika.connect(self.url, timeout=10) as connection:
            queue = await (await connection.channel()).get_queue("all")
            while (message := await queue.get(fail=False)) is not None:
                attributes = {
                    name.removeprefix("cloudEvents_"): str(value)
                    for name, value in message.headers.items()
                    if name.startswith("cloudEvents_")
                }
                assert (message.message_id, message.delivery_mode) == (attributes["id"], DeliveryMode.PERSISTENT)
                attributes["datacontenttype"] = str(message.content_type)
                found.append(Got(str(message.routing_key), attributes, json.loads(message.body)))
        return found

    async def _bind(self, channel: Any, queue: str, arguments: dict[str, Any] | None = None) -> Any:
        exchange = await channel.declare_exchange(rabbitmq.EXCHANGE, ExchangeType.TOPIC, durable=True)
        made = await channel.declare_queue(queue, durable=True, arguments=arguments)
        await made.bind(exchange, "erp.#")
        return made

    @contextlib.asynccontextmanager
    async def _channel(self) -> AsyncIterator[Any]:
        async with await aio_pika.connect(self.url, timeout=10) as connection:
            yield await connection.channel()

    async def bind(self) -> None:
        """Have the queue again for all there is."""
        async with self._channel() as channel:
            await self._bind(channel, "all")

    async def unbind(self) -> None:
        """Have no queue for anything, until it is started again."""
        async with self._channel() as channel:
            await (await channel.get_queue("all")).unbind(rabbitmq.EXCHANGE, "erp.#")

    async def forget(self) -> None:
        async with self._channel() as channel:
            await (await channel.get_queue("all")).purge()

    async def delete_exchange(self) -> None:
        async with self._channel() as channel:
            await (await channel.get_exchange(rabbitmq.EXCHANGE)).delete()

    @contextlib.asynccontextmanager
    async def queue(self, name: str, arguments: dict[str, Any]) -> AsyncIterator[None]:
        """In here there is another queue for all there is."""
        async with self._channel() as channel:
            made = await self._bind(channel, name, arguments)
            yield
            await made.delete(if_unused=False, if_empty=False)


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
