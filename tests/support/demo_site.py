"""The application over a database with the small demo."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from app.asgi import create_app
from app.settings import load
from db.runtime.engine import Database, Target
from services.platform import keys, tenants
from services.platform.tenants import Tenant
from tests.support.postgres import TestServer


@dataclass(frozen=True)
class Site:
    """A site that serves: its database, its two tenants, and a key of the first."""

    target: Target
    database: Database
    tenants: tuple[Tenant, Tenant]
    key: str

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        """A connection of the administrator's, whom row-level security doesn't bind."""
        connection = await asyncpg.connect(self.target.admin)
        yield connection
        await connection.close()

    async def without_roles(self) -> str:
        """A key of the first tenant that may do nothing at all."""
        key = await keys.create(self.target, self.tenants[0].id, "without roles", replace=True)
        async with self.admin() as connection:
            await connection.execute("UPDATE api_keys SET roles = '{}' WHERE name = 'without roles'")
        return key

    def client(self, key: str | None = None, database: Database | None = None, **settings: object) -> httpx.AsyncClient:
        """A client with this key (an empty one: none at all), of an application of its own with these settings."""
        app = create_app(load(**settings), database or self.database)
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        given = self.key if key is None else key
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@contextlib.asynccontextmanager
async def demo_site(server: TestServer) -> AsyncIterator[Site]:
    """A site of one's own, gone at the end."""
    async with server.with_demo() as target:
        first, second = sorted(await tenants.every(target), key=lambda tenant: tenant.name)
        key = await keys.create(target, first.id, "tests")
        database = Database(target)
        await database.open()
        yield Site(target, database, (first, second), key)
        await database.close()
