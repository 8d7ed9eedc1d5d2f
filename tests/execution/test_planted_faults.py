"""The comparison finds faults: sixteen are planted in the breadth-first executor, one at a time."""

import asyncio
import gc
import warnings
from collections.abc import Iterator

import pytest

from tests.execution.fuzz import zoo
from tests.execution.fuzz.compare import Comparison, Difference, Expected
from tests.execution.fuzz.faults import FAULTS, Plant
from tests.execution.fuzz.run import UNAWAITED, new_loop

EXAMPLES = 160

pytestmark = UNAWAITED


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with new_loop() as made:
        yield made


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return zoo.comparison()


@pytest.fixture(scope="module")
def expected(loop: asyncio.AbstractEventLoop, comparison: Comparison) -> list[Expected]:
    """What graphql-core says of some generated queries: the same for every fault."""

    async def ask_all() -> list[Expected]:
        cases = zoo.cases(EXAMPLES)
        return [await comparison.expect(case, variables) for case in cases for variables in case.variables]

    asked = loop.run_until_complete(ask_all())
    gc.collect()
    return asked


async def first_difference(comparison: Comparison, expected: list[Expected]) -> Difference | None:
    """The first disagreement of the executors; None if they never disagree."""
    comparison.forget()
    for each in expected:
        try:
            await comparison.check(each)
        except Difference as difference:
            return difference
    return None


def test_without_a_fault_nothing_is_found(
    loop: asyncio.AbstractEventLoop, comparison: Comparison, expected: list[Expected]
) -> None:
    """And the breadth-first executor leaves nothing unawaited."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert loop.run_until_complete(first_difference(comparison, expected)) is None
        gc.collect()
    assert [str(each.message) for each in caught] == []


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_fault_is_found(
    loop: asyncio.AbstractEventLoop,
    comparison: Comparison,
    expected: list[Expected],
    plant: Plant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)
    assert loop.run_until_complete(first_difference(comparison, expected)) is not None
