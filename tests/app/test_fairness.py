"""A tenant that asks for much while others are there is held back to its share, its keys evenly; alone it isn't
(docs/security.md, 22; attack 4)."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any
from uuid import UUID

import pytest

from app.errors.http_errors import Throttled
from app.throttling import fairness
from app.throttling.budgets import Charge, _Account
from app.throttling.concurrency import Owner
from app.throttling.fairness import FairShare, Neighbours
from core.spending import HELD
from db.runtime.reader import Reader
from services.platform import keys
from tests.support.demo_site import Site

RATE = 500
"""Objects a second: 250 of them in a process; 50 are never held back."""

PAGE = {"query": "{ orders(first: 60) { nodes { id } } }"}
BESIDE = {"query": "{ viewer { principal } }"}


class Clock:
    """The time, which passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(fairness, "monotonic", clock)
    monkeypatch.setattr(fairness, "sleep", clock.sleep)
    return clock


def owner(name: str) -> Owner:
    """``a1`` is the first key of tenant a."""
    return name[0], name


@pytest.fixture
def together(clock: Clock) -> Callable[..., FairShare]:
    """The share of ``a1``, where these have asked for something in this order."""

    def made(*asked: str) -> FairShare:
        neighbours = Neighbours()
        for name in asked:
            neighbours.saw(owner(name), clock.now)
        return FairShare(owner("a1"), RATE, neighbours)

    return made


@pytest.mark.parametrize(
    "asked, keys",
    [
        (["a1"], None),
        (["a1", "a1", "a1"], None),
        (["a1", "b1"], 1),
        (["b1", "a1"], 1),
        (["b1", "a1", "a1"], 1),
        (["a1", "b1", "b2"], 1),
        (["a1", "a2"], 1),
        (["a1", "a2", "a3", "b1"], 3),
    ],
)
async def test_it_waits_while_others_are_there(
    clock: Clock, together: Callable[..., FairShare], asked: list[str], keys: int | None
) -> None:
    """Beside other tenants all keys of a tenant together have what one has beside keys of its own tenant."""
    mine = together(*asked)
    # One after the other asks again and again, so that they stay.
    mine._neighbours._forget = lambda now: None  # type: ignore[method-assign]  # noqa: ARG005 - its signature
    mine.spend(200)
    await mine.wait()
    expected = 0.0 if keys is None else (200 - 50 / keys) / (250 / keys)
    assert clock.slept == pytest.approx(expected, abs=0.003)


async def test_who_left_a_second_ago_is_not_there(clock: Clock, together: Callable[..., FairShare]) -> None:
    mine = together("b1", "a1")
    mine.spend(200)
    clock.now += 0.5
    mine.spend(200)
    await mine.wait()
    # 200 - 50 - 125 + 200 would take 0.9 s; the other one has been gone for a second after 0.5 of it.
    assert 0.5 <= clock.slept < 0.501 + fairness.STEP


async def test_a_screen_at_once_is_not_held_back(clock: Clock, together: Callable[..., FairShare]) -> None:
    mine = together("b1", "a1")
    mine.spend(50)
    await mine.wait()
    assert clock.slept == 0
    mine.spend(25)
    await mine.wait()
    assert clock.slept == pytest.approx(0.1, abs=0.002)


async def test_what_is_given_back_need_not_be_waited_for(clock: Clock, together: Callable[..., FairShare]) -> None:
    mine = together("b1", "a1")
    mine.spend(5_000)
    mine.spend(-4_900)
    await mine.wait()
    assert clock.slept == pytest.approx(50 / 250, abs=0.002)


async def test_attack_4_more_keys_are_no_larger_share(clock: Clock) -> None:
    """Twenty users of one tenant, each new, take turns beside another tenant; what they get is what one would."""
    neighbours = Neighbours()
    began, served = clock.now, 0
    shares = {name: FairShare(owner(name), RATE, neighbours) for name in (f"a{number}" for number in range(20))}
    for number in range(400):
        neighbours.saw(owner("b1"), clock.now)
        name = f"a{number % 20}"
        neighbours.saw(owner(name), clock.now)
        await shares[name].wait()
        shares[name].spend(25)
        served += 25
        clock.now += 0.001
        if clock.now - began > 30:
            break
    assert served <= 250 * (clock.now - began + fairness.BURST + fairness.LENT) + 25


async def test_attack_4_a_key_that_spends_little_waits_only_where_its_tenant_owes_much(clock: Clock) -> None:
    neighbours = Neighbours()
    large, small = (FairShare(owner(name), RATE, neighbours) for name in ("a1", "a2"))
    for name in ("a1", "a2", "b1"):
        neighbours.saw(owner(name), clock.now)
    large.spend(250 * 4)
    await small.wait()
    assert clock.slept == 0
    large.spend(250)
    neighbours._forget = lambda now: None  # type: ignore[method-assign]  # noqa: ARG005 - all stay
    await small.wait()
    # It had 50 to spend at once.
    assert clock.slept == pytest.approx(0.8, abs=0.01)


async def test_attack_4_those_that_waited_are_not_let_through_together(clock: Clock) -> None:
    """Each counts for what its key's requests take as a rule from when it is let through, and gives back what it didn't take."""
    neighbours = Neighbours()
    neighbours._forget = lambda now: None  # type: ignore[method-assign]  # noqa: ARG005 - all stay
    share = FairShare(owner("a1"), RATE, neighbours)
    for name in ("a1", "b1"):
        neighbours.saw(owner(name), clock.now)
    learnt = [0]
    for _ in range(3):
        share.learn(400)
        learnt.append(share.usual)
    assert learnt == [0, 100, 175, 231]
    charges = [Charge(_Account(UUID(int=1), (), share, asyncio.Lock())) for _ in range(3)]
    began, through = clock.now, list[float]()
    for charge in charges:
        await charge.keep_pace()
        through.append(clock.now - began)
    # 50 may be spent at once, 250 a second: the second waits until the first's 231 are down to none, the third for its own.
    assert through == pytest.approx([0, (231 - 50) / 250, (2 * 231 - 50) / 250], abs=0.003)
    for charge in charges:
        charge.end()
    before = clock.now
    await share.wait()
    # They came to nothing, which counts 125.
    assert (clock.now, share.usual) == (before, 169)


async def test_a_long_request_gives_way_while_another_tenants_is_under_way(
    clock: Clock, together: Callable[..., FairShare]
) -> None:
    asked = iter([True, True, False])
    share = together("a1", "a2")
    share.held.seconds = 1.0
    await share.give_way(lambda: next(asked))
    assert (clock.slept, share.held.seconds) == (0, 0)
    share = together("a1", "b1")
    share.held.seconds = 1.0
    await share.give_way(lambda: next(asked))
    assert share.held.seconds == 0
    assert clock.slept == pytest.approx(3 * fairness.STEP_PAUSE)
    assert list(asked) == []
    clock.slept, share.held.seconds = 0, 1.0
    await share.give_way(lambda: True)
    assert clock.slept == pytest.approx(fairness.PAUSES * fairness.STEP_PAUSE)


async def test_long_requests_of_a_tenant_give_way_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one of them paused the others went on, and who came between had no more of the loop than before."""
    neighbours, paused, most, slept = Neighbours(), 0, 0, 0
    neighbours.saw(owner("b1"), monotonic())

    async def pause(_seconds: float) -> None:
        nonlocal paused, most, slept
        slept += 1
        paused += 1
        most = max(most, paused)
        await asyncio.sleep(0)
        paused -= 1

    async def works_on(share: FairShare) -> None:
        """A request that holds the loop again, once it has given way."""
        await share.give_way(lambda: True)
        share.held.seconds += 2 * HELD

    monkeypatch.setattr(fairness, "sleep", pause)
    keys_of_one = [FairShare(owner(name), RATE, neighbours) for name in ("a1", "a2", "a3")]
    keys_of_one[0].held.seconds = 1.0
    await asyncio.gather(*map(works_on, keys_of_one))
    assert most == 1
    # The one before paused for those who wait, unless it went on.
    keys_of_one[0].held.seconds = 1.0
    before = slept
    await asyncio.gather(*(share.give_way(lambda: True) for share in keys_of_one))
    assert slept == before + fairness.PAUSES
    neighbours.saw(owner("a1"), monotonic())
    other = FairShare(owner("b1"), RATE, neighbours)
    keys_of_one[0].held.seconds = other.held.seconds = 1.0
    await asyncio.gather(keys_of_one[0].give_way(lambda: True), other.give_way(lambda: True))
    assert most == 2


async def test_what_nobody_refers_to_is_forgotten(clock: Clock) -> None:
    neighbours = Neighbours()
    for number in range(100):
        neighbours.saw((number, "key"), clock.now)
        FairShare((number, "key"), RATE, neighbours).spend(5)
    clock.now += fairness.PRESENT
    assert not neighbours.others((0, "key"))
    assert (len(neighbours._seen), len(neighbours._keys), len(neighbours._debts)) == (0, 0, 0)


async def test_one_after_the_other_and_none_for_longer_than_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "LONGEST", 0.2)
    neighbours = Neighbours()
    mine = FairShare(owner("a1"), RATE, neighbours)
    order: list[Any] = []
    neighbours.saw(owner("b1"), monotonic())
    mine.spend(70)

    async def one(number: int) -> None:
        try:
            await mine.wait()
        except Throttled as error:
            order.append((number, error.message, error.headers["retry-after"]))
        else:
            order.append(number)
            mine.spend(20)

    await asyncio.gather(*(one(number) for number in range(4)))
    refused = "This key asks for more than its share while others wait. Try again in 1 s."
    # Each takes 0.08 s: two have come, when those that wait are told.
    assert order == [0, 1, (2, refused, "1"), (3, refused, "1")]


async def test_requests_are_held_back_only_beside_another_key(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the key: another key of the same tenant is somebody else, and isn't held back itself."""
    waited = []

    async def counted(seconds: float) -> None:
        if seconds:  # a turn alone is no wait
            waited.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(fairness, "sleep", counted)
    settings: dict[str, Any] = {"budget": 1_000_000, "budget_rate": 4_000}
    other = await keys.create(site.target, site.tenants[0].id, "beside the flood")
    async with site.client(**settings) as client:
        for _ in range(12):
            assert (await client.post("/graphql", json=PAGE)).status_code == 200
        assert waited == []
        beside = await client.post("/graphql", json=BESIDE, headers={"Authorization": f"Bearer {other}"})
        assert (beside.status_code, waited) == (200, [])
        held = await client.post("/graphql", json=PAGE)
    assert held.status_code == 200
    assert waited
    assert max(waited) <= fairness.STEP


async def test_statements_may_take_several_cores_only_while_no_other_tenant_is_there(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: list[bool] = []
    fetch = Reader.fetch

    async def fetched(reader: Reader, sql: str, *values: Any, **more: Any) -> list[Any]:
        if "FROM orders" in sql:
            alone.append(reader.alone)
        return await fetch(reader, sql, *values, **more)

    monkeypatch.setattr(Reader, "fetch", fetched)
    own = await keys.create(site.target, site.tenants[0].id, "several cores")
    other = await keys.create(site.target, site.tenants[1].id, "several cores")
    async with site.client(price_by_data=False) as client:
        for key in (site.key, own, other, site.key):
            answer = await client.post("/graphql", json=PAGE, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200
    assert alone == [True, True, False, False]
