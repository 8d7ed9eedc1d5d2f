"""Runs a comparison over generated cases, as many as are asked for."""

import asyncio
import contextlib
import gc
import os
from collections.abc import Iterator

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, note, seed, settings

from tests.execution.fuzz.compare import Case, Comparison
from tests.execution.fuzz.seen import Seen

FUZZ = int(os.environ.get("ERPGRAPH_FUZZ", "0"))
"""How many examples ``make fuzz N=…`` asks for, each time others; 0 where the usual ones are meant."""

ROUND = 11
"""Examples of one run of hypothesis: the least there is, and ten drawn at random. Beyond them five of six would be
variants of one that was drawn, and most of those no other document here."""

UNAWAITED = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""For tests that compare: what graphql-core's executor starts and, after an error beside it, never awaits. (The second:
Python can't even warn of it where a NamedTuple is being made, whose code has no builtins.)"""


@contextlib.contextmanager
def new_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of a test's own: hypothesis calls from plain functions. (``asyncio.Runner`` would take the thread's loop
    away, which ``execute_sync`` of other tests asks for.)"""
    made = asyncio.new_event_loop()
    try:
        yield made
    finally:
        made.close()


def compare(
    comparison: Comparison,
    strategy: st.SearchStrategy[list[Case]],
    loop: asyncio.AbstractEventLoop,
    examples: int,
    parts: int = 1,
) -> Seen:
    """Compare the executors on all cases of so many examples; of ``FUZZ``, where this is one of so many ``parts``,
    its share. Raises ``Difference``, with the shortest document that hypothesis can find."""
    seen = Seen()

    async def check(case: Case) -> None:
        for variables in case.variables:
            expected = await comparison.expect(case, variables)
            seen.note(expected, same_errors=await comparison.check(expected))

    def each(cases: list[Case]) -> None:
        for case in cases:
            if repr(case) in seen.cases:
                continue
            note(f"{case.text}\n{case.variables}")
            loop.run_until_complete(check(case))
            seen.cases.add(repr(case))

    chosen = settings(max_examples=ROUND, derandomize=not FUZZ, suppress_health_check=list(HealthCheck))
    try:
        for number in range(-(-(FUZZ or parts * examples) // (parts * ROUND))):
            one = chosen(given(strategy)(each))
            one = one if FUZZ else seed(number)(one)
            one()
    finally:
        gc.collect()  # what graphql-core never awaited goes now, and not under a test that minds
    return seen
