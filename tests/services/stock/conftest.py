"""A database of its own for each file, in which no command may ever meet a deadlock.

``desk``  the database, and a way to open companies in it
``shop``  a company for each test: NORTH with SHELF, RACK and HOLD (quarantine), SOUTH with DOCK. What is done in it
          leaves the books right.
``dice``  five of them: a test that asks for them runs as often
"""

import random
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from db.runtime.engine import Database
from services.kit import work
from tests.support.clerk import Clerk
from tests.support.crowd import PATIENT
from tests.support.desk import Desk
from tests.support.invariants import broken, deadlocks
from tests.support.postgres import TestServer


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "RETRY_FOR", PATIENT)
        yield


@pytest.fixture(scope="module")
async def desk(server: TestServer) -> AsyncIterator[Desk]:
    async with server.fresh() as target:
        database = Database(target, acquire_timeout=PATIENT)
        await database.open()
        admin = await asyncpg.connect(target.admin)
        before = work.repeated["DeadlockDetectedError"]
        yield Desk(target, database, admin)
        await database.close()
        assert work.repeated["DeadlockDetectedError"] == before
        assert await deadlocks(admin) == 0
        await admin.close()


@pytest.fixture
async def shop(desk: Desk) -> AsyncIterator[Clerk]:
    clerk = await desk.open()
    yield clerk
    assert await broken(desk.admin, clerk.tenant) == []


@pytest.fixture(params=range(5))
def dice(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)
