"""API keys as requests bring them: looked up, and their last use noted."""

import asyncio
from uuid import UUID

import asyncpg
import structlog

from app.auth.credentials import Authenticated, InvalidCredential
from app.context import Principal
from core import keys
from core.errors import ErpError, Unavailable
from core.permissions import effective, permitted
from db.runtime.engine import Database

log = structlog.get_logger()

# Not now(): a reader's transaction may have begun up to a second before it was asked.
_FIND = """
SELECT id, name, roles, partner_id, expires_at, last_used_at, trusted_only,
    (last_used_at < statement_timestamp() - interval '1 minute') IS NOT FALSE AS stale
FROM api_keys
WHERE tenant_id = $1 AND hash = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > statement_timestamp())
"""

# Looked at again, since other processes note the same key.
_USED = """
UPDATE api_keys SET last_used_at = now()
WHERE tenant_id = $1 AND id = $2 AND (last_used_at < now() - interval '1 minute') IS NOT FALSE
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
        row = rows[0]
        if row["stale"]:
            self._note(parsed.tenant, row["id"])
        partner = row["partner_id"] and UUID(bytes=row["partner_id"].bytes)
        permissions = permitted(row["roles"], partner=partner is not None)
        roles = effective(row["roles"], partner=partner is not None)
        credential = f"key:{row['id']}"
        principal = Principal(parsed.tenant, row["name"], permissions, partner, credential, row["trusted_only"], roles)
        expires, used = row["expires_at"], row["last_used_at"]
        return Authenticated(principal, expires and expires.timestamp(), used and used.date())

    def _note(self, tenant: UUID, key: UUID) -> None:
        """Write down that a key was used, at most once a minute, beside the request, which doesn't wait for it."""
        noting = asyncio.create_task(self._write(tenant, key))
        self._noting.add(noting)
        noting.add_done_callback(self._noting.discard)

    async def _write(self, tenant: UUID, key: UUID) -> None:
        try:
            async with self.database.transaction(tenant) as writer:
                await writer.rows(_USED, key)
        except Unavailable:
            pass  # for the seconds of a move; of a database that is away the log has a line already
        except (ErpError, asyncpg.PostgresError) as error:
            log.warning("use of a key not noted", key=str(key), reason=type(error).__name__)
