"""A short set of ``make chaos``: each fault once, in the middle of a load (THREATS.md 28, 38, 39, 43)."""

from collections import Counter

import pytest

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.run import run
from tests.chaos.site import Site


@pytest.mark.parametrize("number, fault", [*enumerate(FAULTS)], ids=[fault.__name__ for fault in FAULTS])
async def test_a_fault_in_the_middle_of_a_load_loses_and_doubles_nothing(hurt: Site, number: int, fault: Fault) -> None:
    report = await run(hurt, number, faults=[fault], seconds=0.8)
    assert report.faults == Counter({fault.__name__: 1})
    assert report.outcomes["ok"] > 0
    assert hurt.logged_faults() == 0
