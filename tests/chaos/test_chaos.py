"""A short set of ``make chaos``: each fault once, in the middle of a load (docs/security.md, cases 28, 38, 39 and 43)."""

import random
from collections import Counter

import pytest

from tests.chaos import leave
from tests.chaos.faults import FAULTS, Fault, cut_after_commit
from tests.chaos.load import Command
from tests.chaos.run import Broken, Report, run
from tests.chaos.site import Site

SECONDS = 0.6


@pytest.mark.parametrize("number, fault", [*enumerate(FAULTS)], ids=[fault.__name__ for fault in FAULTS])
async def test_a_fault_in_the_middle_of_a_load_loses_and_doubles_nothing(hurt: Site, number: int, fault: Fault) -> None:
    cut = hurt.proxy.was_cut
    report = await run(hurt, number, faults=[fault], seconds=SECONDS)
    assert report.faults == Counter({fault.__name__: 1})
    assert report.outcomes["ok"] > 0
    assert report.looks["answered"] > 0
    # Of this fault it can't be seen from outside whether it happened.
    assert fault is not cut_after_commit or hurt.proxy.was_cut > cut


async def test_a_run_that_breaks_something_tells_its_seed_and_the_commands_around_it(hurt: Site) -> None:
    async def spoil(site: Site, _chance: random.Random) -> None:
        gone: list[str] = []
        async with site.admin() as connection:
            while not gone:
                gone = await connection.fetch("DELETE FROM idempotency_keys WHERE key LIKE '17-%' RETURNING key")

    with pytest.raises(Broken) as caught:
        await run(hurt, 17, faults=[spoil], seconds=SECONDS)
    first, *told = str(caught.value).splitlines()
    assert first == "seed 17, faults ['spoil']:"
    assert any(" 17-" in line and "is kept 0 times with 0 effects" in line for line in told)
    assert any(line.strip().startswith(f"{Command.__name__}(key='17-") for line in told)


def test_a_report_counts() -> None:
    total = Report()
    for seconds in (1.0, 2.0):
        total.add(Report(1, Counter(cut=2), Counter(ok=3), Counter(a=4), Counter(seen=1), 1, 1, seconds, seconds, 3))
    assert total == Report(2, Counter(cut=4), Counter(ok=6), Counter(a=8), Counter(seen=2), 2, 2, 2.0, 2.0, 6)
    told = "2 runs; commands: 8 (a 8); outcomes: ok 6; 6 attempts and looks without answer; 2 sent again, 2 of them"
    assert str(total).startswith(told)


async def test_41_clients_that_leave_in_the_middle_leave_nothing_behind(hurt: Site) -> None:
    """300 of them here, 10,000 by ``make chaos``."""
    left = await leave.many(hurt, 300, random.Random(1))
    assert left.wrong == []
    assert left.left + left.answered == 300
    assert left.left > 10
