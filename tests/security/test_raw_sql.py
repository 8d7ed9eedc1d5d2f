"""Threat 31: the serving role with SQL of one's own, in every table that has tenants' rows, generated from the models.

What one table or statement shows is in tests/db/test_tenancy.py and tests/services/stock/test_last_line.py. Whoever may
send any SQL may also say that he is another tenant: that no request can, is what the rest of the tests is about.
"""

import io
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from db.models import metadata
from db.tenancy import APP, APPEND_ONLY, PARTNER, set_tenant
from tests.security.stage import OWN, THEIRS, Stage

TABLES = [table for table in metadata.sorted_tables if "tenant_id" in table.columns]
NAMES = [table.name for table in TABLES]
OWNERS = frozenset({"api_keys"})
"""Tables that the serving role may not make, change or delete rows of, of whomever."""

EVERY = pytest.mark.parametrize("table", NAMES)


@pytest.fixture
async def hand(stage: Stage) -> AsyncIterator[Any]:
    """A connection of the serving role's, in a transaction of the reader's."""
    connection = await asyncpg.connect(stage.target.serving, server_settings=stage.target.settings())
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(set_tenant(stage.reader.tenant))
    yield connection
    await transaction.rollback()
    await connection.close()


async def theirs(stage: Stage, table: str) -> tuple[str, str]:
    """Where a row of the victim's is, and what is in it."""
    row = await stage.admin.fetchrow(
        f"SELECT t.ctid::text, to_jsonb(t)::text FROM {table} t WHERE tenant_id = $1 LIMIT 1", stage.victim.tenant
    )
    assert row, f"no row of {table} to try: furnish() should make one"
    return tuple(row)


@EVERY
async def test_no_row_of_another_is_read(stage: Stage, hand: Any, table: str) -> None:
    place, _ = await theirs(stage, table)
    tenant = stage.victim.tenant
    assert await hand.fetch(f"SELECT 1 FROM {table} WHERE tenant_id = $1", tenant) == []
    assert await hand.fetch(f"SELECT 1 FROM {table} WHERE tenant_id <> $1", stage.reader.tenant) == []
    assert await hand.fetch(f"SELECT 1 FROM {table} WHERE ctid = $1::text::tid AND tenant_id = $2", place, tenant) == []
    out = io.BytesIO()
    await hand.copy_from_query(f"SELECT DISTINCT tenant_id FROM {table}", output=out)
    assert out.getvalue().decode().split() in ([], [str(stage.reader.tenant)])
    if table not in APPEND_ONLY:
        assert await hand.fetch(f"SELECT 1 FROM {table} WHERE tenant_id = $1 FOR UPDATE", tenant) == []


@EVERY
async def test_no_row_of_another_is_changed(stage: Stage, hand: Any, table: str) -> None:
    before = await stage.digest()
    changes = {
        f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = '{stage.victim.tenant}'": "UPDATE 0",
        f"DELETE FROM {table} WHERE tenant_id = '{stage.victim.tenant}'": "DELETE 0",
    }
    for statement, changed in changes.items():
        if table in APPEND_ONLY | OWNERS:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                async with hand.transaction():
                    await hand.execute(statement)
        else:
            assert await hand.execute(statement) == changed
    assert await stage.digest() == before


@EVERY
async def test_no_row_is_made_for_another(stage: Stage, hand: Any, table: str) -> None:
    """Not even one that there is already: that it is there is not told."""
    _, row = await theirs(stage, table)
    columns = ", ".join(column.name for column in metadata.tables[table].columns if column.computed is None)
    insert = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $1)"
    refusal = "permission denied" if table in OWNERS else "new row violates row-level security policy"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=refusal):
        async with hand.transaction():
            await hand.execute(insert, row)
    with pytest.raises(asyncpg.InsufficientPrivilegeError if table in OWNERS else asyncpg.FeatureNotSupportedError):
        async with hand.transaction():
            await hand.copy_to_table(table, source=io.BytesIO(b""), columns=["tenant_id"])


@EVERY
async def test_no_row_is_given_away(stage: Stage, hand: Any, table: str) -> None:
    assert await hand.fetchval(f"SELECT count(*) FROM {table}") > 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with hand.transaction():
            await hand.execute(f"UPDATE {table} SET tenant_id = $1", stage.victim.tenant)


@EVERY
@pytest.mark.parametrize("unbinding", ["RESET app.tenant_id", "RESET ALL", "SET LOCAL app.tenant_id = ''"])
async def test_who_is_bound_to_nobody_sees_nothing(hand: Any, table: str, unbinding: str) -> None:
    await hand.execute(unbinding)
    assert await hand.fetchval("SELECT current_user") == APP
    assert await hand.fetchval(f"SELECT count(*) FROM {table}") == 0


@EVERY
async def test_the_policies_cannot_be_left_out(hand: Any, table: str) -> None:
    await hand.execute("SET LOCAL row_security = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="would be affected by row-level security"):
        await hand.fetch(f"SELECT 1 FROM {table}")


async def test_the_partners_role_without_a_partner_sees_no_orders(hand: Any) -> None:
    await hand.execute(f"SET LOCAL ROLE {PARTNER}")
    assert [await hand.fetchval(f"SELECT count(*) FROM {name}") for name in ("orders", "line_items", "partners")] == [
        *(0, 0, 0)
    ]
    assert await hand.fetchval("SELECT array_agg(sku ORDER BY sku) FROM products") == [*(f"{OWN}-1", f"{OWN}-cheese")]


async def test_a_plan_made_for_one_tenant_serves_the_next_its_own(stage: Stage, hand: Any) -> None:
    prepared = await hand.prepare("SELECT sku FROM products ORDER BY sku")
    for _ in range(4):  # PostgreSQL plans the first five anew, and keeps the sixth
        for company in (stage.victim, stage.reader):
            await hand.execute(set_tenant(company.tenant))
            words = {row["sku"].split("-")[0] for row in await prepared.fetch()}
            assert words == ({THEIRS, "bilby"} if company is stage.victim else {OWN})


async def test_a_condition_of_ones_own_never_meets_a_row_of_another(hand: Any) -> None:
    """However cheap it says it is: only functions that tell nothing go before a policy."""
    told: list[str] = []
    hand.add_log_listener(lambda _connection, message: told.append(message.message))
    await hand.execute(
        "CREATE FUNCTION pg_temp.peek(word text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001"
        " AS $$ BEGIN RAISE NOTICE '%', word; RETURN true; END $$"
    )
    assert len(await hand.fetch("SELECT 1 FROM products WHERE pg_temp.peek(sku)")) == 2
    assert sorted(told) == [f"{OWN}-1", f"{OWN}-cheese"]
    assert await hand.fetchval(f"SELECT sum(1 / CASE sku WHEN '{THEIRS}-1' THEN 0 ELSE 1 END) FROM products") == 2
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await hand.execute("ALTER FUNCTION pg_temp.peek(text) LEAKPROOF")


async def test_statistics_tell_nothing_of_values(stage: Stage, hand: Any) -> None:
    await stage.admin.execute("ANALYZE products, orders, partners")
    known = "SELECT count(*) FROM pg_stats WHERE tablename = ANY($1)"
    assert await stage.admin.fetchval(known, NAMES) > 0
    assert await hand.fetchval(known, NAMES) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await hand.fetch("SELECT 1 FROM pg_statistic")


async def test_there_is_no_way_around_the_tables(stage: Stage) -> None:
    """No view, which would read as its owner, and of functions that do, three: one finds a tenant by its name, one says whether the
    transaction's own is frozen, one which tenants live in other databases."""
    here = "'public'::regnamespace"
    views = f"SELECT relname FROM pg_class WHERE relnamespace = {here} AND relkind IN ('v', 'm', 'f', 'p')"
    functions = f"""SELECT proname FROM pg_proc p WHERE pronamespace = {here} AND prosecdef
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e') ORDER BY 1"""
    assert await stage.admin.fetch(views) == []
    assert [row["proname"] for row in await stage.admin.fetch(functions)] == [
        *("refuse_while_frozen", "tenant_named", "tenants_elsewhere")
    ]
