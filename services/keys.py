"""API keys: made, listed and revoked by whoever runs the deployment."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core import keys
from core.errors import BadInput
from core.ids import new_id
from db.engine import Target, administration

MAX_NAME = 100


class Key(NamedTuple):
    """A key as it is listed: the key itself is stored nowhere."""

    id: UUID
    name: str
    hint: str
    roles: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def state(self, now: datetime) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


async def create(
    target: Target,
    tenant: UUID,
    name: str,
    *,
    roles: Sequence[str] = (),
    expires_at: datetime | None = None,
    replace: bool = False,
) -> str:
    """Make a key and tell it, this once. ``replace`` deletes the tenant's other keys of that name.

    Raises ``BadInput`` for a name that is empty, too long or not printable.
    """
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"A key's name is 1 to {MAX_NAME} printable characters.")
    key = keys.make(tenant)
    async with administration(target, tenant) as connection:
        if replace:
            await connection.execute("DELETE FROM api_keys WHERE tenant_id = $1 AND name = $2", tenant, name)
        await connection.execute(
            "INSERT INTO api_keys (tenant_id, id, name, hint, hash, roles, expires_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            tenant,
            new_id(),
            name,
            keys.hint(key),
            keys.digest(key),
            list(roles),
            expires_at,
        )
    return key


async def every(target: Target, tenant: UUID) -> list[Key]:
    """A tenant's keys, the oldest first, revoked ones too."""
    async with administration(target, tenant) as connection:
        rows = await connection.fetch(
            "SELECT id, name, hint, roles, created_at, expires_at, revoked_at, last_used_at"
            " FROM api_keys WHERE tenant_id = $1 ORDER BY created_at, id",
            tenant,
        )
    return [Key(*row.values()) for row in rows]


async def revoke(target: Target, tenant: UUID, key: UUID) -> None:
    """End a key, at once and for good. ``BadInput`` if the tenant has no such key or it was ended before."""
    async with administration(target, tenant) as connection:
        ended = await connection.fetchval(
            "UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id",
            tenant,
            key,
        )
    if ended is None:
        raise BadInput("This tenant has no such key in force. 'erpgraph key list' shows those there are.")
