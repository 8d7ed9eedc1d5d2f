"""A key that asks for much while others are there is held back to its share, and alone it isn't (THREATS.md 22)."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from app.errors.http_errors import Throttled
from app.throttling import fairness as pace
from app.throttling.fairness import Company, Pace
from services.platform import keys
from tests.app.conftest import Site

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
    monkeypatch.setattr(pace, "monotonic", clock)
    monkeypatch.setattr(pace, "sleep", clock.sleep)
    return clock


@pytest.fixture
def together(clock: Clock) -> Callable[..., Pace]:
    """The pace of ``a``, where these have asked for something in this order."""

    def made(*asked: str) -> Pace:
        company = Company()
        for owner in asked:
            company.seen(owner, clock.now)
        return Pace("a", RATE, company)

    return made


@pytest.mark.parametrize(
    "asked, waits",
    [
        (["a"], False),
        (["a", "a", "a"], False),
        (["a", "b"], True),
        (["b", "a"], True),
        (["b", "a", "a"], True),
        (["a", "b", "b"], True),
    ],
)
async def test_it_waits_while_others_are_there(
    clock: Clock, together: Callable[..., Pace], asked: list[str], *, waits: bool
) -> None:
    mine = together(*asked)
    mine.spend(200)
    await mine.keep()
    assert clock.slept == pytest.approx((200 - 50) / 250 if waits else 0, abs=0.002)


async def test_who_left_a_second_ago_is_not_there(clock: Clock, together: Callable[..., Pace]) -> None:
    mine = together("b", "a")
    mine.spend(200)
    clock.now += 0.5
    mine.spend(200)
    await mine.keep()
    # 200 - 50 - 125 + 200 would take 0.9 s; the other one has been gone for a second after 0.5 of it.
    assert 0.5 <= clock.slept < 0.501 + pace.STEP


async def test_a_screen_at_once_is_not_held_back(clock: Clock, together: Callable[..., Pace]) -> None:
    mine = together("b", "a")
    mine.spend(50)
    await mine.keep()
    assert clock.slept == 0
    mine.spend(25)
    await mine.keep()
    assert clock.slept == pytest.approx(0.1, abs=0.002)


async def test_what_is_given_back_need_not_be_waited_for(clock: Clock, together: Callable[..., Pace]) -> None:
    mine = together("b", "a")
    mine.spend(5_000)
    mine.spend(-4_900)
    await mine.keep()
    assert clock.slept == pytest.approx(50 / 250, abs=0.002)


async def test_one_after_the_other_and_none_for_longer_than_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LONGEST", 0.2)
    company = Company()
    mine = Pace("a", RATE, company)
    order: list[Any] = []
    company.seen("b", monotonic())
    mine.spend(70)

    async def one(number: int) -> None:
        try:
            await mine.keep()
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
        waited.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(pace, "sleep", counted)
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
    assert max(waited) <= pace.STEP
