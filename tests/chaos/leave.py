"""Clients that leave in the middle of a request (docs/security.md, case 41): nothing of theirs stays behind, and nothing is half done."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from statistics import median
from time import monotonic

import httpx

from tests.chaos import invariants
from tests.chaos.load import ORDER, stocked
from tests.chaos.site import Site

AT_ONCE = 12
TRIED = 24
"""Requests by which it is seen how long an answer takes here and now."""
WRITE = f"mutation ($input: OrderCreateInput!) {{ orderCreate(input: $input) {{ {ORDER} userErrors {{ message }} }} }}"
READ = "{ orders(first: 20) { nodes { number lineItems { nodes { product { sku stock { onHand } } } } } } }"

_ORDERS_AND_KEYS = """
    SELECT (SELECT count(*) FROM orders WHERE tenant_id = $1),
           (SELECT count(*) FROM idempotency_keys WHERE tenant_id = $1 AND answer->'references' ? 'order_id')
"""


@dataclass
class Left:
    """How many left, how many had their answer before, and what the others left behind."""

    left: int = 0
    answered: int = 0
    orders: int = 0
    memory: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        grown = ", ".join(f"{times:.2f}" for times in self.memory)
        return (
            f"{self.left:,} clients left in the middle, {self.answered:,} had their answer; {self.orders:,} orders;"
            f" memory of the servers against that after the first tenth: {grown}; wrong: {self.wrong or 'nothing'}"
        )


async def many(site: Site, times: int, chance: random.Random) -> Left:
    """So many requests, each of which its client may leave at any moment; and a look at what they leave."""
    shop = await stocked(site, await site.tenant(), units=100_000)
    found, met = Left(), len(site.faults())
    await _batch(site, shop.tenant.key, times // 10, chance, found)
    files, memory = [server.files() for server in site.servers], [server.memory() for server in site.servers]
    await _batch(site, shop.tenant.key, times - times // 10, chance, found)
    found.wrong += [f"a server met a fault: {line}" for line in site.faults()[met:]]
    found.wrong += await invariants.leftovers(site)
    async with site.admin() as connection:
        found.wrong += await invariants.broken(connection, shop.tenant.id)
        found.orders, keys = await connection.fetchrow(_ORDERS_AND_KEYS, shop.tenant.id)
    if found.orders != keys:
        found.wrong.append(f"{found.orders} orders are there, and {keys} keys of orders")
    for server, before, size in zip(site.servers, files, memory, strict=True):
        found.memory.append(server.memory() / size)
        if server.files() > before + invariants.POOLS:
            found.wrong.append(f"{server.files()} files are open in a server, and {before} were")
    return found


async def _batch(site: Site, key: str, times: int, chance: random.Random, found: Left) -> None:
    turns = asyncio.Semaphore(AT_ONCE)
    headers = {"Authorization": f"Bearer {key}"}
    took: list[float] = []
    async with httpx.AsyncClient(headers=headers, timeout=30, limits=httpx.Limits(max_connections=None)) as client:

        async def one(number: int) -> None:
            given = {
                "customer": {"code": "C"},
                "lineItems": [{"product": {"sku": f"P{number % 3}"}, "quantity": "1"}],
                "confirm": True,
                "idempotencyKey": f"leaver-{found.left + found.answered}-{number}",
            }
            query = WRITE if number % 2 else READ
            async with turns:
                # Others leave at any moment, until a while after they would have been answered.
                stays = None if number < TRIED else chance.uniform(0, 2 * median(took[:TRIED]))
                began = monotonic()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(stays):
                        await client.post(
                            site.servers[number % len(site.servers)].url + "/graphql",
                            json={"query": query, "variables": {"input": given}},
                        )
                        found.answered += 1
                        took.append(monotonic() - began)
                        return
                found.left += 1

        await asyncio.gather(*(one(number) for number in range(TRIED)))
        await asyncio.gather(*(one(number) for number in range(TRIED, times)))
