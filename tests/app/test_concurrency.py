"""Connections are shared by tenant first: whatever one runs, another one that runs nothing finds a connection (attack 4)."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors.http_errors import Throttled
from app.throttling import concurrency
from app.throttling.concurrency import ConcurrencyLimits, Owner, Slots
from core.errors import Overloaded
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.locks import locked, waiting

PAGE = {"query": "{ orders(first: 250) { nodes { id } } }"}
BESIDE = {"query": "{ products(first: 1) { nodes { id } } }"}


def taken(slots: Slots, owner: Owner, most: int = 100) -> int:
    """How many an owner gets at once."""
    for count in range(most):
        if not slots._may_run(owner):
            return count
        slots._start(owner)
    return most


@pytest.mark.parametrize(
    "size, by_key, by_tenant, for_others",
    [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 2), (4, 2, 2, 2), (10, 5, 8, 2), (20, 10, 18, 2)],
)
def test_what_a_key_and_a_tenant_may_run(size: int, by_key: int, by_tenant: int, for_others: int) -> None:
    slots = Slots(size)
    assert taken(slots, ("a", "1")) == by_key
    assert by_key + taken(slots, ("a", "2")) + taken(slots, ("a", "3")) == by_tenant
    assert [taken(slots, (tenant, "1")) for tenant in "bcd"] == [int(n < for_others) for n in range(3)]


async def test_who_runs_least_comes_first() -> None:
    slots, order = Slots(4), []
    for owner in (("a", "1"), ("a", "1"), ("b", "1"), ("c", "1")):
        assert slots._may_run(owner)
        slots._start(owner)

    async def one(owner: Owner) -> None:
        await slots.acquire(owner)
        order.append(owner)

    waits = [("a", "2"), ("b", "1"), ("d", "1"), ("e", "1")]
    tasks = [asyncio.create_task(one(owner)) for owner in waits]
    await asyncio.sleep(0)
    for owner in (("a", "1"), ("a", "1"), ("b", "1"), ("c", "1")):
        slots.release(owner)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    # First one of those that run nothing; by then a and b run nothing either, and have waited longer.
    assert order == [("d", "1"), ("a", "2"), ("b", "1"), ("e", "1")]


async def test_who_waits_too_long_is_refused_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "WAIT", 0.01)
    slots, owner = Slots(2), ("a", "1")
    await slots.acquire(owner)
    with pytest.raises(Overloaded):
        await slots.acquire(owner)
    called_off = asyncio.create_task(slots.acquire(owner))
    await asyncio.sleep(0)
    called_off.cancel()
    with pytest.raises(asyncio.CancelledError):
        await called_off
    slots.release(owner)
    assert (slots._total, slots._running, slots._waiting) == (0, Counter(), {})
    await slots.acquire(owner)


async def test_a_turn_that_comes_as_one_leaves_goes_to_the_next() -> None:
    slots, owner = Slots(2), ("a", "1")
    await slots.acquire(owner)
    first, second = (asyncio.create_task(slots.acquire(owner)) for _ in range(2))
    await asyncio.sleep(0)
    slots.release(owner)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    slots.release(owner)
    assert (slots._total, slots._running, slots._waiting) == (0, Counter(), {})


def test_in_flight_by_key_and_by_tenant() -> None:
    limits = ConcurrencyLimits(10, 2, 3)
    slots = [limits.slot(("a", key)).__enter__() for key in "112"]
    with pytest.raises(Throttled, match="This key has 2 requests in flight"):
        limits.slot(("a", "1"))
    with pytest.raises(Throttled, match="This tenant has 3 requests in flight"):
        limits.slot(("a", "3"))
    assert not slots[0].beside()
    with limits.slot(("b", "1")) as other:
        assert (slots[0].beside(), other.beside()) == (True, True)
    assert not slots[0].beside()
    for slot in slots:
        slot.__exit__()
    assert limits._in_flight == Counter()


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("12"), st.sampled_from(["ask", "end"])), max_size=80)


@given(STEPS, st.integers(1, 8))
async def test_attack_4_a_tenant_that_runs_nothing_finds_a_connection(steps: list[Any], size: int) -> None:
    """With two tenants always; with more, as far as there are connections; and nobody waits for what is free."""
    slots = Slots(size)
    running: list[tuple[Owner, asyncio.Task[None]]] = []
    for tenant, key, what in steps:
        owner = (tenant, key)
        if what == "ask":
            running.append((owner, asyncio.create_task(slots.acquire(owner))))
        else:
            mine = [each for each in running if each[0] == owner and each[1].done()]
            if mine:
                running.remove(mine[0])
                slots.release(owner)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        at_work = Counter(owner[0] for owner, task in running if task.done())
        idle = {owner[0] for owner, task in running if not task.done()} - at_work.keys()
        assert at_work.total() == slots._total <= size
        assert all(count <= max(1, size - 2) for count in at_work.values())
        assert not idle or slots._total == size
        if size >= 4 and len(at_work) < 3:
            assert not idle
        assert not any(slots._may_run(owner) for owner in slots._waiting)
    for _, task in running:
        task.cancel()
    await asyncio.gather(*(task for _, task in running), return_exceptions=True)


async def test_attack_4_two_keys_of_one_tenant_leave_connections_to_the_others(site: Site) -> None:
    """Both run as much as they may, all of it slow; each small query of another tenant is answered, none with 503."""
    other = await keys.create(site.target, site.tenants[0].id, "second of two")
    foreign = await keys.create(site.target, site.tenants[1].id, "another tenant")
    app = site.client()
    async with app as client, locked(site.target) as holder:
        flying = [
            asyncio.create_task(client.post("/graphql", json=PAGE, headers={"Authorization": f"Bearer {key}"}))
            for key in (site.key, other)
            for _ in range(12)
        ]
        await waiting(holder, 8)
        theirs = [
            await client.post("/graphql", json=BESIDE, headers={"Authorization": f"Bearer {foreign}"})
            for _ in range(10)
        ]
        assert [answer.status_code for answer in theirs] == [200] * 10
        await holder.execute("ROLLBACK")
        await asyncio.gather(*flying)
