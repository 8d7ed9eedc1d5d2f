"""A tenant that can be read and not changed, for as long as it is moved or erased."""

from datetime import datetime
from uuid import UUID

import asyncpg

from core.errors import BadInput, Unavailable
from db.runtime.engine import Target, administration

WAIT_FOR = 30.0
"""Seconds in which writers that began before must have ended. A command takes five at most, and an import longer."""

_FREEZE = """
UPDATE tenants SET frozen_at = statement_timestamp() WHERE id = $1 AND frozen_at IS NULL RETURNING frozen_at
"""


async def freeze(target: Target, tenant: UUID, wait_for: float = WAIT_FOR) -> bool:
    """Refuse each later write of the tenant, in every process, and wait until those that began before have ended. From its
    return on the rows of the tenant don't change. Whether it was not frozen before.

    Raises ``BadInput`` for a tenant that is gone, and ``Unavailable`` where a write lasts longer than that: it isn't frozen then.
    """
    async with administration(target) as connection:
        since: datetime | None = await connection.fetchval(_FREEZE, tenant)
        if since is None and await connection.fetchval("SELECT true FROM tenants WHERE id = $1", tenant) is None:
            raise BadInput("There is no such tenant any more.")
    try:
        await _last_writer(target, tenant, wait_for)
    except BaseException:
        if since is not None:
            await unfreeze(target, tenant)
        raise
    return since is not None


async def _last_writer(target: Target, tenant: UUID, wait_for: float) -> None:
    """Wait for all who hold the tenant's row: nobody new gets it."""
    async with administration(target) as connection:
        await connection.execute(f"SET LOCAL statement_timeout = 0;SET LOCAL lock_timeout = {int(wait_for * 1000)}")
        try:
            await connection.fetch("SELECT FROM tenants WHERE id = $1 FOR UPDATE", tenant)
        except asyncpg.LockNotAvailableError as error:
            raise Unavailable(
                f"Something has been writing for this tenant for {wait_for:g} seconds, perhaps an import. Wait until it has ended, "
                "or look at pg_stat_activity. The tenant isn't frozen."
            ) from error


async def unfreeze(target: Target, tenant: UUID) -> bool:
    """Let the tenant be changed again, at once; whether it was frozen. Where it moved away from stays frozen."""
    async with administration(target) as connection:
        thawed = await connection.fetchval(
            "UPDATE tenants SET frozen_at = NULL WHERE id = $1 AND frozen_at IS NOT NULL AND database IS NULL RETURNING true",
            tenant,
        )
    return thawed is not None
