"""How much receipts and bills may differ from what was ordered, by the tenant's own rules."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from core.ids import new_id
from services.kit.answer import References
from services.kit.command import Change, Count
from services.kit.records import facts, version_conflict
from services.kit.work import Retry, UnitOfWork

MOST_PERCENT = 1_000
Percent = Annotated[Count, Field(le=MOST_PERCENT)]


class PurchaseSettingsUpdate(Change):
    """How much receipts and bills may differ from what was ordered. Fields that are left out stay as they are; all are 0 at first."""

    over_receipt_percent: Percent = Decimal(0)
    """How many per cent more than ordered may come of a line that doesn't say it itself; at most 1,000."""
    price_tolerance_percent: Percent = Decimal(0)
    """How many per cent dearer a billed unit may be; at most 1,000. Bills aren't there yet."""
    price_tolerance_amount: Count = Decimal(0)
    """How much dearer a billed line may be, in the tenant's currency; the smaller of both holds. Bills aren't there yet."""


COLUMNS = ("over_receipt_percent", "price_tolerance_percent", "price_tolerance_amount")
FIRST: dict[str, Any] = {**dict.fromkeys(COLUMNS, Decimal(0)), "version": 1}
"""What holds where nobody has said anything: version 1, without a row."""

_LOCK = f"SELECT version, {', '.join(COLUMNS)} FROM purchase_settings WHERE tenant_id = $1 FOR NO KEY UPDATE"
_MAKE = f"""
    INSERT INTO purchase_settings (tenant_id, id, version, {", ".join(COLUMNS)})
    SELECT t.id, $2, $3, $4, $5, $6 FROM tenants t WHERE t.id = $1 ON CONFLICT (tenant_id) DO NOTHING RETURNING version
"""
_CHANGE = f"""
    UPDATE purchase_settings SET {", ".join(f"{name} = ${place}" for place, name in enumerate(COLUMNS, start=3))},
        version = $2, updated_at = statement_timestamp()
    WHERE tenant_id = $1 RETURNING version
"""


async def update_settings(work: UnitOfWork, command: PurchaseSettingsUpdate) -> References:
    """Change the tolerances. Raises ``CommandRejected`` for another version. What is confirmed keeps its own."""
    found = await work.rows(_LOCK)
    there = found[0] if found else FIRST
    if command.expected_version not in (None, there["version"]):
        raise version_conflict(there["version"], command.expected_version)
    values = {name: getattr(command, name) if command.given(name) else there[name] for name in COLUMNS}
    before = {name: there[name] for name in COLUMNS if there[name] != values[name]}
    if before:
        version = there["version"] + 1
        made = (_CHANGE, version) if found else (_MAKE, new_id(), version)
        if not await work.rows(*made, *values.values()):
            raise Retry("made by another")  # a moment ago: the next attempt finds it
        after = facts({name: values[name] for name in before})
        work.note("purchase_settings.updated", work.tenant, version=version, before=facts(before), after=after)
    return {"tenant_id": work.tenant}
