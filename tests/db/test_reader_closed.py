"""A reader that is closed: what was left running must not take a connection that nobody gives back."""

import asyncio
from uuid import UUID

import pytest

from core.errors import Unavailable
from db.runtime.engine import Database, Target


async def test_who_asks_late_is_refused_and_no_connection_is_lost(target: Target, acme: UUID) -> None:
    database = Database(target)
    await database.open()
    try:
        reader = database.reader(acme)
        running = asyncio.create_task(reader.fetch("SELECT pg_sleep(0.02)"))
        waiting = asyncio.create_task(reader.fetch("SELECT 1"))
        await asyncio.sleep(0)
        await reader.close()
        assert len(await running) == 1
        for late in (waiting, reader.fetch("SELECT 1")):
            with pytest.raises(Unavailable):
                await late
        assert len(reader.ran) == 1
        await reader.close()
        assert database._reading.free == database._reading.pool.get_size()
    finally:
        await database.close()
