"""Many rows at once, under row-level security."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.ids import new_id
from db.runtime import bulk
from db.runtime.engine import Target, administration

COLUMNS = ("tenant_id", "id", "code", "name")


async def names(admin: Any, tenant: UUID) -> list[str]:
    rows = await admin.fetch("SELECT name FROM warehouses WHERE tenant_id = $1 ORDER BY code", tenant)
    return [row["name"] for row in rows]


async def test_copy_alone_is_refused_under_row_level_security(target: Target, acme: UUID) -> None:
    """Why the module is there: should PostgreSQL take it one day, the module can go."""
    async with administration(target, acme) as connection:
        with pytest.raises(asyncpg.FeatureNotSupportedError, match="COPY FROM not supported with row-level security"):
            await bulk.copy(connection, "warehouses", COLUMNS, [(acme, new_id(), "X", "X")])


async def test_insert_stores_more_rows_than_a_batch(fresh: Target) -> None:
    tenant = new_id()
    async with administration(fresh, tenant) as connection:
        await connection.execute("INSERT INTO tenants (id, name, currency) VALUES ($1, 'x', 'EUR')", tenant)
        rows = ((tenant, new_id(), f"W{number}", "Somewhere") for number in range(2 * bulk.BATCH + 1))
        await bulk.insert(connection, "warehouses", COLUMNS, rows)
        await bulk.insert(connection, "warehouses", COLUMNS, [(tenant.hex, new_id().hex, "last", "Elsewhere")])
        assert await connection.fetchval("SELECT count(*) FROM warehouses") == 2 * bulk.BATCH + 2


@pytest.mark.parametrize(
    "text",
    ['quo"ted', "com,ma", "ta\tb", "two\nlines", "two\rlines", "two\r\nlines", "\\N", "\\.", "a\n\\.\nb", "\\", "\\t", " ", "Größe 日本 العربية 🧺"],
)  # fmt: skip
@pytest.mark.parametrize("columns", ["a", "abc"])
async def test_text_arrives_as_it_was(target: Target, text: str, columns: str) -> None:
    rows = [(text,) * len(columns)] * 3
    async with administration(target) as connection:
        await connection.execute(
            f"CREATE TEMP TABLE t ({', '.join(f'{name} text' for name in columns)}) ON COMMIT DROP"
        )
        await bulk.copy(connection, "t", columns, rows)
        assert [tuple(row) for row in await connection.fetch("SELECT * FROM t")] == rows


async def test_values_of_every_kind(target: Target) -> None:
    row = (Decimal("0.000001"), 7, True, datetime(2026, 11, 1, 8, 30, tzinfo=UTC), "{CUSTOMER}", None, "")
    async with administration(target) as connection:
        await connection.execute(
            "CREATE TEMP TABLE t (a numeric, b int, c bool, d timestamptz, e text[], f text, g text) ON COMMIT DROP"
        )
        await bulk.copy(connection, "t", "abcdefg", [row])
        assert tuple(await connection.fetchrow("SELECT * FROM t")) == (*row[:4], ["CUSTOMER"], None, None)


async def test_a_row_of_another_tenant_is_refused_and_nothing_is_stored(
    target: Target, admin: Any, acme: UUID, globex: UUID
) -> None:
    async def store() -> None:
        rows = [(acme, new_id(), "mine", "Mine"), (globex, new_id(), "theirs", "Theirs")]
        async with administration(target, acme) as connection:
            await bulk.insert(connection, "warehouses", COLUMNS, rows)

    before = await names(admin, acme), await names(admin, globex)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await store()
    assert (await names(admin, acme), await names(admin, globex)) == before
