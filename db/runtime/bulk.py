"""Many rows at once, under row-level security.

PostgreSQL refuses COPY into a table whose policies bind the role ("COPY FROM not supported with
row-level security"), and FORCE binds the owner too. So rows are copied into a temporary table,
which has no policy, and go from there into the real one by INSERT … SELECT, whose every row the
policy checks.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from typing import Any

BATCH = 2_000
"""Rows that are formatted at a time: what of an endless stream is in memory."""


async def copy(connection: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """COPY rows into a temporary table (one that has no policies). Memory doesn't grow with the rows.

    Values may be of any type whose ``str`` PostgreSQL reads for the column: numbers, ISO dates, a
    UUID or its hex, an array's literal. None and the empty string are both stored as NULL.
    """
    await connection.copy_to_table(table, source=_formatted(rows), columns=columns, format="text", null="")


async def insert(connection: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Insert rows into a table of the tenant that the transaction is bound to.

    Raises what PostgreSQL says of a row that breaks a rule; then none of them is stored.
    """
    stage, names = f"staged_{table}", ", ".join(columns)
    await connection.execute(f"CREATE TEMP TABLE {stage} ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA")
    await copy(connection, stage, columns, rows)
    # RETURNING, or tables that are spread over servers would get the rows by COPY, which their policies refuse.
    await connection.execute(
        f"WITH stored AS (INSERT INTO {table} ({names}) SELECT {names} FROM {stage} RETURNING 1) SELECT count(*) FROM stored"
    )
    await connection.execute(f"DROP TABLE {stage}")


async def _formatted(rows: Iterable[Sequence[object]]) -> AsyncIterator[bytes]:
    """The rows in COPY's text format, by the csv module, whose writer in C is more than twice as
    fast as asyncpg's encoding of records: their numbers cost a walk through their digits.

    Not COPY's CSV: before PostgreSQL 18 a value that makes the line backslash, point ends it, and
    what follows is lost without a word.
    """
    remaining, buffer = iter(rows), io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, escapechar="\\")
    while batch := list(islice(remaining, BATCH)):
        writer.writerows(batch)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
