"""The data that the graph is read from: loaded once per worker, and never changed by a test.

``world``     a database with the demo's two tenants and one of hand-made rows
``ask``       asks a query there: ``await ask(query, tenant, variables)``
``larkspur``, ``stonebridge``  ids of the demo's tenants, the second for what the first must not see
``oddments``  the hand-made rows
"""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from db.runtime.engine import Database, Target
from services.platform import tenants
from tests.support import oddments as hand_made
from tests.support.graph import Asker
from tests.support.postgres import TestServer


@pytest.fixture(scope="session")
async def world(server: TestServer) -> AsyncIterator[Target]:
    async with server.with_demo() as made:
        yield made


@pytest.fixture(scope="session")
async def oddments(world: Target) -> hand_made.Oddments:
    return await hand_made.load(world)


@pytest.fixture(scope="session")
async def ask(world: Target) -> AsyncIterator[Asker]:
    database = Database(world)
    await database.open()
    yield Asker(database)
    await database.close()


@pytest.fixture(scope="session")
async def larkspur(world: Target) -> UUID:
    return await tenants.find(world, "larkspur")


@pytest.fixture(scope="session")
async def stonebridge(world: Target) -> UUID:
    return await tenants.find(world, "stonebridge")
