"""The application over a database with the small demo, and clients that have a key of its first tenant."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.demo_site import Site, demo_site
from tests.support.postgres import TestServer
from tests.support.receiver import Shop, shop


@pytest.fixture(scope="session")
async def site(server: TestServer) -> AsyncIterator[Site]:
    async with demo_site(server) as made:
        yield made


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
