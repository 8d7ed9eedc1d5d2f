"""A worker that is ended in order gives back what it has, whenever that is: the next one goes on at once. Only one that is killed
costs as long as a lease lasts.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.relay.outlet import Outlet
from app.turns import held, to_the_end
from app.webhooks.dispatcher import Dispatcher
from services.platform import relaying
from services.webhooks import turns
from tests.support.brokers import Nats, relay
from tests.support.command import ended, started
from tests.support.demo_site import Site
from tests.support.graph import RECEIVING
from tests.support.http import eventually
from tests.support.receiver import Shop

WEBHOOK = "SELECT worker IS NULL AND leased_until <= now() AND due_at <= now() FROM webhook_turns"
"""Whether it is nobody's, and due."""

RELAY = "SELECT bool_and(worker IS NULL AND leased_until <= now()) FROM relay_cursors"
"""Whether all are nobody's."""


@pytest.fixture
async def broker(tmp_path: Path, site: Site) -> AsyncIterator[Nats]:
    it = Nats(tmp_path)
    await it.start()
    yield it
    it.kill()
    async with site.admin() as admin:
        await admin.execute("DELETE FROM relay_cursors")


class Held:
    """A function of a module that holds on, and says so, right after what it did or before, until it may go on."""

    def __init__(self, patch: pytest.MonkeyPatch, module: ModuleType, name: str, *, after: bool) -> None:
        self.reached, self.goes_on = asyncio.Event(), asyncio.Event()
        self._does: Callable[..., Awaitable[Any]] = getattr(module, name)
        self._after = after
        patch.setattr(module, name, self)

    async def __call__(self, *given: Any) -> Any:
        found = await self._does(*given) if self._after else None
        self.reached.set()
        await self.goes_on.wait()
        return found if self._after else await self._does(*given)


async def called_off(working: Any, turns_of: Dispatcher | Outlet, at: Held) -> None:
    """Call a worker off where it holds on, let go once its turns have heard of it, and wait until it has ended."""
    running = asyncio.create_task(working.run())
    await at.reached.wait()
    under_way = [*turns_of._running.values()]
    running.cancel()
    await eventually(lambda: all(each.cancelling() for each in under_way))
    await asyncio.sleep(0)  # what is called off has ended then, unless it goes on to its end
    at.goes_on.set()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def found(site: Site, sql: str) -> object:
    async with site.admin() as admin:
        return await admin.fetchval(sql)


@pytest.mark.parametrize("name, after", [("take", True), ("take", False), ("release", True), ("release", False)])
async def test_a_webhook_is_nobodys_once_its_worker_was_called_off(
    there: Shop, site: Site, monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool
) -> None:
    await there.hook("called off")
    told = f"called off {name} {after}"
    await there.make("CALLED-OFF", told)
    with monkeypatch.context() as patch:
        working = there.dispatcher()
        await called_off(working, working, Held(patch, turns, name, after=after))
    assert await found(site, "SELECT worker IS NULL AND leased_until <= now() FROM webhook_turns") is True
    async with there.working():
        assert await there.receiver.names(1) == [told]


async def test_what_was_under_way_is_due_at_once(there: Shop, site: Site) -> None:
    hung = asyncio.Event()
    there.receiver.waits_for = lambda _: hung.wait()
    made = await there.hook("under way")
    await there.make("UNDER-WAY", "under way")
    async with there.working():
        await there.receiver.names(1)
    assert await found(site, WEBHOOK) is True
    hung.set()
    async with there.working():
        await there.waits(made["webhook"]["id"], [("TAKEN", 1)])
    assert len({each.headers["webhook-id"] for each in there.receiver.got}) == 1


@pytest.mark.parametrize("name, after", [("take", True), ("take", False), ("release", True), ("release", False)])
async def test_a_place_is_nobodys_once_its_worker_was_called_off(
    broker: Nats, site: Site, monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool
) -> None:
    with monkeypatch.context() as patch:
        working = relay(site.database, site.target, [broker.url])
        await called_off(working, working.outlets[0], Held(patch, relaying, name, after=after))
    assert await found(site, RELAY) is True


async def test_sigterm_gives_all_back(there: Shop, broker: Nats, site: Site) -> None:
    hung = asyncio.Event()
    there.receiver.waits_for = lambda _: hung.wait()
    await there.hook("terminated")
    await there.make("TERMINATED", "terminated")
    given = {name.upper(): value for name, value in RECEIVING.items()}
    process = started(
        *("worker", "--relay", broker.url),
        DATABASE_URL=site.target.admin,
        APP_DATABASE_URL=site.target.serving,
        **given,
    )
    await there.receiver.names(1)
    process.send_signal(signal.SIGTERM)
    assert (await asyncio.to_thread(ended, process)).code == 128 + signal.SIGTERM
    assert (await found(site, WEBHOOK), await found(site, RELAY)) == (True, True)
    hung.set()


async def test_what_is_done_to_the_end_is_called_off_only_then() -> None:
    begun, goes_on, done = asyncio.Event(), asyncio.Event(), list[str]()

    async def work() -> str:
        begun.set()
        await goes_on.wait()
        done.append("done")
        return "found"

    task = asyncio.create_task(to_the_end(work()))
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["done"]
    assert await to_the_end(work()) == "found"


async def test_what_was_not_had_is_not_given_back() -> None:
    given = list[str]()

    async def take(what: str) -> str:
        return what

    async def give_back() -> None:
        given.append("given back")

    async with held(take(""), give_back) as taken:
        assert taken == ""
    assert given == []
    with pytest.raises(ValueError, match="broken"):
        async with held(take("place"), give_back):
            raise ValueError("broken")
    assert given == ["given back"]
