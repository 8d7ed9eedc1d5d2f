"""The clients of ``bench_write``, and the processes that it measures."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import orjson

from app.settings import CHECKOUT
from tests.bench.write_work import CUSTOMER, QUANTITY

MUTATION = """
mutation Place($input: OrderCreateInput!) {
  orderCreate(input: $input) { order { id number status total { amount currency } } userErrors { code message path } }
}
"""


class Child:
    """A process that answers a line with a line."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> None:
        """Close its input, which ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def line(self) -> bytes:
        assert self._process.stdout is not None
        if line := await asyncio.to_thread(self._process.stdout.readline):
            return line
        raise RuntimeError(f"{self._process.args!r} has ended")

    async def ask(self, question: bytes = b"", **given: object) -> Any:
        """The answer to a question; with what it is about, where it has names for that."""
        assert self._process.stdin is not None
        line = orjson.dumps([question.decode(), given]) if given else question
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()
        return orjson.loads(await self.line())


LOG = CHECKOUT / ".data" / "bench-write.log"
"""What the server says, a line for each request among it."""


@contextlib.contextmanager
def child(module: str, *arguments: str) -> Iterator[Child]:
    """A module of the bench as a process that ends with its input."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    LOG.parent.mkdir(exist_ok=True)
    with (
        LOG.open("ab") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=CHECKOUT) as process,
    ):
        try:
            yield Child(process)
        except BaseException:
            process.kill()  # it may be in the middle of something, and wouldn't notice that its input has ended
            raise


class Client:
    """A kept-alive connection to the server, that costs next to nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self._reader, self._writer = reader, writer
        self._head = (
            f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()

    async def place(self, cart: list[str]) -> None:
        """Order what is in the cart. Raises ``RuntimeError`` unless it was confirmed."""
        lines = [{"product": {"sku": sku}, "quantity": str(QUANTITY)} for sku in cart]
        order = {"customer": {"code": CUSTOMER}, "lineItems": lines, "confirm": True, "idempotencyKey": uuid4().hex}
        body = orjson.dumps({"query": MUTATION, "variables": {"input": order}})
        self._writer.write(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
        head = await self._reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await self._reader.readexactly(size)
        if b'"status":"CONFIRMED"' not in answer:
            raise RuntimeError(answer.decode())


@contextlib.asynccontextmanager
async def connected(port: int, key: str, count: int) -> AsyncIterator[list[Client]]:
    """So many clients."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    for reader, writer in streams:
        # A connection that sends nothing for ten seconds is ended; one that has had an answer may wait for its turn.
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b'"}')  # its body's end, which has the version
    yield [Client(reader, writer, key) for reader, writer in streams]
    for _, writer in streams:
        writer.close()
