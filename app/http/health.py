"""What a supervisor asks: ``/healthz``, whether the process lives, and ``/readyz``, whether it can serve.

Anybody may ask, and nobody pays for it. 50 clients that asked as fast as they were answered had the process do little else, and another
client's small query took 200 ms instead of 2. So all who ask share a few looks at the database a second, and where many ask, their
answers come one after the other.
"""

import asyncio
from asyncio import sleep
from collections.abc import Callable
from contextvars import Context
from time import monotonic

import asyncpg
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app import __version__
from core.errors import Unfit
from core.spaced import Spaced
from db.admin.migrate import head, revisions
from db.runtime.engine import Database
from db.runtime.failures import GONE
from db.runtime.sessions import unfit
from db.runtime.spread import Spread

READY_WITHIN = 2.0
"""Seconds after which a database that doesn't answer isn't ready: probes time out about as soon."""

LOOK_EVERY = 0.1
"""Seconds from one look at the database to the next. Whoever asks in between waits for the next one, and isn't answered by what was
seen before."""

BURST = 10
"""Answers that are given at once, after a while without any: more than the supervisors and balancers of a process."""

LONGEST = 0.25
"""Seconds that an answer is held back at most: probes wait for a second, and what it says may have changed since."""


class Health:
    """One application's answers, at both addresses."""

    def __init__(self, database: Database, stopping: Callable[[], bool]) -> None:
        self._looks = Looks(database)
        self._stopping = stopping
        self._alive = JSONResponse({"status": "ok", "version": __version__})
        self._spaced = Spaced(BURST, LONGEST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._alive if scope["path"] == "/healthz" else await self._ready()
        if wait := self._spaced.wait(monotonic()):
            await sleep(wait)
        await answer(scope, receive, send)

    async def _ready(self) -> Response:
        """The database is reachable, takes writes and guards its rows, its migrations are those that this code knows;
        and the server stays.
        """
        reason, states = ("", {}) if self._stopping() else await self._looks.next()
        reason = "stopping" if self._stopping() else reason
        if reason:
            return JSONResponse({"status": "unavailable", "reason": reason}, 503)
        return JSONResponse({"status": "ok"} | ({"databases": states} if states else {}))


class Looks:
    """Looks at the database, one at a time: each took one of the connections that queries have."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looking: asyncio.Task[tuple[str, dict[str, str]]] | None = None
        self._began = float("-inf")

    async def next(self) -> tuple[str, dict[str, str]]:
        """What the next look finds, or the one that is under way: the same for all who ask meanwhile."""
        if self._looking is None or self._looking.done():
            # Without a context, and shielded: whoever asked first and leaves takes nothing along.
            self._looking = asyncio.create_task(self._look(), context=Context())
        return await asyncio.shield(self._looking)

    async def _look(self) -> tuple[str, dict[str, str]]:
        if (wait := self._began + LOOK_EVERY - monotonic()) > 0:
            await sleep(wait)
        self._began = monotonic()
        return await _states(self._database)


async def _states(database: Database) -> tuple[str, dict[str, str]]:
    """Why it isn't ready to be served from, and how the other databases are. Of those that are away the rest doesn't notice: it
    goes on being served.
    """
    reason = await unready(database)
    if reason or not isinstance(database, Spread):
        return reason, {}
    found = await asyncio.gather(*(database.state(name, unready) for name in database.others))
    return "", dict(zip(database.others, found, strict=True))


async def unready(database: Database) -> str:
    """Why the database isn't ready to be served from, in a word; empty where it is."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            seen = await database.look()
            revision = await database.revision()
    except Unfit:
        return "session"
    except (*GONE, asyncpg.PostgresError):  # whatever it refuses for: without it there is no answer
        return "database"
    if seen.fault:
        unfit(seen.fault)
        return "session"
    if seen.standby:
        return "standby"
    if seen.read_only:
        return "read-only"
    return "" if revision == head() or _from_newer(revision) else "migrations"


def _from_newer(revision: str | None) -> bool:
    """Whether a newer program has migrated. This one goes on meanwhile: were it not ready, an upgrade of one server after
    the other would begin with none that serves.
    """
    return revision is not None and revision not in revisions()
