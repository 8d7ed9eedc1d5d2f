"""Subscriptions as a client has them, on a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import orjson
from fastapi import FastAPI

from app.asgi import create_app
from app.live.hub import Hub
from app.settings import load
from core import keys as forms
from core.ids import new_id
from db.runtime.engine import Database
from tests.support.http import serving
from tests.support.patience import PATIENCE

CHANGES = "subscription ($after: String) { changes(after: $after, kinds: [PARTNER]) { cursor changes { node { ... on Partner { name } } } } }"
MAKE = (
    "mutation ($code: String!, $name: String!) { partnerUpsert(input: {code: $code, name: $name}) { partner { id } } }"
)


class Following:
    """A stream as a client has it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._events = self._read()

    async def _read(self) -> AsyncIterator[dict[str, str]]:
        event: dict[str, str] = {}
        async for line in self.answer.aiter_lines():
            if line:
                name, _, value = line.partition(":")
                event[name] = value.strip()
            elif event.keys() - {""}:
                yield event
                event = {}

    async def event(self) -> dict[str, str] | None:
        """The next event; None where the stream has ended."""
        async with asyncio.timeout(PATIENCE):
            return await anext(self._events, None)

    async def data(self) -> Any:
        event = await self.event()
        assert event is not None
        assert event["event"] == "next"
        return orjson.loads(event["data"])

    async def names(self) -> list[str]:
        """The names of the partners that the next batch tells of."""
        found = await self.data()
        assert "errors" not in found, found
        return [each["node"]["name"] for each in found["data"]["changes"]["changes"]]


class Served:
    """The application on a port."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client
        self.hub: Hub = app.state.hub

    @contextlib.asynccontextmanager
    async def follow(self, query: str, key: str = "", last: str = "", **variables: Any) -> AsyncIterator[Following]:
        headers = {"Accept": "text/event-stream"}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {"Last-Event-ID": last} if last else {}
        body = {"query": query, "variables": variables}
        async with self.client.stream("POST", "/graphql/stream", json=body, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            yield Following(answer)

    async def make(self, code: str, name: str) -> str:
        answer = (
            await self.client.post("/graphql", json={"query": MAKE, "variables": {"code": code, "name": name}})
        ).json()
        return str(answer["data"]["partnerUpsert"]["partner"]["id"])


@contextlib.asynccontextmanager
async def streaming(database: Database, key: str, **settings: object) -> AsyncIterator[Served]:
    """The application on a port, and a client with this key."""
    app = create_app(load(**settings), database)
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        serving(app) as port,
        app.state.hub.running(),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client,
    ):
        yield Served(app, client)


async def many_keys(admin: Any, tenant: UUID, count: int) -> list[str]:
    """New keys of a tenant that may read, by an administrator's connection."""
    made = [forms.make(tenant) for _ in range(count)]
    rows = [
        (tenant, new_id(), f"one of many {number}", forms.hint(key), forms.digest(key), ["viewer"])
        for number, key in enumerate(made)
    ]
    insert = "INSERT INTO api_keys (tenant_id, id, name, hint, hash, roles) VALUES ($1, $2, $3, $4, $5, $6)"
    await admin.executemany(insert, rows)
    return made
