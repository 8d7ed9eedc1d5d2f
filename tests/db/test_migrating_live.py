"""Migrations on a site that is used (docs/security.md, case 44): nobody fails, and who waits too long lets others go first."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import httpx
import pytest

from app.asgi import create_app
from app.settings import load
from core.errors import Unavailable
from db.admin import migrate
from db.runtime.engine import Database, Target
from services.platform import keys, tenants
from tests.support.http import eventually
from tests.support.patience import PATIENCE

REVISION = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "live", "{head}", None, None
def upgrade():
    op.execute("ALTER TABLE products ADD COLUMN live text")
def downgrade():
    op.execute("ALTER TABLE products DROP COLUMN live")
"""
QUERY = {"query": "{ products(first: 20) { nodes { sku stock { available } } } }"}
COMMAND = (
    'mutation {{ productUpsert(input: {{sku: "LIVE-{0}", name: "x"}}) {{ product {{ sku }} userErrors {{ code }} }} }}'
)
ADVISORY = 0x65727067
HAS_COLUMN = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'live'"


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a migration was begun."""
    made: list[float] = []
    once = migrate._once

    async def counted(target: Target, action: Any) -> None:
        made.append(monotonic())
        await once(target, action)

    monkeypatch.setattr(migrate, "_once", counted)
    return made


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One migration more, which needs the whole of a table for a moment."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder)
    (folder / "versions" / "live.py").write_text(REVISION.format(head=migrate.head()))
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)


@contextlib.asynccontextmanager
async def holding(target: Target, statement: str) -> AsyncIterator[Any]:
    """A session that has run a statement in a transaction, and doesn't end it."""
    connection = await asyncpg.connect(target.admin)
    try:
        async with connection.transaction():
            await connection.fetch(statement)
            yield connection
    finally:
        await connection.close()


async def columns(target: Target) -> int:
    connection = await asyncpg.connect(target.admin)
    try:
        return int(await connection.fetchval(HAS_COLUMN))
    finally:
        await connection.close()


@pytest.mark.usefixtures("another")
async def test_44_a_migration_beside_a_long_reader_fails_no_request(small_demo: Target, attempts: list[float]) -> None:
    tenant = min(await tenants.every(small_demo), key=lambda tenant: tenant.name)
    key = await keys.create(small_demo, tenant.id, "live")
    database = Database(small_demo)
    await database.open()
    answers: list[tuple[int, bool, float]] = []
    stop = False

    async def asking(client: httpx.AsyncClient, number: int) -> None:
        while not stop:
            start = monotonic()
            asked = {"query": COMMAND.format(len(answers))} if number % 3 == 0 else QUERY
            answer = await client.post("/graphql", json=asked)
            answers.append((answer.status_code, "errors" in answer.json(), monotonic() - start))
            await asyncio.sleep(0.02)

    transport = httpx.ASGITransport(create_app(load(), database))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        async with holding(small_demo, "SELECT count(*) FROM products"):
            load_ = [asyncio.create_task(asking(client, number)) for number in range(6)]
            await asyncio.sleep(0.3)
            upgrade = asyncio.create_task(migrate.upgrade(small_demo))
            async with asyncio.timeout(PATIENCE):
                while len(attempts) < 2:  # noqa: ASYNC110 - the first has given up after two seconds
                    await asyncio.sleep(0.02)
            assert not upgrade.done()
        await upgrade
        await asyncio.sleep(0.3)
        stop = True
        await asyncio.gather(*load_)
    await database.close()
    assert await columns(small_demo) == 1
    assert {(status, failed) for status, failed, _ in answers} == {(200, False)}
    # They wait behind the migration, and it gives up before they do: after four seconds they would have failed.
    assert max(seconds for *_, seconds in answers) > 1.0


@pytest.mark.usefixtures("another")
async def test_who_comes_second_waits_for_the_first_for_longer_than_two_seconds(
    fresh: Target, attempts: list[float]
) -> None:
    async with holding(fresh, f"SELECT pg_advisory_xact_lock({ADVISORY})"):
        second = asyncio.create_task(migrate.upgrade(fresh))
        await eventually(lambda: len(attempts) == 2)  # the first gave up after the two seconds of a lock
        assert not second.done()
    await second
    assert (len(attempts), await columns(fresh)) == (2, 1)


@pytest.mark.usefixtures("another")
async def test_without_its_lock_it_says_so_and_changes_nothing(
    fresh: Target, attempts: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "RETRY_FOR", 0.5)
    async with holding(fresh, "SELECT count(*) FROM products"):
        with pytest.raises(Unavailable, match="didn't get its lock"):
            await migrate.upgrade(fresh)
    assert (len(attempts), await columns(fresh)) == (1, 0)
    # What it held is free again.
    await migrate.upgrade(fresh)
    assert await columns(fresh) == 1
