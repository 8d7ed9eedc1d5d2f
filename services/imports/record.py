"""What an import leaves of itself: its file, its mapping, its counts, and the records that came of it."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from core.ids import new_id
from db.runtime.engine import Target, administration
from services.platform import tenants

_BEGIN = """
WITH stored AS (
    INSERT INTO imports (tenant_id, id, kind, file, digest, mapping, counts)
    SELECT t.id, $2, $3, $4, $5, $6, '{}' FROM tenants t WHERE t.id = $1 RETURNING 1
) SELECT count(*) FROM stored
"""
_COUNTS = "UPDATE imports SET counts = $3 WHERE tenant_id = $1 AND id = $2"
_FORGET = "DELETE FROM imports WHERE tenant_id = $1 AND id = $2"
_LIST = """
SELECT id, kind, file, digest, counts, created_at, undone_at FROM imports WHERE tenant_id = $1 ORDER BY created_at, id
"""


class Imported(NamedTuple):
    """An import, as it is listed. ``counts``: rows by outcome, records by kind, totals by currency."""

    id: UUID
    kind: str
    file: str
    digest: str
    counts: dict[str, Any]
    created_at: datetime
    undone_at: datetime | None


async def begin(connection: Any, tenant: UUID, kind: str, file: Path, mapping: Path) -> UUID:
    """Store that a file is being imported, in the import's own transaction; its id."""
    identity = new_id()
    await connection.fetchval(_BEGIN, tenant, identity, kind, file.name, digest(file), _text(mapping))
    return identity


def _text(mapping: Path) -> str:
    return mapping.read_text("utf-8-sig").replace("\0", "")


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


async def finish(connection: Any, tenant: UUID, identity: UUID, counts: dict[str, Any], *, stored: bool) -> None:
    """Keep the counts of an import; of one that stored nothing nothing is kept."""
    if stored:
        await connection.execute(_COUNTS, tenant, identity, orjson.dumps(counts, default=str).decode())
    else:
        await connection.execute(_FORGET, tenant, identity)


async def every(target: Target, name: str) -> list[Imported]:
    """The imports of the tenant of that name, the oldest first. Raises ``BadInput`` for an unknown tenant."""
    tenant = await tenants.find(target, name)
    async with administration(target, tenant) as connection:
        rows = await connection.fetch(_LIST, tenant)
    return [Imported(**{**dict(row), "counts": orjson.loads(row["counts"])}) for row in rows]
