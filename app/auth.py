"""Who asks: the API key of a request, and nothing else, decides tenant and principal."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from app.context import Principal
from core import keys
from core.errors import Unauthenticated
from db.engine import Database

KEPT_FOR = 5.0
"""Seconds that a key found is trusted without another look: how long a revoked one may still work."""

MAX_KEPT = 10_000

_SQL = """
SELECT name, expires_at FROM api_keys
WHERE tenant_id = $1 AND hash = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""


@dataclass
class Keys:
    """Looks keys up, and remembers for a few seconds those that it found (never those it didn't).

    The key names its tenant, so the lookup runs under row-level security like any other; what the
    key claims is believed only once its hash was found among that tenant's keys.
    """

    database: Database
    _kept: dict[bytes, tuple[float, Principal, datetime | None]] = field(default_factory=dict)
    _looking: dict[bytes, "asyncio.Task[Principal]"] = field(default_factory=dict)

    async def principal(self, authorization: str | None) -> Principal:
        """The principal of an ``Authorization`` header. Raises ``Unauthenticated``."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Unauthenticated("An API key is needed: send it as Authorization: Bearer erp_…")
        parsed = keys.parse(key.strip())
        if parsed is None:
            raise Unauthenticated("This is not a valid API key.")
        kept = self._kept.get(parsed.hash)
        if kept is not None and kept[0] > monotonic() and (kept[2] is None or kept[2] > datetime.now(UTC)):
            return kept[1]
        return await self._look_once(parsed)

    async def _look_once(self, parsed: keys.Parsed) -> Principal:
        """One look-up for all requests that wait for the same key."""
        looking = self._looking.get(parsed.hash)
        if looking is None:
            looking = self._looking[parsed.hash] = asyncio.ensure_future(self._look(parsed))
            looking.add_done_callback(lambda _: self._looking.pop(parsed.hash, None))
        return await asyncio.shield(looking)

    async def _look(self, parsed: keys.Parsed) -> Principal:
        async with self.database.reader(parsed.tenant) as reader:
            rows = await reader.fetch(_SQL, parsed.tenant, parsed.hash)
        if not rows:
            self._kept.pop(parsed.hash, None)
            raise Unauthenticated("This is not a valid API key.")
        principal = Principal(parsed.tenant, rows[0]["name"])
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[parsed.hash] = (monotonic() + KEPT_FOR, principal, rows[0]["expires_at"])
        return principal
