"""An export stored in another database as the tenant that it was: all of it, in one transaction, or nothing.

What is stored is read again before the commit, as the export read it, and must have the same digests.
"""

from pathlib import Path
from typing import Any

import asyncpg

from core.errors import BadInput, Unavailable
from db.admin.statistics import analyse
from db.runtime.engine import Target, administration
from db.tenancy import set_tenant
from services.platform import tenants
from services.platform.transfer import manifest, parts, wire
from services.platform.transfer.export import Report, silent
from services.platform.transfer.manifest import Manifest

BROKEN = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.UntranslatableCharacterError)
"""What PostgreSQL says of rows that no export wrote."""


async def load(target: Target, folder: Path, name: str | None = None, report: Report = silent) -> tuple[Manifest, str]:
    """Store an export, its ids, keys and history as they were; what it consists of, and the tenant's name, which is
    ``name`` if one is given.

    Raises ``BadInput`` where the export isn't whole, isn't of this program's revision, or breaks a rule of the tables, where
    it has lots and the database's upgrade isn't finished, and where the tenant, or another one of that name, is there
    already. Nothing was stored then.
    """
    described = await manifest.read(folder, [part.table for part in parts.parts()])
    name = tenants.label("tenant's name", name or described.tenant.name)
    tenant = described.tenant.id
    async with administration(target) as connection:
        await parts.refuse_unknown(connection)
        await tenants.reserve(connection, name)
        if await connection.fetchval("SELECT true FROM tenants WHERE id = $1", tenant):
            raise BadInput(f"{described.tenant.name} is here already: it has the same id. Nothing was imported.")
        if any(each.table == "lots" and each.rows for each in described.tables):
            await parts.refuse_lots(connection, tenant)
        await connection.execute(f"{wire.EXACT};{set_tenant(tenant)}")
        try:
            await _store(connection, described, folder, report)
        except BROKEN as error:
            raise BadInput(f"The export can't be stored: {error}. Nothing was imported.") from error
        await _compare(connection, described, report)
        await connection.execute("UPDATE tenants SET name = $2 WHERE id = $1", tenant, name)
    await analyse(target, [each.table for each in described.tables])
    return described, name


async def _store(connection: Any, described: Manifest, folder: Path, report: Report) -> None:
    files = {each.table: folder / each.file for each in described.tables}
    for done, part in enumerate(parts.parts()):
        report("importing tables", done, len(files))
        await wire.store(connection, part, described.tenant.id, files[part.table])
    report("importing tables", len(files), len(files))


async def _compare(connection: Any, described: Manifest, report: Report) -> None:
    """Raise ``Unavailable`` unless what is stored is, byte for byte, what was exported."""
    expected = {each.table: wire.Written(each.rows, each.bytes, each.sha256) for each in described.tables}
    for done, part in enumerate(parts.parts()):
        report("comparing tables", done, len(expected))
        if await wire.read(connection, part, described.tenant.id) != expected[part.table]:
            raise Unavailable(f"What was stored of {part.table} isn't what was exported. Nothing was imported.")
    report("comparing tables", len(expected), len(expected))
