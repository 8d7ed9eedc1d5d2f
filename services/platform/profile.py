"""What a tenant says of itself."""

from services.kit import parties
from services.kit.answer import References
from services.kit.command import Command
from services.kit.parties import Party
from services.kit.work import UnitOfWork


class TenantUpdate(Command):
    """What the tenant says of itself. Fields that are left out stay as they are."""

    is_change = True

    address: Party | None = None
    """Its name and address, as they stand on what it sends; null for none."""


_LOCK = "SELECT address FROM tenants WHERE id = $1 FOR NO KEY UPDATE"
_CHANGE = "UPDATE tenants SET address = $2 WHERE id = $1"


async def update_tenant(work: UnitOfWork, command: TenantUpdate) -> References:
    """Change what the tenant says of itself."""
    [[there]] = await work.rows(_LOCK)
    wanted = parties.stored(command.address)(there) if command.given("address") else there
    if wanted != there:
        await work.rows(_CHANGE, wanted)
        before, after = parties.read(there), parties.read(wanted)
        work.note("tenant.updated", work.tenant, before={"address": before}, after={"address": after})
    return {"tenant_id": work.tenant}
