"""The floor of writing: what somebody would write by hand to create and confirm an order.

The rows that the command leaves, by plain statements in one READ COMMITTED transaction: one
statement for each table and all its rows, the balances locked as late as possible, their guard in
the UPDATE. No HTTP, no GraphQL, no payload to read, no checking of input, no row-level security
(the connections are a superuser's, and the tenant only a predicate).

As a process of its own, ``python -m tests.bench.write_floor URL TENANT``: a job by line on its
standard input, its result by line on its standard output.
"""

import asyncio
import hashlib
import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import uvloop

from app.asgi import settle_memory
from core.ids import new_id
from tests.bench.write_work import CURRENCY, CUSTOMER, QUANTITY, Job, Result, drive

POOL = 10
"""Connections for writing, as many as the server has by default."""

BLOCK = 100
"""Order numbers that are taken at a time."""

KEY = """
INSERT INTO idempotency_keys (tenant_id, id, key, command, digest, answer) VALUES ($1, $2, $3, 'OrderCreate', $4, $5)
"""
PARTNER = "SELECT id FROM partners WHERE tenant_id = $1 AND code = $2"
PRODUCTS = """
SELECT id, sku, name, list_price FROM products
WHERE tenant_id = $1 AND sku = ANY($2) AND active AND list_price_currency = $3
"""
SOLD = itemgetter("id", "name", "list_price")
ORDER = """
INSERT INTO orders (tenant_id, id, number, status, version, customer_id, currency, subtotal, placed_at, confirmed_at)
VALUES ($1, $2, $3, 'CONFIRMED', 2, $4, $5, $6, now(), now())
"""
LINES = """
INSERT INTO line_items (tenant_id, id, order_id, customer_id, position, product_id, description, quantity, currency,
                        unit_price, total, reserved)
SELECT $1, id, $2, $9, position, product, description, $3, $4, price, price * $3, $3
FROM unnest($5::uuid[], $6::uuid[], $7::text[], $8::numeric[]) WITH ORDINALITY AS given (id, product, description, price, position)
"""
# In one statement: lock in the order of the ids, see that it is enough, hold it.
STOCK = """
WITH locked AS (
    SELECT s.id FROM stock_levels s JOIN locations l ON (l.tenant_id, l.id) = (s.tenant_id, s.location_id)
    WHERE s.tenant_id = $1 AND s.product_id = ANY($2) AND l.kind = 'INTERNAL'
    ORDER BY s.product_id, s.location_id FOR NO KEY UPDATE OF s
)
UPDATE stock_levels s SET reserved = s.reserved + $3, updated_at = clock_timestamp()
FROM locked WHERE s.tenant_id = $1 AND s.id = locked.id AND s.on_hand - s.reserved >= $3
RETURNING s.product_id, s.location_id
"""
RESERVATIONS = """
INSERT INTO reservations (tenant_id, id, line_item_id, product_id, location_id, quantity)
SELECT $1, id, line, product, location, $2
FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[]) AS given (id, line, product, location)
"""
EVENTS = """
INSERT INTO events (tenant_id, id, type, subject_id, version, principal, after)
VALUES ($1, $2, 'order.created', $4, 1, 'bench', $5), ($1, $3, 'order.confirmed', $4, 2, 'bench', $6)
"""
NUMBERS = """
INSERT INTO number_series (tenant_id, id, name, next) VALUES ($1, $2, 'floor', $3 + 1)
ON CONFLICT (tenant_id, name) DO UPDATE SET next = number_series.next + $3 RETURNING next - $3
"""


@dataclass
class Floor:
    """The ways to the database, and the numbers taken in advance."""

    pool: Any
    tenant: UUID
    _next: int = 0
    _end: int = 0

    async def place(self, cart: list[str], result: Result) -> None:
        """Create and confirm an order; again after a deadlock. Raises ``RuntimeError`` where something is short."""
        key = uuid4().hex
        while True:
            try:
                async with self.pool.acquire() as connection:
                    number = await self._number(connection)
                    async with connection.transaction():
                        return await self._store(connection, key, number, cart)
            except asyncpg.DeadlockDetectedError:
                result.deadlocks += 1
                result.retries += 1
                await asyncio.sleep(random.uniform(0, 0.01))

    async def _number(self, connection: Any) -> str:
        if self._next == self._end:
            first = await connection.fetchval(NUMBERS, self.tenant, new_id(), BLOCK)
            self._next, self._end = first, first + BLOCK
        self._next += 1
        return f"FL-{datetime.now(UTC).year}-{self._next - 1:06}"

    async def _store(self, connection: Any, key: str, number: str, cart: list[str]) -> None:
        tenant, quantity = self.tenant, Decimal(QUANTITY)
        order, lines, holds = new_id(), [new_id() for _ in cart], [new_id() for _ in cart]
        digest = hashlib.sha256(orjson.dumps([CUSTOMER, cart])).digest()
        stored = orjson.dumps({"problems": [], "references": {"order_id": str(order)}}).decode()
        await connection.execute(KEY, tenant, new_id(), key, digest, stored)
        customer = await connection.fetchval(PARTNER, tenant, CUSTOMER)
        found = {row["sku"]: row for row in await connection.fetch(PRODUCTS, tenant, cart, CURRENCY)}
        products, names, prices = zip(*(SOLD(found[sku]) for sku in cart), strict=True)
        total = sum(prices) * quantity
        await connection.execute(ORDER, tenant, order, number, customer, CURRENCY, total)
        await connection.execute(LINES, tenant, order, quantity, CURRENCY, lines, products, names, prices, customer)
        places = dict(await connection.fetch(STOCK, tenant, products, quantity))
        if len(places) < len(products):
            raise RuntimeError("There isn't enough: nothing was stored")
        locations = [places[product] for product in products]
        await connection.execute(RESERVATIONS, tenant, quantity, holds, lines, products, locations)
        created = {"number": number, "customer": f"par_{customer.hex}", "currency": CURRENCY, "subtotal": plain(total)}
        facts = [created | {"lineItems": sold(lines, products, prices)}, {"lineItems": held(lines, locations)}]
        await connection.execute(
            EVENTS, tenant, new_id(), new_id(), order, *(orjson.dumps(each).decode() for each in facts)
        )


def sold(lines: Iterable[UUID], products: Iterable[UUID], prices: Iterable[Decimal]) -> list[dict[str, str]]:
    """The lines as the event of an order's making has them."""
    return [
        {
            "lineItem": f"lin_{line.hex}",
            "product": f"prod_{product.hex}",
            "quantity": str(QUANTITY),
            "unitPrice": plain(price),
        }
        for line, product, price in zip(lines, products, prices, strict=True)
    ]


def held(lines: Iterable[UUID], locations: Iterable[UUID]) -> list[dict[str, str]]:
    """The lines as the event of an order's confirmation has them."""
    return [
        {"lineItem": f"lin_{line.hex}", "location": f"loc_{location.hex}", "quantity": str(QUANTITY)}
        for line, location in zip(lines, locations, strict=True)
    ]


def plain(number: Decimal) -> str:
    """A number without trailing zeros."""
    return f"{number.normalize():f}"


async def unneeded(_connection: Any) -> None:
    """A connection that is given back needs no reset: its transaction left nothing behind."""


async def main(url: str, tenant: str) -> None:
    settings = {"jit": "off", "plan_cache_mode": "force_generic_plan"}
    async with asyncpg.create_pool(url, min_size=POOL, max_size=POOL, reset=unneeded, server_settings=settings) as pool:
        floor = Floor(pool, UUID(tenant))
        settle_memory()
        while line := await asyncio.to_thread(sys.stdin.readline):
            print((await work(floor, Job(**orjson.loads(line)))).text(), flush=True)


async def work(floor: Floor, job: Job) -> Result:
    """The result of a job."""
    again = Result()
    result = await drive(job, lambda _client, cart: floor.place(cart, again))
    result.retries, result.deadlocks = again.retries, again.deadlocks
    return result


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
