"""The worker: it does all upkeep, one process at a time, and another goes on where that one ends or stands still."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.upkeep import Keeper
from core.ids import new_id
from db.runtime import lease
from db.runtime.lease import leased
from services.platform import sweeping
from tests.support.command import ended, started
from tests.support.demo_site import Site
from tests.support.http import eventually

TEST = 99
"""A lease of the tests' own: a worker of another test may have the real one."""


async def test_a_lease_is_one_processs_at_a_time(site: Site) -> None:
    async with leased(site.target, TEST) as mine:
        assert mine is not None
        async with leased(site.target, TEST) as other:
            assert other is None
        async with leased(site.target, TEST + 1) as another:
            assert another is not None
        assert not mine.done()
    assert mine.cancelled()
    async with leased(site.target, TEST) as next_:
        assert next_ is not None


async def test_a_lease_is_lost_with_its_connection(site: Site) -> None:
    async with leased(site.target, TEST) as mine, site.admin() as admin:
        assert mine is not None
        await admin.execute(ENDS, TEST)
        async with asyncio.timeout(30):
            await mine
        async with leased(site.target, TEST) as next_:
            assert next_ is not None


ENDS = """
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 1818583411 AND objid = $1 AND database = (
        SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_a_holder_that_stands_still_loses_it_by_the_databases_clock(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 3_600.0)
    with monkeypatch.context() as briefly:
        briefly.setattr(lease, "LASTS", 2.0)
        holding = leased(site.target, TEST)
        mine = await holding.__aenter__()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(holding)
        assert mine is not None
        async with asyncio.timeout(30):
            while True:
                async with leased(site.target, TEST) as next_:
                    if next_ is not None:
                        break
                await asyncio.sleep(0.05)


async def test_a_lease_holds_up_no_vacuum(site: Site) -> None:
    async with leased(site.target, TEST) as mine, site.admin() as admin:
        assert mine is not None
        rows = await admin.fetch(
            "SELECT a.backend_xid, a.backend_xmin FROM pg_stat_activity a JOIN pg_locks l USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.classid = 1818583411 AND l.objid = $1",
            TEST,
        )
        assert [tuple(row) for row in rows] == [(None, None)]


@pytest.fixture
async def old(site: Site) -> AsyncIterator[Any]:
    """Something of each tenant that is kept no longer."""
    async with site.admin() as admin:
        for tenant in site.tenants:
            await admin.execute(
                "INSERT INTO idempotency_keys (tenant_id, id, key, command, digest, answer, created_at)"
                " VALUES ($1, $2, 'upkeep', 'X', '', '{}', now() - interval '3 days')",
                tenant.id,
                new_id(),
            )

        async def left() -> list[str]:
            rows = await admin.fetch("SELECT tenant_id FROM idempotency_keys WHERE key = 'upkeep'")
            return [str(row["tenant_id"]) for row in rows]

        yield left
        await admin.execute("DELETE FROM idempotency_keys WHERE key = 'upkeep'")
        await admin.execute("UPDATE tenants SET frozen_at = NULL")


async def test_a_worker_keeps_all_tenants_up_but_for_those_that_are_frozen(site: Site, old: Any) -> None:
    frozen, other = site.tenants
    async with site.admin() as admin:
        await admin.execute("UPDATE tenants SET frozen_at = now() WHERE id = $1", frozen.id)
    worker = Keeper({"main": site.target}, 30)
    assert sorted(await old()) == sorted([str(frozen.id), str(other.id)])
    working = asyncio.create_task(worker.run())
    try:
        await eventually(lambda: worker.rounds >= 1)
        assert await old() == [str(frozen.id)]
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_a_worker_goes_on_where_another_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.upkeep.LEASE_RETRY_AFTER", 0.05)
    first, second = Keeper({"main": site.target}, 30), Keeper({"main": site.target}, 30)
    one = asyncio.create_task(first.run())
    await eventually(lambda: first.rounds >= 1)
    two = asyncio.create_task(second.run())
    try:
        await asyncio.sleep(0.3)
        assert second.rounds == 0
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        await eventually(lambda: second.rounds >= 1)
    finally:
        two.cancel()
        await asyncio.gather(two, return_exceptions=True)


async def test_what_fails_for_a_tenant_holds_up_no_other(site: Site, old: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = site.tenants[0]

    async def fails(given: Any, tenant: Any) -> int:
        if tenant == first.id:
            raise TimeoutError
        return await keep(given, tenant)

    [keys] = [each for each in sweeping.everything() if each.name == "keys"]
    keep = keys.keep
    monkeypatch.setattr(sweeping, "everything", lambda: (keys._replace(keep=fails),))
    worker = Keeper({"main": site.target}, 30)
    working = asyncio.create_task(worker.run())
    try:
        await eventually(lambda: worker.rounds >= 1)
        assert await old() == [str(first.id)]
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def test_each_module_declares_its_own_upkeep() -> None:
    found = sweeping.everything()
    assert {"keys", "commits", "holds", "rollups"} <= {each.name for each in found}
    assert len({each.name for each in found}) == len(found)
    assert all(each.report.format(1_000).count("1,000") == 1 and each.every >= 60 for each in found)


def test_the_command_works_until_it_is_told_to_end(site: Site) -> None:
    process = started("worker", DATABASE_URL=site.target.admin, APP_DATABASE_URL=site.target.serving)
    assert process.stderr
    while "working" not in (line := process.stderr.readline()):
        assert line, "it ended before it worked"
    process.send_signal(signal.SIGTERM)
    last = ended(process)
    assert last.code == 128 + signal.SIGTERM
    assert "stopping" in last.err
    assert "Traceback" not in last.err


async def test_a_worker_that_is_called_off_in_the_middle_of_a_commit_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears then that the outcome isn't known, took that for the database's fault, and went on: a server waited for it without end."""
    committing = asyncio.Event()

    async def keep(given: Any, tenant: Any) -> int:
        async with given.database.transaction(tenant) as writer:
            writer._placing = "SELECT pg_sleep(3)"  # what stands in the message of the commit
            asyncio.get_running_loop().call_later(0.2, committing.set)
        return 0

    [keys] = [each for each in sweeping.everything() if each.name == "keys"]
    monkeypatch.setattr(sweeping, "everything", lambda: (keys._replace(keep=keep),))
    working = asyncio.create_task(Keeper({"main": site.target}, 30).run())
    await committing.wait()
    working.cancel()
    done, _ = await asyncio.wait((working,), timeout=60)
    assert done
    assert working.cancelled()
