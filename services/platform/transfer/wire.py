"""Lines of JSON between files and the database, as they come: memory doesn't grow with them."""

import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from services.platform.transfer.parts import Part

PIECE = 1 << 23
"""Bytes of a file that are stored by one statement."""

_AS_IT_IS = {"format": "csv", "quote": "\x01", "delimiter": "\x02"}
"""How COPY is told to leave a line alone: JSON has no such characters in it, they are escaped."""

EXACT = "SET LOCAL TimeZone = 'UTC';SET LOCAL bytea_output = 'hex';SET LOCAL statement_timeout = 0;SET LOCAL idle_in_transaction_session_timeout = 0"
"""What the lines of one moment of the data don't depend on, and bounds that are for requests."""


class Written(NamedTuple):
    """How much was read of a table, and the SHA-256 of it."""

    rows: int
    bytes: int
    sha256: str


async def read(connection: Any, part: Part, tenant: UUID, write: Callable[[bytes], Any] = len) -> Written:
    """Read a tenant's rows of a table, in a transaction that began with ``EXACT``; ``write`` gets them in pieces."""
    hashed, size = hashlib.sha256(), 0

    async def take(piece: bytes) -> None:
        nonlocal size
        hashed.update(piece)
        size += len(piece)
        write(piece)

    tag = await connection.copy_from_query(part.lines(tenant), output=take, **_AS_IT_IS)
    return Written(int(tag.split()[-1]), size, hashed.hexdigest())


async def store(connection: Any, part: Part, tenant: UUID, file: Path) -> None:
    """Store the lines of a file as a tenant's rows. Raises what PostgreSQL says of a line that it can't store."""
    staged = f"staged_{part.table}"
    # RETURNING, or tables that are spread over servers would get the rows by COPY, which their policies refuse.
    insert = f"WITH stored AS ({part.insert(tenant, staged)} RETURNING 1) SELECT count(*) FROM stored"
    await connection.execute(f"CREATE TEMP TABLE {staged} (line jsonb NOT NULL) ON COMMIT DROP")
    with file.open("rb") as opened:
        while lines := opened.readlines(PIECE):
            await connection.copy_to_table(staged, source=_each(lines), columns=["line"], **_AS_IT_IS)
            if not part.refers_to_itself:
                await connection.execute(f"{insert};TRUNCATE {staged}")
    if part.refers_to_itself:  # a row may come before the one that it refers to
        await connection.execute(insert)
    await connection.execute(f"DROP TABLE {staged}")


async def _each(lines: list[bytes]) -> AsyncIterator[bytes]:
    yield b"".join(lines)
