"""``stage``: a victim and attackers on a database of their own, which no test changes but by the twins' commands."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.security.stage import Stage, numbered_one_by_one, staged
from tests.support.postgres import TestServer


@pytest.fixture(scope="session")
async def stage(server: TestServer) -> AsyncIterator[Stage]:
    async with staged(server) as made:
        yield made


@pytest.fixture(autouse=True)
def one_by_one() -> Iterator[None]:
    with numbered_one_by_one():
        yield
