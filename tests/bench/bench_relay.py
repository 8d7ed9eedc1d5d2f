"""How many events a second one worker tells NATS of: ``make bench-live`` runs it last.

    python -m tests.bench.bench_relay [--short] [--events N]

20,000 events about 1,000 partners, a commit each, are in the log of one tenant, and then of eight; a relay in this process tells a NATS
server on 127.0.0.1, whose stream is in files, and stops its watch when the server has acknowledged all and the place is stored. Server,
PostgreSQL (an embedded one in ``.data/bench-relay``) and relay share the machine. Beside it stands what the broker's own client does in
this process with as many messages of that size, 64 under way, and no database: the floor, and the second tells how busy the machine is.
Exits 1 below 3,000 a second; with ``--short``, for busy machines, below a fifth of the floor.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import uvloop

from app.relay.outlet import LANES
from app.settings import CHECKOUT
from db.admin import embedded
from db.runtime.engine import Database, Target
from services.platform import tenants
from tests.bench import write_setup
from tests.support.brokers import Nats, relay, running

EVENTS, PARTNERS, MANY = 20_000, 1_000, 8
LEAST = 3_000.0

HAPPEN = """
    WITH happened AS (
        INSERT INTO events (tenant_id, id, type, subject_id, version, principal, before, after)
        SELECT $1, gen_random_uuid(), 'partner.updated', ('00000000-0000-7000-8000-' || lpad((n % $3)::text, 12, '0'))::uuid, n / $3 + 1,
            'bench', '{"name": "Bench and Company"}', '{"name": "Bench and Daughters", "city": "Berlin"}'
        FROM generate_series(1, $2::int) AS n RETURNING id)
    INSERT INTO commits (tenant_id, id, seq, events, kinds, subjects, reload)
    SELECT $1, gen_random_uuid(), nextval('commit_numbers'), ARRAY[id], '{}', '{}', '{}' FROM happened
"""

LEFT = """
    SELECT count(*) FROM tenants t LEFT JOIN relay_cursors r ON r.tenant_id = t.id
    WHERE t.id = ANY($1) AND r.seen IS DISTINCT FROM (SELECT max(seq) FROM commits WHERE tenant_id = t.id)
"""


async def told(admin: Any, whose: Sequence[UUID]) -> None:
    """Wait until the broker was told all there is."""
    async with asyncio.timeout(120):
        while await admin.fetchval(LEFT, whose):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)


async def floor(broker: Nats, events: int) -> float:
    """Messages a second that the client alone publishes."""
    async with broker.client() as client:
        stream = client.jetstream()
        await stream.add_stream(name="FLOOR", subjects=["floor.>"])
        left = iter(range(events))

        async def lane(lane: int) -> None:
            for number in left:
                headers = {"Nats-Msg-Id": f"{number}", **{f"ce-{name}": "x" * 24 for name in "abcdefgh"}}
                await stream.publish(f"floor.{lane}", b"x" * 350, headers=headers)

        start = perf_counter()
        await asyncio.gather(*(lane(number) for number in range(LANES)))
        found = events / (perf_counter() - start)
        await stream.delete_stream("FLOOR")
    return found


async def timed(target: Target, broker: Nats, whose: Sequence[UUID], events: int) -> float:
    """Events a second."""
    admin = await asyncpg.connect(target.admin)
    database = Database(target)
    await database.open()
    try:
        working = relay(database, target, [broker.url])
        async with running(working):
            for tenant in whose:
                await database.open_log(tenant)
            await told(admin, whose)
            for tenant in whose:
                await admin.execute(HAPPEN, tenant, events // len(whose), PARTNERS)
            await admin.execute("ANALYZE events, commits")
            sent, start = working.outlets[0].sent, perf_counter()
            await told(admin, whose)
            return (working.outlets[0].sent - sent) / (perf_counter() - start)
    finally:
        await database.close()
        await admin.close()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a bound for busy machines")
    parser.add_argument("--events", type=int, default=EVENTS, help=f"how many, in place of {EVENTS:,}")
    options = parser.parse_args()
    server = embedded.start(CHECKOUT / ".data" / "bench-relay")
    past = False
    try:
        with tempfile.TemporaryDirectory() as folder:
            broker = Nats(Path(folder))
            await broker.start()
            try:
                async with write_setup.database(server) as (target, tenant):
                    others = [await tenants.create(target, f"bench {number}", "EUR") for number in range(MANY)]
                    for what, whose in (("one tenant", [tenant]), (f"{MANY} tenants", others)):
                        alone = await floor(broker, options.events)
                        found = await timed(target, broker, whose, options.events)
                        least = alone / 5 if options.short else LEAST
                        past |= found < least
                        print(
                            f"relay to NATS, {what:12} {found:8,.0f} events/s (at least {least:,.0f});"
                            f" its client alone {alone:8,.0f}: {found / alone:.2f}"
                        )
            finally:
                broker.kill()
    finally:
        server.stop()
    return 1 if past else 0


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
