"""``erpgraph`` with a small application in place of the graph: for tests of the server's life alone.

It answers ``/graphql`` at once, and ``/slow`` half a second later on a database connection of its own.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from unittest.mock import patch

from fastapi import FastAPI

from app.cli import main
from app.settings import Settings
from app.telemetry.telemetry import Telemetry
from db.runtime.engine import Database


class NoStreams:
    """In the place of the hub."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        yield

    async def close(self) -> None: ...


def create_app(settings: Settings, database: Database, _demo_keys: Mapping[str, str]) -> FastAPI:
    app = FastAPI()
    app.state.telemetry = Telemetry(settings)
    app.state.hub = NoStreams()

    @app.get("/graphql")
    async def graphql() -> dict[str, str]:
        await database.revision()
        return {"data": "here"}

    @app.get("/slow")
    async def slow() -> dict[str, str]:
        sys.stderr.write("slow: begun\n")
        await asyncio.sleep(0.5)
        await database.revision()
        return {"data": "late"}

    return app


if __name__ == "__main__":
    with patch("app.server.create_app", create_app):
        main()
