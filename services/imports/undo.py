"""An import undone: what it made is deleted, unless something was built on it since."""

from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table

from core.errors import BadInput
from core.inventory import Hold
from db.models import metadata
from db.runtime.engine import Database, Target
from db.runtime.writer import Writer
from services.imports.counting import HOOKS, PRINCIPAL
from services.imports.promising import PORTION
from services.imports.transaction import announce, begin
from services.inventory import stock
from services.kit import events
from services.kit.work import UnitOfWork
from services.platform import tenants

MADE = {"ORDER": "orders", "PRODUCT": "products", "PARTNER": "partners"}
"""The tables of the records that an import makes; line items go with their orders."""

_FIND = "SELECT kind, file, undone_at FROM imports WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
_OURS = "SELECT id FROM import_records WHERE tenant_id = $1 AND import_id = $2 AND type = '{type}'"
_LINES = f"SELECT id FROM line_items WHERE tenant_id = $1 AND order_id IN ({_OURS.format(type='ORDER')})"
_CHANGED_THINGS = "SELECT {key} FROM {table} c WHERE tenant_id = $1 AND id IN ({ours}) AND {since} ORDER BY 1 LIMIT 3"
# What the import did itself, when it reserved stock, is no change since.
_SINCE = {
    "orders": "version > 1 AND (version > 2 OR EXISTS (SELECT FROM events e WHERE e.tenant_id = $1 AND e.subject_id = c.id AND e.principal <> '"
    + PRINCIPAL
    + "'))",
    "products": "version > 1",
    "partners": "version > 1",
}
_CLOSE = f"UPDATE orders SET status = 'CANCELLED' WHERE tenant_id = $1 AND status = 'CONFIRMED' AND id IN ({_OURS.format(type='ORDER')})"
_HELD = f"""
SELECT line_item_id, product_id, location_id, quantity, lot_id FROM reservations
WHERE tenant_id = $1 AND line_item_id IN ({_LINES}) ORDER BY product_id, line_item_id
"""
_KEYS = {"orders": "number", "products": "sku", "partners": "code"}
_DONE = "UPDATE imports SET undone_at = statement_timestamp() WHERE tenant_id = $1 AND id = $2"


WAITING = HOOKS
"""Goods that are released go to the orders that wait for them."""


async def undo(target: Target, name: str, given: str) -> dict[str, int]:
    """Delete what an import of the tenant of that name made; how many rows of each table these were.

    Raises ``BadInput`` for an unknown tenant or import, for one that is undone already, for stock (a count is corrected by
    another count), and where something was built on it since: it says what stands in the way. Nothing was deleted then.
    """
    tenant = await tenants.find(target, name)
    try:
        identity = UUID(given)
    except ValueError:
        raise BadInput(f"{given!r} is no import's id. 'erpgraph import list' shows them.") from None
    async with begin(target, tenant) as connection:
        found = await connection.fetchrow(_FIND, tenant, identity)
        if found is None:
            raise BadInput(f"There is no import {identity}. 'erpgraph import list' shows those there are.")
        if found["undone_at"] is not None:
            raise BadInput(f"The import {identity} is undone already.")
        if found["kind"] == "stock":
            raise BadInput("A count of stock isn't undone: import another count, which the moves will tell of.")
        obstacles = [text async for text in _obstacles(connection, tenant, identity)]
        if obstacles:
            raise BadInput(f"The import can't be undone: {'; '.join(obstacles)}. Nothing was deleted.")
        gone = await _delete(connection, tenant, identity)
        await announce(connection, tenant, "PARTNER", "PRODUCT", "ORDER", "STOCK_LEVEL")
        return gone


async def _obstacles(connection: Any, tenant: UUID, identity: UUID) -> AsyncIterator[str]:
    for type_, table in MADE.items():
        ours = _OURS.format(type=type_)
        statement = _CHANGED_THINGS.format(key=_KEYS[table], table=table, ours=ours, since=_SINCE[table])
        changed = [row[0] for row in await connection.fetch(statement, tenant, identity)]
        if changed:
            yield f"{table} were changed since, such as {', '.join(changed)}"
        for child, column in _references(metadata.tables[table]):
            mine = _mine(child)
            rows = await connection.fetchval(
                f"SELECT count(*) FROM {child} c WHERE c.tenant_id = $1 AND c.{column} IN ({ours}) {mine}",
                tenant,
                identity,
            )
            if rows:
                yield f"{rows:,} rows of {child} refer to its {table}"
    for child, column in _references(metadata.tables["line_items"]):
        if child == "reservations":  # the import's own, or the order was changed since
            continue
        rows = await connection.fetchval(
            f"SELECT count(*) FROM {child} c WHERE c.tenant_id = $1 AND c.{column} IN ({_LINES})", tenant, identity
        )
        if rows:
            yield f"{rows:,} rows of {child} refer to its line items"


def _references(table: Table) -> list[tuple[str, str]]:
    """The tables, and their columns, that refer to rows of this one."""
    found = set()
    for child in metadata.sorted_tables:
        for constraint in child.foreign_key_constraints:
            if constraint.referred_table is table:
                local = [each.parent.name for each in constraint.elements if each.column.name == "id"]
                found |= {(child.name, column) for column in local}
    return sorted(found)


def _mine(child: str) -> str:
    """Rows that go as well don't stand in the way."""
    if child == "line_items":
        return f"AND c.order_id NOT IN ({_OURS.format(type='ORDER')})"
    if child in MADE.values():
        type_ = next(type_ for type_, table in MADE.items() if table == child)
        return f"AND c.id NOT IN ({_OURS.format(type=type_)})"
    return ""


async def _release(connection: Any, tenant: UUID, identity: UUID) -> None:
    """Release what is reserved for the import's orders: others that wait for it get it."""
    await connection.execute(_CLOSE, tenant, identity)
    holds = [Hold(*row) for row in await connection.fetch(_HELD, tenant, identity)]
    for start in range(0, len(holds), PORTION):
        portion = holds[start : start + PORTION]
        # The engine asks for no other connection: numbers of orders are what one is for.
        work = UnitOfWork(Writer(connection, tenant), cast("Database", None), PRINCIPAL, ending=True)
        await stock.lock(work, {hold.product for hold in portion})
        await stock.release(work, portion)
        await work.rows(events.STORE, *events.values(PRINCIPAL, work.happened))


async def _delete(connection: Any, tenant: UUID, identity: UUID) -> dict[str, int]:
    await _release(connection, tenant, identity)
    gone = {}
    gone["line_items"] = _count(
        await connection.execute(f"DELETE FROM line_items WHERE tenant_id = $1 AND id IN ({_LINES})", tenant, identity)
    )
    for type_, table in MADE.items():
        statement = f"DELETE FROM {table} WHERE tenant_id = $1 AND id IN ({_OURS.format(type=type_)})"
        gone[table] = _count(await connection.execute(statement, tenant, identity))
    await connection.execute("DELETE FROM import_records WHERE tenant_id = $1 AND import_id = $2", tenant, identity)
    await connection.execute(_DONE, tenant, identity)
    return gone


def _count(tag: str) -> int:
    return int(tag.rsplit(maxsplit=1)[-1])
