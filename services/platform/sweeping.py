"""Old idempotency keys of tenants that are quiet: those of the others go with their commands (``services.kit.idempotency``)."""

from db.runtime.engine import Target, administration
from services.kit.idempotency import SWEEP, SWEEP_AT_MOST
from services.platform import tenants


async def sweep(target: Target) -> int:
    """Delete the keys of all tenants that are kept no longer, a thousand in a transaction; how many these were."""
    swept = 0
    for tenant in await tenants.every(target):
        found = SWEEP_AT_MOST
        while found == SWEEP_AT_MOST:
            async with administration(target, tenant.id) as connection:
                found = await connection.fetchval(SWEEP, tenant.id)
            swept += found
    return swept
