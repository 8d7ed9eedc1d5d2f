"""A tenant deleted: frozen first, then in portions that hold no lock for long, and its own row last.

Interrupted, it stays frozen, and can be erased again. Its API keys go first: nobody reads what is left meanwhile.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg

from core.errors import BrokenInvariant
from db.runtime.engine import Target, administration
from db.tenancy import OWNER, set_tenant
from services.platform.transfer import parts
from services.platform.transfer.export import Report, silent
from services.platform.transfer.freeze import freeze

PORTION = 2_000
"""Rows of one transaction: some tenths of a second, of which foreign keys take most."""

FIRST, LAST = ("api_keys",), ("budgets",)
"""What opens the tenant, and what processes may still store for it until its own row is gone."""

_PORTION = """
WITH gone AS (
    DELETE FROM {table} WHERE tenant_id = $1 AND id = ANY (ARRAY(
        SELECT id FROM {table} WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3))
    RETURNING id)
SELECT id, count(*) OVER () FROM gone ORDER BY id DESC LIMIT 1
"""


async def erase(target: Target, tenant: UUID, report: Report = silent, *, stub: bool = False) -> dict[str, int]:
    """Delete all that a tenant has, and the tenant; how many rows of each table these were. No other tenant notices.
    ``stub``: its own row stays, which says where it lives.

    Raises ``BadInput`` for a table of tenants' rows that the program doesn't know, and ``Unavailable`` where a writer of the
    tenant doesn't end: nothing was deleted then.
    """
    async with administration(target) as connection:
        await parts.refuse_unknown(connection)
    await freeze(target, tenant)
    tables = [table for table in reversed(parts.every()) if table not in {"tenants", *FIRST, *LAST}]
    erased: dict[str, int] = {}
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        for done, table in enumerate([*FIRST, *tables]):
            report("erasing tables", done, len(tables) + 2)
            erased[table] = await _empty(connection, tenant, table)
        async with _bound(connection, tenant):
            erased |= await _rest(connection, tenant, stub=stub)
    finally:
        await connection.close()
    report("erasing tables", len(tables) + 2, len(tables) + 2)
    return erased


@contextlib.asynccontextmanager
async def _bound(connection: Any, tenant: UUID) -> AsyncIterator[None]:
    """A transaction of the owner's, bound to the tenant."""
    async with connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {OWNER};{set_tenant(tenant)}")
        yield


async def _empty(connection: Any, tenant: UUID, table: str) -> int:
    """Delete the tenant's rows of a table by their ids, a portion in a transaction; how many these were."""
    portion = None if parts.refers_to_itself(table) else PORTION  # LIMIT NULL: all at once
    deleted, last = 0, UUID(int=0)
    while True:
        async with _bound(connection, tenant):
            row = await connection.fetchrow(_PORTION.format(table=table), tenant, last, portion)
        if row is None:
            return deleted
        count: int = row["count"]
        deleted, last = deleted + count, row["id"]
        if count != portion:
            return deleted


async def _rest(connection: Any, tenant: UUID, *, stub: bool) -> dict[str, int]:
    """Delete what may have been stored until now, and the tenant's own row: from here on nobody stores one that refers to it."""
    await connection.fetch("SELECT FROM tenants WHERE id = $1 FOR UPDATE", tenant)
    erased = {
        table: _count(await connection.execute(f"DELETE FROM {table} WHERE tenant_id = $1", tenant)) for table in LAST
    }
    await _check(connection, tenant)
    if not stub:
        erased["tenants"] = _count(await connection.execute("DELETE FROM tenants WHERE id = $1", tenant))
    return erased


async def _check(connection: Any, tenant: UUID) -> None:
    """Raise ``BrokenInvariant`` where a row is left: the tenant stays then, frozen."""
    for table in parts.every():
        if table != "tenants" and await connection.fetchval(
            f"SELECT true FROM {table} WHERE tenant_id = $1 LIMIT 1", tenant
        ):
            raise BrokenInvariant(f"a row of {table} was stored for a tenant that is frozen")


def _count(tag: str) -> int:
    return int(tag.rsplit(maxsplit=1)[-1])
