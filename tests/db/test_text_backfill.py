"""Rows from before there was one form for text (G5): migration 0010 brings them into it, and names the twins."""

import logging

import asyncpg
import pytest

from core.ids import new_id
from db.admin import migrate
from db.runtime.engine import Target, administration
from services.platform import tenants

ROWS = "SELECT sku, name, sku_key, name_key, search @@ search_query('cafe\u0301') AS found FROM products ORDER BY sku"
INSERT = "INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, $3, $4)"


async def test_g5_rows_from_before_are_brought_into_the_new_form(
    fresh: Target, caplog: pytest.LogCaptureFixture
) -> None:
    await migrate.upgrade(fresh)
    tenant = await tenants.create(fresh, "old", "EUR")
    await migrate.downgrade(fresh, "0008")
    twin, other = new_id(), new_id()
    names = {
        "caf\u00e9": new_id(),
        "cafe\u0301": twin,
        "the\u0301": other,
        **{f"P{number:04}": new_id() for number in range(2_100)},
    }
    async with administration(fresh, tenant) as connection:
        rows = [(tenant, identity, sku, f"Na\u0308me {sku}") for sku, identity in names.items()]
        await connection.executemany(INSERT, rows)
    with caplog.at_level(logging.WARNING):
        await migrate.upgrade(fresh)
    [said] = [record.getMessage() for record in caplog.records if "keeps a key" in record.getMessage()]
    assert str(twin) in said
    assert str(tenant) in said
    async with administration(fresh, tenant) as connection:
        found = [tuple(row) for row in await connection.fetch(ROWS)]
        plain = [
            (f"P{number:04}", f"N\u00e4me P{number:04}", f"p{number:04}", f"n\u00e4me p{number:04}", False)
            for number in range(2_100)
        ]
        assert found == [
            *plain,
            ("cafe\u0301", "Na\u0308me cafe\u0301", "caf\u00e9", "n\u00e4me caf\u00e9", True),
            ("caf\u00e9", "N\u00e4me caf\u00e9", "caf\u00e9", "n\u00e4me caf\u00e9", True),
            ("th\u00e9", "N\u00e4me th\u00e9", "th\u00e9", "n\u00e4me th\u00e9", False),
        ]
        # The twin can be changed in everything but its key, and no third one can be made.
        await connection.execute("UPDATE products SET name = 'Other', version = version + 1 WHERE id = $1", twin)
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(INSERT, tenant, new_id(), "the\u0301", "Third")
    admin = await asyncpg.connect(fresh.admin)
    try:
        assert await admin.fetchval("SELECT count(*) FROM pg_policies WHERE policyname = 'backfill'") == 0
        assert await admin.fetchval("SELECT count(*) FROM pg_class WHERE relname ~ '^ix_.*_words$'") == 4
        assert await admin.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    finally:
        await admin.close()
