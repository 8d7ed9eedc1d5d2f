"""How long one step held the event loop, by its thread's CPU time: others' load on the machine doesn't count."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from time import thread_time
from typing import TypeVar

T = TypeVar("T")


class Stalls:
    """``longest`` is the most CPU time in milliseconds that passed between two turns of a task that always wants one."""

    longest = 0.0

    async def watch(self) -> None:
        """Look on until cancelled."""
        while True:
            before = thread_time()
            await asyncio.sleep(0)
            self.longest = max(self.longest, (thread_time() - before) * 1000)


@contextlib.asynccontextmanager
async def longest_stall() -> AsyncIterator[Stalls]:
    """Watch the loop while something runs. The garbage collector is off: its pauses are another matter."""
    stalls = Stalls()
    gc.collect()
    gc.disable()
    watching = asyncio.create_task(stalls.watch())
    try:
        await asyncio.sleep(0)
        yield stalls
    finally:
        watching.cancel()
        gc.enable()


async def least_stall(act: Callable[[], Awaitable[T]], tries: int = 3) -> tuple[float, T]:
    """The least of the longest stalls of a few calls, in milliseconds, and what the last one returned.

    A step that is too long is so each time. What a busy machine adds, to its caches' loss, it adds now and then.
    """
    least = float("inf")
    for _ in range(tries):
        async with longest_stall() as stalls:
            found = await act()
        least = min(least, stalls.longest)
    return least, found
