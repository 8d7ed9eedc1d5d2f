"""What an operator tells those that follow what happens: that the database was restored, or that much of it was changed by hand."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from core.changes import KINDS
from core.errors import BadInput, TenantFrozen
from core.ids import new_id
from db.admin import numbers
from db.runtime import log
from db.runtime.engine import Target, administration
from services.kit import events
from services.kit.events import Event
from services.platform import tenants

RESTORED = "feed.restored"
"""What was told since the moment to which the database was restored is no more. It is about the tenant itself."""

PRINCIPAL = "operator"


class Reported(NamedTuple):
    """How many tenants' followers are told, and the names of those that can't be changed now, whose aren't."""

    tenants: int
    frozen: tuple[str, ...]


async def restored(target: Target) -> Reported:
    """Tell all who follow a tenant of this database that it is an older state of itself. Numbers go on behind all that were drawn
    in the state that is gone: brokers' subscribers compare them.
    """
    await numbers.leave_behind(target)
    reported, frozen = 0, list[str]()
    for each in await tenants.every(target):
        if each.database is not None:
            continue
        try:
            await _report(target, each.id, [Event(RESTORED, each.id, None, None, None)])
            reported += 1
        except TenantFrozen:
            frozen.append(each.name)
    return Reported(reported, tuple(frozen))


async def reload(target: Target, tenant: UUID, kinds: Sequence[str]) -> list[str]:
    """Tell those that follow changes of a tenant to read these kinds of records as a whole; without any: all kinds. Which they were.
    Raises ``BadInput`` for an unknown one, and ``TenantFrozen``.
    """
    chosen = [each.upper() for each in kinds] or [*KINDS]
    if unknown := [each for each in chosen if each not in KINDS]:
        raise BadInput(f"The feed has no kind {unknown[0]}. It has {', '.join(KINDS)}.")
    await _report(target, tenant, (), [KINDS[each].number for each in chosen])
    return chosen


async def _report(target: Target, tenant: UUID, happened: Sequence[Event], kinds: Sequence[int] = ()) -> None:
    values = events.values(PRINCIPAL, happened)
    async with administration(target, tenant, writes=True) as connection:
        if happened:
            await connection.execute(events.STORE, tenant, *values)
        await connection.execute(log.place(tenant, new_id(), values.ids, reload=kinds))
