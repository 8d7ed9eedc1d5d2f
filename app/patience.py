"""How long a query may take: as many seconds as are set, and no longer than its client waits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from core.errors import Timeout

LOOK_AFTER = 0.01
"""Seconds after which a client is watched: most answers are given by then, and needn't pay for a task."""


class ClientGone(Exception):
    """Who asked has left: nobody reads the answer."""


@contextlib.asynccontextmanager
async def patience(request: Request, seconds: float) -> AsyncIterator[None]:
    """Cancels what is in it, and with it the statement in the database, when time is over or the client leaves.

    The request's body must have been read. Raises ``Timeout`` and ``ClientGone``.
    """
    watcher: asyncio.Task[None] | None = None
    left = False

    async def watch() -> None:
        nonlocal left
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left = True
        bound.reschedule(0)

    def begin() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(watch())

    later = asyncio.get_running_loop().call_later(LOOK_AFTER, begin)
    try:
        async with asyncio.timeout(seconds) as bound:
            yield
    except TimeoutError:
        if not bound.expired():
            raise
        if left:
            raise ClientGone from None
        raise Timeout(f"This took longer than {seconds:g} seconds and was stopped.") from None
    finally:
        later.cancel()
        if watcher is not None:
            watcher.cancel()
