"""API keys: created, rotated, listed and revoked by the deployment's operator."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from core import keys
from core.errors import BadInput
from core.ids import new_id
from core.modules import PARTNER
from core.permissions import ROLES
from db.runtime.engine import Target, administration
from services.platform.tenants import label, spelt

IN_FORCE = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"

_EVERY = """
SELECT k.id, k.name, k.hint, k.roles, p.code AS partner, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
    k.trusted_only
FROM api_keys k LEFT JOIN partners p ON p.tenant_id = k.tenant_id AND p.id = k.partner_id
WHERE k.tenant_id = $1 ORDER BY k.created_at, k.id
"""

_INSERT = """
INSERT INTO api_keys (tenant_id, id, name, hint, hash, roles, partner_id, expires_at, trusted_only)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


class Key(NamedTuple):
    """A key as it is listed: the key itself is stored nowhere. ``partner`` is a business partner's code;
    one that is ``trusted_only`` runs documents of the manifest and no others.
    """

    id: UUID
    name: str
    hint: str
    roles: list[str]
    partner: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    trusted_only: bool

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
    roles: Sequence[str] = ("admin",),
    partner: str | None = None,
    expires_at: datetime | None = None,
    trusted_only: bool = False,
    replace: bool = False,
) -> str:
    """Create a key and return it in plain text, the only time. ``partner`` is the code of the business partner whose key it is;
    with ``trusted_only`` it runs trusted documents and no others; ``replace`` deletes the tenant's other keys
    of that name.

    Raises ``BadInput`` for a name that is empty, too long or not printable, for unknown roles or roles that
    don't go with a partner, and for a partner that the tenant doesn't have.
    """
    name = label("key's name", name)
    _check_roles(roles, partner)
    async with administration(target, tenant, writes=True) as connection:
        if replace:
            await connection.execute("DELETE FROM api_keys WHERE tenant_id = $1 AND name = $2", tenant, name)
        owner = None if partner is None else await _partner(connection, tenant, partner)
        return await _insert(connection, tenant, name, roles, owner, expires_at, trusted_only)


async def lasts(target: Target, tenant: UUID, key: str) -> bool:
    """Whether this is a key of the tenant's that is in force, and not only until some time."""
    parsed = keys.parse(key)
    if parsed is None:
        return False
    async with administration(target, tenant) as connection:
        return bool(
            await connection.fetchval(
                f"SELECT true FROM api_keys WHERE tenant_id = $1 AND hash = $2 AND {IN_FORCE} AND expires_at IS NULL",
                tenant,
                parsed.hash,
            )
        )


async def forget_ended(target: Target, tenant: UUID, name: str) -> None:
    """Delete the tenant's keys of that name that have expired or were revoked."""
    async with administration(target, tenant, writes=True) as connection:
        await connection.execute(
            f"DELETE FROM api_keys WHERE tenant_id = $1 AND name = $2 AND NOT ({IN_FORCE})", tenant, name
        )


async def rotate(target: Target, tenant: UUID, name: str, overlap: timedelta) -> str:
    """Make a new key in place of those of that name, which end when the overlap is over, and tell it, this once.

    It may do what the newest of them may, and lasts as long as that one was made to. Raises ``BadInput`` when none
    is in force.
    """
    names, kept = spelt(name)
    async with administration(target, tenant, writes=True) as connection:
        rows = await connection.fetch(
            f"SELECT roles, partner_id, expires_at - created_at AS lasts, trusted_only FROM api_keys"
            f" WHERE tenant_id = $1 AND name = ANY($2::text[]) AND {IN_FORCE}"
            f" ORDER BY created_at DESC, id DESC FOR UPDATE",
            tenant,
            names,
        )
        if not rows:
            raise BadInput(
                f"This tenant has no key named {name!r} in force. 'erpgraph key list' shows those there are."
            )
        await connection.execute(
            f"UPDATE api_keys SET expires_at = least(expires_at, now() + $3::interval)"
            f" WHERE tenant_id = $1 AND name = ANY($2::text[]) AND {IN_FORCE}",
            tenant,
            names,
            overlap,
        )
        newest = rows[0]
        expires_at = newest["lasts"] and datetime.now(UTC) + newest["lasts"]
        same = (newest["roles"], newest["partner_id"], expires_at, newest["trusted_only"])
        return await _insert(connection, tenant, kept, *same)


async def every(target: Target, tenant: UUID) -> list[Key]:
    """A tenant's keys, the oldest first, revoked ones too."""
    async with administration(target, tenant) as connection:
        return [Key(*row.values()) for row in await connection.fetch(_EVERY, tenant)]


async def revoke(target: Target, tenant: UUID, key: UUID) -> None:
    """End a key, at once and for good. ``BadInput`` if the tenant has no such key or it was ended before."""
    async with administration(target, tenant, writes=True) as connection:
        ended = await connection.fetchval(
            "UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id",
            tenant,
            key,
        )
    if ended is None:
        raise BadInput("This tenant has no such key in force. 'erpgraph key list' shows those there are.")


def _check_roles(roles: Sequence[str], partner: str | None) -> None:
    if unknown := sorted(set(roles) - set(ROLES)):
        raise BadInput(f"There is no role {', '.join(unknown)}: there are {', '.join(ROLES)}.")
    if not roles:
        raise BadInput(f"A key needs a role: {', '.join(ROLES)}.")
    if (partner is not None) != (PARTNER in roles) or (PARTNER in roles and len(set(roles)) > 1):
        raise BadInput("A business partner's key has the role 'partner' and no other, and names the partner.")


async def _partner(connection: Any, tenant: UUID, code: str) -> UUID:
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM partners WHERE tenant_id = $1 AND code = ANY($2::text[]) ORDER BY code = $3 DESC LIMIT 1",
        tenant,
        *spelt(code),
    )
    if found is None:
        raise BadInput(f"This tenant has no partner with the code {code!r}.")
    return found


async def _insert(
    connection: Any,
    tenant: UUID,
    name: str,
    roles: Iterable[str],
    partner: UUID | None,
    expires_at: datetime | None,
    trusted_only: bool,  # noqa: FBT001 - a column among columns
) -> str:
    key = keys.make(tenant)
    hashed = (keys.hint(key), keys.digest(key))
    await connection.execute(_INSERT, tenant, new_id(), name, *hashed, list(roles), partner, expires_at, trusted_only)
    return key
