"""``demo_data``: the small demo, which no test changes, and its tenant whose data the documents show."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from db.runtime.engine import Database
from services.platform import tenants
from tests.support.graph import Asker
from tests.support.postgres import TestServer


@pytest.fixture(scope="session")
async def demo_data(server: TestServer) -> AsyncIterator[tuple[Asker, UUID]]:
    async with server.with_demo() as target:
        database = Database(target)
        await database.open()
        try:
            yield Asker(database), await tenants.find(target, "larkspur")
        finally:
            await database.close()
