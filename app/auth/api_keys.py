"""API keys as requests bring them: looked up, and their last use noted."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from app.auth.credentials import Authenticated, InvalidCredential
from app.auth.together import Found, together
from app.context import Principal
from core import keys
from core.errors import ErpError, Unavailable
from core.permissions import effective, permitted
from db.runtime.engine import Database

log = structlog.get_logger()

# Not now(): a reader's transaction may have begun up to a second before it was asked.
_FIND = """
SELECT id, hash, name, roles, partner_id, expires_at, last_used_at, trusted_only,
    (last_used_at < statement_timestamp() - interval '1 minute') IS NOT FALSE AS stale
FROM api_keys
WHERE tenant_id = $1 AND hash = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > statement_timestamp())
"""
_FIND_ALL = _FIND.replace("hash = $2", "hash = ANY($2::bytea[])")

# Looked at again, since other processes note the same keys: what one of them is at, it is at.
_USED = """
UPDATE api_keys k SET last_used_at = now()
FROM (
    SELECT id FROM api_keys
    WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND (last_used_at < now() - interval '1 minute') IS NOT FALSE
    ORDER BY id FOR UPDATE SKIP LOCKED
) AS s
WHERE k.tenant_id = $1 AND k.id = s.id
"""


class ApiKeys:
    """Looks keys up.

    A key names its tenant, so the look-up runs under row-level security like any other; what the
    key claims is believed only once its hash was found among that tenant's keys.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._noting: set[asyncio.Task[None]] = set()

    async def find(self, key: str) -> Authenticated:
        """Whose key it is. Raises ``InvalidCredential``, the same for whatever is wrong, and ``Unavailable``."""
        parsed = keys.parse(key)
        if parsed is None:
            raise InvalidCredential("This is not a valid API key.", "form")
        return await self._look(parsed)

    async def _look(self, parsed: keys.Parsed) -> Authenticated:
        async with self.database.reader(parsed.tenant) as reader:
            rows = await reader.fetch(_FIND, parsed.tenant, parsed.hash)
        if not rows:
            raise InvalidCredential("This is not a valid API key.", "no such key in force")
        self._note(parsed.tenant, rows)
        return _read(parsed.tenant, rows[0])

    async def find_all(self, them: Sequence[str], found: Found) -> None:
        """Whose keys these are, as far as that can be ``found`` now."""
        claimed: dict[UUID, list[str]] = {}
        for key in them:
            parsed = keys.parse(key)
            if parsed is None:
                found[key] = InvalidCredential("This is not a valid API key.", "form")
            else:
                claimed.setdefault(parsed.tenant, []).append(key)
        await together(self.database, claimed, self._look_at_all, found)

    async def _look_at_all(self, tenant: UUID, them: Sequence[str]) -> Found:
        hashes = {keys.digest(key): key for key in them}
        async with self.database.reader(tenant) as reader:
            rows = await reader.fetch(_FIND_ALL, tenant, [*hashes])
        self._note(tenant, rows)
        gone = InvalidCredential("This is not a valid API key.", "no such key in force")
        return dict.fromkeys(them, gone) | {hashes[row["hash"]]: _read(tenant, row) for row in rows}

    def _note(self, tenant: UUID, rows: Sequence[Any]) -> None:
        """Write down that keys were used, at most once a minute, beside the request, which doesn't wait for it."""
        stale = [row["id"] for row in rows if row["stale"]]
        if not stale:
            return
        noting = asyncio.create_task(self._write(tenant, stale))
        self._noting.add(noting)
        noting.add_done_callback(self._noting.discard)

    async def _write(self, tenant: UUID, used: list[UUID]) -> None:
        try:
            async with self.database.transaction(tenant) as writer:
                await writer.rows(_USED, used)
        except Unavailable:
            pass  # for the seconds of a move; of a database that is away the log has a line already
        except (ErpError, asyncpg.PostgresError) as error:
            log.warning("use of keys not noted", tenant=str(tenant), keys=len(used), reason=type(error).__name__)


def _read(tenant: UUID, row: Any) -> Authenticated:
    partner = row["partner_id"] and UUID(bytes=row["partner_id"].bytes)
    permissions = permitted(row["roles"], partner=partner is not None)
    roles = effective(row["roles"], partner=partner is not None)
    principal = Principal(tenant, row["name"], permissions, partner, f"key:{row['id']}", row["trusted_only"], roles)
    expires, used = row["expires_at"], row["last_used_at"]
    return Authenticated(principal, expires and expires.timestamp(), used and used.date())
