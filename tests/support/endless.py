"""``erpgraph`` in which something doesn't end: ``python -m tests.support.endless WHAT ARGUMENTS``. Its bounds are short."""

import asyncio
import contextlib
import sys
import time
from typing import Any

from app import leaving
from app.cli import main
from app.live.hub import Hub
from app.serving import accepting


async def never_ends(self: Hub) -> None:
    """A task that is cancelled, and goes on."""

    async def stubborn() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    await asyncio.shield(asyncio.create_task(stubborn(), name="the stubborn one"))


async def stands_still(self: Hub) -> None:
    """The loop itself."""
    time.sleep(3600)


async def leaves_a_thread(self: Hub) -> None:
    """A thread of the loop's, which is waited for when all has ended."""
    await close(self)
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)


close = Hub.close
HANGS: dict[str, Any] = {"task": never_ends, "loop": stands_still, "thread": leaves_a_thread}

if __name__ == "__main__":
    Hub.close = HANGS[sys.argv.pop(1)]  # type: ignore[method-assign]
    accepting.Server.leaves_within = 2.0
    leaving.REST_WITHIN = 1.0
    main()
