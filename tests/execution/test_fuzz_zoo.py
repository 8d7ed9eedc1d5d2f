"""Both executors on generated queries over a schema in which much fails."""

import asyncio

import pytest

from tests.execution.fuzz import zoo
from tests.execution.fuzz.run import FUZZ, compare

# What graphql-core's executor starts and, after an error beside it, never awaits. (The second: Python can't even
# warn of it where a NamedTuple is being made, whose code has no builtins.)
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_generated_queries() -> None:
    loop = asyncio.new_event_loop()
    try:
        seen = compare(zoo.comparison(), zoo.strategy(), loop, 250)
    finally:
        loop.close()
    if FUZZ:
        return
    print(seen)  # noqa: T201 - shown with a failure
