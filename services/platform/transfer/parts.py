"""What a tenant consists of, by the models: which tables, in what order, and of each row which values, as a line of JSON.

A new table is part of it without being named anywhere. One that isn't the tenant's to take along says so itself
(``db.base.left_out``), and one that the program doesn't know is an error.
"""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Column, Numeric, Table
from sqlalchemy.dialects.postgresql import JSONB

from core.errors import BadInput
from db import leftovers
from db.base import LEFT_OUT, MOVES
from db.models import metadata

_UNKNOWN = """
SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace AND c.relname <> ALL ($1::text[])
ORDER BY 1
"""


class Part(NamedTuple):
    """A table's rows of one tenant. ``key`` is the column that says whose they are."""

    table: str
    key: str
    columns: tuple[str, ...]
    json: frozenset[str]
    """Columns of type jsonb, in which JSON's null is a value and NULL is none."""
    text: frozenset[str]
    """Columns whose numbers JavaScript couldn't read exactly: they travel as text."""
    refers_to_itself: bool

    def lines(self, tenant: UUID) -> str:
        """The statement for the tenant's rows, by their ids, each as one line of JSON. A column without a value is left out
        of it.

        The same rows give the same bytes, whatever the server's version: digests are compared by them.
        """
        values = ", ".join(f"""'"{name}":' || {self._json(name)}""" for name in self.columns)
        return (
            f"SELECT '{{' || array_to_string(ARRAY[{values}], ',') || '}}' FROM {self.table}"
            f" WHERE {self.key} = '{UUID(int=tenant.int)}' ORDER BY id"
        )

    def _json(self, column: str) -> str:
        if column in self.json:
            return f"{column}::text"
        return f"to_json({column}::text)::text" if column in self.text else f"to_json({column})::text"

    def insert(self, tenant: UUID, staged: str) -> str:
        """The statement that stores the lines (column ``line``, jsonb) of a table as rows of the tenant."""
        owned = [] if self.key == "id" else [self.key]
        whose = [f"'{UUID(int=tenant.int)}'"] * len(owned)
        values = [f"line -> '{name}'" if name in self.json else f"r.{name}" for name in self.columns]
        return (
            f"INSERT INTO {self.table} ({', '.join([*owned, *self.columns])}) SELECT {', '.join([*whose, *values])}"
            f" FROM {staged} CROSS JOIN LATERAL jsonb_populate_record(NULL::{self.table}, line) r"
        )


def parts(*, moving: bool = False) -> list[Part]:
    """What is exported, or what goes along where the tenant itself moves, in the order in which foreign keys let it be stored."""
    return [
        _part(table)
        for table in metadata.sorted_tables
        if LEFT_OUT not in table.info or (moving and MOVES in table.info)
    ]


def every() -> list[str]:
    """All tables that have rows of tenants, in that order."""
    return [table.name for table in metadata.sorted_tables]


def refers_to_itself(table: str) -> bool:
    """Whether a row may refer to another one of its table."""
    found = metadata.tables[table]
    return any(key.column.table is found for key in found.foreign_keys)


def left_out() -> dict[str, str]:
    """The tables that aren't exported, and why."""
    return {table.name: table.info[LEFT_OUT] for table in metadata.sorted_tables if LEFT_OUT in table.info}


async def refuse_unknown(connection: Any) -> None:
    """Raise ``BadInput`` where the database has a table of tenants' rows that this program doesn't know: it would be
    forgotten without a word.
    """
    unknown = [row[0] for row in await connection.fetch(_UNKNOWN, every())]
    if unknown:
        raise BadInput(
            f"This program doesn't know {', '.join(unknown)}, which {'has' if len(unknown) == 1 else 'have'} a column tenant_id: "
            "whose rows these are, it couldn't take along. Add a model to db/, or drop the table. Nothing was done."
        )


async def refuse_lots(connection: Any, tenant: UUID) -> None:
    """Raise ``BadInput`` where goods by lots can't be stored in a database: it has the keys of balances still that the release
    before needs, and these allow one lot of a product at a location.
    """
    if await connection.fetchval(leftovers.LEFT, tenant, list(leftovers.KEYS.values())):
        raise BadInput(
            "The tenant's goods are distinguished by lots, and there they can't be yet: that database still has the keys"
            " that servers of the release before need. Once all of them are replaced, run 'erpgraph db finish', and then"
            " this again. Nothing was done."
        )


def _part(table: Table) -> Part:
    key = "tenant_id" if "tenant_id" in table.c else "id"
    columns = [each for each in table.c if _kept(each) and (each.name != key or key == "id")]
    return Part(
        table.name,
        key,
        tuple(each.name for each in columns),
        frozenset(each.name for each in columns if isinstance(each.type, JSONB)),
        frozenset(each.name for each in columns if isinstance(each.type, Numeric | BigInteger)),
        refers_to_itself(table.name),
    )


def _kept(column: Column[Any]) -> bool:
    return column.computed is None and LEFT_OUT not in column.info
