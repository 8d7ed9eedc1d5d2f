"""What befalls servers that are followed, and what some of those that follow them do."""

import asyncio
import contextlib
import random
import signal
import socket
import struct
from collections.abc import Iterator

import httpx
import orjson

from app.relay.sinks import nats as jetstream
from services.platform import keys
from tests.chaos.faults import Fault
from tests.chaos.site import Site
from tests.chaos.telling import Telling, telling

CROWD = 60
"""Connections of those that mean no good, to each server."""

AT_ONCE = 25
"""Of those that come one crowd behind the other: a tenant has 200 requests in flight, and its clerks are to be among them."""

REVOKED_WITHIN = 15.0
"""Seconds; five on a machine that does nothing else."""

FOLLOW = "subscription { eventFeed(first: 500) { cursor events { id subjectId before after } } }"
REVOKE = "UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND name = $2"


async def drain_a_server(site: Site, chance: random.Random) -> None:
    """Those that follow it are told to come back, and find another one."""
    server = chance.choice(site.servers)
    await server.leave()
    await asyncio.sleep(chance.uniform(0, 0.3))
    await server.start()


async def freeze_a_server(site: Site, chance: random.Random) -> None:
    server = chance.choice(site.servers)
    server.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(chance.uniform(0.2, 1.5))
    finally:
        server.signal(signal.SIGCONT)


async def follow_and_read_nothing(site: Site, chance: random.Random) -> None:
    hurt = telling(site)
    with _crowd(hurt, _request(hurt.whose.key)):
        await asyncio.sleep(chance.uniform(1, 2))


async def begin_and_not_go_on(site: Site, chance: random.Random) -> None:
    """Heads and bodies that never end."""
    hurt = telling(site)
    whole = _request(hurt.whose.key)
    with _crowd(hurt, whole[: chance.randint(1, len(whole) - 1)]):
        await asyncio.sleep(chance.uniform(1, 2))


async def follow_and_go_at_once(site: Site, chance: random.Random) -> None:
    hurt = telling(site)
    for _ in range(chance.randint(3, 6)):
        with _crowd(hurt, _request(hurt.whose.key), AT_ONCE):
            await asyncio.sleep(chance.uniform(0, 0.05))


async def revoke_a_key(site: Site, chance: random.Random) -> None:
    """What is followed by it ends, and tells nothing from then on; nobody else's does."""
    hurt, name = telling(site), f"revoked {chance.getrandbits(64)}"
    key = await keys.create(hurt.direct, hurt.whose.id, name)
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as client,
        client.stream("POST", f"{chance.choice(hurt.servers).url}/graphql/stream", json={"query": FOLLOW}) as answer,
    ):
        lines = answer.aiter_lines()
        while not (await anext(lines)).startswith("data: {"):
            pass
        async with hurt.admin() as connection:
            await connection.execute(REVOKE, hurt.whose.id, name)
        async with asyncio.timeout(REVOKED_WITHIN):
            last = [line async for line in lines if line.startswith("data: {")][-1]
    assert "UNAUTHENTICATED" in last, last


async def refuse_at_the_broker(site: Site, chance: random.Random) -> None:
    """It takes none of the messages for a moment, as one that is too large, and is there for others."""
    async with telling(site).broker.client() as client:
        stream = client.jetstream()
        config = (await stream.stream_info(jetstream.STREAM)).config
        await stream.update_stream(config.evolve(max_msg_size=1))
        await asyncio.sleep(chance.uniform(0.3, 1.0))
        await stream.update_stream(config)


def _request(key: str) -> bytes:
    body = orjson.dumps({"query": FOLLOW})
    head = f"POST /graphql/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@contextlib.contextmanager
def _crowd(hurt: Telling, sent: bytes, many: int = CROWD) -> Iterator[None]:
    """In here there are so many connections to each server that have sent this and read nothing; then they are reset."""
    with contextlib.ExitStack() as stack:
        for server in hurt.servers:
            for _ in range(many):
                connection = stack.enter_context(socket.socket())
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.settimeout(5)
                connection.connect(("127.0.0.1", server.port))
                connection.sendall(sent)
        yield


FAULTS: tuple[Fault, ...] = (
    drain_a_server,
    freeze_a_server,
    follow_and_read_nothing,
    begin_and_not_go_on,
    follow_and_go_at_once,
    revoke_a_key,
    refuse_at_the_broker,
)
