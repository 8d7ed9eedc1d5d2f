"""Goods by lots go to no database that still has the keys of the release before: it is said, and nothing is done."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from app.database import upgrade
from app.settings import Settings
from core.errors import BadInput
from db.admin import migrate
from db.runtime.engine import Target
from services.platform import tenants
from services.platform.transfer.load import load
from services.platform.transfer.move import Move
from tests.support import estate
from tests.support.postgres import TestServer

BEFORE, NAME = "0031", "Bäckerei 東京"


@pytest.fixture
async def unfinished(server: TestServer) -> AsyncIterator[Target]:
    async with server.fresh("template0") as target:
        await migrate.upgrade(target, BEFORE)
        await upgrade(Settings(database_url=target.admin), target)
        assert await migrate.left(target) == 3
        yield target


async def test_lots_go_to_no_database_that_has_the_keys_of_before(
    source: Target, tenant: UUID, exported: Path, unfinished: Target
) -> None:
    before = await estate.rows(source, tenant)
    assert before["lots"]
    move = Move({"main": source, "there": unfinished}, "main", tenant, "there", grace=0, settled=0)
    with pytest.raises(BadInput, match="run 'erpgraph db finish', and then this again"):
        await move.run()
    # It lives where it was, may be changed, and nothing of it is there.
    assert await estate.rows(source, tenant) == before
    with pytest.raises(BadInput, match="run 'erpgraph db finish', and then this again"):
        await load(unfinished, exported)
    assert await tenants.every(unfinished) == []
    await migrate.finish(unfinished)
    await load(unfinished, exported)
    assert [row.name for row in await tenants.every(unfinished)] == [NAME]
