"""When products are ordered again: one rule for a product and warehouse."""

from typing import Any

from core import ids
from core.ids import new_id
from core.money import decimal_text
from core.problems import NOT_FOUND, refuse
from services import catalog, partners
from services.catalog import ProductSnapshot
from services.inventory import places
from services.kit.answer import References
from services.kit.records import facts, version_conflict
from services.kit.work import Retry, UnitOfWork
from services.purchasing.commands import ReorderRuleUpsert

COLUMNS = ("location_id", "point", "target", "supplier_id", "active")
NEEDED = {"location_id": "location", "point": "point", "target": "target"}
"""What a new rule must have, by its column: the names of the input."""

_LOCK = f"""
    SELECT id, version, {", ".join(COLUMNS)} FROM reorder_rules
    WHERE tenant_id = $1 AND product_id = $2 AND warehouse_id = $3 FOR NO KEY UPDATE
"""
_MAKE = f"""
    INSERT INTO reorder_rules (tenant_id, id, product_id, warehouse_id, {", ".join(COLUMNS)})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (tenant_id, product_id, warehouse_id) DO NOTHING RETURNING id
"""
_CHANGE = f"""
    UPDATE reorder_rules SET {", ".join(f"{name} = ${place}" for place, name in enumerate(COLUMNS, start=3))},
        version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""

FINER = catalog.Finer(
    """EXISTS (SELECT FROM reorder_rules WHERE tenant_id = $1 AND product_id = $2
               AND (point <> round(point, $3) OR target <> round(target, $3)))""",
    "reorder rules",
)

Values = dict[str, Any]


async def upsert_rule(work: UnitOfWork, command: ReorderRuleUpsert) -> References:
    """Say when a product is ordered again for a warehouse. Raises ``CommandRejected`` for another version, a target below the
    point, a place that isn't the warehouse's, and a partner that isn't a supplier.
    """
    problems = work.problems
    supplier = await partners.supplier(work, command.supplier, problems) if command.supplier else None
    item = await catalog.product(work, command.product, problems, "product")
    if not await places.has_warehouse(work, command.warehouse):
        places.note_warehouse(problems, command.warehouse)
    if command.given("location"):
        await _check_location(work, command)
    if item is None:
        problems.check()
        return {}
    found = await work.rows(_LOCK, item.id, command.warehouse)
    there = found[0] if found else dict.fromkeys(COLUMNS)
    values: Values = {name: there[name] for name in COLUMNS}
    values |= {name: getattr(command, name) for name in ("point", "target") if command.given(name)}
    if command.given("location"):
        values["location_id"] = command.location
    if command.given("supplier"):
        values["supplier_id"] = supplier and supplier.id
    if command.given("active") or not found:
        values["active"] = command.active
    _check(work, item, values)
    problems.check()
    if command.expected_version is not None:
        if not found:
            raise refuse(NOT_FOUND, "There is no such rule yet, so it has no version.", "expectedVersion")
        if found[0]["version"] != command.expected_version:
            raise version_conflict(found[0]["version"], command.expected_version)
    return await (_change(work, found[0], values) if found else _make(work, command, item, values))


async def _check_location(work: UnitOfWork, command: ReorderRuleUpsert) -> None:
    """Note a problem for a place where what comes wouldn't count as available in the warehouse: it would be ordered again."""
    problems = work.problems
    place = places.holding(
        await places.locate(work, [command.location]), command.location, problems, "location", into=True
    )
    if place is None:
        return
    if place.holds and place.kind != "INTERNAL":
        problems.invalid(f"Goods at {place.code} can't be sold, so they would be ordered again.", "location")
    elif place.holds and place.warehouse != command.warehouse:
        problems.invalid(f"{place.code} is in another warehouse.", "location")


def _check(work: UnitOfWork, item: ProductSnapshot, values: Values) -> None:
    for column, name in NEEDED.items():
        if values[column] is None:
            work.problems.invalid(
                "There is no rule for this product and warehouse yet, and a new one needs this.", name
            )
    for name in ("point", "target"):
        if values[name] is not None:
            catalog.check_countable(item, values[name], work.problems, name)
    point, target = values["point"], values["target"]
    if point is not None and target is not None and target < point:
        message = f"This must be at least the point, {decimal_text(point)}: else it would be ordered again at once."
        work.problems.invalid(message, "target")


async def _make(work: UnitOfWork, command: ReorderRuleUpsert, item: ProductSnapshot, values: Values) -> References:
    catalog.check_offered(item, work.problems, "product")
    work.problems.check()
    identity = new_id()
    if not await work.rows(_MAKE, identity, item.id, command.warehouse, *values.values()):
        raise Retry("made by another")  # a moment ago: the next attempt finds it
    named = {"product": ids.encode("prod", item.id), "warehouse": ids.encode("wh", command.warehouse)}
    work.note("reorder_rule.created", identity, version=1, after=named | _recorded(values))
    return {"reorder_rule_id": identity}


async def _change(work: UnitOfWork, there: Any, values: Values) -> References:
    before = {name: there[name] for name in COLUMNS if there[name] != values[name]}
    if before:
        [[version]] = await work.rows(_CHANGE, there["id"], *values.values())
        after = _recorded({name: values[name] for name in before})
        work.note("reorder_rule.updated", there["id"], version=version, before=_recorded(before), after=after)
    return {"reorder_rule_id": there["id"]}


def _recorded(values: Values) -> dict[str, Any]:
    """Columns as an event records them: what they refer to by its public id."""
    prefixes = {"location_id": "loc", "supplier_id": "par"}
    data = {name: value for name, value in values.items() if name not in prefixes}
    for column, prefix in prefixes.items():
        if column in values:
            data[column.removesuffix("_id")] = values[column] and ids.encode(prefix, values[column])
    return facts(data)
