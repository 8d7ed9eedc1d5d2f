"""A database that tests write to, and two small companies in it for each file.

``desk``   the database and a way to open a company of one's own in it
``shop``   a company in EUR and Berlin: two warehouses, NORTH with SHELF, RACK and HOLD (quarantine), SOUTH with
           DOCK, and a customer, C1
``rival``  another one, with the same codes
``buyer``  who buys for ``shop``, from the supplier S1
"""

from collections.abc import AsyncIterator

import pytest

from db.runtime.engine import Target
from tests.support.buyer import Buyer
from tests.support.clerk import Clerk
from tests.support.desk import Desk, opened
from tests.support.postgres import TestServer


@pytest.fixture(scope="session")
async def written(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh() as made:
        yield made


@pytest.fixture(scope="session")
async def desk(written: Target) -> AsyncIterator[Desk]:
    async with opened(written) as found:
        yield found


@pytest.fixture(scope="module")
async def shop(desk: Desk) -> AsyncIterator[Clerk]:
    clerk = await desk.open()
    yield clerk
    assert await clerk.differences() == []


@pytest.fixture(scope="module")
async def rival(desk: Desk) -> AsyncIterator[Clerk]:
    clerk = await desk.open()
    yield clerk
    assert await clerk.differences() == []


@pytest.fixture(scope="module")
async def buyer(shop: Clerk) -> Buyer:
    made = Buyer(shop)
    await made.supplier()
    return made
