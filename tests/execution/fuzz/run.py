"""Runs a comparison over generated cases, as many as are asked for."""

import asyncio
import gc
import os

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, note, settings

from tests.execution.fuzz.compare import Case, Comparison
from tests.execution.fuzz.seen import Seen

FUZZ = int(os.environ.get("ERPGRAPH_FUZZ", "0"))
"""How many examples ``make fuzz N=…`` asks for, each time others; 0 where the usual ones are meant."""


def compare(
    comparison: Comparison, strategy: st.SearchStrategy[list[Case]], loop: asyncio.AbstractEventLoop, examples: int
) -> Seen:
    """Compare the executors on all cases of so many examples. Raises ``Difference``, with the shortest
    document that hypothesis can find."""
    seen = Seen()

    async def check(case: Case) -> None:
        for variables in case.variables:
            expected = await comparison.expect(case, variables)
            seen.note(expected, same_errors=await comparison.check(expected))

    @settings(max_examples=FUZZ or examples, derandomize=not FUZZ, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def each(cases: list[Case]) -> None:
        for case in cases:
            if repr(case) in seen.cases:
                continue
            note(f"{case.text}\n{case.variables}")
            loop.run_until_complete(check(case))
            seen.cases.add(repr(case))

    try:
        each()
    finally:
        gc.collect()  # what graphql-core never awaited goes now, and not under a test that minds
    return seen
