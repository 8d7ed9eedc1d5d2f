"""The log's sequence, where rows came without it: a copy by logical replication, or a database that was filled by hand."""

from uuid import UUID

from core.ids import new_id
from db.admin import numbers
from db.runtime import log
from db.runtime.engine import Database, Target, administration
from db.runtime.spread import Spread
from services.platform import tenants
from tests.support.postgres import TestServer


async def _last(target: Target) -> int:
    async with administration(target) as connection:
        return int(await connection.fetchval(log.LAST))


async def test_a_sequence_that_was_left_behind_goes_on_behind_the_rows(fresh: Target) -> None:
    first, second = [await tenants.create(fresh, name, "EUR") for name in ("one", "two")]
    database = Database(fresh)
    await database.open()
    try:
        for tenant in (first, second, first):
            async with database.transaction(tenant) as writer:
                writer.place(new_id())
        newest = await _last(fresh)
        assert newest == 3
        assert await numbers.go_on(fresh) == 0
        assert await _last(fresh) == newest
        async with administration(fresh) as connection:
            await connection.execute("ALTER SEQUENCE commit_numbers RESTART")
        assert await numbers.go_on(fresh) == newest
        async with database.transaction(second) as writer:
            writer.place(new_id())
        async with administration(fresh, second) as connection:
            rows = await connection.fetch("SELECT seq FROM commits WHERE tenant_id = $1 ORDER BY seq", second)
        assert [row["seq"] for row in rows] == [2, newest + numbers.MARGIN + 1]
        # A sequence that is ahead, as after a fail-over, isn't set back.
        ahead = await _last(fresh)
        async with administration(fresh, second) as connection:
            await connection.execute("DELETE FROM commits WHERE tenant_id = $1 AND seq > $2", second, newest)
        assert await numbers.go_on(fresh) == 0
        assert await _last(fresh) == ahead
    finally:
        await database.close()


async def test_a_database_without_a_commit_stays_as_it_is(fresh: Target) -> None:
    assert await numbers.go_on(fresh) == 0
    assert await _last(fresh) == 0


async def test_each_database_has_numbers_of_its_own(server: TestServer) -> None:
    """A tenant's log was settled by the numbers of the first database, wherever the tenant lived."""
    async with server.fresh() as first, server.fresh() as second:
        here, there = await tenants.create(first, "here", "EUR"), await tenants.create(second, "there", "EUR")
        spread = Spread(first, others={"emea": Database(second)}, places={there: "emea"}, opened={"emea"})
        await Database.open(spread)
        await spread.others["emea"].open()
        told: list[UUID] = []
        spread.report_commits(told.append)
        try:
            for tenant in (here, there, there, there):
                async with spread.transaction(tenant) as writer:
                    writer.place(new_id())
            assert (await spread.settled(here), await spread.settled(there)) == (1, 3)
            assert await spread.drawn([here, there]) == {here: 1, there: 3}
            assert await spread.drawn([]) == {}
            assert told == [here, there, there, there]
            # Where one is away, the others go on.
            spread.opened.clear()
            assert await spread.drawn([here, there]) == {here: 1}
            spread.opened.add("emea")
        finally:
            await spread.close()
