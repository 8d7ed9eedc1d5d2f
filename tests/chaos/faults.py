"""The faults, each healed by itself: what happens, for how long, and that it is over."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable

from tests.chaos.site import Site

Fault = Callable[[Site, random.Random], Awaitable[None]]


async def kill_a_server(site: Site, chance: random.Random) -> None:
    await chance.choice(site.servers).restart()


async def stop_postgres_at_once(site: Site, chance: random.Random) -> None:
    site.stop_postgres()
    await asyncio.sleep(chance.uniform(0, 0.3))
    await site.start_postgres()


async def terminate_the_backends(site: Site, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 5)):
        await site.terminate_backends()
        await asyncio.sleep(chance.uniform(0, 0.05))


async def kill_a_backend(site: Site, _chance: random.Random) -> None:
    await site.kill_a_backend()


async def cut_after_commit(site: Site, chance: random.Random) -> None:
    site.proxy.cuts = chance.randint(1, 6)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while site.proxy.cuts:  # noqa: ASYNC110 - clients commit when they do
                await asyncio.sleep(0.01)
    site.proxy.cuts = 0


async def reset_the_connections(site: Site, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        site.proxy.reset()
        await asyncio.sleep(chance.uniform(0, 0.1))


async def cut_in_the_middle_of_a_message(site: Site, chance: random.Random) -> None:
    for _ in range(chance.randint(2, 8)):
        site.proxy.left = chance.randint(1, 4_000)
        await asyncio.sleep(chance.uniform(0.02, 0.1))
    site.proxy.left = None


async def forget_the_connections(site: Site, chance: random.Random) -> None:
    """Some in the middle of a transaction whose locks others want, then all."""
    site.proxy.losses = chance.randint(1, 3)
    await asyncio.sleep(chance.uniform(0.1, 0.3))
    site.proxy.losses = 0
    site.proxy.forget()
    await asyncio.sleep(chance.uniform(0.1, 0.4))
    site.proxy.reset()


async def delay_the_network(site: Site, chance: random.Random) -> None:
    site.proxy.delay = chance.uniform(0.005, 0.05)
    await asyncio.sleep(chance.uniform(0.1, 0.5))
    site.proxy.delay = 0.0


async def hold_the_network(site: Site, chance: random.Random) -> None:
    site.proxy.hold()
    await asyncio.sleep(chance.uniform(0.1, 0.6))
    site.proxy.release()


async def freeze_postgres(site: Site, chance: random.Random) -> None:
    site.signal_postgres(signal.SIGSTOP)
    try:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
    finally:
        site.signal_postgres(signal.SIGCONT)


FAULTS: tuple[Fault, ...] = (
    kill_a_server,
    stop_postgres_at_once,
    terminate_the_backends,
    kill_a_backend,
    cut_after_commit,
    reset_the_connections,
    cut_in_the_middle_of_a_message,
    forget_the_connections,
    delay_the_network,
    hold_the_network,
    freeze_postgres,
)
