"""Turns of a worker: what it does for as long as a row says that it is the one that does it (webhooks, relay)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import asyncpg

from core.cancelling import heed_cancellation
from core.errors import ErpError
from db.runtime.engine import Target
from db.runtime.failures import GONE
from db.runtime.lease import Lost
from db.tenancy import OWNER

T = TypeVar("T")

BEAT = 10.0
"""Seconds between two words of whoever has a turn."""

AWAY = (ErpError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, *GONE)
"""What may come of a database that is away, or of a request that has to wait."""


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do this, and to its end also where we are called off meanwhile: that is raised then, and not what the work raises. A lease whose
    taking or giving back was left in the middle was nobody's for as long as it lasts, whenever a worker was ended at such a moment.
    """
    task, called_off = asyncio.create_task(work), None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            called_off = error
    if called_off is not None:
        await asyncio.gather(task, return_exceptions=True)
        raise called_off
    return task.result()


@contextlib.asynccontextmanager
async def held(take: Coroutine[Any, Any, T], give_back: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[T]:
    """In here this worker has what it took, if ``take`` found anything: that is given back however it ends. Raises what both raise."""
    try:
        taken = await to_the_end(take)
    except asyncio.CancelledError:
        await to_the_end(give_back())  # it may be ours all the same, and is nobody else's then
        raise
    if not taken:
        yield taken
        return
    try:
        yield taken
    finally:
        await to_the_end(give_back())


async def while_leased(work: Coroutine[Any, Any, T], beat: Callable[[], Awaitable[bool]]) -> T:
    """Work for as long as the lease holds: ``beat`` keeps it, and says whether it still is this worker's. Raises ``Lost``, and
    what the work raises.
    """
    turn = asyncio.create_task(work)
    beating = asyncio.create_task(_beat(beat))
    try:
        await asyncio.wait((turn, beating), return_when=asyncio.FIRST_COMPLETED)
        if not turn.done():
            raise Lost
        return turn.result()
    finally:
        for each in (turn, beating):
            each.cancel()
        await asyncio.gather(turn, beating, return_exceptions=True)


async def _beat(beat: Callable[[], Awaitable[bool]]) -> None:
    """Keep the lease; returns when it is lost."""
    while True:
        await asyncio.sleep(BEAT)
        with contextlib.suppress(*AWAY):
            if not await beat():
                return
        heed_cancellation()


@contextlib.asynccontextmanager
async def over_all_tenants(target: Target) -> AsyncIterator[Any]:
    """A connection that sees what is due in all tenants, and nothing else of them."""
    connection = await asyncpg.connect(target.admin, timeout=5, command_timeout=10)
    try:
        await connection.execute(f"SET ROLE {OWNER}")
        yield connection
    finally:
        with contextlib.suppress(*AWAY):
            await connection.close(timeout=2)
