"""Turns for others on the event loop, within a command of many lines."""

from asyncio import sleep
from collections.abc import Sized

MANY = 50
"""Lines from which on a command gives turns between its steps: one step of 500 lines takes 3 to 8 ms."""


async def turn_for_many(lines: Sized) -> None:
    """Let others run, where there are many lines."""
    if len(lines) > MANY:
        await sleep(0)
