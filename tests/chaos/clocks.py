"""Clocks that are set by an hour, ahead or back, under a site that tells others what happens (it needs Debian's libfaketime).

Leases and the times of later attempts go by the database's clock: whatever one shows, they may come too early or too late by their own
length alone, and nothing is out of order. So nobody here makes it later than it is.
"""

import asyncio
import random

from tests.chaos.faults import Fault
from tests.chaos.server import Server
from tests.chaos.site import Site
from tests.chaos.telling import Telling, telling
from tests.support.clocks import READ_EVERY, Clock

HOUR = 3_600.0


async def set_a_workers_clock(site: Site, chance: random.Random) -> None:
    hurt = telling(site)
    await _set(hurt, chance.choice(hurt.workers), chance)


async def set_a_servers_clock(site: Site, chance: random.Random) -> None:
    hurt = telling(site)
    await _set(hurt, chance.choice(hurt.servers), chance)


async def set_the_databases_clock(site: Site, chance: random.Random) -> None:
    """Whoever has leases then is killed: they would last for an hour longer, were it for their ends alone."""
    hurt = telling(site)
    hurt.hurries, hurt.clock_was_set = False, True
    clock, real = Clock(hurt.folder / "clock of postgres"), hurt.postgres._programs
    folder = hurt.folder / f"programs-{chance.getrandbits(64)}"
    hurt.postgres._programs = await asyncio.to_thread(clock.programs, real, folder)
    try:
        hurt.stop_postgres()
        await hurt.start_postgres()
        for ahead in (chance.choice((-HOUR, HOUR)), 0):
            await asyncio.sleep(chance.uniform(0.3, 0.6))
            worker = chance.choice(hurt.workers)
            worker.kill()
            await _step(clock, ahead)
            await worker.restart()
    finally:
        # From its next start on it goes by the machine's again.
        hurt.postgres._programs = real


async def _set(hurt: Telling, whose: Server, chance: random.Random) -> None:
    """Set a process's clock while it runs, and right again."""
    hurt.hurries = False
    clock = Clock(hurt.folder / "clock of a process")
    whose.beside = clock.environment
    try:
        await whose.restart()
        for ahead in (chance.choice((-HOUR, HOUR)), 0):
            await _step(clock, ahead)
            await asyncio.sleep(chance.uniform(0.3, 0.6))
    finally:
        whose.beside = {}


async def _step(clock: Clock, ahead: float) -> None:
    clock.set(ahead)
    # Whoever goes by it looks again within that.
    await asyncio.sleep(READ_EVERY + 0.2)


FAULTS: tuple[Fault, ...] = (set_a_workers_clock, set_a_servers_clock, set_the_databases_clock)
