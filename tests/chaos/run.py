"""Runs of load and faults by seed: ``python -m tests.chaos.run --runs 200 --seed 1``."""

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from tests.chaos import checks
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.load import Outcome, Shop, stocked, work
from tests.chaos.site import Site, site

CLIENTS = 6
SECONDS = 1.2


@dataclass
class Report:
    """What a run, or several, came to."""

    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    resolved: int = 0
    """Commands whose first attempt got no answer, and a later one did."""
    slowest: float = 0.0

    def add(self, other: "Report") -> None:
        self.runs += other.runs
        self.faults += other.faults
        self.outcomes += other.outcomes
        self.commands += other.commands
        self.repeated += other.repeated
        self.resolved += other.resolved
        self.slowest = max(self.slowest, other.slowest)

    def __str__(self) -> str:
        def told(counts: Counter[str]) -> str:
            return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))

        return (
            f"{self.runs} runs; commands: {told(self.commands)}; outcomes: {told(self.outcomes)};"
            f" {self.repeated:,} sent again, {self.resolved:,} of them answered after an attempt without answer;"
            f" faults: {told(self.faults)}; the slowest run took {self.slowest:.1f} s"
        )


class Broken(Exception):
    """What a run left behind that must not be."""


async def run(hurt: Site, seed: int, *, faults: Sequence[Fault] | None = None, seconds: float = SECONDS) -> Report:
    """One run. Raises ``Broken`` with what is wrong; the seed repeats its load and, where they aren't given,
    its faults.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    shop = await stocked(hurt, await hurt.tenant())
    report, began = Report(runs=1), monotonic()
    until = began + seconds
    clients = [asyncio.create_task(work(shop, seed * 1_000 + number, until)) for number in range(CLIENTS)]
    await asyncio.sleep(chance.uniform(0.1, 0.4))
    for fault in faults or chance.sample(FAULTS, chance.choice((1, 1, 2))):
        await fault(hurt, chance)
        report.faults[fault.__name__] += 1
    try:
        await asyncio.gather(*clients)
    except TimeoutError:
        raise Broken(f"seed {seed}: a client that repeats its command got no answer in time") from None
    report.slowest = monotonic() - began
    wrong = [
        *await checks.books(hurt, shop.tenant),
        *await checks.effects(hurt, shop.tenant, shop.history),
        *await checks.leftovers(hurt),
    ]
    if wrong:
        told = "\n  ".join(wrong[:20])
        raise Broken(f"seed {seed}, faults {sorted(report.faults)}:\n  {told}")
    _count(report, shop)
    return report


def _count(report: Report, shop: Shop) -> None:
    for command in shop.history:
        report.commands[command.name] += 1
        report.outcomes[command.outcome.name.lower()] += 1
        report.repeated += command.attempts > 1
        report.resolved += command.attempts > len(command.answers) > 0


async def main(first: int, runs: int) -> int:
    total, broken = Report(), 0
    async with site() as hurt:
        for seed in range(first, first + runs):
            try:
                total.add(await run(hurt, seed))
            except Broken as error:
                broken += 1
                print(f"BROKEN {error}", flush=True)  # noqa: T201 - a program that prints
            if (seed - first + 1) % 20 == 0:
                print(total, flush=True)  # noqa: T201
    print(f"{total}; {broken} broken; COMMITs cut: {hurt.proxy.was_cut}")  # noqa: T201
    return 1 if broken or not total.outcomes[Outcome.OK.name.lower()] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.seed, options.runs)))
