"""The application over a database with the small demo, and clients that have a key of its first tenant."""

from collections.abc import AsyncIterator

import httpx
import pytest

from db.runtime.engine import Database
from services.platform import keys, tenants
from tests.support.demo_site import Site
from tests.support.postgres import TestServer
from tests.support.receiver import Shop, shop


@pytest.fixture(scope="session")
async def site(server: TestServer) -> AsyncIterator[Site]:
    async with server.with_demo() as target:
        first, second = sorted(await tenants.every(target), key=lambda tenant: tenant.name)
        key = await keys.create(target, first.id, "tests")
        database = Database(target)
        await database.open()
        yield Site(target, database, (first, second), key)
        await database.close()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client() as opened:
        yield opened


@pytest.fixture
async def there(site: Site) -> AsyncIterator[Shop]:
    """A server, a worker that doesn't work yet, and a receiver of webhooks beside them."""
    async with shop(site.database, site.target, site.key) as found:
        yield found
    async with site.admin() as admin:
        await admin.execute("DELETE FROM webhooks")
