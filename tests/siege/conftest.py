"""A server under siege for the tests: limited to a gigabyte, over a database with the small demo."""

from collections.abc import AsyncIterator

import pytest

from tests.siege.facts import prepare
from tests.siege.measure import Besieged, Server
from tests.support.postgres import TestServer


@pytest.fixture(scope="module")
async def besieged(server: TestServer) -> AsyncIterator[Besieged]:
    async with server.with_demo() as target:
        place = await prepare(target)
        with Server(target) as running, Besieged(running, place) as found:
            yield found
