"""How far a client must have been read: places in PostgreSQL's log, as clients carry them from an answer to a request."""

import re

import asyncpg

from app.errors.http_errors import HttpError
from db.runtime.engine import Database
from db.runtime.failures import GONE
from db.runtime.standby import EVERYTHING

HEADER = "x-read-after"
"""In the answer to a command: where it is stored. In a request: what it has to see."""

_POSITION = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


def position(text: str | None) -> int:
    """The position that a header names; 0 where there is none. Raises ``HttpError`` for what is no position."""
    if text is None:
        return 0
    found = _POSITION.fullmatch(text)
    if not found:
        raise HttpError(400, "X-Read-After is no position such as 0/16B3748: send back what an answer had.")
    return int(found[1], 16) << 32 | int(found[2], 16)


async def written(database: Database) -> dict[str, str]:
    """The header of an answer to a command, where there is a standby that may not have it yet."""
    if database.standby is None:
        return {}
    try:
        at = await database.written()
    except (asyncpg.PostgresError, *GONE):
        at = EVERYTHING
    return {HEADER: f"{at >> 32:X}/{at & 0xFFFFFFFF:X}"}
