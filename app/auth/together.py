"""Many credentials looked up together: one statement for all of a tenant's, and some tenants at a time of each database."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from uuid import UUID

import asyncpg
import structlog

from app.auth.credentials import Authenticated, InvalidCredential
from core.errors import ErpError
from db.runtime.engine import Database
from db.runtime.failures import GONE

log = structlog.get_logger()

AT_ONCE = 4
"""Look-ups at a time in each database: requests need its connections, too."""

MOST = 250
"""Credentials of a look-up. What they turn out to be is read in one step of the loop, in 10 µs each."""

AWAY = (ErpError, asyncpg.PostgresError, TimeoutError, *GONE)

Found = dict[str, Authenticated | InvalidCredential]
"""By the credential. One that couldn't be looked up isn't there."""

Look = Callable[[UUID, Sequence[str]], Awaitable[Found]]
"""Looks some credentials of a tenant up."""


async def together(database: Database, claimed: Mapping[UUID, Sequence[str]], look: Look, found: Found) -> None:
    """Look up what claims to be of these tenants, and note what was ``found`` as soon as it is: whoever waits for no more than a
    while has that much.
    """

    async def some(waiting: deque[tuple[UUID, Sequence[str]]]) -> None:
        while waiting:
            tenant, them = waiting.popleft()
            try:
                found.update(await look(tenant, them))
            except AWAY as error:
                log.warning("credentials can't be looked up", tenant=str(tenant), reason=type(error).__name__)

    async with asyncio.TaskGroup() as group:
        # One database that hangs is waited for by its own look-ups, and by no others'.
        for tenants in database.by_home(claimed):
            waiting = deque(each for tenant in tenants for each in _cut(tenant, claimed[tenant]))
            for _ in range(min(AT_ONCE, len(waiting))):
                group.create_task(some(waiting))


def _cut(tenant: UUID, them: Sequence[str]) -> Iterator[tuple[UUID, Sequence[str]]]:
    return ((tenant, them[start : start + MOST]) for start in range(0, len(them), MOST))
