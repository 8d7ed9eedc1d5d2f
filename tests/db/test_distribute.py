"""``erpgraph db distribute``: refused where there is no cluster; on one, statements are planned for their values.

CI has no Citus; docs/scale.md says what was tried on one by hand.
"""

import shutil
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from core.errors import BadInput
from db.admin.distribute import distribute
from db.admin.partitions import partition
from db.runtime.engine import Database, Target
from db.runtime.sessions import SHARDED, Session, server_version
from services.imports.run import import_orders
from services.platform import tenants
from tests.support.command import command, one_line

IMPORTS = Path(__file__).parents[1] / "data/imports"
STATE = """
    SELECT array_agg(concat(relname, relpersistence) ORDER BY relname), (SELECT count(*) FROM pg_db_role_setting),
           (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'erpgraph_partner')
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""


async def test_without_the_extension_it_is_refused_and_nothing_changes(fresh: Target) -> None:
    admin = await asyncpg.connect(fresh.admin)
    try:
        before = await admin.fetchrow(STATE)
        with pytest.raises(BadInput, match=r"hasn't the extension citus"):
            await distribute(fresh)
        assert await admin.fetchrow(STATE) == before
    finally:
        await admin.close()


def test_the_command_says_so_in_a_line(target: Target) -> None:
    done = command("db", "distribute", DATABASE_URL=target.admin)
    assert done.code == 1
    assert "the extension citus" in one_line(done)


async def test_where_tables_are_spread_no_plan_is_made_without_the_values(fresh: Target, tmp_path: Path) -> None:
    """A plan for any values finds no shard: commands failed, and pages of 50 orders. What can't be done there says so."""
    admin = await asyncpg.connect(fresh.admin)
    planning = "SELECT current_setting('plan_cache_mode')"
    try:
        assert await server_version(admin) == admin.get_server_version().major
        # What it is known by, and nothing else of the extension.
        await admin.execute(
            "SET allow_system_table_mods = on; CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass)"
        )
        assert await server_version(admin) == SHARDED
    finally:
        await admin.close()
    tenant = await tenants.create(fresh, "spread", "EUR")
    database = Database(fresh)
    await database.open()
    try:
        async with database.transaction(tenant) as writer:
            assert await writer._connection.fetchval(planning) == "auto"
        async with database.reader(tenant) as reader:
            [[found]] = await reader.fetch(planning, one_plan=True)
            assert found == "auto"
        assert not (await database.look()).fault
    finally:
        await database.close()
    shutil.copy(IMPORTS / "german.csv", tmp_path)
    with pytest.raises(BadInput, match="spread over servers"):
        await import_orders(fresh, "spread", tmp_path / "german.csv", IMPORTS / "german.toml")
    admin = await asyncpg.connect(fresh.admin)
    try:
        await admin.execute(
            "INSERT INTO pg_dist_partition VALUES ('events'::regclass); GRANT SELECT ON pg_dist_partition TO PUBLIC"
        )
        with pytest.raises(BadInput, match="part them before"):
            await partition(fresh)
    finally:
        await admin.close()


@pytest.mark.parametrize("version,mode", [(15, "force_custom_plan"), (17, None), (SHARDED, "auto")])
def test_a_session_plans_by_the_server(version: int, mode: Any) -> None:
    session = Session({}, older={"plan_cache_mode": "force_custom_plan"}).at(version)
    assert session.settings.get("plan_cache_mode") == mode
