"""Lines of JSON between files and the database, as they come: memory doesn't grow with them."""

import hashlib
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, Self
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


Sink = Callable[[bytes], Awaitable[None]]


async def nowhere(_: bytes) -> None:
    """For lines of which only the digest counts."""


async def read(connection: Any, part: Part, tenant: UUID, sink: Sink = nowhere) -> Written:
    """Read a tenant's rows of a table, in a transaction that began with ``EXACT``; ``sink`` gets them in pieces."""
    hashed, size = hashlib.sha256(), 0

    async def take(piece: bytes) -> None:
        nonlocal size
        hashed.update(piece)
        size += len(piece)
        await sink(piece)

    tag = await connection.copy_from_query(part.lines(tenant), output=take, **_AS_IT_IS)
    return Written(int(tag.split()[-1]), size, hashed.hexdigest())


class Store:
    """Stores lines as a tenant's rows of a table, as they come. Raises what PostgreSQL says of one that it can't store."""

    def __init__(self, connection: Any, part: Part, tenant: UUID) -> None:
        self._connection, self._part = connection, part
        self._staged = f"staged_{part.table}"
        # RETURNING, or tables that are spread over servers would get the rows by COPY, which their policies refuse.
        self._insert = f"WITH stored AS ({part.insert(tenant, self._staged)} RETURNING 1) SELECT count(*) FROM stored"
        self._waiting: list[bytes] = []
        self._size = 0

    async def __aenter__(self) -> Self:
        await self._connection.execute(f"CREATE TEMP TABLE {self._staged} (line jsonb NOT NULL) ON COMMIT DROP")
        return self

    async def add(self, piece: bytes) -> None:
        """Some bytes more; where they end within a line, the rest of it comes with the next."""
        self._waiting.append(piece)
        self._size += len(piece)
        if self._size >= PIECE:
            whole, end, rest = b"".join(self._waiting).rpartition(b"\n")
            self._waiting, self._size = [rest], len(rest)
            await self._stage(whole + end)

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            return
        await self._stage(b"".join(self._waiting))
        if self._part.refers_to_itself:  # a row may come before the one that it refers to
            await self._connection.execute(self._insert)
        await self._connection.execute(f"DROP TABLE {self._staged}")

    async def _stage(self, lines: bytes) -> None:
        if not lines:
            return
        await self._connection.copy_to_table(self._staged, source=io.BytesIO(lines), columns=["line"], **_AS_IT_IS)
        if not self._part.refers_to_itself:
            await self._connection.execute(f"{self._insert};TRUNCATE {self._staged}")


async def store(connection: Any, part: Part, tenant: UUID, file: Path) -> None:
    """Store the lines of a file."""
    async with Store(connection, part, tenant) as storing:
        with file.open("rb") as opened:
            while piece := opened.read(PIECE):
                await storing.add(piece)
