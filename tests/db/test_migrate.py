"""Migrations: up, down and up again, in step with the models, refused from the future."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.database import require_head, upgrade
from app.settings import Settings
from core.errors import Unavailable
from db.admin import migrate
from db.runtime.engine import Target
from tests.support.postgres import TestServer

TABLES = "SELECT array_agg(c.relname::text ORDER BY c.relname) FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"


async def asked(target: Target, question: str) -> Any:
    connection = await asyncpg.connect(target.admin)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_models_and_migrations_say_the_same(target: Target) -> None:
    assert await migrate.differences(target) == []


async def test_a_difference_is_found(fresh: Target) -> None:
    await asked(fresh, "ALTER TABLE products DROP COLUMN barcode CASCADE")
    assert [found[0] for found in await migrate.differences(fresh)][:1] == ["add_column"]


async def test_up_down_and_up_again(server: TestServer) -> None:
    async with server.fresh("template0") as target:
        assert await migrate.current(target) is None
        await migrate.upgrade(target)
        first = await asked(target, TABLES)
        assert await migrate.current(target) == migrate.head()
        await migrate.downgrade(target, "base")
        assert await asked(target, TABLES) == ["alembic_version"]
        assert await migrate.current(target) is None
        await migrate.upgrade(target)
        assert await asked(target, TABLES) == first
        assert len(first) > 10
        assert await migrate.differences(target) == []


async def test_a_database_from_the_future_is_refused_and_left_alone(fresh: Target) -> None:
    await asked(fresh, "UPDATE alembic_version SET version_num = '9999'")
    before = await asked(fresh, TABLES)
    for attempt in (upgrade(Settings(), fresh), require_head(fresh)):
        with pytest.raises(Unavailable, match="9999"):
            await attempt
    assert await asked(fresh, TABLES) == before
    assert await migrate.current(fresh) == "9999"


async def test_a_database_that_is_not_migrated_is_not_served(server: TestServer) -> None:
    async with server.fresh("template0") as target:
        with pytest.raises(Unavailable, match="erpgraph db upgrade"):
            await require_head(target)
        assert await asked(target, TABLES) is None


async def test_leakproof_marks_are_set_once(fresh: Target) -> None:
    marked = "SELECT count(*) FROM pg_proc WHERE proleakproof AND pronamespace = 'pg_catalog'::regnamespace"
    before = await asked(fresh, marked)
    await asyncio.gather(*(migrate.mark_leakproof(fresh) for _ in range(3)))
    assert await asked(fresh, marked) == before + len(migrate.LEAKPROOF)
