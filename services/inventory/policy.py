"""How a tenant's stock is chosen for orders: the rule, and which warehouses come first."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from core import ids
from core.inventory import AllocationRule
from core.problems import NOT_FOUND, refuse
from services.kit.answer import References
from services.kit.command import Change, Id, shown
from services.kit.records import version_conflict
from services.kit.work import UnitOfWork

MAX_RANKED = 500


class AllocationUpdate(Change):
    """How stock is chosen for orders that don't say it themselves. Fields that are left out stay as they are."""

    rule: AllocationRule = AllocationRule.WHOLE_FIRST
    """The rule; WHOLE_FIRST where there was none yet."""
    warehouses: Annotated[list[Annotated[UUID, Id("wh")]], Field(max_length=MAX_RANKED)] = Field(default_factory=list)
    """The ids of warehouses (wh_…), the preferred or nearest one first; others come after them. Those named before lose
    their rank."""


_LOCK = "SELECT id, rule, version FROM allocation_policies WHERE tenant_id = $1 FOR NO KEY UPDATE"
_HOUSES = "SELECT id, rank FROM warehouses WHERE tenant_id = $1 ORDER BY id FOR NO KEY UPDATE"
_STORE = """
    INSERT INTO allocation_policies (tenant_id, id, rule) SELECT t.id, $2, $3 FROM tenants t WHERE t.id = $1
    ON CONFLICT (tenant_id) DO UPDATE
    SET rule = excluded.rule, version = allocation_policies.version + 1, updated_at = statement_timestamp()
    RETURNING id, version
"""
_RANK = """
    WITH given AS (SELECT * FROM unnest($2::uuid[], $3::int[]) AS given (id, rank)),
    ranked AS (UPDATE warehouses w SET rank = g.rank FROM given g WHERE w.tenant_id = $1 AND w.id = g.id)
    UPDATE locations l SET rank = g.rank, allocation = $4 FROM given g WHERE l.tenant_id = $1 AND l.warehouse_id = g.id
"""


async def set_allocation(work: UnitOfWork, command: AllocationUpdate) -> References:
    """Store how stock is chosen. Raises ``CommandRejected`` for another version, and for warehouses that aren't there or
    are named twice.
    """
    found = await work.rows(_LOCK)
    if command.expected_version is not None:
        if not found:
            raise refuse(NOT_FOUND, "Nothing was set yet, so there is no version.", "expectedVersion")
        if found[0]["version"] != command.expected_version:
            raise version_conflict(found[0]["version"], command.expected_version)
    before = {row["id"]: row["rank"] for row in await work.rows(_HOUSES)}
    for index, warehouse in enumerate(command.warehouses):
        if warehouse not in before:
            work.problems.missing(f"warehouse with the {shown('id', ids.encode('wh', warehouse))}", "warehouses", index)
        elif warehouse in command.warehouses[:index]:
            work.problems.invalid("This warehouse is named already.", "warehouses", index)
    work.problems.check()
    rule = command.rule if command.given("rule") or not found else found[0]["rule"]
    given = {warehouse: place for place, warehouse in enumerate(command.warehouses, start=1)}
    ranks = {house: given.get(house) for house in before} if command.given("warehouses") else before
    if found and (rule, ranks) == (found[0]["rule"], before):
        return {"allocation_policy_id": found[0]["id"]}
    [[policy, version]] = await work.rows(_STORE, ids.new_id(), rule)
    await work.rows(_RANK, list(ranks), list(ranks.values()), rule)
    named = [ids.encode("wh", house) for house in sorted(given, key=given.__getitem__)]
    was = {"rule": found[0]["rule"]} if found else None
    work.note("allocation.updated", policy, version=version, before=was, after={"rule": rule, "warehouses": named})
    return {"allocation_policy_id": policy}
