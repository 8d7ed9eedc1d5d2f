"""Runs of load and faults by seed: ``python -m tests.chaos.run --runs 200 --seed 1``."""

import argparse
import asyncio
import contextlib
import random
import sys
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from services.verify import verify
from tests.chaos import checks, clocks, deployment, followed, invariants, leave, telling
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.load import ANSWERED_WITHIN, Outcome, Shop, stocked, work
from tests.chaos.site import Site, site
from tests.chaos.watch import watch
from tests.support import pgbouncer
from tests.support.clocks import LIBRARY

CLIENTS = 6
SECONDS = 1.2
LEAST = 40
"""Commands that a load has at least, some of them before its faults: on a busy machine seconds alone were two of a client's."""
LEAVERS = 10_000
TOLD = 20
"""How much is told of a run that broke something: so many of its faults, and of the commands around them."""


@dataclass
class Report:
    """What a run, or several, came to."""

    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    looks: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    resolved: int = 0
    """Commands whose first attempt got no answer, and a later one did."""
    slowest_answer: float = 0.0
    slowest_run: float = 0.0
    unanswered: int = 0
    """Attempts without an answer, those that their clients made again included, and looks without one."""

    def add(self, other: "Report") -> None:
        self.runs += other.runs
        self.faults += other.faults
        self.outcomes += other.outcomes
        self.commands += other.commands
        self.looks += other.looks
        self.repeated += other.repeated
        self.unanswered += other.unanswered
        self.resolved += other.resolved
        self.slowest_answer = max(self.slowest_answer, other.slowest_answer)
        self.slowest_run = max(self.slowest_run, other.slowest_run)

    def __str__(self) -> str:
        def told(counts: Counter[str]) -> str:
            return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))

        return (
            f"{self.runs} runs; commands: {self.commands.total():,} ({told(self.commands)}); outcomes: {told(self.outcomes)};"
            f" {self.unanswered:,} attempts and looks without answer; {self.repeated:,} sent again, {self.resolved:,} of them answered after an attempt without answer;"
            f" reads: {told(self.looks)}; faults: {self.faults.total()} ({told(self.faults)});"
            f" the slowest answer took {self.slowest_answer:.1f} s, the slowest run {self.slowest_run:.1f} s"
        )


class Broken(Exception):
    """What a run left behind that must not be."""


async def run(
    hurt: Site, seed: int, *, faults: Sequence[Fault] | None = None, seconds: float = SECONDS, unnoticed: bool = False
) -> Report:
    """One run. Raises ``Broken`` with what is wrong; the seed repeats its load and, where they aren't given,
    its faults. ``unnoticed``: not one request may fail by them. Clients go on until the faults are over.
    """
    chance = random.Random(seed)
    shop = await stocked(hurt, await hurt.tenant())
    report, wrong, met = Report(runs=1), list[str](), len(hurt.faults())
    async with hurt.heard(shop.tenant) as unheard:
        async with watched(shop, wrong, report):
            wrong += await _hurt(hurt, shop, seed, chance, faults, seconds, report)
        wrong += await unheard()
    wrong += [f"a server met a fault: {line}" for line in hurt.faults()[met:]]
    wrong += await afterwards(hurt, shop)
    _count(report, shop)
    if unnoticed and report.unanswered:
        wrong.append(f"{report.unanswered} requests failed")
    if wrong:
        raise Broken(_account(seed, report, shop, wrong))
    return report


async def _hurt(
    hurt: Site,
    shop: Shop,
    seed: int,
    chance: random.Random,
    faults: Sequence[Fault] | None,
    seconds: float,
    report: Report,
) -> list[str]:
    """The load with the faults in the middle of it; the clients that met worse than that."""
    began = monotonic()
    over = asyncio.Event()

    opening = len(shop.history)

    def goes_on() -> bool:
        return not over.is_set() or monotonic() < began + seconds or len(shop.history) < opening + LEAST

    clients = [asyncio.create_task(work(shop, seed, number, goes_on)) for number in range(CLIENTS)]
    await asyncio.sleep(chance.uniform(0.1, 0.4))
    while len(shop.history) < opening + 2 * CLIENTS and not any(each.done() for each in clients):  # noqa: ASYNC110 - clients send when they do
        await asyncio.sleep(0.02)
    try:
        for fault in faults or chance.sample(FAULTS, chance.choice((1, 1, 2))):
            await fault(hurt, chance)
            report.faults[fault.__name__] += 1
    finally:
        over.set()
    ended = await asyncio.gather(*clients, return_exceptions=True)
    report.slowest_run = monotonic() - began
    return [f"a client got no answer in time, or worse: {error!r}" for error in ended if error is not None]


@contextlib.asynccontextmanager
async def watched(shop: Shop, wrong: list[str], report: Report) -> AsyncIterator[None]:
    """With a client that looks on, and that sees what is left when all is over: a short load on a busy machine can end
    before a look came through between its faults.
    """
    seen = asyncio.Event()
    watcher = asyncio.create_task(watch(shop, wrong, report.looks, seen))
    try:
        yield
        seen.clear()
        last = asyncio.create_task(seen.wait())
        await asyncio.wait((watcher, last), timeout=ANSWERED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        last.cancel()
        if not seen.is_set():
            wrong.append("nothing could be read when all was over")
    finally:
        watcher.cancel()
        [ended] = await asyncio.gather(watcher, return_exceptions=True)
        if not isinstance(ended, asyncio.CancelledError):
            wrong.append(f"who looked on failed: {ended!r}")


async def afterwards(hurt: Site, shop: Shop) -> list[str]:
    """All that is wrong when a run is over."""
    async with hurt.admin() as connection:
        found = [
            *await invariants.broken(connection, shop.tenant.id),
            *checks.contradictions(shop.history, await checks.rows(connection, shop.tenant.id)),
        ]
    if hurt.clock_was_set:
        found = [each for each in found if not each.startswith(invariants.BY_THE_CLOCK)]
    differences = await verify(hurt.direct, shop.tenant.id)
    return [*found, *(f"stock verify: {each}" for each in differences), *await invariants.leftovers(hurt)]


def _account(seed: int, report: Report, shop: Shop, wrong: list[str]) -> str:
    commands = checks.relevant(shop.history, wrong)
    lines = [*wrong[:TOLD], *map(str, commands[:TOLD])]
    return f"seed {seed}, faults {sorted(report.faults)}:\n  " + "\n  ".join(lines)


def _count(report: Report, shop: Shop) -> None:
    report.unanswered += report.looks["unanswered"]
    for command in shop.history:
        report.commands[command.name] += 1
        report.outcomes[command.outcome.name.lower()] += 1
        report.repeated += command.attempts > 1
        report.unanswered += command.attempts - len(command.answers)
        report.resolved += command.attempts > len(command.answers) > 0
        report.slowest_answer = max(report.slowest_answer, command.slowest)


async def main(first: int, runs: int, leavers: int) -> int:
    total, broken = Report(), 0
    async with site(servers=2) as hurt:
        for seed in range(first, first + runs):
            broken += await _counted(run(hurt, seed), f"seed {seed}", total)
            if (seed - first + 1) % 20 == 0:
                print(total, flush=True)
        print(f"{total}; COMMITs cut: {hurt.proxy.was_cut}; {broken} broken", flush=True)
        left = await leave.many(hurt, leavers, random.Random(first))
    print(left, flush=True)
    broken += await deployed(first, max(1, runs // 40))
    broken += await told(first, max(1, runs // 20))
    return 1 if broken or left.wrong or not total.outcomes[Outcome.OK.name.lower()] else 0


async def _counted(running: Awaitable[Report], named: str, total: Report) -> int:
    """One run, added to the total; 1 where it broke something. What nobody foresaw is told as that, and the others go on."""
    try:
        total.add(await running)
    except Broken as error:
        print(f"BROKEN {error}", flush=True)
    except Exception:  # noqa: BLE001 - whatever it is
        print(f"BROKEN {named}:\n{traceback.format_exc()}", flush=True)
    else:
        return 0
    return 1


async def deployed(first: int, rounds: int) -> int:
    """Each fault of a deployment so many times; how many runs broke something."""
    if pgbouncer.PROGRAM is None:
        print("No PgBouncer here: workers, pooler and standby aren't hurt")
        return 0
    broken, felt, unnoticed = 0, Report(), Report()
    async with site(kind=deployment.Deployment) as hurt:
        for seed in range(first, first + rounds):
            for fault in (*deployment.FELT, *deployment.UNNOTICED):
                quiet = fault in deployment.UNNOTICED
                hurting = run(hurt, seed, faults=[fault], unnoticed=quiet)
                broken += await _counted(hurting, f"seed {seed}, {fault.__name__}", unnoticed if quiet else felt)
    print(f"two workers, a pooler and a standby: {felt}")
    print(f"what nobody may notice: {unnoticed}; {broken} broken", flush=True)
    return broken


async def told(first: int, rounds: int) -> int:
    """Each fault of those who tell others what happens so many times; how many runs broke something."""
    broken, total = 0, Report()
    if LIBRARY is None:
        print("No libfaketime here: no clock is set")
    async with site(servers=2, kind=telling.Telling) as hurt:
        for seed in range(first, first + rounds):
            once = (telling.freeze_a_worker_for_a_minute,) if seed == first else ()
            for fault in (*telling.FAULTS, *followed.FAULTS, *(clocks.FAULTS if LIBRARY else ()), *once):
                broken += await _counted(run(hurt, seed, faults=[fault]), f"seed {seed}, {fault.__name__}", total)
        print(f"a broker, a receiver and a subscriber: {total}; {hurt}; {broken} broken", flush=True)
    return broken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leavers", type=int, default=LEAVERS, help="clients that leave in the middle, at the end")
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.seed, options.runs, options.leavers)))
