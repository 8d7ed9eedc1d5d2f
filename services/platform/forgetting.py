"""A person forgotten: what says who they are is replaced by a marker wherever it is, and documents add up as before.

Which columns those are, they say themselves (``db.base.personal``): no list has to be kept (docs/decisions/0051-erasing-a-person.md).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from core.changes import KINDS
from core.errors import BadInput
from core.ids import new_id
from db.base import ERASED, PERSONAL, Personal
from db.models import metadata
from db.runtime import log
from db.runtime.engine import Target, administration

SHORTEST = 3
"""Characters of a text of theirs below which it isn't looked for in others' words."""

MOST_NAMED = 1_000
"""Records of a kind that followers are told one by one; of more they are told to read all of the kind again."""

KEPT_TEXTS = frozenset(
    {
        "type",
        "kinds",
        "status",
        "currency",
        "country",
        "unit",
        "sku",
        "disposition",
        "quantity",
        "unitPrice",
        "subtotal",
        "taxTotal",
        "tax",
        "number",
        "lineItem",
        "product",
        "location",
        "customer",
        "placedAt",
        "roles",
        "defaults",
    }
)
"""What an event tells besides persons' data: by these names texts stay as they are."""

_FIND = """
    SELECT p.id FROM partners p WHERE p.tenant_id = $1 AND (p.code = $2 OR p.id = (
        SELECT record_id FROM key_aliases WHERE tenant_id = $1 AND kind = 'partner' AND key = $2)) FOR UPDATE
"""
_NOTE = """
    INSERT INTO events (tenant_id, id, type, subject_id, version, principal, before, after)
    SELECT t.id, $3, 'partner.erased', $2, p.version, 'operator', NULL, NULL
    FROM tenants t JOIN partners p ON p.tenant_id = t.id AND p.id = $2 WHERE t.id = $1
"""


def declared() -> dict[str, dict[str, Personal]]:
    """The columns that may have a person's data, by their tables."""
    found: dict[str, dict[str, Personal]] = {}
    for table in metadata.sorted_tables:
        for column in table.c:
            if PERSONAL in column.info:
                found.setdefault(table.name, {})[column.name] = column.info[PERSONAL]
    return found


async def erase(target: Target, tenant: UUID, code: str) -> dict[str, int]:
    """Replace what a partner's data say of a person, in one transaction; how many rows of each table were changed. Keys of
    theirs end. Raises ``BadInput`` where there is no such partner, and ``TenantFrozen``.
    """
    async with administration(target, tenant, writes=True) as connection:
        partner = await connection.fetchval(_FIND, tenant, code)
        if partner is None:
            raise BadInput(f"There is no partner with the code {code!r}.")
        patterns = [_pattern(each) for each in await _texts(connection, tenant, partner)]
        tables = declared()
        touched, reload = await _copied(connection, tables, (tenant, partner))
        changed: dict[str, int] = {}
        for table in sorted(tables, key=lambda name: name == "partners"):  # last: others are found by what it says
            changed[table] = await _replace(connection, table, tables[table], (tenant, partner, patterns))
        await connection.execute(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE tenant_id = $1 AND partner_id = $2",
            *(tenant, partner),
        )
        await connection.execute(
            "UPDATE partners SET version = version + 1, updated_at = statement_timestamp() WHERE tenant_id = $1 AND id = $2",
            *(tenant, partner),
        )
        event = new_id()
        await connection.execute(_NOTE, tenant, partner, event)
        await connection.execute(log.place(tenant, new_id(), [event], touched, reload))
    return {table: count for table, count in changed.items() if count}


async def _copied(
    connection: Any, tables: Mapping[str, Mapping[str, Personal]], values: tuple[UUID, UUID]
) -> tuple[list[tuple[int, UUID]], list[int]]:
    """The records that change, for those that keep copies of them: each, or its kind where there are too many."""
    touched, reload = list[tuple[int, UUID]](), list[int]()
    for table, columns in tables.items():
        kind = KINDS.get(table.removesuffix("s").upper())
        if kind is None:
            continue
        whose = next(iter(columns.values())).whose
        rows = await connection.fetch(
            f"SELECT id FROM {table} WHERE tenant_id = $1 AND {whose} LIMIT {MOST_NAMED + 1}", *values
        )
        if len(rows) > MOST_NAMED:
            reload.append(kind.number)
        else:
            touched += [(kind.number, row["id"]) for row in rows]
    return touched, reload


async def _texts(connection: Any, tenant: UUID, partner: UUID) -> list[str]:
    """What the partner is called and reached by, now and before."""
    row = await connection.fetchrow(
        "SELECT code, name, email, external_id, addresses FROM partners WHERE tenant_id = $1 AND id = $2",
        tenant,
        partner,
    )
    found = {text for text in list(row)[:4] if text}
    for address in orjson.loads(row["addresses"] or "[]"):
        found |= {text for name, text in address["party"].items() if name != "country"}
    earlier = "SELECT before, after FROM events WHERE tenant_id = $1 AND subject_id = $2"
    for event in await connection.fetch(earlier, tenant, partner):
        for facts in map(orjson.loads, filter(None, event)):
            found |= {
                facts[name] for name in ("code", "name", "email", "externalId") if isinstance(facts.get(name), str)
            }
    return sorted(each for each in found if len(each) >= SHORTEST and each != ERASED)


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def _replace(
    connection: Any, table: str, columns: Mapping[str, Personal], values: tuple[UUID, UUID, list[str]]
) -> int:
    """Replace the values of a table's columns; how many rows were changed."""
    whose = next(iter(columns.values())).whose
    given = values if "$3" in whose else values[:2]
    walked = [name for name, each in columns.items() if each.becomes is None]
    rows = []
    if walked:
        chosen = ", ".join(("id", *walked))
        rows = await connection.fetch(f"SELECT {chosen} FROM {table} WHERE tenant_id = $1 AND {whose}", *given)
    plain = {name: each.becomes for name, each in columns.items() if each.becomes is not None}
    count = len(rows)
    if plain:
        settings = ", ".join(
            f"{name} = {sql if sql == 'NULL' else f'CASE WHEN {name} IS NOT NULL THEN {sql} END'}"
            for name, sql in plain.items()
        )
        tag = await connection.execute(f"UPDATE {table} SET {settings} WHERE tenant_id = $1 AND {whose}", *given)
        count = int(tag.rsplit(maxsplit=1)[-1])
    if rows:
        settings = ", ".join(f"{name} = ${place}::jsonb" for place, name in enumerate(walked, start=3))
        await connection.executemany(
            f"UPDATE {table} SET {settings} WHERE tenant_id = $1 AND id = $2",
            [(values[0], row["id"], *(_forgotten(row[name]) for name in walked)) for row in rows],
        )
    return count


def _forgotten(text: str | None) -> str | None:
    """A JSON document without the texts that may say who somebody is."""
    return None if text is None else orjson.dumps(_without(orjson.loads(text), "")).decode()


def _without(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _without(each, key) for key, each in value.items()}
    if name == "problems":  # of a stored answer: code, message, path, facts
        return [[code, f"{ERASED.capitalize()}.", path, facts] for code, _, path, facts in value]
    if isinstance(value, list):
        return [_without(each, name) for each in value]
    keeps = name in KEPT_TEXTS or name.endswith(("_id", "_ids"))
    return ERASED if isinstance(value, str) and not keeps else value
