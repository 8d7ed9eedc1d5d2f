"""A tenant that is hard to carry, in a database beside others; its export; and a database where it isn't."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from db.runtime.engine import Target
from services.platform.transfer.export import export
from tests.support import estate, oddments
from tests.support.postgres import TestServer

NAME = "Bäckerei 東京"


@pytest.fixture(scope="session")
async def source(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh() as made:
        await oddments.load(made, "neighbour")
        yield made


@pytest.fixture(scope="session")
async def tenant(source: Target) -> UUID:
    return await estate.settle(source, NAME)


@pytest.fixture(scope="session")
async def exported(source: Target, tenant: UUID, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports") / "bakery"
    await export(source, NAME, folder, "test")
    return folder


@pytest.fixture(scope="session")
async def nowhere(server: TestServer) -> AsyncIterator[Target]:
    """A database for what is refused: it stays empty."""
    async with server.fresh() as made:
        yield made
