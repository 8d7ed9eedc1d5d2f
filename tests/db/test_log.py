"""The log of commits: whoever follows it misses nothing, and sees a record's changes in their order (ADR 42).

Each proof is also run on a log that is broken on purpose, in the three ways in which others broke theirs.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.errors import Overloaded
from core.ids import new_id
from db.runtime import log
from db.runtime.engine import Database, Target, administration
from db.runtime.writer import Writer
from db.tenancy import set_tenant
from services.platform import tenants
from tests.support.http import eventually

READ = "SELECT id, seq FROM commits WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq"
PLACE = "CREATE OR REPLACE FUNCTION place_commit(uuid, integer, uuid, uuid[], smallint[], uuid[], smallint[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN {} END $$"
LOCK = f"PERFORM pg_advisory_xact_lock_shared({log.FEED}, $2);"
INSERT = (
    "INSERT INTO commits (tenant_id, id, seq, events, kinds, subjects, reload) VALUES ($1, $3, {}, $4, $5, $6, $7);"
)
WAITS = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = {log.FEED} AND NOT granted"

Settle = Callable[..., Awaitable[int]]


async def settled_late(connection: Any, tenants: Any, *, within: float = 1.0) -> int:
    """As ``log.settled``, but the number is read after the holders of the lock."""
    look = connection
    keys = [log.lock_key(each) for each in tenants]
    if busy := [row["key"] for row in await look(log.BUSY, keys, log.FEED)]:
        await log._outlast(look, busy, within)
    [[last]] = await look(log.LAST)
    return int(last)


@dataclass
class Ground:
    """A database, a tenant, and what was committed for it and read of it."""

    target: Target
    database: Database
    tenant: UUID
    settle: Settle = log.settled
    at: int = 0
    read: list[UUID] = field(default_factory=list)

    async def connect(self) -> Any:
        return await asyncpg.connect(self.target.serving, server_settings=self.target.settings())

    async def begin(self) -> Any:
        """A connection in a transaction of the tenant's."""
        connection = await self.connect()
        await connection.execute(f"BEGIN;{set_tenant(self.tenant)}")
        return connection

    async def commit(self) -> UUID:
        """A whole transaction that has a place in the log."""
        commit = new_id()
        async with self.database.transaction(self.tenant) as writer:
            writer.place(commit)
        return commit

    async def round(self, connection: Any = None, **options: Any) -> None:
        """Read on, as far as may be."""
        if connection is None:
            async with self.database._reading.acquire() as borrowed:
                last = await self.settle(log.Look(borrowed), (self.tenant,), **options)
        else:
            last = await self.settle(log.Look(connection), (self.tenant,), **options)
        async with administration(self.target, self.tenant) as reader:
            rows = await reader.fetch(READ, self.tenant, self.at, last)
        self.read += [row["id"] for row in rows]
        self.at = max(self.at, last)


@pytest.fixture
async def ground(fresh: Target) -> AsyncIterator[Ground]:
    tenant = await tenants.create(fresh, "followed", "EUR")
    database = Database(fresh)
    await database.open()
    yield Ground(fresh, database, tenant)
    await database.close()


# ---------------------------------------------------------------- the schedules in which a commit could be missed


class Looking:
    """A reader's connection, which counts how often was looked, and does something after the first look."""

    def __init__(self, connection: Any, then: str = "", on: Any = None) -> None:
        self.connection, self.then, self.on = connection, then, on
        self.looks = 0

    async def fetch(self, *statement: Any) -> Any:
        rows = await self.connection.fetch(*statement)
        self.looks += 1
        if self.looks == 1 and self.then:
            await self.on.execute(self.then)
        return rows


async def drawn_and_not_ended(ground: Ground) -> list[UUID]:
    """A writer has its number, and one with a later number is quicker."""
    slow, early = await ground.begin(), new_id()
    await slow.execute(log.place(ground.tenant, early))
    late = await ground.commit()
    reader = Looking(await ground.connect())
    reading = asyncio.create_task(ground.round(reader))
    await eventually(lambda: reading.done() or reader.looks > 4)
    await slow.execute("COMMIT")
    await reading
    await ground.round()
    await asyncio.gather(slow.close(), reader.connection.close())
    return [early, late]


async def drawn_between_two_looks(ground: Ground) -> list[UUID]:
    """A writer draws its number when the reader has looked once, and ends when it has looked for the last time."""
    slow, own = await ground.begin(), new_id()
    reader = Looking(await ground.connect(), log.place(ground.tenant, own), slow)
    reading = asyncio.create_task(ground.round(reader))
    await eventually(lambda: reading.done() or reader.looks > 4)
    await slow.execute("COMMIT")
    await reading
    await ground.round()
    await asyncio.gather(slow.close(), reader.connection.close())
    return [own]


async def held_up_at_the_lock(ground: Ground) -> list[UUID]:
    """A writer waits for the lock, which a reader has for a moment."""
    writer, own = await ground.begin(), new_id()
    other = await ground.connect()
    await other.execute(f"BEGIN; SELECT pg_advisory_xact_lock({log.FEED}, {log.lock_key(ground.tenant)})")
    placing = asyncio.create_task(writer.execute(log.place(ground.tenant, own)))
    async with administration(ground.target) as watch:
        while not await watch.fetchval(WAITS):  # noqa: ASYNC110 - PostgreSQL has no event for it
            await asyncio.sleep(0.005)
    await ground.round()
    await other.execute("ROLLBACK")
    await placing
    await writer.execute("COMMIT")
    await ground.round()
    await asyncio.gather(writer.close(), other.close())
    return [own]


SCHEDULES = (drawn_and_not_ended, drawn_between_two_looks, held_up_at_the_lock)
BROKEN = {
    "lock left out": (drawn_and_not_ended, PLACE.format(INSERT.format("nextval('commit_numbers')"))),
    "number read after the holders": (drawn_between_two_looks, ""),
    "lock after the number": (
        held_up_at_the_lock,
        PLACE.format(f"DECLARE n bigint := nextval('commit_numbers'); BEGIN {LOCK} {INSERT.format('n')} END;"),
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
async def test_nothing_is_missed_and_nothing_told_twice(ground: Ground, schedule: Any) -> None:
    assert await schedule(ground) == ground.read


@pytest.mark.parametrize("how", BROKEN)
async def test_a_log_that_is_broken_on_purpose_is_found_out(ground: Ground, how: str) -> None:
    schedule, broken = BROKEN[how]
    if broken:
        async with administration(ground.target) as owner:
            await owner.execute(broken)
    else:
        ground.settle = settled_late
    committed = await schedule(ground)
    async with administration(ground.target, ground.tenant) as owner:
        assert await owner.fetchval("SELECT count(*) FROM commits WHERE id = ANY($1)", committed) == len(committed)
    assert set(committed) - set(ground.read)


# ---------------------------------------------------------------- under load

WRITERS, EACH = 6, 25
TOUCH = "UPDATE products SET version = version + 1 WHERE tenant_id = $1 AND sku = $2 RETURNING id, version"


async def test_p1_many_writers_of_the_same_records(ground: Ground) -> None:
    """Versions of a record rise in the order of the log, whatever writers waited for, and a tenth of them roll back."""
    async with administration(ground.target, ground.tenant) as owner:
        for sku in "ABC":
            await owner.execute(
                "INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, $3, 'x')", ground.tenant, new_id(), sku
            )
    dice = random.Random(1)
    committed: dict[UUID, tuple[str, int]] = {}

    async def write(number: int) -> None:
        for _ in range(EACH):
            sku, commit = dice.choice("ABC"), new_id()
            try:
                async with ground.database.transaction(ground.tenant) as writer:
                    await asyncio.sleep(dice.choice((0, 0.001, 0.003)))
                    [row] = await writer.rows(TOUCH, sku)
                    await asyncio.sleep(dice.choice((0, 0.001)))
                    if dice.random() < 0.1:
                        raise LookupError(number)
                    writer.place(commit, (), [(1, row["id"])])
                    found = sku, row["version"]
            except LookupError:
                continue
            committed[commit] = found

    writing = [asyncio.create_task(write(number)) for number in range(WRITERS)]
    while not all(each.done() for each in writing):
        await ground.round()
    await asyncio.gather(*writing)
    await ground.round()
    assert len(ground.read) == len(set(ground.read))
    assert set(ground.read) == set(committed)
    assert len(committed) > WRITERS * EACH / 2
    for sku in "ABC":
        versions = [committed[each][1] for each in ground.read if committed[each][0] == sku]
        assert versions == sorted(versions)
        assert len(versions) > 10


# ---------------------------------------------------------------- what holds whom up


async def test_a_long_transaction_holds_nobody_up(ground: Ground) -> None:
    """Others wait for every transaction of the server that began before."""
    long = await ground.begin()
    await long.execute("SELECT txid_current()")
    commit = await ground.commit()
    await ground.round(within=0)
    assert ground.read == [commit]
    await long.close()


async def test_a_writer_that_stays_holds_up_its_tenants_readers_and_no_others(ground: Ground) -> None:
    other = await tenants.create(ground.target, "other", "EUR")
    stays = await ground.begin()
    await stays.execute(log.place(ground.tenant, new_id()))
    with pytest.raises(Overloaded):
        await ground.round(within=0.02)
    assert ground.read == []
    async with ground.database._reading.acquire() as connection:
        assert await log.settled(log.Look(connection), (other,), within=0) > 0
    # Nor does it hold up who writes for the same tenant.
    commit = await ground.commit()
    await stays.execute("ROLLBACK")
    await ground.round()
    assert ground.read == [commit]
    await stays.close()


async def test_a_place_is_taken_in_the_message_that_commits(ground: Ground) -> None:
    """No round trip is added to a command: BEGIN, what it does, and COMMIT."""
    sent: list[str] = []

    class Counting:
        async def execute(self, statements: str) -> None:
            sent.append(statements)

        def is_in_transaction(self) -> bool:
            return False

    writer = Writer(Counting(), ground.tenant)
    await writer.begin()
    commit, event, subject = new_id(), new_id(), new_id()
    writer.place(commit, [event], [(6, subject)])
    await writer.commit("BEGIN")
    assert len(sent) == 2
    assert sent[1] == (
        f"SELECT place_commit('{ground.tenant}',{log.lock_key(ground.tenant)},'{commit}',"
        f"'{{{event.hex}}}','{{6}}','{{{subject.hex}}}','{{}}');COMMIT;BEGIN"
    )


async def test_a_commit_whose_place_is_refused_is_no_commit(ground: Ground) -> None:
    """An error in the message that commits is told as what it is: nothing was stored."""
    commit = await ground.commit()
    with pytest.raises(asyncpg.UniqueViolationError):
        async with ground.database.transaction(ground.tenant) as writer:
            await writer.rows("INSERT INTO products (tenant_id, id, sku, name) VALUES ($1, $2, 'GONE', 'x')", new_id())
            writer.place(commit)
    async with administration(ground.target, ground.tenant) as owner:
        assert await owner.fetchval("SELECT count(*) FROM products") == 0


def test_the_lock_of_a_tenant_is_a_number_that_postgresql_takes() -> None:
    assert log.lock_key(UUID(int=2**32 - 1)) == -1
    assert log.lock_key(UUID(int=2**31)) == -(2**31)
    assert log.lock_key(UUID("00000000-0000-0000-0000-0000000000ff")) == 255
