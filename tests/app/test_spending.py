"""What a request spends is measured and paid for, however it ends (docs/decisions/0018-spending.md)."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.spending
from app.throttling import spending
from app.throttling.budgets import LEAST, Charge
from app.throttling.spending import AROUND, FREE, FREE_TOGETHER, PER_SECOND, SMALL, pace, points
from core.spending import FRESH, LOOK, TIMER, Held, Spending, Stopwatch, _ThreadClock, current, measured
from tests.support.demo_site import Site


class Clock:
    """A thread's time, which passes only while somebody works, and the clock on the wall."""

    def __init__(self) -> None:
        self.now = self.wall = 0.0
        self.readings = 0

    def read(self) -> float:
        self.readings += 1
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    def interrupt(self, seconds: float) -> None:
        """The machine does something else."""
        self.wall += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("core.spending.thread_time", clock.read)
    monkeypatch.setattr("core.spending.perf_counter", lambda: clock.wall)
    monkeypatch.setattr("core.spending._clock", _ThreadClock())
    return clock


async def test_each_step_counts_and_what_others_do_between_does_not(clock: Clock) -> None:
    spent, others = Spending(), asyncio.Event()

    async def other() -> None:
        clock.work(100)
        others.set()

    async def work() -> str:
        clock.work(1)
        beside = asyncio.create_task(other())
        await others.wait()
        clock.work(2)
        await beside
        return "done"

    assert await spent.measure(work()) == "done"
    assert spent.loop_seconds == 3


async def test_tasks_of_its_own_count_when_they_say_so(clock: Clock) -> None:
    spent = Spending()

    async def part(seconds: float) -> float:
        await asyncio.sleep(0)
        clock.work(seconds)
        return seconds

    async def work() -> Any:
        return await asyncio.gather(measured(part(1)), measured(part(2)))

    assert await spent.measure(work()) == [1, 2]
    assert spent.loop_seconds == 3


async def _steps(*steps: Callable[[], None]) -> None:
    for step in steps:
        step()
        await asyncio.sleep(0)


async def test_nobody_pays_for_what_interrupts_a_step(clock: Clock) -> None:
    spent = Spending()

    def interrupted() -> None:
        clock.work(0.25)
        clock.interrupt(4)
        clock.work(0.25)

    await spent.measure(_steps(lambda: clock.work(0.5), interrupted))
    assert spent.loop_seconds == 1


async def test_short_steps_are_taken_by_the_clock_and_the_thread_s_time_is_seldom_read(clock: Clock) -> None:
    spent = Spending()
    steps = [lambda: clock.work(FRESH / 10)] * 100
    await spent.measure(_steps(*steps))
    assert spent.loop_seconds == pytest.approx(10 * FRESH)
    assert 9 <= clock.readings <= 11


async def _raise(clock: Clock, _: asyncio.Event) -> None:
    clock.work(1)
    raise ValueError


async def _catch_and_raise(clock: Clock, _: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    finally:
        clock.work(1)


async def _be_cancelled(clock: Clock, stop: asyncio.Event) -> None:
    stop.set()
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        clock.work(1)


async def test_who_holds_the_loop_for_long_gives_others_time_and_not_a_turn_alone(clock: Clock) -> None:
    steps, spent = list[str](), Spending()

    async def way() -> None:
        steps.append("way")
        spent.held.seconds = 0.0
        await asyncio.sleep(0)

    async def work() -> None:
        for seconds in (0.0015, 0.001, 0.0015, 0.005, 0.0):
            clock.work(seconds)
            steps.append(f"{seconds * 1000:g}")
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    spent.gives_way = way
    task = asyncio.create_task(spent.measure(work()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert steps == ["1.5", "1", "way", "1.5", "5", "way", "0"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_tenants_requests_hold_the_loop_together(clock: Clock) -> None:
    """Sixteen of 1.8 ms a step each gave turns alone, and held the loop for 29 ms between two turns of others. A small one doesn't wait
    for what they did.
    """
    steps, held = list[str](), Held()

    async def way() -> None:
        steps.append("way")
        held.seconds = 0.0

    async def work(name: str, seconds: float) -> None:
        clock.work(seconds)
        steps.append(name)
        await asyncio.sleep(0)

    requests = {"a": 0.0018, "b": 0.0018, "small": 0.0004, "c": 0.0018}
    spent = [Spending(gives_way=way, held=held) for _ in requests]
    await asyncio.gather(*(each.measure(work(*request)) for each, request in zip(spent, requests.items(), strict=True)))
    assert steps == ["a", "b", "way", "small", "c", "way"]


async def test_who_leaves_while_a_request_gives_way_ends_it(clock: Clock) -> None:
    ended, spent = list[str](), Spending()

    async def work() -> None:
        try:
            clock.work(0.01)
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            ended.append("work")
            raise

    spent.gives_way = asyncio.Event().wait  # type: ignore[assignment]  # for ever
    task = asyncio.create_task(spent.measure(work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["work"]


@pytest.mark.parametrize(
    "work, kind",
    [(_raise, ValueError), (_catch_and_raise, TimeoutError), (_be_cancelled, asyncio.CancelledError)],
)
async def test_what_ends_badly_is_measured_to_its_end(
    clock: Clock, work: Callable[[Clock, asyncio.Event], Coroutine[Any, Any, None]], kind: type[BaseException]
) -> None:
    spent, stop = Spending(), asyncio.Event()
    task = asyncio.create_task(spent.measure(work(clock, stop)))

    async def stopper() -> None:
        await stop.wait()
        task.cancel()

    stopping = asyncio.create_task(stopper())
    [outcome] = await asyncio.gather(task, return_exceptions=True)
    stopping.cancel()
    assert isinstance(outcome, kind)
    assert spent.loop_seconds == 1


async def test_it_is_found_inside_and_nowhere_else() -> None:
    spent = Spending()

    async def inside() -> Any:
        return current(), await asyncio.create_task(measured(found()))

    async def found() -> Any:
        return current()

    assert current() is None
    assert await spent.measure(inside()) == (spent, spent)
    assert current() is None
    assert await measured(found()) is None


@pytest.mark.parametrize(
    "spent, price",
    [
        (Spending(), 0),
        (Spending(rows=7, objects=3), 7),
        (Spending(rows=7, objects=8), 8),
        (Spending(rows=7, bytes=1_000_000), 10_000),
        (Spending(rows=7, loop_seconds=FREE), 187),
        (Spending(loop_seconds=1 + FREE, statement_seconds=0.5), 250_000),
        (Spending(loop_seconds=1, statement_seconds=4 + FREE), 1_000_000),
        (Spending(loop_seconds=0.0003, statement_seconds=0.0002), 0),
        (Spending(loop_seconds=0.002, statement_seconds=0.002), 437),
        (Spending(loop_seconds=0.0033, statement_seconds=0.0013), 512),
    ],
)
def test_the_dearest_is_what_it_costs(spent: Spending, price: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "FREE_TOGETHER", FREE_TOGETHER)
    assert points(spent) == pytest.approx(price, abs=1)


def test_who_asks_pays_for_both_clocks_and_who_gets_a_batch_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch was read once: ten thousand subscribers would each pay for it so."""
    monkeypatch.setattr(spending, "FREE_TOGETHER", FREE_TOGETHER)
    account: Any = SimpleNamespace(spend=lambda _: None, share=SimpleNamespace(spend=lambda _: None))
    spent = Spending(rows=7, loop_seconds=0.002, statement_seconds=0.002)
    charge = Charge(account, spent, carried_out=True)
    charge.settle()
    assert charge.paid == 437
    assert charge.hand_on() == 7


MILLISECONDS = st.floats(0, 20, allow_nan=False)


@given(MILLISECONDS, MILLISECONDS)
def test_nothing_costs_more_than_five_times_what_it_pays(loop: float, statements: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spending, "FREE_TOGETHER", FREE_TOGETHER)
        spent = Spending(loop_seconds=loop / 1000, statement_seconds=statements / 1000)
        assert ((loop + statements) / 1000 + AROUND) * PER_SECOND <= 5 * (max(points(spent), LEAST) + 1)


class Timer:
    """What is to be called, until it is cancelled."""

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Loop:
    """An event loop with a clock of its own: what was to be called later is called once it is held no more."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + seconds, call))
        return self.timers[-1]

    def hold(self, seconds: float) -> None:
        """Something else runs for so long."""
        self.now += seconds

    def turn(self) -> None:
        due = [each for each in self.timers if each.due <= self.now]
        self.timers = [each for each in self.timers if each not in due]
        for each in due:
            if each.call is not None:
                each.call()

    def idle(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000)):
            self.now += 0.001
            self.turn()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr("core.spending.perf_counter", lambda: loop.now)
    monkeypatch.setattr("core.spending.asyncio.get_running_loop", lambda: loop)
    return loop


def stopped(loop: Loop, *does: tuple[Callable[[float], None], float]) -> list[float]:
    """The seconds of a statement while the loop does this, and what of them is paid for."""
    spent = Spending()
    token = core.spending._current.set(spent)
    watch = Stopwatch()
    for do, seconds in does:
        do(seconds)
    seconds = watch.stop("SELECT", 3)
    core.spending._current.reset(token)
    assert spent.rows == 3
    loop.idle(2 * LOOK)
    assert loop.timers == []
    return [seconds, spent.statement_seconds]


def test_attack_3_every_second_of_the_loop_counts_beside_others() -> None:
    """Refusals of 2 ms each cost no more than any request, and 500 a second of them left others nothing."""
    spent = Spending(rows=30, loop_seconds=0.002 + SMALL / 2)
    assert points(spent) < 100
    assert (pace(spent, carried_out=True), pace(spent, carried_out=False)) == (425, 575 + AROUND * 250_000)
    assert pace(Spending(rows=30_000, loop_seconds=0.001), carried_out=False) == 30_000
    # One that took no time of its own was read, and answered.
    assert pace(Spending(), carried_out=False) == 125


def test_finding_8_a_statement_is_not_charged_for_the_lag_of_the_loop(loop: Loop) -> None:
    """Its rows were there after a millisecond, and the loop was held for half a second."""
    assert stopped(loop, (loop.idle, 0.001), (loop.hold, 0.5)) == pytest.approx([0.501, 0])
    # Prepared and executed, each time beside others.
    assert stopped(loop, (loop.hold, 0.1), (loop.idle, 0.001), (loop.hold, 0.1)) == pytest.approx([0.201, 0])


def test_what_a_timer_is_late_by_itself_is_no_lag(loop: Loop) -> None:
    """A count of 1.2 ms was charged for 0.8 where a look fell into it."""
    late = [(loop.hold, LOOK + TIMER - 0.0001), (lambda _: loop.turn(), 0.0), (loop.hold, 0.001)]
    assert stopped(loop, *late) == pytest.approx([LOOK + TIMER + 0.0009] * 2)


def test_finding_8_a_slow_statement_is_charged_though_others_are_there(loop: Loop) -> None:
    assert stopped(loop, (loop.idle, 2)) == pytest.approx([2, 2], abs=0.005)
    busy = [(loop.hold, 0.025), (loop.idle, 0.075)] * 20
    assert stopped(loop, *busy) == pytest.approx([2, 2 - 3 * 0.025], abs=0.016)


def test_a_short_statement_is_charged_by_the_clock(loop: Loop) -> None:
    assert stopped(loop, (loop.hold, 0.004)) == pytest.approx([0.004, 0.004])


async def test_a_statement_that_fails_counts_as_well(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.spending.LAGS", 0)
    spent = Spending()

    async def work() -> None:
        async with site.database.reader(site.tenants[0].id) as reader:
            await reader.fetch("SELECT pg_sleep(0.05)")
            before = spent.statement_seconds
            with pytest.raises(asyncpg.DivisionByZeroError):
                await reader.fetch("SELECT 1 / length(pg_sleep(0.05)::text)")
            assert 0.05 <= before <= spent.statement_seconds - 0.05

    await spent.measure(work())
    assert spent.rows == 1
