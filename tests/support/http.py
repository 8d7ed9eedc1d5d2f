"""The application on a real socket, and a client that writes bytes as it likes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple, Self

import httpx
import orjson
import uvicorn
from starlette.types import ASGIApp

from app.http.protocol import BoundedHttpProtocol
from tests.support.patience import PATIENCE

GIVE_AWAYS = (
    *("Traceback", 'File "', ".py", "/app/", "/work", "/usr", "object at 0x", "0x7", "<class", "NoneType", "KeyError"),
    *("TypeError", "ValueError", "RuntimeError", "Exception", "int()", "str()", "codec", "None", "True", "False"),
    *("asyncpg", "sqlalchemy", "strawberry", "graphql.", "pydantic", "orjson", "postgres", "PostgreSQL", "uvicorn"),
    *("SELECT", "FROM ", "WHERE ", "tenant_id", "line_items", "api_keys", "erpgraph_app", "app.tenant"),
)
"""What no error may contain: Python's, the libraries' and the database's words, tables, roles and paths."""


def app_of(client: httpx.AsyncClient) -> Any:
    """The application that a client without a socket asks."""
    assert isinstance(client._transport, httpx.ASGITransport)
    return client._transport.app


def body(answer: httpx.Response) -> dict[str, Any]:
    """The answer to an operation that was run, without its cost, which is in every one of them."""
    found: dict[str, Any] = answer.json()
    assert {*found["extensions"].pop("cost")} == {"requested", "limit", "actual", "charged", "remaining", "restoreRate"}
    if not found["extensions"]:
        del found["extensions"]
    return found


def told(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal: one error, no data, nothing given away."""
    body = answer.json()
    [error] = body["errors"]
    assert body.get("data") is None
    assert [word for word in GIVE_AWAYS if word in answer.text] == [], answer.text
    return answer.status_code, error["extensions"]["code"]


async def command(client: httpx.AsyncClient, field: str, given: Mapping[str, Any], shows: str) -> Any:
    """Carry a command out, which must succeed; what it made or changed."""
    query = f"mutation ($i: {field[0].upper()}{field[1:]}Input!) {{ {field}(input: $i) {{ {shows} userErrors {{ message path }} }} }}"
    answer = (await client.post("/graphql", json={"query": query, "variables": {"i": given}})).json()
    assert not answer.get("errors"), answer
    payload = answer["data"][field]
    assert payload.pop("userErrors") == [], (field, given)
    return payload


async def eventually(true: Callable[[], bool], within: float = PATIENCE) -> None:
    """Wait until it is, at most so many seconds: for what the server does after its answer."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - what it is about has no event to wait for
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[int]:
    """The application on a free port of this machine; tells the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await eventually(lambda: server.started)
        try:
            yield listener.getsockname()[1]
        finally:  # a server that outlived its socket would answer for whoever gets that descriptor next
            server.should_exit = True
            await running


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One TCP connection."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def vanish(self) -> None:
        """End the connection in the middle of whatever happens on it."""
        self.writer.transport.abort()

    async def answer(self, *, with_body: bool = True) -> Answer:
        """The next answer; those to HEAD have no body. Raises ``TimeoutError`` after ``PATIENCE`` seconds without one."""
        async with asyncio.timeout(PATIENCE):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")[:-2]
            headers = dict(line.lower().split(": ", 1) for line in lines)
            body = await self.reader.readexactly(int(headers["content-length"])) if with_body else b""
        return Answer(int(first.split()[1]), headers, body)

    async def ended(self) -> bool:
        """Whether the server ends the connection, sooner or later, without another byte."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read(1) == b""
            except ConnectionResetError:  # it left while bytes of ours were still under way
                return True


def post(key: str, body: object, headers: Mapping[str, str] | None = None) -> bytes:
    """A POST to the graph, byte for byte. ``body`` becomes JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    given = {"Host": "localhost", "Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    given |= headers if headers is not None else {"Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + content
