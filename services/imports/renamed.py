"""Rows that name a record by a key that it had before it was renamed: they mean that record, as requests do."""

from typing import Any
from uuid import UUID

# A former key is nobody's present one, so what is found at once isn't looked for here.
_PRESENT = """
    UPDATE {staged} s SET {column} = r.{key}
    FROM key_aliases a JOIN {table} r ON r.tenant_id = $1 AND r.id = a.record_id
    WHERE a.tenant_id = $1 AND a.kind = '{kind}' AND a.key = s.{column}
"""

KEYS = {"product": ("products", "sku"), "partner": ("partners", "code"), "location": ("locations", "code")}
"""The tables of renamed records, and what their keys are called there."""


async def follow(connection: Any, tenant: UUID, staged: str, columns: dict[str, str]) -> None:
    """Put the present keys in the place of former ones, in a table of staged rows. ``columns``: the kind of record that each
    column names.
    """
    for column, kind in columns.items():
        table, key = KEYS[kind]
        statement = _PRESENT.format(staged=staged, column=column, table=table, key=key, kind=kind)
        await connection.execute(statement, tenant)
